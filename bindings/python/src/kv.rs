//! Buckets of keys with values.

use std::time::Duration;

use nats_bridge::fork::Held;
use nats_bridge::kv as options;
use nats_core::Message;
use nats_core::kv::{KeyValue, KvCache, KvEntry, KvOperation};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::arguments::{payload, text};
use crate::error::Outcome;
use crate::message::Flavour;
use crate::queue::{Operation, Queue, Value};
use crate::subscription::Subscription;

/// A bucket.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Bucket {
    held: Held<KeyValue>,
    flavour: Flavour,
}

/// What a bucket has under a key, or had.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Entry {
    /// None: it is the mark behind what there was.
    told: Option<KvEntry>,
    /// As a codec of the program's knows it.
    key: Option<Py<PyAny>>,
    value: Option<Py<PyAny>>,
}

/// The values of a bucket in memory.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Cache(Held<KvCache>);

impl Bucket {
    pub(crate) fn new(kv: KeyValue, flavour: Flavour) -> Bucket {
        Bucket { held: Held::new(kv), flavour }
    }
}

impl Cache {
    pub(crate) fn new(cache: KvCache) -> Cache {
        Cache(Held::new(cache))
    }
}

impl Entry {
    /// The entry that a message of the bucket tells.
    pub(crate) fn read(kv: &KeyValue, message: &Message) -> Outcome<Entry> {
        Ok(Entry { told: kv.entry_of(message)?, key: None, value: None })
    }
}

/// Entries in a list, and `None` for messages that there are none of.
pub(crate) fn entries<'py>(
    py: Python<'py>,
    kv: &KeyValue,
    messages: &[Option<Message>],
) -> Outcome<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for message in messages {
        list.append(message.as_ref().map(|message| Entry::read(kv, message)).transpose()?)?;
    }
    Ok(list)
}

#[pymethods]
impl Bucket {
    /// Gives a key a value; yields its revision, under a token or to a future. `options` is a JSON
    /// object, or empty.
    #[pyo3(signature = (queue, target, key, data, options, /))]
    fn put(
        &self,
        queue: &Queue,
        target: &Bound<'_, PyAny>,
        key: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Operation> {
        let (kv, settings) = (self.held.get()?, options::change_options(options)?);
        queue.answer(target, None, |token| {
            let key = text(key, "key")?;
            payload(data, |value| queue.kv_change(token, kv, &kv.to_put(key, value, &settings)?))?
        })
    }

    /// Gives a key that has none a value; yields its revision.
    #[pyo3(signature = (queue, target, key, data, options, /))]
    fn create(
        &self,
        queue: &Queue,
        target: &Bound<'_, PyAny>,
        key: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Operation> {
        let (kv, settings) = (self.held.get()?.clone(), options::change_options(options)?);
        let (key, value) = (text(key, "key")?.to_owned(), payload(data, <[u8]>::to_vec)?);
        queue.answer(target, None, |token| {
            queue.start(token, async move {
                kv.create(&key, &value, settings.ttl).await.map(Value::Number)
            })
        })
    }

    /// Deletes a key; yields its revision.
    #[pyo3(signature = (queue, target, key, options, /))]
    fn delete(
        &self,
        queue: &Queue,
        target: &Bound<'_, PyAny>,
        key: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Operation> {
        let (kv, settings) = (self.held.get()?, options::change_options(options)?);
        let change = kv.to_delete(text(key, "key")?, &settings)?;
        queue.answer(target, None, |token| queue.kv_change(token, kv, &change))
    }

    /// Deletes a key with all it had; yields its revision.
    #[pyo3(signature = (queue, target, key, options, /))]
    fn purge(
        &self,
        queue: &Queue,
        target: &Bound<'_, PyAny>,
        key: &Bound<'_, PyAny>,
        options: &str,
    ) -> Outcome<Operation> {
        let (kv, settings) = (self.held.get()?, options::change_options(options)?);
        let change = kv.to_purge(text(key, "key")?, &settings)?;
        queue.answer(target, None, |token| queue.kv_change(token, kv, &change))
    }

    /// The value of a key; yields an [`Entry`].
    #[pyo3(signature = (queue, target, key, /))]
    fn get(
        &self,
        queue: &Queue,
        target: &Bound<'_, PyAny>,
        key: &Bound<'_, PyAny>,
    ) -> Outcome<Operation> {
        let kv = self.held.get()?;
        let key = text(key, "key")?;
        queue.answer(target, None, |token| queue.kv_get(token, kv, key))
    }

    /// What a key had at a revision; 0: what was done to it last. Yields an [`Entry`].
    #[pyo3(signature = (queue, token, key, revision, /))]
    fn get_revision(
        &self,
        queue: &Queue,
        token: u64,
        key: &Bound<'_, PyAny>,
        revision: u64,
    ) -> Outcome<Operation> {
        let (kv, key) = (self.held.get()?.clone(), text(key, "key")?.to_owned());
        queue.start(token, async move {
            let message = options::get_revision(&kv, &key, revision).await?;
            Ok(Value::Entry(Box::new((kv, message))))
        })
    }

    /// The values of many keys; yields a list with an [`Entry`] or `None` for each.
    #[pyo3(signature = (queue, token, keys, /))]
    fn get_many(&self, queue: &Queue, token: u64, keys: Vec<String>) -> Outcome<Operation> {
        let kv = self.held.get()?.clone();
        queue.start(token, async move {
            let messages = kv.get_many_messages(&keys).await?;
            Ok(Value::Entries(Box::new((kv, messages))))
        })
    }

    /// All that the bucket has of a key; yields a list of [`Entry`].
    #[pyo3(signature = (queue, token, key, /))]
    fn history(&self, queue: &Queue, token: u64, key: &Bound<'_, PyAny>) -> Outcome<Operation> {
        let (kv, key) = (self.held.get()?.clone(), text(key, "key")?.to_owned());
        queue.start(token, async move {
            let batches = kv.history_messages(&key).await?;
            let messages = batches.into_iter().flatten().map(Some).collect();
            Ok(Value::Entries(Box::new((kv, messages))))
        })
    }

    /// The keys that have values; yields a document. `options` is a JSON object, or empty.
    #[pyo3(signature = (queue, token, options, /))]
    fn keys(&self, queue: &Queue, token: u64, options: &str) -> Outcome<Operation> {
        let (kv, settings) = (self.held.get()?.clone(), options::watch_options(options)?);
        queue.start(token, async move {
            let keys = kv.keys(&settings.keys).await?.all().await?;
            Ok(Value::Document(options::keys_doc(keys)))
        })
    }

    /// Watches keys; yields a [`Subscription`] whose messages are entries. `options` is a JSON object,
    /// or empty.
    #[pyo3(signature = (queue, token, options, /))]
    fn watch(&self, queue: &Queue, token: u64, options: &str) -> Outcome<Operation> {
        let (kv, settings) = (self.held.get()?.clone(), options::watch_options(options)?);
        let flavour = self.flavour;
        queue.start(token, async move {
            let core = kv.subscribe(&settings).await?;
            Ok(Value::Subscription(Subscription::watching(core, flavour, kv)))
        })
    }

    /// Takes values into memory; yields a [`Cache`]. `options` is a JSON object, or empty.
    #[pyo3(signature = (queue, token, options, /))]
    fn cache(&self, queue: &Queue, token: u64, options: &str) -> Outcome<Operation> {
        let (kv, settings) = (self.held.get()?.clone(), options::watch_options(options)?);
        queue.start(token, async move { kv.cache(&settings).await.map(Value::Cache) })
    }

    /// Removes what deleted keys have had, and markers that are older than so many milliseconds; yields how
    /// many messages that were.
    #[pyo3(signature = (queue, token, older_than_ms, /))]
    fn purge_deletes(&self, queue: &Queue, token: u64, older_than_ms: u64) -> Outcome<Operation> {
        let kv = self.held.get()?.clone();
        let older_than = Duration::from_millis(older_than_ms);
        queue.start(token, async move { kv.purge_deletes(older_than).await.map(Value::Number) })
    }

    /// Its name.
    #[getter]
    fn name(&self) -> Outcome<&str> {
        Ok(self.held.get()?.name())
    }
}

#[pymethods]
impl Entry {
    /// The bucket.
    #[getter]
    fn bucket(&self) -> &str {
        self.told.as_ref().map_or("", |told| &told.bucket)
    }

    /// The key.
    #[getter]
    fn key(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match &self.key {
            Some(key) => Ok(key.clone_ref(py)),
            None => {
                let key = self.told.as_ref().map_or("", |told| told.key.as_str());
                Ok(key.into_pyobject(py)?.into_any().unbind())
            }
        }
    }

    /// The value; of a deleted key it is empty.
    #[getter]
    fn value(&self, py: Python<'_>) -> Py<PyAny> {
        match &self.value {
            Some(value) => value.clone_ref(py),
            None => {
                let value = self.told.as_ref().map_or(&b""[..], |told| &told.value);
                PyBytes::new(py, value).into_any().unbind()
            }
        }
    }

    /// It grows with whatever is done to any key.
    #[getter]
    fn revision(&self) -> u64 {
        self.told.as_ref().map_or(0, |told| told.revision)
    }

    /// How many entries of what was asked for are still to come.
    #[getter]
    fn delta(&self) -> u64 {
        self.told.as_ref().map_or(0, |told| told.delta)
    }

    /// When it was stored, in nanoseconds since 1970.
    #[getter]
    fn created_ns(&self) -> i64 {
        self.told.as_ref().map_or(0, |told| told.created_nanos)
    }

    /// The same as a datetime in UTC, to the microsecond.
    #[getter]
    fn created<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let module = py.import("datetime")?;
        let utc = module.getattr("timezone")?.getattr("utc")?;
        let epoch = module.getattr("datetime")?.call_method1("fromtimestamp", (0, utc))?;
        let micros = self.created_ns().div_euclid(1000);
        epoch.add(module.getattr("timedelta")?.call1((0, 0, micros))?)
    }

    /// "DEL", "PURGE", or `None` for a value.
    #[getter]
    fn operation(&self) -> Option<&'static str> {
        match self.told.as_ref()?.operation {
            KvOperation::Put => None,
            KvOperation::Delete => Some("DEL"),
            KvOperation::Purge => Some("PURGE"),
        }
    }

    /// Whether it is the mark behind what there was.
    #[getter]
    fn is_mark(&self) -> bool {
        self.told.is_none()
    }

    /// The same with another key and another value.
    #[pyo3(signature = (key, value, /))]
    fn decoded(&self, key: Py<PyAny>, value: Py<PyAny>) -> Entry {
        Entry { told: self.told.clone(), key: Some(key), value: Some(value) }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let key = self.key(py)?.bind(py).repr()?.to_string();
        let operation = self.operation().map(|o| format!(", operation='{o}'")).unwrap_or_default();
        let (bucket, revision) = (self.bucket(), self.revision());
        Ok(format!("Entry(bucket='{bucket}', key={key}, revision={revision}{operation})"))
    }
}

#[pymethods]
impl Cache {
    /// The value of a key as an [`Entry`]; `None` without one.
    #[pyo3(signature = (key, /))]
    fn get(&self, key: &Bound<'_, PyAny>) -> Outcome<Option<Entry>> {
        let told = self.0.get()?.get(text(key, "key")?)?;
        Ok(told.map(|told| Entry { told: Some(told), key: None, value: None }))
    }

    /// The keys that have values.
    fn keys(&self) -> Outcome<Vec<String>> {
        Ok(self.0.get()?.keys()?)
    }

    /// Completes once a revision was seen.
    #[pyo3(signature = (queue, token, revision, /))]
    fn wait(&self, queue: &Queue, token: u64, revision: u64) -> Outcome<Operation> {
        let cache = self.0.get()?.clone();
        queue.start(token, async move { cache.wait(revision).await.map(|()| Value::Nothing) })
    }
}
