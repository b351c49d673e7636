//! The configuration of a stream.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::source::{StreamSource, SubjectTransform};
use super::{Extra, is_default, nanos, words};

words! {
    /// When a stream lets go of a message.
    Retention {
        /// When a limit is reached.
        Limits = "limits",
        /// When all consumers that are interested have acknowledged it.
        Interest = "interest",
        /// When one consumer has acknowledged it.
        WorkQueue = "workqueue",
    }
}

words! {
    /// Where messages are kept.
    Storage {
        /// On disk.
        File = "file",
        /// In memory.
        Memory = "memory",
    }
}

words! {
    /// What happens when a limit is reached.
    Discard {
        /// The oldest messages go.
        Old = "old",
        /// New messages are refused.
        New = "new",
    }
}

words! {
    /// How messages are compressed on disk.
    Compression {
        /// Not at all.
        None = "none",
        /// By S2.
        S2 = "s2",
    }
}

words! {
    /// When a stored message is acknowledged to its publisher (server 2.12).
    PersistMode {
        /// When it is where the storage keeps it.
        Default = "default",
        /// Before it is written.
        Async = "async",
    }
}

/// The configuration of a stream, by the server's names. What is zero or empty is left to the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamConfig {
    /// The name: no spaces, dots, wildcards or path separators.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "is_default")]
    pub description: String,
    /// The subjects whose messages it keeps; empty: the one of its name.
    #[serde(skip_serializing_if = "is_default")]
    pub subjects: Vec<String>,
    /// When messages go.
    pub retention: Retention,
    /// The most consumers; -1 or 0: no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_consumers: i64,
    /// The most messages; -1 or 0: no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_msgs: i64,
    /// The most bytes; -1 or 0: no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_bytes: i64,
    /// What happens beyond those limits.
    pub discard: Discard,
    /// With [`Discard::New`] and `max_msgs_per_subject`: refuse those of a full subject only.
    #[serde(skip_serializing_if = "is_default")]
    pub discard_new_per_subject: bool,
    /// The greatest age of a message; zero: no limit.
    #[serde(with = "nanos", skip_serializing_if = "is_default")]
    pub max_age: Duration,
    /// The most messages of each subject; -1 or 0: no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_msgs_per_subject: i64,
    /// The most bytes of a message, headers included; -1 or 0: no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_msg_size: i64,
    /// Where messages are kept.
    pub storage: Storage,
    /// How many servers keep them, 1 to 5; 0: one.
    #[serde(skip_serializing_if = "is_default")]
    pub num_replicas: u32,
    /// Publishers are not answered.
    #[serde(skip_serializing_if = "is_default")]
    pub no_ack: bool,
    /// How long message ids are remembered, to find duplicates; zero: two minutes.
    #[serde(with = "nanos", skip_serializing_if = "is_default")]
    pub duplicate_window: Duration,
    /// Which servers may keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// The stream that it is a copy of; then it has no subjects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<StreamSource>,
    /// Streams that it gathers from.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "list")]
    pub sources: Vec<StreamSource>,
    /// Nothing can be added or removed any more.
    #[serde(skip_serializing_if = "is_default")]
    pub sealed: bool,
    /// Messages cannot be deleted.
    #[serde(skip_serializing_if = "is_default")]
    pub deny_delete: bool,
    /// The stream cannot be purged.
    #[serde(skip_serializing_if = "is_default")]
    pub deny_purge: bool,
    /// A message may replace all earlier ones, by the header `Nats-Rollup`.
    #[serde(skip_serializing_if = "is_default")]
    pub allow_rollup_hdrs: bool,
    /// Every server that keeps it answers direct gets (ADR-31).
    #[serde(skip_serializing_if = "is_default")]
    pub allow_direct: bool,
    /// A mirror answers them for the stream that it is a copy of.
    #[serde(skip_serializing_if = "is_default")]
    pub mirror_direct: bool,
    /// How messages are compressed.
    #[serde(skip_serializing_if = "is_default")]
    pub compression: Compression,
    /// The sequence of the first message; 0: one.
    #[serde(skip_serializing_if = "is_default")]
    pub first_seq: u64,
    /// What subjects become when messages are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_transform: Option<SubjectTransform>,
    /// Where stored messages are published again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub republish: Option<Republish>,
    /// What consumers have at most and by default.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "filled")]
    pub consumer_limits: Option<ConsumerLimits>,
    /// What the program wants to have noted (ADR-33).
    #[serde(skip_serializing_if = "is_default")]
    pub metadata: BTreeMap<String, String>,
    /// The user that owns the template; of old servers.
    #[serde(skip_serializing_if = "is_default")]
    pub template_owner: String,
    /// Messages may have a time to live of their own, `Nats-TTL` (ADR-43, server 2.11).
    #[serde(skip_serializing_if = "is_default")]
    pub allow_msg_ttl: bool,
    /// How long the marker of a subject whose last message has aged away is kept; zero: there is none
    /// (server 2.11).
    #[serde(with = "nanos", skip_serializing_if = "is_default")]
    pub subject_delete_marker_ttl: Duration,
    /// Messages are increments of counters (ADR-49, server 2.12).
    #[serde(skip_serializing_if = "is_default")]
    pub allow_msg_counter: bool,
    /// Batches are stored as a whole or not at all (ADR-50, server 2.12).
    #[serde(skip_serializing_if = "is_default")]
    pub allow_atomic: bool,
    /// Messages may be schedules (ADR-51, server 2.12).
    #[serde(skip_serializing_if = "is_default")]
    pub allow_msg_schedules: bool,
    /// Batches may be ingested fast (ADR-50, server 2.14).
    #[serde(skip_serializing_if = "is_default")]
    pub allow_batched: bool,
    /// When publishers are answered (server 2.12).
    #[serde(skip_serializing_if = "is_default")]
    pub persist_mode: PersistMode,
    /// Not kept, but asked when it is sent: the server is to refuse what it would otherwise adapt to
    /// its own defaults and limits (server 2.11).
    #[serde(skip_serializing_if = "is_default")]
    pub pedantic: bool,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Which servers may keep a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    /// The cluster.
    #[serde(skip_serializing_if = "is_default")]
    pub cluster: String,
    /// Tags that servers must have.
    #[serde(skip_serializing_if = "is_default")]
    pub tags: Vec<String>,
    /// The server that is to lead (server 2.11).
    #[serde(skip_serializing_if = "is_default")]
    pub preferred: String,
}

/// Where stored messages are published again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Republish {
    /// Of these subjects; empty: all.
    #[serde(skip_serializing_if = "is_default")]
    pub src: String,
    /// Where to.
    pub dest: String,
    /// Without their payload.
    #[serde(skip_serializing_if = "is_default")]
    pub headers_only: bool,
}

/// What consumers of a stream have at most and by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsumerLimits {
    /// For how long they may be unused.
    #[serde(with = "nanos", skip_serializing_if = "is_default")]
    pub inactive_threshold: Duration,
    /// How many messages may wait for their acknowledgement.
    #[serde(skip_serializing_if = "is_default")]
    pub max_ack_pending: i64,
}

/// The server may write null for a list.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<Vec<T>>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The server writes `{}` for no limits.
fn filled<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ConsumerLimits>, D::Error> {
    let limits = Option::<ConsumerLimits>::deserialize(deserializer)?;
    Ok(limits.filter(|limits| !is_default(limits)))
}
