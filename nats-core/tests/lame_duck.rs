//! The move to another server while the old one is about to shut down: nothing is lost or doubled.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nats_core::{Client, Event, SubscribeOptions, Subscription};
use nats_harness::{Certificates, Cluster, Config, Server, TlsMode};
use support::*;
use tokio::task::JoinHandle;

fn cluster(config: Config) -> Cluster {
    let cluster = Cluster::start_with(3, config).unwrap();
    cluster.wait_ready().unwrap();
    cluster
}

fn member() -> SubscribeOptions {
    SubscribeOptions { queue: Some("q".into()), ..SubscribeOptions::default() }
}

/// Waits until `other`'s server knows what `client` has subscribed to: of the last subscription it
/// hears last.
async fn known_by(client: &Client, other: &Client) {
    let last = client.new_inbox().unwrap();
    let heard = client.subscribe(&last).unwrap();
    flush(client).await;
    let asking = async {
        loop {
            publish(other, &last, "known?").await;
            flush(other).await;
            if heard.try_next().is_some() {
                break;
            }
        }
    };
    within("the other server's knowledge", asking).await;
}

/// Does something again and again until it is told to stop.
struct Loop<T> {
    on: Arc<AtomicBool>,
    task: JoinHandle<T>,
}

impl<T: Send + 'static> Loop<T> {
    fn start<F>(work: impl FnOnce(Arc<AtomicBool>) -> F) -> Loop<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let on = Arc::new(AtomicBool::new(true));
        Loop { task: tokio::spawn(work(Arc::clone(&on))), on }
    }

    async fn stop(self) -> T {
        self.on.store(false, Ordering::Relaxed);
        within("the end of a loop", self.task).await.unwrap()
    }
}

/// Publishes numbers, and says how many.
fn publishing(client: &Client, subject: &'static str) -> Loop<u64> {
    let client = client.clone();
    Loop::start(|on| async move {
        let mut number = 0;
        let mut pace = tokio::time::interval(Duration::from_millis(1));
        while on.load(Ordering::Relaxed) {
            publish_numbers(&client, subject, number..number + 20).await;
            number += 20;
            pace.tick().await;
        }
        flush(&client).await;
        number
    })
}

/// Requests one after the other, of which none may fail; says how many.
fn asking(client: &Client) -> Loop<u64> {
    let client = client.clone();
    Loop::start(|on| async move {
        let mut count = 0;
        while on.load(Ordering::Relaxed) {
            client.request("echo", "there").await.unwrap();
            count += 1;
        }
        count
    })
}

/// Each number must come once.
async fn expect_all(subscription: &Subscription, count: u64) {
    let mut come = Vec::new();
    for _ in 0..count {
        come.push(next_text(subscription).await.parse::<u64>().unwrap());
    }
    come.sort_unstable();
    assert!(come.into_iter().eq(0..count), "{}: each once", subscription.subject());
    assert!(subscription.try_next().is_none(), "more than was published");
}

/// Each number must come once and in order.
async fn expect_numbers(subscription: &Subscription, count: u64) {
    for number in 0..count {
        assert_eq!(next_text(subscription).await, number.to_string(), "{}", subscription.subject());
    }
    assert!(subscription.try_next().is_none(), "more than was published");
}

async fn moved(server: &Server, events: &mut Events) -> String {
    server.lame_duck().unwrap();
    events.wait("lame_duck").await;
    match events.wait("migrated").await {
        Event::Migrated { url } => url,
        other => panic!("{other:?}"),
    }
}

/// Waits until this many messages more have come.
async fn receive(client: &Client, count: u64) {
    let wanted = client.stats().in_messages + count;
    let received = async {
        while client.stats().in_messages < wanted {
            tokio::task::yield_now().await;
        }
    };
    within("more messages", received).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn life_08() {
    let cluster = cluster(Config::plain());
    let [old, other, _] = cluster.servers() else { panic!("three servers") };
    let (client, mut events) = dial_watched(options(&old.url())).await;
    let witness = dial(&other.url()).await;
    let (incoming, seen) = (client.subscribe("in").unwrap(), witness.subscribe("out").unwrap());
    let own = client.subscribe("out").unwrap();
    // On a subject of its own: a server that has lost its member of a group passes what was meant
    // for it on to another server, where plain subscriptions to the same subject get it, too.
    let shares =
        [&client, &witness].map(|client| client.subscribe_with("work", &member()).unwrap());
    let echo = client.subscribe("echo").unwrap();
    let answering = tokio::spawn(async move {
        while let Some(message) = echo.next().await {
            message.respond("back").await.unwrap();
        }
    });
    known_by(&client, &witness).await;
    known_by(&witness, &client).await;
    let (inwards, outwards) = (publishing(&witness, "in"), publishing(&client, "out"));
    let work = publishing(&witness, "work");
    let (asking_self, asking_it) = (asking(&client), asking(&witness));

    receive(&client, 1_000).await;
    let url = moved(old, &mut events).await;
    assert_ne!(url, old.url());
    assert_eq!(client.connected_url(), Some(url.clone()));
    assert!(url.ends_with(&client.server_info().port.to_string()));
    receive(&client, 2_000).await;

    assert!(asking_self.stop().await > 0 && asking_it.stop().await > 0);
    let (received, sent) = (inwards.stop().await, outwards.stop().await);
    let worked = work.stop().await;
    flush(&client).await;
    expect_numbers(&incoming, received).await;
    // By way of the old server and of the new one: which is faster, nobody can say.
    expect_all(&seen, sent).await;
    expect_numbers(&own, sent).await;
    let mut shared = Vec::new();
    while shared.len() < worked as usize {
        let message = tokio::select! {
            message = next(&shares[0]) => message,
            message = next(&shares[1]) => message,
        };
        shared.push(text(&message).parse::<u64>().unwrap());
    }
    shared.sort_unstable();
    assert!(shared.into_iter().eq(0..worked), "each to one member of the queue group");
    assert_eq!(client.stats().reconnects, 0);
    assert_eq!(events.count("disconnected"), 0);
    answering.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_that_change_on_the_way() {
    let cluster = cluster(Config::plain());
    let [old, other, _] = cluster.servers() else { panic!("three servers") };
    let (client, mut events) = dial_watched(options(&old.url())).await;
    let witness = dial(&other.url()).await;
    let counted = client.subscribe("in").unwrap();
    counted.unsubscribe_after(12_000).unwrap();
    known_by(&client, &witness).await;
    let inwards = publishing(&witness, "in");
    receive(&client, 200).await;
    // Subscriptions come, are limited and go all the time.
    let changer = client.clone();
    let changing = Loop::start(|on| async move {
        let mut kept = Vec::new();
        let mut pace = tokio::time::interval(Duration::from_millis(2));
        while on.load(Ordering::Relaxed) {
            kept.push(changer.subscribe("later").unwrap());
            changer.subscribe("gone").unwrap().unsubscribe().unwrap();
            let limited = changer.subscribe("limited").unwrap();
            pace.tick().await;
            limited.unsubscribe_after(1).unwrap();
            kept.push(limited);
        }
        flush(&changer).await;
        kept
    });
    moved(old, &mut events).await;
    receive(&client, 200).await;
    let kept = changing.stop().await;
    publish(&client, "later", "x").await;
    publish(&client, "limited", "x").await;
    publish(&client, "limited", "too much").await;
    publish(&client, "gone", "x").await;
    flush(&client).await;
    for subscription in &kept {
        assert_eq!(next_text(subscription).await, "x");
        assert!(subscription.try_next().is_none());
    }
    let shown = cluster.servers().iter().filter(|server| server.url() != old.url());
    let of_client = shown.flat_map(|server| {
        let shown = server.monitor("/connz?subs=1").unwrap();
        shown["connections"].as_array().unwrap().clone()
    });
    let subjects: Vec<_> = of_client
        .flat_map(|c| c["subscriptions_list"].as_array().cloned().unwrap_or_default())
        .collect();
    let count = |subject: &str| subjects.iter().filter(|s| *s == subject).count();
    assert_eq!(count("later") * 2, kept.len());
    assert_eq!((count("limited"), count("gone")), (0, 0), "{subjects:?}");
    for number in 0..12_000u64 {
        assert_eq!(next_text(&counted).await, number.to_string());
    }
    assert!(within("the end", counted.next()).await.is_none());
    inwards.stop().await;
}

#[tokio::test]
async fn over_tls_and_websocket() {
    let certificates = Certificates::generate().unwrap();
    let config = Config::plain().with_tls(TlsMode::Required, certificates.clone());
    let cluster = cluster(config.with_websocket(true));
    for websocket in [false, true] {
        let at = usize::from(websocket);
        let old = &cluster.servers()[at];
        let url = if websocket { old.ws_url() } else { old.url() };
        let options = options(&url).tls_ca_file(certificates.ca()).ws_compression(true);
        let (client, mut events) = dial_watched(options).await;
        let subscription = client.subscribe("a").unwrap();
        publish_numbers(&client, "a", 0..100).await;
        let url = moved(old, &mut events).await;
        assert_eq!(url.starts_with("wss"), websocket, "{url}");
        publish_numbers(&client, "a", 100..200).await;
        flush(&client).await;
        expect_numbers(&subscription, 200).await;
    }
}

#[tokio::test]
async fn alone_or_unwilling_it_stays_until_the_server_goes() {
    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    server.lame_duck().unwrap();
    events.wait("lame_duck").await;
    flush(&client).await;
    // What is under way does not hinder the end.
    within("close", client.close()).await;
    assert_eq!(events.count("migrated"), 0);

    let cluster = cluster(Config::plain());
    let old = &cluster.servers()[0];
    let (client, mut events) = dial_watched(options(&old.url()).migrate_on_lame_duck(false)).await;
    old.lame_duck().unwrap();
    events.wait("lame_duck").await;
    flush(&client).await;
    old.kill().unwrap();
    events.wait("reconnected").await;
    assert_eq!(events.count("migrated"), 0);
}

#[tokio::test]
async fn close_drain_and_loss_in_the_middle() {
    for round in 0..12u64 {
        let cluster = cluster(Config::plain());
        let old = &cluster.servers()[0];
        let (client, mut events) = dial_watched(options(&old.url())).await;
        let subscription = client.subscribe("a").unwrap();
        flush(&client).await;
        publish_numbers(&client, "a", 0..100).await;
        old.lame_duck().unwrap();
        events.wait("lame_duck").await;
        // At another moment of the move each time, which takes a bit more than a quarter second.
        tokio::time::sleep(Duration::from_millis(round / 3 * 95)).await;
        match round % 3 {
            0 => within("close", client.close()).await,
            1 => {
                let (drained, ()) = tokio::join!(client.drain(), async {
                    expect_numbers(&subscription, 100).await
                });
                drained.unwrap();
            }
            _ => {
                old.kill().unwrap();
                while client.connected_url().is_none_or(|url| url == old.url()) {
                    events.next().await;
                }
                flush(&client).await;
                publish(&client, "a", "after").await;
                let mut last = String::new();
                while last != "after" {
                    last = next_text(&subscription).await;
                }
                continue;
            }
        }
        events.wait("closed").await;
    }
}
