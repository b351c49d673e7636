//! Services as the scripts hold them, and questions to services.

use std::time::Duration;

use napi_derive::napi;
use nats_bridge::discover;
use nats_bridge::queue::Queue;
use nats_bridge::service::Service as Core;
use nats_core::service::Endpoint as CoreEndpoint;

use crate::argument::duration;
use crate::connection::Connection;
use crate::error::{Result, raise};
use crate::queue::{Operation, Value, start};
use crate::subscription::Subscription;

/// A service. Its end stops it.
#[napi]
pub struct Service {
    core: Core,
    queue: Queue<Value>,
}

/// An endpoint of a service. It is one as long as this, or its subscription, is there.
#[napi]
pub struct Endpoint {
    core: CoreEndpoint,
    queue: Queue<Value>,
}

#[napi]
impl Connection {
    /// Adds a service that is like a JSON object says.
    ///
    /// # Errors
    /// INVALID_OPTION and those of `Client::add_service`.
    #[napi(catch_unwind)]
    pub fn service(&self, options: String) -> Result<Service> {
        self.cross();
        let core = Core::add(&self.link, &options).map_err(raise)?;
        Ok(Service { core, queue: self.queue.clone() })
    }

    /// Asks services; completes with a [`Subscription`] of their answers, documents as payloads.
    ///
    /// # Errors
    /// All come with the completion.
    #[napi(catch_unwind)]
    pub fn ask_services(&self, token: f64, what: String, options: String) -> Result<Operation> {
        self.cross();
        let client = self.link.client().clone();
        start(&self.queue, token, async move {
            discover::ask(&client, &what, &options).await.map(Value::Subscription)
        })
    }
}

#[napi]
impl Service {
    /// Adds an endpoint that is like a JSON object says.
    ///
    /// # Errors
    /// INVALID_OPTION and those of `Group::endpoint`.
    #[napi(catch_unwind)]
    pub fn endpoint(&self, options: String) -> Result<Endpoint> {
        let core = self.core.endpoint(&options).map_err(raise)?;
        Ok(Endpoint { core, queue: self.queue.clone() })
    }

    /// Where those ask for statistics whom the program answers; readiness is reported under `token`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the library answers.
    #[napi(catch_unwind)]
    pub fn stats_requests(&self, token: f64) -> Result<Subscription> {
        let core = self.core.stats_requests().map_err(raise)?;
        watched(core, &self.queue, token)
    }

    /// What it is, as JSON.
    ///
    /// # Errors
    /// INTERNAL.
    #[napi(catch_unwind)]
    pub fn info(&self) -> Result<String> {
        Ok(self.core.info().map_err(raise)?.to_json())
    }

    /// What it has done, as JSON.
    ///
    /// # Errors
    /// INTERNAL.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> Result<String> {
        Ok(self.core.stats().map_err(raise)?.to_json())
    }

    /// Its statistics begin anew.
    #[napi(catch_unwind)]
    pub fn reset(&self) {
        self.core.core().reset();
    }

    /// Stops; completes when it has. Without a time the connection's `drain_timeout` applies.
    ///
    /// # Errors
    /// Those of the runtime; all others come with the completion.
    #[napi(catch_unwind)]
    pub fn stop(&self, token: f64, timeout: Option<f64>) -> Result<Operation> {
        let stop = self.core.stop(timeout.map(duration));
        start(&self.queue, token, async move { stop.await.map(|()| Value::Nothing) })
    }

    /// Completes when it has stopped, or fails with why it has ended.
    ///
    /// # Errors
    /// Those of the runtime.
    #[napi(catch_unwind)]
    pub fn stopped(&self, token: f64) -> Result<Operation> {
        let stopped = self.core.core().stopped();
        start(&self.queue, token, async move { stopped.await.map(|()| Value::Nothing) })
    }

    /// Whether it has stopped.
    #[napi(getter, catch_unwind)]
    pub fn is_stopped(&self) -> bool {
        self.core.core().is_stopped()
    }
}

#[napi]
impl Endpoint {
    /// Its requests; readiness is reported under `token`.
    ///
    /// # Errors
    /// None today.
    #[napi(catch_unwind)]
    pub fn requests(&self, token: f64) -> Result<Subscription> {
        watched(self.core.subscription().clone(), &self.queue, token)
    }

    /// Counts a request that was taken, once: how many nanoseconds it took, and what went wrong.
    #[napi(catch_unwind)]
    pub fn handled(&self, nanos: f64, error: Option<String>) {
        self.core.handled(Duration::from_nanos(nanos as u64), error.as_deref());
    }
}

fn watched(
    core: nats_core::Subscription,
    queue: &Queue<Value>,
    token: f64,
) -> Result<Subscription> {
    let subscription = Subscription::new(core, queue.clone());
    subscription.watch(token)?;
    Ok(subscription)
}
