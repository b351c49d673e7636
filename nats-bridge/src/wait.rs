//! Blocking waits for threads that do not belong to the runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use nats_core::{Client, Code, Error, Result};
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
    run(future, None, None)?.ok_or_else(|| Code::Internal.into())
}

/// Like [`block_on`], for something that comes over the connection of `client`: the thread reads its
/// socket while it waits.
///
/// # Errors
/// Those of [`block_on`].
pub fn read_for<F: Future>(client: &Client, future: F) -> Result<F::Output> {
    run(future, None, Some(client))?.ok_or_else(|| Code::Internal.into())
}

/// Like [`read_for`], but gives up after `timeout`.
///
/// # Errors
/// [`Code::Timeout`] when `future` was not ready in time, and the errors of [`block_on`].
pub fn read_until<F: Future>(client: &Client, future: F, timeout: Duration) -> Result<F::Output> {
    let deadline = Instant::now() + timeout.min(MAX_WAIT);
    run(future, Some(deadline), Some(client))?.ok_or_else(|| Code::Timeout.into())
}

/// Like [`block_on`], but gives up after `timeout`.
///
/// # Errors
/// [`Code::Timeout`] when `future` was not ready in time, and the errors of [`block_on`].
pub fn block_on_for<F: Future>(future: F, timeout: Duration) -> Result<F::Output> {
    let deadline = Instant::now() + timeout.min(MAX_WAIT);
    run(future, Some(deadline), None)?.ok_or_else(|| Code::Timeout.into())
}

thread_local! {
    static THREAD: Waker = Waker::from(Arc::new(Unpark(std::thread::current())));
}

/// Wakes a thread that waits in [`run`].
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls `future` on the calling thread until it is ready, or `deadline` has come. The thread
/// itself watches the clock: a timer of the runtime would wake an I/O thread for every wait.
fn run<F: Future>(
    future: F,
    deadline: Option<Instant>,
    client: Option<&Client>,
) -> Result<Option<F::Output>> {
    refuse_inside_runtime()?;
    let runtime = runtime::handle()?;
    let _context = runtime.enter();
    let mut future = pin!(future);
    if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return Ok(Some(value));
    }
    let mut lead = client.and_then(|client| client.downgrade().lead());
    let waker = match &lead {
        Some(lead) => Waker::from(Arc::clone(lead.bell())),
        // A thread that is ending has no waker of its own any more.
        None => THREAD
            .try_with(Waker::clone)
            .unwrap_or_else(|_| Waker::from(Arc::new(Unpark(std::thread::current())))),
    };
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Ok(Some(value));
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match (&mut lead, left) {
            (_, Some(Duration::ZERO)) => return Ok(None),
            (Some(lead), left) => lead.wait(left.unwrap_or(MAX_WAIT)),
            (None, Some(left)) => std::thread::park_timeout(left),
            (None, None) => std::thread::park(),
        }
    }
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
