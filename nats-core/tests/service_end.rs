//! How services end, against a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::time::Duration;

use nats_core::service::{EndpointConfig, Queue, ServiceConfig};
use nats_core::{Client, Code, Error, Publish, State};
use nats_harness::{Config, Server, User};
use support::services::*;
use support::*;

/// A client whose user may not subscribe to this.
async fn without(subject: &str) -> (Server, Client) {
    let user = User::new("u", "p").deny_subscribe(subject);
    let server = Server::start(Config::users(vec![user])).unwrap();
    let client = options(&server.url()).user_and_password("u", "p").connect().await.unwrap();
    (server, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_requests_that_are_under_way() {
    let server = plain();
    let (client, asker) = (dial(&server.url()).await, dial(&server.url()).await);
    let answers = asker.subscribe("answers").unwrap();
    let (service, endpoint) = serving(&client).await;
    for n in 0..100 {
        ask(&asker, &n.to_string()).await;
    }
    flush(&asker).await;
    let mut first = within("a request", endpoint.next()).await.unwrap();
    let stop = tokio::spawn(service.stop_with(PATIENCE, None));
    let again = tokio::spawn(service.stop_with(Duration::ZERO, Some(Code::Internal.into())));
    for _ in 1..100 {
        let mut request = within("a request", endpoint.next()).await.unwrap();
        let payload = request.message().payload_bytes();
        request.respond(payload).await.unwrap();
    }
    assert!(within("the end of requests", endpoint.next()).await.is_none());
    assert!(!service.is_stopped() && !stop.is_finished());
    assert_eq!(
        code(service.endpoint("late", &EndpointConfig::default())),
        Code::SubscriptionClosed
    );
    first.respond("0").await.unwrap();
    within("the stop", stop).await.unwrap().unwrap();
    within("the other stop", again).await.unwrap().unwrap();
    within("one more", service.stop()).await.unwrap();
    within("the end", service.stopped()).await.unwrap();
    flush(&client).await;
    flush(&asker).await;
    let mut numbers: Vec<u64> = take_texts(&answers).iter().map(|n| n.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    for subject in ["e", "$SRV.PING", "$SRV.INFO.s", "$SRV.STATS.s"] {
        assert_eq!(code(asker.request(subject, "").await), Code::NoResponders, "{subject}");
    }
    assert_eq!(service.stats().endpoints[0].num_requests, 100, "it can still tell");
    assert_eq!(client.state(), State::Connected);
}

#[tokio::test]
async fn a_handler_that_never_answers_blocks_nothing_and_a_stop_ends_in_time() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    let other = service.endpoint("other", &EndpointConfig::default()).unwrap();
    echo(&other);
    ask(&client, "one").await;
    ask(&client, "two").await;
    let held = within("a request", endpoint.next()).await.unwrap();
    assert_eq!(text(&client.request("other", "goes on").await.unwrap()), "goes on");
    within("an answer", client.request("$SRV.STATS.s", "")).await.unwrap();
    let error = within("the stop", service.stop_with(SHORT, None)).await.unwrap_err();
    assert_eq!(error.to_string(), "TIMEOUT: 2 requests were not handled after 100 ms");
    within("the end", service.stopped()).await.unwrap();
    drop(held);
    assert_eq!(within("what has come", endpoint.next()).await.unwrap().message().payload(), b"two");
    assert!(endpoint.next().await.is_none());
}

#[tokio::test]
async fn a_stop_may_have_a_reason_and_goes_on_by_itself() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, _endpoint) = serving(&client).await;
    let stopped = service.stopped();
    drop(service.stop_with(PATIENCE, Some(Error::new(Code::Io, "the disk is gone"))));
    assert_eq!(within("the end", stopped).await.unwrap_err().to_string(), "IO: the disk is gone");
    within("the stop", service.stop()).await.unwrap();
}

#[tokio::test]
async fn a_service_lives_as_long_as_somebody_holds_it() {
    let server = plain();
    let (client, asker) = (dial(&server.url()).await, dial(&server.url()).await);
    let (service, endpoint) = serving(&client).await;
    let group = service.group("g", Queue::Inherit).unwrap();
    let stopped = service.stopped();
    drop((service, endpoint));
    let answer = within("an answer", asker.request("$SRV.INFO.s", "")).await.unwrap();
    assert!(text(&answer).contains("\"endpoints\":[]"), "{}", text(&answer));
    assert_eq!(code(asker.request("e", "").await), Code::NoResponders);
    let endpoint = group.endpoint("last", &EndpointConfig::default()).unwrap();
    drop((group, client));
    let client = endpoint.subscription().client().clone();
    flush(&client).await;
    echo(&endpoint).abort();
    within("an answer", asker.request("$SRV.PING.s", "")).await.unwrap();
    assert!(!endpoint.service().is_stopped());
    drop(endpoint);
    within("the end", stopped).await.unwrap();
    flush(&client).await;
    assert_eq!(code(asker.request("$SRV.PING", "").await), Code::NoResponders);
}

#[tokio::test]
async fn a_service_answers_again_after_a_reconnect() {
    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    let (service, endpoint) = serving(&client).await;
    echo(&endpoint);
    client.request("e", "before").await.unwrap();
    server.restart().unwrap();
    events.wait("reconnected").await;
    let asker = dial(&server.url()).await;
    assert_eq!(text(&within("an answer", asker.request("e", "after")).await.unwrap()), "after");
    counted(&service, 2).await;
    let stats = asker.discover_with(quick()).stats(Some("s"), Some(service.id())).await;
    let stats = within("an answer", stats.unwrap().all()).await.unwrap().remove(0);
    assert_eq!(stats.endpoints[0].num_requests, 2);
}

#[tokio::test]
async fn a_stop_without_a_server_waits_for_what_was_taken() {
    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    let (service, endpoint) = serving(&client).await;
    ask(&client, "1").await;
    ask(&client, "2").await;
    let held = within("a request", endpoint.next()).await.unwrap();
    flush(&client).await;
    server.kill().unwrap();
    events.wait("disconnected").await;
    let stop = tokio::spawn(service.stop_with(FOREVER, None));
    drop(within("a request", endpoint.next()).await.unwrap());
    assert!(within("the end of requests", endpoint.next()).await.is_none());
    assert!(!stop.is_finished());
    drop(held);
    within("the stop", stop).await.unwrap().unwrap();
    server.restart().unwrap();
    events.wait("reconnected").await;
    flush(&client).await;
    for subject in ["e", "$SRV.PING"] {
        assert_eq!(code(client.request(subject, "").await), Code::NoResponders, "{subject}");
    }
}

#[tokio::test]
async fn a_refused_endpoint_ends_the_service_and_tells_why() {
    let (_server, client) = without("denied").await;
    let (service, endpoint) = serving(&client).await;
    let denied = service.endpoint("denied", &EndpointConfig::default()).unwrap();
    let error = within("the end", service.stopped()).await.unwrap_err();
    assert_eq!(error.code(), Code::Permission);
    assert!(error.text().starts_with("endpoint denied: "), "{error}");
    assert_eq!(end_of(denied.subscription()).await, Code::Permission);
    assert_eq!(end_of(endpoint.subscription()).await, Code::SubscriptionClosed);
    assert_eq!(client.state(), State::Connected);
    within("the stop", service.stop()).await.unwrap();
}

#[tokio::test]
async fn a_service_that_cannot_be_found_ends() {
    for own_stats in [false, true] {
        let (_server, client) = without("$SRV.STATS.s").await;
        let config = ServiceConfig { own_stats, ..ServiceConfig::new("s", "1.0.0") };
        let service = client.add_service(&config).unwrap();
        assert_eq!(code(within("the end", service.stopped()).await), Code::Permission);
    }
}

#[tokio::test]
async fn a_closed_connection_ends_the_service() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    let stopped = service.stopped();
    client.close().await;
    assert_eq!(code(within("the end", stopped).await), Code::ConnectionClosed);
    assert!(within("the end of requests", endpoint.next()).await.is_none());
    within("the stop", service.stop()).await.unwrap();
    assert_eq!(code(client.add_service(&ServiceConfig::new("s", "1.0.0"))), Code::ConnectionClosed);

    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    ask(&client, "held").await;
    let held = within("a request", endpoint.next()).await.unwrap();
    let stop = tokio::spawn(service.stop_with(FOREVER, None));
    assert!(within("the end of requests", endpoint.next()).await.is_none());
    client.close().await;
    assert_eq!(code(within("the stop", stop).await.unwrap()), Code::ConnectionClosed);
    drop(held);
}

#[tokio::test]
async fn a_drained_connection_answers_and_ends_the_service() {
    let server = plain();
    let (client, asker) = (dial(&server.url()).await, dial(&server.url()).await);
    let (service, endpoint) = serving(&client).await;
    let answers = asker.subscribe("answers").unwrap();
    for n in 0..100 {
        ask(&asker, &n.to_string()).await;
    }
    let pings = asker.subscribe("pings").unwrap();
    for _ in 0..100 {
        asker.publish_with(&Publish::new("$SRV.PING", b"").reply("pings")).await.unwrap();
    }
    flush(&asker).await;
    let drain = client.drain_with(PATIENCE, async {});
    assert_eq!(
        code(client.add_service(&ServiceConfig::new("s", "1.0.0"))),
        Code::ConnectionDraining
    );
    assert_eq!(code(service.endpoint("x", &EndpointConfig::default())), Code::ConnectionDraining);
    echo(&endpoint);
    within("the drain", drain).await.unwrap();
    expect_numbers(&answers, 0..100).await;
    for _ in 0..100 {
        assert!(next_text(&pings).await.contains(service.id()));
    }
    assert_eq!(code(within("the end", service.stopped()).await), Code::ConnectionClosed);
}
