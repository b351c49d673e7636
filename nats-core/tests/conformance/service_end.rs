//! How services end.

use std::time::Duration;

use nats_core::{Code, Error, Publish, State};

use super::service::*;
use super::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_20() {
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
    for _ in 1..100 {
        let mut request = within("a request", endpoint.next()).await.unwrap();
        let payload = request.message().payload_bytes();
        request.respond(payload).await.unwrap();
    }
    assert!(within("the end of requests", endpoint.next()).await.is_none());
    assert!(!service.is_stopped() && !stop.is_finished());
    first.respond("0").await.unwrap();
    within("the stop", stop).await.unwrap().unwrap();
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
async fn service_21() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    ask(&client, "one").await;
    ask(&client, "two").await;
    flush(&client).await;
    let held = within("a request", endpoint.next()).await.unwrap();
    let error = within("the stop", service.stop_with(SHORT, None)).await.unwrap_err();
    assert_eq!(error.to_string(), "TIMEOUT: 2 requests were not handled after 100 ms");
    within("the end", service.stopped()).await.unwrap();
    drop(held);
    assert_eq!(within("what has come", endpoint.next()).await.unwrap().message().payload(), b"two");
    assert!(endpoint.next().await.is_none());
}

#[tokio::test]
async fn service_22() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    ask(&client, "held").await;
    let mut held = within("a request", endpoint.next()).await.unwrap();
    let stop = tokio::spawn(service.stop_with(PATIENCE, None));
    let again = tokio::spawn(service.stop_with(Duration::ZERO, Some(Code::Internal.into())));
    assert!(within("the end of requests", endpoint.next()).await.is_none());
    assert!(!service.is_stopped() && !stop.is_finished() && !again.is_finished());
    let none = EndpointConfig::default();
    assert_eq!(code(service.endpoint("late", &none)), Code::SubscriptionClosed);
    held.respond("").await.unwrap();
    within("the stop", stop).await.unwrap().unwrap();
    within("the other stop", again).await.unwrap().unwrap();
    within("one more", service.stop()).await.unwrap();
    within("the end", service.stopped()).await.unwrap();
    assert_eq!(code(service.endpoint("late", &none)), Code::SubscriptionClosed);
}

#[tokio::test]
async fn service_23() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, _endpoint) = serving(&client).await;
    let (one, two) = (tokio::spawn(service.stopped()), tokio::spawn(service.stopped()));
    assert!(!service.is_stopped());
    within("the stop", service.stop()).await.unwrap();
    for stopped in [one, two] {
        within("the end", stopped).await.unwrap().unwrap();
    }
    assert!(service.is_stopped());
}

#[tokio::test]
async fn service_24() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, _endpoint) = serving(&client).await;
    let stopped = service.stopped();
    drop(service.stop_with(PATIENCE, Some(Error::new(Code::Io, "the disk is gone"))));
    assert_eq!(within("the end", stopped).await.unwrap_err().to_string(), "IO: the disk is gone");
    within("the stop", service.stop()).await.unwrap();
}

#[tokio::test]
async fn service_27() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    let other = service.endpoint("other", &EndpointConfig::default()).unwrap();
    echo(&other);
    endpoint.subscription().unsubscribe().unwrap();
    within("its end", async {
        while service.info().endpoints.len() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    flush(&client).await;
    assert_eq!(code(client.request("e", "").await), Code::NoResponders);
    assert_eq!(text(&client.request("other", "goes on").await.unwrap()), "goes on");
    assert!(!service.is_stopped());
}

#[tokio::test]
async fn service_33() {
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
async fn service_34() {
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
    let drain = tokio::spawn(drain);
    let mut held = within("a request", endpoint.next()).await.unwrap();
    echo(&endpoint);
    expect_numbers(&answers, 1..100).await;
    // What is with a handler is waited for.
    assert!(!drain.is_finished());
    held.respond("0").await.unwrap();
    within("the drain", drain).await.unwrap().unwrap();
    assert_eq!(next_text(&answers).await, "0");
    for _ in 0..100 {
        assert!(next_text(&pings).await.contains(service.id()));
    }
    assert_eq!(code(within("the end", service.stopped()).await), Code::ConnectionClosed);
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
