//! Values of buckets, read.

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;

use nats_bridge::{kv as options, wait};
use nats_core::{Batch, Code, Error, Result};

use crate::error::nats_error;
use crate::fetched::Fetched;
use crate::guard::{guard, guard_out};
use crate::handle;
use crate::kv::{Bucket, NATS_KV_CAUGHT_UP, nats_kv, nats_kv_entry, number};
use crate::message::{self, nats_msg};
use crate::queue::{self, Value, nats_queue, start};
use crate::types::{nats_bytes, nats_status, nats_str, null};

/// The entry that a message tells: one that was got of the bucket, or that a watch of it has brought.
/// The views in `*out` live as long as the message.
///
/// Errors: `PROTOCOL` for a message that is none of the bucket's.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_read(
    kv: *mut nats_kv,
    msg: *const nats_msg,
    out: Option<&mut MaybeUninit<nats_kv_entry>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let bucket = handle::get::<Arc<Bucket>>(kv)?;
        let entry = bucket.kv.read(message::look(&msg)?)?;
        Ok(entry.map_or(CAUGHT_UP, |entry| nats_kv_entry {
            key: nats_str::view(entry.key.as_bytes()),
            value: nats_bytes::view(entry.value),
            revision: entry.revision,
            delta: entry.delta,
            created_ns: entry.created_nanos,
            operation: number(entry.operation),
        }))
    })
}

/// The value of a key, by any server that has it. Free `*out` with nats_msg_free().
///
/// Errors: `KEY_NOT_FOUND` when it has none, or was deleted; `INVALID_NAME` for the key;
/// `BUCKET_NOT_FOUND`; `INVALID_ARGUMENT` for a value that the codecs cannot decode; `TIMEOUT`,
/// `PERMISSION`, `CONNECTION_LOST`, `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_get(
    kv: *mut nats_kv,
    key: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_msg>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        let key = key.text("key", Code::InvalidName)?;
        let got = wait::read_for(kv.jetstream().client(), kv.get_message(key))??;
        Ok(message::into_raw(got))
    })
}

/// Like nats_kv_get(), without waiting; completes on `queue`, under `token`, with a `nats_msg`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_get_async(
    kv: *mut nats_kv,
    key: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        let key = key.text("key", Code::InvalidName)?;
        queue::begin(queue, token, |events| events.kv_get(token, &kv, key, Value::Message))
    })
}

/// What a key had at a revision of its own, or, with `revision` 0, what was done to it last, be it that it
/// was deleted. The rest as nats_kv_get().
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_get_revision(
    kv: *mut nats_kv,
    key: nats_str,
    revision: u64,
    out: Option<&mut MaybeUninit<*mut nats_msg>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        let key = key.text("key", Code::InvalidName)?;
        let got = options::get_revision(&kv, key, revision);
        wait::read_for(kv.jetstream().client(), got)?.map(message::into_raw)
    })
}

/// Like nats_kv_get_revision(), without waiting; completes on `queue`, under `token`, with a `nats_msg`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_get_revision_async(
    kv: *mut nats_kv,
    key: nats_str,
    revision: u64,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        let key = key.text("key", Code::InvalidName)?.to_owned();
        start(queue, token, async move {
            options::get_revision(&kv, &key, revision).await.map(Value::Message)
        })
    })
}

/// The values of many keys as they are at one moment, with one request for each 1,024 of them (ADR-31,
/// server 2.11). `keys` are `count` of them; `msgs`, with room for as many, receives a message for each in
/// their order, NULL for one without a value. Free them with nats_msg_free().
///
/// Errors: `UNSUPPORTED`; otherwise those of nats_kv_get(), but for `KEY_NOT_FOUND`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_get_many(
    kv: *mut nats_kv,
    keys: *const nats_str,
    count: usize,
    msgs: Option<NonNull<*mut nats_msg>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        let keys = texts(keys, count)?;
        let msgs = msgs.or((count == 0).then_some(NonNull::dangling()));
        let msgs = msgs.ok_or_else(|| null("msgs"))?;
        let got = wait::read_for(kv.jetstream().client(), kv.get_many_messages(&keys))??;
        for (index, got) in got.into_iter().enumerate() {
            let msg = got.map_or(std::ptr::null_mut(), message::into_raw);
            // SAFETY: the caller promised room for `count`, as many as there are keys.
            unsafe { msgs.add(index).write(msg) };
        }
        Ok(())
    })
}

/// Like nats_kv_get_many(), without waiting; completes on `queue`, under `token`, with a `nats_fetched` of
/// the values that there are, in the order of their keys.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_get_many_async(
    kv: *mut nats_kv,
    keys: *const nats_str,
    count: usize,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let keys = texts(keys, count)?;
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        start(queue, token, async move {
            let got = kv.get_many_messages(&keys).await?;
            let batches = got.into_iter().flatten().map(Batch::from).collect();
            Ok(Value::Fetched(Fetched::new(batches, usize::MAX)))
        })
    })
}

const CAUGHT_UP: nats_kv_entry = nats_kv_entry {
    key: nats_str::EMPTY,
    value: nats_bytes::EMPTY,
    revision: 0,
    delta: 0,
    created_ns: 0,
    operation: NATS_KV_CAUGHT_UP,
};

/// Copies of `count` texts.
fn texts(keys: *const nats_str, count: usize) -> Result<Vec<String>> {
    if count > 0 && keys.is_null() {
        return Err(null("keys"));
    }
    let most = isize::MAX as usize / size_of::<nats_str>();
    if count > most {
        return Err(Error::new(Code::InvalidArgument, "count: it is too large"));
    }
    let text = |index| {
        // SAFETY: not NULL, and the caller promised `count` of them.
        let key = unsafe { *keys.add(index) };
        key.text("keys", Code::InvalidName).map(str::to_owned)
    };
    (0..count).map(text).collect()
}
