//! Services, and questions to them.

use std::ffi::c_void;
use std::ptr::null_mut;

use nats_ffi::*;

use crate::common::{b, get, s};
use crate::table::{Arg::*, Row, ignore_message, o, shown};

unsafe extern "C" fn ignore_end(_: nats_status, _: nats_str, _: *mut c_void) {}

/// A service.
pub(crate) fn add(nc: *mut nats_connection) -> *mut nats_service {
    let config = s(r#"{"name":"s","version":"1.0.0","own_stats":true}"#);
    get(|o, e| nats_service_new(nc, config, o, e)).unwrap()
}

const ENDPOINT: &str = r#"{"name":"e"}"#;

pub(crate) const ROWS: &[Row] = &[
    ("nats_service_new", &[Connection, Out], |p, e| {
        nats_service_new(p[0].cast(), s(r#"{"name":"s","version":"1.0.0"}"#), o(p[1]), e)
    }),
    ("nats_service_add_endpoint", &[Service, Out], |p, e| {
        nats_service_add_endpoint(p[0].cast(), s(ENDPOINT), None, null_mut(), None, o(p[1]), e)
    }),
    ("nats_service_stats_requests", &[Service], |p, e| {
        let cb: nats_msg_cb = Some(ignore_message);
        nats_service_stats_requests(p[0].cast(), cb, null_mut(), None, None, e)
    }),
    ("nats_service_info", &[Service, Out], |p, e| nats_service_info(p[0].cast(), o(p[1]), e)),
    ("nats_service_stats", &[Service, Out], |p, e| nats_service_stats(p[0].cast(), o(p[1]), e)),
    ("nats_service_reset", &[Service], |p, e| nats_service_reset(p[0].cast(), e)),
    ("nats_service_stop", &[Service], |p, e| nats_service_stop(p[0].cast(), 1, e)),
    ("nats_service_stop_async", &[Service, Queue], |p, e| {
        nats_service_stop_async(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_service_stopped", &[Service], |p, e| nats_service_stopped(p[0].cast(), 1, e)),
    ("nats_service_stopped_async", &[Service, Queue], |p, e| {
        nats_service_stopped_async(p[0].cast(), p[1].cast(), 1, e)
    }),
    ("nats_service_on_stopped", &[Service], |p, e| {
        nats_service_on_stopped(p[0].cast(), Some(ignore_end), null_mut(), None, e)
    }),
    ("nats_service_free", &[Service], |p, _| nats_service_free(p[0].cast())),
    ("nats_services_ask", &[Connection, Out], |p, e| {
        nats_services_ask(p[0].cast(), s("ping"), s(""), o(p[1]), e)
    }),
    ("nats_services_ping", &[Connection, Out], |p, e| {
        nats_services_ping(p[0].cast(), s(""), o(p[1]), e)
    }),
    ("nats_services_ping_async", &[Connection, Queue], |p, e| {
        nats_services_ping_async(p[0].cast(), s(""), p[1].cast(), 1, e)
    }),
    ("nats_services_info", &[Connection, Out], |p, e| {
        nats_services_info(p[0].cast(), s(""), o(p[1]), e)
    }),
    ("nats_services_info_async", &[Connection, Queue], |p, e| {
        nats_services_info_async(p[0].cast(), s(""), p[1].cast(), 1, e)
    }),
    ("nats_services_stats", &[Connection, Out], |p, e| {
        nats_services_stats(p[0].cast(), s(""), o(p[1]), e)
    }),
    ("nats_services_stats_async", &[Connection, Queue], |p, e| {
        nats_services_stats_async(p[0].cast(), s(""), p[1].cast(), 1, e)
    }),
    ("nats_msg_respond_error", &[Message, MaybeHeaders], |p, e| {
        nats_msg_respond_error(p[0].cast(), 400, s("no"), p[1].cast(), b(b""), e)
    }),
    ("nats_msg_respond_failed", &[Message], |p, e| {
        nats_msg_respond_failed(p[0].cast(), s("no"), e)
    }),
    ("nats_msg_service_error", &[Message], |p, _| {
        shown(nats_msg_service_error(p[0].cast(), None, None) as usize)
    }),
];
