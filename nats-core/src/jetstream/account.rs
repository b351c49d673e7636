//! What an account has of JetStream, and what it may have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::api::EMPTY;
use super::config::{Extra, is_default};
use super::context::JetStream;
use crate::error::Result;

/// What an account has, and what it may have. Of a server that counts by tiers, each tier has its own
/// numbers, and the totals stand beside them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AccountInfo {
    /// All tiers together, or the only one.
    #[serde(flatten)]
    pub tier: Tier,
    /// The domain.
    #[serde(skip_serializing_if = "is_default")]
    pub domain: String,
    /// How the API was used.
    pub api: ApiStats,
    /// The tiers by their names, as `R1`, `R3`.
    #[serde(skip_serializing_if = "is_default")]
    pub tiers: BTreeMap<String, Tier>,
}

/// What is used of a tier, and what may be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Tier {
    /// Bytes in memory.
    pub memory: u64,
    /// Bytes on disk.
    pub storage: u64,
    /// Bytes in memory that are set aside for streams.
    pub reserved_memory: u64,
    /// Bytes on disk that are set aside for streams.
    pub reserved_storage: u64,
    /// Streams.
    pub streams: u64,
    /// Consumers.
    pub consumers: u64,
    /// What may be used.
    pub limits: AccountLimits,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What an account may have; -1: no limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AccountLimits {
    /// Bytes in memory.
    pub max_memory: i64,
    /// Bytes on disk.
    pub max_storage: i64,
    /// Streams.
    pub max_streams: i64,
    /// Consumers.
    pub max_consumers: i64,
    /// Messages of a consumer that wait for their acknowledgement.
    pub max_ack_pending: i64,
    /// Bytes in memory of one stream.
    pub memory_max_stream_bytes: i64,
    /// Bytes on disk of one stream.
    pub storage_max_stream_bytes: i64,
    /// Whether streams must say how many bytes they may have.
    pub max_bytes_required: bool,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How the API was used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ApiStats {
    /// The level of the API (ADR-44, server 2.11).
    #[serde(skip_serializing_if = "is_default")]
    pub level: u32,
    /// Requests.
    pub total: u64,
    /// Those of them that were refused.
    pub errors: u64,
    /// Those that are under way.
    #[serde(skip_serializing_if = "is_default")]
    pub inflight: u64,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl JetStream {
    /// What the account has, and what it may have.
    ///
    /// # Errors
    /// [`crate::Code::JetStreamNotEnabled`]; those of every request to the API:
    /// [`crate::Code::Timeout`], [`crate::Code::JetStream`], [`crate::Code::Permission`],
    /// [`crate::Code::ConnectionLost`], [`crate::Code::ConnectionClosed`], [`crate::Code::Protocol`]
    /// for an answer that cannot be read.
    pub async fn account_info(&self) -> Result<AccountInfo> {
        self.call("INFO", EMPTY).await
    }
}
