//! Publishing to streams, and taking messages from them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::time::Duration;

use nats_core::jetstream::{
    AckKind, AckPolicy, ConsumerConfig, FetchOptions, JetStream, JsMessage, Metadata,
    PublishOptions, Pull, Storage, StreamConfig,
};
use nats_core::{Client, Code, Headers, Publish};
use nats_harness::{Config, Server};
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
        allow_msg_ttl: true,
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
    let (_server, _client, js) = start().await;
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
    expect(other).await.unwrap();
    let mut headers = Headers::new();
    headers.set("Own", "kept").unwrap();
    let publish = Publish::new("s.h", b"x").headers(&headers);
    let ttl = PublishOptions { ttl: Some(Duration::from_secs(3600)), ..base.clone() };
    let seq = js.publish_with(&publish, &ttl).await.unwrap().seq;
    let stored =
        js.get_message("S", &nats_core::jetstream::GetMessage::sequence(seq)).await.unwrap();
    let headers = stored.headers().unwrap();
    assert_eq!(
        (headers.get("Own"), headers.get("Nats-TTL")),
        (Some(&b"kept"[..]), Some(&b"3600s"[..]))
    );
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
    let pull = worker(&js, ConsumerConfig::default()).await;
    publish_numbers(&js, 1..=25).await;
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
    let mut messages = pull.fetch(&now()).unwrap().all().await.unwrap();
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
