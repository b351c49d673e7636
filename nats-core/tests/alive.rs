//! Peers that stop, vanish, or end in the middle: noticed within the limits.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nats_core::{Code, ConnectOptions, Event};
use nats_harness::{Certificates, Config, Cut, Direction, Proxy, Server, TlsMode};
use support::*;

const PING: Duration = Duration::from_millis(200);

fn pinging(url: &str) -> ConnectOptions {
    options(url).ping_interval(PING).max_pings_out(2)
}

async fn stale(events: &mut Events, since: Instant) {
    let Event::Disconnected { reason } = events.wait("disconnected").await else { unreachable!() };
    assert_eq!(reason.code(), Code::StaleConnection, "{reason}");
    // Two pings without an answer, and the third is not sent any more.
    assert!(since.elapsed() >= 2 * PING, "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_stopped_server_and_vanished_networks_are_noticed_by_pings() {
    let server = plain();
    let (client, mut events) = dial_watched(pinging(&server.url())).await;
    let since = Instant::now();
    server.pause().unwrap();
    stale(&mut events, since).await;
    server.resume().unwrap();
    events.wait("reconnected").await;
    flush(&client).await;

    for direction in [Direction::Both, Direction::ToServer, Direction::ToClient] {
        let proxy = Proxy::start(&server.address()).unwrap();
        let (client, mut events) = dial_watched(pinging(&proxy.url())).await;
        let subscription = client.subscribe("a").unwrap();
        flush(&client).await;
        let since = Instant::now();
        proxy.black_hole(direction);
        stale(&mut events, since).await;
        proxy.resume();
        events.wait("reconnected").await;
        publish(&client, "a", "again").await;
        assert_eq!(next_text(&subscription).await, "again");
    }
}

#[tokio::test]
async fn a_busy_connection_that_gets_no_answer_is_noticed_too() {
    let server = plain();
    let proxy = Proxy::start(&server.address()).unwrap();
    let (client, mut events) = dial_watched(pinging(&proxy.url())).await;
    let since = Instant::now();
    proxy.black_hole(Direction::Both);
    let publisher = client.clone();
    let publishing = tokio::spawn(async move {
        while publisher.publish("a", "x").await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    stale(&mut events, since).await;
    publishing.abort();
}

#[tokio::test]
async fn a_tls_handshake_cut_anywhere_is_an_error_and_the_next_one_works() {
    let certificates = Certificates::generate().unwrap();
    let config = Config::plain().with_tls(TlsMode::Verify, certificates.clone());
    let server = Server::start(config).unwrap();
    let proxy = Proxy::start(&server.address()).unwrap();
    let options = || {
        options(&proxy.url())
            .tls_ca_file(certificates.ca())
            .tls_identity_files(certificates.client_cert(), certificates.client_key())
    };
    let client = within("connect", options().connect()).await.unwrap();
    client.close().await;
    let lengths = [Direction::ToServer, Direction::ToClient].map(|way| (way, proxy.bytes(way)));
    for (direction, length) in lengths {
        // In steps that hit all kinds of records, and their first bytes.
        let cuts = (1..8).chain((8..length).step_by(97));
        for (number, at) in cuts.enumerate() {
            let cut = if number % 2 == 0 { Cut::Fin } else { Cut::Rst };
            proxy.cut_after(direction, at, cut);
            match within("connect", options().connect()).await {
                // Cut behind what is needed.
                Ok(client) => client.close().await,
                Err(error) => {
                    assert_eq!(error.code(), Code::NoServers, "{direction:?} {at}: {error}");
                }
            }
        }
    }
    let client = within("connect", options().connect()).await.unwrap();
    flush(&client).await;
}

#[tokio::test]
async fn close_returns_promptly_whatever_the_connection_does() {
    let server = plain();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    for url in [
        // It never answers.
        format!("nats://{address}"),
        format!("ws://{address}"),
        format!("tls://{address}"),
        "nats://no-such-host.invalid".to_owned(),
        "nats://127.0.0.1:1".to_owned(),
    ] {
        for proxy in [None, Some(format!("http://{address}")), Some(format!("socks5://{address}"))]
        {
            let mut options = options(&url).connect_in_background(true).connect_timeout(FOREVER);
            options.proxy = proxy.map(Into::into);
            options.retry_on_failed_connect = true;
            let client = within("connect", options.connect()).await.unwrap();
            tokio::task::yield_now().await;
            within("close", client.close()).await;
        }
    }
    // While the program is asked who connects.
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let options = options(&server.url()).connect_in_background(true).authenticator(move |_| {
        *count.lock().unwrap() += 1;
        std::future::pending()
    });
    let client = within("connect", options.connect()).await.unwrap();
    let question = async {
        while *asked.lock().unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    within("the question", question).await;
    within("close", client.close()).await;
}
