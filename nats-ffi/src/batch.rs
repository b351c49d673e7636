//! Batches of messages to a stream.

use std::mem::MaybeUninit;
use std::sync::Arc;

use nats_bridge::batch::Batch;
use nats_bridge::{jetstream as options, ops};
use nats_core::jetstream::{PubAck, PublishOptions};
use nats_core::{Code, Headers, Publish, Result};

use crate::doc::{Document, nats_doc};
use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status};
use crate::handle;
use crate::headers::{nats_headers, with_headers};
use crate::jetstream::{Context, nats_jetstream};
use crate::types::{nats_bytes, nats_status, nats_str};

/// Messages that a stream stores as one: together or not at all (ADR-50, server 2.12), or as they come
/// with one acknowledgement for many (server 2.14). Any thread; one call at a time, others wait for it.
/// Free it with nats_batch_free().
pub struct nats_batch(());

/// A batch. The server hears of it with the first message, and forgets one that is without a message for
/// 10 s.
///
/// `options_json`: a JSON object with the keys of "Batch" in docs/options.md, or empty.
///
/// Errors: `UNSUPPORTED` when the server is too old; `INVALID_OPTION`, `INVALID_JSON`;
/// `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_batch_new(
    js: *mut nats_jetstream,
    options_json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_batch>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let js = handle::get::<Context>(js)?.js().clone();
        let batch = Batch::new(&js, options_json.text("options", Code::InvalidOption)?)?;
        handle::insert(Arc::new(batch))
    })
}

/// Adds a message. Waits for the server's word at the first one, and where the options say so.
///
/// `headers`: may be NULL; not consumed. `options_json`: as nats_jetstream_publish(), or empty; "retries"
/// and "timeout_ms" have no meaning here.
///
/// Errors: `BATCH_OVER`, whose text says how far it was stored; `JETSTREAM`, `NO_RESPONDERS` when the
/// stream refuses; `TIMEOUT`, `CONNECTION_LOST`: then the batch is over. `INVALID_SUBJECT`,
/// `INVALID_HEADER`, `INVALID_OPTION`, `MAX_PAYLOAD`: then the message was not added.
#[unsafe(no_mangle)]
pub extern "C" fn nats_batch_add(
    batch: *mut nats_batch,
    subject: nats_str,
    headers: *const nats_headers,
    payload: nats_bytes,
    options_json: nats_str,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let batch = Arc::clone(&*handle::get::<Arc<Batch>>(batch)?);
        message(&subject, headers, &payload, &options_json, |publish, options| {
            batch.add_blocking(publish, options)
        })
    })
}

/// Adds the last message and ends the batch. `ack` (may be NULL) receives a document of what the stream
/// tells of the last message ("stream", "seq", "batch", "count"); free it with nats_doc_free(). The rest
/// as nats_batch_add().
///
/// Errors: those of nats_batch_add(); nothing of an atomic batch is stored then, and of a fast one what
/// was acknowledged. Stored or not, nobody knows: `TIMEOUT`, `CONNECTION_LOST`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_batch_commit(
    batch: *mut nats_batch,
    subject: nats_str,
    headers: *const nats_headers,
    payload: nats_bytes,
    options_json: nats_str,
    ack: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let batch = Arc::clone(&*handle::get::<Arc<Batch>>(batch)?);
        let told = message(&subject, headers, &payload, &options_json, |publish, options| {
            batch.commit_blocking(Some((publish, options)))
        })?;
        write_ack(&told, ack)
    })
}

/// Ends the batch with the messages that were added (an atomic one: server 2.14). `ack` as
/// nats_batch_commit().
///
/// Errors: `INVALID_ARGUMENT` for a batch without messages; `UNSUPPORTED`; those of nats_batch_commit().
#[unsafe(no_mangle)]
pub extern "C" fn nats_batch_close(
    batch: *mut nats_batch,
    ack: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let batch = Arc::clone(&*handle::get::<Arc<Batch>>(batch)?);
        write_ack(&batch.commit_blocking(None)?, ack)
    })
}

/// How far a batch is: a document with "kind" ("atomic", "fast", or "over" once it was ended by this
/// side) and "added"; of a fast one also "acknowledged" and "events": an array of what has happened since
/// the last call, each {"event": "gap", "expected", "got"} or {"event": "refused", "sequence", "code",
/// "name", "error"}. Free it with nats_doc_free().
#[unsafe(no_mangle)]
pub extern "C" fn nats_batch_state(
    batch: *mut nats_batch,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let batch = Arc::clone(&*handle::get::<Arc<Batch>>(batch)?);
        handle::insert(Document::new(batch.state_blocking()?))
    })
}

/// Frees a batch. An atomic one that was not committed is not stored. NULL is fine; one that was freed
/// before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_batch_free(batch: *mut nats_batch) -> nats_status {
    guard_status(|| handle::free::<Arc<Batch>>(batch))
}

/// Reads a message from arguments. Headers are not locked while `sent` waits.
fn message<T>(
    subject: &nats_str,
    headers: *const nats_headers,
    payload: &nats_bytes,
    options_json: &nats_str,
    sent: impl FnOnce(&Publish<'_>, &PublishOptions) -> Result<T>,
) -> Result<T> {
    let options = options::publish_options(options_json.text("options", Code::InvalidOption)?)?;
    let subject = subject.text("subject", Code::InvalidSubject)?;
    let headers: Option<Headers> = with_headers(headers, |given| Ok(given.cloned()))?;
    let publish = Publish::new(subject, payload.bytes("payload")?);
    sent(&Publish { headers: headers.as_ref(), ..publish }, &options)
}

fn write_ack(told: &PubAck, ack: Option<&mut MaybeUninit<*mut nats_doc>>) -> Result<()> {
    if let Some(ack) = ack {
        ack.write(handle::insert(Document::new(ops::write(told)?))?);
    }
    Ok(())
}
