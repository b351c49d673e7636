//! The queue, connection events and connection state through the C API.
#![allow(clippy::unwrap_used)]

mod common;

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::*;
use nats_core::Code;
use nats_ffi::*;

const WAIT: Duration = Duration::from_secs(30);

fn ready(queue: *mut nats_queue, token: u64) {
    let event = poll_one(queue);
    assert_eq!((event.kind, event.token), (NATS_EVENT_READY, token));
}

#[test]
fn readiness_is_one_mark_until_the_subscription_was_emptied() {
    let server = server();
    let nc = connect(&server);
    let queue = get(|o, e| nats_queue_new(o, e)).unwrap();
    let sub = subscribe(nc, "r");
    call(|e| nats_subscription_watch(sub, queue, 7, e)).unwrap();
    assert!(poll(queue, 4, 0).is_empty(), "nothing yet");
    for _ in 0..3 {
        publish(nc, "r", "x");
    }
    flush(nc);
    ready(queue, 7);
    publish(nc, "r", "x");
    flush(nc);
    assert!(poll(queue, 4, 0).is_empty(), "not emptied yet, so no second mark");
    for _ in 0..4 {
        next(sub, LONG).unwrap();
    }
    assert!(poll(queue, 4, 0).is_empty(), "emptied, and nothing has come since");
    publish(nc, "r", "x");
    ready(queue, 7);
    next(sub, LONG).unwrap();
    call(|e| nats_subscription_watch(sub, queue, 8, e)).unwrap();
    publish(nc, "r", "x");
    ready(queue, 8);
    next(sub, LONG).unwrap();
    call(|e| nats_connection_close(nc, e)).unwrap();
    ready(queue, 8);
    assert_eq!(code(next(sub, 0)), Code::ConnectionClosed);
    assert!(poll(queue, 4, 0).is_empty(), "the end is told once");
    nats_subscription_free(sub);
    nats_queue_free(queue);
    nats_connection_free(nc);
}

#[test]
fn the_descriptor_and_the_wake_hook_announce_events() {
    unsafe extern "C" fn woken(user: *mut c_void) {
        // SAFETY: the sender is alive until the destroy hook.
        unsafe { &*user.cast::<mpsc::Sender<&str>>() }.send("woken").unwrap();
    }
    unsafe extern "C" fn destroy(user: *mut c_void) {
        // SAFETY: leaked below, given back once.
        let sender = unsafe { Box::from_raw(user.cast::<mpsc::Sender<&str>>()) };
        sender.send("destroyed").unwrap();
    }
    let server = server();
    let nc = connect(&server);
    let queue = get(|o, e| nats_queue_new(o, e)).unwrap();
    let (tell, told) = mpsc::channel();
    let user = Box::into_raw(Box::new(tell)).cast();
    call(|e| nats_queue_on_wake(queue, Some(woken), user, Some(destroy), e)).unwrap();
    let fd = get(|o, e| nats_queue_fd(queue, o, e)).unwrap();
    let wait = |timeout| {
        let mut polled = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid pollfd.
        unsafe { libc::poll(&mut polled, 1, timeout) }
    };
    assert_eq!(wait(0), 0);
    call(|e| nats_connection_flush_async(nc, queue, 1, e)).unwrap();
    assert_eq!(wait(30_000), 1);
    assert_eq!(told.recv_timeout(WAIT), Ok("woken"));
    let event = poll_one(queue);
    assert_eq!((event.token, event.status, event.value), (1, 0, null_mut()));
    assert_eq!(wait(0), 0);
    nats_queue_free(queue);
    assert_eq!(told.recv_timeout(WAIT), Ok("destroyed"));
    assert!(told.recv_timeout(WAIT).is_err(), "no call after destroy");
    nats_connection_free(nc);
}

#[test]
fn every_asynchronous_function_completes() {
    let server = server();
    let queue = get(|o, e| nats_queue_new(o, e)).unwrap();
    let url = owned(&server.url());
    call(|e| nats_connect_async(url, null(), queue, 1, e)).unwrap();
    let event = poll_one(queue);
    assert_eq!((event.kind, event.token, event.status), (NATS_EVENT_COMPLETION, 1, 0));
    let nc: *mut nats_connection = event.value.cast();
    assert_eq!(get(|o, e| nats_connection_state(nc, o, e)).unwrap(), 2);
    let sub = subscribe(nc, "d");
    call(|e| nats_subscription_drain_async(sub, queue, 2, e)).unwrap();
    assert_eq!((poll_one(queue).token, poll_one_status(queue, nc)), (2, 0));
    call(|e| nats_connection_drain_async(nc, queue, 4, e)).unwrap();
    let event = poll_one(queue);
    assert_eq!((event.token, event.status), (4, 0));
    let refused = call(|e| nats_connection_flush_async(nc, queue, 5, e)).unwrap_err();
    assert_eq!(refused.0, Code::ConnectionClosed, "what is known at once is returned at once");

    call(|e| nats_connect_async(s("127.0.0.1:1"), null(), queue, 6, e)).unwrap();
    let event = poll_one(queue);
    assert_eq!((event.token, event.status), (6, Code::NoServers.number()));
    nats_error_free(event.value.cast());
    nats_subscription_free(sub);
    nats_connection_free(nc);
    nats_queue_free(queue);
}

fn last_error(nc: *mut nats_connection) -> *mut nats_error {
    let mut error = std::mem::MaybeUninit::uninit();
    assert_eq!(nats_connection_last_error(nc, Some(&mut error)), 0);
    // SAFETY: success writes it.
    unsafe { error.assume_init() }
}

/// An operation of the table, asynchronously; checks its document.
fn poll_one_status(queue: *mut nats_queue, nc: *mut nats_connection) -> i32 {
    call(|e| nats_connection_server_info_async(nc, queue, 3, e)).unwrap();
    let event = poll_one(queue);
    let doc: *mut nats_doc = event.value.cast();
    assert!(!text(get(|o, e| nats_doc_get_str(doc, s("server_id"), o, e)).unwrap()).is_empty());
    nats_doc_free(doc);
    event.status
}

#[test]
fn unpolled_results_are_freed_with_the_queue() {
    let server = server();
    let before = nats_library_handles();
    let queue = get(|o, e| nats_queue_new(o, e)).unwrap();
    call(|e| nats_connect_async(owned(&server.url()), null(), queue, 1, e)).unwrap();
    let second = get(|o, e| nats_queue_new(o, e)).unwrap();
    call(|e| nats_connect_async(owned(&server.url()), null(), second, 1, e)).unwrap();
    let fd = get(|o, e| nats_queue_fd(second, o, e)).unwrap();
    let mut polled = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd.
    assert_eq!(unsafe { libc::poll(&mut polled, 1, 30_000) }, 1);
    nats_queue_free(second);
    nats_queue_free(queue);
    let end = std::time::Instant::now() + WAIT;
    // The first connection may still be under way; other tests hold handles, too.
    while nats_library_handles() > before + 50 {
        assert!(std::time::Instant::now() < end);
        std::thread::yield_now();
    }
    let monitor = || server.monitor("/connz").unwrap()["num_connections"].as_u64();
    while monitor() != Some(0) {
        assert!(std::time::Instant::now() < end, "the connections were closed");
    }
}

type Told = mpsc::Sender<(usize, i32, String)>;

unsafe extern "C" fn on_event(
    nc: *mut nats_connection,
    kind: i32,
    json: nats_str,
    user: *mut c_void,
) {
    // SAFETY: alive until the destroy hook.
    let hook = unsafe { &*user.cast::<(Told, Arc<AtomicUsize>)>() };
    let _ = hook.0.send((nc as usize, kind, text(json)));
}

unsafe extern "C" fn destroy_event_hook(user: *mut c_void) {
    // SAFETY: leaked by the test, given back once.
    let hook = unsafe { Box::from_raw(user.cast::<(Told, Arc<AtomicUsize>)>()) };
    hook.1.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn events_reach_callback_and_queue() {
    let server = server();
    let options = get(|o, e| nats_options_new(s(r#"{"name": "events"}"#), o, e)).unwrap();
    let (tell, told): (Told, _) = mpsc::channel();
    let destroyed = Arc::new(AtomicUsize::new(0));
    let user = Box::into_raw(Box::new((tell, Arc::clone(&destroyed)))).cast();
    let destroy = Some(destroy_event_hook as unsafe extern "C" fn(_));
    call(|e| nats_options_on_event(options, Some(on_event), user, destroy, e)).unwrap();
    let nc = connect_with(&server, options);
    let wait_for = |kind| {
        loop {
            let (from, found, json) = told.recv_timeout(WAIT).unwrap();
            assert_eq!(from, nc as usize);
            if found == kind {
                return json;
            }
        }
    };
    assert!(wait_for(1).starts_with(r#"{"event":"connected","url":"nats://"#));
    let queue = get(|o, e| nats_queue_new(o, e)).unwrap();
    call(|e| nats_connection_watch(nc, queue, 9, e)).unwrap();
    let sub = subscribe(nc, "after");
    flush(nc);
    server.kill().unwrap();
    server.restart().unwrap();
    assert!(wait_for(2).contains(r#""event":"disconnected","code":"#));
    assert!(wait_for(4).contains("reconnected"));
    let mut kinds = Vec::new();
    while kinds.last() != Some(&4) {
        let event = poll_one(queue);
        assert_eq!((event.kind, event.token), (NATS_EVENT_CONNECTION, 9));
        let name = get(|o, e| nats_doc_get_str(event.value.cast(), s("event"), o, e)).map(text);
        assert!(name.is_ok_and(|name| !name.is_empty()));
        nats_doc_free(event.value.cast());
        kinds.push(event.arg);
    }
    assert!(kinds.starts_with(&[2]), "{kinds:?}");
    publish(nc, "after", "again");
    assert_eq!(next(sub, LONG).unwrap(), "again");
    let error = last_error(nc);
    assert_ne!(nats_error_code(error), 0);
    nats_error_free(error);
    let stats = get(|o, e| nats_connection_stats(nc, o, e)).unwrap();
    assert_eq!((stats.reconnects, stats.in_messages, stats.out_messages), (1, 1, 1));

    nats_options_free(options);
    assert_eq!(destroyed.load(Ordering::SeqCst), 0, "the connection still uses it");
    call(|e| nats_connection_close(nc, e)).unwrap();
    wait_for(5);
    nats_connection_free(nc);
    wait_destroyed(&destroyed);
    assert_eq!(destroyed.load(Ordering::SeqCst), 1);
    nats_subscription_free(sub);
    nats_queue_free(queue);
}

#[test]
fn getters() {
    let server = server();
    let nc = connect(&server);
    assert_eq!(get(|o, e| nats_connection_max_payload(nc, o, e)).unwrap(), 1 << 20);
    assert!(get(|o, e| nats_connection_rtt(nc, 0, o, e)).unwrap() > 0);
    assert!(last_error(nc).is_null());
    let servers = get(|o, e| nats_connection_servers(nc, o, e)).unwrap();
    assert_eq!(get(|o, e| nats_doc_len(servers, s("known"), o, e)).unwrap(), 1);
    let connected = get(|o, e| nats_doc_get_str(servers, s("connected"), o, e)).map(text);
    assert!(connected.unwrap().ends_with(&server.port().to_string()));
    nats_doc_free(servers);
    let stats = get(|o, e| nats_connection_stats_doc(nc, o, e)).unwrap();
    let state = get(|o, e| nats_doc_get_str(stats, s("state"), o, e)).map(text);
    assert_eq!(state.unwrap(), "connected");
    nats_doc_free(stats);
    let mut buffer = [1_u8; 128];
    let start = || std::ptr::NonNull::new(buffer.as_ptr().cast_mut().cast());
    let small = call(|e| nats_connection_new_inbox(nc, start(), 10, None, e)).unwrap_err();
    assert!(small.0 == Code::InvalidArgument && small.1.contains("bytes are needed"));
    let start = std::ptr::NonNull::new(buffer.as_mut_ptr().cast());
    let len = get(|o, e| nats_connection_new_inbox(nc, start, 128, o, e)).unwrap();
    assert!(buffer.starts_with(b"_INBOX.") && buffer[len] == 0 && !buffer[..len].contains(&0));
    nats_connection_free(nc);
}

#[test]
fn options_are_checked_when_they_are_set() {
    let unknown = get(|o, e| nats_options_new(s(r#"{"nmae": "x"}"#), o, e)).unwrap_err();
    assert!(unknown.0 == Code::InvalidOption && unknown.1.contains("'name'"), "{}", unknown.1);
    let options = get(|o, e| nats_options_new(s(r#"{"name": "x"}"#), o, e)).unwrap();
    let bad = call(|e| nats_options_set(options, s(r#"{"echo": false, "verbose": 1}"#), e));
    assert_eq!(code(bad), Code::InvalidOption);
    call(|e| nats_options_set(options, s(r#"{"echo": true}"#), e)).unwrap();
    nats_options_free(options);
    for url in ["nats://", "ftp://x", "host:99999", ",", "nats://a b"] {
        let refused = get(|o, e| nats_connect(owned(url), null(), o, e)).unwrap_err();
        assert_eq!(refused.0, Code::InvalidUrl, "{url}: {}", refused.1);
    }
}
