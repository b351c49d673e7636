//! Publishing without waiting for each acknowledgement.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_core::jetstream::{
    JetStream, Outcome, PublishOptions, Publisher, PublisherOptions, Storage, StreamConfig,
};
use nats_core::{Client, Code, Publish};
use nats_harness::{Auth, Config, Server, User};
use support::*;

fn stream() -> StreamConfig {
    StreamConfig {
        name: "S".into(),
        subjects: vec!["s.>".into()],
        storage: Storage::Memory,
        ..StreamConfig::default()
    }
}

async fn start() -> (Server, Client, JetStream) {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    js.create_stream(&stream()).await.unwrap();
    (server, client, js)
}

fn small(window: usize) -> PublisherOptions {
    let stall = Duration::from_millis(50);
    PublisherOptions { window, stall, ..PublisherOptions::default() }
}

/// What becomes of messages with a token, as they come.
async fn outcomes(publisher: &Publisher, count: usize) -> Vec<Outcome> {
    let mut all = Vec::new();
    while all.len() < count {
        within("an outcome", poll_fn(|cx| publisher.poll_outcomes(cx))).await.unwrap();
        all.extend(publisher.outcomes(usize::MAX));
    }
    all
}

#[tokio::test]
async fn acknowledgements_are_awaited_later() {
    let (_server, _client, js) = start().await;
    let publisher = js.publisher(&small(8)).unwrap();
    let mut pending = Vec::new();
    for number in 1..=100u64 {
        pending.push((number, publisher.publish("s.a", number.to_string()).await.unwrap()));
        assert!(publisher.in_flight() <= 8);
    }
    for (number, ack) in pending {
        let ack = within("the acknowledgement", ack).await.unwrap();
        assert_eq!((ack.stream.as_str(), ack.seq, ack.duplicate), ("S", number, false));
    }
    assert_eq!(publisher.in_flight(), 0);
    // One that is kept longer than its publisher.
    let last = js.publisher(&small(8)).unwrap().publish("s.a", "x").await.unwrap();
    assert_eq!(within("the acknowledgement", last).await.unwrap().seq, 101);
}

#[tokio::test]
async fn what_nobody_waits_for_is_counted_and_told_when_it_fails() {
    let (_server, _client, js) = start().await;
    let failed = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&failed);
    let options = PublisherOptions {
        on_failure: Some(Arc::new(move |subject, error| {
            sink.lock().unwrap().push((subject.to_owned(), error.code()));
        })),
        ..PublisherOptions::default()
    };
    let publisher = js.publisher(&options).unwrap();
    for _ in 0..1000 {
        drop(publisher.publish("s.a", "x").await.unwrap());
    }
    publisher.complete(PATIENCE).await.unwrap();
    assert_eq!(js.stream_info("S").await.unwrap().state.messages, 1000);
    let wrong = PublishOptions { expected_last_sequence: Some(1), ..PublishOptions::default() };
    for _ in 0..3 {
        drop(publisher.publish_with(&Publish::new("s.b", b""), &wrong).await.unwrap());
    }
    let error = publisher.complete(PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::WrongLastSequence);
    assert!(error.text().starts_with("3 messages were not stored: "), "{error}");
    let expected = vec![("s.b".to_owned(), Code::WrongLastSequence); 3];
    assert_eq!(*failed.lock().unwrap(), expected);
    publisher.complete(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn outcomes_come_by_token() {
    let (_server, _client, js) = start().await;
    let publisher = js.publisher(&small(64)).unwrap();
    let plain = PublishOptions::default();
    let id = PublishOptions { msg_id: Some("one".into()), ..plain.clone() };
    for token in 0..2 {
        publisher.publish_now(&Publish::new("s.a", b"x"), &id, Some(token)).unwrap();
    }
    let wrong = PublishOptions { expected_stream: Some("T".into()), ..plain.clone() };
    publisher.publish_now(&Publish::new("s.a", b"x"), &wrong, Some(2)).unwrap();
    let all = outcomes(&publisher, 3).await;
    assert_eq!(all.iter().map(|outcome| outcome.token).collect::<Vec<_>>(), [0, 1, 2]);
    let stored = |at: usize| all[at].result.as_ref().unwrap();
    assert_eq!((stored(0).sequence(), stored(0).is_duplicate()), (1, false));
    assert_eq!((stored(1).sequence(), stored(1).is_duplicate()), (1, true));
    assert_eq!(stored(1).ack().unwrap().stream, "S");
    assert_eq!(all[2].result.as_ref().unwrap_err().code(), Code::JetStream);
    // Those that are not taken take room.
    let mut sent = 0;
    while publisher.publish_now(&Publish::new("s.a", b"x"), &plain, Some(sent)).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 64);
    within("all", publisher.complete(PATIENCE)).await.unwrap();
    assert_eq!(code(publisher.room().await), Code::PublisherStalled);
    assert_eq!(publisher.outcomes(60).len(), 60);
    publisher.room().await.unwrap();
    assert_eq!(publisher.outcomes(usize::MAX).len(), 4);
}

#[tokio::test]
async fn a_full_window_stalls_and_acknowledgements_are_waited_for_so_long() {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    // Somebody is subscribed, and does not answer.
    let silent = client.subscribe("silent").unwrap();
    let options = PublisherOptions { ack_timeout: Some(Duration::from_millis(300)), ..small(2) };
    let publisher = client.jetstream().publisher(&options).unwrap();
    let first = publisher.publish("silent", "1").await.unwrap();
    let second = publisher.publish("silent", "2").await.unwrap();
    assert_eq!(code(publisher.publish("silent", "3").await), Code::PublisherStalled);
    assert_eq!(code(within("the timeout", first).await), Code::Timeout);
    assert_eq!(code(within("the timeout", second).await), Code::Timeout);
    drop(publisher.publish("silent", "4").await.unwrap());
    let error = publisher.complete(Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(error.code(), Code::Timeout);
    let error = publisher.complete(PATIENCE).await.unwrap_err();
    assert!(error.text().contains("1 messages were not stored"), "{error}");
    for expected in ["1", "2", "4"] {
        assert_eq!(text(&next(&silent).await), expected);
    }
    // By bytes.
    let options = PublisherOptions { window_bytes: 100, ..small(1000) };
    let publisher = client.jetstream().publisher(&options).unwrap();
    let large = publisher.publish("silent", vec![0; 1000]).await.unwrap();
    assert_eq!(code(publisher.publish("silent", "x").await), Code::PublisherStalled);
    drop(large);
    for bad in [
        PublisherOptions { window: 0, ..small(1) },
        PublisherOptions { ack_timeout: Some(Duration::ZERO), ..small(1) },
    ] {
        assert_eq!(code(client.jetstream().publisher(&bad)), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn what_no_stream_answers_is_published_again() {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    let publisher = js.publisher(&small(100)).unwrap();
    let retry_wait = Duration::from_millis(20);
    let patient = PublishOptions { retries: 500, retry_wait, ..PublishOptions::default() };
    let never = PublishOptions { retries: 1, retry_wait, ..PublishOptions::default() };
    let lost = publisher.publish_with(&Publish::new("s.a", b"x"), &never).await.unwrap();
    let mut headers = nats_core::Headers::new();
    headers.set("Own", "kept").unwrap();
    let publish = Publish::new("s.a", b"late").headers(&headers);
    let late = publisher.publish_with(&publish, &patient).await.unwrap();
    assert_eq!(code(within("the end", lost).await), Code::NoResponders);
    js.create_stream(&stream()).await.unwrap();
    assert_eq!(within("the acknowledgement", late).await.unwrap().seq, 1);
    let which = nats_core::jetstream::GetMessage::sequence(1);
    let stored = js.get_message("S", &which).await.unwrap();
    assert_eq!(&stored.payload[..], b"late");
    assert_eq!(stored.headers().unwrap().get("Own"), Some(&b"kept"[..]));
}

#[tokio::test]
async fn connections_that_are_lost_and_publishes_that_are_denied_end_what_waits() {
    let user = User::new("u", "p").deny_publish("s.denied");
    let config = Config::jetstream().with_auth(Auth::Users(vec![user]));
    let server = Server::start(config).unwrap();
    let client = dial(&format!("nats://u:p@{}", server.address())).await;
    let js = client.jetstream();
    js.create_stream(&stream()).await.unwrap();
    let publisher = js.publisher(&PublisherOptions::default()).unwrap();
    let denied = publisher.publish("s.denied", "x").await.unwrap();
    let fine = publisher.publish("s.a", "x").await.unwrap();
    assert_eq!(code(within("the denial", denied).await), Code::Permission);
    within("the acknowledgement", fine).await.unwrap();
    let _silent = client.subscribe("silent").unwrap();
    let waiting = publisher.publish("silent", "x").await.unwrap();
    flush(&client).await;
    client.force_reconnect().unwrap();
    assert_eq!(code(within("the loss", waiting).await), Code::ConnectionLost);
    let again = publisher.publish("s.a", "x").await.unwrap();
    within("the acknowledgement", again).await.unwrap();
    let waiting = publisher.publish("silent", "x").await.unwrap();
    client.close().await;
    assert_eq!(code(within("the close", waiting).await), Code::ConnectionClosed);
    assert_eq!(code(publisher.publish("s.a", "x").await), Code::ConnectionClosed);
}
