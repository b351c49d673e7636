//! Messages of a stream as it keeps them, and whole streams in folders.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use nats_bridge::doc::Doc;
use nats_bridge::{ops, wait};
use nats_core::jetstream::Progress;
use nats_core::{Code, Error, Result};

use crate::doc::{Document, nats_doc};
use crate::error::nats_error;
use crate::guard::guard_out;
use crate::handle;
use crate::jetstream::{Context, nats_jetstream};
use crate::message::{self, nats_msg};
use crate::types::{nats_status, nats_str, null};

/// Told on the calling thread how much of a stream has gone over so far: bytes, and pieces.
pub type nats_progress_cb =
    Option<unsafe extern "C" fn(bytes: u64, chunks: u64, user: *mut c_void)>;

/// Gets a message of a stream: by its sequence, the last one of a subject, or the first one of a
/// subject from a sequence on. Its subject and payload are those that it was stored with; the headers
/// "Nats-Sequence" and "Nats-Time-Stamp" tell its place. Free `*out` with nats_msg_free().
///
/// `input`: a JSON document as that of nats_stream_get_message().
///
/// Errors: those of nats_stream_get_message(), and `MALFORMED_MESSAGE` when its headers cannot be read.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_get(
    js: *mut nats_jetstream,
    input: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_msg>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let input = document(&input)?;
        let js = handle::get::<Context>(js)?.js().clone();
        let stored = wait::read_for(js.client(), ops::get_stored(&js, input))??;
        stored.to_message().map(message::into_raw)
    })
}

/// Gets many messages of a stream at once, from any server that keeps it (ADR-31, server 2.11); they may
/// not be the newest. Writes up to `cap` of them to `msgs`, as nats_jetstream_get() makes them, and their
/// number to `count`; free them with nats_msg_free() or nats_msgs_free(). None is no error.
///
/// `input`: a JSON document as that of nats_stream_get_batch(), without "stream"; "batch" is `cap` unless
/// it is smaller. `end` (may be NULL) receives a document with "pending", "last_seq" and "up_to_seq",
/// which tell whether and where another batch begins; free it with nats_doc_free().
///
/// Errors: those of nats_stream_get_batch(), and `MALFORMED_MESSAGE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jetstream_get_batch(
    js: *mut nats_jetstream,
    stream: nats_str,
    input: nats_str,
    msgs: Option<NonNull<*mut nats_msg>>,
    cap: usize,
    count: Option<&mut MaybeUninit<usize>>,
    end: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(count, err, || {
        let msgs = msgs.ok_or_else(|| null("msgs"))?;
        if cap == 0 {
            return Err(Error::new(Code::InvalidArgument, "cap: expected at least 1"));
        }
        let (input, stream) = (document(&input)?, stream.text("stream", Code::InvalidName)?);
        let js = handle::get::<Context>(js)?.js().clone();
        let got = ops::get_batch(&js, stream, input, Some(cap as u64));
        let (stored, batch) = wait::read_for(js.client(), got)??;
        let made = stored.iter().map(|stored| stored.to_message()).collect::<Result<Vec<_>>>()?;
        if let Some(end) = end {
            end.write(handle::insert(Document::new(ops::batch_end(&batch)))?);
        }
        let count = made.len();
        for (index, made) in made.into_iter().enumerate() {
            // SAFETY: the caller promised room for `cap`, and no more than that were asked for.
            unsafe { msgs.add(index).write(message::into_raw(made)) };
        }
        Ok(count)
    })
}

/// nats_stream_backup(), telling `progress` of every piece that has come. It is called on the calling
/// thread with `user`, and not any more when this returns.
///
/// `input`, `*out`, errors: those of nats_stream_backup().
#[unsafe(no_mangle)]
pub extern "C" fn nats_stream_backup_watched(
    js: *mut nats_jetstream,
    input: nats_str,
    progress: nats_progress_cb,
    user: *mut c_void,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let input = document(&input)?;
        let js = handle::get::<Context>(js)?.js().clone();
        let done = wait::block_on(ops::back_up(js, input, watcher(progress, user)))??;
        handle::insert(Document::new(done))
    })
}

/// nats_stream_restore(), telling `progress` of what the server has. It is called on the calling thread
/// with `user`, and not any more when this returns.
///
/// `input`, `*out`, errors: those of nats_stream_restore().
#[unsafe(no_mangle)]
pub extern "C" fn nats_stream_restore_watched(
    js: *mut nats_jetstream,
    input: nats_str,
    progress: nats_progress_cb,
    user: *mut c_void,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let input = document(&input)?;
        let js = handle::get::<Context>(js)?.js().clone();
        let done = wait::block_on(ops::restore(js, input, watcher(progress, user)))??;
        handle::insert(Document::new(done))
    })
}

fn watcher(progress: nats_progress_cb, user: *mut c_void) -> impl FnMut(&Progress) {
    move |told| {
        if let Some(progress) = progress {
            // SAFETY: the caller promised that it can be called with `user` until the call returns.
            unsafe { progress(told.bytes, told.chunks, user) };
        }
    }
}

fn document(input: &nats_str) -> Result<Doc> {
    match input.optional("input", Code::InvalidJson)? {
        Some(json) => Doc::parse(json),
        None => Ok(Doc::new()),
    }
}
