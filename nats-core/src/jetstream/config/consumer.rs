//! The configuration of a consumer.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Extra, is_default, nanos, words};

words! {
    /// The first message that a consumer delivers.
    DeliverPolicy {
        /// The first of the stream.
        All = "all",
        /// The last.
        Last = "last",
        /// The next that is stored.
        New = "new",
        /// The one with the sequence `opt_start_seq`.
        ByStartSequence = "by_start_sequence",
        /// The first since `opt_start_time`.
        ByStartTime = "by_start_time",
        /// The last of each subject.
        LastPerSubject = "last_per_subject",
    }
}

words! {
    /// Which messages are to be acknowledged.
    AckPolicy {
        /// Each.
        Explicit = "explicit",
        /// None.
        None = "none",
        /// One stands for all before it.
        All = "all",
        /// By the flow control of streams that gather from others (ADR-60, server 2.14).
        FlowControl = "flow_control",
    }
}

words! {
    /// How fast messages come.
    ReplayPolicy {
        /// As fast as possible.
        Instant = "instant",
        /// As they were published.
        Original = "original",
    }
}

words! {
    /// Who of several that pull gets messages (ADR-42, server 2.11).
    PriorityPolicy {
        /// Everybody in turn.
        None = "none",
        /// Only when more wait than a pull says.
        Overflow = "overflow",
        /// One client, until it is gone.
        PinnedClient = "pinned_client",
        /// Those with the smallest number first (server 2.12).
        Prioritized = "prioritized",
    }
}

/// The configuration of a consumer, by the server's names. What is zero or empty is left to the
/// server; unlike the server's, `ack_policy` is explicit when it is not given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsumerConfig {
    /// The name; empty: `durable_name`, or one that is made up.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// The name of one that stays when it is unused.
    #[serde(skip_serializing_if = "is_default")]
    pub durable_name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "is_default")]
    pub description: String,
    /// Where messages are pushed to; empty: they are pulled.
    #[serde(skip_serializing_if = "is_default")]
    pub deliver_subject: String,
    /// The queue group of those that are pushed to.
    #[serde(skip_serializing_if = "is_default")]
    pub deliver_group: String,
    /// The first message.
    pub deliver_policy: DeliverPolicy,
    /// With [`DeliverPolicy::ByStartSequence`].
    #[serde(skip_serializing_if = "is_default")]
    pub opt_start_seq: u64,
    /// With [`DeliverPolicy::ByStartTime`], in RFC 3339.
    #[serde(skip_serializing_if = "is_default")]
    pub opt_start_time: String,
    /// Which messages are to be acknowledged.
    pub ack_policy: AckPolicy,
    /// How long to wait for that before a message is delivered again; zero: 30 s.
    #[serde(with = "nanos", skip_serializing_if = "is_default")]
    pub ack_wait: Duration,
    /// How often a message is delivered at most; -1 or 0: without end.
    #[serde(skip_serializing_if = "is_default")]
    pub max_deliver: i64,
    /// How long to wait for each acknowledgement, instead of `ack_wait`.
    #[serde(with = "nanos::list", skip_serializing_if = "is_default")]
    pub backoff: Vec<Duration>,
    /// Only these subjects; empty: all.
    #[serde(skip_serializing_if = "is_default")]
    pub filter_subject: String,
    /// Several of them, instead of `filter_subject`.
    #[serde(skip_serializing_if = "is_default")]
    pub filter_subjects: Vec<String>,
    /// How fast messages come.
    pub replay_policy: ReplayPolicy,
    /// The most bits in a second; of those that are pushed.
    #[serde(skip_serializing_if = "is_default")]
    pub rate_limit_bps: u64,
    /// Of how many acknowledgements in a hundred the server publishes metrics, as `30%`.
    #[serde(skip_serializing_if = "is_default")]
    pub sample_freq: String,
    /// The most pulls that may wait; 0: 512.
    #[serde(skip_serializing_if = "is_default")]
    pub max_waiting: i64,
    /// The most messages that may wait for their acknowledgement; 0: 1000.
    #[serde(skip_serializing_if = "is_default")]
    pub max_ack_pending: i64,
    /// The server stops pushing until the client says that it follows.
    #[serde(skip_serializing_if = "is_default")]
    pub flow_control: bool,
    /// How often the server says that it is there while it has nothing to push.
    #[serde(with = "nanos", skip_serializing_if = "is_default")]
    pub idle_heartbeat: Duration,
    /// Without payloads.
    #[serde(skip_serializing_if = "is_default")]
    pub headers_only: bool,
    /// The most messages of a pull.
    #[serde(skip_serializing_if = "is_default")]
    pub max_batch: i64,
    /// The longest time of a pull.
    #[serde(with = "nanos", skip_serializing_if = "is_default")]
    pub max_expires: Duration,
    /// The most bytes of a pull.
    #[serde(skip_serializing_if = "is_default")]
    pub max_bytes: i64,
    /// For how long it may be unused before it goes; zero: 5 s for one that is not durable.
    #[serde(with = "nanos", skip_serializing_if = "is_default")]
    pub inactive_threshold: Duration,
    /// How many servers keep its state; 0: those of the stream.
    pub num_replicas: u32,
    /// Its state is kept in memory.
    #[serde(skip_serializing_if = "is_default")]
    pub mem_storage: bool,
    /// What the program wants to have noted (ADR-33).
    #[serde(skip_serializing_if = "is_default")]
    pub metadata: BTreeMap<String, String>,
    /// It delivers nothing until then, in RFC 3339 (server 2.11).
    #[serde(skip_serializing_if = "is_default")]
    pub pause_until: String,
    /// The groups that pulls may belong to (ADR-42, server 2.11).
    #[serde(skip_serializing_if = "is_default")]
    pub priority_groups: Vec<String>,
    /// Who of a group gets messages.
    #[serde(skip_serializing_if = "is_default")]
    pub priority_policy: PriorityPolicy,
    /// For how long a pinned client may be silent.
    #[serde(with = "nanos", skip_serializing_if = "is_default")]
    pub priority_timeout: Duration,
    /// It only serves the library itself.
    #[serde(skip_serializing_if = "is_default")]
    pub direct: bool,
    /// Not kept, but asked when it is sent: the server is to refuse what it would otherwise adapt to
    /// its own defaults and limits (server 2.11).
    #[serde(skip_serializing)]
    pub pedantic: bool,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}
