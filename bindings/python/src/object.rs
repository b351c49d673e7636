//! Buckets of objects.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nats_bridge::fork::Held;
use nats_bridge::object::{self as options, Reader, Writer};
use nats_bridge::queue::Mark;
use nats_core::Message;
use nats_core::object::{ObjectInfo, ObjectStore};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arguments::{payload, text};
use crate::error::Outcome;
use crate::message::Flavour;
use crate::queue::{Operation, Queue, Value};
use crate::subscription::Subscription;

/// A bucket of objects.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Objects {
    held: Held<ObjectStore>,
    flavour: Flavour,
}

/// An object that is being put.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct ObjectWriter(Held<Arc<Writer>>);

/// An object that is being read.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct ObjectReader(Held<Arc<Reader>>);

/// How far an operation is. Its queue is told under a token that there is something new.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Progress(Arc<Told>);

struct Told {
    mark: Arc<Mark>,
    bytes: AtomicU64,
    total: AtomicU64,
}

/// What notes how far an operation is.
fn noting(
    queue: &Queue,
    progress: Option<&Bound<'_, Progress>>,
) -> Outcome<impl FnMut(u64, u64) + Send + use<>> {
    let progress = progress.map(|progress| Arc::clone(&progress.get().0));
    let queue = queue.events()?.downgrade();
    Ok(move |bytes, total| {
        if let Some(told) = &progress {
            told.total.store(total, Ordering::Relaxed);
            told.bytes.store(bytes, Ordering::Relaxed);
            if let Some(queue) = queue.upgrade() {
                queue.mark(&told.mark);
            }
        }
    })
}

impl Objects {
    pub(crate) fn new(store: ObjectStore, flavour: Flavour) -> Objects {
        Objects { held: Held::new(store), flavour }
    }
}

impl ObjectWriter {
    pub(crate) fn new(writer: Writer) -> ObjectWriter {
        ObjectWriter(Held::new(Arc::new(writer)))
    }
}

impl ObjectReader {
    pub(crate) fn new(reader: Reader) -> ObjectReader {
        ObjectReader(Held::new(Arc::new(reader)))
    }
}

/// What a message of a watch tells, as JSON; nothing for the mark behind what there was.
pub(crate) fn told(store: &ObjectStore, message: &Message) -> Outcome<String> {
    Ok(options::update(store, message.as_ref())?.map(|info| info.to_json()).unwrap_or_default())
}

/// What is known of an object, as JSON, and the object.
pub(crate) fn whole(
    py: Python<'_>,
    info: &ObjectInfo,
    object: &Message,
) -> Outcome<(String, Py<PyBytes>)> {
    Ok((options::told(info)?.to_json(), PyBytes::new(py, object.payload()).unbind()))
}

#[pymethods]
impl Objects {
    /// Puts an object; yields what is known of it, as a document. `meta` and `options` are JSON
    /// objects, or empty.
    #[pyo3(signature = (queue, token, name, meta, data, options, /))]
    fn put(
        &self,
        queue: &Queue,
        token: u64,
        name: &Bound<'_, PyAny>,
        meta: &str,
        data: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Operation> {
        let (store, settings) = (self.held.get()?.clone(), options::put_options(options)?);
        let meta = options::meta(text(name, "name")?, meta)?;
        let bytes = payload(data, <[u8]>::to_vec)?;
        queue.start(token, async move {
            let info = store.put_bytes_with(meta, bytes, &settings).await?;
            options::told(&info).map(Value::Document)
        })
    }

    /// Puts a file; yields what is known of the object, as a document.
    #[pyo3(signature = (queue, token, name, meta, path, options, progress, /))]
    #[expect(clippy::too_many_arguments, reason = "what puts an object has four")]
    fn put_file(
        &self,
        queue: &Queue,
        token: u64,
        name: &Bound<'_, PyAny>,
        meta: &str,
        path: String,
        options: &str,
        progress: Option<&Bound<'_, Progress>>,
    ) -> Outcome<Operation> {
        let (store, settings) = (self.held.get()?.clone(), options::put_options(options)?);
        let (meta, note) = (options::meta(text(name, "name")?, meta)?, noting(queue, progress)?);
        queue.start(token, async move {
            let put = options::put_file(&store, meta, &path, &settings, note);
            put.await.map(Value::Document)
        })
    }

    /// Begins to put an object; yields an [`ObjectWriter`].
    #[pyo3(signature = (queue, token, name, meta, options, /))]
    fn writer(
        &self,
        queue: &Queue,
        token: u64,
        name: &Bound<'_, PyAny>,
        meta: &str,
        options: &str,
    ) -> Outcome<Operation> {
        let (store, settings) = (self.held.get()?.clone(), options::put_options(options)?);
        let meta = options::meta(text(name, "name")?, meta)?;
        queue.start(
            token,
            async move { Writer::open(&store, meta, &settings).await.map(Value::Writer) },
        )
    }

    /// Gets an object as a whole; yields what is known of it, as JSON, and its bytes.
    #[pyo3(signature = (queue, token, name, options, /))]
    fn get(
        &self,
        queue: &Queue,
        token: u64,
        name: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Operation> {
        let (store, settings) = (self.held.get()?.clone(), options::get_options(options)?);
        let name = text(name, "name")?.to_owned();
        queue.start(token, async move {
            options::get(&store, &name, &settings).await.map(|got| Value::Object(Box::new(got)))
        })
    }

    /// Gets an object into a file; yields what is known of it, as a document.
    #[pyo3(signature = (queue, token, name, path, options, progress, /))]
    fn get_file(
        &self,
        queue: &Queue,
        token: u64,
        name: &Bound<'_, PyAny>,
        path: String,
        options: &str,
        progress: Option<&Bound<'_, Progress>>,
    ) -> Outcome<Operation> {
        let (store, settings) = (self.held.get()?.clone(), options::get_options(options)?);
        let (name, note) = (text(name, "name")?.to_owned(), noting(queue, progress)?);
        queue.start(token, async move {
            let got = options::get_file(&store, &name, &path, &settings, note);
            got.await.map(Value::Document)
        })
    }

    /// Begins to read an object; yields an [`ObjectReader`].
    #[pyo3(signature = (queue, token, name, options, /))]
    fn reader(
        &self,
        queue: &Queue,
        token: u64,
        name: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Operation> {
        let (store, settings) = (self.held.get()?.clone(), options::get_options(options)?);
        let name = text(name, "name")?.to_owned();
        queue.start(token, async move {
            Reader::open(&store, &name, &settings).await.map(Value::Reader)
        })
    }

    /// Watches objects; yields a [`Subscription`] whose messages are JSON, nothing for the mark
    /// behind what there was.
    #[pyo3(signature = (queue, token, options, /))]
    fn watch(&self, queue: &Queue, token: u64, options: &str) -> Outcome<Operation> {
        let (store, settings) = (self.held.get()?.clone(), options::watch_options(options)?);
        let flavour = self.flavour;
        queue.start(token, async move {
            let core = store.subscribe(&settings).await?;
            Ok(Value::Subscription(Subscription::watching_objects(core, flavour, store)))
        })
    }

    /// Its name.
    #[getter]
    fn name(&self) -> Outcome<&str> {
        Ok(self.held.get()?.name())
    }
}

#[pymethods]
impl Progress {
    #[new]
    #[pyo3(signature = (token, /))]
    fn new(token: u64) -> Progress {
        let mark = Mark::new(token, || 0);
        Progress(Arc::new(Told { mark, bytes: AtomicU64::new(0), total: AtomicU64::new(0) }))
    }

    /// The bytes so far, and all.
    fn told(&self) -> (u64, u64) {
        (self.0.bytes.load(Ordering::Relaxed), self.0.total.load(Ordering::Relaxed))
    }
}

#[pymethods]
impl ObjectWriter {
    /// Writes the next bytes.
    #[pyo3(signature = (queue, token, data, /))]
    fn write(&self, queue: &Queue, token: u64, data: &Bound<'_, PyAny>) -> Outcome<Operation> {
        let writer = Arc::clone(self.0.get()?);
        let bytes = payload(data, <[u8]>::to_vec)?;
        queue.start(token, async move { writer.write(&bytes).await.map(|()| Value::Nothing) })
    }

    /// Makes the object visible; yields what is known of it, as a document.
    #[pyo3(signature = (queue, token, /))]
    fn finish(&self, queue: &Queue, token: u64) -> Outcome<Operation> {
        let writer = Arc::clone(self.0.get()?);
        queue.start(
            token,
            async move { options::told(&writer.finish().await?).map(Value::Document) },
        )
    }

    /// Takes it back.
    #[pyo3(signature = (queue, token, /))]
    fn abort(&self, queue: &Queue, token: u64) -> Outcome<Operation> {
        let writer = Arc::clone(self.0.get()?);
        queue.start(token, async move { writer.abort().await.map(|()| Value::Nothing) })
    }
}

#[pymethods]
impl ObjectReader {
    /// The next chunk as bytes; `None`: that was all, and it was right.
    #[pyo3(signature = (queue, token, /))]
    fn next(&self, queue: &Queue, token: u64) -> Outcome<Operation> {
        let reader = Arc::clone(self.0.get()?);
        queue.start(
            token,
            async move { Ok(reader.next().await?.map_or(Value::Nothing, Value::Bytes)) },
        )
    }

    /// The next bytes, at most so many; `None`: that was all, and it was right.
    #[pyo3(signature = (queue, token, most, /))]
    fn read(&self, queue: &Queue, token: u64, most: usize) -> Outcome<Operation> {
        let reader = Arc::clone(self.0.get()?);
        queue.start(token, async move {
            Ok(reader.read(most).await?.map_or(Value::Nothing, Value::Bytes))
        })
    }

    /// What is known of the object, as JSON.
    #[getter]
    fn info(&self) -> Outcome<String> {
        Ok(options::told(self.0.get()?.info())?.to_json())
    }
}
