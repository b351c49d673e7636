//! Ending without losing what is under way.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::after;
use super::handle::Client;
use super::subscription::Subscription;
use crate::conn::event::Event;
use crate::conn::mailbox::Mailbox;
use crate::conn::shared::{State, lock};
use crate::error::{Code, Error, Result};

impl Subscription {
    /// [`Subscription::drain_timeout`] with the connection's `drain_timeout`.
    ///
    /// # Errors
    /// As [`Subscription::drain_timeout`].
    pub async fn drain(&self) -> Result<()> {
        self.drain_timeout(self.client().options().drain_timeout).await
    }

    /// Unsubscribes at the server, then waits until everything that was under way has been taken by
    /// the consumers; requests to an endpoint of a service have to be answered or given up, too. While
    /// disconnected, what has arrived is all there is.
    ///
    /// # Errors
    /// [`Code::Timeout`]: the subscription is ended all the same, pending messages can still be
    /// taken.
    pub async fn drain_timeout(&self, timeout: Duration) -> Result<()> {
        let deadline = after(timeout);
        self.rest();
        self.client().drain_sids(self.wire_sid().as_slice(), deadline).await;
        self.end(Code::SubscriptionClosed.into());
        within(deadline, timeout, poll_fn(|cx| self.mailbox().poll_handled(cx))).await
    }
}

impl Client {
    /// [`Client::drain_timeout`] with the connection's `drain_timeout`.
    ///
    /// # Errors
    /// As [`Client::drain_timeout`].
    pub async fn drain(&self) -> Result<()> {
        self.drain_timeout(self.options().drain_timeout).await
    }

    /// Drains every subscription, then sends what was published, then closes the connection. New
    /// subscriptions are refused from the start, publishes once the subscriptions are empty, answers
    /// ([`crate::Message::respond`]) when the connection closes. A message that was taken counts as
    /// handled: use [`Client::drain_with`] to wait for its handler too. Requests to services have to
    /// be answered or given up.
    ///
    /// # Errors
    /// [`Code::Timeout`] (the connection is closed all the same), [`Code::ConnectionDraining`] when
    /// a drain is under way, [`Code::ConnectionClosed`].
    pub async fn drain_timeout(&self, timeout: Duration) -> Result<()> {
        self.drain_with(timeout, async {}).await
    }

    /// [`Client::drain_timeout`] for those who take messages and handle them elsewhere: once every
    /// subscription is empty it waits for `handled` before it stops to accept publishes. The drain
    /// begins with the call, not with the first poll.
    ///
    /// # Errors
    /// As [`Client::drain_timeout`].
    pub fn drain_with<F: Future<Output = ()>>(
        &self,
        timeout: Duration,
        handled: F,
    ) -> impl Future<Output = Result<()>> + use<F> {
        let deadline = after(timeout);
        let begun = self.begin_drain();
        let client = self.clone();
        async move {
            let mailboxes = begun?;
            let result = client.drain_all(mailboxes, deadline, timeout, handled).await;
            client.close().await;
            result
        }
    }

    fn begin_drain(&self) -> Result<Vec<(u64, Arc<Mailbox>)>> {
        let shared = self.shared();
        // Under the registry's lock, so that no subscription slips in behind the list.
        let mailboxes = shared.with_registry(|registry| {
            if registry.is_closed() {
                return Err(Error::from(Code::ConnectionClosed));
            }
            if !shared.enter(State::DrainingSubs) {
                return Err(Code::ConnectionDraining.into());
            }
            let sids = registry.sids().into_iter();
            Ok(sids.filter_map(|sid| Some((sid, registry.mailbox(sid)?))).collect())
        })?;
        shared.events.emit(Event::Draining);
        Ok(mailboxes)
    }

    async fn drain_all(
        &self,
        mailboxes: Vec<(u64, Arc<Mailbox>)>,
        deadline: Instant,
        timeout: Duration,
        handled: impl Future<Output = ()>,
    ) -> Result<()> {
        let sids: Vec<u64> = mailboxes.iter().map(|(sid, _)| *sid).collect();
        self.drain_sids(&sids, deadline).await;
        for (_, mailbox) in mailboxes {
            within(deadline, timeout, poll_fn(|cx| mailbox.poll_handled(cx))).await?;
        }
        within(deadline, timeout, handled).await?;
        let shared = self.shared();
        shared.enter(State::DrainingPubs);
        lock(&shared.outbox).refuse_publishes();
        self.flush_timeout(deadline.saturating_duration_since(Instant::now())).await
    }

    /// Tells the server to stop, waits until what was under way has arrived, and ends the
    /// subscriptions. When the server cannot be asked, what has arrived is all there is.
    pub(crate) async fn drain_sids(&self, sids: &[u64], deadline: Instant) {
        let shared = self.shared();
        let live = shared.with_registry(|registry| {
            let mut outbox = lock(&shared.outbox);
            for &sid in sids {
                if registry.set_draining(sid) {
                    // Woken under the lock: the driver waits for it a moment at most.
                    outbox.unsubscribe(sid, None).wake();
                }
            }
            outbox.is_live()
        });
        if live && !sids.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            // Whatever the answer, no more messages are to be waited for.
            let _ = self.flush_timeout(left).await;
        }
        shared.with_registry(|registry| {
            for &sid in sids {
                registry.finish(sid, Code::SubscriptionClosed.into());
            }
        });
    }
}

async fn within(
    deadline: Instant,
    timeout: Duration,
    done: impl Future<Output = ()>,
) -> Result<()> {
    tokio::time::timeout_at(deadline.into(), done).await.map_err(|_| {
        let text = format!("messages were still pending after {} ms", timeout.as_millis());
        Error::new(Code::Timeout, text)
    })
}
