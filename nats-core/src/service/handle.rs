//! The service handle.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::config::{EndpointConfig, Queue, ServiceConfig};
use super::document::{ServiceInfo, ServiceStats};
use super::endpoint::Endpoint;
use super::group::Group;
use super::instance::{Instance, Order, Over};
use super::monitor::Monitor;
use crate::client::handle::Client;
use crate::client::subscription::Subscription;
use crate::conn::shared::State;
use crate::error::{Code, Error, Result};

/// An instance of a service. Cheap to clone. It keeps its connection open, and ends when the last
/// service, group and endpoint of it is dropped, or by [`Service::stop`].
#[derive(Clone)]
#[must_use = "a service that is dropped ends"]
pub struct Service {
    keeper: Arc<Keeper>,
}

/// Ends the service when nobody holds it any more. Its task holds the [`Instance`] only.
pub(super) struct Keeper {
    instance: Arc<Instance>,
}

impl Keeper {
    pub(super) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.instance.order(Order { within: Duration::ZERO, reason: None });
    }
}

impl Client {
    /// Adds a service: an instance with an id of its own, which a task of this runtime makes answer
    /// to those who look for services, across reconnects. It has no endpoints yet. Servers know of
    /// it and of its endpoints once they were flushed ([`Client::flush`]).
    ///
    /// # Errors
    /// [`Code::InvalidName`], [`Code::InvalidArgument`] (version), [`Code::InvalidQueueGroup`] for
    /// the configuration; [`Code::InvalidArgument`] outside of a runtime;
    /// [`Code::ConnectionDraining`], [`Code::ConnectionClosed`]; [`Code::Io`] when the system has
    /// no randomness. A refusal by the server comes later: it ends the service, see
    /// [`Service::stopped`].
    pub fn add_service(&self, config: &ServiceConfig) -> Result<Service> {
        config.check()?;
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| Error::new(Code::InvalidArgument, "add_service needs a tokio runtime"))?;
        if matches!(self.state(), State::DrainingSubs | State::DrainingPubs) {
            return Err(Code::ConnectionDraining.into());
        }
        let instance = Arc::new(Instance::new(self, config)?);
        runtime.spawn(Monitor::new(&instance)?.run());
        Ok(Service { keeper: Arc::new(Keeper { instance }) })
    }
}

impl Service {
    pub(super) fn of(keeper: &Arc<Keeper>) -> Service {
        Service { keeper: Arc::clone(keeper) }
    }

    /// Its name, which instances share.
    pub fn name(&self) -> &str {
        &self.instance().config.name
    }

    /// The id of this instance.
    pub fn id(&self) -> &str {
        &self.instance().id
    }

    /// The connection that it belongs to.
    pub fn client(&self) -> &Client {
        &self.instance().client
    }

    /// What it is, as INFO tells it.
    pub fn info(&self) -> ServiceInfo {
        self.instance().info()
    }

    /// What it has done, as STATS tells it.
    pub fn stats(&self) -> ServiceStats {
        self.instance().stats()
    }

    /// Counts from zero, as of now.
    pub fn reset(&self) {
        self.instance().reset();
    }

    /// Adds an endpoint. Several may have the same name, and the same subject.
    ///
    /// # Errors
    /// [`Code::InvalidName`], [`Code::InvalidSubject`], [`Code::InvalidQueueGroup`];
    /// [`Code::SubscriptionClosed`] when the service has stopped; [`Code::ConnectionDraining`],
    /// [`Code::ConnectionClosed`]. A refusal by the server comes later: it ends the service.
    pub fn endpoint(&self, name: &str, config: &EndpointConfig) -> Result<Endpoint> {
        Endpoint::add(&self.keeper, "", &self.instance().config.queue_group, name, config)
    }

    /// A group: endpoints whose subjects begin with `prefix` and a dot, and whose policy for queue
    /// groups is `queue_group` unless they say something else. A prefix that is empty adds nothing.
    ///
    /// # Errors
    /// [`Code::InvalidSubject`] (also for a `>`), [`Code::InvalidQueueGroup`].
    pub fn group(&self, prefix: &str, queue_group: Queue) -> Result<Group> {
        let queue = queue_group.within(&self.instance().config.queue_group);
        Group::within(&self.keeper, "", prefix, queue)
    }

    /// Where those ask for statistics whom the program answers, with the JSON of
    /// [`Service::stats`] in which it has put the `data` of its endpoints. None: the service
    /// answers them ([`ServiceConfig::own_stats`] is false).
    pub fn stats_requests(&self) -> Option<&Subscription> {
        self.instance().stats_requests.as_ref()
    }

    /// [`Service::stop_with`] the connection's `drain_timeout`, and without a reason.
    ///
    /// # Errors
    /// As [`Service::stop_with`].
    pub async fn stop(&self) -> Result<()> {
        self.stop_with(self.client().options().drain_timeout, None).await
    }

    /// Stops: no more requests come, those that have come can still be taken, and once all are
    /// handled the service has ended, which [`Service::stopped`] tells with this reason. It goes on
    /// when the future is dropped. Of several stops the first one decides, and all wait for its
    /// end.
    ///
    /// # Errors
    /// [`Code::Timeout`] when requests were not handled within `timeout`,
    /// [`Code::ConnectionClosed`] when the connection was closed meanwhile: the service has ended
    /// all the same.
    pub fn stop_with(
        &self,
        timeout: Duration,
        reason: Option<Error>,
    ) -> impl Future<Output = Result<()>> + use<> {
        self.instance().order(Order { within: timeout, reason });
        let over = self.instance().over();
        async move { over.await.late.map_or(Ok(()), Err) }
    }

    /// Waits until the service has ended: because it was asked to (with its reason, if there was
    /// one), because the connection was closed ([`Code::ConnectionClosed`]), or because the server
    /// refused a subject or an endpoint failed ([`Code::Permission`], [`Code::SlowConsumer`] with
    /// [`Overflow::Error`](crate::Overflow::Error)). The future does not keep the service.
    ///
    /// # Errors
    /// The reason.
    pub fn stopped(&self) -> impl Future<Output = Result<()>> + use<> {
        let over = self.instance().over();
        async move { over.await.reason.map_or(Ok(()), Err) }
    }

    /// Whether it has ended.
    pub fn is_stopped(&self) -> bool {
        self.instance().is_over()
    }

    fn instance(&self) -> &Instance {
        &self.keeper.instance
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name())
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl Over {
    /// How it ends when its task is gone.
    pub(super) fn closed() -> Over {
        Over { reason: Some(Code::ConnectionClosed.into()), late: None }
    }
}
