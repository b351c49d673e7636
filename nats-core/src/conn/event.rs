//! What a connection tells about its life.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::error::Error;
use crate::jetstream::ConsumeEvent;

/// Events that a slow listener of [`EventSink::listen`] may be behind before it misses some.
const BACKLOG: usize = 256;

/// An event in the life of a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The first connection is up.
    Connected {
        /// The server's URL, without credentials.
        url: String,
    },
    /// The socket was lost or left; recovery begins unless it is switched off.
    Disconnected {
        /// Why.
        reason: Error,
    },
    /// A server is about to be tried.
    Reconnecting {
        /// Attempts since the connection was lost, from 1.
        attempt: u64,
        /// The server's URL, without credentials.
        url: String,
    },
    /// A connection is up again and the subscriptions are made again.
    Reconnected {
        /// The server's URL, without credentials.
        url: String,
    },
    /// The connection has moved from a server in lame-duck mode to this one, without having been
    /// lost: everything that the old one delivered has come, and the subscriptions go on.
    Migrated {
        /// The server's URL, without credentials.
        url: String,
    },
    /// The connection is closed for good. Always the last event.
    Closed {
        /// Publishes that were accepted but never reached a socket.
        discarded: u64,
    },
    /// A subscription exceeded its pending limits; once for each episode.
    SlowConsumer {
        /// The subscription's id.
        sid: u64,
        /// The subscription's subject.
        subject: String,
    },
    /// The server reported an error that did not end the connection (permissions among them), or a
    /// connection attempt failed.
    ServerError(Error),
    /// The server is in lame-duck mode: it will close the connection before long (ADR-40).
    LameDuck,
    /// The server gossiped servers that were not known yet.
    DiscoveredServers(
        /// Their URLs.
        Vec<String>,
    ),
    /// The connection drains.
    Draining,
    /// A message with a subject or header block that cannot be decoded was delivered; at most one
    /// event a second.
    MalformedMessage {
        /// The subscription's id.
        sid: u64,
        /// The subscription's subject.
        subject: String,
    },
    /// Something happened to messages that are taken of a consumer, and they go on.
    Consumer {
        /// Stream and consumer, with a dot between; of ordered messages, the stream.
        consumer: String,
        /// What.
        event: ConsumeEvent,
    },
}

impl Event {
    /// The event's stable name, for example `slow_consumer`.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Connected { .. } => "connected",
            Event::Disconnected { .. } => "disconnected",
            Event::Reconnecting { .. } => "reconnecting",
            Event::Reconnected { .. } => "reconnected",
            Event::Migrated { .. } => "migrated",
            Event::Closed { .. } => "closed",
            Event::SlowConsumer { .. } => "slow_consumer",
            Event::ServerError(_) => "server_error",
            Event::LameDuck => "lame_duck",
            Event::DiscoveredServers(_) => "discovered_servers",
            Event::Draining => "draining",
            Event::MalformedMessage { .. } => "malformed_message",
            Event::Consumer { .. } => "consumer",
        }
    }
}

/// A function that is called with every event, on the connection's own task: it must return at
/// once.
pub type EventCallback = Arc<dyn Fn(&Event) + Send + Sync>;

/// Where events go.
pub(crate) struct EventSink {
    callback: Option<EventCallback>,
    listeners: broadcast::Sender<Event>,
}

impl EventSink {
    pub(crate) fn new(callback: Option<EventCallback>) -> EventSink {
        EventSink { callback, listeners: broadcast::Sender::new(BACKLOG) }
    }

    pub(crate) fn emit(&self, event: Event) {
        let name = event.name();
        match &event {
            Event::Connected { .. }
            | Event::Disconnected { .. }
            | Event::Reconnected { .. }
            | Event::Migrated { .. }
            | Event::LameDuck
            | Event::Closed { .. } => tracing::info!(target: "nats", detail = ?event, "{name}"),
            Event::SlowConsumer { .. }
            | Event::ServerError(_)
            | Event::MalformedMessage { .. }
            | Event::Consumer { .. } => {
                tracing::warn!(target: "nats", detail = ?event, "{name}");
            }
            Event::Reconnecting { .. } | Event::DiscoveredServers(_) | Event::Draining => {
                tracing::debug!(target: "nats", detail = ?event, "{name}");
            }
        }
        if let Some(callback) = &self.callback {
            // A panic of the listener is the listener's: the connection goes on.
            let call = AssertUnwindSafe(|| callback(&event));
            if catch_unwind(call).is_err() {
                tracing::error!(target: "nats", event = event.name(), "the event callback panicked");
            }
        }
        // An error only says that nobody listens.
        let _ = self.listeners.send(event);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Event> {
        self.listeners.subscribe()
    }
}
