//! Services, and questions to them.

use std::time::Duration;

use nats_bridge::fork::Held;
use nats_bridge::service::Service as Core;
use nats_core::service::Endpoint as CoreEndpoint;
use pyo3::prelude::*;

use crate::arguments::duration;
use crate::error::Outcome;
use crate::message::Flavour;
use crate::queue::{Operation, Queue, Value};
use crate::subscription::Subscription;

/// A service of the program. It ends when this is dropped.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Service {
    held: Held<Core>,
    flavour: Flavour,
}

/// An endpoint of a service. It is one as long as this, or its subscription, is there.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Endpoint {
    held: Held<CoreEndpoint>,
    flavour: Flavour,
}

impl Service {
    pub(crate) fn new(service: Core, flavour: Flavour) -> Service {
        Service { held: Held::new(service), flavour }
    }
}

#[pymethods]
impl Service {
    /// Adds an endpoint; `config` is a JSON object.
    #[pyo3(signature = (config, /))]
    fn endpoint(&self, config: &str) -> Outcome<Endpoint> {
        let endpoint = self.held.get()?.endpoint(config)?;
        Ok(Endpoint { held: Held::new(endpoint), flavour: self.flavour })
    }

    /// Where those ask for statistics whom the program answers.
    fn stats_requests(&self) -> Outcome<Subscription> {
        let requests = self.held.get()?.stats_requests()?;
        Ok(Subscription::new(requests, self.flavour, 0))
    }

    /// What it is, as JSON.
    fn info(&self) -> Outcome<String> {
        Ok(self.held.get()?.info()?.to_json())
    }

    /// What it has done, as JSON.
    fn stats(&self) -> Outcome<String> {
        Ok(self.held.get()?.stats()?.to_json())
    }

    /// Its statistics begin anew.
    fn reset(&self) -> Outcome<()> {
        self.held.get()?.core().reset();
        Ok(())
    }

    /// Stops, within so many seconds; completes when it has.
    #[pyo3(signature = (queue, token, timeout=None, /))]
    fn stop(&self, queue: &Queue, token: u64, timeout: Option<f64>) -> Outcome<Operation> {
        let limit: Option<Duration> = timeout.map(duration).transpose()?;
        let stop = self.held.get()?.stop(limit);
        queue.start(token, async move { stop.await.map(|()| Value::Nothing) })
    }

    /// Completes when it has stopped, or fails with why it has ended.
    #[pyo3(signature = (queue, token, /))]
    fn stopped(&self, queue: &Queue, token: u64) -> Outcome<Operation> {
        let stopped = self.held.get()?.core().stopped();
        queue.start(token, async move { stopped.await.map(|()| Value::Nothing) })
    }

    #[getter]
    fn is_stopped(&self) -> Outcome<bool> {
        Ok(self.held.get()?.core().is_stopped())
    }

    #[getter]
    fn id(&self) -> Outcome<&str> {
        Ok(self.held.get()?.core().id())
    }
}

#[pymethods]
impl Endpoint {
    /// Its requests.
    fn subscription(&self) -> Outcome<Subscription> {
        let core = self.held.get()?.subscription().clone();
        let limit = core.client().options().pending_messages;
        Ok(Subscription::new(core, self.flavour, limit))
    }

    /// Counts a request that was taken, once: how many nanoseconds it took, and what went wrong.
    #[pyo3(signature = (nanos, error, /))]
    fn handled(&self, nanos: u64, error: Option<&str>) -> Outcome<()> {
        self.held.get()?.handled(Duration::from_nanos(nanos), error);
        Ok(())
    }
}
