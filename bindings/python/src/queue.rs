//! The queue on which results arrive, and the operations that put them there.

use std::future::Future;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nats_bridge::fork::Held;
use nats_bridge::queue::Event;
use nats_bridge::reconnect;
use nats_bridge::sync::lock;
use nats_core::Message;
use pyo3::prelude::*;
use pyo3::types::PyList;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::arguments::duration;
use crate::connection::Connection;
use crate::error::{Outcome, exception};
use crate::exit::{self, Waited};
use crate::message::{self, Flavour};
use crate::subscription::Subscription;

/// An operation has ended well; the value is what it yields.
const COMPLETED: u8 = 0;
/// An operation has failed; the value is the exception.
const FAILED: u8 = 1;
/// A watched subscription has messages, or has ended.
const READY: u8 = 2;
/// Something happened to a connection; the value is a JSON object.
const EVENT: u8 = 3;

/// A connection asks how long to wait; the value is a [`Question`].
const QUESTION: u8 = 4;

/// What a completed operation yields.
pub(crate) enum Value {
    Nothing,
    Seconds(f64),
    Message(Message, Flavour),
    Connection(Connection),
    Subscription(Subscription),
    Question(reconnect::Question),
}

/// The bridge's queue.
pub(crate) type Events = nats_bridge::queue::Queue<Value>;

/// A queue of results. One loop, or one thread, takes from it.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Queue(Held<Events>);

/// An operation under way.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Operation {
    /// Nothing when it has ended already.
    task: Held<Option<AbortHandle>>,
    /// Of a drain: tells it that what was taken has been handled.
    handled: Held<Mutex<Option<oneshot::Sender<()>>>>,
}

/// How long to wait before another round over the servers?
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Question {
    /// Until it is answered.
    open: Held<Mutex<Option<reconnect::Question>>>,
    /// How many rounds have failed.
    #[pyo3(get)]
    attempts: u32,
}

impl Queue {
    /// The queue.
    pub(crate) fn events(&self) -> Outcome<&Events> {
        Ok(self.0.get()?)
    }

    /// Starts an operation that completes under `token`.
    pub(crate) fn start<F>(&self, token: u64, operation: F) -> Outcome<Operation>
    where
        F: Future<Output = nats_core::Result<Value>> + Send + 'static,
    {
        let task = Held::new(self.events()?.start(token, operation)?);
        Ok(Operation { task, handled: Held::new(Mutex::default()) })
    }
}

impl Operation {
    /// The same with something that waits for [`Operation::handled`].
    pub(crate) fn awaiting(self, handled: oneshot::Sender<()>) -> Operation {
        Operation { task: self.task, handled: Held::new(Mutex::new(Some(handled))) }
    }
}

#[pymethods]
impl Queue {
    #[new]
    fn new() -> Queue {
        Queue(Held::new(Events::new()))
    }

    fn fileno(&self) -> Outcome<i32> {
        Ok(self.events()?.fd()?)
    }

    #[pyo3(signature = (limit=1024, /))]
    fn drain<'py>(&self, py: Python<'py>, limit: usize) -> Outcome<Bound<'py, PyList>> {
        let mut events = Vec::new();
        self.events()?.poll(&mut events, limit.max(1), Duration::ZERO)?;
        let list = PyList::empty(py);
        for event in events {
            list.append(convert(py, event)?)?;
        }
        Ok(list)
    }

    /// Waits for events; `None` waits for ever. Signals are handled meanwhile.
    #[pyo3(signature = (timeout=None, /))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> Outcome<bool> {
        let fd = self.events()?.fd()?;
        let deadline = timeout.map(duration).transpose()?.map(|limit| Instant::now() + limit);
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            match exit::wait(py, fd, left)? {
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
    /// Answers, once; `None` stands for the usual back-off.
    #[pyo3(signature = (seconds, /))]
    fn answer(&self, seconds: Option<f64>) -> Outcome<()> {
        let delay = seconds.map(duration).transpose()?;
        if let Some(question) = lock(self.open.get()?).take() {
            question.answer(delay);
        }
        Ok(())
    }
}

fn convert(py: Python<'_>, event: Event<Value>) -> PyResult<(u8, u64, Py<PyAny>)> {
    Ok(match event {
        Event::Completion { token, result } => match result {
            Ok(value) => {
                let asks = matches!(value, Value::Question(_));
                (if asks { QUESTION } else { COMPLETED }, token, hand_over(py, value)?)
            }
            Err(error) => (FAILED, token, exception(py, &error)?.unbind()),
        },
        Event::Ready { token, .. } => (READY, token, py.None()),
        Event::Connection { token, event } => {
            (EVENT, token, event.json().into_pyobject(py)?.into_any().unbind())
        }
    })
}

fn hand_over(py: Python<'_>, value: Value) -> PyResult<Py<PyAny>> {
    Ok(match value {
        Value::Nothing => py.None(),
        Value::Seconds(seconds) => seconds.into_pyobject(py)?.into_any().unbind(),
        Value::Message(message, flavour) => message::object(py, message, flavour, None)?,
        Value::Connection(connection) => Py::new(py, connection)?.into_any(),
        Value::Subscription(subscription) => Py::new(py, subscription)?.into_any(),
        Value::Question(question) => asked(py, question)?,
    })
}

fn asked(py: Python<'_>, question: reconnect::Question) -> PyResult<Py<PyAny>> {
    let attempts = question.attempts();
    let open = Held::new(Mutex::new(Some(question)));
    Ok(Py::new(py, Question { open, attempts })?.into_any())
}
