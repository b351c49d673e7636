//! What the users of a connection and its driver share.
//!
//! Locks are short and taken in this order: registry, outbox; the others alone.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::{Notify, oneshot, watch};

use super::event::{Event, EventSink};
use super::nuid::nuid;
use super::options::ConnectOptions;
use super::registry::Registry;
use super::requests::Requests;
use super::servers::{Pool, parse_servers};
use super::stream::Shortcut;
use super::wakes::wake_all;
use crate::error::{Code, Error, Result};
use crate::proto::ServerInfo;
use crate::proto::outbox::{Orders, Outbox};

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The first connection is being made.
    Connecting,
    /// A server is connected.
    Connected,
    /// The connection was lost; servers are being tried.
    Reconnecting,
    /// Subscriptions are draining; publishing still works.
    DrainingSubs,
    /// Subscriptions are drained; what was published is being sent.
    DrainingPubs,
    /// Closed for good.
    Closed,
}

impl State {
    /// The state's stable name, for example `reconnecting`.
    pub fn name(self) -> &'static str {
        match self {
            State::Connecting => "connecting",
            State::Connected => "connected",
            State::Reconnecting => "reconnecting",
            State::DrainingSubs => "draining_subs",
            State::DrainingPubs => "draining_pubs",
            State::Closed => "closed",
        }
    }
}

/// Counters of a connection since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages received.
    pub in_messages: u64,
    /// Bytes received in messages: headers and payload.
    pub in_bytes: u64,
    /// Messages published.
    pub out_messages: u64,
    /// Bytes published: headers and payload.
    pub out_bytes: u64,
    /// Times that a lost connection was made again.
    pub reconnects: u64,
    /// Received messages dropped because a subscription exceeded its pending limits.
    pub dropped_in: u64,
    /// Accepted publishes dropped before they reached a socket.
    pub dropped_out: u64,
    /// Errors reported by servers.
    pub errors: u64,
}

/// Whoever waits for a PONG.
pub(crate) enum PongWaiter {
    Keepalive,
    /// The connection, which then leaves its server for another one.
    Migration,
    Flush(oneshot::Sender<Result<()>>),
}

/// The shared state of one connection.
pub(crate) struct Shared {
    pub(crate) options: ConnectOptions,
    registry: Mutex<Registry>,
    pub(crate) outbox: Mutex<Outbox<PongWaiter>>,
    /// Taken within the outbox's lock.
    pub(crate) shortcut: Mutex<Shortcut>,
    pub(crate) requests: Arc<Requests>,
    pub(crate) pool: Mutex<Pool>,
    pub(crate) events: EventSink,
    pub(crate) state: watch::Sender<State>,
    pub(crate) info: Mutex<Arc<ServerInfo>>,
    pub(crate) url: Mutex<Option<String>>,
    pub(crate) last_error: Mutex<Option<Error>>,
    pub(crate) reconnects: AtomicU64,
    pub(crate) errors: AtomicU64,
    /// The last read has brought one message at most.
    pub(crate) lone: AtomicBool,
    /// Wakes publishers that wait for room.
    pub(crate) room: Notify,
    /// Interrupts dialling and waiting when the connection is to close.
    pub(crate) closing: Notify,
    /// Subject of the request inbox up to the token.
    pub(crate) request_inbox: String,
}

impl Shared {
    pub(crate) fn new(options: ConnectOptions) -> Result<Arc<Shared>> {
        options.check()?;
        let servers = parse_servers(&options.servers)?;
        let request_inbox = format!("{}.{}.", options.inbox_prefix, nuid()?);
        Ok(Arc::new(Shared {
            registry: Mutex::default(),
            outbox: Mutex::new(Outbox::new(options.outbound_bytes, options.outbound_policy)),
            shortcut: Mutex::default(),
            requests: Arc::default(),
            pool: Mutex::new(Pool::new(servers, options.max_reconnects, options.randomize)),
            events: EventSink::new(options.event_callback.clone()),
            state: watch::Sender::new(State::Connecting),
            info: Mutex::default(),
            url: Mutex::default(),
            last_error: Mutex::default(),
            reconnects: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            lone: AtomicBool::new(false),
            room: Notify::new(),
            closing: Notify::new(),
            request_inbox,
            options,
        }))
    }

    /// Runs `work` under the registry's lock, and wakes whom it concerns afterwards.
    pub(crate) fn with_registry<T>(&self, work: impl FnOnce(&mut Registry) -> T) -> T {
        let mut registry = lock(&self.registry);
        let value = work(&mut registry);
        let wakers = registry.take_wakers();
        drop(registry);
        wake_all(wakers);
        value
    }

    /// Appends a PING whose PONG answers `waiter`, and writes it at once if the driver sleeps.
    pub(crate) fn ping(&self, waiter: PongWaiter) -> Result<()> {
        let mut outbox = lock(&self.outbox);
        let due = outbox.ping(waiter).map_err(|_| Error::from(Code::ConnectionClosed))?;
        let due = outbox.offer(due, |bytes| lock(&self.shortcut).write([bytes]));
        let wake = outbox.bell(due);
        drop(outbox);
        wake.wake();
        Ok(())
    }

    /// Sends what was gathered, at once if the driver sleeps.
    pub(crate) fn send(&self) {
        let mut outbox = lock(&self.outbox);
        let due = outbox.send();
        let due = outbox.offer(due, |bytes| lock(&self.shortcut).write([bytes]));
        let wake = outbox.bell(due);
        drop(outbox);
        wake.wake();
    }

    /// Answers whoever has waited longest for a PONG.
    pub(crate) fn pong(&self) {
        let waiter = lock(&self.outbox).pong();
        match waiter {
            Some(PongWaiter::Flush(sender)) => {
                // An error only says that nobody waits any more.
                let _ = sender.send(Ok(()));
            }
            Some(PongWaiter::Migration) => self.order(|orders| orders.arrive = true),
            Some(PongWaiter::Keepalive) | None => {}
        }
    }

    /// Asks the driver for something.
    pub(crate) fn order(&self, change: impl FnOnce(&mut Orders)) {
        let wake = lock(&self.outbox).order(change);
        self.closing.notify_one();
        wake.wake();
    }

    /// Whether the connection is to close.
    pub(crate) fn is_closing(&self) -> bool {
        lock(&self.outbox).orders().close
    }

    /// Runs `work` unless the connection is to close meanwhile.
    pub(crate) async fn unless_closed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut closing = pin!(self.closing.notified());
        poll_fn(|cx| {
            loop {
                if self.is_closing() {
                    return Poll::Ready(None);
                }
                if closing.as_mut().poll(cx).is_pending() {
                    return work.as_mut().poll(cx).map(Some);
                }
                closing.set(self.closing.notified());
            }
        })
        .await
    }

    /// Moves to `next`, unless the connection is closed (for good) or draining (until it closes).
    pub(crate) fn enter(&self, next: State) -> bool {
        self.state.send_if_modified(|state| {
            let allowed = match *state {
                State::Closed => false,
                State::DrainingPubs => next == State::Closed,
                State::DrainingSubs => matches!(next, State::DrainingPubs | State::Closed),
                _ => *state != next,
            };
            if allowed {
                *state = next;
            }
            allowed
        })
    }

    /// Remembers and reports an error that does not end the connection.
    pub(crate) fn report(&self, error: Error) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        *lock(&self.last_error) = Some(error.clone());
        self.events.emit(Event::ServerError(error));
    }

    /// Begins to close: everything that waits ends with CONNECTION_CLOSED at once and nothing new
    /// is accepted; the driver still writes what is buffered. Subscriptions keep what is pending.
    pub(crate) fn begin_close(&self) {
        let closed = Error::from(Code::ConnectionClosed);
        self.with_registry(|registry| registry.close(&closed));
        let waiters = lock(&self.outbox).refuse_all();
        answer(waiters, &closed);
        // Behind the outbox: a request that comes later than this is refused there.
        self.requests.fail_all(&closed);
        self.room.notify_waiters();
        self.order(|orders| orders.close = true);
    }

    /// The connection is over: nothing is left that waits. Runs once; later calls change nothing.
    pub(crate) fn shut(&self) {
        self.begin_close();
        let discarded = lock(&self.outbox).discard();
        *lock(&self.url) = None;
        let newly_closed = self.enter(State::Closed);
        if newly_closed {
            self.events.emit(Event::Closed { discarded });
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let incoming = lock(&self.registry).counters;
        let outgoing = lock(&self.outbox).counters();
        Stats {
            in_messages: incoming.messages,
            in_bytes: incoming.bytes,
            out_messages: outgoing.messages,
            out_bytes: outgoing.bytes,
            reconnects: self.reconnects.load(Ordering::Relaxed),
            dropped_in: incoming.dropped,
            dropped_out: outgoing.dropped,
            errors: self.errors.load(Ordering::Relaxed),
        }
    }
}

/// Tells those who wait for a PONG that none will come.
pub(crate) fn answer(waiters: impl IntoIterator<Item = PongWaiter>, error: &Error) {
    for waiter in waiters {
        if let PongWaiter::Flush(sender) = waiter {
            // An error only says that nobody waits any more.
            let _ = sender.send(Err(error.clone()));
        }
    }
}

/// Locks; a panic elsewhere must not spread, and every guarded state is whole between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
