//! One request, many replies (ADR-47).

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::after;
use super::handle::Client;
use super::request::Request;
use super::subscription::{SubscribeOptions, Subscription};
use crate::conn::mailbox::Mailbox;
use crate::error::{Code, Error, Result};

/// When the replies of a request-many end. The total wait always applies; the others when set.
#[derive(Clone, Copy, Debug)]
pub struct ManyOptions {
    /// End after this many replies.
    pub max_messages: Option<u64>,
    /// End after this time in total. Default 10 s.
    pub max_wait: Duration,
    /// End when no reply came for this long after the last one; before the first reply only
    /// `max_wait` applies.
    pub stall: Option<Duration>,
    /// End at a reply with an empty payload, which is not delivered.
    pub sentinel: bool,
}

impl Default for ManyOptions {
    fn default() -> Self {
        let max_wait = Duration::from_secs(10);
        ManyOptions { max_messages: None, max_wait, stall: None, sentinel: false }
    }
}

impl Client {
    /// Sends a request and returns its replies as a subscription, which ends with
    /// [`Code::SubscriptionEnded`] by the rules of `options`, with [`Code::NoResponders`] when
    /// nobody is subscribed, or with [`Code::ConnectionLost`] when the socket dies meanwhile. The
    /// request's own timeout is not used.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a maximum or wait of zero; those of [`Client::publish_with`]
    /// and [`Client::subscribe_with`].
    pub async fn request_many(
        &self,
        request: &Request<'_>,
        options: &ManyOptions,
    ) -> Result<Subscription> {
        if options.max_messages == Some(0) || options.max_wait.is_zero() {
            let text = "max_messages and max_wait: must be more than zero";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| Error::new(Code::InvalidArgument, "request_many needs a tokio runtime"))?;
        let inbox = self.new_inbox()?;
        let subscribe = SubscribeOptions::default();
        let replies = self.subscribe_with(&inbox, &subscribe)?;
        let mailbox = self.mailbox(&subscribe);
        let out = Subscription::fed(self.clone(), mailbox.clone(), &inbox);
        let failure = self.watch_failure(request.subject)?;
        self.publish_with(&request.publish(&inbox)).await?;
        let rules = Rules { options: *options, deadline: after(options.max_wait) };
        runtime.spawn(async move {
            let mut relay = pin!(rules.relay(&replies, &mailbox));
            let mut failure = pin!(failure);
            let end = poll_fn(|cx| {
                if mailbox.poll_ended(cx).is_ready() {
                    return Poll::Ready(Code::SubscriptionClosed.into());
                }
                if let Poll::Ready(reason) = relay.as_mut().poll(cx) {
                    return Poll::Ready(reason);
                }
                failure.as_mut().poll(cx)
            })
            .await;
            mailbox.close(end, false);
        });
        Ok(out)
    }
}

struct Rules {
    options: ManyOptions,
    deadline: Instant,
}

impl Rules {
    /// Passes replies on until a rule ends them; returns why they ended.
    async fn relay(self, replies: &Subscription, out: &Mailbox) -> Error {
        let done = Error::from(Code::SubscriptionEnded);
        let mut passed = 0;
        loop {
            let mut until = self.deadline;
            if let Some(stall) = self.options.stall.filter(|_| passed > 0) {
                until = until.min(after(stall));
            }
            let message = match tokio::time::timeout_at(until.into(), replies.next()).await {
                Err(_) => return done,
                Ok(None) => return replies.end_reason().unwrap_or(done),
                Ok(Some(message)) => message,
            };
            if passed == 0 && message.is_no_responders() {
                return Code::NoResponders.into();
            }
            if self.options.sentinel && message.payload().is_empty() {
                return done;
            }
            passed += 1;
            out.deliver(message.into_run());
            if self.options.max_messages.is_some_and(|max| passed >= max) {
                return done;
            }
        }
    }
}
