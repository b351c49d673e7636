//! Every function of the C API, with its pointer arguments.
#![allow(unreachable_pub)]

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};

use nats_core::Code;
use nats_ffi::*;

use crate::common::{b, s};
use crate::object;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arg {
    Doc,
    Options,
    Connection,
    Subscription,
    Headers,
    Queue,
    Key,
    Text,
    JetStream,
    Publisher,
    Batch,
    Fetched,
    Objects,
    Writer,
    Reader,
    Error,
    Message,
    /// A handle of headers or options that may be NULL.
    MaybeHeaders,
    MaybeOptions,
    /// An output that is needed.
    Out,
}

pub type P<'a> = &'a [*mut c_void];
pub type Err<'a> = Option<&'a mut MaybeUninit<*mut nats_error>>;
pub type Row = (&'static str, &'static [Arg], fn(P<'_>, Err<'_>) -> nats_status);

/// An output pointer for the library.
pub fn o<'a, T>(p: *mut c_void) -> Option<&'a mut MaybeUninit<T>> {
    // SAFETY: NULL, or the start of a large aligned buffer.
    unsafe { p.cast::<MaybeUninit<T>>().as_mut() }
}

pub fn array<T>(p: *mut c_void) -> Option<NonNull<T>> {
    NonNull::new(p.cast())
}

/// For accessors that show nothing instead of failing.
fn shown(length: usize) -> nats_status {
    if length == 0 { Code::InvalidHandle.number() } else { 0 }
}

unsafe extern "C" fn ignore_trace(_: nats_str, _: nats_bytes, _: *mut c_void) {}

unsafe extern "C" fn ignore_message(
    _: *mut nats_connection,
    _: *mut nats_subscription,
    msg: *mut nats_msg,
    _: *mut c_void,
) {
    nats_msg_free(msg);
}

use Arg::*;

const SERVERS: &str = r#"{"servers":["127.0.0.1:1"]}"#;

/// The public key of a user.
pub const USER: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

/// Every function with a pointer that could be wrong.
pub fn table() -> impl Iterator<Item = &'static Row> {
    [TABLE, object::ROWS, object::OPERATIONS].into_iter().flatten()
}

const TABLE: &[Row] = &[
    (
        "nats_error_code",
        &[Error],
        |p, _| {
            if p[0].is_null() { 4 } else { nats_error_code(p[0].cast()) }
        },
    ),
    ("nats_error_text", &[Error], |p, _| shown(nats_error_text(p[0].cast()).len())),
    ("nats_error_api_code", &[Error], |p, _| shown(nats_error_api_code(p[0].cast()) as usize)),
    ("nats_error_api_err_code", &[Error], |p, _| {
        shown(nats_error_api_err_code(p[0].cast()) as usize)
    }),
    ("nats_error_api_description", &[Error], |p, _| {
        shown(nats_error_api_description(p[0].cast()).len())
    }),
    ("nats_error_free", &[Error], |p, _| nats_error_free(p[0].cast())),
    ("nats_doc_parse", &[Out], |p, e| nats_doc_parse(s("{}"), o(p[0]), e)),
    ("nats_doc_new", &[Out], |p, e| nats_doc_new(o(p[0]), e)),
    ("nats_doc_free", &[Doc], |p, _| nats_doc_free(p[0].cast())),
    ("nats_doc_json", &[Doc, Out], |p, e| nats_doc_json(p[0].cast(), o(p[1]), e)),
    ("nats_doc_set_str", &[Doc], |p, e| nats_doc_set_str(p[0].cast(), s("a"), s("b"), e)),
    ("nats_doc_set_int", &[Doc], |p, e| nats_doc_set_int(p[0].cast(), s("a"), 1, e)),
    ("nats_doc_set_bool", &[Doc], |p, e| nats_doc_set_bool(p[0].cast(), s("a"), 1, e)),
    ("nats_doc_set_double", &[Doc], |p, e| nats_doc_set_double(p[0].cast(), s("a"), 1.0, e)),
    ("nats_doc_set_json", &[Doc], |p, e| nats_doc_set_json(p[0].cast(), s("a"), s("1"), e)),
    ("nats_doc_append_json", &[Doc], |p, e| nats_doc_append_json(p[0].cast(), s("a"), s("1"), e)),
    ("nats_doc_remove", &[Doc], |p, e| nats_doc_remove(p[0].cast(), s("a"), e)),
    ("nats_doc_get_str", &[Doc, Out], |p, e| nats_doc_get_str(p[0].cast(), s("a"), o(p[1]), e)),
    ("nats_doc_get_int", &[Doc, Out], |p, e| nats_doc_get_int(p[0].cast(), s("a"), o(p[1]), e)),
    ("nats_doc_get_bool", &[Doc, Out], |p, e| nats_doc_get_bool(p[0].cast(), s("a"), o(p[1]), e)),
    ("nats_doc_get_double", &[Doc, Out], |p, e| {
        nats_doc_get_double(p[0].cast(), s("a"), o(p[1]), e)
    }),
    ("nats_doc_get_doc", &[Doc, Out], |p, e| nats_doc_get_doc(p[0].cast(), s("a"), o(p[1]), e)),
    ("nats_doc_len", &[Doc, Out], |p, e| nats_doc_len(p[0].cast(), s(""), o(p[1]), e)),
    ("nats_text_view", &[Text], |p, _| shown(nats_text_view(p[0].cast()).len())),
    ("nats_text_free", &[Text], |p, _| nats_text_free(p[0].cast())),
    ("nats_nkey_new", &[Out], |p, e| nats_nkey_new(s("user"), o(p[0]), e)),
    ("nats_nkey_from_seed", &[Out], |p, e| nats_nkey_from_seed(s(""), o(p[0]), e)),
    ("nats_nkey_kind", &[Key, Out], |p, e| nats_nkey_kind(p[0].cast(), o(p[1]), e)),
    ("nats_nkey_public_key", &[Key, Out], |p, e| nats_nkey_public_key(p[0].cast(), o(p[1]), e)),
    ("nats_nkey_seed", &[Key, Out], |p, e| nats_nkey_seed(p[0].cast(), o(p[1]), e)),
    ("nats_nkey_sign", &[Key, Out], |p, e| nats_nkey_sign(p[0].cast(), b(b"x"), o(p[1]), e)),
    ("nats_nkey_verify", &[Out], |p, e| nats_nkey_verify(s(USER), b(b"x"), b(b"y"), o(p[0]), e)),
    ("nats_nkey_free", &[Key], |p, _| nats_nkey_free(p[0].cast())),
    ("nats_jwt_encode_user", &[Key, Out], |p, e| {
        nats_jwt_encode_user(s(""), s(USER), p[0].cast(), o(p[1]), e)
    }),
    ("nats_jwt_encode_account", &[Key, Out], |p, e| {
        nats_jwt_encode_account(s(""), s(USER), p[0].cast(), o(p[1]), e)
    }),
    ("nats_jwt_decode", &[Out], |p, e| nats_jwt_decode(s(""), o(p[0]), e)),
    ("nats_creds_format", &[Key, Out], |p, e| {
        nats_creds_format(s("a.b.c"), p[0].cast(), o(p[1]), e)
    }),
    ("nats_creds_parse", &[Out, Out], |p, e| nats_creds_parse(s(""), o(p[0]), o(p[1]), e)),
    ("nats_options_new", &[Out], |p, e| nats_options_new(s(""), o(p[0]), e)),
    ("nats_options_set", &[Options], |p, e| nats_options_set(p[0].cast(), s(""), e)),
    ("nats_options_on_event", &[Options], |p, e| {
        nats_options_on_event(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_on_reconnect_delay", &[Options], |p, e| {
        nats_options_on_reconnect_delay(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_on_login", &[Options], |p, e| {
        nats_options_on_login(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_on_certificate", &[Options], |p, e| {
        nats_options_on_certificate(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_on_ws_headers", &[Options], |p, e| {
        nats_options_on_ws_headers(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_on_pick_server", &[Options], |p, e| {
        nats_options_on_pick_server(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_on_inject", &[Options], |p, e| {
        nats_options_on_inject(p[0].cast(), None, null_mut(), None, e)
    }),
    ("nats_options_free", &[Options], |p, _| nats_options_free(p[0].cast())),
    ("nats_headers_new", &[Out], |p, e| nats_headers_new(o(p[0]), e)),
    ("nats_headers_append", &[Headers], |p, e| nats_headers_append(p[0].cast(), s("a"), s("b"), e)),
    ("nats_headers_set", &[Headers], |p, e| nats_headers_set(p[0].cast(), s("a"), s("b"), e)),
    ("nats_headers_remove", &[Headers], |p, e| nats_headers_remove(p[0].cast(), s("a"), None, e)),
    ("nats_headers_get", &[Headers, Out], |p, e| nats_headers_get(p[0].cast(), s("a"), o(p[1]), e)),
    ("nats_headers_get_ignore_case", &[Headers, Out], |p, e| {
        nats_headers_get_ignore_case(p[0].cast(), s("a"), o(p[1]), e)
    }),
    ("nats_headers_count", &[Headers, Out], |p, e| nats_headers_count(p[0].cast(), o(p[1]), e)),
    ("nats_headers_at", &[Headers, Out, Out], |p, e| {
        nats_headers_at(p[0].cast(), 0, o(p[1]), o(p[2]), e)
    }),
    ("nats_headers_free", &[Headers], |p, _| nats_headers_free(p[0].cast())),
    ("nats_msg_subject", &[Message], |p, _| shown(nats_msg_subject(p[0].cast()).len())),
    ("nats_msg_reply", &[Message], |p, _| shown(nats_msg_reply(p[0].cast()).len())),
    ("nats_msg_payload", &[Message], |p, _| shown(nats_msg_payload(p[0].cast()).len())),
    ("nats_msg_status", &[Message], |p, _| shown(nats_msg_status(p[0].cast()) as usize)),
    ("nats_msg_description", &[Message], |p, _| shown(nats_msg_description(p[0].cast()).len())),
    ("nats_msg_check", &[Message], |p, e| nats_msg_check(p[0].cast(), e)),
    ("nats_msg_header", &[Message, Out], |p, e| nats_msg_header(p[0].cast(), s("a"), o(p[1]), e)),
    ("nats_msg_header_ignore_case", &[Message, Out], |p, e| {
        nats_msg_header_ignore_case(p[0].cast(), s("a"), o(p[1]), e)
    }),
    ("nats_msg_header_next", &[Message], |p, _| {
        shown(nats_msg_header_next(p[0].cast(), None, None, None) as usize)
    }),
    ("nats_msg_headers", &[Message, Out], |p, e| nats_msg_headers(p[0].cast(), o(p[1]), e)),
    ("nats_msg_respond", &[Message], |p, e| nats_msg_respond(p[0].cast(), b(b""), e)),
    ("nats_msg_respond_msg", &[Message, MaybeHeaders], |p, e| {
        nats_msg_respond_msg(p[0].cast(), p[1].cast(), b(b""), e)
    }),
    ("nats_msg_metadata", &[Message, Out], |p, e| nats_msg_metadata(p[0].cast(), o(p[1]), e)),
    ("nats_msg_ack", &[Message], |p, e| nats_msg_ack(p[0].cast(), e)),
    ("nats_msgs_ack", &[Out], |p, e| nats_msgs_ack(array(p[0]), 1, e)),
    ("nats_msg_nak", &[Message], |p, e| nats_msg_nak(p[0].cast(), 0, e)),
    ("nats_msg_in_progress", &[Message], |p, e| nats_msg_in_progress(p[0].cast(), e)),
    ("nats_msg_term", &[Message], |p, e| nats_msg_term(p[0].cast(), s(""), e)),
    ("nats_msg_clone", &[Message], |p, _| shown(nats_msg_clone(p[0].cast()) as usize)),
    ("nats_msg_free", &[Message], |p, _| nats_msg_free(p[0].cast())),
    ("nats_msgs_free", &[Out], |p, _| nats_msgs_free(array(p[0]), 1)),
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
    ("nats_metadata_parse", &[Out], |p, e| {
        nats_metadata_parse(s("$JS.ACK.s.c.1.1.1.1.0"), o(p[0]), e)
    }),
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
    ("nats_group_create", &[JetStream, Out], |p, e| {
        nats_group_create(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_group_create_async", &[JetStream, Queue], |p, e| {
        nats_group_create_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_group_info", &[JetStream, Out], |p, e| {
        nats_group_info(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_group_info_async", &[JetStream, Queue], |p, e| {
        nats_group_info_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_group_names", &[JetStream, Out], |p, e| {
        nats_group_names(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_group_names_async", &[JetStream, Queue], |p, e| {
        nats_group_names_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_group_members", &[JetStream, Out], |p, e| {
        nats_group_members(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_group_members_async", &[JetStream, Queue], |p, e| {
        nats_group_members_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_group_step_down", &[JetStream, Out], |p, e| {
        nats_group_step_down(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_group_step_down_async", &[JetStream, Queue], |p, e| {
        nats_group_step_down_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_group_delete", &[JetStream, Out], |p, e| {
        nats_group_delete(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_group_delete_async", &[JetStream, Queue], |p, e| {
        nats_group_delete_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_jetstream_new_traced", &[Connection, Out], |p, e| {
        let (nc, none) = (p[0].cast(), null_mut());
        nats_jetstream_new_traced(nc, s(""), Some(ignore_trace), none, None, o(p[1]), e)
    }),
    ("nats_jetstream_free", &[JetStream], |p, _| nats_jetstream_free(p[0].cast())),
    ("nats_account_info", &[JetStream, Out], |p, e| nats_account_info(p[0].cast(), o(p[1]), e)),
    ("nats_account_info_async", &[JetStream, Queue], |p, e| {
        nats_account_info_async(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_stream_create", &[JetStream, Out], |p, e| {
        nats_stream_create(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_create_async", &[JetStream, Queue], |p, e| {
        nats_stream_create_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_update", &[JetStream, Out], |p, e| {
        nats_stream_update(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_update_async", &[JetStream, Queue], |p, e| {
        nats_stream_update_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_create_or_update", &[JetStream, Out], |p, e| {
        nats_stream_create_or_update(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_create_or_update_async", &[JetStream, Queue], |p, e| {
        nats_stream_create_or_update_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_info", &[JetStream, Out], |p, e| {
        nats_stream_info(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_info_async", &[JetStream, Queue], |p, e| {
        nats_stream_info_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_names", &[JetStream, Out], |p, e| {
        nats_stream_names(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_names_async", &[JetStream, Queue], |p, e| {
        nats_stream_names_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_list", &[JetStream, Out], |p, e| {
        nats_stream_list(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_list_async", &[JetStream, Queue], |p, e| {
        nats_stream_list_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_by_subject", &[JetStream, Out], |p, e| {
        nats_stream_by_subject(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_by_subject_async", &[JetStream, Queue], |p, e| {
        nats_stream_by_subject_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_purge", &[JetStream, Out], |p, e| {
        nats_stream_purge(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_purge_async", &[JetStream, Queue], |p, e| {
        nats_stream_purge_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_delete", &[JetStream, Out], |p, e| {
        nats_stream_delete(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_delete_async", &[JetStream, Queue], |p, e| {
        nats_stream_delete_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_get_message", &[JetStream, Out], |p, e| {
        nats_stream_get_message(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_get_message_async", &[JetStream, Queue], |p, e| {
        nats_stream_get_message_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_delete_message", &[JetStream, Out], |p, e| {
        nats_stream_delete_message(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_delete_message_async", &[JetStream, Queue], |p, e| {
        nats_stream_delete_message_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_create", &[JetStream, Out], |p, e| {
        nats_consumer_create(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_create_async", &[JetStream, Queue], |p, e| {
        nats_consumer_create_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_update", &[JetStream, Out], |p, e| {
        nats_consumer_update(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_update_async", &[JetStream, Queue], |p, e| {
        nats_consumer_update_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_create_or_update", &[JetStream, Out], |p, e| {
        nats_consumer_create_or_update(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_create_or_update_async", &[JetStream, Queue], |p, e| {
        nats_consumer_create_or_update_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_info", &[JetStream, Out], |p, e| {
        nats_consumer_info(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_info_async", &[JetStream, Queue], |p, e| {
        nats_consumer_info_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_names", &[JetStream, Out], |p, e| {
        nats_consumer_names(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_names_async", &[JetStream, Queue], |p, e| {
        nats_consumer_names_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_list", &[JetStream, Out], |p, e| {
        nats_consumer_list(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_list_async", &[JetStream, Queue], |p, e| {
        nats_consumer_list_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_pause", &[JetStream, Out], |p, e| {
        nats_consumer_pause(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_pause_async", &[JetStream, Queue], |p, e| {
        nats_consumer_pause_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_resume", &[JetStream, Out], |p, e| {
        nats_consumer_resume(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_resume_async", &[JetStream, Queue], |p, e| {
        nats_consumer_resume_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_reset", &[JetStream, Out], |p, e| {
        nats_consumer_reset(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_reset_async", &[JetStream, Queue], |p, e| {
        nats_consumer_reset_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_unpin", &[JetStream, Out], |p, e| {
        nats_consumer_unpin(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_unpin_async", &[JetStream, Queue], |p, e| {
        nats_consumer_unpin_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_delete", &[JetStream, Out], |p, e| {
        nats_consumer_delete(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_delete_async", &[JetStream, Queue], |p, e| {
        nats_consumer_delete_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_get_batch", &[JetStream, Out], |p, e| {
        nats_stream_get_batch(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_get_batch_async", &[JetStream, Queue], |p, e| {
        nats_stream_get_batch_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_backup", &[JetStream, Out], |p, e| {
        nats_stream_backup(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_backup_async", &[JetStream, Queue], |p, e| {
        nats_stream_backup_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_restore", &[JetStream, Out], |p, e| {
        nats_stream_restore(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_restore_async", &[JetStream, Queue], |p, e| {
        nats_stream_restore_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_leader_stepdown", &[JetStream, Out], |p, e| {
        nats_stream_leader_stepdown(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_leader_stepdown_async", &[JetStream, Queue], |p, e| {
        nats_stream_leader_stepdown_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_peer_remove", &[JetStream, Out], |p, e| {
        nats_stream_peer_remove(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_peer_remove_async", &[JetStream, Queue], |p, e| {
        nats_stream_peer_remove_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_peer_evacuate", &[JetStream, Out], |p, e| {
        nats_stream_peer_evacuate(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_peer_evacuate_async", &[JetStream, Queue], |p, e| {
        nats_stream_peer_evacuate_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_stream_cancel_move", &[JetStream, Out], |p, e| {
        nats_stream_cancel_move(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_stream_cancel_move_async", &[JetStream, Queue], |p, e| {
        nats_stream_cancel_move_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_leader_stepdown", &[JetStream, Out], |p, e| {
        nats_consumer_leader_stepdown(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_leader_stepdown_async", &[JetStream, Queue], |p, e| {
        nats_consumer_leader_stepdown_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_consumer_peer_evacuate", &[JetStream, Out], |p, e| {
        nats_consumer_peer_evacuate(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_consumer_peer_evacuate_async", &[JetStream, Queue], |p, e| {
        nats_consumer_peer_evacuate_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_counter_add", &[JetStream, Out], |p, e| {
        nats_counter_add(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_counter_add_async", &[JetStream, Queue], |p, e| {
        nats_counter_add_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_counter_get", &[JetStream, Out], |p, e| {
        nats_counter_get(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_counter_get_async", &[JetStream, Queue], |p, e| {
        nats_counter_get_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_counter_get_many", &[JetStream, Out], |p, e| {
        nats_counter_get_many(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_counter_get_many_async", &[JetStream, Queue], |p, e| {
        nats_counter_get_many_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_schedule_create", &[JetStream, Out], |p, e| {
        nats_schedule_create(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_schedule_create_async", &[JetStream, Queue], |p, e| {
        nats_schedule_create_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_schedule_cancel", &[JetStream, Out], |p, e| {
        nats_schedule_cancel(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_schedule_cancel_async", &[JetStream, Queue], |p, e| {
        nats_schedule_cancel_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_meta_leader_stepdown", &[JetStream, Out], |p, e| {
        nats_meta_leader_stepdown(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_meta_leader_stepdown_async", &[JetStream, Queue], |p, e| {
        nats_meta_leader_stepdown_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_meta_rescue", &[JetStream, Out], |p, e| {
        nats_meta_rescue(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_meta_rescue_async", &[JetStream, Queue], |p, e| {
        nats_meta_rescue_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_server_remove", &[JetStream, Out], |p, e| {
        nats_server_remove(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_server_remove_async", &[JetStream, Queue], |p, e| {
        nats_server_remove_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_server_evacuate", &[JetStream, Out], |p, e| {
        nats_server_evacuate(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_server_evacuate_async", &[JetStream, Queue], |p, e| {
        nats_server_evacuate_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_account_purge", &[JetStream, Out], |p, e| {
        nats_account_purge(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_account_purge_async", &[JetStream, Queue], |p, e| {
        nats_account_purge_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_account_stream_move", &[JetStream, Out], |p, e| {
        nats_account_stream_move(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_account_stream_move_async", &[JetStream, Queue], |p, e| {
        nats_account_stream_move_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
    ("nats_account_stream_cancel_move", &[JetStream, Out], |p, e| {
        nats_account_stream_cancel_move(p[0].cast(), s("{}"), o(p[1]), e)
    }),
    ("nats_account_stream_cancel_move_async", &[JetStream, Queue], |p, e| {
        nats_account_stream_cancel_move_async(p[0].cast(), s("{}"), p[1].cast(), 1, e)
    }),
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

pub type OfQuestion = fn(*mut nats_question, Err<'_>) -> nats_status;

/// Functions of an object that exists within a callback only.
pub const QUESTIONS: &[(&str, OfQuestion)] = &[
    ("nats_question_about", |question, e| {
        nats_question_about(question, Some(&mut MaybeUninit::uninit()), e)
    }),
    ("nats_question_answer", |question, e| nats_question_answer(question, s("user"), b(b"u"), e)),
    ("nats_question_refuse", |question, e| nats_question_refuse(question, s("no"), e)),
];

/// Functions without a pointer that could be wrong.
pub const WITHOUT: &[&str] = &[
    "nats_abi_version",
    "nats_version",
    "nats_library_init",
    "nats_library_shutdown",
    "nats_library_handles",
    "nats_status_name",
    "nats_status_text",
    "nats_log_set",
    "nats_jetstream_err_code_name",
];
