//! Buckets of keys with values: bound and changed.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::Arc;

use nats_bridge::connection::Connection;
use nats_bridge::{kv as options, wait};
use nats_core::kv::{KeyValue, KvEntry, KvOperation, KvPublish};
use nats_core::{Code, Result};

use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status};
use crate::handle;
use crate::jetstream::{Context, nats_jetstream};
use crate::queue::{self, Value, nats_queue, start};
use crate::types::{nats_bytes, nats_status, nats_str, null};
use crate::user::User;

/// A bucket of keys with values (ADR-8). Any thread. Free it with nats_kv_free().
///
/// A key is words of A-Z, a-z, 0-9, '-', '_', '/' and '=' with single dots between. Buckets are made,
/// listed and removed by nats_kv_bucket_create() and its kin. What a bucket has under a key comes as a
/// message, of which nats_kv_read() makes an entry.
pub struct nats_kv(());

/// A bucket, and the connection that callbacks are told.
#[derive(Clone)]
pub(crate) struct Bucket {
    pub(crate) kv: KeyValue,
    pub(crate) connection: Arc<Connection>,
    pub(crate) nc: usize,
}

/// The key was given the value.
pub const NATS_KV_PUT: i32 = 0;
/// The key was deleted; what it had before may be in its history.
pub const NATS_KV_DELETE: i32 = 1;
/// The key was deleted with all it had before, or has come to the end of its time.
pub const NATS_KV_PURGE: i32 = 2;
/// Of a watch alone: all that there was when it began has come. There is no key.
pub const NATS_KV_CAUGHT_UP: i32 = 3;

/// What a bucket has under a key, or had. The layout is frozen.
#[repr(C)]
pub struct nats_kv_entry {
    /// The key; a view that lives as long as the message.
    pub key: nats_str,
    /// The value; a view like that. Empty of a deleted key.
    pub value: nats_bytes,
    /// It grows with whatever is done to any key of the bucket.
    pub revision: u64,
    /// How many entries of what was asked for are still to come; 0: it is the last one.
    pub delta: u64,
    /// When the server stored it, in nanoseconds since 1970.
    pub created_ns: i64,
    /// `NATS_KV_PUT`, `NATS_KV_DELETE`, `NATS_KV_PURGE` or `NATS_KV_CAUGHT_UP`.
    pub operation: i32,
}

/// Makes the new value of a key out of what it has, `entry`; NULL: it has none. Returns 1 when it has
/// written the value to `value`, which has to stay until the next call or the end of nats_kv_modify();
/// 0: the key stays as it is.
pub type nats_kv_modify_cb = Option<
    unsafe extern "C" fn(
        entry: *const nats_kv_entry,
        value: *mut nats_bytes,
        user: *mut c_void,
    ) -> i32,
>;

/// The bucket `bucket`, which has to be there. Waits for what the server tells of it.
///
/// `options_json`: a JSON object with the keys of "Bucket" in docs/options.md, or empty.
///
/// Errors: `BUCKET_NOT_FOUND`, `INVALID_NAME`, `INVALID_OPTION`, `INVALID_JSON`, `JETSTREAM`,
/// `JETSTREAM_NOT_ENABLED`, `TIMEOUT`, `CONNECTION_LOST`, `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_bind(
    js: *mut nats_jetstream,
    bucket: nats_str,
    options_json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_kv>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let (js, connection, nc) = handle::get::<Context>(js)?.parts();
        let bucket = bucket.text("bucket", Code::InvalidName)?;
        let json = options_json.text("options", Code::InvalidOption)?;
        let kv = wait::read_for(js.client(), options::bind(&js, bucket, json))??;
        handle::insert(Arc::new(Bucket { kv, connection, nc }))
    })
}

/// Like nats_kv_bind(), without waiting; completes on `queue`, under `token`, with a `nats_kv`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_bind_async(
    js: *mut nats_jetstream,
    bucket: nats_str,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let (js, connection, nc) = handle::get::<Context>(js)?.parts();
        let bucket = bucket.text("bucket", Code::InvalidName)?.to_owned();
        let json = options_json.text("options", Code::InvalidOption)?.to_owned();
        start(queue, token, async move {
            let kv = options::bind(&js, &bucket, &json).await?;
            handle::Owned::new(Arc::new(Bucket { kv, connection, nc })).map(Value::Bucket)
        })
    })
}

/// Frees the handle of a bucket; the bucket stays. NULL is fine; one that was freed before is
/// `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_free(kv: *mut nats_kv) -> nats_status {
    guard_status(|| handle::free::<Arc<Bucket>>(kv))
}

/// Gives a key a value, and waits until it is stored.
///
/// `options_json`: a JSON object with the keys of "Change of a key" in docs/options.md, or empty.
/// `revision` (may be NULL) receives the key's new revision.
///
/// Errors. Not stored: `WRONG_LAST_SEQUENCE` when the key has another revision than the expected one;
/// `READ_ONLY` for a handle for reading alone, an aggregate, or a mirror of one; `INVALID_NAME` for the
/// key; `INVALID_OPTION`, `INVALID_ARGUMENT` for the value (the codecs'); those of
/// nats_jetstream_publish(), as `NO_RESPONDERS` when the bucket is gone. Stored or not, nobody knows:
/// `TIMEOUT`, `CONNECTION_LOST`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_put(
    kv: *mut nats_kv,
    key: nats_str,
    value: nats_bytes,
    options_json: nats_str,
    revision: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    changed(kv, revision, err, async |kv| {
        let options = options::change_options(options_json.text("options", Code::InvalidOption)?)?;
        let key = key.text("key", Code::InvalidName)?;
        kv.put_with(key, value.bytes("value")?, &options).await
    })
}

/// Like nats_kv_put(), without waiting; completes on `queue`, under `token`, with the key's new revision
/// as `arg` of the event. Key and value are copied.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_put_async(
    kv: *mut nats_kv,
    key: nats_str,
    value: nats_bytes,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let options = options::change_options(options_json.text("options", Code::InvalidOption)?)?;
        let key = key.text("key", Code::InvalidName)?;
        let value = value.bytes("value")?;
        change(kv, queue, token, |kv| kv.to_put(key, value, &options))
    })
}

/// Gives a key a value that has none, or was deleted. Of the options "ttl_ms" counts. The rest as
/// nats_kv_put().
///
/// Errors: `KEY_EXISTS`; otherwise those of nats_kv_put().
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_create(
    kv: *mut nats_kv,
    key: nats_str,
    value: nats_bytes,
    options_json: nats_str,
    revision: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    changed(kv, revision, err, async |kv| {
        let options = options::change_options(options_json.text("options", Code::InvalidOption)?)?;
        let key = key.text("key", Code::InvalidName)?;
        kv.create(key, value.bytes("value")?, options.ttl).await
    })
}

/// Like nats_kv_create(); completes as nats_kv_put_async().
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_create_async(
    kv: *mut nats_kv,
    key: nats_str,
    value: nats_bytes,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let options = options::change_options(options_json.text("options", Code::InvalidOption)?)?;
        let key = key.text("key", Code::InvalidName)?.to_owned();
        let value = value.bytes("value")?.to_vec();
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        start(
            queue,
            token,
            async move { kv.create(&key, &value, options.ttl).await.map(Value::Number) },
        )
    })
}

/// Deletes a key; what it had before stays in its history. The rest as nats_kv_put().
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_delete(
    kv: *mut nats_kv,
    key: nats_str,
    options_json: nats_str,
    revision: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    changed(kv, revision, err, async |kv| {
        let options = options::change_options(options_json.text("options", Code::InvalidOption)?)?;
        kv.delete(key.text("key", Code::InvalidName)?, &options).await
    })
}

/// Like nats_kv_delete(); completes as nats_kv_put_async().
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_delete_async(
    kv: *mut nats_kv,
    key: nats_str,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let options = options::change_options(options_json.text("options", Code::InvalidOption)?)?;
        let key = key.text("key", Code::InvalidName)?;
        change(kv, queue, token, |kv| kv.to_delete(key, &options))
    })
}

/// Deletes a key with all it had before. The rest as nats_kv_put().
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_purge(
    kv: *mut nats_kv,
    key: nats_str,
    options_json: nats_str,
    revision: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    changed(kv, revision, err, async |kv| {
        let options = options::change_options(options_json.text("options", Code::InvalidOption)?)?;
        kv.purge(key.text("key", Code::InvalidName)?, &options).await
    })
}

/// Like nats_kv_purge(); completes as nats_kv_put_async().
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_purge_async(
    kv: *mut nats_kv,
    key: nats_str,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let options = options::change_options(options_json.text("options", Code::InvalidOption)?)?;
        let key = key.text("key", Code::InvalidName)?;
        change(kv, queue, token, |kv| kv.to_purge(key, &options))
    })
}

/// Gives a key the value that `cb` makes of what it has, again and again until nobody else has changed it
/// meanwhile. `cb` is called on the calling thread, with `user`, and not any more when this returns; it
/// may call functions of this library. `revision` (may be NULL) receives the key's new revision; 0: it
/// stays as it was.
///
/// Errors: those of nats_kv_get() and nats_kv_put(), but for `KEY_NOT_FOUND` and `WRONG_LAST_SEQUENCE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_kv_modify(
    kv: *mut nats_kv,
    key: nats_str,
    cb: nats_kv_modify_cb,
    user: *mut c_void,
    revision: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    let user = User::new(user, None);
    guard(err, || {
        let cb = cb.ok_or_else(|| null("cb"))?;
        let key = key.text("key", Code::InvalidName)?;
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        let told = loop {
            // Not within a wait, in which the program could not call what blocks.
            let entry = wait::read_for(kv.jetstream().client(), kv.entry_of_leader(key))??;
            let seen = entry.as_ref().filter(|entry| entry.is_put()).map(owned_view);
            let mut value = nats_bytes::view(b"");
            let view = seen.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
            // SAFETY: the caller promised that it can be called with `user` until this returns.
            if unsafe { cb(view, &raw mut value, user.ptr()) } == 0 {
                break 0;
            }
            let expected = entry.as_ref().map_or(0, |entry| entry.revision);
            let put = kv.update(key, value.bytes("value")?, expected);
            match wait::read_for(kv.jetstream().client(), put)? {
                Err(error) if error.code() == Code::WrongLastSequence => {}
                stored => break stored?,
            }
        };
        if let Some(revision) = revision {
            revision.write(told);
        }
        Ok(())
    })
}

/// Does something to a key and waits for its new revision.
fn changed(
    kv: *mut nats_kv,
    revision: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
    run: impl AsyncFnOnce(&KeyValue) -> Result<u64>,
) -> nats_status {
    guard(err, || {
        let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
        let told = wait::read_for(kv.jetstream().client(), run(&kv))??;
        if let Some(revision) = revision {
            revision.write(told);
        }
        Ok(())
    })
}

/// Does something to a key whose new revision arrives on `queue`.
fn change<'a>(
    kv: *mut nats_kv,
    queue: *mut nats_queue,
    token: u64,
    made: impl FnOnce(&KeyValue) -> Result<KvPublish<'a>>,
) -> Result<()> {
    let kv = handle::get::<Arc<Bucket>>(kv)?.kv.clone();
    let publish = made(&kv)?;
    queue::begin(queue, token, |events| events.kv_change(token, &kv, &publish, Value::Number))
}

fn owned_view(entry: &KvEntry) -> nats_kv_entry {
    nats_kv_entry {
        key: nats_str::view(entry.key.as_bytes()),
        value: nats_bytes::view(&entry.value),
        revision: entry.revision,
        delta: entry.delta,
        created_ns: entry.created_nanos,
        operation: number(entry.operation),
    }
}

pub(crate) fn number(operation: KvOperation) -> i32 {
    match operation {
        KvOperation::Put => NATS_KV_PUT,
        KvOperation::Delete => NATS_KV_DELETE,
        KvOperation::Purge => NATS_KV_PURGE,
    }
}

const _: () = assert!(size_of::<nats_kv_entry>() == 64);
