//! Who holds a stream or consumer in a cluster.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::stream::{Placement, Retention, list};
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
    pub system_account: bool,
    /// The account of the group's traffic.
    #[serde(skip_serializing_if = "is_default")]
    pub traffic_account: String,
    /// The other servers.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "list")]
    pub replicas: Vec<PeerInfo>,
    /// Where it is being moved to, while it is (server 2.15).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired: Option<DesiredCluster>,
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
    /// The server's id in the cluster.
    #[serde(skip_serializing_if = "is_default")]
    pub peer: String,
    /// Whether it is still to join the group, or about to leave it (server 2.15).
    #[serde(skip_serializing_if = "is_default")]
    pub pending: bool,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The servers that are to hold a stream or consumer which is being moved or scaled (server 2.15).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DesiredCluster {
    /// Since when that is wanted, in RFC 3339.
    pub created: String,
    /// The cluster's name.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// The servers; empty while they are still to be chosen.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "list")]
    pub replicas: Vec<DesiredPeer>,
    /// What it goes back to when the move is cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<DesiredOrigin>,
    /// What the leader is doing about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<DesiredStatus>,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A server that is to hold it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DesiredPeer {
    /// Its name.
    pub name: String,
    /// Whether it cannot be reached.
    #[serde(skip_serializing_if = "is_default")]
    pub offline: bool,
    /// Its id in the cluster.
    pub peer: String,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The configuration before the change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DesiredOrigin {
    /// How many servers held it.
    pub replicas: u32,
    /// Which ones could.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// When messages went, if that changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How far a change has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DesiredStatus {
    /// What is being done or waited for.
    pub description: String,
    /// The kind of it: `meta`, `membership`, `snapshot`, `catchup`, `quorum`, `blocked`,
    /// `unavailable`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Why it does not go on.
    #[serde(skip_serializing_if = "is_default")]
    pub err: String,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}
