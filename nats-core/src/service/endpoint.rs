//! Endpoints: where a service takes its requests.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use super::config::{EndpointConfig, Queue};
use super::counts::Counts;
use super::document::{EndpointInfo, EndpointStats};
use super::handle::{Keeper, Service};
use super::name::check_name;
use super::request::Request;
use crate::client::subscription::{SubscribeOptions, Subscription};
use crate::conn::mailbox::Mailbox;
use crate::error::Result;
use crate::proto::subject::Filter;

/// Where a service takes its requests. Cheap to clone; each request goes to one of those who take
/// from it.
///
/// Rust programs take [`Request`]s, which count themselves. Others may take the messages of its
/// [`Endpoint::subscription`] by whatever means, and call [`Endpoint::handled`] once for each.
///
/// It ends with its subscription: when that is unsubscribed or drained, or the last handle of
/// either is dropped. Then it is none of the service's any more, which goes on.
#[derive(Clone)]
#[must_use = "an endpoint that is dropped ends"]
pub struct Endpoint {
    keeper: Arc<Keeper>,
    served: Arc<Served>,
    subscription: Subscription,
}

/// An endpoint as its service knows it.
pub(super) struct Served {
    pub(super) info: EndpointInfo,
    pub(super) counts: Counts,
    pub(super) sid: u64,
    pub(super) mailbox: Arc<Mailbox>,
    /// Its end was noticed.
    pub(super) ended: AtomicBool,
}

impl Endpoint {
    /// Subscribes, in a group of this prefix whose policy is `outer`.
    pub(super) fn add(
        keeper: &Arc<Keeper>,
        prefix: &str,
        outer: &Queue,
        name: &str,
        config: &EndpointConfig,
    ) -> Result<Endpoint> {
        check_name(name)?;
        let queue = config.queue_group.within(outer);
        queue.check()?;
        let own = config.subject.as_deref().unwrap_or(name);
        Filter::new(own).map_err(|error| error.context("subject"))?;
        let subject = joined(prefix, own);
        let options = SubscribeOptions {
            queue: queue.group().map(str::to_owned),
            max_messages: None,
            pending_messages: config.pending_messages,
            pending_bytes: config.pending_bytes,
            overflow: config.overflow,
        };
        let instance = keeper.instance();
        let subscription = instance.client.subscribe_with(&subject, &options)?;
        let mailbox = Arc::clone(subscription.mailbox());
        mailbox.watch_handling();
        let info = EndpointInfo {
            name: name.to_owned(),
            subject,
            queue_group: options.queue.unwrap_or_default(),
            metadata: config.metadata.clone(),
            ..EndpointInfo::default()
        };
        let served = Arc::new(Served {
            info,
            counts: Counts::default(),
            sid: subscription.sid(),
            mailbox,
            ended: AtomicBool::new(false),
        });
        instance.serve(&served)?;
        Ok(Endpoint { keeper: Arc::clone(keeper), served, subscription })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.served.info.name
    }

    /// Where it listens.
    pub fn subject(&self) -> &str {
        &self.served.info.subject
    }

    /// What it is, as INFO tells it.
    pub fn info(&self) -> &EndpointInfo {
        &self.served.info
    }

    /// The service that it belongs to.
    pub fn service(&self) -> Service {
        Service::of(&self.keeper)
    }

    /// What its requests come by. Its counters tell of requests that wait and of those that were
    /// dropped.
    pub fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// The next request. None: no more will come, see
    /// [`end_reason`](Subscription::end_reason) of its subscription.
    pub async fn next(&self) -> Option<Request> {
        Some(Request::new(self.subscription.next().await?, &self.served))
    }

    /// The next request, if one is there now.
    pub fn try_next(&self) -> Option<Request> {
        Some(Request::new(self.subscription.try_next()?, &self.served))
    }

    /// Counts a request that was taken of the subscription and is handled now: answered, or given
    /// up. It took this long; an error is told as it is, so it should be the text of a
    /// [`ServiceError`](super::ServiceError). It is to be called once for each message, after its
    /// answer: a stop waits for that, and so does a drain of the connection.
    pub fn handled(&self, took: Duration, error: Option<&str>) {
        self.served.handled(took, error);
    }

    /// What it has done, with what the program adds.
    pub fn stats(&self) -> EndpointStats {
        self.keeper.instance().endpoint_stats(&self.served)
    }
}

impl Served {
    /// The counters.
    pub(super) fn stats(&self) -> EndpointStats {
        let mut stats = EndpointStats {
            name: self.info.name.clone(),
            subject: self.info.subject.clone(),
            queue_group: self.info.queue_group.clone(),
            ..EndpointStats::default()
        };
        self.counts.tell(&mut stats);
        stats
    }

    /// A request was handled.
    pub(super) fn handled(&self, took: Duration, error: Option<&str>) {
        self.counts.handled(took, error);
        self.mailbox.handled();
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

/// A subject behind a prefix, either of which may be nothing.
pub(super) fn joined(prefix: &str, subject: &str) -> String {
    match (prefix, subject) {
        ("", only) | (only, "") => only.to_owned(),
        _ => format!("{prefix}.{subject}"),
    }
}

impl Stream for Endpoint {
    type Item = Request;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        let next = ready!(Pin::new(&mut self.subscription).poll_next(cx));
        Poll::Ready(next.map(|message| Request::new(message, &self.served)))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("name", &self.name())
            .field("subject", &self.subject())
            .finish_non_exhaustive()
    }
}
