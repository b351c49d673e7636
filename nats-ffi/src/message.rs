//! Received messages: real pointers, reference-counted, with views into them.

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::{Arc, RwLock};

use nats_bridge::{fork, wait};
use nats_core::{Code, Error, Headers, Message, Result};

use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status, guard_value};
use crate::handle;
use crate::headers::{header_text, nats_headers, no_header, with_headers};
use crate::types::{nats_bytes, nats_status, nats_str, null};

/// A received message. Unlike other objects this is a real pointer: NULL and handles of other
/// objects are errors, but a freed message must not be used. Any thread may use and free it. All
/// views (subject, payload, headers) live until the message is freed. In a forked child, messages
/// of the parent can be read and freed, but not answered.
pub struct nats_msg {
    epoch: u32,
    message: Message,
}

/// The subject that the message was sent to. May hold bytes that are not UTF-8 when a peer sent
/// such a subject. Empty when `msg` is no message.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_subject(msg: *const nats_msg) -> nats_str {
    view(msg, nats_str::EMPTY, |m| nats_str::view(m.subject_bytes()))
}

/// The reply subject; `{NULL, 0}` when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_reply(msg: *const nats_msg) -> nats_str {
    view(msg, nats_str::EMPTY, |m| nats_str::maybe(m.reply().map(str::as_bytes)))
}

/// The payload.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_payload(msg: *const nats_msg) -> nats_bytes {
    let none = nats_bytes { ptr: std::ptr::null(), len: 0 };
    view(msg, none, |m| nats_bytes::view(m.payload()))
}

/// The status code of the header block, for example 503; 0 when it has none (ADR-4).
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_status(msg: *const nats_msg) -> i32 {
    view(msg, 0, |m| m.status().map_or(0, i32::from))
}

/// The description behind the status code; `{NULL, 0}` when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_description(msg: *const nats_msg) -> nats_str {
    view(msg, nats_str::EMPTY, |m| nats_str::maybe(m.headers().and_then(|h| h.description())))
}

/// Whether the message could be decoded as a whole. Its payload can be read either way.
///
/// Errors: `MALFORMED_MESSAGE` when the subject is not UTF-8 or the header block is broken; the
/// text says how.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_check(
    msg: *const nats_msg,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || borrow(&msg)?.message.decode_error().map_or(Ok(()), Err))
}

/// The first value of a header (case-sensitive). Errors: `NOT_FOUND`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_header(
    msg: *const nats_msg,
    name: nats_str,
    value: Option<&mut MaybeUninit<nats_str>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(value, err, || {
        let name = header_text(&name, "name")?;
        let found = borrow(&msg)?.message.headers().and_then(|h| h.get(name));
        found.map(nats_str::view).ok_or_else(|| no_header(name))
    })
}

/// The first value of a header, whatever the case of its letters. Errors: `NOT_FOUND`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_header_ignore_case(
    msg: *const nats_msg,
    name: nats_str,
    value: Option<&mut MaybeUninit<nats_str>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(value, err, || {
        let name = header_text(&name, "name")?;
        let found = borrow(&msg)?.message.headers().and_then(|h| h.get_ignore_case(name));
        found.map(nats_str::view).ok_or_else(|| no_header(name))
    })
}

/// Walks the headers: set `*cursor` to 0, then call until it returns 0; each call that returns 1
/// has written the next name and value. Takes linear time over all calls. Returns 0 when an
/// argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_header_next(
    msg: *const nats_msg,
    cursor: Option<&mut usize>,
    name: Option<&mut MaybeUninit<nats_str>>,
    value: Option<&mut MaybeUninit<nats_str>>,
) -> i32 {
    guard_value(0, || {
        let (Ok(msg), Some(cursor), Some(name), Some(value)) = (borrow(&msg), cursor, name, value)
        else {
            return 0;
        };
        let Some((n, v)) = msg.message.headers().and_then(|h| h.next_from(cursor)) else {
            return 0;
        };
        name.write(nats_str::view(n));
        value.write(nats_str::view(v));
        1
    })
}

/// A copy of the message's headers, empty when it has none. Free it with nats_headers_free().
///
/// Errors: `MALFORMED_MESSAGE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_headers(
    msg: *const nats_msg,
    out: Option<&mut MaybeUninit<*mut nats_headers>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let headers = match borrow(&msg)?.message.headers() {
            Some(block) => block.to_headers()?,
            None => Headers::new(),
        };
        handle::insert(RwLock::new(headers))
    })
}

/// Publishes an answer to the reply subject. Waits for room in the outbound buffer as
/// nats_publish() does.
///
/// Errors: `NO_REPLY` when the message does not ask for an answer, and those of nats_publish().
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_respond(
    msg: *const nats_msg,
    payload: nats_bytes,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || respond(&msg, None, payload.bytes("payload")?))
}

/// Like nats_msg_respond(), with headers (may be NULL; not consumed).
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_respond_msg(
    msg: *const nats_msg,
    headers: *const nats_headers,
    payload: nats_bytes,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let payload = payload.bytes("payload")?;
        with_headers(headers, |headers| respond(&msg, headers, payload))
    })
}

/// One more reference to the same message, to be freed like the first; NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_clone(msg: *const nats_msg) -> *mut nats_msg {
    guard_value(std::ptr::null_mut(), || {
        if retain(msg).is_ok() { msg.cast_mut() } else { std::ptr::null_mut() }
    })
}

/// Frees one reference to a message. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_free(msg: *mut nats_msg) -> nats_status {
    guard_status(|| free(msg))
}

/// Frees `n` messages, as nats_subscription_take() delivered them. NULL elements are skipped.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msgs_free(msgs: Option<NonNull<*mut nats_msg>>, n: usize) -> nats_status {
    guard_status(|| {
        if n == 0 {
            return Ok(());
        }
        let first = msgs.ok_or_else(|| null("msgs"))?;
        for i in 0..n {
            // SAFETY: the caller promised `n` pointers from the first one on.
            free(unsafe { first.add(i).read() })?;
        }
        Ok(())
    })
}

/// Hands a message to the program, which owes a nats_msg_free().
pub(crate) fn into_raw(message: Message) -> *mut nats_msg {
    Arc::into_raw(Arc::new(nats_msg { epoch: fork::epoch(), message })).cast_mut()
}

/// Takes back a message that was not handed over after all.
pub(crate) fn free(msg: *mut nats_msg) -> Result<()> {
    if msg.is_null() {
        return Ok(());
    }
    if borrow(&msg.cast_const())?.epoch != fork::epoch() {
        // The last reference to a message may touch its connection, which belongs to the parent.
        return Ok(());
    }
    // SAFETY: `borrow` accepted it, so it came from `into_raw`; the caller gives up one reference.
    drop(unsafe { Arc::from_raw(msg.cast_const()) });
    Ok(())
}

/// Counts one more reference.
fn retain(msg: *const nats_msg) -> Result<()> {
    borrow(&msg)?;
    // SAFETY: `borrow` accepted it, so it came from `into_raw` and holds a reference.
    unsafe { Arc::increment_strong_count(msg) };
    Ok(())
}

/// The message behind a pointer; the reference lives as long as the argument it was read from.
fn borrow(msg: &*const nats_msg) -> Result<&nats_msg> {
    if msg.is_null() {
        return Err(Error::new(Code::InvalidHandle, "the message is NULL"));
    }
    if !msg.is_aligned() {
        return Err(Error::new(
            Code::InvalidHandle,
            "a handle was given where a message is needed",
        ));
    }
    // SAFETY: the header demands a message that was not freed; handles, which are odd, are out.
    Ok(unsafe { &**msg })
}

fn view<T>(msg: *const nats_msg, none: T, body: impl FnOnce(&Message) -> T) -> T {
    guard_value(None, || borrow(&msg).ok().map(|m| body(&m.message))).unwrap_or(none)
}

fn respond(msg: &*const nats_msg, headers: Option<&Headers>, payload: &[u8]) -> Result<()> {
    let msg = borrow(msg)?;
    if msg.epoch != fork::epoch() {
        return Err(Code::Forked.into());
    }
    match msg.message.respond_now(headers, payload) {
        Err(e) if e.code() == Code::OutboundFull => {
            wait::block_on(msg.message.respond_with(headers, payload))?
        }
        result => result,
    }
}
