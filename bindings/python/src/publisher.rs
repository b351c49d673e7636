//! Publishers: many messages under way at once.

use nats_bridge::connection::Connection;
use nats_bridge::fork::Held;
use nats_bridge::jetstream as options;
use nats_bridge::publisher::Publisher as Bridge;
use nats_core::jetstream::JetStream;
use nats_core::{Code, Publish};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::arguments::{self, Outgoing, duration, payload, text};
use crate::error::{Outcome, exception};
use crate::jetstream::PubAck;
use crate::queue::{Operation, Queue, Value};

/// Publishes to streams without waiting for each acknowledgement.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Publisher(Held<Bridge>);

impl Publisher {
    /// A publisher; `options` is a JSON object, or empty.
    pub(crate) fn new(
        connection: &Connection,
        js: &JetStream,
        options: &str,
    ) -> Outcome<Publisher> {
        Ok(Publisher(Held::new(Bridge::new(connection, js, options, None)?)))
    }

    fn core(&self) -> Outcome<&nats_core::jetstream::Publisher> {
        Ok(self.0.get()?.core())
    }
}

#[pymethods]
impl Publisher {
    /// Publishes, if that can be done at once; false: [`Publisher::publish_when_room`] waits for room.
    /// `options` is a JSON object, or empty.
    #[pyo3(signature = (subject, data, headers, options, own, /))]
    fn publish(
        &self,
        subject: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        headers: Option<&Bound<'_, PyAny>>,
        options: &str,
        own: Option<u64>,
    ) -> Outcome<bool> {
        let (core, settings) = (self.core()?, options::publish_options(options)?);
        let subject = text(subject, "subject")?;
        let published = arguments::headers(headers, |headers| {
            payload(data, |payload| {
                let publish = Publish { headers, ..Publish::new(subject, payload) };
                core.publish_now(&publish, &settings, own)
            })
        })??;
        match published {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.code(), Code::PublisherStalled | Code::OutboundFull) => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Publishes once there is room.
    #[pyo3(signature = (queue, token, subject, data, headers, options, own, /))]
    #[allow(clippy::too_many_arguments)]
    fn publish_when_room(
        &self,
        queue: &Queue,
        token: u64,
        subject: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        headers: Option<&Bound<'_, PyAny>>,
        options: &str,
        own: Option<u64>,
    ) -> Outcome<Operation> {
        let (core, settings) = (self.core()?.clone(), options::publish_options(options)?);
        let message = Outgoing::new(subject, data, None, headers)?;
        queue.start(token, async move {
            let published = core.publish_told(&message.publish(), &settings, own).await;
            published.map(|()| Value::Nothing)
        })
    }

    /// What became of at most `max` messages with a number: the numbers, each with a [`PubAck`] or an
    /// exception.
    #[pyo3(signature = (max, /))]
    fn outcomes<'py>(&self, py: Python<'py>, max: usize) -> Outcome<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for outcome in self.core()?.outcomes(max) {
            match outcome.result.and_then(|stored| stored.ack()) {
                Ok(ack) => list.append((outcome.token, PubAck::from(ack)))?,
                Err(error) => list.append((outcome.token, exception(py, &error)?))?,
            }
        }
        Ok(list)
    }

    /// Completes when something is known that was not taken.
    #[pyo3(signature = (queue, token, /))]
    fn ready(&self, queue: &Queue, token: u64) -> Outcome<Operation> {
        let core = self.core()?.clone();
        queue.start(token, async move {
            std::future::poll_fn(|cx| core.poll_outcomes(cx)).await.map(|()| Value::Nothing)
        })
    }

    /// Completes when it is known of every message what became of it.
    #[pyo3(signature = (queue, token, seconds, /))]
    fn complete(&self, queue: &Queue, token: u64, seconds: f64) -> Outcome<Operation> {
        let (core, timeout) = (self.core()?.clone(), duration(seconds)?);
        queue.start(token, async move { core.complete(timeout).await.map(|()| Value::Nothing) })
    }

    /// How many messages wait for their acknowledgement.
    #[getter]
    fn in_flight(&self) -> Outcome<usize> {
        Ok(self.core()?.in_flight())
    }
}
