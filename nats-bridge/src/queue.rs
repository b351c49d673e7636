//! The queue on which every asynchronous result arrives: completions, readiness marks and
//! connection events.
//!
//! It is bounded by what feeds it: one completion per operation in flight, one outstanding mark per
//! watched source, and [`MAX_CONNECTION_EVENTS`] events per watched connection.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use nats_core::{Bell, Client, Code, Error, Lead, Result, WeakClient};
use rustix::event::{EventfdFlags, eventfd};

use crate::event::ConnectionEvent;
use crate::running::Running;
use crate::runtime;
use crate::sync::lock;
use crate::wait::MAX_WAIT;

/// How many undelivered events are kept per watched connection; beyond that the oldest go.
pub const MAX_CONNECTION_EVENTS: usize = 1024;

/// What a queue delivers. `V` is what the binding's operations yield.
#[derive(Debug)]
pub enum Event<V> {
    /// An operation has ended.
    Completion {
        /// The caller's number for the operation.
        token: u64,
        /// How it ended.
        result: Result<V>,
    },
    /// A watched source has something, or has ended.
    Ready {
        /// The caller's number for the source.
        token: u64,
        /// How many messages wait now.
        pending: u64,
    },
    /// Something happened to a watched connection.
    Connection {
        /// The caller's number for the connection.
        token: u64,
        /// What happened.
        event: Arc<ConnectionEvent>,
    },
}

/// Called when the queue goes from empty to non-empty, on whatever thread made it so.
pub type WakeHook = Arc<dyn Fn() + Send + Sync>;

/// A queue; clones are the same queue.
pub struct Queue<V: 'static>(Arc<Shared<V>>);

/// A reference to a queue that does not keep it alive.
pub struct WeakQueue<V: 'static>(Weak<Shared<V>>);

/// A source's readiness mark: in the queue at most once at a time.
pub struct Mark {
    token: u64,
    queued: AtomicBool,
    pending: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// The duty to complete one operation. Dropping it completes with CANCELLED, or with PANIC while
/// the thread unwinds.
pub struct Ticket<V: 'static> {
    queue: WeakQueue<V>,
    token: u64,
    open: bool,
}

struct Shared<V> {
    state: Mutex<State<V>>,
    source: Mutex<Source>,
    arrived: Condvar,
    /// Readable while there are entries. Raised behind the lock, so that who is woken finds it
    /// free, and lowered under it: readable once too often does no harm.
    fd: OnceLock<OwnedFd>,
    /// Whether it has been raised since it was lowered; told behind the deed.
    raised: AtomicBool,
}

/// The connection that was used last with this queue: one of those who wait reads its socket.
#[derive(Default)]
struct Source {
    client: WeakClient,
    /// So many requests are expected before the queue is polled again.
    credit: usize,
    /// Requests wait to be sent together.
    gathered: bool,
}

struct State<V> {
    entries: VecDeque<Entry<V>>,
    closed: bool,
    interrupted: bool,
    waiting: usize,
    /// Who waits by reading a socket is told by this.
    reader: Option<Arc<Bell>>,
    /// How many of those who wait have been told already: more would only be system calls.
    told: usize,
    /// Somebody tells them soon; whether the queue has been empty since that was decided.
    telling: Option<bool>,
    hook: Option<WakeHook>,
}

enum Entry<V> {
    Completion(u64, Result<V>),
    Ready(Arc<Mark>),
    Connection(u64, Arc<ConnectionEvent>),
}

impl<V: 'static> Queue<V> {
    /// An empty queue.
    pub fn new() -> Queue<V> {
        let state = State {
            entries: VecDeque::new(),
            closed: false,
            interrupted: false,
            waiting: 0,
            reader: None,
            told: 0,
            telling: None,
            hook: None,
        };
        Queue(Arc::new(Shared {
            state: Mutex::new(state),
            source: Mutex::default(),
            arrived: Condvar::new(),
            fd: OnceLock::new(),
            raised: AtomicBool::new(false),
        }))
    }

    /// Appends up to `cap` events to `out`, waiting at most `timeout` for the first one. Nothing in
    /// time, or an interrupt, appends none.
    ///
    /// # Errors
    /// [`Code::QueueClosed`]; [`Code::InvalidArgument`] when `cap` is 0.
    pub fn poll(&self, out: &mut Vec<Event<V>>, cap: usize, timeout: Duration) -> Result<()> {
        if cap == 0 {
            return Err(Error::new(Code::InvalidArgument, "cap: 0; expected at least 1"));
        }
        let taken = self.take(cap, timeout)?;
        out.reserve(taken.len());
        // Outside the lock: the number of pending messages is another lock's business.
        out.extend(taken.into_iter().map(|entry| match entry {
            Entry::Completion(token, result) => Event::Completion { token, result },
            Entry::Ready(mark) => Event::Ready { token: mark.token, pending: (mark.pending)() },
            Entry::Connection(token, event) => Event::Connection { token, event },
        }));
        Ok(())
    }

    /// A descriptor that is readable while the queue holds events; made at the first call.
    ///
    /// # Errors
    /// [`Code::Io`]; [`Code::QueueClosed`].
    pub fn fd(&self) -> Result<RawFd> {
        let state = lock(&self.0.state);
        if state.closed {
            return Err(Code::QueueClosed.into());
        }
        if let Some(fd) = self.0.fd.get() {
            return Ok(fd.as_raw_fd());
        }
        let fd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
            .map_err(|e| Error::from(std::io::Error::from(e)).context("eventfd"))?;
        let raw = self.0.fd.get_or_init(|| fd).as_raw_fd();
        if !state.entries.is_empty() {
            self.0.raise_fd();
        }
        Ok(raw)
    }

    /// Sets or removes the wake hook. A new hook is called at once when the queue is not empty.
    pub fn on_wake(&self, hook: Option<WakeHook>) {
        let (old, due) = {
            let mut state = lock(&self.0.state);
            let old = std::mem::replace(&mut state.hook, hook);
            (old, state.hook.clone().filter(|_| !state.entries.is_empty()))
        };
        drop(old);
        call(due);
    }

    /// Makes one poll return at once: one that waits, or else the next.
    pub fn interrupt(&self) {
        let mut state = lock(&self.0.state);
        state.interrupted = true;
        self.0.tell(&mut state);
    }

    /// Closes the queue: events in it are dropped, polls fail, later results are dropped.
    pub fn close(&self) {
        let (entries, hook) = {
            let mut state = lock(&self.0.state);
            state.closed = true;
            state.ring();
            (std::mem::take(&mut state.entries), state.hook.take())
        };
        self.0.arrived.notify_all();
        // Values and hook may run foreign code when they end.
        drop((entries, hook));
    }

    /// Whether the queue has not been closed.
    pub fn is_open(&self) -> bool {
        !lock(&self.0.state).closed
    }

    /// The duty to complete the operation that the caller calls `token`.
    pub fn ticket(&self, token: u64) -> Ticket<V> {
        Ticket { queue: self.downgrade(), token, open: true }
    }

    /// A reference that does not keep the queue alive.
    pub fn downgrade(&self) -> WeakQueue<V> {
        WeakQueue(Arc::downgrade(&self.0))
    }

    /// Puts `mark` in, unless it is in already.
    pub fn mark(&self, mark: &Arc<Mark>) {
        self.push(|state| {
            if mark.queued.swap(true, Ordering::AcqRel) {
                return false;
            }
            state.entries.push_back(Entry::Ready(Arc::clone(mark)));
            true
        });
    }

    /// Puts a connection event in.
    pub fn connection_event(&self, token: u64, event: Arc<ConnectionEvent>) {
        self.push(|state| {
            let mine = |entry: &Entry<V>| matches!(entry, Entry::Connection(t, _) if *t == token);
            if state.entries.len() >= MAX_CONNECTION_EVENTS {
                let count = state.entries.iter().filter(|entry| mine(entry)).count();
                if count >= MAX_CONNECTION_EVENTS
                    && let Some(oldest) = state.entries.iter().position(mine)
                {
                    state.entries.remove(oldest);
                }
            }
            state.entries.push_back(Entry::Connection(token, event));
            true
        });
    }

    /// A completion will come over the connection of `client`. Returns whether the request for it
    /// may go with those that are made before the queue is polled again.
    pub(crate) fn gathers(&self, client: &Client) -> bool {
        let mut source = lock(&self.0.source);
        if !source.client.is(client) {
            let mut before = std::mem::replace(&mut *source, client.downgrade().into());
            drop(source);
            before.send();
            return false;
        }
        source.gathered = source.credit > 0;
        source.credit = source.credit.saturating_sub(1);
        source.gathered
    }

    /// The right to read the socket that what this queue waits for comes over, for who waits for
    /// [`Queue::fd`]. It must be dropped before anything else is done.
    pub fn lead(&self) -> Option<Lead> {
        lock(&self.0.source).client.lead()
    }

    fn take(&self, cap: usize, timeout: Duration) -> Result<Vec<Entry<V>>> {
        let (mut state, lead) = self.wait(timeout)?;
        state.interrupted = false;
        let count = state.entries.len().min(cap);
        let taken: Vec<_> = state.entries.drain(..count).collect();
        for entry in &taken {
            if let Entry::Ready(mark) = entry {
                mark.queued.store(false, Ordering::Release);
            }
        }
        if state.entries.is_empty() {
            self.0.clear_fd();
        } else {
            self.0.tell(&mut state);
        }
        drop(state);
        if taken.len() > 1 && !timeout.is_zero() {
            lock(&self.0.source).credit = taken.len();
            lead.into_iter().for_each(Lead::leave);
        }
        Ok(taken)
    }

    /// Waits until there is something, an interrupt, or the time is over.
    fn wait(&self, timeout: Duration) -> Result<(MutexGuard<'_, State<V>>, Option<Lead>)> {
        lock(&self.0.source).send();
        let deadline = Instant::now() + timeout.min(MAX_WAIT);
        let mut state = lock(&self.0.state);
        let mut lead = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let over = !state.entries.is_empty() || state.interrupted || left.is_zero();
            if state.closed || over {
                if lead.is_some() {
                    state.reader = None;
                }
                return if state.closed {
                    Err(Code::QueueClosed.into())
                } else {
                    Ok((state, lead))
                };
            }
            if lead.is_none() && state.reader.is_none() {
                lead = self.lead();
                state.reader = lead.as_ref().map(|lead| Arc::clone(lead.bell()));
            }
            if let Some(lead) = &mut lead {
                drop(state);
                lead.wait(left);
                state = lock(&self.0.state);
            } else {
                state.waiting += 1;
                let waited = self.0.arrived.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                state.waiting -= 1;
                state.told = state.told.saturating_sub(1);
            }
        }
    }
}

impl<V: Send + 'static> Queue<V> {
    /// Starts an operation that completes under `token`. Its first step is made in this call, so
    /// that operations that are started one after the other reach the server in this order. `None`
    /// says that it has completed already. Aborting the operation completes it with CANCELLED, a
    /// panic in it with PANIC.
    ///
    /// # Errors
    /// Those of the first step, for which there is no completion then, and those of
    /// [`runtime::handle`].
    pub fn start<F>(&self, token: u64, operation: F) -> Result<Option<Running>>
    where
        F: Future<Output = Result<V>> + Send + 'static,
    {
        let runtime = runtime::handle()?;
        let mut operation = Box::pin(operation);
        let mut operation = poll_fn(move |cx| caught(|| operation.as_mut().poll(cx)));
        let first = {
            let _context = runtime.enter();
            // Whatever happens from here on is seen by the first poll of the task.
            Pin::new(&mut operation).poll(&mut Context::from_waker(Waker::noop()))
        };
        match first {
            Poll::Pending => {
                let task = runtime.spawn(self.ticket(token).run(operation));
                Ok(Some(task.abort_handle().into()))
            }
            Poll::Ready(result) => {
                // Before there is a ticket: its drop would be a completion.
                let value = result?;
                self.ticket(token).complete(Ok(value));
                Ok(None)
            }
        }
    }
}

impl<V: 'static> WeakQueue<V> {
    /// The queue, if it still exists.
    pub fn upgrade(&self) -> Option<Queue<V>> {
        self.0.upgrade().map(Queue)
    }
}

impl Mark {
    /// A mark with the caller's number for the source and a way to ask how much waits there.
    pub fn new(token: u64, pending: impl Fn() -> u64 + Send + Sync + 'static) -> Arc<Mark> {
        Arc::new(Mark { token, queued: AtomicBool::new(false), pending: Box::new(pending) })
    }
}

impl<V: 'static> Ticket<V> {
    /// Completes the operation.
    pub fn complete(mut self, result: Result<V>) {
        self.finish(result);
    }

    async fn run(self, operation: impl Future<Output = Result<V>>) {
        let result = operation.await;
        self.complete(result);
    }

    fn finish(&mut self, result: Result<V>) {
        self.open = false;
        if let Some(queue) = self.queue.upgrade() {
            queue.push(|state| {
                state.entries.push_back(Entry::Completion(self.token, result));
                true
            });
        }
    }
}

impl<V: 'static> Drop for Ticket<V> {
    fn drop(&mut self) {
        if self.open {
            let code = if std::thread::panicking() { Code::Panic } else { Code::Cancelled };
            self.finish(Err(code.into()));
        }
    }
}

impl<V: 'static> Clone for Queue<V> {
    fn clone(&self) -> Self {
        Queue(Arc::clone(&self.0))
    }
}

impl<V: 'static> Default for Queue<V> {
    fn default() -> Self {
        Queue::new()
    }
}

impl<V: 'static> Queue<V> {
    /// Runs `add`, which says whether it added an entry, and wakes who must know: at once, or behind
    /// everything else that comes with the same read.
    fn push(&self, add: impl FnOnce(&mut State<V>) -> bool) {
        let mut state = lock(&self.0.state);
        let was_empty = state.entries.is_empty();
        if state.closed || !add(&mut state) {
            return;
        }
        if let Some(emptied) = &mut state.telling {
            *emptied |= was_empty;
        } else if nats_core::is_waking() {
            state.telling = Some(was_empty);
            drop(state);
            let queue = self.clone();
            nats_core::behind_wakes(move || queue.0.tell_all());
        } else {
            self.0.tell(&mut state);
            self.0.told(state, was_empty);
        }
    }
}

impl From<WeakClient> for Source {
    fn from(client: WeakClient) -> Source {
        Source { client, credit: 0, gathered: false }
    }
}

impl Source {
    /// Sends what has gathered.
    fn send(&mut self) {
        self.credit = 0;
        if std::mem::take(&mut self.gathered) {
            self.client.send();
        }
    }
}

impl<V> State<V> {
    /// Wakes who waits by reading a socket.
    fn ring(&self) {
        if let Some(bell) = &self.reader {
            bell.ring();
        }
    }
}

impl<V> Shared<V> {
    /// Wakes who must know of what has been added since this was decided.
    fn tell_all(&self) {
        let mut state = lock(&self.state);
        let emptied = state.telling.take().unwrap_or(false);
        state.ring();
        for _ in 0..state.entries.len().min(state.waiting) {
            self.tell(&mut state);
        }
        let is_new = emptied && !state.entries.is_empty();
        self.told(state, is_new);
    }

    /// Those who wait have been told; if the queue was empty, those who are called are.
    fn told(&self, state: MutexGuard<'_, State<V>>, was_empty: bool) {
        let hook = state.hook.clone().filter(|_| was_empty);
        drop(state);
        if was_empty {
            self.raise_fd();
        }
        call(hook);
    }

    /// Wakes one more of those who wait.
    fn tell(&self, state: &mut State<V>) {
        state.ring();
        if state.waiting > state.told {
            state.told += 1;
            self.arrived.notify_one();
        }
    }

    fn raise_fd(&self) {
        if let Some(fd) = self.fd.get() {
            // Can only fail by overflow, and then the descriptor is readable anyway.
            let _ = rustix::io::write(fd, &1_u64.to_ne_bytes());
            self.raised.store(true, Ordering::Release);
        }
    }

    fn clear_fd(&self) {
        if let Some(fd) = self.fd.get()
            && self.raised.swap(false, Ordering::AcqRel)
        {
            // Can only fail because it is clear already.
            let _ = rustix::io::read(fd, &mut [0; 8]);
        }
    }
}

/// Makes a step of an operation; a panic is an end with PANIC.
pub(crate) fn caught<V>(step: impl FnOnce() -> Poll<Result<V>>) -> Poll<Result<V>> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| {
        let text = runtime::text(&panic).to_owned();
        Poll::Ready(Err(Error::new(Code::Panic, text)))
    })
}

fn call(hook: Option<WakeHook>) {
    if let Some(hook) = hook {
        // A hook that panics must not take the I/O thread with it.
        let _ = catch_unwind(AssertUnwindSafe(|| hook()));
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
