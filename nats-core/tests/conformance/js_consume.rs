use std::time::Duration;

use nats_core::jetstream::{
    ConsumeEvent, ConsumeOptions, ConsumerConfig, JetStream, Messages, Pull, StreamConfig,
};
use nats_core::{Client, Code};

use super::support::streams::{heard, start, store, take, take_numbers, take_text, worker};
use super::support::*;

/// Unacknowledged messages stop no consumer.
fn unbounded() -> ConsumerConfig {
    ConsumerConfig { max_ack_pending: -1, ..ConsumerConfig::default() }
}

async fn fill(client: &Client, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        publish(client, "s.n", number.to_string()).await;
    }
    flush(client).await;
}

async fn delivered(client: &Client, pull: &Pull) -> u64 {
    // What was asked for by now was heard.
    flush(client).await;
    pull.info().await.unwrap().delivered.consumer_seq
}

#[tokio::test]
async fn js_consume_10() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, unbounded()).await;
    fill(&client, 1..=500).await;
    let (options, _) = heard();
    let short = Duration::from_secs(1);
    let options = ConsumeOptions { max_messages: 20, expires: short, ..options };
    let mut messages = pull.messages(&options).unwrap();
    take_numbers(&mut messages, 1..=100).await;
    let ahead = delivered(&client, &pull).await;
    assert!((100..=120).contains(&ahead), "{ahead}");
    take_numbers(&mut messages, 101..=500).await;
    assert!(tokio::time::timeout(short * 2, messages.next()).await.is_err());
    store(&js, 501..=502).await;
    take_numbers(&mut messages, 501..=502).await;
}

#[tokio::test]
async fn js_consume_11() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, unbounded()).await;
    for _ in 0..100 {
        publish(&client, "s.n", vec![7; 1000]).await;
    }
    flush(&client).await;
    let (options, _) = heard();
    let mut messages = pull.messages(&ConsumeOptions { max_bytes: 10_000, ..options }).unwrap();
    for taken in 1..=100 {
        take(&mut messages).await.ack().await.unwrap();
        if taken == 50 {
            let ahead = delivered(&client, &pull).await;
            assert!((50..=60).contains(&ahead), "{ahead}");
        }
    }
}

#[tokio::test]
async fn js_consume_12() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, unbounded()).await;
    fill(&client, 1..=1000).await;
    let (options, _) = heard();
    let options = ConsumeOptions { max_messages: 100, threshold: Some(0), ..options };
    let mut messages = pull.messages(&options).unwrap();
    take_numbers(&mut messages, 1..=100).await;
    assert_eq!(delivered(&client, &pull).await, 100, "the last one is still being handled");
    take_numbers(&mut messages, 101..=101).await;
    assert_eq!(delivered(&client, &pull).await, 200);
}

#[tokio::test]
async fn js_consume_13() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, unbounded()).await;
    fill(&client, 1..=10).await;
    let (options, _) = heard();
    let mut messages = pull.messages(&options).unwrap();
    take_numbers(&mut messages, 1..=1).await;
    messages.stopper().stop();
    for _ in 0..2 {
        assert!(within("the end", messages.next()).await.unwrap().is_none());
    }
    let mut messages = worker_messages(&js, &options).await;
    let stopper = messages.stopper();
    let waiting = tokio::spawn(async move { messages.next().await });
    flush(&client).await;
    stopper.stop();
    assert!(within("the end", waiting).await.unwrap().unwrap().is_none());
}

/// Those of another consumer, of which there are none.
async fn worker_messages(js: &JetStream, options: &ConsumeOptions) -> Messages {
    let filter_subject = "s.none".into();
    let config = ConsumerConfig { filter_subject, ..ConsumerConfig::default() };
    let made = js.create_consumer("S", &config).await.unwrap();
    js.pull("S", &made.name).unwrap().messages(options).unwrap()
}

#[tokio::test]
async fn js_consume_14() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, unbounded()).await;
    fill(&client, 1..=100).await;
    let (options, _) = heard();
    let mut messages = pull.messages(&ConsumeOptions { max_messages: 10, ..options }).unwrap();
    take_numbers(&mut messages, 1..=1).await;
    flush(&client).await;
    messages.stopper().drain();
    let mut last = 1;
    while let Some(message) = within("the end", messages.next()).await.unwrap() {
        last += 1;
        assert_eq!(text(&message), last.to_string());
    }
    assert!((10..=20).contains(&last), "{last}");
}

#[tokio::test]
async fn js_consume_15() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, unbounded()).await;
    let (options, _) = heard();
    let mut messages = pull.messages(&options).unwrap();
    let publishing = tokio::spawn(async move { fill(&client, 1..=300).await });
    let mut given_up = 0;
    within("all messages", async {
        let mut expected = 1;
        while expected <= 300 {
            tokio::select! {
                biased;
                message = messages.next() => {
                    assert_eq!(text(&message.unwrap().unwrap()), expected.to_string());
                    expected += 1;
                }
                // Polled once.
                () = tokio::task::yield_now() => given_up += 1,
            }
        }
    })
    .await;
    publishing.await.unwrap();
    assert!(given_up > 0);
}

#[tokio::test]
async fn js_consume_16() {
    let (_server, _client, js) = start().await;
    let pull = worker(&js, unbounded()).await;
    let base = ConsumeOptions::default();
    for (options, part) in [
        (ConsumeOptions { max_messages: 0, ..base.clone() }, "max_messages"),
        (ConsumeOptions { expires: Duration::ZERO, ..base.clone() }, "expires"),
        (ConsumeOptions { heartbeat: Some(base.expires), ..base.clone() }, "heartbeat"),
        (ConsumeOptions { threshold: Some(500), ..base.clone() }, "threshold"),
        (ConsumeOptions { priority: 10, ..base.clone() }, "priority"),
    ] {
        let error = pull.messages(&options).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.text().starts_with(part), "{error}");
    }
}

#[tokio::test]
async fn js_consume_17() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, unbounded()).await;
    let (options, _) = heard();
    let options = ConsumeOptions { max_messages: 10, ..options };
    let (mut first, mut second) =
        (pull.messages(&options).unwrap(), pull.messages(&options).unwrap());
    fill(&client, 1..=300).await;
    let mut numbers: Vec<u64> = Vec::new();
    let mut counts = [0, 0];
    within("all messages", async {
        while numbers.len() < 300 {
            let (message, member) = tokio::select! {
                message = first.next() => (message, 0),
                message = second.next() => (message, 1),
            };
            let message = message.unwrap().unwrap();
            message.ack().await.unwrap();
            numbers.push(text(&message).parse().unwrap());
            counts[member] += 1;
        }
    })
    .await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=300).collect::<Vec<_>>());
    assert!(counts[0] > 0 && counts[1] > 0, "{counts:?}");
}

/// A stream and a consumer that survive their server.
async fn durable(js: &JetStream) -> Pull {
    let config = StreamConfig {
        name: "DISK".into(),
        subjects: vec!["d.>".into()],
        ..StreamConfig::default()
    };
    js.create_stream(&config).await.unwrap();
    let config = ConsumerConfig { durable_name: "worker".into(), ..ConsumerConfig::default() };
    js.create_consumer("DISK", &config).await.unwrap();
    js.pull("DISK", "worker").unwrap()
}

/// Stores the text and takes messages until it comes. Earlier ones may come again: a server that was
/// killed has forgotten what was said of them.
async fn pass(js: &JetStream, messages: &mut Messages, payload: &str) {
    within("the publish", async { while js.publish("d.n", payload).await.is_err() {} }).await;
    while take_text(messages).await != payload {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn js_consume_18() {
    let (server, client, js) = start().await;
    let (options, heard) = heard();
    let mut messages = durable(&js).await.messages(&options).unwrap();
    pass(&js, &mut messages, "before").await;
    client.force_reconnect().unwrap();
    pass(&js, &mut messages, "after a lost socket").await;
    heard.wait(|event| matches!(event, ConsumeEvent::Disconnected(_))).await;
    server.restart().unwrap();
    pass(&js, &mut messages, "after a restart").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn js_consume_19() {
    let (server, _client, js) = start().await;
    let (options, heard) = heard();
    let mut messages = durable(&js).await.messages(&options).unwrap();
    pass(&js, &mut messages, "before").await;
    server.pause().unwrap();
    heard.wait(|event| *event == ConsumeEvent::HeartbeatMissed).await;
    server.resume().unwrap();
    pass(&js, &mut messages, "after").await;
}

#[tokio::test]
async fn js_consume_20() {
    let (_server, _client, js) = start().await;
    let (options, _) = heard();
    let pull = worker(&js, unbounded()).await;
    store(&js, 1..=3).await;
    let mut messages = pull.messages(&options).unwrap();
    take_numbers(&mut messages, 1..=1).await;
    js.delete_consumer("S", "worker").await.unwrap();
    assert_eq!(take_text(&mut messages).await, "2");
    assert_eq!(take_text(&mut messages).await, "3");
    for _ in 0..2 {
        assert_eq!(code(within("the end", messages.next()).await), Code::ConsumerNotFound);
    }
    let mut messages = worker_messages(&js, &options).await;
    js.delete_stream("S").await.unwrap();
    let end = code(within("the end", messages.next()).await);
    assert!(matches!(end, Code::ConsumerNotFound | Code::StreamNotFound), "{end}");
}

#[tokio::test]
async fn js_consume_21() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, unbounded()).await;
    let mut messages = pull.messages(&ConsumeOptions::default()).unwrap();
    client.close().await;
    assert_eq!(code(within("the end", messages.next()).await), Code::ConnectionClosed);
    assert_eq!(code(pull.messages(&ConsumeOptions::default())), Code::ConnectionClosed);
}
