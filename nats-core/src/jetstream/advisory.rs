//! What servers tell of streams and consumers by themselves: advisories and metrics.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::Deserialize;
use serde_json::Value;

use super::config::cluster::PeerInfo;
use super::config::stream::list;
use super::context::JetStream;
use super::stream::StreamState;
use crate::client::message::Message;
use crate::client::subscription::Subscription;
use crate::error::{Code, Error, Result};

/// The subjects of all of them.
const ALL: &str = "$JS.EVENT.>";

/// One advisory or metric.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Advisory {
    /// The subject that it came under.
    pub subject: String,
    /// Its id.
    pub id: String,
    /// When it happened, in RFC 3339.
    pub timestamp: String,
    /// What happened.
    pub event: AdvisoryEvent,
    /// All that the server tells.
    pub document: Value,
}

/// A stream that something happened to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OfStream {
    /// Its name.
    pub stream: String,
    /// Its account, where the server tells it.
    pub account: String,
    /// What was done to it: `create`, `modify`, `delete`.
    pub action: String,
    /// The server that leads it now.
    pub leader: String,
    /// The servers that hold it.
    #[serde(deserialize_with = "list")]
    pub replicas: Vec<PeerInfo>,
}

/// A consumer that something happened to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OfConsumer {
    /// Its stream.
    pub stream: String,
    /// Its name.
    pub consumer: String,
    /// Its account, where the server tells it.
    pub account: String,
    /// What was done to it: `create`, `modify`, `delete`.
    pub action: String,
    /// The server that leads it now.
    pub leader: String,
    /// The servers that hold its state.
    #[serde(deserialize_with = "list")]
    pub replicas: Vec<PeerInfo>,
    /// Whether it pauses.
    pub paused: bool,
    /// Until when, in RFC 3339.
    pub pause_until: String,
    /// The group of those that pull.
    pub group: String,
    /// The id of the client that is pinned.
    pub pinned_id: String,
    /// Why none is pinned any more.
    pub reason: String,
}

/// A message of a consumer that something happened to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OfMessage {
    /// Its stream.
    pub stream: String,
    /// The consumer.
    pub consumer: String,
    /// Its sequence in the stream.
    pub stream_seq: u64,
    /// Its sequence among what the consumer has delivered.
    pub consumer_seq: u64,
    /// How often it was delivered.
    pub deliveries: u64,
    /// How many nanoseconds the acknowledgement took.
    pub ack_time: i64,
    /// Why it is not wanted.
    pub reason: String,
}

/// A snapshot or a restore.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OfSnapshot {
    /// The stream.
    pub stream: String,
    /// What it holds.
    pub state: StreamState,
    /// When it began, in RFC 3339.
    pub start: String,
    /// When it ended, in RFC 3339.
    pub end: String,
    /// How many bytes it was.
    pub bytes: u64,
}

/// A request to the API.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OfRequest {
    /// The server that has answered.
    pub server: String,
    /// Its subject.
    pub subject: String,
    /// What was asked.
    pub request: String,
    /// What was answered.
    pub response: String,
    /// How many requests were dropped, as there were too many.
    pub dropped: u64,
}

/// A server that something happened to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OfServer {
    /// Its name; of the cluster's leader, the one that leads now.
    #[serde(alias = "leader")]
    pub server: String,
    /// Its id.
    pub server_id: String,
    /// Its cluster.
    pub cluster: String,
    /// The stream that found no room.
    pub stream: String,
    /// How many servers it took to agree.
    pub prev_quorum: u32,
    /// How many it takes now.
    pub new_quorum: u32,
    /// The servers of the cluster.
    #[serde(deserialize_with = "list")]
    pub replicas: Vec<PeerInfo>,
}

/// A batch of messages that was given up.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OfBatch {
    /// The stream.
    pub stream: String,
    /// Its account.
    pub account: String,
    /// The batch's id.
    pub batch: String,
    /// Why.
    pub reason: String,
}

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident($of:ident) = $name:literal,)*) => {
        /// The kinds of advisories and metrics, each with what it is about.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum AdvisoryEvent {
            $($(#[$doc])* $variant($of),)*
            /// One that this version does not know, by its type; the document has the rest.
            Other(String),
        }

        impl AdvisoryEvent {
            /// The types of all known kinds, as the server names them.
            pub const TYPES: &'static [&'static str] = &[$(concat!("io.nats.jetstream.", $name)),*];

            fn read(document: &Value) -> AdvisoryEvent {
                let name = document["type"].as_str().unwrap_or_default();
                let known = match name.strip_prefix("io.nats.jetstream.") {
                    $(Some($name) => $of::deserialize(document).map(AdvisoryEvent::$variant).ok(),)*
                    _ => None,
                };
                known.unwrap_or_else(|| AdvisoryEvent::Other(name.to_owned()))
            }
        }
    };
}

events! {
    /// A request to the API was answered.
    ApiAudit(OfRequest) = "advisory.v1.api_audit",
    /// Requests to the API were dropped.
    ApiLimitReached(OfRequest) = "advisory.v1.api_limit_reached",
    /// A stream was made, changed or removed.
    StreamAction(OfStream) = "advisory.v1.stream_action",
    /// A stream has a new leader.
    StreamLeaderElected(OfStream) = "advisory.v1.stream_leader_elected",
    /// Too few of a stream's servers are there.
    StreamQuorumLost(OfStream) = "advisory.v1.stream_quorum_lost",
    /// A batch for a stream was given up.
    StreamBatchAbandoned(OfBatch) = "advisory.v1.stream_batch_abandoned",
    /// A consumer was made, changed or removed.
    ConsumerAction(OfConsumer) = "advisory.v1.consumer_action",
    /// A consumer pauses, or goes on.
    ConsumerPause(OfConsumer) = "advisory.v1.consumer_pause",
    /// A consumer has a new leader.
    ConsumerLeaderElected(OfConsumer) = "advisory.v1.consumer_leader_elected",
    /// Too few of a consumer's servers are there.
    ConsumerQuorumLost(OfConsumer) = "advisory.v1.consumer_quorum_lost",
    /// A client was pinned.
    ConsumerGroupPinned(OfConsumer) = "advisory.v1.consumer_group_pinned",
    /// A client was let go of.
    ConsumerGroupUnpinned(OfConsumer) = "advisory.v1.consumer_group_unpinned",
    /// A message was delivered as often as it may be.
    MaxDeliver(OfMessage) = "advisory.v1.max_deliver",
    /// A message is to be delivered again.
    Nak(OfMessage) = "advisory.v1.nak",
    /// A message is not to be delivered again.
    Terminated(OfMessage) = "advisory.v1.terminated",
    /// A message was acknowledged: of as many as the consumer's `sample_freq` says.
    ConsumerAck(OfMessage) = "metric.v1.consumer_ack",
    /// A snapshot has begun.
    SnapshotCreate(OfSnapshot) = "advisory.v1.snapshot_create",
    /// A snapshot has ended.
    SnapshotComplete(OfSnapshot) = "advisory.v1.snapshot_complete",
    /// A restore has begun.
    RestoreCreate(OfSnapshot) = "advisory.v1.restore_create",
    /// A restore has ended.
    RestoreComplete(OfSnapshot) = "advisory.v1.restore_complete",
    /// The cluster has a new leader.
    DomainLeaderElected(OfServer) = "advisory.v1.domain_leader_elected",
    /// A server has no room left.
    ServerOutOfSpace(OfServer) = "advisory.v1.server_out_of_space",
    /// A server was taken out of the cluster.
    ServerRemoved(OfServer) = "advisory.v1.server_removed",
    /// It takes fewer servers to agree, for a while.
    MetaRescue(OfServer) = "advisory.v1.meta_rescue",
}

/// Advisories and metrics as they come.
#[derive(Debug)]
pub struct Advisories(Subscription);

impl JetStream {
    /// What servers tell of the account's streams and consumers from now on: everything, or what comes
    /// under a filter below `$JS.EVENT`, as `$JS.EVENT.ADVISORY.STREAM.>`.
    ///
    /// # Errors
    /// [`Code::InvalidSubject`], [`Code::ConnectionClosed`], [`Code::ConnectionDraining`].
    pub fn advisories(&self, filter: Option<&str>) -> Result<Advisories> {
        self.client.subscribe(filter.unwrap_or(ALL)).map(Advisories)
    }
}

impl Advisories {
    /// The next one; None: the connection is closed.
    ///
    /// # Errors
    /// [`Code::Protocol`] for a message that is none; others come after it.
    pub async fn next(&self) -> Result<Option<Advisory>> {
        self.0.next().await.map(|message| Advisory::read(&message)).transpose()
    }

    /// The subscription that they come by.
    pub fn subscription(&self) -> &Subscription {
        &self.0
    }
}

impl Stream for Advisories {
    type Item = Result<Advisory>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Advisory>>> {
        let next = Pin::new(&mut self.0).poll_next(cx);
        next.map(|message| message.map(|message| Advisory::read(&message)))
    }
}

impl Advisory {
    /// Reads the message that brings one, for those who subscribe by themselves.
    ///
    /// # Errors
    /// [`Code::Protocol`] for a message that is none.
    pub fn read(message: &Message) -> Result<Advisory> {
        let subject = message.subject().to_owned();
        let none = |reason: &str| {
            Error::new(Code::Protocol, format!("{}: no advisory: {reason}", message.subject()))
        };
        let document: Value =
            serde_json::from_slice(message.payload()).map_err(|e| none(&e.to_string()))?;
        if !document.is_object() {
            return Err(none("expected an object"));
        }
        let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
        let (id, timestamp) = (text("id"), text("timestamp"));
        let event = AdvisoryEvent::read(&document);
        Ok(Advisory { subject, id, timestamp, event, document })
    }
}
