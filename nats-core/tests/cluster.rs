//! The server pool, and what decides the way to the next server.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nats_core::{Code, Event, Login, Pick};
use nats_harness::{Cluster, Config, Server};
use support::*;

#[tokio::test]
async fn life_07() {
    let cluster = Cluster::start(3).unwrap();
    cluster.wait_ready().unwrap();
    let [first, second, third] = cluster.servers() else { panic!("three servers") };
    let (wanted, asked) = (Arc::new(Mutex::new(third.url())), Arc::new(Mutex::new(Vec::new())));
    let (wish, heard) = (Arc::clone(&wanted), Arc::clone(&asked));
    let name = first.info().unwrap()["server_id"].as_str().unwrap().to_owned();
    let options = options(&first.url()).pick_server(move |servers, info| {
        heard.lock().unwrap().push((servers.len(), info.server_id.clone()));
        let url = wish.lock().unwrap().clone();
        async move { (!url.is_empty()).then_some(Pick { url, delay: Duration::ZERO }) }
    });
    let (client, mut events) = dial_watched(options).await;
    assert!(asked.lock().unwrap().is_empty(), "not for the first connection");
    while client.server_pool().len() < 3 {
        events.next().await;
    }
    for url in [third.url(), second.url(), second.url()] {
        *wanted.lock().unwrap() = url.clone();
        client.force_reconnect().unwrap();
        events.wait("reconnected").await;
        assert_eq!(client.connected_url(), Some(url));
    }
    assert_eq!(asked.lock().unwrap()[0], (3, name));
    // One that is not in the pool, and none, stand for the usual order.
    for url in ["nats://elsewhere.invalid:1", ""] {
        *wanted.lock().unwrap() = url.into();
        client.force_reconnect().unwrap();
        events.wait("reconnected").await;
        let error = client.last_error().filter(|_| !url.is_empty());
        assert!(error.is_none_or(|error| error.text().contains("picked")));
    }
}

#[tokio::test]
async fn a_pick_may_wait_and_close_does_not_wait_for_it() {
    let server = plain();
    let url = server.url();
    let options = options(&server.url()).pick_server(move |_, _| {
        let url = url.clone();
        async move { Some(Pick { url, delay: FOREVER }) }
    });
    let (client, mut events) = dial_watched(options).await;
    client.force_reconnect().unwrap();
    events.wait("disconnected").await;
    within("close", client.close()).await;
    assert_eq!(events.count("reconnecting"), 0);
}

#[tokio::test]
async fn a_picked_server_that_is_down_is_not_tried_without_a_pause() {
    const PAUSE: Duration = Duration::from_millis(100);
    let server = plain();
    let url = server.url();
    let options = options(&server.url()).reconnect_delay_min(PAUSE).pick_server(move |_, _| {
        let url = url.clone();
        async move { Some(Pick { url, delay: Duration::ZERO }) }
    });
    let (client, mut events) = dial_watched(options).await;
    let since = Instant::now();
    server.kill().unwrap();
    for _ in 0..4 {
        events.wait("reconnecting").await;
    }
    assert!(since.elapsed() >= 3 * PAUSE, "{:?}", since.elapsed());
    server.restart().unwrap();
    events.wait("reconnected").await;
    within("close", client.close()).await;
}

#[tokio::test]
async fn the_pool_is_read_and_replaced() {
    let (old, new) = (plain(), plain());
    let (client, mut events) = dial_watched(options(&old.url())).await;
    client.set_servers([new.url(), "nats://127.0.0.1:1".to_owned()]).unwrap();
    assert_eq!(client.connected_url(), Some(old.url()), "it stays where it is");
    let error = client.set_servers(["nats://h:0"]).unwrap_err();
    assert_eq!(error.code(), Code::InvalidUrl);
    assert_eq!(client.set_servers([""; 0]).unwrap_err().code(), Code::InvalidUrl);
    assert_eq!(client.servers().len(), 2);
    old.kill().unwrap();
    events.wait("reconnected").await;
    assert_eq!(client.connected_url(), Some(new.url()));
    new.kill().unwrap();
    let failed = async {
        loop {
            let pool = client.server_pool();
            if pool.iter().all(|server| server.failures > 0) {
                return pool;
            }
            events.next().await;
        }
    };
    for server in within("failures", failed).await {
        assert!(!server.discovered && server.last_error.is_some(), "{server:?}");
    }
}

#[tokio::test]
async fn refusals_are_survived_unless_two_are_enough() {
    let server = Server::start(Config::user("alice", "secret")).unwrap();
    for abort in [false, true] {
        let password = Arc::new(Mutex::new("secret"));
        let secret = Arc::clone(&password);
        let options = options(&server.url()).abort_on_auth_error(abort).authenticator(move |_| {
            let password = *secret.lock().unwrap();
            let login = Login {
                user: Some("alice".into()),
                password: Some(password.into()),
                ..Login::default()
            };
            async { Ok(login) }
        });
        let (client, mut events) = dial_watched(options).await;
        *password.lock().unwrap() = "wrong";
        client.force_reconnect().unwrap();
        let mut refusals = 0;
        let closed = loop {
            match events.next().await {
                Event::ServerError(error) if error.code() == Code::Authorization => refusals += 1,
                Event::Closed { .. } => break true,
                _ => {}
            }
            if refusals == 5 {
                break false;
            }
        };
        assert_eq!(closed, abort);
        if abort {
            assert_eq!(client.last_error().unwrap().code(), Code::Authorization);
        } else {
            *password.lock().unwrap() = "secret";
            events.wait("reconnected").await;
        }
    }
}

#[tokio::test]
async fn credentials_of_a_url_serve_discovered_servers_too() {
    let cluster = Cluster::start_with(2, Config::user("alice", "secret")).unwrap();
    cluster.wait_ready().unwrap();
    let servers = cluster.servers();
    let url = servers[0].url().replace("://", "://alice:secret@");
    let (client, mut events) = dial_watched(options(&url)).await;
    while client.server_pool().len() < 2 {
        events.next().await;
    }
    servers[0].kill().unwrap();
    events.wait("reconnected").await;
    assert_eq!(client.connected_url(), Some(servers[1].url()));
}

#[tokio::test]
async fn jitter_makes_the_wait_longer() {
    let server = plain();
    let rounds = |jitter: u64| {
        let options = options(&server.url())
            .reconnect_delay_min(Duration::ZERO)
            .reconnect_delay_max(Duration::ZERO)
            .reconnect_jitter(Duration::from_millis(jitter))
            .reconnect_jitter_tls(FOREVER)
            .max_reconnects(Some(8));
        async {
            let (client, _events) = dial_watched(options).await;
            client.set_servers(["nats://127.0.0.1:1"]).unwrap();
            let start = Instant::now();
            client.force_reconnect().unwrap();
            within("close", client.closed()).await;
            start.elapsed()
        }
    };
    // Seven waits of up to a quarter second each: some are long, none is FOREVER.
    let (without, with) = (rounds(0).await, rounds(250).await);
    assert!(with > without + Duration::from_millis(100), "{without:?} {with:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_flaps_a_hundred_times_leaves_nothing_behind() {
    let server = plain();
    let proxy = nats_harness::Proxy::start(&server.address()).unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let options = options(&proxy.url()).authenticator(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok(Login::default()) }
    });
    let (client, mut events) = dial_watched(options).await;
    let subscription = client.subscribe("a").unwrap();
    let sockets = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let mut before = (0, 0);
    for round in 0..100 {
        if round == 10 {
            before = (sockets(), tasks());
        }
        let cut = if round % 2 == 0 { nats_harness::Cut::Rst } else { nats_harness::Cut::Fin };
        proxy.cut_now(cut).unwrap();
        events.wait("reconnected").await;
        publish(&client, "a", round.to_string()).await;
        assert_eq!(next_text(&subscription).await, round.to_string());
    }
    proxy.wait_active(1, PATIENCE).unwrap();
    assert!(
        sockets() <= before.0 + 2 && tasks() <= before.1,
        "{before:?} {} {}",
        sockets(),
        tasks()
    );
    assert!(asked.load(Ordering::Relaxed) >= 101);
    assert_eq!(client.stats().reconnects, 100);
}
