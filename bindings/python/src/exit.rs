//! Waiting without the interpreter, calling Python, and the end of the process.
//!
//! A thread that waits has released the interpreter and must take it back; one that runs Python
//! code may be asked for it at any moment. Once the interpreter shuts down, taking it back ends the
//! thread, which native frames below do not survive. So from then on threads stay where they are
//! before they do either, and the end waits for those that are at it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Condvar, Mutex, OnceLock};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use nats_bridge::fork::{self, PerEpoch};
use nats_bridge::sync::lock;
use nats_bridge::{connection, runtime};
use nats_core::{Error, Lead, Result};
use pyo3::prelude::*;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

/// The thread that shuts the interpreter down, once that has begun.
static ENDING: OnceLock<ThreadId> = OnceLock::new();
/// Native frames in which the interpreter may be given up and taken back.
static AWAY: PerEpoch<Away> = PerEpoch::new();
/// Readable once the interpreter shuts down.
static ALARM: PerEpoch<Result<OwnedFd>> = PerEpoch::new();

/// A number of them, and a way to wait until there are none.
#[derive(Default)]
struct Away {
    count: Mutex<usize>,
    none: Condvar,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// The descriptor is readable.
    Ready,
    /// The time is over.
    TimedOut,
    /// A signal came.
    Interrupted,
}

/// Waits, without the interpreter, until `fd` is readable or `timeout` is over; `None` waits on.
/// The socket of `lead` is read meanwhile.
pub(crate) fn wait(
    py: Python<'_>,
    fd: RawFd,
    lead: Option<Lead>,
    timeout: Option<Duration>,
) -> Result<Waited> {
    let alarm = alarm()?;
    let trip = Trip::begin()?;
    let (waited, _trip) = py.detach(|| {
        let waited = wait_detached(fd, alarm, lead, timeout);
        if is_lost() {
            trip.stay();
        }
        (waited, trip)
    });
    waited
}

/// Runs Python code below a native frame. Needed where a daemon thread may do so.
pub(crate) fn run<T>(py: Python<'_>, code: impl FnOnce() -> T) -> T {
    // Too many forks deep there is nothing to count with.
    let trip = Trip::begin().ok();
    let _trip = trip.map(|trip| if is_lost() { py.detach(|| trip.stay()) } else { trip });
    code()
}

/// One of those that the end waits for.
struct Trip(&'static Away);

impl Trip {
    fn begin() -> Result<Trip> {
        let away = AWAY.get(Away::default)?;
        *lock(&away.count) += 1;
        Ok(Trip(away))
    }

    /// Of a thread that must not ask for the interpreter any more.
    fn stay(self) -> ! {
        drop(self);
        loop {
            thread::park();
        }
    }
}

impl Drop for Trip {
    fn drop(&mut self) {
        self.0.back();
    }
}

impl Away {
    fn back(&self) {
        let mut count = lock(&self.count);
        *count -= 1;
        if *count == 0 {
            self.none.notify_all();
        }
    }

    fn wait_for_none(&self, timeout: Duration) {
        // What has not come back in time stays where it is.
        let _ = self.none.wait_timeout_while(lock(&self.count), timeout, |count| *count > 0);
    }
}

/// To be called in the child after `fork`.
#[pyfunction]
pub(crate) fn entered_child() {
    fork::entered_child();
}

/// To be called when the interpreter begins to shut down: stops the threads that wait, writes what
/// was published for at most `seconds`, and ends the library's own threads.
#[pyfunction]
pub(crate) fn shutdown(py: Python<'_>, seconds: f64) {
    let timeout = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    py.detach(|| {
        ENDING.get_or_init(|| thread::current().id());
        if let Ok(alarm) = alarm() {
            // Can only fail by overflow, and then the descriptor is readable anyway.
            let _ = rustix::io::write(alarm, &1_u64.to_ne_bytes());
        }
        if let Ok(away) = AWAY.get(Away::default) {
            away.wait_for_none(timeout);
        }
        if runtime::is_running() {
            // Whatever has not ended by now ends with the process.
            let _ = connection::shutdown(timeout);
        }
    });
}

/// Whether the calling thread must not ask for the interpreter any more.
fn is_lost() -> bool {
    ENDING.get().is_some_and(|id| *id != thread::current().id())
}

fn alarm() -> Result<BorrowedFd<'static>> {
    let made = ALARM.get(|| {
        eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
            .map_err(|e| Error::from(std::io::Error::from(e)).context("eventfd"))
    })?;
    made.as_ref().map(OwnedFd::as_fd).map_err(Error::clone)
}

fn wait_detached(
    fd: RawFd,
    alarm: BorrowedFd<'static>,
    mut lead: Option<Lead>,
    timeout: Option<Duration>,
) -> Result<Waited> {
    // SAFETY: the caller's queue owns the descriptor and outlives this call.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let deadline = timeout.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let limit = left.and_then(|left| Timespec::try_from(left).ok());
        // The thread that shuts down may still wait, so the alarm is not for it.
        let alarm = ENDING.get().is_none().then_some(alarm);
        let socket = lead.as_ref().and_then(Lead::socket);
        let watched = [Some(fd), alarm, socket].into_iter().flatten();
        let watch = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut fds: Vec<_> = watched.map(watch).collect();
        match poll(&mut fds, limit.as_ref()) {
            Ok(0) => return Ok(Waited::TimedOut),
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Waited::Interrupted),
            Err(error) => return Err(Error::from(std::io::Error::from(error)).context("poll")),
        }
        let is_ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let others = 1 + usize::from(alarm.is_some());
        if (0..others).any(is_ready) {
            return Ok(Waited::Ready);
        }
        if let Some(lead) = &mut lead {
            lead.read();
        }
    }
}
