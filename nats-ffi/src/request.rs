//! Requests.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Duration;

use nats_bridge::connection::Connection;
use nats_bridge::subscription::Subscription;
use nats_bridge::{options, wait};
use nats_core::{Client, Code, Error, Headers, ManyOptions, Request, Result};

use crate::connection::nats_connection;
use crate::error::nats_error;
use crate::guard::{guard, guard_out};
use crate::handle;
use crate::headers::{nats_headers, with_headers};
use crate::message::{self, nats_msg};
use crate::queue::{ask, nats_queue};
use crate::subscription::nats_subscription;
use crate::types::{NATS_REQUEST_OWN_INBOX, nats_bytes, nats_status, nats_str, timeout_option};

/// Sends a request and waits for the first answer. Free `*out` with nats_msg_free().
///
/// `timeout_ms`: how long to wait, in milliseconds; 0 stands for the option "request_timeout_ms".
///
/// Errors: `NO_RESPONDERS` at once when nobody is subscribed; `TIMEOUT`; `CONNECTION_LOST` when
/// the connection broke meanwhile; `CONNECTION_CLOSED` when it is closed meanwhile; those of
/// nats_publish().
#[unsafe(no_mangle)]
pub extern "C" fn nats_request(
    nc: *mut nats_connection,
    subject: nats_str,
    payload: nats_bytes,
    timeout_ms: i64,
    out: Option<&mut MaybeUninit<*mut nats_msg>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    nats_request_msg(nc, subject, std::ptr::null(), payload, timeout_ms, 0, out, err)
}

/// Like nats_request(), with headers and flags.
///
/// `headers`: may be NULL; not consumed. `flags`: 0, or `NATS_REQUEST_OWN_INBOX` for an inbox and
/// a subscription of its own instead of the connection's shared ones.
///
/// Errors: those of nats_request(), and `INVALID_ARGUMENT` for flags that do not exist.
#[unsafe(no_mangle)]
pub extern "C" fn nats_request_msg(
    nc: *mut nats_connection,
    subject: nats_str,
    headers: *const nats_headers,
    payload: nats_bytes,
    timeout_ms: i64,
    flags: u32,
    out: Option<&mut MaybeUninit<*mut nats_msg>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let client = client(nc)?;
        let subject = subject.text("subject", Code::InvalidSubject)?;
        let payload = payload.bytes("payload")?;
        let headers = headers_to_send(&client, headers)?;
        let how = How::new(timeout_ms, flags)?;
        let request = how.apply(request(subject, headers.as_ref(), payload));
        wait::read_for(&client, client.request_with(&request))?.map(message::into_raw)
    })
}

/// Sends a request; the answer arrives on `queue` as a completion whose value is a `nats_msg`.
/// Subject, headers and payload are copied. Arguments and errors as nats_request_msg(); what is
/// known at once is returned at once, and then there is no completion.
///
/// It is sent in this call. Only those that follow the poll of several completions are sent
/// together: with 31 others, at the next poll of the queue, or 0.2 ms later.
#[unsafe(no_mangle)]
pub extern "C" fn nats_request_async(
    nc: *mut nats_connection,
    subject: nats_str,
    headers: *const nats_headers,
    payload: nats_bytes,
    timeout_ms: i64,
    flags: u32,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let client = client(nc)?;
        let subject = subject.text("subject", Code::InvalidSubject)?;
        let payload = payload.bytes("payload")?;
        let how = How::new(timeout_ms, flags)?;
        with_headers(headers, |headers| {
            ask(queue, token, &client, &how.apply(request(subject, headers, payload)))
        })
    })
}

/// Sends a request that several may answer (ADR-47). The answers are read from `*out` with
/// nats_subscription_next() or nats_subscription_take() until they fail with
/// `SUBSCRIPTION_ENDED`; free it with nats_subscription_free().
///
/// `headers`: may be NULL; not consumed. `options_json`: a JSON object with the keys
/// "max_messages", "max_wait_ms", "stall_ms" and "sentinel" (docs/options.md), or empty.
///
/// Errors: `INVALID_OPTION`; those of nats_publish(). `NO_RESPONDERS` is the end reason of the
/// subscription.
#[unsafe(no_mangle)]
pub extern "C" fn nats_request_many(
    nc: *mut nats_connection,
    subject: nats_str,
    headers: *const nats_headers,
    payload: nats_bytes,
    options_json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let client = client(nc)?;
        let subject = subject.text("subject", Code::InvalidSubject)?;
        let payload = payload.bytes("payload")?;
        let headers = headers_to_send(&client, headers)?;
        let mut many = ManyOptions::default();
        options::many(&mut many, options_json.text("options", Code::InvalidOption)?)?;
        let request = request(subject, headers.as_ref(), payload);
        let answers = wait::block_on(client.request_many(&request, &many))??;
        handle::insert(Subscription::polled(answers))
    })
}

/// How to wait for an answer.
#[derive(Clone, Copy)]
struct How {
    timeout: Option<Duration>,
    own_inbox: bool,
}

impl How {
    fn new(timeout_ms: i64, flags: u32) -> Result<How> {
        if flags & !NATS_REQUEST_OWN_INBOX != 0 {
            let text = format!("flags: {flags:#x} has bits that mean nothing");
            return Err(Error::new(Code::InvalidArgument, text));
        }
        Ok(How {
            timeout: timeout_option(timeout_ms)?,
            own_inbox: flags & NATS_REQUEST_OWN_INBOX != 0,
        })
    }

    fn apply(self, request: Request<'_>) -> Request<'_> {
        Request { timeout: self.timeout, own_inbox: self.own_inbox, ..request }
    }
}

fn client(nc: *mut nats_connection) -> Result<Client> {
    Ok(handle::get::<Arc<Connection>>(nc)?.client().clone())
}

/// A copy of the headers with those that the program adds: before the wait, within which it could
/// not call what blocks.
fn headers_to_send(client: &Client, headers: *const nats_headers) -> Result<Option<Headers>> {
    with_headers(headers, |given| Ok(client.injected(given).or_else(|| given.cloned())))
}

fn request<'a>(subject: &'a str, headers: Option<&'a Headers>, payload: &'a [u8]) -> Request<'a> {
    let mut request = Request::new(subject, payload);
    request.headers = headers;
    request
}
