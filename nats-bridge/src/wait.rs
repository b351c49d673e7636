//! Blocking waits for threads that do not belong to the runtime.

use std::future::Future;
use std::time::Duration;

use nats_core::{Code, Error, Result};
use tokio::runtime::Handle;

use crate::runtime;

/// The longest wait: larger timeouts count as this one, so that deadlines cannot overflow.
pub const MAX_WAIT: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Runs `future` to its end on the calling thread.
///
/// # Errors
/// [`Code::InvalidArgument`] on a thread of the runtime, where waiting would stop all I/O; the
/// errors of [`runtime::handle`].
pub fn block_on<F: Future>(future: F) -> Result<F::Output> {
    refuse_inside_runtime()?;
    Ok(runtime::handle()?.block_on(future))
}

/// Like [`block_on`], but gives up after `timeout`.
///
/// # Errors
/// [`Code::Timeout`] when `future` was not ready in time, and the errors of [`block_on`].
pub fn block_on_for<F: Future>(future: F, timeout: Duration) -> Result<F::Output> {
    let timeout = timeout.min(MAX_WAIT);
    block_on(async { tokio::time::timeout(timeout, future).await })?
        .map_err(|_| Error::from(Code::Timeout))
}

/// Fails on a thread that runs a tokio task.
pub(crate) fn refuse_inside_runtime() -> Result<()> {
    match Handle::try_current() {
        Ok(_) => Err(Error::new(
            Code::InvalidArgument,
            "a blocking call was made on an I/O thread, where it would stop all connections",
        )),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_and_gives_up() {
        assert_eq!(block_on(async { 7 }).unwrap(), 7);
        let error = block_on_for(std::future::pending::<()>(), Duration::from_millis(1));
        assert_eq!(error.unwrap_err().code(), Code::Timeout);
        assert_eq!(block_on_for(async { 8 }, Duration::MAX).unwrap(), 8);
    }

    #[test]
    fn a_runtime_thread_is_refused_not_blocked() {
        let inner = block_on(async { tokio::spawn(async { block_on(async {}) }).await.unwrap() });
        assert_eq!(inner.unwrap().unwrap_err().code(), Code::InvalidArgument);
    }
}
