//! Callbacks to user functions.
//!
//! A [`Source`] is one stream of callbacks, such as a subscription's messages. The threads of a
//! [`Pool`] run it, one at a time, so its callbacks keep their order.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use nats_core::Result;
use tokio::sync::Notify;

use crate::pool::Pool;
use crate::runtime;
use crate::sync::lock;

/// Callbacks that a source makes before others get their turn.
const TURN_CALLS: usize = 128;
/// Or the time after which they do, ...
const TURN_TIME: Duration = Duration::from_millis(5);
/// ... looked at every so many calls, because the clock costs as much as a quick callback.
const CLOCK_CALLS: usize = 8;

/// What a source does when it is run. Its drop is the end of the user's function, so the destroy
/// hook hangs on that: it comes once, after the last callback.
pub trait Job: Send {
    /// Makes callbacks through [`Turn::call`] until there are none, or the turn is spent.
    fn run(&mut self, turn: &Turn<'_>) -> Next;
}

/// What a source wants after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// There is more to do.
    Again,
    /// Nothing to do until the source is woken.
    Wait,
    /// Nothing to do ever again.
    Done,
}

/// One turn of a source on a delivery thread.
pub struct Turn<'a> {
    source: &'a Arc<Source>,
    began: Instant,
    calls: Cell<usize>,
}

/// A stream of callbacks to one user function.
pub struct Source {
    pool: &'static Pool,
    id: u64,
    group: u64,
    stage: Mutex<Stage>,
    job: Mutex<Option<Box<dyn Job>>>,
    stopped: AtomicBool,
    /// How many callbacks may be made in all.
    limit: AtomicU64,
    /// Told at the end.
    done: Notify,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not started; wakes are remembered by starting.
    New,
    /// Waits to be woken.
    Idle,
    /// Waits for a thread.
    Queued,
    /// A thread runs it.
    Running,
    /// A thread runs it, and it was woken meanwhile.
    Woken,
    /// Its job is gone.
    Done,
}

/// Runs a source as long as it exists; then no further callback starts.
pub struct Lifeline(Arc<Source>);

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The source whose callback this thread is in: its id and its group.
    static CURRENT: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
}

/// Whether the calling thread is inside a callback of any source.
pub fn in_callback() -> bool {
    CURRENT.get().is_some()
}

/// Whether the calling thread is inside a callback of a source of `group`.
pub fn in_group(group: u64) -> bool {
    CURRENT.get().is_some_and(|(_, current)| current == group)
}

impl Turn<'_> {
    /// Makes one callback. A panic in it is caught: the next message is delivered all the same.
    pub fn call(&self, callback: impl FnOnce()) {
        self.calls.set(self.calls.get() + 1);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(callback)) {
            report(&panic);
        }
    }

    /// Whether it is another source's turn.
    pub fn is_spent(&self) -> bool {
        let calls = self.calls.get();
        calls >= TURN_CALLS
            || (calls.is_multiple_of(CLOCK_CALLS) && self.began.elapsed() >= TURN_TIME)
    }

    /// Whether the source was stopped, so that no more callbacks may be made.
    pub fn is_stopped(&self) -> bool {
        self.source.is_stopped()
    }

    /// How many callbacks the source may make in all.
    pub fn limit(&self) -> u64 {
        self.source.limit.load(Ordering::Acquire)
    }

    /// Runs the source again when woken.
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(self.source))
    }
}

impl Source {
    /// A source for `job`, which is not run before [`Source::start`]. `group` is the number by
    /// which its callbacks can be recognised, such as that of the connection. Makes sure that
    /// there is a thread.
    ///
    /// # Errors
    /// [`Code::Io`] when no thread can be started.
    pub fn new(pool: &'static Pool, group: u64, job: Box<dyn Job>) -> Result<Arc<Source>> {
        let source = Arc::new(Source {
            pool,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            group,
            stage: Mutex::new(Stage::New),
            job: Mutex::new(Some(job)),
            stopped: AtomicBool::new(false),
            limit: AtomicU64::new(u64::MAX),
            done: Notify::new(),
        });
        pool.admit(source.id, Arc::downgrade(&source))?;
        Ok(source)
    }

    /// Begins to run the source.
    pub fn start(self: &Arc<Self>) {
        self.advance(|stage| match stage {
            Stage::New => Some(Stage::Queued),
            _ => None,
        });
    }

    /// Runs the source, now or after the turn that it is in.
    pub fn schedule(self: &Arc<Self>) {
        self.advance(|stage| match stage {
            Stage::Idle => Some(Stage::Queued),
            Stage::Running => Some(Stage::Woken),
            _ => None,
        });
    }

    /// No further callback starts, except one that starts right now; the job ends on a delivery
    /// thread.
    pub fn stop(self: &Arc<Self>) {
        self.stopped.store(true, Ordering::Release);
        self.advance(|stage| match stage {
            Stage::New | Stage::Idle => Some(Stage::Queued),
            Stage::Running => Some(Stage::Woken),
            _ => None,
        });
    }

    /// Not more than `max` callbacks are made in all, counted from the beginning.
    pub fn limit(&self, max: u64) {
        self.limit.fetch_min(max, Ordering::AcqRel);
    }

    /// Whether [`Source::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Waits until the job has ended.
    pub async fn done(&self) {
        let mut done = pin!(self.done.notified());
        // Registered before the look, so that an end in between is not missed.
        done.as_mut().enable();
        if *lock(&self.stage) != Stage::Done {
            done.await;
        }
    }

    /// Whether the calling thread is inside a callback of this source.
    pub fn is_current(&self) -> bool {
        CURRENT.get().is_some_and(|(id, _)| id == self.id)
    }

    fn advance(self: &Arc<Self>, change: impl FnOnce(Stage) -> Option<Stage>) {
        let queued = {
            let mut stage = lock(&self.stage);
            let Some(next) = change(*stage) else { return };
            *stage = next;
            next == Stage::Queued
        };
        if queued {
            self.pool.push(Arc::clone(self));
        }
    }

    /// One turn, on a delivery thread.
    pub(crate) fn turn(self: &Arc<Self>) {
        *lock(&self.stage) = Stage::Running;
        let Some(mut job) = lock(&self.job).take() else {
            return;
        };
        CURRENT.set(Some((self.id, self.group)));
        let mut next = Next::Done;
        while !self.is_stopped() {
            let turn = Turn { source: self, began: Instant::now(), calls: Cell::new(0) };
            let ran = catch_unwind(AssertUnwindSafe(|| job.run(&turn)));
            next = ran.unwrap_or_else(|panic| {
                report(&panic);
                Next::Done
            });
            // A turn that nobody waits for the end of goes on without a change of threads.
            if next != Next::Again || self.pool.has_waiting() {
                break;
            }
        }
        if self.is_stopped() {
            next = Next::Done;
        }
        if next == Next::Done {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(job))) {
                report(&panic);
            }
            self.end();
        } else {
            *lock(&self.job) = Some(job);
            self.advance(|stage| match (stage, next) {
                (Stage::Running, Next::Wait) => Some(Stage::Idle),
                _ => Some(Stage::Queued),
            });
        }
        CURRENT.set(None);
    }

    fn end(&self) {
        *lock(&self.stage) = Stage::Done;
        self.pool.forget(self.id);
        self.done.notify_waiters();
    }
}

impl Lifeline {
    /// Starts a source for `job`. Its callbacks are of no group.
    ///
    /// # Errors
    /// [`Code::Io`](nats_core::Code::Io) when no thread can be started.
    pub fn start(pool: &'static Pool, job: Box<dyn Job>) -> Result<Lifeline> {
        let source = Source::new(pool, 0, job)?;
        source.start();
        Ok(Lifeline(source))
    }

    /// Of a source that is perhaps not started yet.
    pub fn of(source: Arc<Source>) -> Lifeline {
        Lifeline(source)
    }

    /// The source.
    pub fn source(&self) -> &Arc<Source> {
        &self.0
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.pool.forget(self.id);
    }
}

impl Wake for Source {
    fn wake(self: Arc<Self>) {
        self.schedule();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.schedule();
    }
}

fn report(panic: &Box<dyn Any + Send>) {
    tracing::error!(target: "nats", panic = runtime::text(panic), "a callback panicked");
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
