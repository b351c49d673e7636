//! Received messages: real pointers, reference-counted, with views into them.

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};

use nats_bridge::handling::Handling;
use nats_bridge::{fork, wait};
use nats_core::jetstream::{AckKind, Metadata};
use nats_core::service::{Endpoint, ServiceError};
use nats_core::{Batch, Client, Code, Error, Headers, Message, MessageRef, Request, Result};

use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status, guard_value};
use crate::handle;
use crate::headers::{Shared, header_text, nats_headers, no_header, with_headers};
use crate::jetstream::{metadata, nats_metadata};
use crate::types::{nats_bytes, nats_status, nats_str, null, timeout, timeout_option};

/// A received message. Unlike other objects this is a real pointer: NULL and handles of other
/// objects are errors, but a freed message must not be used. Any thread may use and free it. All
/// views (subject, payload, headers) live until the message is freed. In a forked child, messages
/// of the parent can be read and freed, but not answered.
pub struct nats_msg {
    slab: NonNull<Slab>,
    index: u32,
    /// It was said what became of it.
    acked: AtomicBool,
}

/// The messages of one batch. Each that the program was given is one reference to all of them, so
/// that a message costs no allocation, and its end no more than a count.
struct Slab {
    references: AtomicUsize,
    epoch: u32,
    batch: Batch,
    first: nats_msg,
    more: Box<[nats_msg]>,
    /// Of the requests to a service, one for each message.
    asked: Option<Box<[Asked]>>,
}

/// A request to a service.
struct Asked {
    /// References to this message alone: the last one ends it.
    references: AtomicU32,
    handling: Handling,
}

/// A batch on its way to the program, message by message; what is not handed over is freed with it.
pub(crate) struct Messages {
    slab: NonNull<Slab>,
    next: usize,
    count: usize,
}

// SAFETY: what it points to is Send and Sync (a batch, numbers), and its references are counted.
unsafe impl Send for Messages {}

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
    view(msg, nats_bytes::EMPTY, |m| nats_bytes::view(m.payload()))
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
    guard(err, || look(&msg)?.decode_error().map_or(Ok(()), Err))
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
        let found = look(&msg)?.headers().and_then(|h| h.get(name));
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
        let found = look(&msg)?.headers().and_then(|h| h.get_ignore_case(name));
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
        let (Ok(msg), Some(cursor), Some(name), Some(value)) = (look(&msg), cursor, name, value)
        else {
            return 0;
        };
        let Some((n, v)) = msg.headers().and_then(|h| h.next_from(cursor)) else {
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
        let headers = match look(&msg)?.headers() {
            Some(block) => block.to_headers()?,
            None => Headers::new(),
        };
        handle::insert(Shared::new(headers.into()))
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

/// Publishes an answer that says that a request came to an error, with the headers that services
/// use for that (ADR-32); who has asked sees it by nats_msg_service_error(). A service counts it as
/// an error.
///
/// `code`: 1 to 65535, in the manner of HTTP or the program's own. `description`: what a user may
/// be shown; not empty, and one line. `headers`: others besides; may be NULL; not consumed.
/// `payload`: may be empty.
///
/// Errors: `INVALID_ARGUMENT` for `code` and an empty `description`; `INVALID_HEADER` for one with
/// a line break; those of nats_msg_respond(). The request can still be answered then.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_respond_error(
    msg: *const nats_msg,
    code: i32,
    description: nats_str,
    headers: *const nats_headers,
    payload: nats_bytes,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let payload = payload.bytes("payload")?;
        let description = description.text("description", Code::InvalidHeader)?;
        let bad = |_| Error::new(Code::InvalidArgument, "code: expected 1 to 65535");
        let error = ServiceError::new(u16::try_from(code).map_err(bad)?, description);
        with_headers(headers, |own| answer_error(&msg, &error, own, payload))
    })
}

/// Says that the handler of a request has failed: answers with an error of code 500 and `text`, in
/// which line breaks become spaces, as nats_msg_respond_error(). Of a request to a service that was
/// answered before, nothing happens; one that cannot be answered is counted as this error all the
/// same.
///
/// Errors: those of nats_msg_respond().
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_respond_failed(
    msg: *const nats_msg,
    text: nats_str,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let error = ServiceError::internal(text.text("text", Code::InvalidArgument)?);
        let (part, slab) = borrow(&msg)?;
        let asked = slab.asked(part);
        if asked.is_some_and(|asked| asked.handling.is_counted()) {
            return Ok(());
        }
        let sent = answer_error(&msg, &error, None, &[]);
        if let Some(asked) = asked {
            asked.handling.failed(&error);
        }
        sent
    })
}

/// Whether an answer says that a service came to an error: returns 1 and writes its code (0 when it
/// has none that is a number) and its description, a view that lives as long as the message; 0 when
/// it is another answer, or an argument is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_service_error(
    msg: *const nats_msg,
    code: Option<&mut MaybeUninit<i32>>,
    description: Option<&mut MaybeUninit<nats_str>>,
) -> i32 {
    guard_value(0, || {
        let (Ok(message), Some(code), Some(description)) = (look(&msg), code, description) else {
            return 0;
        };
        let Some(error) = ServiceError::of_ref(message) else { return 0 };
        let text = message.headers().and_then(|h| h.get(ServiceError::DESCRIPTION_HEADER));
        code.write(i32::from(error.code));
        description.write(nats_str::maybe(text));
        1
    })
}

/// Where a message that a consumer has delivered stands in its stream and its consumer; read from
/// its reply subject, in either of its forms (ADR-15). `*out` is valid until the message is freed.
///
/// Errors: `NOT_JETSTREAM`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_metadata(
    msg: *const nats_msg,
    out: Option<&mut MaybeUninit<nats_metadata>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || metadata(look(&msg)?.reply().unwrap_or_default()))
}

/// Says that a message was handled, without waiting for the server to have heard it;
/// nats_jetstream_ack_sync() waits. Waits for room in the outbound buffer as nats_publish() does.
///
/// Errors: `ALREADY_ACKED` when it was said before what became of it, whatever it was;
/// `NOT_JETSTREAM`; those of nats_publish(): then it can be said again.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_ack(
    msg: *const nats_msg,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || say(&msg, AckKind::Ack))
}

/// Says that messages were handled, all in one go. NULL elements are skipped.
///
/// Errors: those of nats_msg_ack(), with the number of the message; those before it are
/// acknowledged, those behind it are not.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msgs_ack(
    msgs: Option<NonNull<*mut nats_msg>>,
    n: usize,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        if n == 0 {
            return Ok(());
        }
        let first = msgs.ok_or_else(|| null("msgs"))?;
        for index in 0..n {
            // SAFETY: the caller promised `n` pointers from the first one on.
            let msg = unsafe { first.add(index).read() }.cast_const();
            if !msg.is_null() {
                say(&msg, AckKind::Ack)
                    .map_err(|error| error.context(format_args!("message {index}")))?;
            }
        }
        Ok(())
    })
}

/// Says that a message was not handled: it is delivered again, after `delay_ms` milliseconds, or at
/// once for 0. Errors: those of nats_msg_ack(), and `INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_nak(
    msg: *const nats_msg,
    delay_ms: i64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || say(&msg, AckKind::Nak(timeout_option(delay_ms)?)))
}

/// Says that a message is being handled: the time to acknowledge it begins anew. May be said again
/// and again. Errors: those of nats_msg_ack().
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_in_progress(
    msg: *const nats_msg,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || say(&msg, AckKind::InProgress))
}

/// Says that a message will never be handled: it is not delivered again. `reason` goes into an
/// advisory (server 2.11); empty for none. Errors: those of nats_msg_ack().
#[unsafe(no_mangle)]
pub extern "C" fn nats_msg_term(
    msg: *const nats_msg,
    reason: nats_str,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || say(&msg, AckKind::Term(reason.optional("reason", Code::InvalidArgument)?)))
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
    into_raw_of(message, None)
}

/// The same for what may be a request to an endpoint.
pub(crate) fn into_raw_of(message: Message, endpoint: Option<&Arc<Endpoint>>) -> *mut nats_msg {
    Messages::of(message.into(), endpoint).next().unwrap_or(std::ptr::null_mut())
}

impl Messages {
    /// Makes the messages of `batch` ready to be handed over.
    pub(crate) fn new(batch: Batch) -> Messages {
        Messages::of(batch, None)
    }

    /// The same for what may be requests to an endpoint.
    pub(crate) fn of(batch: Batch, endpoint: Option<&Arc<Endpoint>>) -> Messages {
        let count = batch.len();
        let asked = |endpoint| {
            let new =
                |_| Asked { references: AtomicU32::new(1), handling: Handling::new(endpoint) };
            (0..count).map(new).collect()
        };
        let part = |index: usize| nats_msg {
            slab: NonNull::dangling(),
            index: index as u32,
            acked: AtomicBool::new(false),
        };
        let mut slab = NonNull::from(Box::leak(Box::new(Slab {
            references: AtomicUsize::new(count),
            epoch: fork::epoch(),
            batch,
            first: part(0),
            more: (1..count).map(part).collect(),
            asked: endpoint.map(asked),
        })));
        // SAFETY: it was just made, and nobody else knows it yet.
        let parts = unsafe { slab.as_mut() };
        parts.first.slab = slab;
        parts.more.iter_mut().for_each(|msg| msg.slab = slab);
        Messages { slab, next: 0, count }
    }
}

impl Iterator for Messages {
    type Item = *mut nats_msg;

    /// The next message; the program owes a nats_msg_free() for it.
    fn next(&mut self) -> Option<*mut nats_msg> {
        if self.next == self.count {
            return None;
        }
        // SAFETY: the references of the messages that were not handed over keep it.
        let slab = unsafe { self.slab.as_ref() };
        let rest = self.next.checked_sub(1).and_then(|index| slab.more.get(index));
        self.next += 1;
        let msg = rest.unwrap_or(&slab.first);
        if let Some(asked) = slab.asked(msg) {
            asked.handling.begin();
        }
        Some(std::ptr::from_ref(msg).cast_mut())
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        if self.next < self.count {
            // SAFETY: the references of the messages that were not handed over keep it.
            let asked = unsafe { &self.slab.as_ref().asked };
            let left = asked.iter().flatten().skip(self.next);
            left.for_each(|asked| asked.handling.end());
        }
        Slab::release(self.slab, self.count - self.next);
    }
}

impl Slab {
    /// What is known of a message that is a request to a service.
    fn asked(&self, msg: &nats_msg) -> Option<&Asked> {
        self.asked.as_ref()?.get(msg.index as usize)
    }

    /// Gives up `count` references.
    fn release(slab: NonNull<Slab>, count: usize) {
        if count == 0 {
            return;
        }
        // SAFETY: the references that are given up keep it until here.
        let references = unsafe { &slab.as_ref().references };
        if references.fetch_sub(count, Ordering::Release) == count {
            fence(Ordering::Acquire);
            // SAFETY: it came from a box, and these were the last references.
            drop(unsafe { Box::from_raw(slab.as_ptr()) });
        }
    }
}

/// Frees one reference to a message.
fn free(msg: *mut nats_msg) -> Result<()> {
    if msg.is_null() {
        return Ok(());
    }
    let msg = msg.cast_const();
    let (msg, slab) = borrow(&msg)?;
    // The last reference may touch the connection, which belongs to the parent of a child.
    if slab.epoch == fork::epoch() {
        if let Some(asked) = slab.asked(msg)
            && asked.references.fetch_sub(1, Ordering::AcqRel) == 1
        {
            asked.handling.end();
        }
        Slab::release(msg.slab, 1);
    }
    Ok(())
}

/// Counts one more reference.
fn retain(msg: *const nats_msg) -> Result<()> {
    let (msg, slab) = borrow(&msg)?;
    if let Some(asked) = slab.asked(msg) {
        asked.references.fetch_add(1, Ordering::Relaxed);
    }
    slab.references.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// The message behind a pointer; the references live as long as the argument it was read from.
fn borrow(msg: &*const nats_msg) -> Result<(&nats_msg, &Slab)> {
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
    let msg = unsafe { &**msg };
    // SAFETY: every message counts as a reference to its slab.
    Ok((msg, unsafe { msg.slab.as_ref() }))
}

/// The message behind a pointer, to be looked at.
pub(crate) fn look(msg: &*const nats_msg) -> Result<MessageRef<'_>> {
    borrow(msg).map(|(msg, slab)| slab.batch.get(msg.index as usize))
}

fn view<T>(msg: *const nats_msg, none: T, body: impl FnOnce(MessageRef<'_>) -> T) -> T {
    guard_value(None, || look(&msg).ok().map(body)).unwrap_or(none)
}

fn respond(msg: &*const nats_msg, headers: Option<&Headers>, payload: &[u8]) -> Result<()> {
    answer(msg, headers, payload, None)
}

/// Answers with an error, behind other headers.
fn answer_error(
    msg: &*const nats_msg,
    error: &ServiceError,
    own: Option<&Headers>,
    payload: &[u8],
) -> Result<()> {
    match error.headers(own) {
        Ok(headers) => answer(msg, Some(&headers), payload, Some(error)),
        Err(refused) => {
            let (part, slab) = borrow(msg)?;
            let sent = Err(refused);
            if let Some(asked) = slab.asked(part) {
                asked.handling.answered(&sent, Some(error));
            }
            sent
        }
    }
}

/// Answers; a request to a service is counted then.
fn answer(
    msg: &*const nats_msg,
    headers: Option<&Headers>,
    payload: &[u8],
    error: Option<&ServiceError>,
) -> Result<()> {
    let (part, slab) = borrow(msg)?;
    if slab.epoch != fork::epoch() {
        return Err(Code::Forked.into());
    }
    let message = slab.batch.get(part.index as usize);
    let injected = message.injected(headers);
    let headers = injected.as_ref().or(headers);
    let sent = match message.respond_now(headers, payload) {
        Err(e) if e.code() == Code::OutboundFull => {
            wait::block_on(message.respond_with(headers, payload)).and_then(|sent| sent)
        }
        result => result,
    };
    if let Some(asked) = slab.asked(part) {
        asked.handling.answered(&sent, error);
    }
    sent
}

/// Says what became of a delivered message.
fn say(msg: &*const nats_msg, kind: AckKind<'_>) -> Result<()> {
    saying(msg, kind, || respond(msg, None, &kind.payload()))
}

/// Says that a delivered message was handled, and waits for the server's word.
pub(crate) fn ack_sync(msg: &*const nats_msg, client: &Client, timeout_ms: i64) -> Result<()> {
    let limit = timeout(timeout_ms)?;
    saying(msg, AckKind::Ack, || {
        let reply = look(msg)?.reply().unwrap_or_default();
        let request = Request::new(reply, b"+ACK").timeout(limit);
        wait::read_for(client, client.request_with(&request))?.map(drop)
    })
}

/// Nobody else says anything meanwhile; what could not be said may be said again.
fn saying(
    msg: &*const nats_msg,
    kind: AckKind<'_>,
    say: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let (part, _) = borrow(msg)?;
    if !Metadata::is_reply(look(msg)?.reply().unwrap_or_default()) {
        return Err(Code::NotJetStream.into());
    }
    let before = if kind.is_final() {
        part.acked.swap(true, Ordering::AcqRel)
    } else {
        part.acked.load(Ordering::Acquire)
    };
    if before {
        return Err(Code::AlreadyAcked.into());
    }
    let said = say();
    if said.is_err() && kind.is_final() {
        part.acked.store(false, Ordering::Release);
    }
    said
}
