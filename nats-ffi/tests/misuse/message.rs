//! Messages.

use nats_ffi::*;

use crate::common::{b, s};
use crate::table::{Arg::*, Row, array, o, shown};

pub(crate) const ROWS: &[Row] = &[
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
    ("nats_metadata_parse", &[Out], |p, e| {
        nats_metadata_parse(s("$JS.ACK.s.c.1.1.1.1.0"), o(p[0]), e)
    }),
];
