//! Buckets watched: entries as they come, keys, histories, and values in memory.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::Arc;

use nats_bridge::{kv as options, wait};
use nats_core::kv::KvCache;
use nats_core::{Code, Error};

use crate::doc::{Document, nats_doc};
use crate::error::nats_error;
use crate::fetched::{Fetched, nats_fetched};
use crate::guard::{guard, guard_out, guard_status};
use crate::handle;
use crate::kv::{Bucket, nats_kv};
use crate::message::{self, nats_msg};
use crate::queue::{Value, nats_queue, open, start};
use crate::subscription::{hand_out, nats_msg_cb, nats_subscription};
use crate::types::{nats_destroy_cb, nats_status, nats_str, timeout};
use crate::user::User;

/// Watches keys: what was done to each of them last, then an entry with `NATS_KV_CAUGHT_UP`, then what is
/// done to them, each once and in order. They come by a subscription like any other: delivered to `cb`, or,
/// when that is NULL, read with nats_subscription_next(), nats_subscription_take() and
/// nats_subscription_watch(); nats_kv_read() makes entries of the messages. Waits until the watch has begun.
///
/// `options_json`: a JSON object with the keys of "Watch of a bucket" in docs/options.md, or empty. `cb`,
/// `user`, `destroy` and `out`: as nats_subscribe_with(). Whatever happens to consumers, leaders, servers
/// and the connection, it goes on behind the last entry that was taken, and each time is told as a
/// connection event of the kind `NATS_CONNECTION_EVENT_CONSUMER`. nats_subscription_unsubscribe() ends it.
///
/// Errors: `BUCKET_NOT_FOUND`; `INVALID_NAME` for a key; `INVALID_OPTION`; `INVALID_ARGUMENT` for options
/// that exclude each other; `UNSUPPORTED` for wildcards that a codec does not know; `JETSTREAM`, `TIMEOUT`,
/// `CONNECTION_CLOSED`. The subscription ends with `BUCKET_NOT_FOUND` when the bucket was deleted,
/// `PERMISSION`, `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_watch(
    kv: *mut nats_kv,
    options_json: nats_str,
    cb: nats_msg_cb,
    user: *mut c_void,
    destroy: nats_destroy_cb,
    out: Option<&mut MaybeUninit<*mut nats_subscription>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, destroy);
    guard(err, || {
        let wanted = options::watch_options(options_json.text("options", Code::InvalidOption)?)?;
        let Bucket { kv, connection, nc } = (**handle::get::<Arc<Bucket>>(kv)?).clone();
        let open = || wait::read_for(kv.jetstream().client(), kv.subscribe(&wanted))?;
        hand_out(connection, nc, open, (cb, user), out)
    })
}

/// Like nats_kv_watch() without a callback, and without waiting; completes on `queue`, under `token`, with
/// a `nats_subscription`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_watch_async(
    kv: *mut nats_kv,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::watch_options(options_json.text("options", Code::InvalidOption)?)?;
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        open(queue, token, async move { kv.subscribe(&wanted).await })
    })
}

/// The keys that have values: a document of the form `{"keys": [key]}`. Free it with nats_doc_free().
/// nats_kv_watch() with "meta_only" and "ignore_deletes" brings them one by one.
///
/// `options_json`: as nats_kv_watch(); "keys" and "heartbeat_ms" count.
///
/// Errors: those of nats_kv_watch().
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_keys(
    kv: *mut nats_kv,
    options_json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let wanted = options::watch_options(options_json.text("options", Code::InvalidOption)?)?;
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        let listed = async { kv.keys(&wanted.keys).await?.all().await };
        let keys = wait::read_for(kv.jetstream().client(), listed)??;
        handle::insert(Document::new(options::keys_doc(keys)))
    })
}

/// Like nats_kv_keys(), without waiting; completes on `queue`, under `token`, with a `nats_doc`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_keys_async(
    kv: *mut nats_kv,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::watch_options(options_json.text("options", Code::InvalidOption)?)?;
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        start(queue, token, async move {
            let keys = kv.keys(&wanted.keys).await?.all().await?;
            Ok(Value::Doc(options::keys_doc(keys)))
        })
    })
}

/// All that the bucket has of a key, the oldest first, as messages for nats_kv_read(). Free it with
/// nats_fetched_free().
///
/// Errors: those of nats_kv_watch().
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_history(
    kv: *mut nats_kv,
    key: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_fetched>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        let key = key.text("key", Code::InvalidName)?;
        let batches = wait::read_for(kv.jetstream().client(), kv.history_messages(key))??;
        handle::insert(Fetched::new(batches, usize::MAX))
    })
}

/// Like nats_kv_history(), without waiting; completes on `queue`, under `token`, with a `nats_fetched`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_history_async(
    kv: *mut nats_kv,
    key: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        let key = key.text("key", Code::InvalidName)?.to_owned();
        start(queue, token, async move {
            let batches = kv.history_messages(&key).await?;
            Ok(Value::Fetched(Fetched::new(batches, usize::MAX)))
        })
    })
}

/// The values of a bucket in memory, which follow it. Any thread. Free it with nats_kv_cache_free().
///
/// Reads ask nobody, so they are behind the bucket by what is under way: nats_kv_cache_wait() waits for a
/// revision.
pub struct nats_kv_cache(());

/// Takes the values of keys into memory, and follows the bucket from then on. Waits until all that there
/// is has come.
///
/// `options_json`: as nats_kv_watch(); "keys" and "heartbeat_ms" count.
///
/// Errors: those of nats_kv_watch().
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_cache_new(
    kv: *mut nats_kv,
    options_json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_kv_cache>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let wanted = options::watch_options(options_json.text("options", Code::InvalidOption)?)?;
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        handle::insert(wait::read_for(kv.jetstream().client(), kv.cache(&wanted))??)
    })
}

/// Like nats_kv_cache_new(), without waiting; completes on `queue`, under `token`, with a
/// `nats_kv_cache`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_cache_new_async(
    kv: *mut nats_kv,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::watch_options(options_json.text("options", Code::InvalidOption)?)?;
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        start(queue, token, async move {
            handle::Owned::new(kv.cache(&wanted).await?).map(Value::Cache)
        })
    })
}

/// The value of a key, as a message for nats_kv_read(). Never waits. Free `*out` with nats_msg_free().
///
/// Errors: `KEY_NOT_FOUND` when it has none, or is not followed; `INVALID_NAME`; and why the bucket is
/// followed no more: `BUCKET_NOT_FOUND` when it was deleted, `PERMISSION`, `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_cache_get(
    cache: *mut nats_kv_cache,
    key: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_msg>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let cache = handle::get::<KvCache>(cache)?;
        let key = key.text("key", Code::InvalidName)?;
        cache.message(key)?.map(message::into_raw).ok_or_else(|| missing(key))
    })
}

/// The keys that have values, in no order: a document of the form `{"keys": [key]}`. Never waits. Free it
/// with nats_doc_free().
///
/// Errors: those of nats_kv_cache_get().
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_cache_keys(
    cache: *mut nats_kv_cache,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let keys = handle::get::<KvCache>(cache)?.keys()?;
        handle::insert(Document::new(options::keys_doc(keys)))
    })
}

/// Waits until a revision of a key that is followed was seen, for at most `timeout_ms` milliseconds.
///
/// Errors: `TIMEOUT`; those of nats_kv_cache_get().
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_cache_wait(
    cache: *mut nats_kv_cache,
    revision: u64,
    timeout_ms: i64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let cache = handle::get::<KvCache>(cache)?.clone();
        let client = cache.bucket().jetstream().client();
        wait::read_until(client, cache.wait(revision), timeout(timeout_ms)?)?
    })
}

/// Like nats_kv_cache_wait(), without waiting; completes on `queue`, under `token`, without a value, or with
/// `TIMEOUT` when `timeout_ms` milliseconds have passed.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_cache_wait_async(
    cache: *mut nats_kv_cache,
    revision: u64,
    timeout_ms: i64,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let cache = handle::get::<KvCache>(cache)?.clone();
        let limit = timeout(timeout_ms)?;
        start(queue, token, async move {
            options::wait_for(&cache, revision, limit).await.map(|()| Value::Nothing)
        })
    })
}

/// Frees a cache. NULL is fine; one that was freed before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_cache_free(cache: *mut nats_kv_cache) -> nats_status {
    guard_status(|| handle::free::<KvCache>(cache))
}

fn missing(key: &str) -> Error {
    Error::new(Code::KeyNotFound, format!("key {key} has no value, or is not followed"))
}
