//! Groups: endpoints whose subjects begin alike.

use std::fmt;
use std::sync::Arc;

use super::config::{EndpointConfig, Queue};
use super::endpoint::{Endpoint, joined};
use super::handle::{Keeper, Service};
use super::name::check_prefix;
use crate::error::Result;

/// Endpoints whose subjects begin alike, and which share a policy for queue groups. Cheap to clone.
#[derive(Clone)]
pub struct Group {
    keeper: Arc<Keeper>,
    prefix: Arc<str>,
    queue: Queue,
}

impl Group {
    /// A group within one of this prefix and policy.
    pub(super) fn within(
        keeper: &Arc<Keeper>,
        outer: &str,
        prefix: &str,
        queue: Queue,
    ) -> Result<Group> {
        check_prefix(prefix)?;
        queue.check()?;
        Ok(Group { keeper: Arc::clone(keeper), prefix: joined(outer, prefix).into(), queue })
    }

    /// What the subjects of its endpoints begin with, those of the groups around it included.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The service that it belongs to.
    pub fn service(&self) -> Service {
        Service::of(&self.keeper)
    }

    /// A group within it. A prefix that is empty adds nothing; a policy that is inherited is that
    /// of this group.
    ///
    /// # Errors
    /// As [`Service::group`].
    pub fn group(&self, prefix: &str, queue_group: Queue) -> Result<Group> {
        Group::within(&self.keeper, &self.prefix, prefix, queue_group.within(&self.queue))
    }

    /// Adds an endpoint whose subject is `prefix.subject`.
    ///
    /// # Errors
    /// As [`Service::endpoint`].
    pub fn endpoint(&self, name: &str, config: &EndpointConfig) -> Result<Endpoint> {
        Endpoint::add(&self.keeper, &self.prefix, &self.queue, name, config)
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
