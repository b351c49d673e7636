use std::time::Duration;

use nats_core::Code;
use nats_core::jetstream::{AckPolicy, ConsumerConfig, FetchOptions};

use super::support::streams::{now, one, start, store, worker};
use super::support::*;

#[tokio::test]
async fn js_consume_01() {
    let (_server, _client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    store(&js, 1..=25).await;
    let ten = FetchOptions { max_messages: 10, ..FetchOptions::default() };
    for first in [1, 11] {
        let got = within("the fetch", pull.fetch(&ten).unwrap().all()).await.unwrap();
        let texts: Vec<String> = got.iter().map(|message| text(message)).collect();
        assert_eq!(texts, (first..first + 10).map(|n| n.to_string()).collect::<Vec<_>>());
    }
    let rest = FetchOptions { expires: SHORT, ..ten };
    let got = within("the fetch", pull.fetch(&rest).unwrap().all()).await.unwrap();
    assert_eq!(got.len(), 5);
}

#[tokio::test]
async fn js_consume_02() {
    let (_server, _client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    let none = within("the fetch", pull.fetch(&now()).unwrap().all()).await.unwrap();
    assert!(none.is_empty());
    store(&js, 1..=3).await;
    // A consumer that is there hears of new messages with a delay.
    js.delete_consumer("S", "worker").await.unwrap();
    let pull = worker(&js, ConsumerConfig::default()).await;
    let some = within("the fetch", pull.fetch(&now()).unwrap().all()).await.unwrap();
    assert_eq!(some.len(), 3);
}

#[tokio::test]
async fn js_consume_03() {
    let (_server, _client, js) = start().await;
    let config = ConsumerConfig { ack_policy: AckPolicy::None, ..Default::default() };
    let pull = worker(&js, config).await;
    for _ in 0..10 {
        js.publish("s.big", vec![7; 1000]).await.unwrap();
    }
    let bytes = FetchOptions { max_messages: 1000, max_bytes: 3500, ..FetchOptions::default() };
    let got = within("the fetch", pull.fetch(&bytes).unwrap().all()).await.unwrap();
    assert_eq!(got.len(), 3);
}

#[tokio::test]
async fn js_consume_04() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    assert!(within("next", pull.next(SHORT)).await.unwrap().is_none());
    let mut fetch = pull.fetch(&FetchOptions::default()).unwrap();
    flush(&client).await;
    store(&js, 1..=1).await;
    let message = within("the message", fetch.next()).await.unwrap().unwrap();
    assert_eq!(text(&message), "1");
    drop(fetch);
    let waiting = tokio::spawn(async move { pull.next(FOREVER).await });
    flush(&client).await;
    store(&js, 2..=2).await;
    let message = within("next", waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(text(&message), "2");
}

#[tokio::test]
async fn js_consume_05() {
    let (server, client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    let heartbeat = Some(Duration::from_millis(300));
    let options = FetchOptions { expires: FOREVER, heartbeat, ..FetchOptions::default() };
    let mut fetch = pull.fetch(&options).unwrap();
    flush(&client).await;
    // With heartbeats it goes on.
    assert!(tokio::time::timeout(Duration::from_secs(1), fetch.next()).await.is_err());
    server.pause().unwrap();
    assert_eq!(code(within("the end", fetch.next()).await), Code::HeartbeatMissed);
}

#[tokio::test]
async fn js_consume_06() {
    let (_server, _client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    let base = FetchOptions { expires: Duration::from_secs(1), ..FetchOptions::default() };
    for (options, part) in [
        (FetchOptions { max_messages: 0, ..base.clone() }, "max_messages"),
        (FetchOptions { expires: Duration::ZERO, ..base.clone() }, "expires"),
        (FetchOptions { heartbeat: Some(base.expires), ..base.clone() }, "heartbeat"),
        (FetchOptions { priority: 10, ..base.clone() }, "priority"),
    ] {
        let error = pull.fetch(&options).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.text().starts_with(part), "{error}");
    }
    for (stream, consumer) in [("S", "a.b"), ("S", ""), ("S*", "a")] {
        assert_eq!(code(js.pull(stream, consumer)), Code::InvalidName);
    }
}

#[tokio::test]
async fn js_consume_07() {
    let (_server, _client, js) = start().await;
    let nobody = js.pull("S", "nobody").unwrap();
    let error = within("the end", nobody.fetch(&one(PATIENCE)).unwrap().next()).await;
    assert_eq!(code(error), Code::NoResponders);
    let pull = worker(&js, ConsumerConfig { max_batch: 5, ..Default::default() }).await;
    let error = within("the end", pull.fetch(&now()).unwrap().next()).await.unwrap_err();
    assert_eq!(error.code(), Code::PullRefused);
    assert!(error.text().contains("409 Exceeded MaxRequestBatch of 5"), "{error}");
}

#[tokio::test]
async fn js_consume_08() {
    let (_server, _client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    store(&js, 1..=2).await;
    let mut fetch = pull.fetch(&FetchOptions::default()).unwrap();
    let first = within("the message", fetch.next()).await.unwrap().unwrap();
    assert_eq!(text(&first), "1");
    js.delete_consumer("S", "worker").await.unwrap();
    let second = within("the message", fetch.next()).await.unwrap().unwrap();
    assert_eq!(text(&second), "2");
    for _ in 0..2 {
        assert_eq!(code(within("the end", fetch.next()).await), Code::ConsumerNotFound);
    }
}

#[tokio::test]
async fn js_consume_09() {
    let (_server, client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    let mut fetch = pull.fetch(&FetchOptions::default()).unwrap();
    client.force_reconnect().unwrap();
    assert_eq!(code(within("the end", fetch.next()).await), Code::ConnectionLost);
    let mut fetch = pull.fetch(&FetchOptions::default()).unwrap();
    client.close().await;
    assert_eq!(code(within("the end", fetch.next()).await), Code::ConnectionClosed);
    assert_eq!(code(pull.fetch(&FetchOptions::default())), Code::ConnectionClosed);
}
