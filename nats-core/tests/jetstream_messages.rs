//! Publishing to streams, and taking messages from them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_core::jetstream::{
    AckKind, AckPolicy, ConsumeEvent, ConsumeOptions, ConsumerConfig, FetchOptions, GetMessage,
    JetStream, JsMessage, Messages, Metadata, PublishOptions, Pull, Storage, StreamConfig,
};
use nats_core::{Client, Code, Headers, Publish};
use nats_harness::{Config, Server};
use support::versions::{is_at_least, needs};
use support::*;

const MOMENT: Duration = Duration::from_millis(200);

async fn start() -> (Server, Client, JetStream) {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    let config = StreamConfig {
        name: "S".into(),
        subjects: vec!["s.>".into()],
        storage: Storage::Memory,
        allow_msg_ttl: is_at_least(&client, (2, 11)),
        ..StreamConfig::default()
    };
    js.create_stream(&config).await.unwrap();
    (server, client, js)
}

async fn worker(js: &JetStream, config: ConsumerConfig) -> Pull {
    let config = ConsumerConfig { durable_name: "worker".into(), ..config };
    js.create_consumer("S", &config).await.unwrap();
    js.pull("S", "worker").unwrap()
}

async fn publish_numbers(js: &JetStream, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        assert_eq!(js.publish("s.n", number.to_string()).await.unwrap().seq, number);
    }
}

fn payloads(messages: &[JsMessage]) -> Vec<String> {
    messages.iter().map(|message| text(message)).collect()
}

fn now() -> FetchOptions {
    FetchOptions { no_wait: true, ..FetchOptions::default() }
}

#[tokio::test]
async fn a_publish_tells_where_it_is_stored() {
    let (_server, client, js) = start().await;
    let ack = js.publish("s.a", "one").await.unwrap();
    assert_eq!((ack.stream.as_str(), ack.seq, ack.duplicate), ("S", 1, false));
    let expect =
        async |options: PublishOptions| js.publish_with(&Publish::new("s.a", b"x"), &options).await;
    let base = PublishOptions::default();
    let id = PublishOptions { msg_id: Some("id-1".into()), ..base.clone() };
    assert_eq!(expect(id.clone()).await.unwrap().seq, 2);
    let again = expect(id).await.unwrap();
    assert_eq!((again.seq, again.duplicate), (2, true));
    for (options, fits) in [
        (PublishOptions { expected_stream: Some("S".into()), ..base.clone() }, true),
        (PublishOptions { expected_stream: Some("T".into()), ..base.clone() }, false),
        (PublishOptions { expected_last_sequence: Some(3), ..base.clone() }, true),
        (PublishOptions { expected_last_sequence: Some(3), ..base.clone() }, false),
        (PublishOptions { expected_last_subject_sequence: Some(4), ..base.clone() }, true),
        (PublishOptions { expected_last_subject_sequence: Some(0), ..base.clone() }, false),
    ] {
        let wrong = options.expected_stream.is_none();
        match expect(options.clone()).await {
            Ok(_) => assert!(fits, "{options:?}"),
            Err(error) => {
                assert!(!fits, "{error}");
                let expected = if wrong { Code::WrongLastSequence } else { Code::JetStream };
                assert_eq!(error.code(), expected, "{error}");
                assert!(error.api().unwrap().err_code > 10_000);
            }
        }
    }
    let other = PublishOptions {
        expected_last_subject_sequence: Some(0),
        expected_last_subject: Some("s.never".into()),
        ..base.clone()
    };
    needs(&client, (2, 11), expect(other).await);
    let mut headers = Headers::new();
    headers.set("Own", "kept").unwrap();
    let publish = Publish::new("s.h", b"x").headers(&headers);
    let ttl = PublishOptions { ttl: Some(Duration::from_secs(3600)), ..base.clone() };
    let published = js.publish_with(&publish, &ttl).await;
    if let Some(ack) = needs(&client, (2, 11), published) {
        let stored = js.get_message("S", &GetMessage::sequence(ack.seq)).await.unwrap();
        let headers = stored.headers().unwrap();
        assert_eq!(
            (headers.get("Own"), headers.get("Nats-TTL")),
            (Some(&b"kept"[..]), Some(&b"3600s"[..]))
        );
    }
    let nobody = PublishOptions { retries: 1, retry_wait: Duration::from_millis(10), ..base };
    let lost = js.publish_with(&Publish::new("nobody", b""), &nobody).await;
    assert_eq!(code(lost), Code::NoResponders);
    assert_eq!(code(js.publish("s..a", "").await), Code::InvalidSubject);
}

#[tokio::test]
async fn a_publish_is_tried_again_while_no_stream_answers() {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    let (publisher, maker) = (js.clone(), js.clone());
    let patient = PublishOptions {
        retries: 200,
        retry_wait: Duration::from_millis(20),
        ..PublishOptions::default()
    };
    let publishing =
        tokio::spawn(
            async move { publisher.publish_with(&Publish::new("late", b"x"), &patient).await },
        );
    // It has been refused once by then.
    flush(&client).await;
    let config = StreamConfig {
        name: "LATE".into(),
        subjects: vec!["late".into()],
        ..StreamConfig::default()
    };
    maker.create_stream(&config).await.unwrap();
    assert_eq!(within("the publish", publishing).await.unwrap().unwrap().seq, 1);
}

#[tokio::test]
async fn messages_are_fetched_and_acknowledged() {
    let (_server, client, js) = start().await;
    // Of what is there when it is made, a consumer knows at once how much it is.
    publish_numbers(&js, 1..=25).await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    let ten = FetchOptions { max_messages: 10, ..FetchOptions::default() };
    let first = pull.fetch(&ten).unwrap().all().await.unwrap();
    assert_eq!(payloads(&first), (1..=10).map(|n| n.to_string()).collect::<Vec<_>>());
    let metadata = first[9].metadata().unwrap();
    assert_eq!((metadata.stream, metadata.consumer), ("S", "worker"));
    assert_eq!((metadata.stream_sequence, metadata.consumer_sequence), (10, 10));
    assert_eq!((metadata.delivered, metadata.pending), (1, 15));
    assert!(metadata.timestamp() <= std::time::SystemTime::now());
    JsMessage::ack_all(&first).await.unwrap();
    assert_eq!(code(first[0].ack().await), Code::AlreadyAcked);
    assert_eq!(code(first[0].ack_with(AckKind::InProgress).await), Code::AlreadyAcked);
    assert_eq!(code(JsMessage::ack_all(&first).await), Code::AlreadyAcked);

    let rest = pull.fetch(&now()).unwrap().all().await.unwrap();
    assert_eq!(rest.len(), 15, "what is there, without waiting");
    for message in &rest {
        message.double_ack(PATIENCE).await.unwrap();
    }
    let info = js.consumer_info("S", "worker").await.unwrap();
    assert_eq!((info.num_ack_pending, info.ack_floor.stream_seq), (0, 25));
    assert!(pull.fetch(&now()).unwrap().all().await.unwrap().is_empty());
    assert!(pull.next(MOMENT).await.unwrap().is_none(), "none within the time");
    let waiting = tokio::spawn({
        let pull = pull.clone();
        async move { pull.next(PATIENCE).await }
    });
    publish_numbers(&js, 26..=26).await;
    let message = within("the message", waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(text(&message), "26");
    message.ack_now(AckKind::Ack).unwrap();

    let inbox = client.new_inbox().unwrap();
    let plain = client.subscribe(&inbox).unwrap();
    publish(&client, &inbox, "x").await;
    let plain = next(&plain).await;
    assert_eq!(
        Metadata::parse(plain.reply().unwrap_or_default()).unwrap_err().code(),
        Code::NotJetStream
    );
}

#[tokio::test]
async fn what_is_said_of_a_message_decides_whether_it_comes_again() {
    let (_server, _client, js) = start().await;
    let config = ConsumerConfig { ack_wait: Duration::from_secs(30), ..ConsumerConfig::default() };
    let pull = worker(&js, config).await;
    publish_numbers(&js, 1..=4).await;
    let four = FetchOptions { max_messages: 4, ..FetchOptions::default() };
    let mut messages = pull.fetch(&four).unwrap().all().await.unwrap();
    let [acked, refused, later, never] = messages.as_mut_slice() else { panic!("four messages") };
    acked.ack_with(AckKind::InProgress).await.unwrap();
    acked.ack_with(AckKind::InProgress).await.unwrap();
    acked.ack().await.unwrap();
    refused.ack_with(AckKind::Nak(None)).await.unwrap();
    later.ack_with(AckKind::Nak(Some(MOMENT))).await.unwrap();
    never.ack_with(AckKind::Term(Some("nobody can"))).await.unwrap();
    let again = pull.next(PATIENCE).await.unwrap().unwrap();
    assert_eq!((text(&again).as_str(), again.metadata().unwrap().delivered), ("2", 2));
    again.ack().await.unwrap();
    let again = pull.next(PATIENCE).await.unwrap().unwrap();
    assert_eq!((text(&again).as_str(), again.metadata().unwrap().delivered), ("3", 2));
    again.double_ack(PATIENCE).await.unwrap();
    assert_eq!(js.consumer_info("S", "worker").await.unwrap().num_ack_pending, 0);
    assert!(pull.fetch(&now()).unwrap().all().await.unwrap().is_empty());
}

#[tokio::test]
async fn bytes_bound_a_fetch() {
    let (_server, _client, js) = start().await;
    let pull =
        worker(&js, ConsumerConfig { ack_policy: AckPolicy::None, ..Default::default() }).await;
    for _ in 0..10 {
        js.publish("s.big", vec![7; 1000]).await.unwrap();
    }
    let bytes = FetchOptions { max_messages: 1000, max_bytes: 3500, ..FetchOptions::default() };
    let got = pull.fetch(&bytes).unwrap().all().await.unwrap();
    assert_eq!(got.len(), 3);
}

#[tokio::test]
async fn a_fetch_says_why_it_ended() {
    let (server, client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    publish_numbers(&js, 1..=2).await;
    // The consumer goes meanwhile; what had come is handed out.
    let mut fetch = pull.fetch(&FetchOptions::default()).unwrap();
    assert_eq!(text(&fetch.next().await.unwrap().unwrap()), "1");
    js.delete_consumer("S", "worker").await.unwrap();
    assert_eq!(text(&fetch.next().await.unwrap().unwrap()), "2");
    assert_eq!(code(within("the end", fetch.next()).await), Code::ConsumerNotFound);
    assert_eq!(code(within("the end", fetch.next()).await), Code::ConsumerNotFound, "and stays so");
    assert_eq!(code(pull.fetch(&now()).unwrap().next().await), Code::NoResponders);

    // More than the consumer allows.
    let pull = worker(&js, ConsumerConfig { max_batch: 5, ..Default::default() }).await;
    let error = pull.fetch(&FetchOptions::default()).unwrap().next().await.unwrap_err();
    assert_eq!(error.code(), Code::PullRefused);
    assert!(error.text().contains("409 "), "{error}");

    // The server stops: heartbeats are missed.
    let short = FetchOptions {
        max_messages: 5,
        heartbeat: Some(Duration::from_millis(300)),
        ..FetchOptions::default()
    };
    let mut drained = pull.fetch(&FetchOptions { max_messages: 2, ..short.clone() }).unwrap();
    while drained.next().await.unwrap().is_some() {}
    let mut fetch = pull.fetch(&short).unwrap();
    flush(&client).await;
    server.pause().unwrap();
    assert_eq!(code(within("the end", fetch.next()).await), Code::HeartbeatMissed);
    server.resume().unwrap();

    // The socket is lost, the request with it.
    let mut fetch = pull.fetch(&short).unwrap();
    client.force_reconnect().unwrap();
    assert_eq!(code(within("the end", fetch.next()).await), Code::ConnectionLost);
    client.close().await;
    assert_eq!(code(pull.fetch(&short)), Code::ConnectionClosed);
}

/// Collects what happens to messages that are taken without end.
fn heard() -> (ConsumeOptions, Arc<Mutex<Vec<ConsumeEvent>>>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    let options = ConsumeOptions {
        expires: Duration::from_secs(2),
        heartbeat: Some(Duration::from_millis(500)),
        events: Some(Arc::new(move |event| sink.lock().unwrap().push(event.clone()))),
        ..ConsumeOptions::default()
    };
    (options, events)
}

async fn take_numbers(messages: &mut Messages, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(text(&message), number.to_string());
        message.ack().await.unwrap();
    }
}

#[tokio::test]
async fn messages_without_end_are_asked_for_within_the_limits() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, ConsumerConfig { max_ack_pending: -1, ..Default::default() }).await;
    for number in 1..=2000 {
        client.publish("s.n", number.to_string()).await.unwrap();
    }
    flush(&client).await;
    let (options, events) = heard();
    let options = ConsumeOptions { max_messages: 20, ..options };
    let mut messages = pull.messages(&options).unwrap();
    take_numbers(&mut messages, 1..=700).await;
    // Those that were delivered and not acknowledged are those that wait here.
    flush(&client).await;
    let info = pull.info().await.unwrap();
    assert!(info.delivered.consumer_seq <= 720, "{info:?}");
    take_numbers(&mut messages, 701..=2000).await;
    // It goes on beyond the end of a request.
    let over = async { while pull.info().await.unwrap().num_waiting > 0 {} };
    within("the end of the requests", over).await;
    let waiting = tokio::spawn(async move {
        let message = messages.next().await.unwrap().unwrap();
        (messages, text(&message))
    });
    js.publish("s.n", "2001").await.unwrap();
    let (mut messages, last) = within("the message", waiting).await.unwrap();
    assert_eq!(last, "2001");
    assert!(events.lock().unwrap().iter().all(|event| *event == ConsumeEvent::HeartbeatMissed));

    let stopper = messages.stopper();
    let ending = tokio::spawn(async move { messages.next().await });
    stopper.stop();
    assert!(within("the end", ending).await.unwrap().unwrap().is_none());
}

#[tokio::test]
async fn who_waits_for_more_messages_without_end_has_handled_what_came() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    for number in 1..=50 {
        client.publish("s.n", number.to_string()).await.unwrap();
    }
    let options = ConsumeOptions { max_messages: 5, ..ConsumeOptions::default() };
    let messages = pull.subscribe(&options).unwrap();
    let mut taken = 0;
    while taken < 50 {
        assert!(within("messages", messages.ready()).await);
        // What a batch says of those behind it is believed.
        let mut more = true;
        while more && let Some(batch) = messages.take_batch(64) {
            (taken, more) = (taken + batch.len(), batch.left_more());
        }
    }
    assert_eq!(taken, 50);
}

#[tokio::test]
async fn bytes_bound_messages_without_end() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, ConsumerConfig { max_ack_pending: -1, ..Default::default() }).await;
    for _ in 0..100 {
        client.publish("s.n", vec![7; 1000]).await.unwrap();
    }
    flush(&client).await;
    let (options, _) = heard();
    let mut messages = pull.messages(&ConsumeOptions { max_bytes: 10_000, ..options }).unwrap();
    for taken in 1..=100 {
        within("a message", messages.next()).await.unwrap().unwrap().ack().await.unwrap();
        if taken == 50 {
            let delivered = pull.info().await.unwrap().delivered.consumer_seq;
            assert!((50..=60).contains(&delivered), "{delivered}");
        }
    }
}

#[tokio::test]
async fn a_drain_hands_out_what_has_come() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    publish_numbers(&js, 1..=30).await;
    let (options, _) = heard();
    let mut messages = pull.messages(&ConsumeOptions { max_messages: 10, ..options }).unwrap();
    take_numbers(&mut messages, 1..=1).await;
    flush(&client).await;
    messages.stopper().drain();
    let mut rest = 0;
    while let Some(message) = within("the end", messages.next()).await.unwrap() {
        message.ack().await.unwrap();
        rest += 1;
    }
    assert!((4..=14).contains(&rest), "{rest}");
}

/// Takes messages until this one comes. Earlier ones may come again: a server that was killed has
/// forgotten what was said of them.
async fn take_until(messages: &mut Messages, number: u64) {
    loop {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        message.ack().await.unwrap();
        let came: u64 = text(&message).parse().unwrap();
        assert!(came <= number, "{came} before {number}");
        if came == number {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_without_end_survive_what_happens_to_the_server() {
    let (server, client, js) = start().await;
    let config = StreamConfig {
        name: "DISK".into(),
        subjects: vec!["d.>".into()],
        ..StreamConfig::default()
    };
    js.create_stream(&config).await.unwrap();
    let config = ConsumerConfig { durable_name: "worker".into(), ..ConsumerConfig::default() };
    js.create_consumer("DISK", &config).await.unwrap();
    let pull = js.pull("DISK", "worker").unwrap();
    let (options, events) = heard();
    let mut messages = pull.messages(&options).unwrap();
    let store = async |number: u64| {
        let patient = PublishOptions { retries: 100, ..PublishOptions::default() };
        let id = PublishOptions { msg_id: Some(number.to_string()), ..patient };
        let text = number.to_string();
        let publish = Publish::new("d.n", text.as_bytes());
        // What is not known to be stored is published again, by its id.
        while js.publish_with(&publish, &id).await.is_err() {}
    };
    store(1).await;
    take_until(&mut messages, 1).await;
    // The socket is lost.
    client.force_reconnect().unwrap();
    store(2).await;
    take_until(&mut messages, 2).await;
    // The server is killed, and comes back.
    server.restart().unwrap();
    store(3).await;
    take_until(&mut messages, 3).await;
    let lost = |event: &ConsumeEvent| matches!(event, ConsumeEvent::Disconnected(_));
    assert!(events.lock().unwrap().iter().any(lost), "{events:?}");
    // It stops for a while.
    server.pause().unwrap();
    let missed = async {
        while !events.lock().unwrap().contains(&ConsumeEvent::HeartbeatMissed) {
            let _ = tokio::time::timeout(MOMENT, messages.next()).await;
        }
    };
    within("the heartbeat", missed).await;
    server.resume().unwrap();
    store(4).await;
    take_until(&mut messages, 4).await;
    // The consumer goes.
    js.delete_consumer("DISK", "worker").await.unwrap();
    assert_eq!(code(within("the end", messages.next()).await), Code::ConsumerNotFound);
    // The stream goes.
    js.create_consumer("DISK", &config).await.unwrap();
    let mut messages = pull.messages(&options).unwrap();
    store(5).await;
    for _ in 1..=5 {
        within("a message", messages.next()).await.unwrap().unwrap().ack().await.unwrap();
    }
    js.delete_stream("DISK").await.unwrap();
    let end = code(within("the end", messages.next()).await);
    assert!(matches!(end, Code::ConsumerNotFound | Code::StreamNotFound), "{end}");
    // The connection goes.
    js.create_stream(&StreamConfig { name: "DISK".into(), ..StreamConfig::default() })
        .await
        .unwrap();
    js.create_consumer("DISK", &config).await.unwrap();
    let mut messages = pull.messages(&options).unwrap();
    client.close().await;
    assert_eq!(code(within("the end", messages.next()).await), Code::ConnectionClosed);
}
