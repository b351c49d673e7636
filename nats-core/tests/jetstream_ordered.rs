//! Messages of a stream each once and in order, whatever happens.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::time::Duration;

use nats_core::jetstream::{
    ConsumeEvent, ConsumeOptions, ConsumerConfig, DeliverPolicy, JetStream, Messages,
    OrderedOptions, PublishOptions, StreamConfig,
};
use nats_core::{Code, ConnectOptions, Publish};
use nats_harness::{Cluster, Config};
use support::streams::{Heard, heard, start, store, take, take_text};
use support::*;

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

#[tokio::test]
async fn messages_come_in_order_and_without_acknowledgements() {
    for push in HOW {
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
}

#[tokio::test]
async fn filters_and_policies_choose() {
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
async fn a_consumer_that_goes_is_replaced() {
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
async fn what_is_dropped_on_the_way_is_asked_for_again() {
    let (server, _, js) = start().await;
    store(&js, 1..=2000).await;
    // The server pushes far more than may wait here.
    let few = support::options(&server.url()).pending_messages(20);
    let client = within("connect", few.connect()).await.unwrap();
    let (options, heard) = options(true);
    let mut messages = client.jetstream().ordered("S", &options).await.unwrap();
    expect(&mut messages, 1..=2000).await;
    assert!(heard.any(is_reset_by(Code::MessageNotFound)), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_sockets_and_silence_are_survived() {
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
async fn messages_end_with_their_stream() {
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
        js.create_stream(&support::streams::stream("S", "s.>")).await.unwrap();
        let mut messages = js.ordered("S", &options).await.unwrap();
        client.close().await;
        assert_eq!(code(within("the end", messages.next()).await), Code::ConnectionClosed);
    }
}

#[tokio::test]
async fn a_drain_hands_out_what_has_come() {
    for push in HOW {
        let (_server, client, js) = start().await;
        store(&js, 1..=30).await;
        let (options, _) = options(push);
        let mut messages = js.ordered("S", &options).await.unwrap();
        assert_eq!(take_text(&mut messages).await, "1");
        flush(&client).await;
        messages.stopper().drain();
        let mut last = 1;
        while let Some(message) = within("the end", messages.next()).await.unwrap() {
            last += 1;
            assert_eq!(text(&message), last.to_string());
        }
        assert_eq!(last, 30);
    }
}

/// The server whose leader it is goes, again and again, while messages are stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_that_go_are_survived() {
    let cluster = Cluster::start_with(3, Config::jetstream()).unwrap();
    let options = ConnectOptions::new().servers(cluster.urls()).reconnect_delay_max(SHORT);
    let client = within("connect", options.connect()).await.unwrap();
    let js = client.jetstream();
    let config = StreamConfig {
        name: "R3".into(),
        subjects: vec!["r.>".into()],
        num_replicas: 3,
        ..StreamConfig::default()
    };
    js.create_stream(&config).await.unwrap();
    let ordered = async |push: bool| {
        let (options, heard) = self::options(push);
        (js.ordered("R3", &options).await.unwrap(), heard)
    };
    let ((mut pulled, by_pull), (mut pushed, by_push)) =
        (ordered(false).await, ordered(true).await);
    let mut number = 0;
    for _ in 0..3 {
        let leader = js.stream_info("R3").await.unwrap().cluster.unwrap().leader;
        let index: usize = leader.trim_start_matches("harness-").parse().unwrap();
        let server = &cluster.servers()[index - 1];
        for step in 0..20 {
            number += 1;
            if step == 5 {
                server.kill().unwrap();
            }
            store_surely(&js, "r.n", number).await;
        }
        expect(&mut pulled, number - 19..=number).await;
        expect(&mut pushed, number - 19..=number).await;
        server.restart().unwrap();
        cluster.wait_ready().unwrap();
    }
    by_pull.wait(is_reset).await;
    by_push.wait(is_reset).await;
}

#[tokio::test]
async fn attempts_may_be_bounded() {
    let (_server, _client, js) = start().await;
    let config = StreamConfig { max_consumers: 1, ..support::streams::stream("ONE", "one.>") };
    js.create_stream(&config).await.unwrap();
    let (options, heard) = options(false);
    let options = OrderedOptions { max_reset_attempts: Some(3), ..options };
    let mut messages = js.ordered("ONE", &options).await.unwrap();
    let names = consumers(&js, "ONE").await;
    js.delete_consumer("ONE", &names[0]).await.unwrap();
    // Its place is taken.
    let other = ConsumerConfig { durable_name: "other".into(), ..ConsumerConfig::default() };
    js.create_consumer("ONE", &other).await.unwrap();
    let error = within("the end", messages.next()).await.unwrap_err();
    assert_eq!(error.api().map(|api| api.err_code), Some(10026), "{error}");
    let refused = |event: &ConsumeEvent| matches!(event, ConsumeEvent::Refused(_));
    assert!(heard.any(is_reset) && heard.any(refused), "{heard:?}");
}
