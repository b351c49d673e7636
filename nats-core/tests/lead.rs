//! A thread that reads the socket while it waits, and what it leaves to the connection's task.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

use std::time::{Duration, Instant};

use nats_core::{Client, Lead, Subscription};
use nats_harness::{Config, Server};

const LONG: Duration = Duration::from_secs(20);

async fn lead(client: &Client) -> Lead {
    let end = Instant::now() + LONG;
    loop {
        if let Some(lead) = client.downgrade().lead() {
            return lead;
        }
        assert!(Instant::now() < end, "the connection is never prepared");
        tokio::task::yield_now().await;
    }
}

async fn next(subscription: &Subscription) -> String {
    let message = tokio::time::timeout(LONG, subscription.next()).await.expect("nobody reads");
    String::from_utf8(message.unwrap().payload().to_vec()).unwrap()
}

async fn rig() -> (Server, Client, Client, Subscription) {
    let server = Server::start(Config::plain()).unwrap();
    let client = nats_core::connect(&server.url()).await.unwrap();
    let other = nats_core::connect(&server.url()).await.unwrap();
    let subscription = client.subscribe("data").unwrap();
    client.flush().await.unwrap();
    (server, client, other, subscription)
}

/// Publishes, and returns when it is in the other connection's socket, or about to be.
async fn send(other: &Client, text: &str) {
    other.publish("data", text).await.unwrap();
    other.flush().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reader_leaves_unread_is_read() {
    let (_server, client, other, subscription) = rig().await;
    for round in 0..300 {
        // Read by the connection's task, which is told by the runtime ...
        send(&other, "first").await;
        assert_eq!(next(&subscription).await, "first", "round {round}");
        // ... and then is not, until the reader gives up its right.
        let right = lead(&client).await;
        assert!(client.downgrade().lead().is_none(), "one reads at a time");
        send(&other, "second").await;
        if round % 2 == 0 {
            drop(right);
        } else {
            right.leave();
        }
        assert_eq!(next(&subscription).await, "second", "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_hands_out_what_arrives_and_who_leaves_finds_it_later() {
    let (_server, client, other, subscription) = rig().await;
    for round in 0..300 {
        let mut right = lead(&client).await;
        send(&other, "a message").await;
        let end = Instant::now() + LONG;
        while subscription.stats().pending_messages == 0 {
            assert!(Instant::now() < end, "round {round}");
            right.wait(Duration::from_millis(100));
        }
        right.leave();
        assert_eq!(next(&subscription).await, "a message");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bell_ends_the_wait_and_so_does_the_end_of_the_socket() {
    let (server, client, _other, _subscription) = rig().await;
    let mut right = lead(&client).await;
    let bell = std::sync::Arc::clone(right.bell());
    let started = Instant::now();
    let ringer = std::thread::spawn(move || bell.ring());
    right.wait(LONG);
    assert!(started.elapsed() < LONG);
    ringer.join().unwrap();
    right.wait(Duration::ZERO);
    server.kill().unwrap();
    right.wait(LONG);
    // Who reads the next socket has a bell of its own: a ring for one of two may wake the other.
    let own = client.downgrade().lead();
    assert!(own.is_none_or(|own| !std::sync::Arc::ptr_eq(own.bell(), right.bell())));
    assert!(started.elapsed() < LONG);
    // The socket is not the reader's any more: it sleeps until somebody rings.
    let slept = Instant::now();
    right.wait(Duration::from_millis(50));
    right.wait(Duration::from_millis(50));
    assert!(slept.elapsed() >= Duration::from_millis(50));
    server.restart().unwrap();
    tokio::time::timeout(LONG, client.flush()).await.unwrap().unwrap();
    drop(right);
    drop(lead(&client).await);
}
