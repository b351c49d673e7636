use std::time::Duration;

use nats_core::jetstream::{
    AckPolicy, ConsumeEvent, ConsumerConfig, JetStream, Push, PushOptions, StreamConfig,
};
use nats_core::{Code, Event};

use super::support::streams::{Heard, start, store, take_numbers, take_text};
use super::support::*;

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

fn listening() -> (PushOptions, Heard) {
    let heard = Heard::default();
    (PushOptions { events: Some(heard.listener()), ..PushOptions::default() }, heard)
}

#[tokio::test]
async fn js_consume_22() {
    let (_server, client, js) = start().await;
    let push = pusher(&js, ConsumerConfig::default()).await;
    assert_eq!(push.cached_info().config.deliver_subject, "pushed.here");
    let (options, heard) = listening();
    let mut messages = push.messages(&options).unwrap();
    store(&js, 1..=100).await;
    take_numbers(&mut messages, 1..=99).await;
    let last = within("a message", messages.next()).await.unwrap().unwrap();
    assert_eq!(last.metadata().unwrap().consumer_sequence, 100);
    last.double_ack(PATIENCE).await.unwrap();
    let info = push.info().await.unwrap();
    assert_eq!((info.num_ack_pending, info.ack_floor.stream_seq), (0, 100));
    assert!(info.push_bound);
    // Nothing for some heartbeats, and nothing is missed.
    let idle = tokio::time::timeout(HEARTBEAT * 5, messages.next()).await;
    assert!(idle.is_err() && !heard.any(|_| true), "{heard:?}");
    let stopper = messages.stopper();
    stopper.stop();
    assert!(within("the end", messages.next()).await.unwrap().is_none());
    flush(&client).await;
    assert!(!push.info().await.unwrap().push_bound, "the consumer stays, and nobody listens");
}

#[tokio::test]
async fn js_consume_23() {
    let (_server, client, js) = start().await;
    let config = ConsumerConfig { deliver_group: "workers".into(), ..Default::default() };
    let push = pusher(&js, config).await;
    let first = push.subscribe(&PushOptions::default()).unwrap();
    assert_eq!(first.queue(), Some("workers"));
    flush(&client).await;
    // Somebody listens already, and others may.
    let again = js.push("S", "pusher").await.unwrap();
    let second = again.subscribe(&PushOptions::default()).unwrap();
    flush(&client).await;
    store(&js, 1..=200).await;
    let mut numbers: Vec<u64> = Vec::new();
    let mut counts = [0, 0];
    within("all messages", async {
        while numbers.len() < 200 {
            let (message, member) = tokio::select! {
                message = first.next() => (message, 0),
                message = second.next() => (message, 1),
            };
            numbers.push(text(&message.unwrap()).parse().unwrap());
            counts[member] += 1;
        }
    })
    .await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    assert!(counts[0] > 0 && counts[1] > 0, "{counts:?}");
}

/// The server pushes as far ahead as its window allows, and goes on as messages are taken.
#[tokio::test]
async fn js_consume_24() {
    let (_server, client, js) = start().await;
    let payload = vec![7; 16 * 1024];
    for _ in 0..2000 {
        client.publish("s.big", &payload).await.unwrap();
    }
    flush(&client).await;
    let config = ConsumerConfig {
        flow_control: true,
        ack_policy: AckPolicy::None,
        ..ConsumerConfig::default()
    };
    let push = pusher(&js, config).await;
    let subscription = push.subscribe(&PushOptions::default()).unwrap();
    let mut waited = 0;
    for number in 1..=2000 {
        let message = next(&subscription).await;
        assert_eq!(message.payload().len(), payload.len(), "{number}");
        waited = waited.max(subscription.stats().pending_bytes);
    }
    assert!(waited < 24 << 20, "{waited} of 32 MB waited at once");
    assert_eq!(subscription.stats().dropped, 0);
}

#[tokio::test]
async fn js_consume_25() {
    let (_server, client, js) = start().await;
    let pulled = ConsumerConfig { durable_name: "pulled".into(), ..Default::default() };
    js.create_consumer("S", &pulled).await.unwrap();
    let error = js.push("S", "pulled").await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.text().contains("deliver_subject"), "{error}");
    assert_eq!(code(js.push("S", "nobody").await), Code::ConsumerNotFound);
    assert_eq!(code(js.push("T", "pusher").await), Code::StreamNotFound);
    assert_eq!(code(js.push("S", "a.b").await), Code::InvalidName);
    let push = pusher(&js, ConsumerConfig::default()).await;
    let _bound = push.messages(&PushOptions::default()).unwrap();
    flush(&client).await;
    let error = js.push("S", "pusher").await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.text().contains("deliver_group"), "{error}");
    // Who asks it for messages is told, too.
    let error =
        within("the end", js.pull("S", "pusher").unwrap().next(PATIENCE)).await.unwrap_err();
    assert_eq!(error.code(), Code::PullRefused);
    assert!(error.text().contains("push based"), "{error}");
}

#[tokio::test]
async fn js_consume_26() {
    let (_server, client, js) = start().await;
    let push = pusher(&js, ConsumerConfig::default()).await;
    let mut messages = push.messages(&PushOptions::default()).unwrap();
    store(&js, 1..=1).await;
    take_numbers(&mut messages, 1..=1).await;
    js.delete_consumer("S", "pusher").await.unwrap();
    assert_eq!(code(within("the end", messages.next()).await), Code::ConsumerNotFound);
    drop(messages);
    flush(&client).await;
    let push = pusher(&js, ConsumerConfig::default()).await;
    let mut messages = push.messages(&PushOptions::default()).unwrap();
    js.delete_stream("S").await.unwrap();
    let end = code(
        within("the end", async {
            loop {
                match messages.next().await {
                    Ok(Some(_)) => {}
                    end => return end,
                }
            }
        })
        .await,
    );
    assert!(matches!(end, Code::ConsumerNotFound | Code::StreamNotFound), "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn js_consume_27() {
    let (server, client, js) = start().await;
    let config = StreamConfig {
        name: "DISK".into(),
        subjects: vec!["d.>".into()],
        ..StreamConfig::default()
    };
    js.create_stream(&config).await.unwrap();
    js.create_consumer("DISK", &pushing(ConsumerConfig::default())).await.unwrap();
    let push = js.push("DISK", "pusher").await.unwrap();
    let (options, heard) = listening();
    let mut events = client.events();
    let mut messages = push.messages(&options).unwrap();
    let store = async |number: u64| {
        while js.publish("d.n", number.to_string()).await.is_err() {}
    };
    store(1).await;
    take_numbers(&mut messages, 1..=1).await;
    client.force_reconnect().unwrap();
    store(2).await;
    take_numbers(&mut messages, 2..=2).await;
    heard.wait(|event| matches!(event, ConsumeEvent::Disconnected(_))).await;
    let told = async {
        loop {
            if let Event::Consumer { consumer, event } = events.recv().await.unwrap() {
                assert_eq!(consumer, "DISK.pusher");
                assert_eq!(event.name(), "disconnected");
                break;
            }
        }
    };
    within("the event", told).await;
    server.restart().unwrap();
    store(3).await;
    // Those of before may come again: a server that was killed has forgotten what was said of them.
    while take_text(&mut messages).await != "3" {}
    server.pause().unwrap();
    let missed = |event: &ConsumeEvent| *event == ConsumeEvent::HeartbeatMissed;
    within("the silence", async {
        while !heard.any(missed) {
            let _ = tokio::time::timeout(HEARTBEAT, messages.next()).await;
        }
    })
    .await;
    server.resume().unwrap();
    store(4).await;
    while take_text(&mut messages).await != "4" {}
}
