//! Messages that are pushed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::time::{Duration, Instant};

use nats_core::jetstream::{AckPolicy, ConsumerConfig, JetStream, Push, PushOptions};
use support::streams::{start, store, take_text};
use support::*;

const HEARTBEAT: Duration = Duration::from_millis(200);

fn pushing(config: ConsumerConfig) -> ConsumerConfig {
    ConsumerConfig {
        durable_name: "pusher".into(),
        deliver_subject: "pushed.here".into(),
        idle_heartbeat: HEARTBEAT,
        ..config
    }
}

async fn pusher(js: &JetStream, config: ConsumerConfig) -> Push {
    js.create_consumer("S", &pushing(config)).await.unwrap();
    js.push("S", "pusher").await.unwrap()
}

#[tokio::test]
async fn a_drain_hands_out_what_was_pushed() {
    let (_server, client, js) = start().await;
    let push = pusher(&js, ConsumerConfig::default()).await;
    store(&js, 1..=10).await;
    let mut messages = push.messages(&PushOptions::default()).unwrap();
    assert_eq!(take_text(&mut messages).await, "1");
    flush(&client).await;
    messages.stopper().drain();
    let mut expected = 2;
    while let Some(message) = within("the end", messages.next()).await.unwrap() {
        assert_eq!(text(&message), expected.to_string());
        expected += 1;
    }
    assert_eq!(expected, 11);
}

/// When its question is lost, the server repeats it with each heartbeat.
#[tokio::test]
async fn a_stalled_consumer_is_set_going_again() {
    let (_server, client, js) = start().await;
    let payload = vec![7; 16 * 1024];
    for _ in 0..200 {
        client.publish("s.big", &payload).await.unwrap();
    }
    flush(&client).await;
    let config = ConsumerConfig {
        flow_control: true,
        ack_policy: AckPolicy::None,
        ..ConsumerConfig::default()
    };
    let push = pusher(&js, config).await;
    // Somebody listens and never answers.
    let deaf = client.subscribe("pushed.here").unwrap();
    let stalled = async {
        loop {
            let message = deaf.next().await.unwrap();
            if message.header("Nats-Consumer-Stalled").is_some() {
                break;
            }
        }
    };
    within("the stall", stalled).await;
    let before = push.info().await.unwrap().delivered.consumer_seq;
    assert!(before < 200, "{before}");
    let subscription = push.subscribe(&PushOptions::default()).unwrap();
    deaf.unsubscribe().unwrap();
    for _ in before..200 {
        next(&subscription).await;
    }
}

#[tokio::test]
async fn a_rate_limit_slows_the_server_down() {
    let (_server, client, js) = start().await;
    for _ in 0..40 {
        client.publish("s.big", vec![7; 50_000]).await.unwrap();
    }
    flush(&client).await;
    // Two megabytes at one a second, the first of which the server lets go at once.
    let config = ConsumerConfig { rate_limit_bps: 8 * 1_000_000, ..ConsumerConfig::default() };
    let push = pusher(&js, config).await;
    let begin = Instant::now();
    let mut messages = push.messages(&PushOptions::default()).unwrap();
    for _ in 0..40 {
        within("a message", messages.next()).await.unwrap().unwrap().ack().await.unwrap();
    }
    assert!(begin.elapsed() >= Duration::from_millis(500), "{:?}", begin.elapsed());
}
