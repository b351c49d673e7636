//! Every function of the C API, with its pointer arguments.
#![allow(unreachable_pub)]

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use nats_core::Code;
use nats_ffi::*;

use crate::common::{b, s};
use crate::{connection, jetstream, kv, message, object, objects, ops, service};

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
    Bucket,
    Cache,
    Service,
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
pub fn shown(length: usize) -> nats_status {
    if length == 0 { Code::InvalidHandle.number() } else { 0 }
}

pub unsafe extern "C" fn ignore_trace(_: nats_str, _: nats_bytes, _: *mut c_void) {}

pub unsafe extern "C" fn ignore_message(
    _: *mut nats_connection,
    _: *mut nats_subscription,
    msg: *mut nats_msg,
    _: *mut c_void,
) {
    nats_msg_free(msg);
}

pub const SERVERS: &str = r#"{"servers":["127.0.0.1:1"]}"#;

/// The public key of a user.
pub const USER: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

/// Every function with a pointer that could be wrong.
pub fn table() -> impl Iterator<Item = &'static Row> {
    [
        objects::ROWS,
        message::ROWS,
        connection::ROWS,
        jetstream::ROWS,
        kv::ROWS,
        service::ROWS,
        object::ROWS,
        object::OPERATIONS,
        ops::ASKED,
        ops::ROWS,
    ]
    .into_iter()
    .flatten()
}

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
