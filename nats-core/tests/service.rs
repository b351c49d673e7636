//! Services and what they count, against a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::time::Duration;

use nats_core::service::{EndpointConfig, Queue, ServiceConfig, ServiceError};
use nats_core::{Code, Event, Headers, ManyOptions, Overflow, Request};
use support::services::*;
use support::*;

#[tokio::test]
async fn bad_names_are_refused() {
    let server = plain();
    let client = dial(&server.url()).await;
    let add = |name: &str, version: &str| client.add_service(&ServiceConfig::new(name, version));
    for name in ["", "a.b", "a b", "*", ">", "ä", "a\r\n"] {
        assert_eq!(code(add(name, "1.0.0")), Code::InvalidName, "{name:?}");
    }
    for version in ["", "1", "v1.0.0", "1.0.0\r\n"] {
        assert_eq!(code(add("s", version)), Code::InvalidArgument, "{version:?}");
    }
    let config =
        ServiceConfig { queue_group: Queue::named(""), ..ServiceConfig::new("s", "1.0.0") };
    let error = client.add_service(&config).unwrap_err();
    assert_eq!(error.code(), Code::InvalidQueueGroup);
    assert!(error.text().starts_with("queue_group: "), "{error}");

    let service = add("s", "1.0.0").unwrap();
    let none = EndpointConfig::default();
    for name in ["", "a.b", "a b", ">"] {
        assert_eq!(code(service.endpoint(name, &none)), Code::InvalidName, "{name:?}");
    }
    let group = service.group("g", Queue::Inherit).unwrap();
    for subject in ["", "a..b", ".a", "a b", ">.a", "a\r\nPUB x 0"] {
        let error = service.endpoint("e", &at(subject)).unwrap_err();
        assert_eq!(error.code(), Code::InvalidSubject, "{subject:?}");
        assert!(error.text().starts_with("subject: "), "{error}");
        assert_eq!(code(group.endpoint("e", &at(subject))), Code::InvalidSubject, "{subject:?}");
    }
    for queue in ["", "a b", "*"] {
        let queue = Queue::named(queue);
        assert_eq!(code(service.endpoint("e", &queued(queue.clone()))), Code::InvalidQueueGroup);
        assert_eq!(code(service.group("g", queue.clone())), Code::InvalidQueueGroup);
    }
    for prefix in [">", "a.>", "a b", "a."] {
        assert_eq!(code(service.group(prefix, Queue::Inherit)), Code::InvalidSubject, "{prefix:?}");
    }
    assert!(service.info().endpoints.is_empty());
}

#[tokio::test]
async fn requests_and_errors_are_counted_and_reset() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    echo(&endpoint);
    let started = service.stats().started;
    for payload in ["1", "bad", "2", "3"] {
        client.request("e", payload).await.unwrap();
    }
    let stats = counted(&service, 4).await.endpoints.remove(0);
    assert_eq!((stats.num_errors, &*stats.last_error), (1, "400:no good"));
    assert!(stats.processing_time > 0);
    assert_eq!(stats.average_processing_time, stats.processing_time / 4);
    assert_eq!(endpoint.stats(), stats);
    service.reset();
    let reset = service.stats();
    assert!(reset.started > started, "{} {started}", reset.started);
    let again = &reset.endpoints[0];
    assert_eq!((again.num_requests, again.num_errors, again.processing_time), (0, 0, 0));
    assert_eq!((&*again.last_error, &*again.queue_group), ("", "q"));
    client.request("e", "4").await.unwrap();
    counted(&service, 1).await;
}

#[tokio::test]
async fn a_request_counts_once_however_it_ends() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    let answers = client.subscribe("answers").unwrap();
    for n in 0..4 {
        ask(&client, &n.to_string()).await;
    }
    publish(&client, "e", "nobody waits").await;

    let mut request = within("a request", endpoint.next()).await.unwrap();
    request.message().respond("part").await.unwrap();
    assert_eq!(service.stats().endpoints[0].num_requests, 0);
    request.respond("whole").await.unwrap();
    request.respond("more").await.unwrap();
    drop(request);
    let stats = counted(&service, 1).await;
    assert_eq!(stats.endpoints[0].num_errors, 0);
    for text in ["part", "whole", "more"] {
        assert_eq!(next_text(&answers).await, text);
    }

    drop(within("a request", endpoint.next()).await);
    assert_eq!(counted(&service, 2).await.endpoints[0].num_errors, 0, "given up");

    let mut request = within("a request", endpoint.next()).await.unwrap();
    for (number, text, expected) in [
        (0, "x", Code::InvalidArgument),
        (1, "", Code::InvalidArgument),
        (1, "\n", Code::InvalidHeader),
    ] {
        assert_eq!(code(request.respond_error(number, text, "", None).await), expected);
    }
    let mut own = Headers::new();
    own.append("Own", "1").unwrap();
    request.respond_error(409, "tried again", "", Some(&own)).await.unwrap();
    let answer = next(&answers).await;
    assert_eq!((answer.header("Own"), ServiceError::of(&answer).unwrap().code), (Some("1"), 409));
    assert_eq!(counted(&service, 3).await.endpoints[0].last_error, "409:tried again");

    let request = within("a request", endpoint.next()).await.unwrap();
    let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _request = request;
        panic!("a fault of the handler");
    }));
    assert!(thrown.is_err());
    assert_eq!(ServiceError::of(&next(&answers).await).unwrap().code, 500);
    assert_eq!(counted(&service, 4).await.endpoints[0].last_error, "500:the handler panicked");

    let mut request = within("a request", endpoint.next()).await.unwrap();
    assert_eq!(code(request.respond("").await), Code::NoReply);
    drop(request);
    let stats = counted(&service, 5).await.endpoints.remove(0);
    assert_eq!(stats.num_errors, 3);
    assert!(stats.last_error.starts_with("NO_REPLY: "), "{}", stats.last_error);
}

/// As a binding does it.
#[tokio::test]
async fn messages_of_the_subscription_are_counted_by_who_takes_them() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    for n in 0..3 {
        ask(&client, &n.to_string()).await;
    }
    flush(&client).await;
    let subscription = endpoint.subscription().clone();
    let batch = subscription.take_batch(8).unwrap();
    assert_eq!((batch.len(), service.stats().endpoints[0].num_requests), (3, 0));
    let stop = service.stop_with(PATIENCE, None);
    let error = ServiceError::internal("threw").to_string();
    for (n, message) in batch.enumerate() {
        assert!(!service.is_stopped());
        message.respond(message.payload()).await.unwrap();
        let error = (n == 1).then_some(&*error);
        endpoint.handled(Duration::from_micros(n as u64), error);
    }
    within("the stop", stop).await.unwrap();
    let stats = service.stats().endpoints.remove(0);
    assert_eq!((stats.num_requests, stats.num_errors, &*stats.last_error), (3, 1, "500:threw"));
    assert_eq!((stats.processing_time, stats.average_processing_time), (3000, 1000));
}

#[tokio::test]
async fn instances_share_requests_unless_queues_are_disabled() {
    let server = plain();
    let (one, two) = (dial(&server.url()).await, dial(&server.url()).await);
    let asker = dial(&server.url()).await;
    let mut services = Vec::new();
    for client in [&one, &two] {
        let (service, endpoint) = serving(client).await;
        let all = service.endpoint("all", &queued(Queue::Disabled)).unwrap();
        let own = EndpointConfig { queue_group: Queue::named(service.id()), ..at("own") };
        let own = service.endpoint("own", &own).unwrap();
        for endpoint in [&endpoint, &all, &own] {
            echo(endpoint);
        }
        flush(client).await;
        services.push(service);
    }
    for n in 0..100 {
        asker.request("e", n.to_string()).await.unwrap();
    }
    for subject in ["all", "own"] {
        let wait = ManyOptions { max_messages: Some(2), max_wait: PATIENCE, ..Default::default() };
        let replies = asker.request_many(&Request::new(subject, b"x"), &wait).await.unwrap();
        assert_eq!([next_text(&replies).await, next_text(&replies).await], ["x", "x"]);
    }
    let requests = |index: usize| {
        services
            .iter()
            .map(move |one| one.stats().endpoints[index].num_requests)
            .collect::<Vec<_>>()
    };
    within("all of the counts", async {
        while requests(0).iter().sum::<u64>() < 100 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(requests(0).iter().all(|count| *count > 0), "{:?}", requests(0));
    assert_eq!([requests(1), requests(2)], [[1, 1], [1, 1]]);
}

#[tokio::test]
async fn pending_limits_are_those_of_the_endpoint() {
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

    let strict = EndpointConfig { overflow: Some(Overflow::Error), ..limits };
    let strict = service.endpoint("strict", &strict).unwrap();
    publish_numbers(&client, "strict", 0..3).await;
    for endpoint in [&endpoint, &strict] {
        for _ in 0..2 {
            drop(within("a request", endpoint.next()).await.unwrap());
        }
    }
    let error = within("the end", service.stopped()).await.unwrap_err();
    assert_eq!(error.code(), Code::SlowConsumer);
    assert!(error.text().starts_with("endpoint strict: "), "{error}");
}
