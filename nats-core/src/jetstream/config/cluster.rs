//! Who holds a stream or consumer in a cluster.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Extra, is_default, nanos};

/// The servers that hold a stream or consumer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ClusterInfo {
    /// The cluster's name.
    pub name: String,
    /// The name of the group that agrees on the content.
    #[serde(skip_serializing_if = "is_default")]
    pub raft_group: String,
    /// The server that leads; empty while there is none.
    #[serde(skip_serializing_if = "is_default")]
    pub leader: String,
    /// Since when it leads, in RFC 3339.
    #[serde(skip_serializing_if = "is_default")]
    pub leader_since: String,
    /// Whether the group's traffic is the system account's.
    #[serde(skip_serializing_if = "is_default")]
    pub system_acc: bool,
    /// The account of the group's traffic.
    #[serde(skip_serializing_if = "is_default")]
    pub traffic_acc: String,
    /// The other servers.
    #[serde(skip_serializing_if = "is_default")]
    pub replicas: Vec<PeerInfo>,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One of the servers that follow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PeerInfo {
    /// The server's name.
    pub name: String,
    /// Whether it has all that the leader has.
    pub current: bool,
    /// Whether it cannot be reached.
    #[serde(skip_serializing_if = "is_default")]
    pub offline: bool,
    /// How long ago it was heard of.
    #[serde(with = "nanos")]
    pub active: Duration,
    /// Operations that it has not taken over yet.
    #[serde(skip_serializing_if = "is_default")]
    pub lag: u64,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}
