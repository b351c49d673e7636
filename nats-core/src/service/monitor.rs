//! The task of a service: answers to those who look for it, and brings it to its end.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Serialize;

use super::endpoint::Served;
use super::instance::{Instance, Order, Over, fed};
use crate::client::after;
use crate::client::inlet::Inlet;
use crate::client::message::Message;
use crate::client::subscription::Subscription;
use crate::conn::shared::State;
use crate::error::{Code, Error, Result};

/// The task. When it is gone the service has ended.
pub(super) struct Monitor {
    instance: Arc<Instance>,
    /// What is asked comes by these subjects.
    inlets: Vec<Inlet>,
    asked: Subscription,
}

/// What is to be done.
enum Next {
    Stop(Order),
    /// The connection is closed.
    Leave,
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.instance.finish(Over::closed());
    }
}

impl Monitor {
    /// Subscribes to what monitors ask.
    pub(super) fn new(instance: &Arc<Instance>) -> Result<Monitor> {
        let asked = fed(&instance.client, "$SRV.>");
        let mut inlets = Vec::new();
        for verb in ["PING", "INFO", "STATS"] {
            let own = instance.stats_requests.as_ref().filter(|_| verb == "STATS");
            let mailbox = own.unwrap_or(&asked).mailbox();
            let (name, id) = (&instance.config.name, &instance.id);
            for subject in [
                format!("$SRV.{verb}"),
                format!("$SRV.{verb}.{name}"),
                format!("$SRV.{verb}.{name}.{id}"),
            ] {
                inlets.push(Inlet::new(&instance.client, &subject, mailbox)?);
            }
        }
        Ok(Monitor { instance: Arc::clone(instance), inlets, asked })
    }

    pub(super) async fn run(self) {
        let next = loop {
            if let Some(next) = self.look().await {
                break next;
            }
            self.wait().await;
        };
        if let Next::Stop(order) = next {
            let late = self.wind_up(&order).await;
            self.instance.finish(Over { reason: order.reason, late });
        }
    }

    /// Does what is to be done now.
    async fn look(&self) -> Option<Next> {
        let instance = &self.instance;
        loop {
            if let Some(order) = instance.ordered() {
                return Some(Next::Stop(order));
            }
            let Some(message) = self.asked.try_next() else { break };
            self.answer(&message).await;
            // Answers hardly ever wait: however many ask, others have their turn.
            tokio::task::consume_budget().await;
        }
        if instance.client.state() == State::Closed {
            return Some(Next::Leave);
        }
        if let Some(failure) = self.refused().or_else(|| instance.look()) {
            let within = instance.client.options().drain_timeout;
            instance.order(Order { within, reason: Some(failure) });
            return instance.ordered().map(Next::Stop);
        }
        None
    }

    /// Why monitors cannot ask, unless the connection is draining or about to close.
    fn refused(&self) -> Option<Error> {
        let mut subscriptions = self.instance.stats_requests.iter().chain([&self.asked]);
        let is_end = |code| matches!(code, Code::SubscriptionClosed | Code::ConnectionClosed);
        subscriptions.find_map(|one| one.end_reason().filter(|reason| !is_end(reason.code())))
    }

    /// Waits until there is something to look at.
    async fn wait(&self) {
        let instance = &self.instance;
        let mut changed = pin!(instance.changed.notified());
        let mut closed = pin!(instance.client.closed());
        poll_fn(|cx| {
            let ready = changed.as_mut().poll(cx).is_ready()
                || closed.as_mut().poll(cx).is_ready()
                || self.poll_asked(cx)
                || instance.poll_ends(cx);
            if ready { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether monitors ask, or cannot any more; otherwise either will wake.
    fn poll_asked(&self, cx: &Context<'_>) -> bool {
        let is_asked = self.asked.poll_ready(cx) == Poll::Ready(true);
        if let Some(own) = &self.instance.stats_requests {
            // An end that has come already is seen below.
            let _ = own.mailbox().poll_ended(cx);
        }
        is_asked || self.refused().is_some()
    }

    /// Answers one who asks. Who cannot be answered has not asked.
    async fn answer(&self, message: &Message) {
        let instance = &self.instance;
        let json = match message.subject().split('.').nth(1) {
            Some("PING") => json(&instance.ping()),
            Some("INFO") => json(&instance.info()),
            _ => json(&instance.stats()),
        };
        if let Some(json) = json {
            let _ = message.respond(json).await;
        }
    }

    /// Ends all subscriptions, and waits until what has come is handled; otherwise tells why not.
    async fn wind_up(&self, order: &Order) -> Option<Error> {
        let deadline = after(order.within);
        let client = &self.instance.client;
        let endpoints = self.instance.endpoints();
        let mut sids: Vec<u64> = endpoints.iter().map(|served| served.sid).collect();
        sids.extend(self.inlets.iter().map(Inlet::sid));
        client.drain_sids(&sids, deadline).await;
        let handled = self.handled(&endpoints);
        match tokio::time::timeout_at(deadline.into(), unless(client.closed(), handled)).await {
            Ok(Some(())) => None,
            Ok(None) => Some(Code::ConnectionClosed.into()),
            Err(_) => Some(late(&endpoints, order)),
        }
    }

    async fn handled(&self, endpoints: &[Arc<Served>]) {
        while let Some(message) = self.asked.try_next() {
            self.answer(&message).await;
        }
        for served in endpoints {
            poll_fn(|cx| served.mailbox.poll_handled(cx)).await;
        }
    }
}

/// What comes of `work`, unless `end` comes before.
async fn unless<T>(end: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    let (mut end, mut work) = (pin!(end), pin!(work));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => end.as_mut().poll(cx).map(|()| None),
    })
    .await
}

fn late(endpoints: &[Arc<Served>], order: &Order) -> Error {
    let left = endpoints.iter().map(|served| served.mailbox.unhandled()).sum::<u64>();
    let text = format!("{left} requests were not handled after {} ms", order.within.as_millis());
    Error::new(Code::Timeout, text)
}

/// A document of ours can always be written.
fn json(document: &impl Serialize) -> Option<Vec<u8>> {
    serde_json::to_vec(document).ok()
}
