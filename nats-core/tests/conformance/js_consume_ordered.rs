use std::time::Duration;

use nats_core::jetstream::{
    ConsumeEvent, ConsumeOptions, DeliverPolicy, JetStream, Messages, OrderedOptions,
    PublishOptions, StreamConfig,
};
use nats_core::{Code, Publish};

use super::support::streams::{Heard, heard, start, store, stream, take};
use super::support::*;

const MOMENT: Duration = Duration::from_millis(300);
const HOW: [bool; 2] = [false, true];

fn options(push: bool) -> (OrderedOptions, Heard) {
    let (consume, heard) = heard();
    let consume = ConsumeOptions { heartbeat: Some(MOMENT), ..consume };
    (OrderedOptions { push, consume, ..OrderedOptions::default() }, heard)
}

fn is_reset(event: &ConsumeEvent) -> bool {
    matches!(event, ConsumeEvent::Reset(_))
}

fn is_reset_by(code: Code) -> impl Fn(&ConsumeEvent) -> bool {
    move |event| matches!(event, ConsumeEvent::Reset(reason) if reason.code() == code)
}

async fn expect(messages: &mut Messages, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        let message = take(messages).await;
        assert_eq!(text(&message), number.to_string());
        assert_eq!(message.metadata().unwrap().stream_sequence, number);
    }
}

/// Stores a number once, however often it takes.
async fn store_surely(js: &JetStream, subject: &str, number: u64) {
    let msg_id = Some(number.to_string());
    let options = PublishOptions { msg_id, retries: 1000, ..PublishOptions::default() };
    let text = number.to_string();
    let publish = Publish::new(subject, text.as_bytes());
    within("a publish", async { while js.publish_with(&publish, &options).await.is_err() {} })
        .await;
}

async fn consumers(js: &JetStream, stream: &str) -> Vec<String> {
    let mut names = js.consumer_names(stream).unwrap();
    let mut all = Vec::new();
    while let Some(name) = within("the names", names.next()).await.unwrap() {
        all.push(name);
    }
    all
}

async fn in_order(push: bool) {
    let (_server, client, js) = start().await;
    store(&js, 1..=1000).await;
    let (options, heard) = options(push);
    let options = OrderedOptions { name_prefix: "mine".into(), ..options };
    let mut messages = js.ordered("S", &options).await.unwrap();
    expect(&mut messages, 1..=1000).await;
    store(&js, 1001..=1100).await;
    expect(&mut messages, 1001..=1100).await;
    let names = consumers(&js, "S").await;
    assert!(names.len() == 1 && names[0].starts_with("mine_"), "{names:?}");
    let info = js.consumer_info("S", &names[0]).await.unwrap();
    assert_eq!(info.config.ack_policy.word(), "none");
    assert_eq!(info.config.inactive_threshold, Duration::from_secs(300));
    assert!(info.config.mem_storage && info.config.num_replicas == 1);
    assert_eq!(info.config.flow_control, push);
    // Longer than it may be silent.
    assert!(tokio::time::timeout(MOMENT * 4, messages.next()).await.is_err());
    assert!(!heard.any(is_reset), "{heard:?}");
    messages.stopper().stop();
    assert!(within("the end", messages.next()).await.unwrap().is_none());
    // It takes its consumer with it.
    within("the end of the consumer", async { while !consumers(&js, "S").await.is_empty() {} })
        .await;
    client.close().await;
}

#[tokio::test]
async fn js_consume_28() {
    in_order(false).await;
}

#[tokio::test]
async fn js_consume_29() {
    in_order(true).await;
}

#[tokio::test]
async fn js_consume_30() {
    for push in HOW {
        let (_server, _client, js) = start().await;
        let (options, heard) = options(push);
        let options = OrderedOptions { deliver_policy: DeliverPolicy::New, ..options };
        store(&js, 1..=10).await;
        let mut messages = js.ordered("S", &options).await.unwrap();
        // Before it has brought anything: what is new is what is stored from its beginning on.
        store(&js, 11..=11).await;
        for round in 0..3 {
            let names = consumers(&js, "S").await;
            assert_eq!(names.len(), 1, "{names:?}");
            js.delete_consumer("S", &names[0]).await.unwrap();
            let number = 11 + round * 10;
            if round == 0 {
                expect(&mut messages, 11..=11).await;
            } else {
                // What the server says is heeded while messages are waited for.
                within("another consumer", async {
                    while consumers(&js, "S").await == names {
                        let nothing = tokio::time::timeout(SHORT, messages.next()).await;
                        assert!(nothing.is_err(), "{nothing:?}");
                    }
                })
                .await;
            }
            store(&js, number + 1..=number + 10).await;
            expect(&mut messages, number + 1..=number + 10).await;
        }
        assert!(heard.any(is_reset), "{heard:?}");
    }
}

#[tokio::test]
async fn js_consume_31() {
    let (server, _, js) = start().await;
    store(&js, 1..=2000).await;
    // The server pushes far more than may wait here.
    let few = super::support::options(&server.url()).pending_messages(20);
    let client = within("connect", few.connect()).await.unwrap();
    let (options, heard) = options(true);
    let mut messages = client.jetstream().ordered("S", &options).await.unwrap();
    expect(&mut messages, 1..=2000).await;
    assert!(heard.any(is_reset_by(Code::MessageNotFound)), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn js_consume_32() {
    for push in HOW {
        let (server, client, js) = start().await;
        let config = StreamConfig {
            name: "DISK".into(),
            subjects: vec!["d.>".into()],
            ..StreamConfig::default()
        };
        js.create_stream(&config).await.unwrap();
        let (options, heard) = options(push);
        let mut messages = js.ordered("DISK", &options).await.unwrap();
        let store = async |number: u64| store_surely(&js, "d.n", number).await;
        store(1).await;
        expect(&mut messages, 1..=1).await;
        client.force_reconnect().unwrap();
        store(2).await;
        expect(&mut messages, 2..=2).await;
        heard.wait(is_reset_by(Code::ConnectionLost)).await;
        // The consumer is in memory: the server has forgotten it.
        server.restart().unwrap();
        store(3).await;
        expect(&mut messages, 3..=3).await;
        within("the silence", async {
            while !heard.any(is_reset_by(Code::HeartbeatMissed)) {
                server.pause().unwrap();
                let _ = tokio::time::timeout(MOMENT * 6, messages.next()).await;
                // Otherwise another consumer was still being made.
                server.resume().unwrap();
                let _ = tokio::time::timeout(MOMENT, messages.next()).await;
            }
        })
        .await;
        store(4).await;
        expect(&mut messages, 4..=4).await;
    }
}

#[tokio::test]
async fn js_consume_33() {
    for push in HOW {
        let (_server, _client, js) = start().await;
        for subject in ["s.a", "s.b", "s.c", "s.a", "s.b", "s.c"] {
            js.publish(subject, "").await.unwrap();
        }
        let (base, _) = options(push);
        let filters = |list: &[&str]| list.iter().map(|&filter| filter.to_owned()).collect();
        for (options, expected) in [
            (OrderedOptions { filter_subjects: filters(&["s.a"]), ..base.clone() }, vec![1, 4]),
            (OrderedOptions { filter_subjects: filters(&["s.*"]), ..base.clone() }, vec![1, 2, 3]),
            (
                OrderedOptions { filter_subjects: filters(&["s.a", "s.c"]), ..base.clone() },
                vec![1, 3, 4, 6],
            ),
            (OrderedOptions { deliver_policy: DeliverPolicy::Last, ..base.clone() }, vec![6]),
            (
                OrderedOptions {
                    deliver_policy: DeliverPolicy::LastPerSubject,
                    filter_subjects: filters(&["s.>"]),
                    ..base.clone()
                },
                vec![4, 5, 6],
            ),
            (
                OrderedOptions {
                    deliver_policy: DeliverPolicy::ByStartSequence,
                    opt_start_seq: 5,
                    headers_only: true,
                    ..base.clone()
                },
                vec![5, 6],
            ),
        ] {
            let mut messages = js.ordered("S", &options).await.unwrap();
            for sequence in expected {
                let message = take(&mut messages).await;
                assert_eq!(message.metadata().unwrap().stream_sequence, sequence, "{options:?}");
            }
        }
    }
}

#[tokio::test]
async fn js_consume_34() {
    for push in HOW {
        let (_server, client, js) = start().await;
        let (options, _) = options(push);
        assert_eq!(code(js.ordered("T", &options).await), Code::StreamNotFound);
        assert_eq!(code(js.ordered("a b", &options).await), Code::InvalidName);
        let wrong = OrderedOptions { filter_subjects: vec!["a..b".into()], ..options.clone() };
        assert_eq!(code(js.ordered("S", &wrong).await), Code::InvalidSubject);
        store(&js, 1..=2).await;
        let mut messages = js.ordered("S", &options).await.unwrap();
        expect(&mut messages, 1..=2).await;
        js.delete_stream("S").await.unwrap();
        assert_eq!(code(within("the end", messages.next()).await), Code::StreamNotFound);
        assert_eq!(code(within("the end", messages.next()).await), Code::StreamNotFound);
        js.create_stream(&stream("S", "s.>")).await.unwrap();
        let mut messages = js.ordered("S", &options).await.unwrap();
        client.close().await;
        assert_eq!(code(within("the end", messages.next()).await), Code::ConnectionClosed);
    }
}
