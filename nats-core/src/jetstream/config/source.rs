//! Where a stream has its messages from, when not from publishers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Extra, is_default, nanos};
use crate::error::ApiError;

/// Another stream that a stream mirrors or gathers from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamSource {
    /// Its name.
    pub name: String,
    /// The first sequence to take; 0: from the beginning.
    #[serde(skip_serializing_if = "is_default")]
    pub opt_start_seq: u64,
    /// The first time to take, in RFC 3339; empty: from the beginning.
    #[serde(skip_serializing_if = "is_default")]
    pub opt_start_time: String,
    /// Only these subjects; empty: all.
    #[serde(skip_serializing_if = "is_default")]
    pub filter_subject: String,
    /// Subjects to take, and what they become.
    #[serde(skip_serializing_if = "is_default")]
    pub subject_transforms: Vec<SubjectTransform>,
    /// Where it is, when in another account or domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    /// The domain it is in; becomes `external` when it is sent, which must be None then.
    #[serde(skip)]
    pub domain: String,
    /// A consumer that exists there, to take by (ADR-60, server 2.14).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<SourceConsumer>,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The consumer by which a stream gathers from another one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceConsumer {
    /// Its name.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// The subject that it delivers to.
    #[serde(skip_serializing_if = "is_default")]
    pub deliver_subject: String,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How the JetStream API of another account or domain is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct External {
    /// The prefix of its API.
    pub api: String,
    /// The prefix of subjects that messages are delivered to.
    #[serde(skip_serializing_if = "is_default")]
    pub deliver: String,
}

/// Subjects, and what they become.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubjectTransform {
    /// The subjects, wildcards allowed.
    pub src: String,
    /// What they become.
    pub dest: String,
}

/// How far a stream has come with one that it mirrors or gathers from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SourceInfo {
    /// The other stream.
    pub name: String,
    /// Messages that are still to come.
    pub lag: u64,
    /// How long ago it was heard of; zero: never.
    #[serde(with = "nanos")]
    pub active: Duration,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    /// Only these subjects.
    #[serde(skip_serializing_if = "is_default")]
    pub filter_subject: String,
    /// Subjects to take, and what they become.
    #[serde(skip_serializing_if = "is_default")]
    pub subject_transforms: Vec<SubjectTransform>,
    /// Why nothing comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ApiError>,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}
