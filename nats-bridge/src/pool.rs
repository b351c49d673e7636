//! The threads that run user callbacks.
//!
//! There are normally up to [`BASE`]. When all are stuck in callbacks for [`STUCK`] while work
//! waits, more are started, up to [`MAX`], and those end after [`IDLE`] without work: callbacks may
//! block without stopping others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use nats_core::{Code, Error, Result};

use crate::delivery::{Source, in_callback};
use crate::fork::PerEpoch;
use crate::runtime;
use crate::sync::lock;

/// Threads that stay.
pub const BASE: usize = 2;
/// The most threads.
pub const MAX: usize = 64;
/// How long all threads must be stuck before one is added.
pub const STUCK: Duration = Duration::from_millis(20);
/// After this long without work an added thread ends.
pub const IDLE: Duration = Duration::from_secs(10);

/// The threads, and the sources that wait for one.
pub struct Pool {
    inner: Mutex<Inner>,
    /// Work has come, or the end.
    arrived: Condvar,
    /// A thread or a source has ended.
    ended: Condvar,
}

#[derive(Default)]
struct Inner {
    ready: VecDeque<Arc<Source>>,
    live: HashMap<u64, Weak<Source>>,
    threads: usize,
    idle: usize,
    handles: Vec<JoinHandle<()>>,
    last_taken: Option<Instant>,
    watched: bool,
    closing: bool,
}

static POOL: PerEpoch<Pool> = PerEpoch::new();

/// The process's pool.
///
/// # Errors
/// [`Code::Forked`] too many forks deep.
pub fn pool() -> Result<&'static Pool> {
    POOL.get(Pool::new)
}

impl Pool {
    /// A pool without threads.
    pub fn new() -> Pool {
        Pool { inner: Mutex::default(), arrived: Condvar::new(), ended: Condvar::new() }
    }

    /// Stops all sources, waits until their jobs have ended, and joins the threads. Afterwards the
    /// pool can be used as a new one.
    ///
    /// # Errors
    /// [`Code::Timeout`] when a callback does not return in time; [`Code::InvalidArgument`] inside
    /// a callback.
    pub fn shutdown(&'static self, timeout: Duration) -> Result<()> {
        if in_callback() {
            let text = "called inside a callback, which cannot wait for itself";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        let deadline = Instant::now() + timeout;
        let live: Vec<_> = lock(&self.inner).live.values().filter_map(Weak::upgrade).collect();
        for source in &live {
            source.stop();
        }
        drop(live);
        self.wait(deadline, |inner| inner.live.is_empty())?;
        lock(&self.inner).closing = true;
        self.arrived.notify_all();
        let ended = self.wait(deadline, |inner| inner.threads == 0);
        let handles = {
            let mut inner = lock(&self.inner);
            inner.closing = false;
            std::mem::take(&mut inner.handles)
        };
        ended?;
        for handle in handles {
            // Its last act was to count itself out, so this does not wait; jobs never panic it.
            let _ = handle.join();
        }
        Ok(())
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        lock(&self.inner).threads
    }

    /// Whether no source is alive.
    pub fn is_idle(&self) -> bool {
        lock(&self.inner).live.is_empty()
    }

    /// Whether a source waits for a thread.
    pub(crate) fn has_waiting(&self) -> bool {
        !lock(&self.inner).ready.is_empty()
    }

    /// Registers a source, making sure that there is a thread.
    pub(crate) fn admit(&'static self, id: u64, source: Weak<Source>) -> Result<()> {
        let mut inner = lock(&self.inner);
        if inner.threads == 0 {
            self.spawn(&mut inner)?;
        }
        inner.live.insert(id, source);
        Ok(())
    }

    /// Gives `source` a turn as soon as a thread is free.
    pub(crate) fn push(&'static self, source: Arc<Source>) {
        let mut inner = lock(&self.inner);
        inner.ready.push_back(source);
        if inner.idle > 0 {
            self.arrived.notify_one();
        }
        if inner.ready.len() > inner.idle {
            // Without a further thread the work waits for one of those there are.
            if inner.threads < BASE && self.spawn(&mut inner).is_ok() {
                return;
            }
            self.watch(&mut inner);
        }
    }

    /// The source has ended.
    pub(crate) fn forget(&self, id: u64) {
        let mut inner = lock(&self.inner);
        if inner.live.remove(&id).is_some() && inner.live.is_empty() {
            self.ended.notify_all();
        }
    }

    fn spawn(&'static self, inner: &mut Inner) -> Result<()> {
        let thread = Builder::new().name("nats-delivery".into()).spawn(move || self.work());
        let thread = thread.map_err(|e| Error::from(e).context("starting a delivery thread"))?;
        inner.handles.retain(|handle| !handle.is_finished());
        inner.handles.push(thread);
        inner.threads += 1;
        Ok(())
    }

    fn work(&'static self) {
        while let Some(source) = self.next() {
            source.turn();
        }
    }

    fn next(&self) -> Option<Arc<Source>> {
        let mut inner = lock(&self.inner);
        loop {
            if let Some(source) = inner.ready.pop_front() {
                inner.last_taken = Some(Instant::now());
                return Some(source);
            }
            if inner.closing {
                break;
            }
            let extra = inner.threads > BASE;
            inner.idle += 1;
            let (relocked, timed_out) = self.sleep(inner, extra);
            inner = relocked;
            inner.idle -= 1;
            if timed_out && inner.ready.is_empty() && inner.threads > BASE {
                break;
            }
        }
        inner.threads -= 1;
        self.ended.notify_all();
        None
    }

    fn sleep<'a>(
        &self,
        inner: MutexGuard<'a, Inner>,
        extra: bool,
    ) -> (MutexGuard<'a, Inner>, bool) {
        if extra {
            let waited = self.arrived.wait_timeout(inner, IDLE);
            let (inner, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            (inner, timeout.timed_out())
        } else {
            (self.arrived.wait(inner).unwrap_or_else(PoisonError::into_inner), false)
        }
    }

    /// While work waits, looks every [`STUCK`] whether the threads still take it.
    fn watch(&'static self, inner: &mut Inner) {
        if inner.watched {
            return;
        }
        let Ok(runtime) = runtime::handle() else {
            return;
        };
        inner.watched = true;
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(STUCK).await;
                match self.add_when_stuck() {
                    Ok(true) => {}
                    Ok(false) => return,
                    // Not under the lock: the program's log may run on this pool.
                    Err(_) => {
                        tracing::warn!(target: "nats", "no further delivery thread can be started");
                    }
                }
            }
        });
    }

    /// Adds a thread when all are stuck. Returns whether work still waits.
    fn add_when_stuck(&'static self) -> Result<bool> {
        let mut inner = lock(&self.inner);
        if inner.ready.is_empty() {
            inner.watched = false;
            return Ok(false);
        }
        let stuck = inner.last_taken.is_none_or(|taken| taken.elapsed() >= STUCK);
        if stuck && inner.threads < MAX {
            self.spawn(&mut inner)?;
        }
        Ok(true)
    }

    fn wait(&self, deadline: Instant, done: impl Fn(&Inner) -> bool) -> Result<()> {
        let mut inner = lock(&self.inner);
        while !done(&inner) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::new(Code::Timeout, "a callback has not returned in time"));
            }
            let waited = self.ended.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }
}

impl Default for Pool {
    fn default() -> Self {
        Pool::new()
    }
}
