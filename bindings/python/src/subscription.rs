//! Subscriptions: batches are taken, readiness marks tell when.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use nats_bridge::fork::Held;
use nats_bridge::sync::lock;
use nats_core::kv::KeyValue;
use nats_core::object::ObjectStore;
use nats_core::{Code, Message};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::batch::Batch;
use crate::callback;
use crate::error::{Outcome, exception};
use crate::kv::Entry;
use crate::message::{self, Flavour};
use crate::object;
use crate::queue::{Operation, Queue, Value};

/// The most messages that are taken at once.
const BATCH: usize = 256;
/// How many batches fit into the pending limit at least, so that a batch hardly adds to it.
const SHARE: usize = 64;
/// The same of messages that are asked for as they are taken: larger, since the batch is what keeps
/// the event loop from turning for each.
const CONSUMED: usize = 4;
/// How many messages are moved before their size is looked at.
const STEP: usize = 16;
/// A batch ends when it is larger than this, in bytes, so that it does not outgrow the limits.
const LARGE: usize = 64 << 10;

/// A subscription. Dropping it unsubscribes.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Subscription {
    held: Held<Both>,
    flavour: Flavour,
    size: usize,
}

struct Both {
    core: nats_bridge::subscription::Subscription,
    /// What its messages tell.
    watched: Watched,
    /// Locked for moments only, and never while Python runs.
    batch: Mutex<Batch>,
}

/// What the messages of a subscription are.
enum Watched {
    Messages,
    /// Entries of a bucket of keys.
    Keys(KeyValue),
    /// What is known of the objects of a bucket.
    Objects(ObjectStore),
}

impl Subscription {
    /// Holds the core's subscription, in which at most `limit` messages wait; 0 for no limit.
    pub(crate) fn new(
        core: nats_core::Subscription,
        flavour: Flavour,
        limit: usize,
    ) -> Subscription {
        let size = if limit == 0 { BATCH } else { limit / SHARE };
        Subscription::sized(core, flavour, size)
    }

    /// Holds messages of a consumer, of which at most `limit` are asked for in advance.
    pub(crate) fn consuming(
        core: nats_core::Subscription,
        flavour: Flavour,
        limit: usize,
    ) -> Subscription {
        Subscription::sized(core, flavour, limit / CONSUMED)
    }

    /// Holds a watch of a bucket, whose messages are entries.
    pub(crate) fn watching(
        core: nats_core::Subscription,
        flavour: Flavour,
        kv: KeyValue,
    ) -> Subscription {
        Subscription::made(core, flavour, BATCH, Watched::Keys(kv))
    }

    /// Holds a watch of a bucket of objects, whose messages are JSON.
    pub(crate) fn watching_objects(
        core: nats_core::Subscription,
        flavour: Flavour,
        store: ObjectStore,
    ) -> Subscription {
        Subscription::made(core, flavour, BATCH, Watched::Objects(store))
    }

    fn sized(core: nats_core::Subscription, flavour: Flavour, size: usize) -> Subscription {
        Subscription::made(core, flavour, size, Watched::Messages)
    }

    fn made(
        core: nats_core::Subscription,
        flavour: Flavour,
        size: usize,
        watched: Watched,
    ) -> Subscription {
        let core = nats_bridge::subscription::Subscription::polled(core);
        let held = Held::new(Both { core, watched, batch: Mutex::new(Batch::new()) });
        Subscription { held, flavour, size: size.clamp(1, BATCH) }
    }

    fn core(&self) -> Outcome<&nats_core::Subscription> {
        Ok(self.held.get()?.core.core())
    }

    fn batch(&self) -> Outcome<MutexGuard<'_, Batch>> {
        Ok(lock(&self.held.get()?.batch))
    }

    fn next(&self) -> Outcome<Option<Message>> {
        Ok(self.batch()?.pop())
    }

    /// Whether messages are there, after a look for more when there were none.
    fn refill(&self) -> Outcome<bool> {
        let held = self.held.get()?;
        let mut batch = lock(&held.batch);
        if batch.messages().is_empty() {
            let room = usize::try_from(batch.room()).unwrap_or(usize::MAX);
            let mut messages = Vec::new();
            if room == 0 || !held.take(&mut messages, self.size.min(room)) {
                batch.end();
            }
            batch.refill(messages);
        }
        Ok(!batch.messages().is_empty())
    }

    fn object(&self, message: Message, client: &Bound<'_, PyAny>) -> Outcome<Py<PyAny>> {
        let py = client.py();
        match &self.held.get()?.watched {
            Watched::Keys(kv) => Ok(Py::new(py, Entry::read(kv, &message)?)?.into_any()),
            Watched::Objects(store) => Ok(object::told(store, &message)?.into_py_any(py)?),
            Watched::Messages => Ok(message::object(py, message, self.flavour, Some(client))?),
        }
    }
}

impl Both {
    /// Moves up to `max` messages to `out`; false at the end. When there are fewer, there will be a
    /// mark for more.
    fn take(&self, out: &mut Vec<Message>, max: usize) -> bool {
        let (mut size, mut step) = (0, STEP);
        while out.len() < max && size < LARGE {
            let (from, most) = (out.len(), step.min(max - out.len()));
            match self.core.take(out, most, Duration::ZERO) {
                Ok(()) => size += out[from..].iter().map(Message::size).sum::<usize>(),
                Err(error) => return error.code() == Code::Timeout || !out.is_empty(),
            }
            if out.len() - from < most {
                break;
            }
            step *= 2;
        }
        true
    }
}

#[pymethods]
impl Subscription {
    /// Puts marks with `token` into `queue` from now on.
    #[pyo3(signature = (queue, token, /))]
    fn watch(&self, queue: &Queue, token: u64) -> Outcome<()> {
        Ok(self.held.get()?.core.watch(queue.events()?, token)?)
    }

    /// The next message of those that have been taken; `None` when none is left.
    #[pyo3(signature = (client, /))]
    fn pop(&self, client: &Bound<'_, PyAny>) -> Outcome<Option<Py<PyAny>>> {
        self.next()?.map(|message| self.object(message, client)).transpose()
    }

    /// Whether messages are there; takes what has come when none is left. When it says no, there
    /// will be a mark for more, unless it has ended.
    fn fill(&self) -> Outcome<bool> {
        self.refill()
    }

    /// Up to `max` messages that are there now.
    #[pyo3(signature = (client, max, /))]
    fn gather<'py>(&self, client: &Bound<'py, PyAny>, max: usize) -> Outcome<Bound<'py, PyList>> {
        let list = PyList::empty(client.py());
        while list.len() < max && self.refill()? {
            while list.len() < max
                && let Some(message) = self.next()?
            {
                list.append(self.object(message, client)?)?;
            }
        }
        Ok(list)
    }

    /// Hands messages to `callback`, a batch at most. Returns `None` when none is left; `True` when
    /// there are more; otherwise what one call has left to do, as [`callback::call`] says. Not for
    /// daemon threads: the interpreter may end them in the callback, and no native frame that it is
    /// called from survives that.
    #[pyo3(signature = (client, callback, /))]
    fn deliver(
        &self,
        client: &Bound<'_, PyAny>,
        callback: &Bound<'_, PyAny>,
    ) -> Outcome<Option<Py<PyAny>>> {
        let py = client.py();
        if !self.refill()? {
            return Ok(None);
        }
        while let Some(message) = self.next()? {
            let message = self.object(message, client)?;
            let rest = callback::call(callback, message.bind(py))?;
            if rest.is_some() {
                return Ok(rest);
            }
        }
        let more = self.refill()?;
        Ok(more.then(|| true.into_py_any(py)).transpose()?)
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
        self.held.get()?.core.unsubscribe()?;
        let dropped = self.batch()?.limit(0);
        drop(dropped);
        Ok(())
    }

    /// Ends it after `max` messages, counted from the beginning.
    #[pyo3(signature = (max, /))]
    fn unsubscribe_after(&self, max: u64) -> Outcome<()> {
        self.held.get()?.core.unsubscribe_after(max)?;
        let dropped = self.batch()?.limit(max);
        drop(dropped);
        Ok(())
    }

    /// Ends it gently; completes once everything that was under way has been taken.
    #[pyo3(signature = (queue, token, /))]
    fn drain(&self, queue: &Queue, token: u64) -> Outcome<Operation> {
        let core = self.core()?.clone();
        queue.start(token, async move { core.drain().await.map(|()| Value::Nothing) })
    }

    /// Messages and bytes that wait for the program, messages that have arrived, dropped messages.
    fn stats(&self) -> Outcome<(u64, u64, u64, u64)> {
        let (stats, batch) = (self.held.get()?.core.stats(), self.batch()?);
        let bytes: usize = batch.messages().iter().map(Message::size).sum();
        Ok((
            stats.pending_messages + batch.messages().len() as u64,
            stats.pending_bytes + bytes as u64,
            stats.pending_messages + stats.delivered,
            stats.dropped,
        ))
    }

    /// Whether some have been taken and not been handed over.
    #[getter]
    fn holds(&self) -> Outcome<bool> {
        Ok(!self.batch()?.messages().is_empty())
    }

    /// Whether all have been handed over, and no more will come.
    #[getter]
    fn ended(&self) -> Outcome<bool> {
        Ok(self.batch()?.has_ended())
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
