//! JetStream: publishing, fetching and consuming.

use std::ptr::null_mut;

use nats_ffi::*;

use crate::common::{b, s};
use crate::table::{Arg::*, Row, array, ignore_trace, o};

pub(crate) const ROWS: &[Row] = &[
    ("nats_jetstream_new", &[Connection, Out], |p, e| {
        nats_jetstream_new(p[0].cast(), s(""), o(p[1]), e)
    }),
    ("nats_jetstream_publish", &[JetStream, MaybeHeaders], |p, e| {
        let (js, headers) = (p[0].cast(), p[1].cast());
        nats_jetstream_publish(js, s("a"), headers, b(b""), s(""), None, None, e)
    }),
    ("nats_jetstream_publish_async", &[JetStream, MaybeHeaders, Queue], |p, e| {
        let (js, headers, queue) = (p[0].cast(), p[1].cast(), p[2].cast());
        nats_jetstream_publish_async(js, s("a"), headers, b(b""), s(""), queue, 1, e)
    }),
    ("nats_jetstream_fetch_async", &[JetStream, Queue], |p, e| {
        nats_jetstream_fetch_async(p[0].cast(), s("s"), s("c"), s(""), p[1].cast(), 1, e)
    }),
    ("nats_fetched_take", &[Fetched, Out, Out], |p, e| {
        nats_fetched_take(p[0].cast(), array(p[1]), 1, o(p[2]), e)
    }),
    ("nats_fetched_free", &[Fetched], |p, _| nats_fetched_free(p[0].cast())),
    ("nats_jetstream_fetch", &[JetStream, Out, Out], |p, e| {
        nats_jetstream_fetch(p[0].cast(), s("s"), s("c"), s(""), array(p[1]), 1, o(p[2]), e)
    }),
    ("nats_jetstream_consume", &[JetStream, Out], |p, e| {
        let js = p[0].cast();
        nats_jetstream_consume(js, s("s"), s("c"), s(""), None, null_mut(), None, o(p[1]), e)
    }),
    ("nats_jetstream_consume_ordered", &[JetStream, Out], |p, e| {
        let js = p[0].cast();
        nats_jetstream_consume_ordered(js, s("s"), s(""), None, null_mut(), None, o(p[1]), e)
    }),
    ("nats_jetstream_consume_pushed", &[JetStream, Out], |p, e| {
        let (js, none) = (p[0].cast(), null_mut());
        nats_jetstream_consume_pushed(js, s("s"), s("c"), s(""), None, none, None, o(p[1]), e)
    }),
    ("nats_jetstream_consume_group", &[JetStream, Out], |p, e| {
        let (js, none, out) = (p[0].cast(), null_mut(), o(p[1]));
        let (stream, group, member) = (s("s"), s("g"), s("m"));
        nats_jetstream_consume_group(js, stream, group, member, s(""), None, none, None, out, e)
    }),
    ("nats_jetstream_ack_sync", &[JetStream, Message], |p, e| {
        nats_jetstream_ack_sync(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_publisher_new", &[JetStream, Out], |p, e| {
        nats_publisher_new(p[0].cast(), s(""), None, null_mut(), None, o(p[1]), e)
    }),
    ("nats_publisher_publish", &[Publisher, MaybeHeaders], |p, e| {
        nats_publisher_publish(p[0].cast(), s("a"), p[1].cast(), b(b""), s(""), 1, e)
    }),
    ("nats_publisher_take", &[Publisher, Out, Out], |p, e| {
        nats_publisher_take(p[0].cast(), array(p[1]), 1, 0, o(p[2]), e)
    }),
    ("nats_publisher_watch", &[Publisher, Queue], |p, e| {
        nats_publisher_watch(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_publisher_complete", &[Publisher], |p, e| nats_publisher_complete(p[0].cast(), 1, e)),
    ("nats_publisher_complete_async", &[Publisher, Queue], |p, e| {
        nats_publisher_complete_async(p[0].cast(), 1, p[1].cast(), 1, e)
    }),
    ("nats_publisher_in_flight", &[Publisher, Out], |p, e| {
        nats_publisher_in_flight(p[0].cast(), o(p[1]), e)
    }),
    ("nats_publisher_free", &[Publisher], |p, _| nats_publisher_free(p[0].cast())),
    ("nats_batch_new", &[JetStream, Out], |p, e| nats_batch_new(p[0].cast(), s(""), o(p[1]), e)),
    ("nats_batch_add", &[Batch, MaybeHeaders], |p, e| {
        nats_batch_add(p[0].cast(), s("a"), p[1].cast(), b(b""), s(""), e)
    }),
    ("nats_batch_commit", &[Batch, MaybeHeaders], |p, e| {
        nats_batch_commit(p[0].cast(), s("a"), p[1].cast(), b(b""), s(""), None, e)
    }),
    ("nats_batch_close", &[Batch], |p, e| nats_batch_close(p[0].cast(), None, e)),
    ("nats_batch_state", &[Batch, Out], |p, e| nats_batch_state(p[0].cast(), o(p[1]), e)),
    ("nats_batch_free", &[Batch], |p, _| nats_batch_free(p[0].cast())),
    ("nats_jetstream_new_traced", &[Connection, Out], |p, e| {
        let (nc, none) = (p[0].cast(), null_mut());
        nats_jetstream_new_traced(nc, s(""), Some(ignore_trace), none, None, o(p[1]), e)
    }),
    ("nats_jetstream_free", &[JetStream], |p, _| nats_jetstream_free(p[0].cast())),
    ("nats_jetstream_get", &[JetStream, Out], |p, e| {
        nats_jetstream_get(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_jetstream_get_batch", &[JetStream, Out, Out], |p, e| {
        nats_jetstream_get_batch(p[0].cast(), s("S"), s(""), array(p[1]), 1, o(p[2]), None, e)
    }),
    ("nats_stream_backup_watched", &[JetStream, Out], |p, e| {
        nats_stream_backup_watched(p[0].cast(), s("{}"), None, null_mut(), o(p[1]), e)
    }),
    ("nats_stream_restore_watched", &[JetStream, Out], |p, e| {
        nats_stream_restore_watched(p[0].cast(), s("{}"), None, null_mut(), o(p[1]), e)
    }),
];
