//! Taking messages without end (ADR-37).

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use super::ack::JsMessage;
use super::consumption::Consumption;
use super::pull::Pull;
use crate::client::handle::Client;
use crate::client::message::Batch;
use crate::client::subscription::{Subscription, Tap, WeakSubscription};
use crate::conn::event::Event;
use crate::error::{Code, Error, Result};

/// Messages that are taken at once and handed out one by one.
const BATCH: usize = 64;

/// What happens to messages that are taken without end, and does not end them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsumeEvent {
    /// The server was not heard for two heartbeats; it is asked anew.
    HeartbeatMissed,
    /// The server has refused a request, for example since the leader has changed; it is asked anew.
    Refused(Error),
    /// The connection was lost; the server is asked anew once there is another one.
    Disconnected(Error),
    /// The messages come by a new consumer, from behind the last one that was taken (ordered ones);
    /// why the old one was given up.
    Reset(Error),
}

/// Told of what happens, on whatever thread notices it: it must return at once.
pub type ConsumeEvents = Arc<dyn Fn(&ConsumeEvent) + Send + Sync>;

/// Tells who listens, and those who listen to the connection's events.
pub(super) fn tell(
    client: &Client,
    listener: Option<&ConsumeEvents>,
    consumer: &str,
    event: ConsumeEvent,
) {
    if let Some(listener) = listener {
        listener(&event);
    }
    client.shared().events.emit(Event::Consumer { consumer: consumer.to_owned(), event });
}

/// How messages are taken without end.
#[derive(Clone)]
pub struct ConsumeOptions {
    /// How many messages may be under way and waiting to be taken together. Default 500.
    pub max_messages: usize,
    /// How many bytes may be; 0: as many as `max_messages` are. With it, `max_messages` does not count.
    pub max_bytes: usize,
    /// When there are no more than these, more are asked for. None: half of the above.
    pub threshold: Option<usize>,
    /// How long a request lasts. Default 30 s.
    pub expires: Duration,
    /// How often the server says that it is there. None: half of `expires`, 30 s at most.
    pub heartbeat: Option<Duration>,
    /// The group to belong to (ADR-42, server 2.11).
    pub group: String,
    /// Only when so many messages wait.
    pub min_pending: u64,
    /// Only when so many messages wait for their acknowledgement.
    pub min_ack_pending: u64,
    /// Behind those with a smaller number, 0 to 9 (server 2.12).
    pub priority: u8,
    /// Told of what happens.
    pub events: Option<ConsumeEvents>,
}

impl ConsumeEvent {
    /// The event's stable name, for example `heartbeat_missed`.
    pub fn name(&self) -> &'static str {
        match self {
            ConsumeEvent::HeartbeatMissed => "heartbeat_missed",
            ConsumeEvent::Refused(_) => "refused",
            ConsumeEvent::Disconnected(_) => "disconnected",
            ConsumeEvent::Reset(_) => "reset",
        }
    }

    /// Why.
    pub fn reason(&self) -> Option<&Error> {
        match self {
            ConsumeEvent::HeartbeatMissed => None,
            ConsumeEvent::Refused(reason)
            | ConsumeEvent::Disconnected(reason)
            | ConsumeEvent::Reset(reason) => Some(reason),
        }
    }
}

impl Default for ConsumeOptions {
    fn default() -> Self {
        ConsumeOptions {
            max_messages: 500,
            max_bytes: 0,
            threshold: None,
            expires: Duration::from_secs(30),
            heartbeat: None,
            group: String::new(),
            min_pending: 0,
            min_ack_pending: 0,
            priority: 0,
            events: None,
        }
    }
}

impl fmt::Debug for ConsumeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumeOptions")
            .field("max_messages", &self.max_messages)
            .field("max_bytes", &self.max_bytes)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl ConsumeOptions {
    /// The heartbeat and the threshold, once all is checked.
    pub(super) fn checked(&self) -> Result<(Duration, usize)> {
        let bad = |text: &'static str| Err(Error::new(Code::InvalidArgument, text));
        let most = if self.max_bytes > 0 { self.max_bytes } else { self.max_messages };
        if most == 0 {
            return bad("max_messages: expected at least 1");
        }
        if self.expires < Duration::from_secs(1) {
            return bad("expires: expected at least one second");
        }
        if self.priority > 9 {
            return bad("priority: expected 0 to 9");
        }
        let heartbeat = self.heartbeat.unwrap_or((self.expires / 2).min(Duration::from_secs(30)));
        if heartbeat.is_zero() || heartbeat * 2 > self.expires {
            return bad("heartbeat: expected more than zero and at most half of expires");
        }
        let threshold = self.threshold.unwrap_or(most / 2);
        if threshold >= most {
            return bad("threshold: expected less than max_messages, or than max_bytes");
        }
        Ok((heartbeat, threshold))
    }
}

/// What messages without end come through.
pub(super) trait Source: Tap {
    /// Stream and consumer.
    fn name(&self) -> &str;

    /// What was taken is not to be handed out any more.
    fn stopped(&self) -> &AtomicBool;
}

/// Messages without end. Those that were asked for and not handed out are never more than the
/// options allow.
pub struct Messages {
    subscription: Subscription,
    source: Arc<dyn Source>,
    /// Taken and not handed out yet.
    batch: Option<Batch>,
}

/// Ends the messages from elsewhere. Cheap to clone.
#[derive(Clone)]
pub struct Stopper {
    subscription: WeakSubscription,
    source: Arc<dyn Source>,
}

impl Stopper {
    /// Ends the messages now. Those that have come and were not handed out are delivered again once
    /// their time to be acknowledged is over.
    pub fn stop(&self) {
        self.source.stopped().store(true, Ordering::Release);
        if let Some(subscription) = self.subscription.upgrade() {
            // It never fails.
            let _ = subscription.unsubscribe();
        }
    }

    /// Asks for no more messages; those that have come are still handed out.
    pub fn drain(&self) {
        self.source.rest();
        if let Some(subscription) = self.subscription.upgrade() {
            subscription.end(Code::SubscriptionClosed.into());
        }
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper").field("consumer", &self.source.name()).finish_non_exhaustive()
    }
}

impl Pull {
    /// Takes messages without end. They are asked for at once, and then as they are handed out: nothing
    /// is asked for while nobody takes any. What happens meanwhile is told by
    /// [`Event::Consumer`](crate::Event), too.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`], also outside a tokio runtime; those of [`crate::Client::subscribe`].
    pub fn messages(&self, options: &ConsumeOptions) -> Result<Messages> {
        let (subscription, source) = Consumption::start(self, options)?;
        Ok(Messages::new(subscription, source))
    }

    /// The same as a subscription: with an end reason of its own when the consumer or the stream was
    /// deleted, or the server refuses, as [`Messages::next`] says.
    ///
    /// # Errors
    /// As [`Pull::messages`].
    pub fn subscribe(&self, options: &ConsumeOptions) -> Result<Subscription> {
        Ok(Consumption::start(self, options)?.0)
    }
}

impl Messages {
    pub(super) fn new(subscription: Subscription, source: Arc<dyn Source>) -> Messages {
        Messages { subscription, source, batch: None }
    }

    /// The next message; None: it was stopped or drained. It may be called again after a future of it
    /// was dropped: nothing is lost.
    ///
    /// # Errors
    /// No more messages will come: [`Code::ConsumerNotFound`], [`Code::StreamNotFound`] when they were
    /// deleted; [`Code::PullRefused`] with what the server said; [`Code::Permission`];
    /// [`Code::Unsupported`] when the server does not know what is asked for;
    /// [`Code::ConnectionClosed`]. What came before is handed out first.
    pub async fn next(&mut self) -> Result<Option<JsMessage>> {
        poll_fn(|cx| self.poll_message(cx)).await
    }

    /// What ends the messages from elsewhere.
    pub fn stopper(&self) -> Stopper {
        let subscription = self.subscription.downgrade();
        Stopper { subscription, source: Arc::clone(&self.source) }
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<JsMessage>>> {
        loop {
            if self.source.stopped().load(Ordering::Acquire) {
                return Poll::Ready(Ok(None));
            }
            if let Some(message) = self.batch.as_mut().and_then(Batch::next) {
                return Poll::Ready(Ok(Some(JsMessage::new(message, self.subscription.client()))));
            }
            self.batch = self.subscription.take_batch(BATCH);
            if self.batch.is_none() && !ready!(self.subscription.poll_ready(cx)) {
                let reason = self.subscription.end_reason();
                return Poll::Ready(match reason {
                    Some(reason) if reason.code() != Code::SubscriptionClosed => Err(reason),
                    _ => Ok(None),
                });
            }
        }
    }
}

impl Stream for Messages {
    type Item = Result<JsMessage>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_message(cx).map(Result::transpose)
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("consumer", &self.source.name()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_make_no_sense_are_named() {
        let base = ConsumeOptions::default();
        let second = Duration::from_secs(1);
        assert_eq!(base.checked().unwrap(), (Duration::from_secs(15), 250));
        for (options, part) in [
            (ConsumeOptions { max_messages: 0, ..base.clone() }, "max_messages"),
            (ConsumeOptions { expires: Duration::ZERO, ..base.clone() }, "expires"),
            (ConsumeOptions { priority: 10, ..base.clone() }, "priority"),
            (ConsumeOptions { heartbeat: Some(second * 16), ..base.clone() }, "heartbeat"),
            (ConsumeOptions { heartbeat: Some(Duration::ZERO), ..base.clone() }, "heartbeat"),
            (ConsumeOptions { threshold: Some(500), ..base.clone() }, "threshold"),
        ] {
            let error = options.checked().unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.text().starts_with(part), "{error}");
        }
        let bytes = ConsumeOptions { max_bytes: 1000, ..base };
        assert_eq!(bytes.checked().unwrap().1, 500);
    }
}
