//! Buckets of objects: objects put and got as a whole, files, and watches.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::Arc;

use nats_bridge::connection::Connection;
use nats_bridge::{object as options, wait};
use nats_core::object::ObjectStore;
use nats_core::{Code, Result};

use crate::doc::{Document, nats_doc};
use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status};
use crate::handle;
use crate::jetstream::{Context, nats_jetstream};
use crate::message::{self, nats_msg};
use crate::queue::{Value, nats_queue, open, start};
use crate::subscription::{hand_out, nats_msg_cb, nats_subscription};
use crate::types::{nats_bytes, nats_destroy_cb, nats_status, nats_str};
use crate::user::User;

/// A bucket of objects (ADR-20). Any thread. Free it with nats_object_store_free().
///
/// An object has a name, which is any text of 1 to 2048 bytes, and any number of bytes. Buckets are made,
/// listed, sealed and removed by nats_object_store_create() and its kin; what is known of objects is told
/// and changed, and links are added, by nats_object_info() and its kin.
pub struct nats_object_store(());

/// A bucket of objects, and the connection that callbacks are told.
pub(crate) struct Objects {
    pub(crate) store: ObjectStore,
    connection: Arc<Connection>,
    nc: usize,
}

/// Told on the calling thread how much of an object has gone over so far, and how much it is in all, in
/// bytes.
pub type nats_object_progress_cb =
    Option<unsafe extern "C" fn(bytes: u64, total: u64, user: *mut c_void)>;

/// The bucket of objects `bucket`, which has to be there. Waits for what the server tells of it.
///
/// Errors: `BUCKET_NOT_FOUND`, `INVALID_NAME`, `JETSTREAM`, `JETSTREAM_NOT_ENABLED`, `TIMEOUT`,
/// `CONNECTION_LOST`, `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_store_bind(
    js: *mut nats_jetstream,
    bucket: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_object_store>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let (js, connection, nc) = handle::get::<Context>(js)?.parts();
        let bucket = bucket.text("bucket", Code::InvalidName)?;
        let store = wait::read_for(js.client(), js.object_store(bucket))??;
        handle::insert(Arc::new(Objects { store, connection, nc }))
    })
}

/// Like nats_object_store_bind(), without waiting; completes on `queue`, under `token`, with a
/// `nats_object_store`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_store_bind_async(
    js: *mut nats_jetstream,
    bucket: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let (js, connection, nc) = handle::get::<Context>(js)?.parts();
        let bucket = bucket.text("bucket", Code::InvalidName)?.to_owned();
        start(queue, token, async move {
            let store = js.object_store(&bucket).await?;
            handle::Owned::new(Arc::new(Objects { store, connection, nc })).map(Value::Objects)
        })
    })
}

/// Frees the handle of a bucket; the bucket stays, and so do writers and readers. NULL is fine; one that was
/// freed before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_store_free(store: *mut nats_object_store) -> nats_status {
    guard_status(|| handle::free::<Arc<Objects>>(store))
}

/// Puts an object that is in memory as a whole. Nobody sees anything of it before all is stored; then it
/// takes the place of the one that was there. What fails leaves nothing behind.
///
/// `meta_json`: what is said of it, {"description": text, "headers": {name: [text]}, "metadata": {name:
/// text}, "options": {"max_chunk_size": bytes}}, or empty. `options_json`: a JSON object with the keys of
/// "Object that is put" in docs/options.md, or empty. `info` (may be NULL) receives what nats_object_info()
/// tells; free it with nats_doc_free().
///
/// Errors: `INVALID_NAME` for the name, `INVALID_JSON` for `meta_json`, `INVALID_OPTION`; `INVALID_ARGUMENT`
/// for a chunk size above the server's maximum; `WRONG_LAST_SEQUENCE` when the object has another revision
/// than "previous"; `BUCKET_NOT_FOUND`; `JETSTREAM` when the server refuses, as a bucket that is full or
/// sealed does; `TIMEOUT`, `CONNECTION_LOST`, `CONNECTION_CLOSED`, `PERMISSION`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_put(
    store: *mut nats_object_store,
    name: nats_str,
    meta_json: nats_str,
    bytes: nats_bytes,
    options_json: nats_str,
    info: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::put_options(options_json.text("options", Code::InvalidOption)?)?;
        let meta = meta(&name, &meta_json)?;
        let store = handle::get::<Arc<Objects>>(store)?.store.clone();
        let put = store.put_bytes_with(meta, bytes.bytes("bytes")?, &wanted);
        let told = options::told(&wait::read_for(store.jetstream().client(), put)??)?;
        write_info(told, info)
    })
}

/// Like nats_object_put(), without waiting; completes on `queue`, under `token`, with a `nats_doc`. The
/// bytes are copied.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_put_async(
    store: *mut nats_object_store,
    name: nats_str,
    meta_json: nats_str,
    bytes: nats_bytes,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::put_options(options_json.text("options", Code::InvalidOption)?)?;
        let (meta, bytes) = (meta(&name, &meta_json)?, bytes.bytes("bytes")?.to_vec());
        let store = handle::get::<Arc<Objects>>(store)?.store.clone();
        start(queue, token, async move {
            options::told(&store.put_bytes_with(meta, bytes, &wanted).await?).map(Value::Doc)
        })
    })
}

/// Puts the content of a file. `progress` (may be NULL) is called on the calling thread with `user`, and not
/// any more when this returns. The rest as nats_object_put().
///
/// Errors: `IO` when the file cannot be read, or is shorter by the end than it was; those of
/// nats_object_put().
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_put_file(
    store: *mut nats_object_store,
    name: nats_str,
    meta_json: nats_str,
    path: nats_str,
    options_json: nats_str,
    progress: nats_object_progress_cb,
    user: *mut c_void,
    info: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::put_options(options_json.text("options", Code::InvalidOption)?)?;
        let (meta, path) = (meta(&name, &meta_json)?, path.text("path", Code::InvalidArgument)?);
        let store = handle::get::<Arc<Objects>>(store)?.store.clone();
        let put = options::put_file(&store, meta, path, &wanted, watcher(progress, user));
        write_info(wait::block_on(put)??, info)
    })
}

/// Like nats_object_put_file(), without waiting and without progress; completes on `queue`, under `token`,
/// with a `nats_doc`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_put_file_async(
    store: *mut nats_object_store,
    name: nats_str,
    meta_json: nats_str,
    path: nats_str,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::put_options(options_json.text("options", Code::InvalidOption)?)?;
        let meta = meta(&name, &meta_json)?;
        let path = path.text("path", Code::InvalidArgument)?.to_owned();
        let store = handle::get::<Arc<Objects>>(store)?.store.clone();
        start(queue, token, async move {
            options::put_file(&store, meta, &path, &wanted, |_, _| {}).await.map(Value::Doc)
        })
    })
}

/// Gets an object as a whole, or a range of it, into memory; links are followed. `*out` is a message whose
/// payload it is; free it with nats_msg_free(). Large ones are better read in chunks, see
/// nats_object_reader_new().
///
/// `options_json`: a JSON object with the keys of "Object that is read" in docs/options.md, or empty. `info`
/// (may be NULL) receives what nats_object_info() tells of it; free it with nats_doc_free().
///
/// Errors: `OBJECT_NOT_FOUND` when there is none, or it was deleted; `DIGEST_MISMATCH` when what came is not
/// what was put; `OBJECT_CHANGED` when it was replaced meanwhile, or is not the one that "nuid" names;
/// `INVALID_LINK` for a link to a link or to a bucket; `INVALID_NAME`, `INVALID_OPTION`; `INVALID_ARGUMENT`
/// for an "offset" behind its end; `BUCKET_NOT_FOUND`, `TIMEOUT`, `PERMISSION`, `CONNECTION_LOST`,
/// `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_get(
    store: *mut nats_object_store,
    name: nats_str,
    options_json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_msg>>,
    info: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let wanted = options::get_options(options_json.text("options", Code::InvalidOption)?)?;
        let name = name.text("name", Code::InvalidName)?;
        let store = handle::get::<Arc<Objects>>(store)?.store.clone();
        let got = options::get(&store, name, &wanted);
        let (told, message) = wait::read_for(store.jetstream().client(), got)??;
        write_info(options::told(&told)?, info)?;
        Ok(message::into_raw(message))
    })
}

/// Like nats_object_get(), without waiting; completes on `queue`, under `token`, with a `nats_msg`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_get_async(
    store: *mut nats_object_store,
    name: nats_str,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::get_options(options_json.text("options", Code::InvalidOption)?)?;
        let name = name.text("name", Code::InvalidName)?.to_owned();
        let store = handle::get::<Arc<Objects>>(store)?.store.clone();
        start(queue, token, async move {
            let (_, message) = options::get(&store, &name, &wanted).await?;
            Ok(Value::Message(message))
        })
    })
}

/// Gets an object into a file, which is there as a whole or not at all: it is written beside its place and
/// put there in the end. `progress` (may be NULL) is called on the calling thread with `user`, and not any
/// more when this returns. The rest as nats_object_get().
///
/// Errors: `IO` when the file cannot be written; those of nats_object_get().
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_get_file(
    store: *mut nats_object_store,
    name: nats_str,
    path: nats_str,
    options_json: nats_str,
    progress: nats_object_progress_cb,
    user: *mut c_void,
    info: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::get_options(options_json.text("options", Code::InvalidOption)?)?;
        let name = name.text("name", Code::InvalidName)?;
        let path = path.text("path", Code::InvalidArgument)?;
        let store = handle::get::<Arc<Objects>>(store)?.store.clone();
        let got = options::get_file(&store, name, path, &wanted, watcher(progress, user));
        write_info(wait::block_on(got)??, info)
    })
}

/// Like nats_object_get_file(), without waiting and without progress; completes on `queue`, under `token`,
/// with a `nats_doc`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_get_file_async(
    store: *mut nats_object_store,
    name: nats_str,
    path: nats_str,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::get_options(options_json.text("options", Code::InvalidOption)?)?;
        let name = name.text("name", Code::InvalidName)?.to_owned();
        let path = path.text("path", Code::InvalidArgument)?.to_owned();
        let store = handle::get::<Arc<Objects>>(store)?.store.clone();
        start(queue, token, async move {
            options::get_file(&store, &name, &path, &wanted, |_, _| {}).await.map(Value::Doc)
        })
    })
}

/// Watches objects: what is known of each of them, then a mark, then what is done to them, each once and in
/// order. They come by a subscription like any other: delivered to `cb`, or, when that is NULL, read with
/// nats_subscription_next(), nats_subscription_take() and nats_subscription_watch(); nats_object_read() says
/// what a message tells. Waits until the watch has begun.
///
/// `options_json`: a JSON object with the keys of "Watch of objects" in docs/options.md, or empty. `cb`,
/// `user`, `destroy` and `out`: as nats_subscribe_with(). Whatever happens to consumers, leaders, servers
/// and the connection, it goes on behind the last change that was taken, and each time is told as a
/// connection event of the kind `NATS_CONNECTION_EVENT_CONSUMER`.
///
/// Errors: `BUCKET_NOT_FOUND`, `INVALID_OPTION`, `INVALID_ARGUMENT`, `JETSTREAM`, `TIMEOUT`,
/// `CONNECTION_CLOSED`. The subscription ends with `BUCKET_NOT_FOUND` when the bucket was deleted.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_watch(
    store: *mut nats_object_store,
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
        let objects = Arc::clone(&*handle::get::<Arc<Objects>>(store)?);
        let store = &objects.store;
        let opened = || wait::read_for(store.jetstream().client(), store.subscribe(&wanted))?;
        hand_out(Arc::clone(&objects.connection), objects.nc, opened, (cb, user), out)
    })
}

/// Like nats_object_watch() without a callback, and without waiting; completes on `queue`, under `token`,
/// with a `nats_subscription`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_watch_async(
    store: *mut nats_object_store,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::watch_options(options_json.text("options", Code::InvalidOption)?)?;
        let store = handle::get::<Arc<Objects>>(store)?.store.clone();
        open(queue, token, async move { store.subscribe(&wanted).await })
    })
}

/// What a message of a watch tells: `*out` is what nats_object_info() tells of the object, to be freed with
/// nats_doc_free(); NULL: all that there was when the watch began has come.
///
/// Errors: `PROTOCOL`, `NOT_JETSTREAM` for a message that is none of a watch.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_read(
    store: *mut nats_object_store,
    msg: *const nats_msg,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let objects = handle::get::<Arc<Objects>>(store)?;
        match options::update(&objects.store, message::look(&msg)?)? {
            Some(told) => handle::insert(Document::new(told)),
            None => Ok(std::ptr::null_mut()),
        }
    })
}

/// What is said of the object `name`.
pub(crate) fn meta(name: &nats_str, meta_json: &nats_str) -> Result<nats_core::object::ObjectMeta> {
    let name = name.text("name", Code::InvalidName)?;
    options::meta(name, meta_json.text("meta", Code::InvalidJson)?)
}

pub(crate) fn write_info(
    told: nats_bridge::doc::Doc,
    info: Option<&mut MaybeUninit<*mut nats_doc>>,
) -> Result<()> {
    if let Some(info) = info {
        info.write(handle::insert(Document::new(told))?);
    }
    Ok(())
}

fn watcher(progress: nats_object_progress_cb, user: *mut c_void) -> impl FnMut(u64, u64) {
    move |bytes, total| {
        if let Some(progress) = progress {
            // SAFETY: the caller promised that it can be called with `user` until the call returns.
            unsafe { progress(bytes, total, user) };
        }
    }
}
