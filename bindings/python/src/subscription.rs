//! Subscriptions: batches are taken, readiness marks tell when.

use std::time::Duration;

use nats_bridge::fork::Held;
use nats_core::{Code, Message};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::error::{Outcome, exception};
use crate::message::{self, Flavour};
use crate::queue::{Operation, Queue, Value};

/// The most messages that are taken at once.
const BATCH: usize = 128;
/// How many batches fit into the pending limit at least, so that a batch hardly adds to it.
const SHARE: usize = 64;
/// How many messages are moved before their size is looked at.
const STEP: usize = 16;
/// A batch ends when it is larger than this, in bytes, so that it does not outgrow the limits.
const LARGE: usize = 64 << 10;

/// A subscription. Dropping it unsubscribes.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Subscription {
    held: Held<nats_bridge::subscription::Subscription>,
    flavour: Flavour,
    batch: usize,
}

impl Subscription {
    /// Holds the core's subscription, in which at most `limit` messages wait; 0 for no limit.
    pub(crate) fn new(
        core: nats_core::Subscription,
        flavour: Flavour,
        limit: usize,
    ) -> Subscription {
        let polled = nats_bridge::subscription::Subscription::polled(core);
        let batch = if limit == 0 { BATCH } else { (limit / SHARE).clamp(1, BATCH) };
        Subscription { held: Held::new(polled), flavour, batch }
    }

    fn core(&self) -> Outcome<&nats_core::Subscription> {
        Ok(self.held.get()?.core())
    }

    /// Moves up to `max` messages to `out`; false at the end.
    fn take_batch(&self, out: &mut Vec<Message>, max: usize) -> Outcome<bool> {
        let held = self.held.get()?;
        let mut size = 0;
        while out.len() < max && size < LARGE {
            let (from, step) = (out.len(), STEP.min(max - out.len()));
            match held.take(out, step, Duration::ZERO) {
                Ok(()) => size += out[from..].iter().map(Message::size).sum::<usize>(),
                Err(error) if error.code() == Code::Timeout => return Ok(true),
                Err(_) => return Ok(!out.is_empty()),
            }
            if out.len() - from < step {
                break;
            }
        }
        Ok(true)
    }
}

#[pymethods]
impl Subscription {
    /// Puts marks with `token` into `queue` from now on.
    #[pyo3(signature = (queue, token, /))]
    fn watch(&self, queue: &Queue, token: u64) -> Outcome<()> {
        Ok(self.held.get()?.watch(queue.events()?, token)?)
    }

    /// A batch of at most `max` messages that are there now; `None` when no more will come. When
    /// it is empty, there will be a mark for more.
    #[pyo3(signature = (client, max, /))]
    fn take<'py>(
        &self,
        client: &Bound<'py, PyAny>,
        max: usize,
    ) -> Outcome<Option<Bound<'py, PyList>>> {
        let py = client.py();
        let max = max.min(self.batch);
        let mut messages = Vec::with_capacity(max.min(STEP));
        if !self.take_batch(&mut messages, max)? {
            return Ok(None);
        }
        let list = PyList::empty(py);
        for message in messages {
            list.append(message::object(py, message, self.flavour, Some(client))?)?;
        }
        Ok(Some(list))
    }

    /// Completes when messages are there, or the end has come.
    #[pyo3(signature = (queue, token, /))]
    fn ready(&self, queue: &Queue, token: u64) -> Outcome<Operation> {
        let core = self.core()?.clone();
        queue.start(token, async move {
            core.ready().await;
            Ok(Value::Nothing)
        })
    }

    /// Ends it now; what is pending is dropped.
    fn unsubscribe(&self) -> Outcome<()> {
        Ok(self.held.get()?.unsubscribe()?)
    }

    /// Ends it after `max` messages, counted from the beginning.
    #[pyo3(signature = (max, /))]
    fn unsubscribe_after(&self, max: u64) -> Outcome<()> {
        Ok(self.held.get()?.unsubscribe_after(max)?)
    }

    /// Ends it gently; completes once everything that was under way has been taken.
    #[pyo3(signature = (queue, token, /))]
    fn drain(&self, queue: &Queue, token: u64) -> Outcome<Operation> {
        let core = self.core()?.clone();
        queue.start(token, async move { core.drain().await.map(|()| Value::Nothing) })
    }

    /// Pending messages, pending bytes, delivered and dropped messages.
    fn stats(&self) -> Outcome<(u64, u64, u64, u64)> {
        let stats = self.held.get()?.stats();
        Ok((stats.pending_messages, stats.pending_bytes, stats.delivered, stats.dropped))
    }

    /// Why no more messages will come, once that is so.
    #[getter]
    fn end_reason<'py>(&self, py: Python<'py>) -> Outcome<Option<Bound<'py, PyAny>>> {
        let reason = self.core()?.end_reason();
        Ok(reason.map(|reason| exception(py, &reason)).transpose()?)
    }

    #[getter]
    fn sid(&self) -> Outcome<u64> {
        Ok(self.core()?.sid())
    }

    #[getter]
    fn subject(&self) -> Outcome<&str> {
        Ok(self.core()?.subject())
    }

    #[getter]
    fn queue(&self) -> Outcome<&str> {
        Ok(self.core()?.queue().unwrap_or_default())
    }
}
