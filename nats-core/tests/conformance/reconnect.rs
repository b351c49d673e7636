use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_core::{
    Client, Code, ConnectOptions, Event, OutboundPolicy, State, SubscribeOptions, connect,
};
use nats_harness::{Cluster, Cut, DEFAULT_INFO, Direction, FakeServer, Server, Step};

use super::support::cuts::Exchange;
use super::support::*;

/// A connection whose server has been killed; publishes wait in the buffer.
async fn orphan(options: ConnectOptions, server: &Server) -> (Client, Events) {
    let (client, mut events) = dial_watched(options).await;
    server.kill().unwrap();
    events.wait("disconnected").await;
    (client, events)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_01() {
    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    let group = SubscribeOptions { queue: Some("g".into()), ..SubscribeOptions::default() };
    let all = client.subscribe("x.*").unwrap();
    let members = [0, 1].map(|_| client.subscribe_with("x.*", &group).unwrap());
    let gone = client.subscribe("x.*").unwrap();
    gone.unsubscribe().unwrap();
    flush(&client).await;
    for restart in 1..=3 {
        server.restart().unwrap();
        events.wait("disconnected").await;
        events.wait("reconnected").await;
        publish_numbers(&client, "x.y", 0..100).await;
        flush(&client).await;
        expect_numbers(&all, 0..100).await;
        let shares = members.each_ref().map(|member| take_texts(member).len());
        assert_eq!(shares[0] + shares[1], 100, "each to one member: {shares:?}");
        assert_eq!(client.stats().reconnects, restart);
    }
    assert_eq!(client.stats().in_messages, 3 * 200, "nothing comes twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_02() {
    let server = plain();
    let (client, _events) = orphan(options(&server.url()), &server).await;
    let subscription = client.subscribe("x").unwrap();
    publish_numbers(&client, "x", 0..5000).await;
    assert!(client.outbound_pending() > 0);
    server.restart().unwrap();
    expect_numbers(&subscription, 0..5000).await;
    flush(&client).await;
    assert!(subscription.try_next().is_none());
    assert_eq!((client.outbound_pending(), client.stats().dropped_out), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_03() {
    const LIMIT: usize = 10_000;
    let server = plain();
    let policies = [OutboundPolicy::Error, OutboundPolicy::Wait, OutboundPolicy::DropOldest];
    for policy in policies {
        server.restart().unwrap();
        let small = options(&server.url()).outbound_bytes(LIMIT).outbound_policy(policy);
        let (client, _events) = orphan(small.publish_timeout(SHORT), &server).await;
        let subscription = client.subscribe("x").unwrap();
        let mut accepted = 0;
        for number in 0..1000 {
            match within("publish", client.publish("x", number.to_string())).await {
                Ok(()) => accepted += 1,
                Err(error) => {
                    assert_eq!(error.code(), Code::OutboundFull);
                    assert_eq!(error.text().contains("100 ms"), policy == OutboundPolicy::Wait);
                    break;
                }
            }
            assert!(client.outbound_pending() <= LIMIT);
        }
        let dropped = client.stats().dropped_out;
        let drops = policy == OutboundPolicy::DropOldest;
        assert_eq!((drops, drops), (accepted == 1000, dropped > 0), "{policy:?}");
        server.restart().unwrap();
        expect_numbers(&subscription, dropped..accepted).await;
        flush(&client).await;
        assert!(subscription.try_next().is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_04() {
    let cluster = Cluster::start(3).unwrap();
    let servers = cluster.servers();
    let (client, mut events) = dial_watched(options(&servers[0].url())).await;
    let discovered = client.discovered_servers();
    assert_eq!(discovered.len(), 2, "{discovered:?}");
    assert_eq!(client.servers().len(), 3);
    let subscription = client.subscribe("x").unwrap();
    flush(&client).await;
    servers[0].kill().unwrap();
    let Event::Reconnected { url } = events.wait("reconnected").await else { unreachable!() };
    assert!(discovered.contains(&url), "{url}");
    assert_eq!(client.connected_url(), Some(url));
    publish(&client, "x", "from here").await;
    assert_eq!(next_text(&subscription).await, "from here");

    let ignorant = options(&servers[1].url()).ignore_discovered(true);
    let ignorant = within("connect", ignorant.connect()).await.unwrap();
    assert_eq!(ignorant.servers(), [servers[1].url()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_12() {
    let server = plain();
    let rounds = Arc::new(Mutex::new(vec![]));
    let asked = Arc::clone(&rounds);
    // The usual back-off would take a hundred minutes.
    let minute = Duration::from_secs(60);
    let options = options(&server.url())
        .max_reconnects(Some(100))
        .reconnect_delay_min(minute)
        .reconnect_delay_max(minute)
        .reconnect_delay(move |round| {
            asked.lock().unwrap().push(round);
            async move { (round > 1).then_some(Duration::from_millis(1)) }
        });
    let (client, _events) = dial_watched(options).await;
    server.kill().unwrap();
    within("close", client.closed()).await;
    assert_eq!(*rounds.lock().unwrap(), (1..100).collect::<Vec<u32>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_05() {
    let server = plain();
    for give_up in
        [options(&server.url()).reconnect(false), options(&server.url()).max_reconnects(Some(2))]
    {
        server.restart().unwrap();
        let attempts = if give_up.reconnect { 2 } else { 0 };
        let (client, mut events) = dial_watched(give_up).await;
        let waiting = client.subscribe("x").unwrap();
        flush(&client).await;
        server.kill().unwrap();
        let mut heard = vec![];
        while heard.last() != Some(&"closed") {
            heard.push(events.next().await.name());
        }
        let tried = heard.iter().filter(|name| **name == "reconnecting").count();
        assert_eq!(tried, attempts, "{heard:?}");
        assert_eq!(client.state(), State::Closed);
        assert_eq!(end_of(&waiting).await, Code::ConnectionClosed);
        assert!(client.last_error().is_some());
    }
}

/// A selection of the cuts; faults.rs makes them at every byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_06() {
    let mut exchange = Exchange::start().await;
    for (direction, cut) in [(Direction::ToServer, Cut::Fin), (Direction::ToClient, Cut::Rst)] {
        for offset in (1..=exchange.bytes(direction).await).step_by(5) {
            exchange.cut_at(direction, offset, cut).await;
        }
    }
    exchange.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_07() {
    let silent = vec![Step::Handshake, Step::Silence];
    let fake = FakeServer::start_with(vec![silent, vec![Step::Handshake]]).unwrap();
    let impatient = options(&fake.url()).ping_interval(SHORT / 4).max_pings_out(2);
    let (client, mut events) = dial_watched(impatient).await;
    let Event::Disconnected { reason } = events.wait("disconnected").await else { unreachable!() };
    assert_eq!(reason.code(), Code::StaleConnection);
    // The first PING belongs to the handshake.
    assert_eq!(fake.received_text(0).matches("PING\r\n").count(), 3);
    events.wait("reconnected").await;
    let pings = |bytes: &[u8]| String::from_utf8_lossy(bytes).matches("PING\r\n").count() > 5;
    fake.wait_for(1, PATIENCE, pings).unwrap();
    assert_eq!(events.count("disconnected"), 0, "answered pings keep the connection");
    assert_eq!(client.stats().reconnects, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_08() {
    const LIMIT: usize = 256 * 1024;
    let server = plain();
    let bounded = options(&server.url()).outbound_bytes(LIMIT).publish_timeout(SHORT);
    let client = within("connect", bounded.connect()).await.unwrap();
    server.pause().unwrap();
    let block = [0; 16 * 1024];
    let mut accepted: u64 = 0;
    let error = loop {
        match within("publish", client.publish("x", &block)).await {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
        assert!(client.outbound_pending() <= LIMIT);
        assert!(accepted < 10_000, "the system's own buffers are not that large");
    };
    assert_eq!(error.code(), Code::OutboundFull);
    assert!(client.outbound_pending() <= LIMIT);
    assert_eq!(code(within("flush", client.flush_timeout(SHORT)).await), Code::Timeout);
    server.resume().unwrap();
    flush(&client).await;
    assert_eq!(client.stats().out_messages, accepted);
    assert_eq!(server.monitor("/varz").unwrap()["in_msgs"], accepted, "all have arrived");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_09() {
    // Between two attempts.
    let server = plain();
    let slow = options(&server.url())
        .reconnect_delay_max(FOREVER)
        .reconnect_delay_min(Duration::from_secs(300));
    let (client, mut events) = orphan(slow, &server).await;
    events.wait("reconnecting").await;
    within("close", client.close()).await;
    assert_eq!(client.state(), State::Closed);

    // In the middle of an attempt.
    let hangs_up = vec![Step::Handshake, Step::Close];
    let half = vec![Step::send(&DEFAULT_INFO[..20]), Step::Silence];
    let fake = FakeServer::start_with(vec![hangs_up, half]).unwrap();
    let (client, mut events) = dial_watched(options(&fake.url()).connect_timeout(FOREVER)).await;
    events.wait("reconnecting").await;
    fake.wait_connections(2, PATIENCE).unwrap();
    within("close", client.close()).await;
    assert_eq!(client.state(), State::Closed);
    fake.wait_closed(1, PATIENCE).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_10() {
    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    let subscription = client.subscribe("x").unwrap();
    let id = client.server_info().client_id;
    publish(&client, "x", "before").await;
    flush(&client).await;
    client.force_reconnect().unwrap();
    let Event::Disconnected { reason } = events.wait("disconnected").await else { unreachable!() };
    assert_eq!(reason.code(), Code::ConnectionLost);
    events.wait("reconnected").await;
    assert_ne!(client.server_info().client_id, id, "it is another socket");
    publish(&client, "x", "after").await;
    assert_eq!(next_text(&subscription).await, "before");
    assert_eq!(next_text(&subscription).await, "after");
    assert_eq!(server.monitor("/connz").unwrap()["num_connections"], 1);
    within("close", client.close()).await;
    assert_eq!(code(client.force_reconnect()), Code::ConnectionClosed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_11() {
    let server = plain();
    let (client, _events) = orphan(options(&server.url()), &server).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.flush_timeout(FOREVER).await }
    });
    assert_eq!(code(within("flush", client.flush_timeout(SHORT)).await), Code::Timeout);
    assert!(!waiting.is_finished());
    server.restart().unwrap();
    assert_eq!(within("flush", waiting).await.unwrap(), Ok(()));

    let script = vec![Step::Handshake, Step::expect("PING"), Step::Reset];
    let fake = FakeServer::start_with(vec![script, vec![Step::Handshake]]).unwrap();
    let client = within("connect", connect(&fake.url())).await.unwrap();
    let interrupted = within("flush", client.flush_timeout(FOREVER)).await;
    assert_eq!(code(interrupted), Code::ConnectionLost);
    flush(&client).await;
}
