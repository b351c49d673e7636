//! Publishing.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::handle::Client;
use crate::conn::shared::{Shared, lock};
use crate::error::{Code, Error, Result};
use crate::proto::Headers;
use crate::proto::outbox::{Due, OutboundPolicy, Outbox, PublishOp};
use crate::proto::subject::Subject;

/// Payloads from this size on are written from where they are, if nothing else is to be written.
/// For smaller ones a copy costs less than a write of their own, which wakes the receiver each time.
const LARGE: usize = 256 * 1024;
/// After this long without room a network counts as stalled, and the buffer is filled to its limit.
const STALL: Duration = Duration::from_millis(10);

/// How to publish.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// The publisher can wait for room.
    pub(crate) patient: bool,
    /// The publisher is going to wait for what comes of it and nobody else is: it goes past a
    /// driver that sleeps, so that no thread has to wake up before the server has it.
    pub(crate) alone: bool,
    /// The publisher will say when it is to be sent together with others.
    pub(crate) gathered: bool,
    /// The subject may contain wildcards, which stand for themselves.
    pub(crate) wild: bool,
}

/// A message to publish.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// Where to.
    pub subject: &'a str,
    /// Where replies go.
    pub reply: Option<&'a str>,
    /// Headers; an empty set counts as none.
    pub headers: Option<&'a Headers>,
    /// The payload.
    pub payload: &'a [u8],
    /// It answers a message that was received: accepted until the connection closes, also while it
    /// drains, and written by the calling thread when that message came without others.
    pub answers: bool,
}

impl<'a> Publish<'a> {
    /// A message with neither reply subject nor headers.
    pub fn new(subject: &'a str, payload: &'a [u8]) -> Publish<'a> {
        Publish { subject, reply: None, headers: None, payload, answers: false }
    }

    /// The same with a reply subject.
    #[must_use]
    pub fn reply(self, reply: &'a str) -> Publish<'a> {
        Publish { reply: Some(reply), ..self }
    }

    /// The same with headers.
    #[must_use]
    pub fn headers(self, headers: &'a Headers) -> Publish<'a> {
        Publish { headers: Some(headers), ..self }
    }
}

impl Client {
    /// Publishes without ever waiting.
    ///
    /// # Errors
    /// [`Code::OutboundFull`] when the outbound buffer has no room (under every policy but
    /// `DropOldest`); otherwise as [`Client::publish_with`].
    #[inline]
    pub fn publish_now(&self, publish: &Publish<'_>) -> Result<()> {
        if let Some(headers) = self.injected(publish.headers) {
            return self.shared().publish_now(&publish.headers(&headers), How::default());
        }
        self.shared().publish_now(publish, How::default())
    }

    /// The first attempt of [`Client::publish_with`], for those who wait by other means.
    ///
    /// # Errors
    /// [`Code::OutboundFull`] also when [`Client::publish_with`] would wait, or would have headers
    /// added by the option `inject`; otherwise the same.
    #[inline]
    pub fn try_publish(&self, publish: &Publish<'_>) -> Result<()> {
        if self.shared().injects(publish.headers) {
            return Err(Code::OutboundFull.into());
        }
        self.shared().publish_now(publish, How { patient: true, ..How::default() })
    }

    /// Publishes `payload` to `subject`.
    ///
    /// Success means accepted: the message is kept until it is written, across reconnects, or until
    /// the connection is closed (then it is counted as dropped).
    ///
    /// # Errors
    /// As [`Client::publish_with`].
    pub async fn publish(&self, subject: &str, payload: impl AsRef<[u8]>) -> Result<()> {
        self.publish_with(&Publish::new(subject, payload.as_ref())).await
    }

    /// Publishes a message with reply subject and headers. Waits for room in the outbound buffer
    /// for at most `publish_timeout` when the policy is `Wait`.
    ///
    /// # Errors
    /// [`Code::InvalidSubject`], [`Code::MaxPayload`], [`Code::HeadersUnsupported`],
    /// [`Code::OutboundFull`], [`Code::ConnectionDraining`], [`Code::ConnectionClosed`]; nothing is
    /// written then.
    pub async fn publish_with(&self, publish: &Publish<'_>) -> Result<()> {
        match self.try_publish(publish) {
            // Boxed, so that a publish that need not wait is a small future.
            Err(error) if error.code() == Code::OutboundFull => {
                Box::pin(self.publish_slowly(publish)).await
            }
            result => result,
        }
    }

    /// Publishes what has headers added, or has to wait for room.
    async fn publish_slowly(&self, publish: &Publish<'_>) -> Result<()> {
        let headers = self.injected(publish.headers);
        let publish = Publish { headers: headers.as_ref().or(publish.headers), ..*publish };
        self.shared().publish_with(&publish, How::default()).await
    }
}

impl Shared {
    #[inline]
    pub(crate) fn publish_now(&self, publish: &Publish<'_>, how: How) -> Result<()> {
        let mut outbox = lock(&self.outbox);
        let op = self.checked(publish, how, &mut outbox)?;
        let mut due = if op.payload.len() >= LARGE {
            outbox.publish_large(&op, how.patient, |pieces| lock(&self.shortcut).write(pieces))?
        } else {
            outbox.publish(&op, how.patient)?
        };
        if due == Due::Nothing {
            return Ok(());
        }
        if due == Due::Soon {
            // Without a timer there is no later.
            due = if lock(&self.shortcut).send_soon() { Due::Nothing } else { outbox.send() };
        }
        let mut made_room = false;
        // The answer to a message without company is hardly followed by another one.
        let alone = how.alone || publish.answers && self.lone.load(Ordering::Relaxed);
        if alone || how.gathered || due == Due::Block {
            due = outbox.offer(due, |bytes| lock(&self.shortcut).write([bytes]));
            made_room = due == Due::Nothing;
        }
        let wake = outbox.bell(due);
        drop(outbox);
        wake.wake();
        if made_room {
            self.room.notify_waiters();
        }
        Ok(())
    }

    #[inline]
    fn checked<'a, P>(
        &self,
        publish: &Publish<'a>,
        how: How,
        outbox: &mut Outbox<P>,
    ) -> Result<PublishOp<'a>> {
        let lenient = self.options.lenient_subjects;
        let check = |text| if lenient { Subject::lenient(text) } else { Subject::new(text) };
        let subject = if how.wild {
            // Not one that others may publish to next.
            Subject::lenient(publish.subject)?
        } else {
            outbox.last_subject.check(publish.subject, check)?
        };
        Ok(PublishOp {
            subject,
            reply: publish.reply.map(Subject::new).transpose().map_err(|e| e.context("reply"))?,
            headers: publish.headers.filter(|headers| !headers.is_empty()),
            payload: publish.payload,
            answer: publish.answers,
            gathered: how.gathered,
        })
    }

    pub(crate) async fn publish_with(&self, publish: &Publish<'_>, how: How) -> Result<()> {
        match self.publish_now(publish, How { patient: true, ..how }) {
            Err(full)
                if full.code() == Code::OutboundFull
                    && self.options.outbound_policy == OutboundPolicy::Wait =>
            {
                // Boxed, so that a publish that need not wait is a small future.
                Box::pin(self.publish_when_room(publish, how, full)).await
            }
            result => result,
        }
    }

    async fn publish_when_room(&self, publish: &Publish<'_>, how: How, full: Error) -> Result<()> {
        let limit = self.options.publish_timeout;
        let warm = self.publish_as_room_comes(publish, How { patient: true, ..how });
        if let Ok(result) = tokio::time::timeout(limit.min(STALL), warm).await {
            return result;
        }
        lock(&self.outbox).stall();
        let full_buffer = self.publish_as_room_comes(publish, How { patient: false, ..how });
        tokio::time::timeout(limit.saturating_sub(STALL), full_buffer).await.unwrap_or_else(|_| {
            Err(full.context(format_args!("no room within {} ms", limit.as_millis())))
        })
    }

    async fn publish_as_room_comes(&self, publish: &Publish<'_>, how: How) -> Result<()> {
        loop {
            let mut room = pin!(self.room.notified());
            // Registered before the attempt, so that room made in between is not missed.
            room.as_mut().enable();
            match self.publish_now(publish, how) {
                Err(error) if error.code() == Code::OutboundFull => room.await,
                result => return result,
            }
        }
    }
}
