//! The queue on which results arrive, and the operations that put them there.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nats_bridge::doc::Doc;
use nats_bridge::fork::Held;
use nats_bridge::object::{Reader, Writer};
use nats_bridge::question;
use nats_bridge::queue::Event;
use nats_bridge::running::Running;
use nats_bridge::store::Retry;
use nats_bridge::sync::lock;
use nats_core::kv::{KeyValue, KvCache, KvPublish};
use nats_core::object::ObjectInfo;
use nats_core::{Batch, Client, Message, Request};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyList};
use tokio::sync::oneshot;

use crate::arguments::duration;
use crate::connection::Connection;
use crate::error::{Outcome, exception};
use crate::exit::{self, Waited};
use crate::jetstream::PubAck;
use crate::kv::{self, Bucket, Cache, Entry};
use crate::log;
use crate::message::{self, Flavour};
use crate::object::{self, ObjectReader, ObjectWriter, Objects};
use crate::subscription::Subscription;

/// An operation has ended well; the value is what it yields.
const COMPLETED: u8 = 0;
/// An operation has failed; the value is the exception.
const FAILED: u8 = 1;
/// A watched subscription has messages, or has ended.
const READY: u8 = 2;
/// Something happened to a connection; the value is a JSON object.
const EVENT: u8 = 3;

/// A connection asks something; the value is a [`Question`].
const QUESTION: u8 = 4;

/// A record of the library's log; the value is its level and its text.
const RECORD: u8 = 5;

/// What a completed operation yields.
pub(crate) enum Value {
    Nothing,
    Seconds(f64),
    Message(Message, Flavour),
    Messages(Vec<Batch>, Flavour),
    Document(Doc),
    /// What a stream has said of a message that it has stored.
    Stored(Message),
    /// The same, read.
    Ack(nats_core::jetstream::PubAck),
    Connection(Connection),
    Subscription(Subscription),
    Question(question::Question),
    Record(log::Record),
    Number(u64),
    Bucket(Bucket),
    Entry(Box<(KeyValue, Message)>),
    Entries(Box<(KeyValue, Vec<Option<Message>>)>),
    Cache(KvCache),
    Objects(Objects),
    Object(Box<(ObjectInfo, Message)>),
    Writer(Writer),
    Reader(Reader),
    /// The payload of a message.
    Bytes(Message),
}

/// The bridge's queue.
pub(crate) type Events = nats_bridge::queue::Queue<Value>;

/// A queue of results. One loop, or one thread, takes from it.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Queue {
    events: Held<Events>,
    /// Futures that wait for a result, by token. Locked for moments only.
    futures: Mutex<Futures>,
}

#[derive(Default)]
struct Futures {
    waiting: HashMap<u64, Expected>,
    last: u64,
}

struct Expected {
    /// Or the token itself.
    future: Py<PyAny>,
    /// Whose messages it is to have.
    client: Option<Py<PyAny>>,
}

/// Tokens that [`Queue::expect`] gives begin here, behind those of Python's own.
const FUTURES: u64 = 1 << 62;

/// An operation under way.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Operation {
    /// Nothing when it has ended already.
    task: Held<Option<Running>>,
    /// Of a drain: tells it that what was taken has been handled.
    handled: Held<Mutex<Option<oneshot::Sender<()>>>>,
}

/// What a connection asks the program.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Question {
    /// Until it is answered.
    open: Held<Mutex<Option<question::Question>>>,
    /// What is asked.
    #[pyo3(get)]
    ask: &'static str,
    /// What there is to know for it, as JSON.
    #[pyo3(get)]
    about: String,
}

impl Queue {
    fn expect(&self, future: Py<PyAny>, client: Option<Py<PyAny>>) -> u64 {
        let mut futures = lock(&self.futures);
        futures.last += 1;
        let token = FUTURES + futures.last;
        futures.waiting.insert(token, Expected { future, client });
        token
    }

    /// The queue.
    pub(crate) fn events(&self) -> Outcome<&Events> {
        Ok(self.events.get()?)
    }

    /// Starts, by `start`, an operation that yields something to a future, or under a token that
    /// may stand for one; messages are `client`'s.
    pub(crate) fn answer(
        &self,
        target: &Bound<'_, PyAny>,
        client: Option<&Bound<'_, PyAny>>,
        start: impl FnOnce(u64) -> Outcome<Operation>,
    ) -> Outcome<Operation> {
        let (future, client) = (target.clone().unbind(), client.map(|c| c.clone().unbind()));
        let token = if target.is_instance_of::<PyInt>() {
            let token = target.extract()?;
            if client.is_some() {
                let none = || Expected { future, client: None };
                lock(&self.futures).waiting.entry(token).or_insert_with(none).client = client;
            }
            token
        } else {
            self.expect(future, client)
        };
        start(token).inspect_err(|_| self.forget(token))
    }

    /// Starts an operation that completes under `token`.
    pub(crate) fn start<F>(&self, token: u64, operation: F) -> Outcome<Operation>
    where
        F: Future<Output = nats_core::Result<Value>> + Send + 'static,
    {
        Ok(Operation::new(self.events()?.start(token, operation)?))
    }

    /// Sends a request whose reply, as `value` makes it, completes under `token`.
    pub(crate) fn ask(
        &self,
        token: u64,
        client: &Client,
        request: &Request<'_>,
        value: impl FnOnce(Message) -> Value + Unpin + Send + 'static,
    ) -> Outcome<Operation> {
        Ok(Operation::new(self.events()?.ask(token, client, request, value)?))
    }

    /// Publishes a message to a stream, whose acknowledgement completes under `token`.
    pub(crate) fn store(
        &self,
        token: u64,
        client: &Client,
        request: &Request<'_>,
        retry: Retry,
    ) -> Outcome<Operation> {
        Ok(Operation::new(self.events()?.store(token, client, request, retry, Value::Stored)?))
    }

    /// Gets the value of a key, whose entry completes under `token`.
    pub(crate) fn kv_get(&self, token: u64, kv: &KeyValue, key: &str) -> Outcome<Operation> {
        let of = kv.clone();
        let value = move |message| Value::Entry(Box::new((of, message)));
        Ok(Operation::new(self.events()?.kv_get(token, kv, key, value)?))
    }

    /// Does something to a key, whose revision completes under `token`.
    pub(crate) fn kv_change(
        &self,
        token: u64,
        kv: &KeyValue,
        change: &KvPublish<'_>,
    ) -> Outcome<Operation> {
        Ok(Operation::new(self.events()?.kv_change(token, kv, change, Value::Number)?))
    }
}

impl Operation {
    fn new(task: Option<Running>) -> Operation {
        Operation { task: Held::new(task), handled: Held::new(Mutex::default()) }
    }

    /// The same with something that waits for [`Operation::handled`].
    pub(crate) fn awaiting(self, handled: oneshot::Sender<()>) -> Operation {
        Operation { task: self.task, handled: Held::new(Mutex::new(Some(handled))) }
    }
}

#[pymethods]
impl Queue {
    #[new]
    fn new() -> Queue {
        Queue { events: Held::new(Events::new()), futures: Mutex::default() }
    }

    /// A token for an operation whose result `future` is to have.
    #[pyo3(name = "expect", signature = (future, /))]
    fn expect_result(&self, future: Py<PyAny>) -> u64 {
        self.expect(future, None)
    }

    /// No result will come for a token.
    #[pyo3(signature = (token, /))]
    fn forget(&self, token: u64) {
        let future = lock(&self.futures).waiting.remove(&token);
        drop(future);
    }

    fn fileno(&self) -> Outcome<i32> {
        Ok(self.events()?.fd()?)
    }

    /// The results that are there: kind, token or the future that waits for it, value.
    #[pyo3(signature = (limit=1024, /))]
    fn drain<'py>(&self, py: Python<'py>, limit: usize) -> Outcome<Bound<'py, PyList>> {
        let mut events = Vec::new();
        self.events()?.poll(&mut events, limit.max(1), Duration::ZERO)?;
        let list = PyList::empty(py);
        for event in events {
            let expected = match &event {
                Event::Completion { token, .. } => lock(&self.futures).waiting.remove(token),
                _ => None,
            };
            let client = expected.as_ref().and_then(|expected| expected.client.as_ref());
            let (kind, token, value) = convert(py, event, client.map(|client| client.bind(py)))?;
            match expected {
                Some(expected) => list.append((kind, expected.future, value))?,
                None => list.append((kind, token, value))?,
            }
        }
        Ok(list)
    }

    /// Waits for events; `None` waits for ever. Signals are handled meanwhile.
    #[pyo3(signature = (timeout=None, /))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> Outcome<bool> {
        let events = self.events()?;
        let fd = events.fd()?;
        let deadline = timeout.map(duration).transpose()?.map(|limit| Instant::now() + limit);
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            // Given back before a signal's handler runs, which may wait itself.
            match exit::wait(py, fd, events.lead(), left)? {
                Waited::Ready => return Ok(true),
                Waited::TimedOut => return Ok(false),
                Waited::Interrupted => py.check_signals()?,
            }
        }
    }
}

#[pymethods]
impl Operation {
    /// Gives the operation up; one that has ended is not affected.
    fn abort(&self) -> Outcome<()> {
        if let Some(task) = self.task.get()? {
            task.abort();
        }
        Ok(())
    }

    /// Tells a drain that what was taken from the subscriptions has been handled.
    fn handled(&self) -> Outcome<()> {
        if let Some(sender) = lock(self.handled.get()?).take() {
            // A drain that is over does not wait for it.
            let _ = sender.send(());
        }
        Ok(())
    }
}

#[pymethods]
impl Question {
    /// Answers, once, with names and values.
    #[pyo3(signature = (pairs, /))]
    fn answer(&self, pairs: Vec<(String, Vec<u8>)>) -> Outcome<()> {
        if let Some(question) = lock(self.open.get()?).take() {
            question.answer(pairs.into_iter().map(|(name, value)| (name, value.into())).collect());
        }
        Ok(())
    }

    /// Fails what the question is for, once.
    #[pyo3(signature = (why, /))]
    fn refuse(&self, why: &str) -> Outcome<()> {
        if let Some(question) = lock(self.open.get()?).take() {
            question.refuse(why);
        }
        Ok(())
    }
}

fn convert(
    py: Python<'_>,
    event: Event<Value>,
    client: Option<&Bound<'_, PyAny>>,
) -> PyResult<(u8, u64, Py<PyAny>)> {
    Ok(match event {
        Event::Completion { token, result } => match result {
            Ok(value) => {
                let kind = match value {
                    Value::Question(_) => QUESTION,
                    Value::Record(_) => RECORD,
                    _ => COMPLETED,
                };
                (kind, token, hand_over(py, value, client)?)
            }
            Err(error) => (FAILED, token, exception(py, &error)?.unbind()),
        },
        Event::Ready { token, .. } => (READY, token, py.None()),
        Event::Connection { token, event } => {
            (EVENT, token, event.json().into_pyobject(py)?.into_any().unbind())
        }
    })
}

fn hand_over(
    py: Python<'_>,
    value: Value,
    client: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    Ok(match value {
        Value::Nothing => py.None(),
        Value::Seconds(seconds) => seconds.into_pyobject(py)?.into_any().unbind(),
        Value::Message(message, flavour) => message::object(py, message, flavour, client)?,
        Value::Messages(batches, flavour) => {
            message::list(py, batches, flavour, client)?.into_any().unbind()
        }
        Value::Document(document) => document.to_json().into_pyobject(py)?.into_any().unbind(),
        Value::Stored(ack) => Py::new(py, PubAck::read(ack.payload())?)?.into_any(),
        Value::Ack(ack) => Py::new(py, PubAck::from(ack))?.into_any(),
        Value::Connection(connection) => Py::new(py, connection)?.into_any(),
        Value::Subscription(subscription) => Py::new(py, subscription)?.into_any(),
        Value::Question(question) => asked(py, question)?,
        Value::Record(record) => record.into_object(py)?,
        Value::Number(number) => number.into_pyobject(py)?.into_any().unbind(),
        Value::Bucket(bucket) => Py::new(py, bucket)?.into_any(),
        Value::Entry(told) => Py::new(py, Entry::read(&told.0, &told.1)?)?.into_any(),
        Value::Entries(told) => kv::entries(py, &told.0, &told.1)?.into_any().unbind(),
        Value::Cache(cache) => Py::new(py, Cache::new(cache))?.into_any(),
        Value::Objects(objects) => Py::new(py, objects)?.into_any(),
        Value::Object(got) => {
            object::whole(py, &got.0, &got.1)?.into_pyobject(py)?.into_any().unbind()
        }
        Value::Writer(writer) => Py::new(py, ObjectWriter::new(writer))?.into_any(),
        Value::Reader(reader) => Py::new(py, ObjectReader::new(reader))?.into_any(),
        Value::Bytes(message) => PyBytes::new(py, message.payload()).into_any().unbind(),
    })
}

fn asked(py: Python<'_>, question: question::Question) -> PyResult<Py<PyAny>> {
    let (ask, about) = (question.ask().name(), question.about().to_json());
    let open = Held::new(Mutex::new(Some(question)));
    Ok(Py::new(py, Question { open, ask, about })?.into_any())
}
