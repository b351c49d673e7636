//! What the configuration of a consumer does to its messages.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::time::{Duration, Instant};

use nats_core::jetstream::{
    AckPolicy, ConsumerConfig, DeliverPolicy, FetchOptions, JsMessage, ReplayPolicy,
};
use nats_core::{Headers, Publish};
use support::streams::{many, now, start, store, worker};
use support::*;

const MOMENT: Duration = Duration::from_millis(200);

fn subjects(messages: &[JsMessage]) -> Vec<&str> {
    messages.iter().map(|message| message.subject()).collect()
}

#[tokio::test]
async fn several_filters_select() {
    let (_server, _client, js) = start().await;
    for subject in ["s.a", "s.b", "s.c.1", "s.a", "s.c.2"] {
        js.publish(subject, "").await.unwrap();
    }
    let filter_subjects = vec!["s.a".into(), "s.c.*".into()];
    let pull = worker(&js, ConsumerConfig { filter_subjects, ..Default::default() }).await;
    let got = pull.fetch(&now()).unwrap().all().await.unwrap();
    assert_eq!(subjects(&got), ["s.a", "s.c.1", "s.a", "s.c.2"]);
    assert_eq!(got[3].metadata().unwrap().consumer_sequence, 4);
    assert_eq!(got[3].metadata().unwrap().stream_sequence, 5);
}

#[tokio::test]
async fn deliver_policies_choose_the_first_message() {
    let (_server, _client, js) = start().await;
    for subject in ["s.a", "s.b", "s.a", "s.b"] {
        js.publish(subject, "").await.unwrap();
    }
    let third =
        js.get_message("S", &nats_core::jetstream::GetMessage::sequence(3)).await.unwrap().time;
    let base = ConsumerConfig { ack_policy: AckPolicy::None, ..Default::default() };
    let all = "s.>";
    for (config, expected) in [
        (ConsumerConfig { deliver_policy: DeliverPolicy::All, ..base.clone() }, vec![1, 2, 3, 4]),
        (ConsumerConfig { deliver_policy: DeliverPolicy::Last, ..base.clone() }, vec![4]),
        (ConsumerConfig { deliver_policy: DeliverPolicy::New, ..base.clone() }, vec![]),
        (
            ConsumerConfig {
                deliver_policy: DeliverPolicy::ByStartSequence,
                opt_start_seq: 2,
                ..base.clone()
            },
            vec![2, 3, 4],
        ),
        (
            ConsumerConfig {
                deliver_policy: DeliverPolicy::ByStartTime,
                opt_start_time: third,
                ..base.clone()
            },
            vec![3, 4],
        ),
        (
            ConsumerConfig {
                deliver_policy: DeliverPolicy::LastPerSubject,
                filter_subject: all.into(),
                ..base
            },
            vec![3, 4],
        ),
    ] {
        let name = js.create_consumer("S", &config).await.unwrap().name;
        let got = js.pull("S", &name).unwrap().fetch(&now()).unwrap().all().await.unwrap();
        let sequences: Vec<u64> =
            got.iter().map(|message| message.metadata().unwrap().stream_sequence).collect();
        assert_eq!(sequences, expected, "{:?}", config.deliver_policy);
    }
}

#[tokio::test]
async fn backoff_is_the_time_to_acknowledge() {
    let (_server, client, js) = start().await;
    let advisories =
        client.subscribe("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.worker").unwrap();
    let config = ConsumerConfig {
        backoff: vec![MOMENT, MOMENT * 2],
        max_deliver: 3,
        ..ConsumerConfig::default()
    };
    let pull = worker(&js, config).await;
    store(&js, 1..=1).await;
    let mut times = Vec::new();
    for delivered in 1..=3 {
        let message = within("a message", pull.next(PATIENCE)).await.unwrap().unwrap();
        assert_eq!(message.metadata().unwrap().delivered, delivered);
        times.push(Instant::now());
    }
    // Not before: how much later depends on the machine.
    assert!(times[1] - times[0] >= MOMENT - MOMENT / 10, "{times:?}");
    assert!(times[2] - times[1] >= MOMENT * 2 - MOMENT / 10, "{times:?}");
    // After the last time, the server says so in place of delivering it again.
    let pulling = tokio::spawn(async move { pull.next(MOMENT * 5).await });
    let advisory = next_text(&advisories).await;
    assert!(advisory.contains("\"deliveries\":3"), "{advisory}");
    assert!(advisory.contains("\"stream_seq\":1"), "{advisory}");
    assert!(within("the end", pulling).await.unwrap().unwrap().is_none());
}

#[tokio::test]
async fn headers_only_leaves_payloads_out() {
    let (_server, _client, js) = start().await;
    let mut headers = Headers::new();
    headers.set("Own", "kept").unwrap();
    let publish = Publish::new("s.n", b"twelve bytes").headers(&headers);
    js.publish_with(&publish, &Default::default()).await.unwrap();
    let pull = worker(&js, ConsumerConfig { headers_only: true, ..Default::default() }).await;
    let message = pull.next(PATIENCE).await.unwrap().unwrap();
    assert!(message.payload().is_empty());
    assert_eq!(message.header("Own"), Some("kept"));
    assert_eq!(message.header("Nats-Msg-Size"), Some("12"));
}

#[tokio::test]
async fn replay_keeps_the_pace_of_the_publisher() {
    let (_server, _client, js) = start().await;
    store(&js, 1..=1).await;
    let mut pace = tokio::time::interval(MOMENT);
    pace.tick().await;
    for number in 2..=3 {
        pace.tick().await;
        store(&js, number..=number).await;
    }
    let replay_policy = ReplayPolicy::Original;
    let pull = worker(&js, ConsumerConfig { replay_policy, ..Default::default() }).await;
    let begin = Instant::now();
    let three = FetchOptions { max_messages: 3, ..FetchOptions::default() };
    let got = within("the messages", pull.fetch(&three).unwrap().all()).await.unwrap();
    assert_eq!(got.len(), 3);
    assert!(begin.elapsed() >= MOMENT * 2 - MOMENT / 2, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn acknowledgements_of_one_stand_for_all_before() {
    let (_server, _client, js) = start().await;
    let ack_policy = AckPolicy::All;
    let pull = worker(&js, ConsumerConfig { ack_policy, ..Default::default() }).await;
    store(&js, 1..=5).await;
    let got = pull.fetch(&many(5)).unwrap().all().await.unwrap();
    got[3].double_ack(PATIENCE).await.unwrap();
    let info = pull.info().await.unwrap();
    assert_eq!((info.ack_floor.stream_seq, info.num_ack_pending), (4, 1));
}
