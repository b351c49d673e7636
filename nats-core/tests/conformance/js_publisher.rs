//! Publishing to streams without waiting for each acknowledgement.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_core::{Code, Headers, Publish, Result};
use nats_harness::{Auth, Config, Server, User};

use super::js::*;
use super::js_publish::{stored, with_stream};
use super::support::*;

const RETRY_WAIT: Duration = Duration::from_millis(10);

fn usual() -> PublishOptions {
    PublishOptions::default()
}

fn window(window: usize) -> PublisherOptions {
    PublisherOptions { window, stall: SHORT, ..PublisherOptions::default() }
}

/// A server whose only subscriber is silent, and a publisher.
async fn silent(options: PublisherOptions) -> (Server, nats_core::Subscription, Publisher) {
    let server = plain();
    let client = dial(&server.url()).await;
    let silent = client.subscribe("s.>").unwrap();
    (server, silent, client.jetstream().publisher(&options).unwrap())
}

async fn send(publisher: &Publisher, subject: &str) -> PendingAck {
    within("the publish", publisher.publish(subject, "x")).await.unwrap()
}

async fn ack(pending: PendingAck) -> Result<PubAck> {
    within("the acknowledgement", pending).await
}

/// What becomes of messages with a token, as it becomes known.
async fn outcomes(publisher: &Publisher, count: usize) -> Vec<Outcome> {
    let mut all = Vec::new();
    while all.len() < count {
        within("an outcome", poll_fn(|cx| publisher.poll_outcomes(cx))).await.unwrap();
        all.extend(publisher.outcomes(usize::MAX));
    }
    all
}

#[tokio::test]
async fn js_publish_11() {
    let (_server, js) = with_stream(stream("S", "s.>")).await;
    let publisher = js.publisher(&window(1000)).unwrap();
    let mut pending = Vec::new();
    for _ in 1..=100 {
        pending.push(send(&publisher, "s.a").await);
    }
    for (index, pending) in pending.into_iter().enumerate().rev() {
        assert_eq!(ack(pending).await.unwrap().seq, index as u64 + 1);
    }
    assert_eq!(publisher.in_flight(), 0);
    // One that is kept longer than its publisher.
    let last = send(&js.publisher(&window(8)).unwrap(), "s.a").await;
    assert_eq!(ack(last).await.unwrap().seq, 101);
}

#[tokio::test]
async fn js_publish_12() {
    let (_server, silent, publisher) = silent(window(2)).await;
    let pending = [send(&publisher, "s.1").await, send(&publisher, "s.2").await];
    assert_eq!(publisher.in_flight(), 2);
    assert_eq!(code(publisher.publish("s.3", "x").await), Code::PublisherStalled);
    let now = publisher.publish_now(&Publish::new("s.3", b"x"), &usual(), None);
    assert_eq!(code(now), Code::PublisherStalled);
    for subject in ["s.1", "s.2"] {
        let message = next(&silent).await;
        assert_eq!(message.subject(), subject);
        message.respond(r#"{"stream":"S","seq":1}"#).await.unwrap();
    }
    for pending in pending {
        assert_eq!(ack(pending).await.unwrap().seq, 1);
    }
    send(&publisher, "s.4").await;
    assert_eq!(next(&silent).await.subject(), "s.4", "what has stalled was not published");
}

#[tokio::test]
async fn js_publish_13() {
    let options = PublisherOptions { window_bytes: 100, ..window(1000) };
    let (_server, _silent, publisher) = silent(options).await;
    let large = publisher.publish("s.a", vec![0; 1000]).await.unwrap();
    assert_eq!(code(publisher.publish("s.a", "x").await), Code::PublisherStalled);
    drop(large);
    assert_eq!(code(publisher.publish("s.a", "x").await), Code::PublisherStalled);
}

#[tokio::test]
async fn js_publish_14() {
    let (_server, js) = with_stream(stream("S", "s.>")).await;
    let publisher = js.publisher(&window(64)).unwrap();
    let id = PublishOptions { msg_id: Some("one".into()), ..usual() };
    let wrong = PublishOptions { expected_stream: Some("T".into()), ..usual() };
    for (token, options) in [(7, &id), (8, &id), (9, &wrong)] {
        publisher.publish_now(&Publish::new("s.a", b"x"), options, Some(token)).unwrap();
    }
    let all = outcomes(&publisher, 3).await;
    assert_eq!(all.iter().map(|outcome| outcome.token).collect::<Vec<_>>(), [7, 8, 9]);
    let stored = |at: usize| all[at].result.as_ref().unwrap();
    assert_eq!((stored(0).sequence(), stored(0).is_duplicate()), (1, false));
    assert_eq!((stored(1).sequence(), stored(1).is_duplicate()), (1, true));
    assert_eq!(stored(1).ack().unwrap().stream, "S");
    let error = all[2].result.as_ref().unwrap_err();
    assert_eq!(error.api().unwrap().err_code, 10060);
}

#[tokio::test]
async fn js_publish_15() {
    let (_server, js) = with_stream(stream("S", "s.>")).await;
    let publisher = js.publisher(&window(64)).unwrap();
    for token in 0..64 {
        publisher.publish_now(&Publish::new("s.a", b"x"), &usual(), Some(token)).unwrap();
    }
    within("all", publisher.complete(PATIENCE)).await.unwrap();
    assert_eq!((publisher.in_flight(), publisher.known()), (0, 64));
    assert_eq!(code(publisher.room().await), Code::PublisherStalled);
    assert_eq!(publisher.outcomes(1).len(), 1);
    publisher.room().await.unwrap();
    assert_eq!(publisher.outcomes(usize::MAX).len(), 63);
}

#[tokio::test]
async fn js_publish_16() {
    let (_server, js) = with_stream(stream("S", "s.>")).await;
    let failed = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&failed);
    let told: PublishFailed = Arc::new(move |subject, error| {
        sink.lock().unwrap().push((subject.to_owned(), error.code()));
    });
    let options = PublisherOptions { on_failure: Some(told), ..PublisherOptions::default() };
    let publisher = js.publisher(&options).unwrap();
    for _ in 0..1000 {
        drop(send(&publisher, "s.a").await);
    }
    publisher.complete(PATIENCE).await.unwrap();
    assert_eq!(stored(&js).await, 1000);
    let wrong = PublishOptions { expected_last_sequence: Some(1), ..usual() };
    for _ in 0..3 {
        drop(publisher.publish_with(&Publish::new("s.b", b""), &wrong).await.unwrap());
    }
    let error = publisher.complete(PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::WrongLastSequence);
    assert!(error.text().starts_with("3 messages were not stored: "), "{error}");
    assert_eq!(*failed.lock().unwrap(), vec![("s.b".to_owned(), Code::WrongLastSequence); 3]);
    publisher.complete(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn js_publish_17() {
    let options = PublisherOptions { ack_timeout: Some(SHORT), ..window(10) };
    let (_server, silent, publisher) = silent(options).await;
    let pending = send(&publisher, "s.a").await;
    let error = ack(pending).await.unwrap_err();
    assert_eq!(error.code(), Code::Timeout);
    assert!(error.text().contains("s.a"), "{error}");
    drop(send(&publisher, "s.b").await);
    let error = publisher.complete(PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), Code::Timeout);
    assert!(error.text().contains("1 messages were not stored"), "{error}");
    // A late word finds nobody, and the next message has its own.
    let late = [next(&silent).await, next(&silent).await];
    let pending = send(&publisher, "s.c").await;
    for message in late {
        message.respond(r#"{"stream":"S","seq":1}"#).await.unwrap();
    }
    next(&silent).await.respond(r#"{"stream":"S","seq":2}"#).await.unwrap();
    assert_eq!(ack(pending).await.unwrap().seq, 2);
    let endless = PublisherOptions { ack_timeout: Some(FOREVER), ..window(10) };
    let publisher = publisher.client().jetstream().publisher(&endless).unwrap();
    drop(send(&publisher, "s.d").await);
    assert_eq!(code(publisher.complete(SHORT).await), Code::Timeout);
}

#[tokio::test]
async fn js_publish_18() {
    let (_server, js) = start().await;
    let publisher = js.publisher(&window(100)).unwrap();
    let never = PublishOptions { retries: 1, retry_wait: RETRY_WAIT, ..usual() };
    let patient = PublishOptions { retries: 1000, retry_wait: RETRY_WAIT, ..usual() };
    let lost = publisher.publish_with(&Publish::new("s.a", b"x"), &never).await.unwrap();
    let mut headers = Headers::new();
    headers.set("Own", "kept").unwrap();
    let late = Publish::new("s.a", b"late").headers(&headers);
    let late = publisher.publish_with(&late, &patient).await.unwrap();
    assert_eq!(code(ack(lost).await), Code::NoResponders);
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    assert_eq!(ack(late).await.unwrap().seq, 1);
    let message = js.get_message("S", &GetMessage::sequence(1)).await.unwrap();
    assert_eq!(&message.payload[..], b"late");
    assert_eq!(message.headers().unwrap().get("Own"), Some(&b"kept"[..]));
}

#[tokio::test]
async fn js_publish_19() {
    let (_server, silent, publisher) = silent(window(10)).await;
    let pending = send(&publisher, "s.a").await;
    next(&silent).await;
    publisher.client().force_reconnect().unwrap();
    assert_eq!(code(ack(pending).await), Code::ConnectionLost);
    let pending = send(&publisher, "s.b").await;
    next(&silent).await.respond(r#"{"stream":"S","seq":5}"#).await.unwrap();
    assert_eq!(ack(pending).await.unwrap().seq, 5);
}

#[tokio::test]
async fn js_publish_20() {
    let (_server, _silent, publisher) = silent(window(10)).await;
    let pending = send(&publisher, "s.a").await;
    publisher.publish_now(&Publish::new("s.a", b"x"), &usual(), Some(1)).unwrap();
    publisher.client().close().await;
    assert_eq!(code(ack(pending).await), Code::ConnectionClosed);
    let [outcome] = &outcomes(&publisher, 1).await[..] else { panic!("one outcome") };
    assert_eq!(outcome.result.as_ref().unwrap_err().code(), Code::ConnectionClosed);
    let end = within("the end", poll_fn(|cx| publisher.poll_outcomes(cx))).await;
    assert_eq!(code(end), Code::ConnectionClosed);
    assert_eq!(code(publisher.publish("s.a", "x").await), Code::ConnectionClosed);
}

#[tokio::test]
async fn js_publish_21() {
    let user = User::new("u", "p").deny_publish("s.denied");
    let config = Config::jetstream().with_auth(Auth::Users(vec![user]));
    let server = Server::start(config).unwrap();
    let js = dial(&format!("nats://u:p@{}", server.address())).await.jetstream();
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    let publisher = js.publisher(&window(10)).unwrap();
    let (denied, fine) = (send(&publisher, "s.denied").await, send(&publisher, "s.a").await);
    assert_eq!(code(ack(denied).await), Code::Permission);
    assert_eq!(ack(fine).await.unwrap().seq, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn js_publish_22() {
    const EACH: u64 = 2_000;
    let (_server, js) = with_stream(stream("S", "s.>")).await;
    let publisher = js.publisher(&PublisherOptions { stall: PATIENCE, ..window(256) }).unwrap();
    let tasks = (0..8).map(|task| {
        let publisher = publisher.clone();
        tokio::spawn(async move {
            let subject = format!("s.{task}");
            for number in 0..EACH {
                drop(publisher.publish(&subject, number.to_string()).await.unwrap());
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        within("the task", task).await.unwrap();
    }
    within("all", publisher.complete(PATIENCE)).await.unwrap();
    assert_eq!(stored(&js).await, 8 * EACH);
    js.create_consumer("S", &ConsumerConfig { ack_policy: AckPolicy::None, ..consumer("all") })
        .await
        .unwrap();
    let mut messages = js.pull("S", "all").unwrap().messages(&ConsumeOptions::default()).unwrap();
    let mut expected = [0; 8];
    for _ in 0..8 * EACH {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        let task: usize = message.subject()[2..].parse().unwrap();
        assert_eq!(text(&message), expected[task].to_string());
        expected[task] += 1;
    }
}
