//! Batches of messages to a stream.

use std::sync::Arc;

use nats_bridge::batch::Batch;
use nats_bridge::fork::Held;
use nats_bridge::jetstream as options;
use nats_core::jetstream::JetStream;
use pyo3::prelude::*;

use crate::arguments::Outgoing;
use crate::error::Outcome;
use crate::queue::{Operation, Queue, Value};

/// Messages that a stream stores as one, or as they come.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct StreamBatch(Held<Arc<Batch>>);

impl StreamBatch {
    /// A batch; `options` is a JSON object, or empty.
    pub(crate) fn new(js: &JetStream, options: &str) -> Outcome<StreamBatch> {
        Ok(StreamBatch(Held::new(Arc::new(Batch::new(js, options)?))))
    }

    fn batch(&self) -> Outcome<Arc<Batch>> {
        Ok(Arc::clone(self.0.get()?))
    }
}

#[pymethods]
impl StreamBatch {
    /// Adds a message. `options` is a JSON object, or empty.
    #[pyo3(signature = (queue, token, subject, data, headers, options, /))]
    #[allow(clippy::too_many_arguments)]
    fn add(
        &self,
        queue: &Queue,
        token: u64,
        subject: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        headers: Option<&Bound<'_, PyAny>>,
        options: &str,
    ) -> Outcome<Operation> {
        let (batch, settings) = (self.batch()?, options::publish_options(options)?);
        let message = Outgoing::new(subject, data, None, headers)?;
        queue.start(token, async move {
            batch.add(&message.publish(), &settings).await.map(|()| Value::Nothing)
        })
    }

    /// Adds the last message; yields a [`crate::jetstream::PubAck`].
    #[pyo3(signature = (queue, token, subject, data, headers, options, /))]
    #[allow(clippy::too_many_arguments)]
    fn commit(
        &self,
        queue: &Queue,
        token: u64,
        subject: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        headers: Option<&Bound<'_, PyAny>>,
        options: &str,
    ) -> Outcome<Operation> {
        let (batch, settings) = (self.batch()?, options::publish_options(options)?);
        let message = Outgoing::new(subject, data, None, headers)?;
        queue.start(token, async move {
            batch.commit(Some((&message.publish(), &settings))).await.map(Value::Ack)
        })
    }

    /// Ends with what was added; yields a [`crate::jetstream::PubAck`].
    #[pyo3(signature = (queue, token, /))]
    fn close(&self, queue: &Queue, token: u64) -> Outcome<Operation> {
        let batch = self.batch()?;
        queue.start(token, async move { batch.commit(None).await.map(Value::Ack) })
    }

    /// How far it is; yields a document.
    #[pyo3(signature = (queue, token, /))]
    fn state(&self, queue: &Queue, token: u64) -> Outcome<Operation> {
        let batch = self.batch()?;
        queue.start(token, async move { Ok(Value::Document(batch.state().await)) })
    }
}
