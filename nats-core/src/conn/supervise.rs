//! Keeps the driver honest: however its task ends, the connection's state says so.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::driver::Driver;
use crate::error::{Code, Error};

/// A hook of the tests, see `ConnectOptions::fault`.
type Fault = Arc<dyn Fn(u64) + Send + Sync>;

/// Runs the driver until the connection is closed. A panic counts as a lost socket and is recovered
/// from; when the task is dropped with its runtime, dropping the driver closes the connection.
pub(crate) async fn supervise(mut driver: Driver, fault: Option<Fault>) {
    let mut polls = 0;
    loop {
        // A statement of its own: the future must be gone before the driver is used again.
        let ended =
            CatchUnwind { inner: pin!(driver.run()), fault: &fault, polls: &mut polls }.await;
        match ended {
            Ok(()) => return,
            Err(what) => {
                tracing::error!(target: "nats", panic = what, "the I/O task panicked");
                let reason = Error::new(Code::Panic, format!("the I/O task panicked: {what}"));
                if !driver.lost(reason) {
                    return;
                }
            }
        }
    }
}

/// Turns a panic of the inner future into an error.
struct CatchUnwind<'a, F> {
    inner: Pin<&'a mut F>,
    fault: &'a Option<Fault>,
    polls: &'a mut u64,
}

impl<F: Future> Future for CatchUnwind<'_, F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        *self.polls += 1;
        let polls = *self.polls;
        // The driver's state is whole between statements; `Driver::lost` puts the rest in order.
        let poll = AssertUnwindSafe(|| {
            if let Some(fault) = self.fault {
                fault(polls);
            }
            self.inner.as_mut().poll(cx)
        });
        match catch_unwind(poll) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                Poll::Ready(Err(text.unwrap_or_else(|| "no text".into())))
            }
        }
    }
}
