//! Threads that read the socket while they wait, and the I/O thread, take turns: nothing is lost,
//! late or out of order.
#![allow(clippy::unwrap_used)]

mod common;

use std::ptr::null;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use nats_core::Code;
use nats_ffi::*;

/// A connection for several threads.
#[derive(Clone, Copy)]
struct Shared(*mut nats_connection);

// SAFETY: every function of the library may be called on any thread.
unsafe impl Send for Shared {}

impl Shared {
    fn get(self) -> *mut nats_connection {
        self.0
    }
}

fn echo(nc: *mut nats_connection, subject: &str) -> *mut nats_subscription {
    let answer = |_, _, msg: *mut nats_msg| {
        call(|e| nats_msg_respond(msg, nats_msg_payload(msg), e)).unwrap();
    };
    listen(nc, subject, answer).0
}

fn ask(nc: *mut nats_connection, subject: &str, number: usize) {
    let sent = owned(&number.to_string());
    // SAFETY: static text.
    let bytes = unsafe { nats_bytes::new(sent.as_ptr().cast(), sent.len()) };
    let answer = get(|o, e| nats_request(nc, owned(subject), bytes, LONG, o, e)).unwrap();
    assert_eq!(payload(answer), number.to_string());
    nats_msg_free(answer);
}

fn ask_async(nc: *mut nats_connection, subject: &'static str, queue: *mut nats_queue, token: u64) {
    call(|e| nats_request_async(nc, s(subject), null(), b(b"q"), LONG, 0, queue, token, e))
        .unwrap();
}

/// So many requests on a queue, 64 at a time.
fn pipeline(nc: *mut nats_connection, count: u64) {
    let queue = get(|o, e| nats_queue_new(o, e)).unwrap();
    let (mut sent, mut answered) = (0, vec![false; count as usize]);
    while sent < count.min(64) {
        ask_async(nc, "echo", queue, sent);
        sent += 1;
    }
    let mut done = 0;
    while done < count {
        let events = poll(queue, 64, LONG);
        assert!(!events.is_empty(), "{done} of {count} answers came");
        for event in events {
            assert_eq!((event.kind, event.status), (NATS_EVENT_COMPLETION, 0));
            nats_msg_free(event.value.cast());
            assert!(!std::mem::replace(&mut answered[event.token as usize], true));
            done += 1;
            if sent < count {
                ask_async(nc, "echo", queue, sent);
                sent += 1;
            }
        }
    }
    nats_queue_free(queue);
}

#[test]
fn readers_take_turns_and_nothing_is_lost() {
    const STREAM: usize = 200_000;
    let server = server();
    // A busy machine may let more wait than the usual bound.
    let unbounded = s(r#"{"pending_messages":0,"pending_bytes":0}"#);
    let options = get(|o, e| nats_options_new(unbounded, o, e)).unwrap();
    let (nc, other) = (connect_with(&server, options), connect(&server));
    nats_options_free(options);
    let service = echo(other, "echo");
    let (seen, ordered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, order) = (Arc::clone(&seen), Arc::clone(&ordered));
    let (stream, _) = listen(nc, "stream", move |_, _, msg| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        // Now and then a large one, which takes several reads.
        let shown = payload(msg);
        let begin = shown.split(' ').next().unwrap();
        order.fetch_add(usize::from(begin == number.to_string()), Ordering::SeqCst);
    });
    flush(nc);
    let (shared, publisher) = (Shared(nc), Shared(other));
    thread::scope(|scope| {
        scope.spawn(move || {
            let filler = "x".repeat(70_000);
            for number in 0..STREAM {
                let large = number % 5000 == 0;
                let text = format!("{number} {}", if large { &*filler } else { "" });
                // SAFETY: alive during the call.
                let bytes = unsafe { nats_bytes::new(text.as_ptr(), text.len()) };
                call(|e| nats_publish(publisher.get(), s("stream"), bytes, e)).unwrap();
            }
            flush(publisher.get());
        });
        for _ in 0..2 {
            scope.spawn(move || (0..3000).for_each(|number| ask(shared.get(), "echo", number)));
        }
        scope.spawn(move || pipeline(shared.get(), 30_000));
        scope.spawn(move || (0..500).for_each(|_| flush(shared.get())));
    });
    let end = Instant::now() + Duration::from_secs(30);
    while seen.load(Ordering::SeqCst) < STREAM && Instant::now() < end {
        thread::yield_now();
    }
    assert_eq!((seen.load(Ordering::SeqCst), ordered.load(Ordering::SeqCst)), (STREAM, STREAM));
    for sub in [service, stream] {
        nats_subscription_free(sub);
    }
    nats_connection_free(nc);
    nats_connection_free(other);
}

#[test]
fn polled_messages_of_every_rhythm_arrive() {
    let server = server();
    let (nc, other) = (connect(&server), connect(&server));
    let sub = subscribe(nc, "data");
    flush(nc);
    let publisher = Shared(other);
    thread::scope(|scope| {
        scope.spawn(move || {
            let nc = publisher.get();
            for burst in [1, 1, 1, 100, 1, 5000, 1, 1, 20_000, 1, 1] {
                (0..burst).for_each(|_| publish(nc, "data", "a message"));
                flush(nc);
            }
        });
        for _ in 0..25_108 {
            assert_eq!(next(sub, LONG).unwrap(), "a message");
        }
    });
    assert_eq!(code(next(sub, 20)), Code::Timeout);
    nats_subscription_free(sub);
    nats_connection_free(nc);
    nats_connection_free(other);
}

/// As the pollers do, and not polling any more.
#[test]
fn requests_that_wait_for_company_are_sent_without_another_poll() {
    let server = server();
    let (nc, other) = (connect(&server), connect(&server));
    let (service, silent) = (echo(other, "echo"), subscribe(other, "silent"));
    flush(other);
    let queue = get(|o, e| nats_queue_new(o, e)).unwrap();
    for round in 0..200 {
        (0..8).for_each(|token| ask_async(nc, "echo", queue, token));
        let mut done = 0;
        while done < 8 {
            for event in poll(queue, 8, LONG) {
                nats_msg_free(event.value.cast());
                done += 1;
            }
        }
        for token in 100..103 {
            ask_async(nc, "silent", queue, token);
            assert_eq!(next(silent, LONG).unwrap(), "q", "round {round}");
        }
    }
    for sub in [service, silent] {
        nats_subscription_free(sub);
    }
    nats_queue_free(queue);
    nats_connection_free(nc);
    nats_connection_free(other);
}

#[test]
fn a_reader_learns_that_the_socket_is_lost_and_reads_the_next_one() {
    let server = server();
    let nc = connect(&server);
    let service = echo(nc, "echo");
    let silent = subscribe(nc, "silent");
    (0..50).for_each(|number| ask(nc, "echo", number));
    let shared = Shared(nc);
    thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            get(|o, e| nats_request(shared.get(), s("silent"), b(b"?"), LONG, o, e)).map(|_| ())
        });
        assert_eq!(next(silent, LONG).unwrap(), "?");
        server.kill().unwrap();
        let started = Instant::now();
        assert_eq!(code(waiting.join().unwrap()), Code::ConnectionLost);
        assert!(started.elapsed() < Duration::from_secs(10));
    });
    server.restart().unwrap();
    flush(nc);
    (0..50).for_each(|number| ask(nc, "echo", number));
    for sub in [service, silent] {
        nats_subscription_free(sub);
    }
    nats_connection_free(nc);
}

#[test]
fn a_reader_gives_up_in_time_and_closing_ends_its_wait() {
    let server = server();
    let nc = connect(&server);
    let (service, silent) = (echo(nc, "echo"), subscribe(nc, "silent"));
    (0..10).for_each(|number| ask(nc, "echo", number));
    let started = Instant::now();
    let late = get(|o, e| nats_request(nc, s("silent"), b(b"?"), 50, o, e));
    assert_eq!(code(late), Code::Timeout);
    assert!((50..5000).contains(&started.elapsed().as_millis()));
    let shared = Shared(nc);
    thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            get(|o, e| nats_request(shared.get(), s("silent"), b(b"!"), LONG, o, e)).map(|_| ())
        });
        assert_eq!(next(silent, LONG).unwrap(), "?");
        assert_eq!(next(silent, LONG).unwrap(), "!");
        call(|e| nats_connection_close(nc, e)).unwrap();
        assert_eq!(code(waiting.join().unwrap()), Code::ConnectionClosed);
    });
    for sub in [service, silent] {
        nats_subscription_free(sub);
    }
    nats_connection_free(nc);
}
