//! The publishers' side of the outbound buffer.

use super::wake::{Driver, Due};
use super::{Gate, Outbox};
use crate::error::{Code, Error, Result};
use crate::proto::encode::{self, OpKind};
use crate::proto::headers::Headers;
use crate::proto::subject::Subject;

/// Publishers that may write themselves do so when this much waits for a driver that rests.
pub(super) const BLOCK: usize = 256 * 1024;

/// So many publishes gather before they are sent, so that the server works meanwhile.
pub(super) const GATHERED: u32 = 32;

/// Publishers that may wait do so from here on while a socket is up: more would only leave the
/// processor's caches before it is written.
pub(super) const WARM: usize = 1024 * 1024;

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
    /// Others follow, and [`Outbox::send`] behind them.
    pub gathered: bool,
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

impl<P> Outbox<P> {
    /// Accepts a publish or says why not. One that is `patient` can wait for room, and is told to
    /// while there is more than a socket that is up can take soon.
    #[inline(always)]
    pub fn publish(&mut self, op: &PublishOp<'_>, patient: bool) -> Result<Due> {
        let size = self.check(op)?;
        let room = encode::publish_room(op.subject, op.reply, size);
        let limit = if patient { self.warm_limit() } else { self.limit };
        if self.pending() + room > limit && self.pending() > 0 {
            self.make_room(op, limit)?;
        }
        self.buf.reserve(room);
        encode::publish(&mut self.buf, op.subject, op.reply, op.headers, op.payload);
        self.count(size);
        Ok(self.after_publish(op))
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
        let size = self.check(op)?;
        self.count(size);
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

    /// What was gathered is to be sent now.
    pub fn send(&mut self) -> Due {
        if self.gathered > 0 { self.wake_driver() } else { Due::Nothing }
    }

    /// How many publishes there were that nobody waits for: those of a stream.
    pub fn streamed(&self) -> u64 {
        self.streamed
    }

    /// Patient publishers have waited long enough for a network that takes nothing: until it does,
    /// they may fill the buffer.
    pub fn stall(&mut self) {
        self.stalled = true;
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

    #[inline]
    fn count(&mut self, size: usize) {
        self.counters.messages += 1;
        self.counters.bytes += size as u64;
    }

    /// Publishes that nobody waits for leave a driver that rests asleep until a block is full.
    #[inline]
    fn after_publish(&mut self, op: &PublishOp<'_>) -> Due {
        if op.reply.is_some() || op.answer {
            self.urgent = true;
            if op.gathered && self.driver == Driver::Idle {
                self.gathered += 1;
                if self.gathered == 1 {
                    return Due::Soon;
                }
                if self.gathered < GATHERED {
                    return Due::Nothing;
                }
                return self.wake_driver();
            }
            return if self.wake_driver() == Due::Nothing { Due::Nothing } else { Due::Bell };
        }
        self.streamed += 1;
        match self.driver {
            Driver::Awake => Due::Nothing,
            Driver::Resting if self.buf.len() < BLOCK => Due::Nothing,
            _ => self.wake_driver(),
        }
    }

    /// Whether it may be sent; the size of header block and payload.
    #[inline(always)]
    fn check(&self, op: &PublishOp<'_>) -> Result<usize> {
        match self.gate {
            Gate::Open => {}
            Gate::Draining if op.answer => {}
            Gate::Draining => return Err(Code::ConnectionDraining.into()),
            Gate::Closed => return Err(Code::ConnectionClosed.into()),
        }
        let size = op.payload.len() + op.headers.map_or(0, Headers::encoded_len);
        if size > self.max_payload {
            return Err(self.too_large(size));
        }
        if op.headers.is_some() && !self.headers_ok {
            return Err(Code::HeadersUnsupported.into());
        }
        encode::check_publish(op.subject, op.reply)?;
        Ok(size)
    }

    #[cold]
    fn too_large(&self, size: usize) -> Error {
        let text = format!("{size} bytes exceed the server's max_payload of {}", self.max_payload);
        Error::new(Code::MaxPayload, text)
    }

    #[cold]
    fn make_room(&mut self, op: &PublishOp<'_>, limit: usize) -> Result<()> {
        let need = encode::publish_len(op.subject, op.reply, op.headers, op.payload.len());
        if self.pending() + need <= limit {
            return Ok(());
        }
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
