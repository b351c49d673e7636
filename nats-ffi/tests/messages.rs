//! Publishing, subscriptions, requests and headers through the C API, over a real server.
#![allow(clippy::unwrap_used)]

mod common;

use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use common::*;
use nats_core::Code;
use nats_ffi::*;

const WAIT: Duration = Duration::from_secs(30);

#[test]
fn a_callback_gets_handles_message_and_headers_in_order() {
    let server = server();
    let nc = connect(&server);
    let (tell, told) = mpsc::channel();
    let (sub, destroyed) = listen(nc, "order.*", move |nc, sub, msg| {
        let header = get(|o, e| nats_msg_header(msg, s("Number"), o, e)).map(text);
        tell.send((nc as usize, sub as usize, text(nats_msg_subject(msg)), header)).unwrap();
    });
    let headers = get(|o, e| nats_headers_new(o, e)).unwrap();
    for i in 0..1000 {
        call(|e| nats_headers_set(headers, s("Number"), owned(&i.to_string()), e)).unwrap();
        let subject = owned(&format!("order.{i}"));
        call(|e| nats_publish_msg(nc, subject, s("back"), headers, b(b"x"), e)).unwrap();
    }
    for i in 0..1000 {
        let (in_nc, in_sub, subject, header) = told.recv_timeout(WAIT).unwrap();
        assert_eq!((in_nc, in_sub), (nc as usize, sub as usize));
        assert_eq!((subject, header.unwrap()), (format!("order.{i}"), i.to_string()));
    }
    assert_eq!(destroyed.load(Ordering::SeqCst), 0);
    nats_subscription_free(sub);
    wait_destroyed(&destroyed);
    nats_headers_free(headers);
    nats_connection_free(nc);
    assert_eq!(destroyed.load(Ordering::SeqCst), 1);
}

#[test]
fn destroy_runs_once_however_it_ends() {
    let server = server();
    let nc = connect(&server);
    let destroy = Some(destroy_message_hook as unsafe extern "C" fn(_));
    // The call fails.
    let (user, failed) = message_hook(|_, _, _| ());
    let bad = get(|o, e| nats_subscribe(nc, s("a b"), Some(on_message), user, destroy, o, e));
    assert_eq!(code(bad), Code::InvalidSubject);
    assert_eq!(failed.load(Ordering::SeqCst), 1);
    // There is no callback.
    let (user, unused) = message_hook(|_, _, _| ());
    assert_eq!(
        code(call(|e| nats_subscribe(nc, s("a"), None, user, destroy, None, e))),
        Code::InvalidArgument
    );
    assert_eq!(unused.load(Ordering::SeqCst), 1);
    // The subscription was left to the library, and the connection closes.
    let (user, closed) = message_hook(|_, _, _| ());
    call(|e| nats_subscribe(nc, s("a"), Some(on_message), user, destroy, None, e)).unwrap();
    // It ends inside its own callback, by unsubscribing and by freeing.
    let (unsubscribed, ended) = listen(nc, "b", |_, sub, _| {
        call(|e| nats_subscription_unsubscribe(sub, e)).unwrap();
    });
    let (_, freed) = listen(nc, "b", |_, sub, _| assert_eq!(nats_subscription_free(sub), 0));
    for _ in 0..100 {
        publish(nc, "b", "x");
    }
    wait_destroyed(&ended);
    wait_destroyed(&freed);
    call(|e| nats_connection_close(nc, e)).unwrap();
    wait_destroyed(&closed);
    for count in [&failed, &unused, &closed, &ended, &freed] {
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
    assert_eq!(nats_subscription_free(unsubscribed), 0);
    nats_connection_free(nc);
}

#[test]
fn no_callback_starts_after_unsubscribe_in_the_callback_or_beyond_the_maximum() {
    let server = server();
    let nc = connect(&server);
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let (first, destroyed) = listen(nc, "max", move |_, sub, _| {
        if counter.fetch_add(1, Ordering::SeqCst) == 0 {
            call(|e| nats_subscription_unsubscribe_after(sub, 3, e)).unwrap();
        }
    });
    for _ in 0..50 {
        publish(nc, "max", "x");
    }
    wait_destroyed(&destroyed);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    nats_subscription_free(first);
    nats_connection_free(nc);
}

#[test]
fn next_and_take_wait_and_say_why_they_end() {
    let server = server();
    let nc = connect(&server);
    let sub = subscribe(nc, "poll");
    assert_eq!(code(next(sub, 0)), Code::Timeout);
    assert_eq!(code(next(sub, 5)), Code::Timeout);
    for payload in ["1", "2", "3", "4"] {
        publish(nc, "poll", payload);
    }
    assert_eq!(next(sub, LONG).unwrap(), "1");
    flush(nc);
    let mut msgs = [null_mut(); 8];
    let first = NonNull::new(msgs.as_mut_ptr());
    let count = get(|o, e| nats_subscription_take(sub, first, 2, LONG, o, e)).unwrap();
    assert_eq!((count, payload(msgs[0]), payload(msgs[1])), (2, "2".into(), "3".into()));
    nats_msgs_free(first, count);
    let count = get(|o, e| nats_subscription_take(sub, first, 8, LONG, o, e)).unwrap();
    assert_eq!((count, payload(msgs[0])), (1, "4".into()));
    nats_msgs_free(first, count);
    let stats = get(|o, e| nats_subscription_stats(sub, o, e)).unwrap();
    assert_eq!((stats.delivered, stats.pending_messages), (4, 0));
    assert_eq!(
        code(get(|o, e| nats_subscription_take(sub, first, 0, 0, o, e))),
        Code::InvalidArgument
    );

    let limited = get(|o, e| {
        let json = s(r#"{"max_messages": 2}"#);
        nats_subscribe_with(nc, s("limited"), json, None, null_mut(), None, o, e)
    })
    .unwrap();
    for _ in 0..3 {
        publish(nc, "limited", "x");
    }
    assert_eq!((next(limited, LONG), next(limited, LONG)), (Ok("x".into()), Ok("x".into())));
    assert_eq!(code(next(limited, LONG)), Code::SubscriptionEnded);
    call(|e| nats_subscription_unsubscribe(sub, e)).unwrap();
    assert_eq!(code(next(sub, LONG)), Code::SubscriptionClosed);
    let (callback, _) = listen(nc, "cb", |_, _, _| ());
    assert_eq!(code(next(callback, 0)), Code::InvalidArgument);
    for sub in [sub, limited, callback] {
        nats_subscription_free(sub);
    }
    nats_connection_free(nc);
}

#[test]
fn freeing_or_closing_wakes_whoever_waits() {
    let server = server();
    let nc = connect(&server);
    let (freed, closed) = (subscribe(nc, "f") as usize, subscribe(nc, "c") as usize);
    // Somebody who hears the request but never answers.
    let silent = subscribe(nc, "silent");
    let waiters: Vec<_> = [freed, closed]
        .map(|sub| std::thread::spawn(move || next(sub as *mut _, LONG).unwrap_err().0))
        .into();
    let nc_number = nc as usize;
    let request = std::thread::spawn(move || {
        let nc = nc_number as *mut _;
        code(get(|o, e| nats_request(nc, s("silent"), b(b""), LONG, o, e)))
    });
    assert_eq!(next(silent, LONG).unwrap(), "", "the request is under way");
    let started = Instant::now();
    nats_subscription_free(freed as *mut _);
    call(|e| nats_connection_close(nc, e)).unwrap();
    call(|e| nats_connection_close(nc, e)).unwrap();
    let codes: Vec<_> = waiters.into_iter().map(|w| w.join().unwrap()).collect();
    assert!(matches!(codes[0], Code::SubscriptionClosed | Code::InvalidHandle), "{}", codes[0]);
    assert_eq!(codes[1], Code::ConnectionClosed);
    assert_eq!(request.join().unwrap(), Code::ConnectionClosed);
    assert!(started.elapsed() < WAIT, "long before the timeouts");
    assert_eq!(code(call(|e| nats_publish(nc, s("a"), b(b""), e))), Code::ConnectionClosed);
    nats_subscription_free(closed as *mut _);
    nats_subscription_free(silent);
    nats_connection_free(nc);
}

#[test]
fn blocking_calls_work_inside_callbacks() {
    let server = server();
    let nc = connect(&server);
    let (service, _) = listen(nc, "inner", |_, _, msg| {
        call(|e| nats_msg_respond(msg, b(b"yes"), e)).unwrap();
    });
    let (tell, told) = mpsc::channel();
    let mut outers = Vec::new();
    // More of them than there are delivery threads, all waiting for another callback.
    for i in 0..6 {
        let tell = tell.clone();
        outers.push(
            listen(nc, "outer", move |nc, _, _| {
                let answer = get(|o, e| nats_request(nc, s("inner"), b(b""), LONG, o, e)).unwrap();
                flush(nc);
                tell.send((i, payload(answer))).unwrap();
                nats_msg_free(answer);
            })
            .0,
        );
    }
    publish(nc, "outer", "go");
    let mut seen: Vec<_> = (0..6).map(|_| told.recv_timeout(WAIT).unwrap()).collect();
    seen.sort();
    assert_eq!(seen, (0..6).map(|i| (i, "yes".to_owned())).collect::<Vec<_>>());
    outers.into_iter().for_each(|sub| {
        nats_subscription_free(sub);
    });
    nats_subscription_free(service);
    nats_connection_free(nc);
}

#[test]
fn a_drain_waits_for_the_callbacks_in_progress() {
    let server = server();
    let (nc, other) = (connect(&server), connect(&server));
    let answers = subscribe(other, "answers");
    flush(other);
    let (entered, enter) = mpsc::channel();
    let done = Arc::new(AtomicBool::new(false));
    let finished = Arc::clone(&done);
    let (release, held) = mpsc::channel::<()>();
    let mut seen = 0;
    let (sub, destroyed) = listen(nc, "work", move |nc, _, _| {
        seen += 1;
        if seen == 1 {
            entered.send(()).unwrap();
            held.recv().unwrap();
        }
        call(|e| nats_publish(nc, s("answers"), b(b"done"), e)).unwrap();
        finished.store(seen == 20, Ordering::SeqCst);
    });
    for _ in 0..20 {
        publish(nc, "work", "x");
    }
    flush(nc);
    enter.recv_timeout(WAIT).unwrap();
    let number = nc as usize;
    let drain =
        std::thread::spawn(move || call(|e| nats_connection_drain(number as *mut _, LONG, e)));
    release.send(()).unwrap();
    drain.join().unwrap().unwrap();
    assert!(done.load(Ordering::SeqCst), "all callbacks had returned");
    assert_eq!(destroyed.load(Ordering::SeqCst), 1);
    for _ in 0..20 {
        assert_eq!(next(answers, LONG).unwrap(), "done");
    }
    assert_eq!(code(call(|e| nats_connection_drain(nc, LONG, e))), Code::ConnectionClosed);
    nats_subscription_free(sub);
    nats_subscription_free(answers);
    nats_connection_free(nc);
    nats_connection_free(other);
}

#[test]
fn draining_inside_the_own_callback_does_not_deadlock() {
    let server = server();
    let nc = connect(&server);
    let (sub, ended) = listen(nc, "sub", |_, sub, _| {
        call(|e| nats_subscription_drain(sub, LONG, e)).unwrap();
    });
    publish(nc, "sub", "x");
    wait_destroyed(&ended);
    let (other, closed) = listen(nc, "conn", |nc, _, _| {
        call(|e| nats_connection_drain(nc, LONG, e)).unwrap();
    });
    publish(nc, "conn", "x");
    wait_destroyed(&closed);
    let (third, _) = (subscribe_closed(nc), ());
    assert!(matches!(third, Code::ConnectionClosed | Code::ConnectionDraining));
    nats_subscription_free(sub);
    nats_subscription_free(other);
    nats_connection_free(nc);
}

fn subscribe_closed(nc: *mut nats_connection) -> Code {
    code(get(|o, e| nats_subscribe_with(nc, s("x"), s(""), None, null_mut(), None, o, e)))
}
