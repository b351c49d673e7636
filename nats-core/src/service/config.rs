//! What services and endpoints are to be like.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::document::EndpointStats;
use super::name::{check_name, check_version};
use crate::conn::mailbox::Overflow;
use crate::error::Result;
use crate::proto::subject::QueueGroup;

/// The queue group of services that say nothing else.
const DEFAULT: &str = "q";

/// What a program adds to the statistics of an endpoint. It is called on a task of the runtime: it
/// must return at once.
pub type StatsData = Arc<dyn Fn(&EndpointStats) -> Option<Value> + Send + Sync>;

/// Who gets a request among the instances of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Queue {
    /// As the group says that it is in, or the service; for a service, one of the queue group `q`.
    #[default]
    Inherit,
    /// One of the queue group of this name.
    Named(String),
    /// All.
    Disabled,
}

impl Queue {
    /// The queue group of this name.
    pub fn named(name: impl Into<String>) -> Queue {
        Queue::Named(name.into())
    }

    /// The policy within one that says `outer`.
    pub(super) fn within(&self, outer: &Queue) -> Queue {
        if *self == Queue::Inherit { outer.clone() } else { self.clone() }
    }

    /// The queue group.
    pub(super) fn group(&self) -> Option<&str> {
        match self {
            Queue::Inherit => Some(DEFAULT),
            Queue::Named(name) => Some(name),
            Queue::Disabled => None,
        }
    }

    /// # Errors
    /// [`Code::InvalidQueueGroup`](crate::Code::InvalidQueueGroup).
    pub(super) fn check(&self) -> Result<()> {
        let checked = self.group().map(QueueGroup::new).transpose();
        checked.map(|_| ()).map_err(|error| error.context("queue_group"))
    }
}

/// What a service is to be like.
#[derive(Clone, Default)]
pub struct ServiceConfig {
    /// What kind of service it is: 1 to 255 of `A-Z`, `a-z`, `0-9`, `_` and `-`. Instances have the
    /// same name.
    pub name: String,
    /// Its semantic version, as `1.0.0`.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// What the program wants to have noted. It does not change any more.
    pub metadata: BTreeMap<String, String>,
    /// Who gets a request among its instances.
    pub queue_group: Queue,
    /// What is added to the statistics of each endpoint.
    pub stats_data: Option<StatsData>,
    /// The program answers those who ask for statistics, see
    /// [`Service::stats_requests`](super::Service::stats_requests).
    pub own_stats: bool,
}

impl ServiceConfig {
    /// A service with default values for the rest.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> ServiceConfig {
        ServiceConfig { name: name.into(), version: version.into(), ..ServiceConfig::default() }
    }

    /// The same with what is added to the statistics of each endpoint.
    #[must_use]
    pub fn stats_data(
        self,
        data: impl Fn(&EndpointStats) -> Option<Value> + Send + Sync + 'static,
    ) -> ServiceConfig {
        ServiceConfig { stats_data: Some(Arc::new(data)), ..self }
    }

    pub(super) fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        check_version(&self.version)?;
        self.queue_group.check()
    }
}

impl fmt::Debug for ServiceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceConfig")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("description", &self.description)
            .field("metadata", &self.metadata)
            .field("queue_group", &self.queue_group)
            .field("own_stats", &self.own_stats)
            .finish_non_exhaustive()
    }
}

/// What an endpoint is to be like; limits that are None come from the connection's options.
#[derive(Clone, Debug, Default)]
pub struct EndpointConfig {
    /// Where it listens, behind the prefix of its group; wildcards are allowed. None: its name.
    pub subject: Option<String>,
    /// Who gets a request among the instances of the service.
    pub queue_group: Queue,
    /// What the program wants to have noted. It does not change any more.
    pub metadata: BTreeMap<String, String>,
    /// Requests that may wait; 0 is unbounded.
    pub pending_messages: Option<usize>,
    /// Bytes that may wait; 0 is unbounded.
    pub pending_bytes: Option<usize>,
    /// What happens beyond the limits. [`Overflow::Error`] ends the service.
    pub overflow: Option<Overflow>,
}
