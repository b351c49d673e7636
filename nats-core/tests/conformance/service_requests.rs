//! Requests to services and their answers.

use std::time::Duration;

use nats_core::{Code, Headers, Request};

use super::service::*;
use super::support::*;

#[tokio::test]
async fn service_10() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (_service, endpoint) = serving(&client).await;
    let answers = client.subscribe("answers").unwrap();
    ask(&client, "question").await;
    let mut request = within("a request", endpoint.next()).await.unwrap();
    assert_eq!((request.message().payload(), request.message().subject()), (&b"question"[..], "e"));
    let mut headers = Headers::new();
    headers.append("Kind", "plain").unwrap();
    request.respond_with(Some(&headers), b"\x00\xff").await.unwrap();
    let answer = next(&answers).await;
    assert_eq!((answer.payload(), answer.header("Kind")), (&b"\x00\xff"[..], Some("plain")));
}

#[tokio::test]
async fn service_11() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    echo(&endpoint);
    let answer = client.request("e", "bad").await.unwrap();
    assert_eq!(answer.header("Nats-Service-Error-Code"), Some("400"));
    assert_eq!(answer.header("Nats-Service-Error"), Some("no good"));
    assert_eq!(text(&answer), "why");
    let stats = counted(&service, 1).await.endpoints.remove(0);
    assert_eq!((stats.num_errors, &*stats.last_error), (1, "400:no good"));
}

#[tokio::test]
async fn service_12() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    let answers = client.subscribe("answers").unwrap();
    ask(&client, "").await;
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
    assert_eq!(counted(&service, 1).await.endpoints[0].last_error, "409:tried again");
}

#[tokio::test]
async fn service_13() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (_service, endpoint) = serving(&client).await;
    echo(&endpoint);
    let answer = client.request("e", "bad").await.unwrap();
    assert_eq!(ServiceError::of(&answer), Some(ServiceError::new(400, "no good")));
    let error = client.request_service(&Request::new("e", b"bad")).await.unwrap_err();
    assert_eq!(error.to_string(), "SERVICE_ERROR: the service answered 400: no good");
    let fine = client.request_service(&Request::new("e", b"good")).await.unwrap();
    assert_eq!((text(&fine), ServiceError::of(&fine)), ("good".into(), None));
    assert_eq!(code(client.request_service(&Request::new("x", b"")).await), Code::NoResponders);
}

#[tokio::test]
async fn service_14() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    let answers = client.subscribe("answers").unwrap();
    ask(&client, "").await;
    let request = within("a request", endpoint.next()).await.unwrap();
    let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _request = request;
        panic!("a fault of the handler");
    }));
    assert!(thrown.is_err());
    assert_eq!(ServiceError::of(&next(&answers).await).unwrap().code, 500);
    let stats = counted(&service, 1).await.endpoints.remove(0);
    assert_eq!((stats.num_errors, &*stats.last_error), (1, "500:the handler panicked"));
}

#[tokio::test]
async fn service_15() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    let answers = client.subscribe("answers").unwrap();
    ask(&client, "late").await;
    ask(&client, "soon").await;
    let mut late = within("a request", endpoint.next()).await.unwrap();
    let mut soon = within("a request", endpoint.next()).await.unwrap();
    soon.respond("soon").await.unwrap();
    assert_eq!(next_text(&answers).await, "soon");
    assert_eq!(service.stats().endpoints[0].num_requests, 1);
    tokio::spawn(async move { late.respond("late").await.unwrap() }).await.unwrap();
    assert_eq!(next_text(&answers).await, "late");
    assert_eq!(counted(&service, 2).await.endpoints[0].num_errors, 0);
}

#[tokio::test]
async fn service_16() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (service, endpoint) = serving(&client).await;
    let answers = client.subscribe("answers").unwrap();
    ask(&client, "parts").await;
    ask(&client, "given up").await;
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
    assert_eq!(code(request.respond("").await), Code::NoReply);
    drop(request);
    let stats = counted(&service, 3).await.endpoints.remove(0);
    assert_eq!(stats.num_errors, 1);
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
