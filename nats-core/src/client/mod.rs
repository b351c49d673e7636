//! What users hold: the client, its subscriptions and messages.

use std::time::{Duration, Instant};

pub(crate) mod connect;
pub(crate) mod drain;
pub(crate) mod handle;
pub(crate) mod inject;
pub(crate) mod inlet;
pub(crate) mod many;
pub(crate) mod message;
pub(crate) mod publish;
pub(crate) mod request;
pub(crate) mod subscription;

/// The moment `timeout` from now; one that no clock can express is far enough away.
pub(crate) fn after(timeout: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now + FAR)
}
