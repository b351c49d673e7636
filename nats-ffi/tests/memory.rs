//! What subscriptions take from a program that has thousands of them. In a process of its own.
#![allow(clippy::unwrap_used)]

mod common;

use std::ffi::c_void;
use std::ptr::null_mut;

use common::*;
use nats_ffi::*;

const COUNT: usize = 10_000;

/// Resident memory in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
}

extern "C" fn ignore(
    _: *mut nats_connection,
    _: *mut nats_subscription,
    _: *mut nats_msg,
    _: *mut c_void,
) {
}

#[test]
fn an_idle_subscription_takes_at_most_a_kib() {
    let server = server();
    let nc = connect(&server);
    let none = s("");
    let mut all = Vec::new();
    for callback in [Some(ignore as _), None] {
        let subjects: Vec<_> = (0..COUNT).map(|i| owned(&format!("idle.{i}"))).collect();
        let mut subs = vec![null_mut::<nats_subscription>(); COUNT];
        call(|e| nats_connection_flush(nc, LONG, e)).unwrap();
        let before = resident();
        for (sub, subject) in subs.iter_mut().zip(subjects) {
            *sub = get(|o, e| {
                nats_subscribe_with(nc, subject, none, callback, null_mut(), None, o, e)
            })
            .unwrap();
        }
        call(|e| nats_connection_flush(nc, LONG, e)).unwrap();
        let each = (resident() - before) / COUNT;
        let how = if callback.is_some() { "with a callback" } else { "polled" };
        assert!((200..=1024).contains(&each), "{each} bytes for each subscription, {how}");
        // What is freed would be found again by the next ones.
        all.extend(subs);
    }
    for sub in all {
        nats_subscription_free(sub);
    }
    nats_connection_free(nc);
}
