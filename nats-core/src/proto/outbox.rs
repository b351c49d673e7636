//! Everything that waits to be written: one byte-bounded buffer for connected and disconnected
//! times.
//!
//! Publishers encode straight into the buffer; the driver swaps it for an empty one and writes
//! large blocks. Only whole operations are ever sent: when a socket dies in the middle of a block,
//! the block is walked again and what was not completely written goes back to the front.

mod publishing;
mod wake;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Waker;

pub use publishing::{OutboundPolicy, PublishOp, Room};
pub use wake::{Due, Wake};

use super::encode::{self, OpKind};
use super::subject::{Filter, LastSubject, QueueGroup};
use crate::error::Result;
use publishing::{BLOCK, WARM};
use wake::{Bell, Driver};

/// An empty buffer gives larger memory back, so that an idle connection stays cheap after a burst.
pub const KEPT_CAPACITY: usize = 256 * 1024;

/// What the buffer accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    Draining,
    Closed,
}

/// What the driver was asked to do besides writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Write what is buffered, then close for good.
    pub close: bool,
    /// Leave this socket and connect anew.
    pub reconnect: bool,
    /// Go on with the other socket, since everything of this one has come.
    pub arrive: bool,
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
    /// Somebody waits for what comes of a publish that has not been taken.
    urgent: bool,
    streamed: u64,
    /// The socket is being left for another one: what comes now is for that.
    held: bool,
    /// Publishes wait for [`Outbox::send`] while the driver sleeps.
    gathered: u32,
    /// For whoever is about to publish.
    pub last_subject: LastSubject,
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
            urgent: false,
            streamed: 0,
            held: false,
            gathered: 0,
            last_subject: LastSubject::default(),
            counters: OutCounters::default(),
        }
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
        let small = self.buf.len() < BLOCK && self.limit >= 4 * BLOCK;
        let may = small && self.begun == 0 && !self.urgent && !self.held;
        if may {
            self.driver = Driver::Resting;
        }
        may
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
        if self.held {
            self.driver = Driver::Awake;
            return None;
        }
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
        (self.urgent, self.gathered) = (false, 0);
        let begun = std::mem::take(&mut self.begun);
        self.taken = chunk.len() - begun;
        Some(begun)
    }

    /// The driver's side: the socket is to be left for another one. Everything that waits goes into
    /// `chunk`, which is empty, then `last`, then a PING for `waiter`; what comes later is kept for
    /// the other one. Returns how much of `chunk` has been written already.
    pub fn leave(&mut self, last: &[u8], waiter: P, chunk: &mut Vec<u8>) -> usize {
        std::mem::swap(&mut self.buf, chunk);
        chunk.extend_from_slice(last);
        encode::ping(chunk);
        self.pongs.push_back(waiter);
        (self.urgent, self.gathered, self.held) = (false, 0, true);
        self.driver = Driver::Awake;
        let begun = std::mem::take(&mut self.begun);
        self.taken = chunk.len() - begun;
        begun
    }

    /// The other socket is up: its server's limits apply from now on.
    pub fn arrive(&mut self, max_payload: usize, headers_ok: bool) {
        self.held = false;
        self.up(max_payload, headers_ok);
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
        (self.begun, self.taken, self.gathered, self.held) = (0, 0, 0, false);
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

    /// What the driver was asked to do. Orders but that to close are handed out once.
    pub fn orders(&mut self) -> Orders {
        let orders = self.orders;
        self.orders = Orders { close: orders.close, ..Orders::default() };
        orders
    }

    /// Bytes accepted and not yet written.
    pub fn pending(&self) -> usize {
        self.buf.len() - self.begun + self.taken
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

    fn wake_driver(&mut self) -> Due {
        self.gathered = 0;
        match std::mem::replace(&mut self.driver, Driver::Awake) {
            Driver::Awake => Due::Nothing,
            Driver::Idle => Due::Bell,
            Driver::Resting => Due::Block,
        }
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
