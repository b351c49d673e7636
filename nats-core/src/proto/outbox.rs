//! Everything that waits to be written: one byte-bounded buffer for connected and disconnected
//! times.
//!
//! Publishers encode straight into the buffer; the driver swaps it for an empty one and writes
//! large blocks. Only whole operations are ever sent: when a socket dies in the middle of a block,
//! the block is walked again and what was not completely written goes back to the front.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use super::encode::{self, OpKind};
use super::headers::Headers;
use super::subject::{Filter, QueueGroup, Subject};
use crate::error::{Code, Error, Result};

/// An empty buffer gives larger memory back, so that an idle connection stays cheap after a burst.
pub const KEPT_CAPACITY: usize = 256 * 1024;

/// Publishers that may write themselves do so when this much waits for a driver that rests.
const BLOCK: usize = 32 * 1024;

/// Publishers that may wait do so from here on while a socket is up: more would only leave the
/// processor's caches before it is written.
const WARM: usize = 256 * 1024;

/// What happens to a publish when the buffer has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutboundPolicy {
    /// The publisher waits for room until its deadline.
    #[default]
    Wait,
    /// The publish fails at once with [`Code::OutboundFull`].
    Error,
    /// The oldest publishes that have not reached the socket are dropped and counted.
    DropOldest,
}

/// What the buffer accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    Draining,
    Closed,
}

/// What the driver does, as far as others have to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    /// It will look here before it sleeps.
    Awake,
    /// It found nothing to write: the next operation must wake it.
    Idle,
    /// It sleeps for a moment in which publishes gather; a full block, or any other operation, must
    /// wake it.
    Resting,
}

/// One publish, validated.
#[derive(Clone, Copy, Debug)]
pub struct PublishOp<'a> {
    /// Where to.
    pub subject: Subject<'a>,
    /// Where replies go.
    pub reply: Option<Subject<'a>>,
    /// Headers, if any.
    pub headers: Option<&'a Headers>,
    /// The payload.
    pub payload: &'a [u8],
    /// It answers a message: accepted until the connection closes, also while it drains.
    pub answer: bool,
}

/// What the driver was asked to do besides writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Write what is buffered, then close for good.
    pub close: bool,
    /// Leave this socket and connect anew.
    pub reconnect: bool,
}

/// The driver, if it sleeps: to be woken once the lock is released.
#[must_use = "the driver would sleep on"]
#[derive(Debug)]
pub struct Wake(Option<Bell>);

/// What an operation asks for while the lock is still held.
#[must_use = "the driver would sleep on"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing: the driver is awake, or may rest.
    Nothing,
    /// The driver must be woken.
    Bell,
    /// The driver rests and a block is full: the publisher may write it itself, or wake the driver.
    Block,
}

/// How the driver is woken: it is told that there is something to look at here, since it may be
/// awake for another reason at any time.
#[derive(Clone, Debug)]
struct Bell {
    waker: Waker,
    rung: Arc<AtomicBool>,
}

impl Wake {
    const NOBODY: Wake = Wake(None);

    /// Wakes the driver, if it sleeps.
    #[inline]
    pub fn wake(self) {
        if let Some(Bell { waker, rung }) = self.0 {
            rung.store(true, Ordering::Release);
            waker.wake();
        }
    }

    /// The one of the two that has somebody to wake.
    pub fn or(self, other: Wake) -> Wake {
        Wake(self.0.or(other.0))
    }
}

/// Counters of what publishers handed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutCounters {
    /// Publishes accepted.
    pub messages: u64,
    /// Bytes of accepted publishes: headers and payload.
    pub bytes: u64,
    /// Accepted publishes that were dropped before they reached a socket.
    pub dropped: u64,
}

/// What can be published at one moment without waiting and without being refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes of encoded publishes that the buffer takes; 0 also when it takes none any more.
    pub bytes: usize,
    /// The largest sum of headers and payload.
    pub max_payload: usize,
    /// Whether headers may be sent.
    pub headers: bool,
}

/// The outbound buffer; `P` is whoever waits for a PONG.
pub struct Outbox<P> {
    buf: Vec<u8>,
    /// How much of the first operation in `buf` has been written already.
    begun: usize,
    taken: usize,
    limit: usize,
    policy: OutboundPolicy,
    gate: Gate,
    live: bool,
    max_payload: usize,
    headers_ok: bool,
    pongs: VecDeque<P>,
    orders: Orders,
    bell: Option<Bell>,
    driver: Driver,
    /// The network has been slower than publishers for longer than they should wait in vain.
    stalled: bool,
    counters: OutCounters,
}

impl<P> Outbox<P> {
    /// An empty buffer that holds at most `limit` bytes of operations (one larger message may pass
    /// when it is empty).
    pub fn new(limit: usize, policy: OutboundPolicy) -> Outbox<P> {
        Outbox {
            buf: Vec::new(),
            begun: 0,
            taken: 0,
            limit,
            policy,
            gate: Gate::Open,
            live: false,
            max_payload: usize::MAX,
            headers_ok: true,
            pongs: VecDeque::new(),
            orders: Orders::default(),
            bell: None,
            driver: Driver::Awake,
            stalled: false,
            counters: OutCounters::default(),
        }
    }

    /// Accepts a publish or says why not. One that is `patient` can wait for room, and is told to
    /// while there is more than a socket that is up can take soon.
    #[inline(always)]
    pub fn publish(&mut self, op: &PublishOp<'_>, patient: bool) -> Result<Due> {
        self.check(op)?;
        let need = encode::publish_len(op.subject, op.reply, op.headers, op.payload.len());
        let limit = if patient { self.warm_limit() } else { self.limit };
        if self.pending() + need > limit && self.pending() > 0 {
            self.make_room(need, limit)?;
        }
        self.buf.reserve(need);
        encode::publish(&mut self.buf, op.subject, op.reply, op.headers, op.payload);
        self.count(op);
        Ok(self.after_publish())
    }

    /// [`Outbox::publish`] for a large payload: `write` takes it from where it is, if the driver
    /// sleeps and nothing else waits. It gets the pieces and says how many bytes went; what did not
    /// go is copied.
    #[cold]
    pub fn publish_large(
        &mut self,
        op: &PublishOp<'_>,
        patient: bool,
        write: impl FnOnce([&[u8]; 3]) -> usize,
    ) -> Result<Due> {
        if self.driver == Driver::Awake || !self.live || !self.buf.is_empty() {
            return self.publish(op, patient);
        }
        self.check(op)?;
        self.count(op);
        let payload = op.payload;
        encode::publish_head(&mut self.buf, op.subject, op.reply, op.headers, payload.len());
        let len = self.buf.len() + payload.len() + encode::LINE_END.len();
        let written = write([&self.buf, payload, encode::LINE_END]);
        if written >= len {
            self.buf.clear();
            return Ok(Due::Nothing);
        }
        self.begun = written;
        self.buf.reserve(len - self.buf.len());
        self.buf.extend_from_slice(payload);
        self.buf.extend_from_slice(encode::LINE_END);
        Ok(self.wake_driver())
    }

    /// Lets `write` take what waits, if the driver has slept until the operation that is `due`; it
    /// says how many bytes went. What did not go is the driver's.
    pub fn offer(&mut self, due: Due, write: impl FnOnce(&[u8]) -> usize) -> Due {
        if due == Due::Nothing || !self.live || self.begun > 0 {
            return due;
        }
        self.begun = write(&self.buf).min(self.buf.len());
        if self.begun < self.buf.len() {
            return due;
        }
        self.begun = 0;
        self.buf.clear();
        // It sleeps on.
        self.driver = if due == Due::Block { Driver::Resting } else { Driver::Idle };
        Due::Nothing
    }

    /// What is left to do when the lock is released.
    #[inline]
    pub fn bell(&self, due: Due) -> Wake {
        if due == Due::Nothing { Wake::NOBODY } else { Wake(self.bell.clone()) }
    }

    /// The driver is about to write without having taken anything: nobody else may. False: first it
    /// must take what somebody else has begun to write.
    pub fn claim(&mut self) -> bool {
        self.driver = Driver::Awake;
        self.begun == 0
    }

    /// The driver rests for a moment, so that publishes gather. False: it must not now.
    pub fn rest(&mut self) -> bool {
        let may = self.begun == 0 && self.buf.len() < BLOCK && self.limit >= 4 * BLOCK;
        if may {
            self.driver = Driver::Resting;
        }
        may
    }

    /// Patient publishers have waited long enough for a network that takes nothing: until it does,
    /// they may fill the buffer.
    pub fn stall(&mut self) {
        self.stalled = true;
    }

    /// Appends a PING whose PONG `waiter` waits for.
    pub fn ping(&mut self, waiter: P) -> Result<Due, P> {
        if self.gate == Gate::Closed {
            return Err(waiter);
        }
        encode::ping(&mut self.buf);
        self.pongs.push_back(waiter);
        Ok(self.wake_driver())
    }

    /// Sends a subscription, unless the socket is down: then the replay after reconnect does.
    pub fn subscribe(
        &mut self,
        sid: u64,
        filter: Filter<'_>,
        queue: Option<QueueGroup<'_>>,
    ) -> Wake {
        if !self.live {
            return Wake::NOBODY;
        }
        encode::subscribe(&mut self.buf, sid, filter, queue);
        let due = self.wake_driver();
        self.bell(due)
    }

    /// Sends an unsubscription, unless the socket is down.
    pub fn unsubscribe(&mut self, sid: u64, max: Option<u64>) -> Wake {
        if !self.live {
            return Wake::NOBODY;
        }
        encode::unsubscribe(&mut self.buf, sid, max);
        let due = self.wake_driver();
        self.bell(due)
    }

    /// The waiter of the PONG that just arrived.
    pub fn pong(&mut self) -> Option<P> {
        self.pongs.pop_front()
    }

    /// A socket is up: the server's limits apply from now on.
    pub fn up(&mut self, max_payload: usize, headers_ok: bool) {
        self.live = true;
        // The driver is awake and has the replay to write first.
        self.driver = Driver::Awake;
        self.orders.reconnect = false;
        self.limits(max_payload, headers_ok);
    }

    /// The server's limits, as its newest INFO gives them.
    pub fn limits(&mut self, max_payload: usize, headers_ok: bool) {
        self.max_payload = max_payload;
        self.headers_ok = headers_ok;
    }

    /// The driver's side: swaps the buffered bytes into `chunk` (which is empty) and says how many
    /// of them have been written already. None: there is nothing to write, and the next operation
    /// wakes the driver.
    pub fn take(&mut self, chunk: &mut Vec<u8>) -> Option<usize> {
        self.driver = if self.buf.is_empty() { Driver::Idle } else { Driver::Awake };
        if self.driver == Driver::Idle {
            if self.buf.capacity() > KEPT_CAPACITY {
                self.buf = Vec::new();
            }
            return None;
        }
        std::mem::swap(&mut self.buf, chunk);
        if self.policy == OutboundPolicy::DropOldest && chunk.len() > self.limit / 2 {
            // What is taken cannot be dropped any more: half of the limit stays for the newest.
            let ends = encode::scan(chunk).map(|(_, range)| range.end);
            let fits = ends.take_while(|end| *end <= self.limit / 2).last();
            let first = encode::scan(chunk).next().map(|(_, range)| range.end);
            self.buf = chunk.split_off(fits.or(first).unwrap_or(chunk.len()));
        }
        let begun = std::mem::take(&mut self.begun);
        self.taken = chunk.len() - begun;
        Some(begun)
    }

    /// Stores how the driver is woken. `rung` becomes true when there is something for it here
    /// after it was told that there is nothing.
    pub fn register(&mut self, waker: &Waker, rung: &Arc<AtomicBool>) {
        self.bell = Some(Bell { waker: waker.clone(), rung: Arc::clone(rung) });
    }

    /// The driver wrote `bytes` of what it took.
    pub fn written(&mut self, bytes: usize) {
        self.taken = self.taken.saturating_sub(bytes);
        self.stalled &= self.pending() > WARM / 2;
    }

    /// The socket died after `written` bytes of `chunk` (which began with a whole operation).
    /// Publishes that did not go out completely are kept in order; the waiters of PONGs are handed
    /// back.
    pub fn down(&mut self, chunk: &[u8], written: usize) -> VecDeque<P> {
        self.live = false;
        let mut kept = Vec::with_capacity(chunk.len().saturating_sub(written) + self.buf.len());
        let unsent = encode::scan(chunk).filter(|(_, range)| range.end > written);
        kept_publishes(&mut kept, chunk, unsent);
        let unsent = encode::scan(&self.buf).filter(|(_, range)| range.end > self.begun);
        kept_publishes(&mut kept, &self.buf, unsent);
        self.buf = kept;
        (self.begun, self.taken) = (0, 0);
        std::mem::take(&mut self.pongs)
    }

    /// From now on publishes are refused because the connection drains.
    pub fn refuse_publishes(&mut self) {
        if self.gate == Gate::Open {
            self.gate = Gate::Draining;
        }
    }

    /// Nothing is accepted any more; what is buffered can still be written. Hands the waiters back.
    pub fn refuse_all(&mut self) -> VecDeque<P> {
        self.gate = Gate::Closed;
        std::mem::take(&mut self.pongs)
    }

    /// What is left will not be written: the number of publishes, which count as dropped.
    pub fn discard(&mut self) -> u64 {
        self.live = false;
        let lost = encode::scan(&self.buf).filter(|(kind, _)| *kind == OpKind::Pub).count() as u64;
        self.counters.dropped += lost;
        self.buf = Vec::new();
        self.taken = 0;
        lost
    }

    /// Asks the driver for something.
    pub fn order(&mut self, change: impl FnOnce(&mut Orders)) -> Wake {
        change(&mut self.orders);
        self.driver = Driver::Awake;
        Wake(self.bell.clone())
    }

    /// What the driver was asked to do. A reconnect order is handed out once.
    pub fn orders(&mut self) -> Orders {
        let orders = self.orders;
        self.orders.reconnect = false;
        orders
    }

    /// Bytes accepted and not yet written.
    pub fn pending(&self) -> usize {
        self.buf.len() - self.begun + self.taken
    }

    /// What [`Outbox::publish`] takes now.
    pub fn room(&self) -> Room {
        let bytes = match (self.gate, self.policy) {
            (Gate::Draining | Gate::Closed, _) => 0,
            (Gate::Open, OutboundPolicy::DropOldest) => usize::MAX,
            (Gate::Open, _) => self.limit.saturating_sub(self.pending()),
        };
        Room { bytes, max_payload: self.max_payload, headers: self.headers_ok }
    }

    /// Whether there is room again for waiting publishers (half of the limit).
    pub fn has_room(&self) -> bool {
        self.pending() <= self.warm_limit() / 2
    }

    /// Whether operations go to a socket rather than wait for one.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The server's largest payload; `usize::MAX` before the first INFO.
    pub fn max_payload(&self) -> usize {
        self.max_payload
    }

    /// The policy for a full buffer.
    pub fn policy(&self) -> OutboundPolicy {
        self.policy
    }

    /// Counters since the connection was made.
    pub fn counters(&self) -> OutCounters {
        self.counters
    }

    /// How much patient publishers may hand in.
    #[inline]
    fn warm_limit(&self) -> usize {
        let warm = self.live && !self.stalled && self.policy == OutboundPolicy::Wait;
        if warm { self.limit.min(WARM) } else { self.limit }
    }

    #[inline]
    fn count(&mut self, op: &PublishOp<'_>) {
        self.counters.messages += 1;
        self.counters.bytes +=
            (op.payload.len() + op.headers.map_or(0, Headers::encoded_len)) as u64;
    }

    /// Publishes alone leave a driver that rests asleep until a block is full.
    #[inline]
    fn after_publish(&mut self) -> Due {
        match self.driver {
            Driver::Awake => Due::Nothing,
            Driver::Resting if self.buf.len() < BLOCK => Due::Nothing,
            _ => self.wake_driver(),
        }
    }

    fn wake_driver(&mut self) -> Due {
        match std::mem::replace(&mut self.driver, Driver::Awake) {
            Driver::Awake => Due::Nothing,
            Driver::Idle => Due::Bell,
            Driver::Resting => Due::Block,
        }
    }

    #[inline(always)]
    fn check(&self, op: &PublishOp<'_>) -> Result<()> {
        match self.gate {
            Gate::Open => {}
            Gate::Draining if op.answer => {}
            Gate::Draining => return Err(Code::ConnectionDraining.into()),
            Gate::Closed => return Err(Code::ConnectionClosed.into()),
        }
        let size = op.payload.len() + op.headers.map_or(0, Headers::encoded_len);
        if size > self.max_payload {
            return Err(Error::new(
                Code::MaxPayload,
                format!("{size} bytes exceed the server's max_payload of {}", self.max_payload),
            ));
        }
        if op.headers.is_some() && !self.headers_ok {
            return Err(Code::HeadersUnsupported.into());
        }
        encode::check_publish(op.subject, op.reply)
    }

    #[cold]
    fn make_room(&mut self, need: usize, limit: usize) -> Result<()> {
        if self.policy == OutboundPolicy::DropOldest {
            self.drop_oldest(need);
            return Ok(());
        }
        let text = format!("{} of {limit} outbound bytes are taken", self.pending());
        Err(Error::new(Code::OutboundFull, text))
    }

    /// Drops the oldest publishes until half of what is not being written is free, so that a
    /// publisher that stays too fast pays for the walk rarely. Other operations stay.
    fn drop_oldest(&mut self, need: usize) {
        let goal = (self.limit.saturating_sub(self.taken) / 2).saturating_sub(need);
        let mut kept = Vec::new();
        let mut excess = self.buf.len().saturating_sub(goal);
        for (kind, range) in encode::scan(&self.buf) {
            if kind == OpKind::Pub && excess > 0 && range.start >= self.begun {
                excess = excess.saturating_sub(range.len());
                self.counters.dropped += 1;
            } else {
                kept.extend_from_slice(&self.buf[range]);
            }
        }
        self.buf = kept;
    }
}

fn kept_publishes(
    kept: &mut Vec<u8>,
    from: &[u8],
    operations: impl Iterator<Item = (OpKind, std::ops::Range<usize>)>,
) {
    for (_, range) in operations.filter(|(kind, _)| *kind == OpKind::Pub) {
        kept.extend_from_slice(&from[range]);
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
