use nats_core::{Client, Code, Event, Overflow, SubscribeOptions, Subscription};

use super::support::*;

fn limited(client: &Client, subject: &str, messages: usize, overflow: Overflow) -> Subscription {
    let options = SubscribeOptions {
        pending_messages: Some(messages),
        overflow: Some(overflow),
        ..SubscribeOptions::default()
    };
    client.subscribe_with(subject, &options).unwrap()
}

async fn flood(client: &Client, subject: &str, numbers: std::ops::Range<u64>) {
    publish_numbers(client, subject, numbers).await;
    flush(client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_01() {
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = limited(&client, "x", 10, Overflow::DropNewest);
    flood(&client, "x", 0..100).await;
    let stats = subscription.stats();
    assert_eq!((stats.pending_messages, stats.dropped, stats.max_pending_messages), (10, 90, 10));
    assert_eq!(client.stats().dropped_in, 90);
    expect_numbers(&subscription, 0..10).await;
    flood(&client, "x", 100..105).await;
    expect_numbers(&subscription, 100..105).await;
    assert!(subscription.try_next().is_none());
    let stats = subscription.stats();
    assert_eq!((stats.pending_messages, stats.pending_bytes, stats.delivered), (0, 0, 15));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_02() {
    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    let subscription = limited(&client, "slow", 10, Overflow::DropNewest);
    for _episode in 0..3 {
        for _flood in 0..5 {
            flood(&client, "slow", 0..100).await;
        }
        let heard = events.so_far();
        let [Event::SlowConsumer { sid, subject }] = &heard[..] else {
            panic!("one slow-consumer event is expected: {heard:?}");
        };
        assert_eq!((*sid, subject.as_str()), (subscription.sid(), "slow"));
        assert_eq!(take_texts(&subscription).len(), 10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_03() {
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = limited(&client, "x", 10, Overflow::DropOldest);
    flood(&client, "x", 0..100).await;
    assert_eq!(subscription.stats().dropped, 90);
    assert_eq!(client.stats().dropped_in, 90);
    expect_numbers(&subscription, 90..100).await;
    assert!(subscription.try_next().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_04() {
    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    let subscription = limited(&client, "x", 10, Overflow::Error);
    flood(&client, "x", 0..100).await;
    expect_numbers(&subscription, 0..10).await;
    assert_eq!(end_of(&subscription).await, Code::SlowConsumer);
    assert_eq!(events.count("slow_consumer"), 1);
    flush(&client).await;
    let before = client.stats().in_messages;
    flood(&client, "x", 0..10).await;
    assert_eq!(client.stats().in_messages, before, "the server was told to stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_05() {
    let server = plain();
    let client = dial(&server.url()).await;
    let bytes = |bytes| SubscribeOptions {
        pending_messages: Some(0),
        pending_bytes: Some(bytes),
        ..SubscribeOptions::default()
    };
    let bounded = client.subscribe_with("x", &bytes(1000)).unwrap();
    let unbounded = client.subscribe_with("x", &bytes(0)).unwrap();
    for _ in 0..70_000 {
        publish(&client, "x", [0; 100]).await;
    }
    flush(&client).await;
    let stats = bounded.stats();
    assert_eq!((stats.pending_bytes, stats.max_pending_bytes), (1000, 1000));
    assert_eq!((stats.pending_messages, stats.dropped), (10, 70_000 - 10));
    let stats = unbounded.stats();
    assert_eq!((stats.pending_messages, stats.dropped), (70_000, 0));
    let by_default = client.options();
    assert_eq!((by_default.pending_messages, by_default.pending_bytes), (65_536, 64 << 20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_06() {
    let server = plain();
    let client = dial(&server.url()).await;
    let slow = limited(&client, "x", 5, Overflow::DropNewest);
    let quick = client.subscribe("x").unwrap();
    for round in 0..20 {
        publish_numbers(&client, "x", round * 1000..(round + 1) * 1000).await;
        expect_numbers(&quick, round * 1000..(round + 1) * 1000).await;
    }
    // The server may send the slow subscription's copy of the last message behind the quick one's.
    client.flush().await.unwrap();
    flush(&client).await;
    assert_eq!(quick.stats().dropped, 0);
    assert_eq!(slow.stats().dropped, 20_000 - 5);
}
