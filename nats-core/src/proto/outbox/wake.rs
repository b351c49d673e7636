//! Who wakes the driver, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

/// The driver, if it sleeps: to be woken once the lock is released.
#[must_use = "the driver would sleep on"]
#[derive(Debug)]
pub struct Wake(pub(super) Option<Bell>);

/// What an operation asks for while the lock is still held.
#[must_use = "the driver would sleep on"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing: the driver is awake, or may rest.
    Nothing,
    /// The driver must be woken, unless [`Outbox::send`](super::Outbox::send) comes soon.
    Soon,
    /// The driver must be woken.
    Bell,
    /// The driver rests and a block is full: the publisher may write it itself, or wake the driver.
    Block,
}

/// How the driver is woken: it is told that there is something to look at here, since it may be
/// awake for another reason at any time.
#[derive(Clone, Debug)]
pub(super) struct Bell {
    pub(super) waker: Waker,
    pub(super) rung: Arc<AtomicBool>,
}

impl Wake {
    pub(super) const NOBODY: Wake = Wake(None);

    /// Wakes the driver, if it sleeps.
    #[inline]
    pub fn wake(self) {
        if let Some(Bell { waker, rung }) = self.0 {
            rung.store(true, Ordering::Release);
            waker.wake();
        }
    }

    /// The one of the two that has somebody to wake.
    pub fn or(self, other: Wake) -> Wake {
        Wake(self.0.or(other.0))
    }
}

/// What the driver does, as far as others have to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    /// It will look here before it sleeps.
    Awake,
    /// It found nothing to write: the next operation must wake it.
    Idle,
    /// It sleeps for a moment in which publishes gather; a full block, or any other operation, must
    /// wake it.
    Resting,
}
