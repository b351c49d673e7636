//! Headers that the program adds to everything that a connection publishes, and trace events.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use nats_core::{
    Client, Code, ConnectOptions, Headers, ManyOptions, Message, OutboundPolicy, Publish, Request,
    TraceParent,
};
use support::*;

/// Options that number what is published, and the count.
fn numbering(options: ConnectOptions) -> (ConnectOptions, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let calls = Arc::clone(&count);
    let options = options.inject(move |headers| {
        let number = calls.fetch_add(1, Ordering::SeqCst) + 1;
        headers.set("Number", &number.to_string()).unwrap();
    });
    (options, count)
}

fn header(message: &Message, name: &str) -> Option<String> {
    message.headers()?.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
}

fn number(message: &Message) -> String {
    header(message, "Number").unwrap_or_default()
}

#[tokio::test]
async fn every_way_to_publish_asks_once() {
    let server = plain();
    let (options, count) = numbering(options(&server.url()));
    let client = options.connect().await.unwrap();
    let plain = dial(&server.url()).await;
    let seen = plain.subscribe("inject.>").unwrap();
    flush(&plain).await;
    let mut own = Headers::new();
    own.append("Own", "yes").unwrap();
    own.append("Number", "mine").unwrap();
    client.publish("inject.1", "").await.unwrap();
    client.publish_with(&Publish::new("inject.2", b"").headers(&own)).await.unwrap();
    client.publish_now(&Publish::new("inject.3", b"").headers(&own)).unwrap();
    assert_eq!(
        client.try_publish(&Publish::new("inject.4", b"")).unwrap_err().code(),
        Code::OutboundFull
    );
    let ready = client.injected(Some(&own)).unwrap();
    assert!(client.injected(Some(&ready)).is_none());
    client.try_publish(&Publish::new("inject.4", b"").headers(&ready)).unwrap();
    for expected in 1..=4 {
        let message = next(&seen).await;
        assert_eq!(message.subject(), format!("inject.{expected}"));
        assert_eq!(number(&message), expected.to_string());
        let own = header(&message, "Own");
        assert_eq!(own.as_deref(), (expected > 1).then_some("yes"));
    }
    assert_eq!(own.get("Number"), Some("mine"), "what the caller gave stays as it is");
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn requests_and_answers_ask_once() {
    let server = plain();
    let (asking, asked) = numbering(options(&server.url()));
    let (answering, answered) = numbering(options(&server.url()));
    let (client, service) = (asking.connect().await.unwrap(), answering.connect().await.unwrap());
    let requests = service.subscribe("serve").unwrap();
    flush(&service).await;
    let serve = tokio::spawn(async move {
        for turn in 0..4 {
            let request = next(&requests).await;
            let payload = number(&request);
            match turn % 2 {
                0 => request.respond(payload).await.unwrap(),
                _ => request.respond_now(None, payload.as_bytes()).unwrap(),
            }
        }
    });
    let request = Request::new("serve", b"");
    let first = client.request_with(&request).await.unwrap();
    let second = client.request_now(&request, false).unwrap().await.unwrap();
    let third = client.request_with(&request.own_inbox()).await.unwrap();
    let many = ManyOptions { max_messages: Some(1), ..ManyOptions::default() };
    let fourth = next(&client.request_many(&request, &many).await.unwrap()).await;
    for (index, answer) in [first, second, third, fourth].iter().enumerate() {
        let expected = (index + 1).to_string();
        assert_eq!(*answer.payload(), *expected.as_bytes());
        assert_eq!(number(answer), expected);
    }
    serve.await.unwrap();
    assert_eq!((asked.load(Ordering::SeqCst), answered.load(Ordering::SeqCst)), (4, 4));
}

#[tokio::test]
async fn a_publish_that_waits_for_room_asks_once() {
    let server = plain();
    let proxy = nats_harness::Proxy::start(&server.address()).unwrap();
    let full = options(&proxy.url())
        .outbound_bytes(4096)
        .outbound_policy(OutboundPolicy::Wait)
        .publish_timeout(PATIENCE);
    let (full, count) = numbering(full);
    let (client, mut events) = dial_watched(full).await;
    proxy.refuse().unwrap();
    proxy.cut_now(nats_harness::Cut::Rst).unwrap();
    events.wait("disconnected").await;
    let payload = [0; 1024];
    while client.publish_now(&Publish::new("full", &payload)).is_ok() {}
    let before = count.load(Ordering::SeqCst);
    let waiting = client.clone();
    let publish = tokio::spawn(async move { waiting.publish("full", [0; 1024]).await });
    while count.load(Ordering::SeqCst) == before {
        tokio::task::yield_now().await;
    }
    proxy.accept().unwrap();
    publish.await.unwrap().unwrap();
    assert_eq!(count.load(Ordering::SeqCst), before + 1);
}

#[tokio::test]
async fn what_is_published_within_is_left_alone() {
    let server = plain();
    let place: Arc<OnceLock<(Client, thread::ThreadId)>> = Arc::default();
    let inner = Arc::clone(&place);
    let options = options(&server.url()).inject(move |headers| {
        let (client, thread) = inner.get().unwrap();
        assert_eq!(thread::current().id(), *thread, "asked on the thread that publishes");
        client.publish_now(&Publish::new("log", b"")).unwrap();
        headers.append("Outer", "1").unwrap();
    });
    let client = options.connect().await.unwrap();
    assert!(place.set((client.clone(), thread::current().id())).is_ok());
    let (log, outer) = (client.subscribe("log").unwrap(), client.subscribe("outer").unwrap());
    client.publish("outer", "").await.unwrap();
    assert!(next(&log).await.headers().is_none());
    assert_eq!(header(&next(&outer).await, "Outer").as_deref(), Some("1"));
}

#[tokio::test]
async fn trace_events_arrive_where_the_header_says() {
    let server = plain();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let options = options(&server.url()).inject(move |headers| {
        headers.set(TraceParent::NAME, parent).unwrap();
        headers.set("Nats-Trace-Dest", "trace.here").unwrap();
    });
    let client = options.connect().await.unwrap();
    let plain = dial(&server.url()).await;
    let (traces, seen) =
        (plain.subscribe("trace.here").unwrap(), plain.subscribe("traced").unwrap());
    flush(&plain).await;
    client.publish("traced", "x").await.unwrap();
    let message = next(&seen).await;
    let block = message.headers().unwrap();
    let read = TraceParent::parse(block.get(TraceParent::NAME).unwrap()).unwrap();
    assert_eq!(read.to_string(), parent);
    let event: serde_json::Value = serde_json::from_slice(next(&traces).await.payload()).unwrap();
    assert_eq!(event["request"]["header"]["Nats-Trace-Dest"][0], "trace.here", "{event}");
    assert!(event["events"].as_array().is_some_and(|events| !events.is_empty()), "{event}");
}
