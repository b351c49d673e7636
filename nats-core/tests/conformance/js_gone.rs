//! Consumers, streams, servers and connections that go while messages are taken.

use std::time::Duration;

use nats_core::jetstream::{
    ConsumeOptions, Fetch, FetchOptions, JetStream, JetStreamOptions, Messages, PublishOptions,
    Storage, StreamConfig,
};
use nats_core::{Code, Publish};
use nats_harness::{Cluster, Config};

use super::js_fault::{filled, stream, worker};
use super::support::*;

/// A request that has got the first of two messages, and waits for more.
async fn fetching(js: &JetStream) -> Fetch {
    let mut fetch = js.pull("S", "worker").unwrap().fetch(&FetchOptions::default()).unwrap();
    take(&mut fetch, "1").await;
    fetch
}

async fn take(fetch: &mut Fetch, expected: &str) {
    let message = within("a message", fetch.next()).await.unwrap().unwrap();
    assert_eq!(text(&message), expected);
}

/// Messages without end that have got both messages.
async fn consuming(js: &JetStream) -> Messages {
    let options = ConsumeOptions {
        expires: Duration::from_secs(2),
        heartbeat: Some(Duration::from_millis(500)),
        ..ConsumeOptions::default()
    };
    let mut messages = js.pull("S", "worker").unwrap().messages(&options).unwrap();
    for expected in ["1", "2"] {
        let message = within("a message", messages.next()).await.unwrap().unwrap();
        assert_eq!(text(&message), expected);
        message.ack().await.unwrap();
    }
    messages
}

#[tokio::test]
async fn js_fault_22() {
    let (_server, _client, js) = filled().await;
    let mut fetch = fetching(&js).await;
    js.delete_consumer("S", "worker").await.unwrap();
    take(&mut fetch, "2").await;
    assert_eq!(code(within("the end", fetch.next()).await), Code::ConsumerNotFound);
    let next = js.pull("S", "worker").unwrap().fetch(&FetchOptions::default()).unwrap();
    assert_eq!(code(within("the end", next.all()).await), Code::NoResponders);
}

#[tokio::test]
async fn js_fault_23() {
    let (_server, _client, js) = filled().await;
    let mut fetch = fetching(&js).await;
    js.delete_stream("S").await.unwrap();
    take(&mut fetch, "2").await;
    let end = code(within("the end", fetch.next()).await);
    // The server tells one of the two first.
    assert!(matches!(end, Code::StreamNotFound | Code::ConsumerNotFound), "{end}");
    let once = PublishOptions { retries: 0, ..PublishOptions::default() };
    let publish = Publish::new("s.a", b"x");
    assert_eq!(code(js.publish_with(&publish, &once).await), Code::NoResponders);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn js_fault_24() {
    let (server, client, js) = filled().await;
    let mut messages = consuming(&js).await;
    let mut fetch = js.pull("S", "worker").unwrap().fetch(&FetchOptions::default()).unwrap();
    flush(&client).await;
    server.restart().unwrap();
    assert_eq!(code(within("the end", fetch.next()).await), Code::ConnectionLost);
    assert_eq!(code(within("the end", messages.next()).await), Code::StreamNotFound);
    assert_eq!(code(within("info", js.stream_info("S")).await), Code::StreamNotFound);
    let once = PublishOptions { retries: 0, ..PublishOptions::default() };
    let publish = Publish::new("s.a", b"x");
    assert_eq!(code(js.publish_with(&publish, &once).await), Code::NoResponders);
    let fetch = js.pull("S", "worker").unwrap().fetch(&FetchOptions::default()).unwrap();
    assert_eq!(code(within("the end", fetch.all()).await), Code::NoResponders);
    // Made anew it begins anew.
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    assert_eq!(js.publish("s.a", "x").await.unwrap().seq, 1);
}

#[tokio::test]
async fn js_fault_25() {
    let (_server, client, js) = filled().await;
    let mut fetch = fetching(&js).await;
    client.force_reconnect().unwrap();
    take(&mut fetch, "2").await;
    assert_eq!(code(within("the end", fetch.next()).await), Code::ConnectionLost);
    let mut fetch = js.pull("S", "worker").unwrap().fetch(&FetchOptions::default()).unwrap();
    client.close().await;
    assert_eq!(code(within("the end", fetch.next()).await), Code::ConnectionClosed);
    let pull = js.pull("S", "worker").unwrap();
    assert_eq!(code(pull.fetch(&FetchOptions::default())), Code::ConnectionClosed);
    assert_eq!(code(js.publish("s.a", "x").await), Code::ConnectionClosed);
    assert_eq!(code(js.account_info().await), Code::ConnectionClosed);
}

#[tokio::test]
async fn js_fault_26() {
    let (server, client, js) = filled().await;
    let options = FetchOptions { heartbeat: Some(SHORT * 3), ..FetchOptions::default() };
    let mut fetch = js.pull("S", "worker").unwrap().fetch(&options).unwrap();
    take(&mut fetch, "1").await;
    take(&mut fetch, "2").await;
    flush(&client).await;
    server.pause().unwrap();
    assert_eq!(code(within("the end", fetch.next()).await), Code::HeartbeatMissed);
    server.resume().unwrap();
    assert_eq!(within("the publish", js.publish("s.a", "3")).await.unwrap().seq, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn js_fault_27() {
    let cluster = Cluster::start_with(3, Config::jetstream()).unwrap();
    let [here, others @ ..] = cluster.servers() else { unreachable!() };
    let client = within("connect", options(&here.url()).connect()).await.unwrap();
    let hasty = JetStreamOptions { timeout: Duration::from_secs(3), ..JetStreamOptions::default() };
    let js = client.jetstream_with(hasty).unwrap();
    let config = StreamConfig { num_replicas: 3, storage: Storage::File, ..stream("S", "s.>") };
    let patient = client.jetstream();
    patient.create_stream(&config).await.unwrap();
    patient.create_consumer("S", &worker()).await.unwrap();
    for text in ["1", "2"] {
        patient.publish("s.a", text).await.unwrap();
    }
    let mut messages = consuming(&js).await;
    for other in others {
        other.kill().unwrap();
    }
    let unavailable = [Code::Timeout, Code::NoResponders, Code::JetStream];
    let publish = Publish::new("s.a", b"3");
    let options = PublishOptions { msg_id: Some("3".into()), ..PublishOptions::default() };
    let error = within("the publish", js.publish_with(&publish, &options)).await.unwrap_err();
    assert!(unavailable.contains(&error.code()), "{error}");
    let made = within("the stream", js.create_stream(&stream("T", "t"))).await.unwrap_err();
    assert!(unavailable.contains(&made.code()), "{made}");
    let some = FetchOptions {
        expires: Duration::from_secs(3),
        heartbeat: Some(Duration::from_secs(1)),
        ..FetchOptions::default()
    };
    let fetch = js.pull("S", "worker").unwrap().fetch(&some).unwrap();
    // A leader that has not noticed yet answers, but has nothing.
    match within("the end", fetch.all()).await {
        Ok(none) => assert!(none.is_empty()),
        Err(error) => {
            let ended = [Code::NoResponders, Code::HeartbeatMissed, Code::PullRefused];
            assert!(ended.contains(&error.code()), "{error}");
        }
    }
    for other in others {
        other.restart().unwrap();
    }
    let again = async { while js.publish_with(&publish, &options).await.is_err() {} };
    tokio::time::timeout(PATIENCE * 3, again).await.expect("the quorum is back");
    // The messages without end go on by themselves. What was said of earlier ones may be forgotten.
    let until_third = async { while text(&messages.next().await.unwrap().unwrap()) != "3" {} };
    tokio::time::timeout(PATIENCE * 3, until_third).await.expect("the message");
    // What was not known to be stored is stored once.
    assert_eq!(js.stream_info("S").await.unwrap().state.messages, 3);
}

#[tokio::test]
async fn js_fault_30() {
    let (_server, _client, js) = filled().await;
    let mut messages = consuming(&js).await;
    js.delete_consumer("S", "worker").await.unwrap();
    assert_eq!(code(within("the end", messages.next()).await), Code::ConsumerNotFound);
    assert_eq!(code(within("the end", messages.next()).await), Code::ConsumerNotFound);
    js.create_consumer("S", &worker()).await.unwrap();
    let mut messages = consuming(&js).await;
    js.delete_stream("S").await.unwrap();
    let end = code(within("the end", messages.next()).await);
    assert!(matches!(end, Code::StreamNotFound | Code::ConsumerNotFound), "{end}");
    // One that was never there.
    let pull = js.pull("S", "never").unwrap();
    let mut messages = pull.messages(&ConsumeOptions::default()).unwrap();
    assert_eq!(code(within("the end", messages.next()).await), Code::StreamNotFound);
}
