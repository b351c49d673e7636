//! What a bucket is to be like, and the stream that makes it so.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::name::{STREAM, bucket_of, check_filter, stream_of};
use crate::error::{Code, Error, Result};
use crate::jetstream::config::nanos;
use crate::jetstream::{
    Compression, Discard, Placement, Republish, Storage, StreamConfig, StreamSource,
    SubjectTransform,
};

/// For how long a message with an id is known at most.
const DUPLICATES: Duration = Duration::from_secs(120);
/// The most values that a key may have.
const MOST: u8 = 64;

/// What a bucket is to be like. As a document, times are nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KvConfig {
    /// Its name.
    pub bucket: String,
    /// What it is for.
    pub description: String,
    /// How many values a key has, the newest included: 1 to 64. Default 1.
    pub history: u8,
    /// How long a value is kept; zero: for ever.
    #[serde(with = "nanos")]
    pub ttl: Duration,
    /// How long the marker stays that tells of a key whose values have come to the end of their time
    /// (ADR-48, server 2.11), in whole seconds; zero: there is none, and keys have no time of their own.
    #[serde(with = "nanos")]
    pub limit_marker_ttl: Duration,
    /// The most bytes of a value; 0: no limit but the server's.
    pub max_value_size: u32,
    /// The most bytes of the whole; 0: no limit. A value that would be too much is refused.
    pub max_bytes: u64,
    /// Where it is kept.
    pub storage: Storage,
    /// How many servers keep it.
    pub num_replicas: u32,
    /// Which servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Where its values are published to, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub republish: Option<Republish>,
    /// The bucket that it is a copy of; what is put into it goes there. By its name, with or without
    /// the prefix of streams. Its filter and transforms are used as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<StreamSource>,
    /// Buckets whose keys it has, too. Without transforms of their own their keys are the same here,
    /// or those of their filter; with transforms, which are used as they are, it may be any stream
    /// (ADR-57).
    pub sources: Vec<StreamSource>,
    /// Nobody puts anything into it: it has what its sources have.
    pub aggregate: bool,
    /// Compressed on disk.
    pub compression: bool,
    /// What the program wants to have noted.
    pub metadata: BTreeMap<String, String>,
}

impl Default for KvConfig {
    fn default() -> Self {
        KvConfig {
            bucket: String::new(),
            description: String::new(),
            history: 1,
            ttl: Duration::ZERO,
            limit_marker_ttl: Duration::ZERO,
            max_value_size: 0,
            max_bytes: 0,
            storage: Storage::File,
            num_replicas: 1,
            placement: None,
            republish: None,
            mirror: None,
            sources: Vec::new(),
            aggregate: false,
            compression: false,
            metadata: BTreeMap::new(),
        }
    }
}

impl KvConfig {
    /// A bucket with default values for the rest.
    pub fn new(bucket: impl Into<String>) -> KvConfig {
        KvConfig { bucket: bucket.into(), ..KvConfig::default() }
    }

    /// The stream that keeps it.
    pub(super) fn stream(&self) -> Result<StreamConfig> {
        let name = stream_of(&self.bucket)?;
        let bad = |text: &str| Err(Error::new(Code::InvalidArgument, text.to_owned()));
        if !(1..=MOST).contains(&self.history) {
            return bad("history: expected 1 to 64");
        }
        if self.limit_marker_ttl.subsec_nanos() != 0 {
            return bad("limit_marker_ttl: expected whole seconds");
        }
        if self.mirror.is_some() && (!self.sources.is_empty() || self.aggregate) {
            return bad("mirror: expected without sources, and not of an aggregate");
        }
        if self.aggregate && self.sources.is_empty() {
            return bad("aggregate: expected with sources");
        }
        let limited = |limit: u64| if limit == 0 { -1 } else { i64::try_from(limit).unwrap_or(-1) };
        let own = format!("$KV.{}.>", self.bucket);
        let duplicates = if self.ttl.is_zero() { DUPLICATES } else { self.ttl.min(DUPLICATES) };
        let sources = self.sources.iter().map(|source| self.source(source));
        Ok(StreamConfig {
            name,
            description: self.description.clone(),
            subjects: if self.mirror.is_none() && !self.aggregate { vec![own] } else { vec![] },
            max_msgs_per_subject: self.history.into(),
            max_bytes: limited(self.max_bytes),
            max_age: self.ttl,
            max_msg_size: limited(self.max_value_size.into()),
            storage: self.storage.clone(),
            num_replicas: self.num_replicas,
            placement: self.placement.clone(),
            republish: self.republish.clone(),
            mirror: self.mirror.as_ref().map(of_bucket),
            mirror_direct: self.mirror.is_some(),
            sources: sources.collect::<Result<_>>()?,
            compression: if self.compression { Compression::S2 } else { Compression::None },
            metadata: self.metadata.clone(),
            allow_msg_ttl: !self.limit_marker_ttl.is_zero(),
            subject_delete_marker_ttl: self.limit_marker_ttl,
            discard: Discard::New,
            duplicate_window: duplicates,
            deny_delete: true,
            allow_rollup_hdrs: true,
            allow_direct: true,
            max_msgs: -1,
            max_consumers: -1,
            ..StreamConfig::default()
        })
    }

    /// Where keys come from, under the names that they have here.
    fn source(&self, source: &StreamSource) -> Result<StreamSource> {
        if !source.subject_transforms.is_empty() {
            return Ok(source.clone());
        }
        let mut source = of_bucket(source);
        let bucket = bucket_of(&source.name);
        stream_of(bucket)?;
        let theirs = format!("$KV.{bucket}.");
        let keys = match std::mem::take(&mut source.filter_subject) {
            none if none.is_empty() => ">".to_owned(),
            filter => filter.strip_prefix(&theirs).map(str::to_owned).unwrap_or(filter),
        };
        check_filter(&keys)?;
        let src = format!("{theirs}{keys}");
        let dest = format!("$KV.{}.{}", self.bucket, numbered(&keys));
        source.subject_transforms = vec![SubjectTransform { src, dest }];
        Ok(source)
    }

    /// What the configuration of a stream makes of a bucket.
    pub(super) fn of(stream: &StreamConfig) -> KvConfig {
        KvConfig {
            bucket: bucket_of(&stream.name).to_owned(),
            description: stream.description.clone(),
            history: u8::try_from(stream.max_msgs_per_subject).unwrap_or(MOST),
            ttl: stream.max_age,
            limit_marker_ttl: stream.subject_delete_marker_ttl,
            max_value_size: u32::try_from(stream.max_msg_size).unwrap_or(0),
            max_bytes: u64::try_from(stream.max_bytes).unwrap_or(0),
            storage: stream.storage.clone(),
            num_replicas: stream.num_replicas,
            placement: stream.placement.clone(),
            republish: stream.republish.clone(),
            mirror: stream.mirror.clone(),
            sources: stream.sources.clone(),
            aggregate: stream.mirror.is_none() && stream.subjects.is_empty(),
            compression: stream.compression == Compression::S2,
            metadata: stream.metadata.clone(),
        }
    }
}

/// The source by the name of its stream.
fn of_bucket(source: &StreamSource) -> StreamSource {
    let mut source = source.clone();
    if !source.name.starts_with(STREAM) {
        source.name.insert_str(0, STREAM);
    }
    source
}

/// The wildcards of a filter as what a transform puts in their place.
fn numbered(filter: &str) -> String {
    let mut count = 0;
    let words = filter.split('.').map(|word| match word {
        "*" => {
            count += 1;
            format!("{{{{wildcard({count})}}}}")
        }
        plain => plain.to_owned(),
    });
    words.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, filter: &str) -> StreamSource {
        StreamSource { name: name.into(), filter_subject: filter.into(), ..StreamSource::default() }
    }

    #[test]
    fn a_bucket_is_a_stream_of_its_kind() {
        let config = KvConfig { ttl: Duration::from_secs(60), history: 5, ..KvConfig::new("b") };
        let stream = config.stream().unwrap();
        assert_eq!((stream.name.as_str(), stream.max_msgs_per_subject), ("KV_b", 5));
        assert_eq!(stream.subjects, ["$KV.b.>"]);
        assert_eq!(stream.duplicate_window, Duration::from_secs(60));
        assert!(stream.allow_direct && stream.deny_delete && stream.allow_rollup_hdrs);
        assert_eq!((stream.discard.clone(), stream.allow_msg_ttl), (Discard::New, false));
        assert_eq!(KvConfig::of(&stream), config);
        let forever = KvConfig::new("b").stream().unwrap();
        assert_eq!(forever.duplicate_window, DUPLICATES);
    }

    #[test]
    fn keys_of_sources_have_the_same_names_here() {
        let own = SubjectTransform { src: "events.>".into(), dest: "$KV.b.>".into() };
        let other = StreamSource { subject_transforms: vec![own.clone()], ..source("EVENTS", "") };
        let sources = vec![source("a", ""), source("KV_c", "eu.*.x"), other];
        let config = KvConfig { sources, ..KvConfig::new("b") };
        let stream = config.stream().unwrap();
        let [all, some, events] = stream.sources.as_slice() else { panic!("three sources") };
        let transform = |source: &StreamSource| {
            let SubjectTransform { src, dest } = &source.subject_transforms[0];
            (source.name.clone(), src.clone(), dest.clone())
        };
        let texts = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(transform(all), texts("KV_a", "$KV.a.>", "$KV.b.>"));
        let numbered = "$KV.b.eu.{{wildcard(1)}}.x";
        assert_eq!(transform(some), texts("KV_c", "$KV.c.eu.*.x", numbered));
        assert_eq!((events.name.as_str(), &events.subject_transforms[0]), ("EVENTS", &own));
        assert!(all.filter_subject.is_empty() && some.filter_subject.is_empty());
        assert_eq!(stream.subjects, ["$KV.b.>"]);
        let aggregate = KvConfig { aggregate: true, ..config }.stream().unwrap();
        assert!(aggregate.subjects.is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let base = KvConfig::new("b");
        let mirror = Some(source("a", ""));
        for (config, part) in [
            (KvConfig { history: 0, ..base.clone() }, "history"),
            (KvConfig { history: 65, ..base.clone() }, "history"),
            (KvConfig { aggregate: true, ..base.clone() }, "aggregate"),
            (
                KvConfig { limit_marker_ttl: Duration::from_millis(1500), ..base.clone() },
                "limit_marker_ttl",
            ),
            (KvConfig { mirror, sources: vec![source("c", "")], ..base.clone() }, "mirror"),
        ] {
            let error = config.stream().unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.text().starts_with(part), "{error}");
        }
        assert_eq!(KvConfig::new("a.b").stream().unwrap_err().code(), Code::InvalidName);
        let sources = vec![source("a b", "")];
        assert_eq!(KvConfig { sources, ..base }.stream().unwrap_err().code(), Code::InvalidName);
    }
}
