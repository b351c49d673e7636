//! What the handles of a service and its task share.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::Context;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};

use super::config::ServiceConfig;
use super::document::{
    EndpointStats, INFO, PING, STATS, ServiceIdentity, ServiceInfo, ServicePing, ServiceStats,
};
use super::endpoint::Served;
use super::time::rfc3339;
use crate::client::handle::Client;
use crate::client::subscription::{SubscribeOptions, Subscription};
use crate::conn::mailbox::Overflow;
use crate::conn::nuid::nuid;
use crate::conn::shared::lock;
use crate::error::{Code, Error, Result};

/// An instance of a service.
pub(super) struct Instance {
    pub(super) client: Client,
    pub(super) config: ServiceConfig,
    pub(super) id: String,
    /// With `own_stats`: where STATS come.
    pub(super) stats_requests: Option<Subscription>,
    state: Mutex<State>,
    /// There is something for the task to look at.
    pub(super) changed: Notify,
    over: watch::Sender<Option<Over>>,
}

struct State {
    started: SystemTime,
    endpoints: Vec<Arc<Served>>,
    order: Option<Order>,
}

/// The service is to end.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// How long to wait for what is under way.
    pub(super) within: Duration,
    pub(super) reason: Option<Error>,
}

/// The service has ended.
#[derive(Clone, Debug)]
pub(super) struct Over {
    /// Why; None: it was asked to.
    pub(super) reason: Option<Error>,
    /// Why not everything was handled.
    pub(super) late: Option<Error>,
}

impl Instance {
    pub(super) fn new(client: &Client, config: &ServiceConfig) -> Result<Instance> {
        let state = State { started: SystemTime::now(), endpoints: Vec::new(), order: None };
        let stats_requests = config.own_stats.then(|| fed(client, "$SRV.STATS"));
        Ok(Instance {
            client: client.clone(),
            config: config.clone(),
            id: nuid()?,
            stats_requests,
            state: Mutex::new(state),
            changed: Notify::new(),
            over: watch::Sender::new(None),
        })
    }

    pub(super) fn ping(&self) -> ServicePing {
        let extra = Default::default();
        ServicePing { kind: PING.to_owned(), service: self.identity(), extra }
    }

    pub(super) fn info(&self) -> ServiceInfo {
        ServiceInfo {
            kind: INFO.to_owned(),
            service: self.identity(),
            description: self.config.description.clone(),
            endpoints: self.endpoints().iter().map(|served| served.info.clone()).collect(),
            extra: Default::default(),
        }
    }

    pub(super) fn stats(&self) -> ServiceStats {
        let started = lock(&self.state).started;
        let endpoints = self.endpoints();
        ServiceStats {
            kind: STATS.to_owned(),
            service: self.identity(),
            started: rfc3339(started),
            endpoints: endpoints.iter().map(|served| self.endpoint_stats(served)).collect(),
            extra: Default::default(),
        }
    }

    /// With what the program adds.
    pub(super) fn endpoint_stats(&self, served: &Served) -> EndpointStats {
        let mut stats = served.stats();
        if let Some(data) = &self.config.stats_data {
            let asked = catch_unwind(AssertUnwindSafe(|| data(&stats)));
            stats.data = asked.unwrap_or_else(|_| {
                tracing::error!(target: "nats", service = self.config.name, "stats_data panicked");
                None
            });
        }
        stats
    }

    pub(super) fn reset(&self) {
        let mut state = lock(&self.state);
        state.started = SystemTime::now();
        for served in &state.endpoints {
            served.counts.reset();
        }
    }

    /// Adds an endpoint.
    ///
    /// # Errors
    /// [`Code::SubscriptionClosed`].
    pub(super) fn serve(&self, served: &Arc<Served>) -> Result<()> {
        let mut state = lock(&self.state);
        if state.order.is_some() || self.is_over() {
            return Err(Error::new(Code::SubscriptionClosed, "the service has stopped"));
        }
        state.endpoints.push(Arc::clone(served));
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Orders the end. The first order stays.
    pub(super) fn order(&self, order: Order) {
        lock(&self.state).order.get_or_insert(order);
        self.changed.notify_one();
    }

    /// What was ordered.
    pub(super) fn ordered(&self) -> Option<Order> {
        lock(&self.state).order.clone()
    }

    /// All endpoints.
    pub(super) fn endpoints(&self) -> Vec<Arc<Served>> {
        lock(&self.state).endpoints.clone()
    }

    /// Whether an endpoint has ended and was not looked at; otherwise the end of each will wake.
    pub(super) fn poll_ends(&self, cx: &Context<'_>) -> bool {
        let is_new =
            |served: &Arc<Served>| !served.is_over() && served.mailbox.poll_ended(cx).is_ready();
        lock(&self.state).endpoints.iter().any(is_new)
    }

    /// Looks at endpoints that have ended. One that the program has ended is no more; why another
    /// one has is the answer.
    pub(super) fn look(&self) -> Option<Error> {
        let mut failure = None;
        lock(&self.state).endpoints.retain(|served| {
            if served.is_over() {
                return true;
            }
            let Some(reason) = served.mailbox.end_reason() else { return true };
            served.ended.store(true, Ordering::Relaxed);
            match reason.code() {
                Code::SubscriptionClosed | Code::SubscriptionEnded => return false,
                Code::ConnectionClosed => {}
                _ => {
                    let place = format!("endpoint {}", served.info.name);
                    failure.get_or_insert(reason.context(place));
                }
            }
            true
        });
        failure
    }

    /// The service has ended; what was said of it first stays.
    pub(super) fn finish(&self, end: Over) {
        self.over.send_if_modified(|over| {
            let first = over.is_none();
            over.get_or_insert(end);
            first
        });
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.borrow().is_some()
    }

    /// Waits for the end.
    pub(super) fn over(&self) -> impl Future<Output = Over> + use<> {
        let mut over = self.over.subscribe();
        async move {
            // Whoever has told nothing is gone with the runtime.
            let told = over.wait_for(Option::is_some).await;
            told.ok().and_then(|over| over.clone()).unwrap_or_else(Over::closed)
        }
    }

    fn identity(&self) -> ServiceIdentity {
        ServiceIdentity {
            name: self.config.name.clone(),
            id: self.id.clone(),
            version: self.config.version.clone(),
            metadata: self.config.metadata.clone(),
        }
    }
}

/// A subscription for what monitors ask, which does not end when they ask too much.
pub(super) fn fed(client: &Client, subject: &str) -> Subscription {
    let overflow = Some(Overflow::DropNewest);
    let mailbox = client.mailbox(&SubscribeOptions { overflow, ..SubscribeOptions::default() });
    Subscription::fed(client.clone(), mailbox, subject)
}
