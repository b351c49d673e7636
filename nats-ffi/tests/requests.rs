//! Requests through the C API, over a real server.
#![allow(clippy::unwrap_used)]

mod common;

use std::mem::MaybeUninit;
use std::ptr::null;

use common::*;
use nats_core::Code;
use nats_ffi::*;

/// Answers with what it was asked, headers included.
fn echo(nc: *mut nats_connection) -> *mut nats_subscription {
    let answer = |_, _, msg: *mut nats_msg| {
        let headers = get(|o, e| nats_msg_headers(msg, o, e)).unwrap();
        let echoed = nats_msg_payload(msg);
        call(|e| nats_msg_respond_msg(msg, headers, echoed, e)).unwrap();
        nats_headers_free(headers);
    };
    listen(nc, "echo", answer).0
}

#[test]
fn blocking_requests_with_and_without_headers() {
    let server = server();
    let nc = connect(&server);
    let service = echo(nc);
    let answer = get(|o, e| nats_request(nc, s("echo"), b(b"hello"), LONG, o, e)).unwrap();
    assert_eq!(payload(answer), "hello");
    nats_msg_free(answer);
    let headers = get(|o, e| nats_headers_new(o, e)).unwrap();
    call(|e| nats_headers_append(headers, s("A"), s("1"), e)).unwrap();
    call(|e| nats_headers_append(headers, s("A"), s("2"), e)).unwrap();
    for flags in [0, NATS_REQUEST_OWN_INBOX] {
        let subject = s("echo");
        let ask = |o: Option<&mut _>, e: Option<&mut _>| {
            nats_request_msg(nc, subject, headers, b(b"h"), LONG, flags, o, e)
        };
        let answer = get(ask).unwrap();
        let expected = [("A", "1"), ("A", "2")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(walk(answer), expected);
        let exact = get(|o, e| nats_msg_header(answer, s("a"), o, e));
        assert_eq!(code(exact), Code::NotFound);
        assert!(get(|o, e| nats_msg_header_ignore_case(answer, s("a"), o, e)).is_ok());
        call(|e| nats_msg_check(answer, e)).unwrap();
        let refused = call(|e| nats_msg_respond(answer, b(b""), e));
        assert_eq!(code(refused), Code::NoReply);
        nats_msg_free(answer);
    }
    let nobody = get(|o, e| nats_request(nc, s("nobody"), b(b""), LONG, o, e));
    assert_eq!(code(nobody), Code::NoResponders);
    nats_subscription_free(service);
    nats_headers_free(headers);
    nats_connection_free(nc);
}

/// All headers, by cursor.
fn walk(msg: *mut nats_msg) -> Vec<(String, String)> {
    let (mut cursor, mut seen) = (0, Vec::new());
    loop {
        let (mut name, mut value) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        let (n, v) = (Some(&mut name), Some(&mut value));
        if nats_msg_header_next(msg, Some(&mut cursor), n, v) == 0 {
            return seen;
        }
        // SAFETY: written by a call that returned 1.
        seen.push(unsafe { (text(name.assume_init()), text(value.assume_init())) });
    }
}

#[test]
fn asynchronous_requests() {
    let server = server();
    let nc = connect(&server);
    let service = echo(nc);
    let queue = get(|o, e| nats_queue_new(o, e)).unwrap();
    call(|e| nats_request_async(nc, s("echo"), null(), b(b"q"), LONG, 0, queue, 5, e)).unwrap();
    let event = poll_one(queue);
    assert_eq!((event.kind, event.token, event.status), (NATS_EVENT_COMPLETION, 5, 0));
    assert_eq!(payload(event.value.cast()), "q");
    nats_msg_free(event.value.cast());
    call(|e| nats_request_async(nc, s("nobody"), null(), b(b""), LONG, 0, queue, 6, e)).unwrap();
    let event = poll_one(queue);
    assert_eq!((event.token, event.status), (6, Code::NoResponders.number()));
    assert_eq!(nats_error_code(event.value.cast()), event.status);
    nats_error_free(event.value.cast());
    nats_subscription_free(service);
    nats_queue_free(queue);
    nats_connection_free(nc);
}

#[test]
fn requests_with_many_answers() {
    let server = server();
    let nc = connect(&server);
    let services = [echo(nc), echo(nc)];
    let options = s(r#"{"max_messages": 2}"#);
    let many = get(|o, e| nats_request_many(nc, s("echo"), null(), b(b"x"), options, o, e));
    let many = many.unwrap();
    assert_eq!((next(many, LONG), next(many, LONG)), (Ok("x".into()), Ok("x".into())));
    assert_eq!(code(next(many, LONG)), Code::SubscriptionEnded);
    let nobody = get(|o, e| nats_request_many(nc, s("none"), null(), b(b"x"), options, o, e));
    let nobody = nobody.unwrap();
    assert_eq!(code(next(nobody, LONG)), Code::NoResponders);
    for sub in services.into_iter().chain([many, nobody]) {
        nats_subscription_free(sub);
    }
    nats_connection_free(nc);
}
