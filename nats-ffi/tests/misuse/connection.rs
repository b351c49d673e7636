//! Connections, queues, requests and subscriptions.

use std::ptr::null_mut;

use nats_ffi::*;

use crate::common::{b, s};
use crate::table::{Arg::*, Row, SERVERS, array, ignore_message, o};

pub(crate) const ROWS: &[Row] = &[
    ("nats_queue_new", &[Out], |p, e| nats_queue_new(o(p[0]), e)),
    ("nats_queue_poll", &[Queue, Out, Out], |p, e| {
        nats_queue_poll(p[0].cast(), array(p[1]), 1, 0, o(p[2]), e)
    }),
    ("nats_queue_fd", &[Queue, Out], |p, e| nats_queue_fd(p[0].cast(), o(p[1]), e)),
    ("nats_queue_on_wake", &[Queue], |p, e| {
        nats_queue_on_wake(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_queue_interrupt", &[Queue], |p, e| nats_queue_interrupt(p[0].cast(), e)),
    ("nats_queue_cancel", &[Queue], |p, e| nats_queue_cancel(p[0].cast(), 1, e)),
    ("nats_queue_free", &[Queue], |p, _| nats_queue_free(p[0].cast())),
    ("nats_connect", &[MaybeOptions, Out], |p, e| {
        nats_connect(s("127.0.0.1:1"), p[0].cast(), o(p[1]), e)
    }),
    ("nats_connect_async", &[MaybeOptions, Queue], |p, e| {
        nats_connect_async(s("127.0.0.1:1"), p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_connection_close", &[Connection], |p, e| nats_connection_close(p[0].cast(), e)),
    ("nats_connection_free", &[Connection], |p, _| nats_connection_free(p[0].cast())),
    ("nats_connection_drain", &[Connection], |p, e| nats_connection_drain(p[0].cast(), 0, e)),
    ("nats_connection_drain_async", &[Connection, Queue], |p, e| {
        nats_connection_drain_async(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_connection_flush", &[Connection], |p, e| nats_connection_flush(p[0].cast(), 0, e)),
    ("nats_connection_flush_async", &[Connection, Queue], |p, e| {
        nats_connection_flush_async(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_connection_rtt", &[Connection, Out], |p, e| {
        nats_connection_rtt(p[0].cast(), 0, o(p[1]), e)
    }),
    ("nats_connection_state", &[Connection, Out], |p, e| {
        nats_connection_state(p[0].cast(), o(p[1]), e)
    }),
    ("nats_connection_stats", &[Connection, Out], |p, e| {
        nats_connection_stats(p[0].cast(), o(p[1]), e)
    }),
    ("nats_connection_max_payload", &[Connection, Out], |p, e| {
        nats_connection_max_payload(p[0].cast(), o(p[1]), e)
    }),
    ("nats_connection_last_error", &[Connection, Out], |p, _| {
        nats_connection_last_error(p[0].cast(), o(p[1]))
    }),
    ("nats_connection_new_inbox", &[Connection, Out], |p, e| {
        nats_connection_new_inbox(p[0].cast(), array(p[1]), 99, None, e)
    }),
    ("nats_connection_force_reconnect", &[Connection], |p, e| {
        nats_connection_force_reconnect(p[0].cast(), e)
    }),
    ("nats_connection_watch", &[Connection, Queue], |p, e| {
        nats_connection_watch(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_connection_server_info", &[Connection, Out], |p, e| {
        nats_connection_server_info(p[0].cast(), o(p[1]), e)
    }),
    ("nats_connection_server_info_async", &[Connection, Queue], |p, e| {
        nats_connection_server_info_async(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_connection_servers", &[Connection, Out], |p, e| {
        nats_connection_servers(p[0].cast(), o(p[1]), e)
    }),
    ("nats_connection_servers_async", &[Connection, Queue], |p, e| {
        nats_connection_servers_async(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_connection_set_servers", &[Connection, Out], |p, e| {
        nats_connection_set_servers(p[0].cast(), s(SERVERS), o(p[1]), e)
    }),
    ("nats_connection_set_servers_async", &[Connection, Queue], |p, e| {
        nats_connection_set_servers_async(p[0].cast(), s(SERVERS), p[1].cast(), 1, e)
    }),
    ("nats_connection_stats_doc", &[Connection, Out], |p, e| {
        nats_connection_stats_doc(p[0].cast(), o(p[1]), e)
    }),
    ("nats_connection_stats_doc_async", &[Connection, Queue], |p, e| {
        nats_connection_stats_doc_async(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_publish", &[Connection], |p, e| nats_publish(p[0].cast(), s("a"), b(b""), e)),
    ("nats_publish_msg", &[Connection, MaybeHeaders], |p, e| {
        nats_publish_msg(p[0].cast(), s("a"), s(""), p[1].cast(), b(b""), e)
    }),
    ("nats_request", &[Connection, Out], |p, e| {
        nats_request(p[0].cast(), s("a"), b(b""), 1, o(p[1]), e)
    }),
    ("nats_request_msg", &[Connection, MaybeHeaders, Out], |p, e| {
        nats_request_msg(p[0].cast(), s("nobody"), p[1].cast(), b(b""), 9, 0, o(p[2]), e)
    }),
    ("nats_request_async", &[Connection, MaybeHeaders, Queue], |p, e| {
        nats_request_async(p[0].cast(), s("a"), p[1].cast(), b(b""), 1, 0, p[2].cast(), 1, e)
    }),
    ("nats_request_many", &[Connection, MaybeHeaders, Out], |p, e| {
        nats_request_many(p[0].cast(), s("a"), p[1].cast(), b(b""), s(""), o(p[2]), e)
    }),
    ("nats_subscribe", &[Connection], |p, e| {
        nats_subscribe(p[0].cast(), s("a"), Some(ignore_message), null_mut(), None, None, e)
    }),
    ("nats_subscribe_with", &[Connection, Out], |p, e| {
        nats_subscribe_with(p[0].cast(), s("a"), s(""), None, null_mut(), None, o(p[1]), e)
    }),
    ("nats_subscription_next", &[Subscription, Out], |p, e| {
        nats_subscription_next(p[0].cast(), 0, o(p[1]), e)
    }),
    ("nats_subscription_take", &[Subscription, Out, Out], |p, e| {
        nats_subscription_take(p[0].cast(), array(p[1]), 1, 0, o(p[2]), e)
    }),
    ("nats_subscription_watch", &[Subscription, Queue], |p, e| {
        nats_subscription_watch(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_subscription_unsubscribe", &[Subscription], |p, e| {
        nats_subscription_unsubscribe(p[0].cast(), e)
    }),
    ("nats_subscription_unsubscribe_after", &[Subscription], |p, e| {
        nats_subscription_unsubscribe_after(p[0].cast(), 1, e)
    }),
    ("nats_subscription_drain", &[Subscription], |p, e| nats_subscription_drain(p[0].cast(), 0, e)),
    ("nats_subscription_drain_async", &[Subscription, Queue], |p, e| {
        nats_subscription_drain_async(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_subscription_stats", &[Subscription, Out], |p, e| {
        nats_subscription_stats(p[0].cast(), o(p[1]), e)
    }),
    ("nats_subscription_free", &[Subscription], |p, _| nats_subscription_free(p[0].cast())),
];
