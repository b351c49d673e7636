//! What a bucket of objects is to be like, and the stream that makes it so.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::name::{bucket_of, stream_of};
use crate::error::Result;
use crate::jetstream::config::nanos;
use crate::jetstream::{Compression, Discard, Placement, Storage, StreamConfig};

/// What a bucket of objects is to be like. As a document, times are nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObjectStoreConfig {
    /// Its name.
    pub bucket: String,
    /// What it is for.
    pub description: String,
    /// How long an object is kept; zero: for ever.
    #[serde(with = "nanos")]
    pub ttl: Duration,
    /// The most bytes of the whole; 0: no limit. An object that would be too much is refused.
    pub max_bytes: u64,
    /// Where it is kept.
    pub storage: Storage,
    /// How many servers keep it.
    pub num_replicas: u32,
    /// Which servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Compressed on disk.
    pub compression: bool,
    /// What the program wants to have noted.
    pub metadata: BTreeMap<String, String>,
}

impl Default for ObjectStoreConfig {
    fn default() -> Self {
        ObjectStoreConfig {
            bucket: String::new(),
            description: String::new(),
            ttl: Duration::ZERO,
            max_bytes: 0,
            storage: Storage::File,
            num_replicas: 1,
            placement: None,
            compression: false,
            metadata: BTreeMap::new(),
        }
    }
}

impl ObjectStoreConfig {
    /// A bucket with default values for the rest.
    pub fn new(bucket: impl Into<String>) -> ObjectStoreConfig {
        ObjectStoreConfig { bucket: bucket.into(), ..ObjectStoreConfig::default() }
    }

    /// The stream that keeps it.
    pub(super) fn stream(&self) -> Result<StreamConfig> {
        let ObjectStoreConfig { bucket, max_bytes, .. } = self;
        let limit = if *max_bytes == 0 { -1 } else { i64::try_from(*max_bytes).unwrap_or(-1) };
        Ok(StreamConfig {
            name: stream_of(bucket)?,
            description: self.description.clone(),
            subjects: vec![format!("$O.{bucket}.C.>"), format!("$O.{bucket}.M.>")],
            max_age: self.ttl,
            max_bytes: limit,
            storage: self.storage.clone(),
            num_replicas: self.num_replicas,
            placement: self.placement.clone(),
            compression: if self.compression { Compression::S2 } else { Compression::None },
            metadata: self.metadata.clone(),
            discard: Discard::New,
            allow_rollup_hdrs: true,
            allow_direct: true,
            ..StreamConfig::default()
        })
    }

    /// What the configuration of a stream makes of a bucket.
    pub(super) fn of(stream: &StreamConfig) -> ObjectStoreConfig {
        ObjectStoreConfig {
            bucket: bucket_of(&stream.name).to_owned(),
            description: stream.description.clone(),
            ttl: stream.max_age,
            max_bytes: u64::try_from(stream.max_bytes).unwrap_or(0),
            storage: stream.storage.clone(),
            num_replicas: stream.num_replicas,
            placement: stream.placement.clone(),
            compression: stream.compression == Compression::S2,
            metadata: stream.metadata.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_bucket_is_a_stream_of_its_kind() {
        let config = ObjectStoreConfig {
            ttl: Duration::from_secs(60),
            max_bytes: 1 << 20,
            num_replicas: 3,
            compression: true,
            metadata: [("owner".to_owned(), "infra".to_owned())].into(),
            ..ObjectStoreConfig::new("b")
        };
        let stream = config.stream().unwrap();
        assert_eq!((stream.name.as_str(), stream.max_bytes), ("OBJ_b", 1 << 20));
        assert_eq!(stream.subjects, ["$O.b.C.>", "$O.b.M.>"]);
        assert_eq!((stream.discard.clone(), stream.max_age), (Discard::New, config.ttl));
        assert!(stream.allow_direct && stream.allow_rollup_hdrs && !stream.deny_delete);
        assert_eq!(ObjectStoreConfig::of(&stream), config);
        let plain = ObjectStoreConfig::new("b").stream().unwrap();
        assert_eq!((plain.max_bytes, plain.num_replicas, plain.storage), (-1, 1, Storage::File));
        let bad = ObjectStoreConfig::new("a.b").stream().unwrap_err();
        assert_eq!(bad.code(), Code::InvalidName);
    }
}
