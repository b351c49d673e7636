//! Operations that are under way.

use std::fmt;
use std::sync::Arc;

use tokio::task::AbortHandle;

/// An operation that is under way, to be given up.
pub struct Running(Carrier);

enum Carrier {
    Task(AbortHandle),
    Driven(Arc<dyn Abort>),
}

/// An operation that whoever wakes it carries on.
pub(crate) trait Abort: Send + Sync {
    fn abort(&self);
    fn has_ended(&self) -> bool;
}

impl Running {
    pub(crate) fn driven(operation: Arc<dyn Abort>) -> Running {
        Running(Carrier::Driven(operation))
    }

    /// Completes the operation with CANCELLED, unless it has ended.
    pub fn abort(&self) {
        match &self.0 {
            Carrier::Task(task) => task.abort(),
            Carrier::Driven(operation) => operation.abort(),
        }
    }

    /// Whether the operation has ended.
    pub fn has_ended(&self) -> bool {
        match &self.0 {
            Carrier::Task(task) => task.is_finished(),
            Carrier::Driven(operation) => operation.has_ended(),
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("has_ended", &self.has_ended()).finish()
    }
}

impl From<AbortHandle> for Running {
    fn from(task: AbortHandle) -> Running {
        Running(Carrier::Task(task))
    }
}
