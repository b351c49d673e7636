//! Messages of a stream each once and in order, whatever happens.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::time::Duration;

use nats_core::jetstream::{
    ConsumeEvent, ConsumeOptions, ConsumerConfig, JetStream, JetStreamOptions, Messages,
    OrderedOptions, PublishOptions, StreamConfig,
};
use nats_core::{ConnectOptions, Publish};
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

/// The server that leads the present ordered consumer of this kind.
async fn leader_of(js: &JetStream, push: bool) -> usize {
    within("a consumer", async {
        loop {
            let mut consumers = js.consumers("R3").unwrap();
            while let Ok(Some(info)) = consumers.next().await {
                let leader = info.cluster.map(|cluster| cluster.leader).unwrap_or_default();
                let number = leader.strip_prefix("harness-").and_then(|number| number.parse().ok());
                let is_pushed = !info.config.deliver_subject.is_empty();
                if let Some(number) = number.filter(|_: &usize| is_pushed == push) {
                    return number;
                }
            }
        }
    })
    .await
}

/// The servers that their consumers are on go, one after the other, while messages are stored.
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
    // Old servers give consumers to servers that are gone, again and again, and then do not answer.
    let timeout = Duration::from_secs(1);
    let hasty = JetStreamOptions { timeout, ..JetStreamOptions::default() };
    let hasty = client.jetstream_with(hasty).unwrap();
    let ordered = async |push: bool| {
        let (options, heard) = self::options(push);
        let messages = within("a consumer", async {
            loop {
                if let Ok(messages) = hasty.ordered("R3", &options).await {
                    return messages;
                }
            }
        });
        (messages.await, heard)
    };
    let ((mut pulled, by_pull), (mut pushed, by_push)) =
        (ordered(false).await, ordered(true).await);
    let mut number = 0;
    for push in HOW {
        let server = &cluster.servers()[leader_of(&js, push).await - 1];
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
