//! Services and what goes wrong around them.

use nats_core::{Client, Code, Event, Overflow, Request, State};
use nats_harness::{Config, Server, User};

use super::service::*;
use super::support::*;

/// A client whose user may not subscribe to this.
async fn without(subject: &str) -> (Server, Client) {
    let user = User::new("u", "p").deny_subscribe(subject);
    let server = Server::start(Config::users(vec![user])).unwrap();
    let client = options(&server.url()).user_and_password("u", "p").connect().await.unwrap();
    (server, client)
}

#[tokio::test]
async fn service_25() {
    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    let service = client.add_service(&ServiceConfig::new("s", "1.0.0")).unwrap();
    let limits = EndpointConfig { pending_messages: Some(2), ..EndpointConfig::default() };
    let endpoint = service.endpoint("e", &limits).unwrap();
    publish_numbers(&client, "e", 0..5).await;
    let event = events.wait("slow_consumer").await;
    let Event::SlowConsumer { sid, subject } = event else { panic!("{event:?}") };
    assert_eq!((sid, &*subject), (endpoint.subscription().sid(), "e"));
    flush(&client).await;
    let stats = endpoint.subscription().stats();
    assert_eq!((stats.pending_messages, stats.dropped), (2, 3));
    assert!(!service.is_stopped());
}

#[tokio::test]
async fn service_26() {
    let server = plain();
    let client = dial(&server.url()).await;
    let service = client.add_service(&ServiceConfig::new("s", "1.0.0")).unwrap();
    let strict = EndpointConfig {
        pending_messages: Some(2),
        overflow: Some(Overflow::Error),
        ..EndpointConfig::default()
    };
    let strict = service.endpoint("strict", &strict).unwrap();
    publish_numbers(&client, "strict", 0..3).await;
    flush(&client).await;
    for _ in 0..2 {
        drop(within("a request", strict.next()).await.unwrap());
    }
    let error = within("the end", service.stopped()).await.unwrap_err();
    assert_eq!(error.code(), Code::SlowConsumer);
    assert!(error.text().starts_with("endpoint strict: "), "{error}");
}

#[tokio::test]
async fn service_28() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    let other = service.endpoint("other", &EndpointConfig::default()).unwrap();
    echo(&other);
    let question = Request::new("e", b"").timeout(SHORT);
    assert_eq!(code(client.request_with(&question).await), Code::Timeout);
    let _held = within("a request", endpoint.next()).await.unwrap();
    assert_eq!(text(&client.request("other", "goes on").await.unwrap()), "goes on");
    assert_eq!(asked(&client, "$SRV.STATS.s").await["endpoints"][0]["num_requests"], 0);
}

#[tokio::test]
async fn service_29() {
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
async fn service_30() {
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
async fn service_31() {
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
async fn service_32() {
    for own_stats in [false, true] {
        let (_server, client) = without("$SRV.STATS.s").await;
        let config = ServiceConfig { own_stats, ..ServiceConfig::new("s", "1.0.0") };
        let service = client.add_service(&config).unwrap();
        assert_eq!(code(within("the end", service.stopped()).await), Code::Permission);
    }
}
