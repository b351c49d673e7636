//! Objects put and read piece by piece.

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;

use nats_bridge::object::{self as options, Reader, Writer};
use nats_bridge::wait;
use nats_core::object::ObjectStore;
use nats_core::{Client, Code, Error};

use crate::doc::{Document, nats_doc};
use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status};
use crate::handle;
use crate::message::{self, nats_msg};
use crate::object::{Objects, meta, nats_object_store, write_info};
use crate::queue::{Value, nats_queue, start};
use crate::types::{nats_bytes, nats_status, nats_str, null};

/// An object that is being put. Any thread; one call at a time, others wait for it. Nobody sees anything of
/// it before nats_object_writer_finish(). Free it with nats_object_writer_free().
pub struct nats_object_writer(());

/// An object that is being read. Any thread; one call at a time, others wait for it. Free it with
/// nats_object_reader_free().
pub struct nats_object_reader(());

/// A writer or a reader, and the connection whose socket is read while it is waited for.
pub(crate) struct Stream<T> {
    of: T,
    client: Client,
}

pub(crate) type Writing = Arc<Stream<Writer>>;
pub(crate) type Reading = Arc<Stream<Reader>>;

fn stream<T>(store: &ObjectStore, of: T) -> Arc<Stream<T>> {
    Arc::new(Stream { of, client: store.jetstream().client().clone() })
}

/// Begins to put an object. Arguments as nats_object_put().
///
/// Errors: those of nats_object_put() that show before anything is stored.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_writer_new(
    store: *mut nats_object_store,
    name: nats_str,
    meta_json: nats_str,
    options_json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_object_writer>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let wanted = options::put_options(options_json.text("options", Code::InvalidOption)?)?;
        let meta = meta(&name, &meta_json)?;
        let store = handle::get::<Arc<Objects>>(store)?.store.clone();
        let opened = Writer::open(&store, meta, &wanted);
        let writer = wait::read_for(store.jetstream().client(), opened)??;
        handle::insert(stream(&store, writer))
    })
}

/// Like nats_object_writer_new(), without waiting; completes on `queue`, under `token`, with a
/// `nats_object_writer`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_writer_new_async(
    store: *mut nats_object_store,
    name: nats_str,
    meta_json: nats_str,
    options_json: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let wanted = options::put_options(options_json.text("options", Code::InvalidOption)?)?;
        let meta = meta(&name, &meta_json)?;
        let store = handle::get::<Arc<Objects>>(store)?.store.clone();
        start(queue, token, async move {
            let writer = Writer::open(&store, meta, &wanted).await?;
            handle::Owned::new(stream(&store, writer)).map(Value::Writer)
        })
    })
}

/// Writes the next bytes, any number of them. Waits for the server when too much is under way.
///
/// Errors: those of nats_object_put(); nothing more can be written then. `INVALID_ARGUMENT` when it was
/// finished already.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_writer_write(
    writer: *mut nats_object_writer,
    bytes: nats_bytes,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let writer = Arc::clone(&*handle::get::<Writing>(writer)?);
        let bytes = bytes.bytes("bytes")?;
        wait::read_for(&writer.client, writer.of.write(bytes))?
    })
}

/// Like nats_object_writer_write(), without waiting; completes on `queue`, under `token`, without a value.
/// The bytes are copied. Begin the next write when this one has completed: what is under way is bounded
/// by that.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_writer_write_async(
    writer: *mut nats_object_writer,
    bytes: nats_bytes,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let writer = Arc::clone(&*handle::get::<Writing>(writer)?);
        let bytes = bytes.bytes("bytes")?.to_vec();
        start(queue, token, async move { writer.of.write(&bytes).await.map(|()| Value::Nothing) })
    })
}

/// Waits until all is stored, and makes the object visible. `info` (may be NULL) receives what
/// nats_object_info() tells; free it with nats_doc_free().
///
/// Errors: those of nats_object_put(). With `TIMEOUT` and `CONNECTION_LOST` nobody knows whether it is
/// visible: it is, as a whole, or nothing is left of it.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_writer_finish(
    writer: *mut nats_object_writer,
    info: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let writer = Arc::clone(&*handle::get::<Writing>(writer)?);
        let told = wait::read_for(&writer.client, writer.of.finish())??;
        write_info(options::told(&told)?, info)
    })
}

/// Like nats_object_writer_finish(), without waiting; completes on `queue`, under `token`, with a
/// `nats_doc`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_writer_finish_async(
    writer: *mut nats_object_writer,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let writer = Arc::clone(&*handle::get::<Writing>(writer)?);
        start(
            queue,
            token,
            async move { options::told(&writer.of.finish().await?).map(Value::Doc) },
        )
    })
}

/// Takes back what was written, and waits until nothing is left of it.
///
/// Errors: `INVALID_ARGUMENT` when it was finished already; `TIMEOUT` and the like: it is tried again in
/// the background.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_writer_abort(
    writer: *mut nats_object_writer,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let writer = Arc::clone(&*handle::get::<Writing>(writer)?);
        wait::read_for(&writer.client, writer.of.abort())?
    })
}

/// Like nats_object_writer_abort(), without waiting; completes on `queue`, under `token`, without a value.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_writer_abort_async(
    writer: *mut nats_object_writer,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let writer = Arc::clone(&*handle::get::<Writing>(writer)?);
        start(queue, token, async move { writer.of.abort().await.map(|()| Value::Nothing) })
    })
}

/// Frees a writer. What was not finished is taken back in the background. NULL is fine; one that was freed
/// before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_writer_free(writer: *mut nats_object_writer) -> nats_status {
    guard_status(|| handle::free::<Writing>(writer))
}

/// Begins to read an object, or a range of it; links are followed. Arguments and errors as
/// nats_object_get(). To go on where a reading was interrupted, "offset" says how much was read, and "nuid"
/// is that of nats_object_reader_info().
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_reader_new(
    store: *mut nats_object_store,
    name: nats_str,
    options_json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_object_reader>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let wanted = options::get_options(options_json.text("options", Code::InvalidOption)?)?;
        let name = name.text("name", Code::InvalidName)?;
        let store = handle::get::<Arc<Objects>>(store)?.store.clone();
        let opened = Reader::open(&store, name, &wanted);
        let reader = wait::read_for(store.jetstream().client(), opened)??;
        handle::insert(stream(&store, reader))
    })
}

/// Like nats_object_reader_new(), without waiting; completes on `queue`, under `token`, with a
/// `nats_object_reader`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_reader_new_async(
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
            let reader = Reader::open(&store, &name, &wanted).await?;
            handle::Owned::new(stream(&store, reader)).map(Value::Reader)
        })
    })
}

/// What is known of the object that is read: a document as that of nats_object_info(). Free it with
/// nats_doc_free(). Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_reader_info(
    reader: *mut nats_object_reader,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let reader = handle::get::<Reading>(reader)?;
        handle::insert(Document::new(options::told(reader.of.info())?))
    })
}

/// Reads the next bytes into `buffer`, which has room for `cap`; `*count` receives how many they are, 0 at
/// the end: all of it has come then, and was what was put.
///
/// Errors: those of nats_object_get(), and it is over then; `INVALID_ARGUMENT` for `cap` 0.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_reader_read(
    reader: *mut nats_object_reader,
    buffer: Option<NonNull<u8>>,
    cap: usize,
    count: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(count, err, || {
        let buffer = buffer.ok_or_else(|| null("buffer"))?;
        if cap == 0 {
            return Err(Error::new(Code::InvalidArgument, "cap: expected at least 1"));
        }
        let reader = Arc::clone(&*handle::get::<Reading>(reader)?);
        let Some(chunk) = wait::read_for(&reader.client, reader.of.read(cap))?? else {
            return Ok(0);
        };
        let bytes = chunk.payload();
        // SAFETY: the caller promised room for `cap`, and no more than that were asked for.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.as_ptr(), bytes.len()) };
        Ok(bytes.len())
    })
}

/// The next chunk, without a copy: `*out` is a message whose payload it is, to be freed with
/// nats_msg_free(); NULL at the end: all of it has come then, and was what was put.
///
/// Errors: those of nats_object_get(), and it is over then.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_reader_next(
    reader: *mut nats_object_reader,
    out: Option<&mut MaybeUninit<*mut nats_msg>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let reader = Arc::clone(&*handle::get::<Reading>(reader)?);
        let chunk = wait::read_for(&reader.client, reader.of.next())??;
        Ok(chunk.map_or(std::ptr::null_mut(), message::into_raw))
    })
}

/// Like nats_object_reader_next(), without waiting; completes on `queue`, under `token`, with a `nats_msg`,
/// or with NULL at the end.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_reader_next_async(
    reader: *mut nats_object_reader,
    queue: *mut nats_queue,
    token: u64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let reader = Arc::clone(&*handle::get::<Reading>(reader)?);
        start(queue, token, async move {
            Ok(reader.of.next().await?.map_or(Value::Nothing, Value::Message))
        })
    })
}

/// Frees a reader, and ends the reading. NULL is fine; one that was freed before is
/// `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_object_reader_free(reader: *mut nats_object_reader) -> nats_status {
    guard_status(|| handle::free::<Reading>(reader))
}
