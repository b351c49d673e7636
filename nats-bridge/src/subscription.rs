//! A subscription as bindings hold it: read by calls, or delivered to a callback. The messages of a
//! consumer come by one, too, see [`crate::jetstream::consume`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use nats_core::service::Endpoint;
use nats_core::{Batch, Code, Error, Message, Result, SubscriptionStats};

use crate::connection::{Callbacks, Connection};
use crate::delivery::{Job, Next, Source, Turn};
use crate::queue::Queue;
use crate::sync::lock;
use crate::watch::{WatchPlace, Watched};
use crate::{pool, wait};

/// Hands messages to a callback. Those that were loaded and not handed over are dropped with it.
pub trait Deliver: Send {
    /// Makes `batch` ready; the one before has been handed over.
    fn load(&mut self, batch: Batch);
    /// Calls the program with the next message of the batch.
    fn next(&mut self);
}

/// How many messages a callback subscription takes from the core at once.
const BATCH: usize = 128;

/// A payload that comes with one read.
const SMALL: usize = 4096;

/// A subscription. Dropping it unsubscribes.
pub struct Subscription {
    core: nats_core::Subscription,
    mode: Mode,
    /// The last wait was for a single small message: while it waits for the next one, the thread
    /// reads. Of a stream, one thread reads while another one handles it.
    sparse: AtomicBool,
}

enum Mode {
    /// Read by calls; boxed, because bindings keep a room of the largest size for each.
    Polled(Box<Polled>),
    /// Delivered to a callback.
    Callback(Arc<Source>),
}

#[derive(Default)]
struct Polled {
    watch: WatchPlace,
    /// The messages are requests to this.
    endpoint: Option<Arc<Endpoint>>,
}

impl Watched for nats_core::Subscription {
    fn poll_something(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_ready(cx).map(drop)
    }

    fn pending(&self) -> u64 {
        self.stats().pending_messages
    }
}

impl Subscription {
    /// A subscription that is read by calls.
    pub fn polled(core: nats_core::Subscription) -> Subscription {
        Subscription::polled_of(core, None)
    }

    /// The same, whose messages may be requests to an endpoint.
    pub fn polled_of(
        core: nats_core::Subscription,
        endpoint: Option<Arc<Endpoint>>,
    ) -> Subscription {
        let mode = Mode::Polled(Box::new(Polled { endpoint, ..Polled::default() }));
        Subscription { core, mode, sparse: AtomicBool::new(true) }
    }

    /// A subscription that is delivered through `deliver`, once its [`Subscription::source`] is started.
    ///
    /// # Errors
    /// [`Code::Io`] when no delivery thread can be started.
    pub fn callback(
        connection: &Connection,
        core: nats_core::Subscription,
        deliver: Box<dyn Deliver>,
    ) -> Result<Subscription> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let job = Messages {
            id,
            registry: Arc::clone(&connection.callbacks),
            core: core.clone(),
            deliver,
            loaded: 0,
            more: true,
            delivered: 0,
        };
        let source = Source::new(pool::pool()?, connection.id(), Box::new(job))?;
        lock(&connection.callbacks).insert(id, Arc::downgrade(&source));
        let mode = Mode::Callback(source);
        Ok(Subscription { core, mode, sparse: AtomicBool::new(true) })
    }

    /// What runs the callback; `None` when there is none.
    pub fn source(&self) -> Option<Arc<Source>> {
        match &self.mode {
            Mode::Polled(_) => None,
            Mode::Callback(source) => Some(Arc::clone(source)),
        }
    }

    /// What the messages that are read are requests to.
    pub fn endpoint(&self) -> Option<&Arc<Endpoint>> {
        match &self.mode {
            Mode::Polled(polled) => polled.endpoint.as_ref(),
            Mode::Callback(_) => None,
        }
    }

    /// The core's subscription.
    pub fn core(&self) -> &nats_core::Subscription {
        &self.core
    }

    /// Whether the calling thread is inside the callback.
    pub fn in_callback(&self) -> bool {
        matches!(&self.mode, Mode::Callback(source) if source.is_current())
    }

    /// The next message; waits at most `timeout`.
    ///
    /// # Errors
    /// [`Code::Timeout`]; the end reason; [`Code::InvalidArgument`] with a callback.
    pub fn next(&self, timeout: Duration) -> Result<Message> {
        let mut message = None;
        self.take_batches(1, timeout, |mut batch| message = batch.next())?;
        message.ok_or_else(|| Code::Internal.into())
    }

    /// Appends up to `max` messages to `out`, at least one; waits at most `timeout` for the first.
    ///
    /// # Errors
    /// As [`Subscription::next`].
    pub fn take(&self, out: &mut Vec<Message>, max: usize, timeout: Duration) -> Result<()> {
        self.take_batches(max, timeout, |batch| out.extend(batch))
    }

    /// Like [`Subscription::take`], in batches.
    ///
    /// # Errors
    /// As [`Subscription::next`].
    pub fn take_batches(
        &self,
        max: usize,
        timeout: Duration,
        mut each: impl FnMut(Batch),
    ) -> Result<()> {
        let watch = self.watcher()?;
        if max == 0 {
            return Err(Error::new(Code::InvalidArgument, "cap: 0; expected at least 1"));
        }
        let taken = self.take_within(max, timeout, &mut each);
        let emptied = match &taken {
            Ok(more) => !more,
            Err(e) => e.code() == Code::Timeout,
        };
        if emptied {
            watch.rearm();
        }
        taken.map(drop)
    }

    /// Puts a mark with `token` into `queue` when there are messages or the end has come; replaces
    /// an earlier watch.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] with a callback.
    pub fn watch<V: Send + 'static>(&self, queue: &Queue<V>, token: u64) -> Result<()> {
        self.watcher()?.watch(&self.core, queue, token);
        Ok(())
    }

    /// Ends at once: pending messages are dropped, waiters return, callbacks stop.
    ///
    /// # Errors
    /// Those of the core; none when it has ended already.
    pub fn unsubscribe(&self) -> Result<()> {
        if let Mode::Callback(source) = &self.mode {
            source.stop();
        }
        self.core.unsubscribe()
    }

    /// Ends after `max` messages, counted from the beginning.
    ///
    /// # Errors
    /// Those of the core.
    pub fn unsubscribe_after(&self, max: u64) -> Result<()> {
        if let Mode::Callback(source) = &self.mode {
            source.limit(max);
        }
        self.core.unsubscribe_after(max)
    }

    /// Ends gently: waits until what had arrived is taken, or its callbacks have returned. `None`
    /// stands for the option `drain_timeout`.
    ///
    /// # Errors
    /// [`Code::Timeout`].
    pub async fn drain(&self, timeout: Option<Duration>) -> Result<()> {
        let timeout = timeout.unwrap_or(self.core.client().options().drain_timeout);
        let deadline = Instant::now() + timeout.min(wait::MAX_WAIT);
        self.core.drain_timeout(timeout).await?;
        if let Some(source) = self.source() {
            let left = deadline.saturating_duration_since(Instant::now());
            let late = || Error::new(Code::Timeout, "a callback has not returned in time");
            return tokio::time::timeout(left, source.done()).await.map_err(|_| late());
        }
        Ok(())
    }

    /// Numbers.
    pub fn stats(&self) -> SubscriptionStats {
        self.core.stats()
    }

    fn watcher(&self) -> Result<&WatchPlace> {
        match &self.mode {
            Mode::Polled(polled) => Ok(&polled.watch),
            Mode::Callback(..) => {
                let text = "the subscription delivers to a callback and cannot be read";
                Err(Error::new(Code::InvalidArgument, text))
            }
        }
    }

    /// Takes something, and tells whether there was more.
    fn take_within(
        &self,
        max: usize,
        timeout: Duration,
        each: &mut impl FnMut(Batch),
    ) -> Result<bool> {
        let mut take_now = || {
            let (mut count, mut more, mut small) = (0, true, true);
            while more && count < max {
                let Some(batch) = self.core.take_batch(max - count) else {
                    // What there was behind the last batch was not for the program.
                    more = false;
                    break;
                };
                count += batch.len();
                more = batch.left_more();
                small = batch.get(0).payload().len() <= SMALL;
                each(batch);
            }
            (count > 0).then_some((more, count == 1 && !more && small))
        };
        // A clock costs as much as taking a message, and mostly there is one.
        let mut deadline = None;
        loop {
            if let Some((more, alone)) = take_now() {
                if deadline.is_some() {
                    self.sparse.store(alone, Ordering::Relaxed);
                }
                return Ok(more);
            }
            if let Some(reason) = self.core.end_reason() {
                // What came between the two looks comes before the end.
                return take_now().map(|(more, _)| more).ok_or(reason);
            }
            if timeout.is_zero() {
                return Err(Code::Timeout.into());
            }
            let now = Instant::now();
            let deadline = *deadline.get_or_insert(now + timeout.min(wait::MAX_WAIT));
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() {
                return Err(Code::Timeout.into());
            }
            if self.sparse.load(Ordering::Relaxed) {
                wait::read_until(self.core.client(), self.core.ready(), left)?;
            } else {
                wait::block_on_for(self.core.ready(), left)?;
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // Its wakers hold the core's subscription, so the last handle would never be dropped.
        let _ = self.unsubscribe();
    }
}

/// Delivers messages to a callback until the subscription has ended.
struct Messages {
    id: u64,
    registry: Arc<Callbacks>,
    core: nats_core::Subscription,
    deliver: Box<dyn Deliver>,
    /// Messages that were loaded and not handed over.
    loaded: usize,
    /// There were others behind them.
    more: bool,
    delivered: u64,
}

impl Job for Messages {
    fn run(&mut self, turn: &Turn<'_>) -> Next {
        loop {
            while self.loaded > 0 {
                if turn.is_stopped() || self.delivered >= turn.limit() {
                    return Next::Done;
                }
                self.delivered += 1;
                self.loaded -= 1;
                turn.call(|| self.deliver.next());
                if turn.is_spent() {
                    return Next::Again;
                }
            }
            if turn.is_stopped() {
                return Next::Done;
            }
            if self.more
                && let Some(batch) = self.core.take_batch(BATCH)
            {
                (self.loaded, self.more) = (batch.len(), batch.left_more());
                self.deliver.load(batch);
                continue;
            }
            self.more = true;
            let waker = turn.waker();
            match self.core.poll_ready(&Context::from_waker(&waker)) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Next::Done,
                Poll::Pending => return Next::Wait,
            }
        }
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        lock(&self.registry).remove(&self.id);
    }
}
