//! Subscriptions.

use std::fmt;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use futures_core::Stream;

use super::handle::Client;
use super::message::{Batch, Message};
use crate::conn::mailbox::{Mailbox, Overflow, PendingLimits, SubscriptionStats, Taken};
use crate::conn::shared::{State, lock};
use crate::error::{Code, Error, Result};
use crate::proto::encode;
use crate::proto::subject::{Filter, QueueGroup};

/// Options of a subscription; what is None comes from the connection's options.
#[derive(Clone, Debug, Default)]
pub struct SubscribeOptions {
    /// Queue group: each message goes to one member.
    pub queue: Option<String>,
    /// End after this many messages, counted by the server, across reconnects.
    pub max_messages: Option<u64>,
    /// Messages that may wait; 0 is unbounded.
    pub pending_messages: Option<usize>,
    /// Bytes that may wait; 0 is unbounded.
    pub pending_bytes: Option<usize>,
    /// What happens beyond the limits.
    pub overflow: Option<Overflow>,
}

/// A subscription. Cheap to clone; several tasks and threads may take from it, and each message
/// goes to one of them. Dropping the last handle unsubscribes.
#[derive(Clone)]
pub struct Subscription {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    mailbox: Arc<Mailbox>,
    /// None: fed by a task of this process, unknown to the server.
    sid: Option<NonZeroU64>,
    subject: Arc<str>,
    queue: Option<Box<str>>,
    tap: Option<Arc<dyn Tap>>,
}

/// Stands between what has arrived and the program: for messages that have to be asked for.
pub(crate) trait Tap: Send + Sync {
    /// Takes up to `max` messages for the program, and keeps those that are not for it.
    fn take(&self, mailbox: &Mailbox, max: usize) -> Option<Taken>;

    /// The program looks for more: what it has taken was handled.
    fn handled(&self, mailbox: &Mailbox);

    /// The subscription is about to end: nothing more is to be asked for.
    fn rest(&self);
}

impl Client {
    /// Subscribes to `subject` (wildcards allowed). While disconnected the subscription is made
    /// with the reconnect.
    ///
    /// # Errors
    /// As [`Client::subscribe_with`].
    pub fn subscribe(&self, subject: &str) -> Result<Subscription> {
        self.subscribe_with(subject, &SubscribeOptions::default())
    }

    /// Subscribes with options.
    ///
    /// # Errors
    /// [`Code::InvalidSubject`], [`Code::InvalidQueueGroup`], [`Code::InvalidArgument`] for a
    /// maximum of zero, [`Code::ConnectionDraining`], [`Code::ConnectionClosed`]. A refusal by the
    /// server comes later: it ends the subscription with [`Code::Permission`].
    pub fn subscribe_with(
        &self,
        subject: &str,
        options: &SubscribeOptions,
    ) -> Result<Subscription> {
        self.subscribe_through(None, subject, options)
    }

    pub(crate) fn subscribe_through(
        &self,
        tap: Option<Arc<dyn Tap>>,
        subject: &str,
        options: &SubscribeOptions,
    ) -> Result<Subscription> {
        let filter = Filter::new(subject)?;
        let queue = options.queue.as_deref().map(QueueGroup::new).transpose()?;
        encode::check_subscribe(filter, queue)?;
        if options.max_messages == Some(0) {
            return Err(Error::new(Code::InvalidArgument, "max_messages: must be at least 1"));
        }
        let mailbox = self.mailbox(options);
        let shared = self.shared();
        let (sid, subject, wake) = shared.with_registry(|registry| {
            if registry.is_closed() {
                return Err(Error::from(Code::ConnectionClosed));
            }
            if matches!(self.state(), State::DrainingSubs | State::DrainingPubs) {
                return Err(Code::ConnectionDraining.into());
            }
            let (sid, subject) = registry.add(filter, queue, Arc::clone(&mailbox));
            let mut outbox = lock(&shared.outbox);
            let mut wake = outbox.subscribe(sid, filter, queue);
            if let Some(max) = options.max_messages {
                registry.set_max(sid, max);
                wake = wake.or(outbox.unsubscribe(sid, Some(max)));
            }
            Ok((sid, subject, wake))
        })?;
        wake.wake();
        let (client, queue) = (self.clone(), options.queue.as_deref().map(Box::from));
        let inner = Inner { client, mailbox, sid: NonZeroU64::new(sid), subject, queue, tap };
        Ok(Subscription { inner: Arc::new(inner) })
    }

    pub(crate) fn mailbox(&self, options: &SubscribeOptions) -> Arc<Mailbox> {
        let defaults = self.options();
        Arc::new(Mailbox::new(PendingLimits {
            messages: options.pending_messages.unwrap_or(defaults.pending_messages),
            bytes: options.pending_bytes.unwrap_or(defaults.pending_bytes),
            overflow: options.overflow.unwrap_or(defaults.overflow),
        }))
    }
}

impl Subscription {
    /// One that a task of this process feeds.
    pub(crate) fn fed(client: Client, mailbox: Arc<Mailbox>, subject: &str) -> Subscription {
        let subject = subject.into();
        let inner = Inner { client, mailbox, sid: None, subject, queue: None, tap: None };
        Subscription { inner: Arc::new(inner) }
    }

    /// The next message. None: no more will come, see [`Subscription::end_reason`].
    pub async fn next(&self) -> Option<Message> {
        loop {
            if let Some(message) = self.try_next() {
                return Some(message);
            }
            if !self.ready().await {
                return None;
            }
        }
    }

    /// Waits until messages are pending (true), or none is and none will come (false).
    pub async fn ready(&self) -> bool {
        self.inner.handled();
        self.inner.mailbox.ready().await
    }

    /// The next message, if one is there now.
    pub fn try_next(&self) -> Option<Message> {
        let taken = self.inner.take(1)?;
        Some(Message::first(taken.run, self.inner.client.shared()))
    }

    /// Appends up to `max` messages that are there now to `out`; returns how many.
    pub fn take(&self, out: &mut Vec<Message>, max: usize) -> usize {
        let before = out.len();
        while let Some(batch) = self.take_batch(max - (out.len() - before)) {
            let more = batch.left_more();
            out.extend(batch);
            if !more {
                break;
            }
        }
        out.len() - before
    }

    /// Takes messages that are there now: up to `max`, of those that share a block of memory.
    pub fn take_batch(&self, max: usize) -> Option<Batch> {
        let max = Some(max).filter(|max| *max > 0)?;
        Some(Batch::new(self.inner.take(max)?, self.inner.client.shared()))
    }

    /// Ready(true): messages are pending. Ready(false): none is pending and none will come.
    /// Otherwise the waker is kept; several may wait, and a wake means «look again».
    pub fn poll_ready(&self, cx: &Context<'_>) -> Poll<bool> {
        self.inner.handled();
        self.inner.mailbox.poll_ready(cx)
    }

    /// Why no more messages will come, once that is so (some may still be pending):
    /// [`Code::SubscriptionClosed`], [`Code::SubscriptionEnded`], [`Code::ConnectionClosed`],
    /// [`Code::SlowConsumer`], [`Code::Permission`], or [`Code::NoResponders`] for a request-many.
    pub fn end_reason(&self) -> Option<Error> {
        self.inner.mailbox.end_reason()
    }

    /// Ends the subscription now. Pending messages are dropped; a second call changes nothing.
    ///
    /// # Errors
    /// None today; a result because the server's answer may be awaited one day.
    pub fn unsubscribe(&self) -> Result<()> {
        self.inner.unsubscribe();
        Ok(())
    }

    /// Ends the subscription after `max` messages, counted from its beginning as the server counts,
    /// across reconnects. Zero, or fewer than were received already, ends it at once; pending
    /// messages can still be taken.
    ///
    /// # Errors
    /// The end reason when the subscription has ended already; [`Code::InvalidArgument`] for the
    /// replies of a request-many and the messages of a consumer.
    pub fn unsubscribe_after(&self, max: u64) -> Result<()> {
        let Some(sid) = self.wire_sid().filter(|_| self.inner.tap.is_none()) else {
            return Err(Error::new(Code::InvalidArgument, "these messages end by their own rules"));
        };
        let shared = self.inner.client.shared();
        let wake = shared.with_registry(|registry| {
            // A maximum of zero would mean «none» to the server; it has ended here already.
            let wire = Some(max).filter(|max| *max > 0);
            registry.set_max(sid, max).then(|| lock(&shared.outbox).unsubscribe(sid, wire))
        });
        match wake {
            Some(wake) => {
                wake.wake();
                Ok(())
            }
            None => Err(self.end_reason().unwrap_or(Code::SubscriptionClosed.into())),
        }
    }

    /// The subject subscribed to.
    pub fn subject(&self) -> &str {
        &self.inner.subject
    }

    /// The queue group.
    pub fn queue(&self) -> Option<&str> {
        self.inner.queue.as_deref()
    }

    /// The subscription id on the wire; 0 for the replies of a request-many.
    pub fn sid(&self) -> u64 {
        self.inner.sid.map_or(0, NonZeroU64::get)
    }

    /// Counters.
    pub fn stats(&self) -> SubscriptionStats {
        self.inner.mailbox.stats()
    }

    /// The connection that it belongs to.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    pub(crate) fn wire_sid(&self) -> Option<u64> {
        self.inner.sid.map(NonZeroU64::get)
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.inner.mailbox
    }

    pub(crate) fn end(&self, reason: Error) {
        self.inner.mailbox.close(reason, false);
    }

    /// Nothing more is asked for.
    pub(crate) fn rest(&self) {
        if let Some(tap) = &self.inner.tap {
            tap.rest();
        }
    }

    /// A handle that does not keep it.
    pub(crate) fn downgrade(&self) -> WeakSubscription {
        WeakSubscription { inner: Arc::downgrade(&self.inner) }
    }
}

/// A handle of a subscription that does not keep it.
#[derive(Clone)]
pub(crate) struct WeakSubscription {
    inner: Weak<Inner>,
}

impl WeakSubscription {
    /// The subscription, unless it is gone.
    pub(crate) fn upgrade(&self) -> Option<Subscription> {
        Some(Subscription { inner: self.inner.upgrade()? })
    }
}

impl Inner {
    #[inline]
    fn take(&self, max: usize) -> Option<Taken> {
        match &self.tap {
            None => self.mailbox.take(max),
            Some(tap) => tap.take(&self.mailbox, max),
        }
    }

    fn handled(&self) {
        if let Some(tap) = &self.tap {
            tap.handled(&self.mailbox);
        }
    }

    fn unsubscribe(&self) {
        if let Some(tap) = &self.tap {
            tap.rest();
        }
        if let Some(sid) = self.sid.map(NonZeroU64::get) {
            let shared = self.client.shared();
            let wake = shared.with_registry(|registry| {
                registry.remove(sid).then(|| lock(&shared.outbox).unsubscribe(sid, None))
            });
            if let Some(wake) = wake {
                wake.wake();
            }
        }
        self.mailbox.close(Code::SubscriptionClosed.into(), true);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.unsubscribe();
    }
}

impl Stream for Subscription {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        loop {
            if let Some(message) = self.try_next() {
                return Poll::Ready(Some(message));
            }
            match self.poll_ready(cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("subject", &self.inner.subject)
            .field("queue", &self.inner.queue)
            .field("sid", &self.inner.sid)
            .finish_non_exhaustive()
    }
}
