//! Counts what has arrived.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::failure::{Failure, Result};

/// The longest wait for the last message.
const PATIENCE: Duration = Duration::from_secs(60);

/// No message has had a wrong size.
const NONE: usize = usize::MAX;

/// How many messages have arrived in all subscriptions together.
pub(crate) struct Arrivals {
    count: AtomicUsize,
    target: AtomicUsize,
    size: usize,
    wrong: AtomicUsize,
    reached: Notify,
}

impl Arrivals {
    /// Nothing has arrived; payloads are to have `size` bytes.
    pub(crate) fn new(size: usize) -> Arrivals {
        Arrivals {
            count: AtomicUsize::new(0),
            target: AtomicUsize::new(NONE),
            size,
            wrong: AtomicUsize::new(NONE),
            reached: Notify::new(),
        }
    }

    /// Awaits `more` messages beyond those that were expected so far. To be called before they can
    /// arrive.
    pub(crate) fn expect(&self, more: usize) {
        let before = self.count.load(Ordering::Relaxed);
        self.target.store(before + more, Ordering::Relaxed);
    }

    /// Checks the size of one payload.
    #[inline]
    pub(crate) fn check(&self, size: usize) {
        if size != self.size {
            self.wrong.store(size, Ordering::Relaxed);
            self.reached.notify_one();
        }
    }

    /// Counts `more` messages that have arrived.
    #[inline]
    pub(crate) fn add(&self, more: usize) {
        let before = self.count.fetch_add(more, Ordering::Relaxed);
        let target = self.target.load(Ordering::Relaxed);
        if before < target && before + more >= target {
            self.reached.notify_one();
        }
    }

    /// Waits until everything that is expected has arrived.
    pub(crate) async fn wait(&self) -> Result<()> {
        let in_time = tokio::time::timeout(PATIENCE, self.reached.notified()).await.is_ok();
        let wrong = self.wrong.load(Ordering::Relaxed);
        if wrong != NONE {
            let text = format!("a payload of {wrong} bytes arrived instead of {}", self.size);
            return Err(Failure::Failed(text));
        }
        if !in_time {
            let count = self.count.load(Ordering::Relaxed);
            let target = self.target.load(Ordering::Relaxed);
            let text = format!("{count} of {target} messages arrived in time, warm-up included");
            return Err(Failure::Failed(text));
        }
        Ok(())
    }
}
