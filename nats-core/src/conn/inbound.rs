//! What a link receives: read by the driver, or by a thread that waits for something of it.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::registry::Report;
use super::shared::Shared;
use crate::error::{Code, Error, Result};
use crate::proto::read_buffer::ReadBuffer;
use crate::proto::session::Session;

/// Locked by whoever reads, before all other locks, until what was read is with whom it concerns.
pub(crate) struct Inbound {
    pub(crate) session: Session,
    pub(crate) buffer: ReadBuffer,
    /// For the driver to tell.
    pub(crate) reports: Vec<Report>,
    /// The driver is to leave: the peer broke the protocol, or handing something out panicked.
    fault: Option<Error>,
}

impl Inbound {
    pub(crate) fn new(session: Session, buffer: ReadBuffer) -> Inbound {
        Inbound { session, buffer, reports: Vec::new(), fault: None }
    }

    /// Hands out what `count` more bytes of the buffer bring.
    pub(crate) fn arrived(&mut self, count: usize, shared: &Shared) {
        self.buffer.filled(count);
        let mut unwound = Unwound(self, true);
        let inbound = &mut *unwound.0;
        let handled = shared.with_registry(|registry| {
            let before = registry.counters.messages;
            let mut sink = registry.dispatch();
            let handled =
                inbound.session.handle_bytes(&mut inbound.buffer, Instant::now(), &mut sink);
            // What came before a fault is delivered all the same.
            registry.hand_over(&mut inbound.reports);
            // Known before the wake-ups, hence to whoever answers.
            shared.lone.store(registry.counters.messages <= before + 1, Ordering::Relaxed);
            registry.answer(&shared.requests, shared.request_inbox.len());
            handled
        });
        inbound.fault = handled.err();
        unwound.1 = false;
    }

    /// Why the link has to end.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.fault.take().map_or(Ok(()), Err)
    }

    /// Answers those who wait for the PONGs that have arrived. Returns whether there is something
    /// left that only the driver can do.
    pub(crate) fn answer_pongs(&mut self, shared: &Shared) -> bool {
        while self.session.next_is_pong() {
            self.session.poll_notice();
            shared.pong();
        }
        self.session.has_something() || !self.reports.is_empty() || self.fault.is_some()
    }
}

/// Notes a panic, after which nobody knows how much of the buffer was handed out.
struct Unwound<'a>(&'a mut Inbound, bool);

impl Drop for Unwound<'_> {
    fn drop(&mut self) {
        if self.1 {
            self.0.fault = Some(Error::new(Code::Internal, "handing out messages panicked"));
        }
    }
}
