//! Publishing.

use std::pin::pin;

use super::handle::Client;
use crate::conn::shared::{Shared, lock};
use crate::error::{Code, Error, Result};
use crate::proto::Headers;
use crate::proto::outbox::{OutboundPolicy, PublishOp};
use crate::proto::subject::Subject;

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
}

impl<'a> Publish<'a> {
    /// A message with neither reply subject nor headers.
    pub fn new(subject: &'a str, payload: &'a [u8]) -> Publish<'a> {
        Publish { subject, reply: None, headers: None, payload }
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
        self.shared().publish_now(publish, false)
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
        self.shared().publish_with(publish, false).await
    }
}

impl Shared {
    #[inline]
    pub(crate) fn publish_now(&self, publish: &Publish<'_>, answer: bool) -> Result<()> {
        let op = self.checked(publish, answer)?;
        // The lock is released at the end of the first statement.
        let wake = lock(&self.outbox).publish(&op)?;
        wake.wake();
        Ok(())
    }

    /// Publishes what its sender is going to wait for: past the driver, if that sleeps, so that no
    /// thread has to wake up before the server has it.
    pub(crate) fn publish_past_driver(&self, publish: &Publish<'_>) -> Result<()> {
        let op = self.checked(publish, false)?;
        let mut outbox = lock(&self.outbox);
        let wake = outbox.publish(&op)?;
        let wake = outbox.offer(wake, |bytes| lock(&self.shortcut).write(bytes));
        drop(outbox);
        wake.wake();
        Ok(())
    }

    #[inline]
    fn checked<'a>(&self, publish: &Publish<'a>, answer: bool) -> Result<PublishOp<'a>> {
        let subject = |text| {
            if self.options.lenient_subjects { Subject::lenient(text) } else { Subject::new(text) }
        };
        Ok(PublishOp {
            subject: subject(publish.subject)?,
            reply: publish.reply.map(Subject::new).transpose().map_err(|e| e.context("reply"))?,
            headers: publish.headers.filter(|headers| !headers.is_empty()),
            payload: publish.payload,
            answer,
        })
    }

    pub(crate) async fn publish_with(&self, publish: &Publish<'_>, answer: bool) -> Result<()> {
        match self.publish_now(publish, answer) {
            Err(full)
                if full.code() == Code::OutboundFull
                    && self.options.outbound_policy == OutboundPolicy::Wait =>
            {
                // Boxed, so that a publish that need not wait is a small future.
                Box::pin(self.publish_when_room(publish, answer, full)).await
            }
            result => result,
        }
    }

    async fn publish_when_room(
        &self,
        publish: &Publish<'_>,
        answer: bool,
        full: Error,
    ) -> Result<()> {
        let attempts = async {
            loop {
                let mut room = pin!(self.room.notified());
                // Registered before the attempt, so that room made in between is not missed.
                room.as_mut().enable();
                match self.publish_now(publish, answer) {
                    Err(error) if error.code() == Code::OutboundFull => room.await,
                    result => return result,
                }
            }
        };
        let limit = self.options.publish_timeout;
        tokio::time::timeout(limit, attempts).await.unwrap_or_else(|_| {
            Err(full.context(format_args!("no room within {} ms", limit.as_millis())))
        })
    }
}
