//! Buckets: made, changed, found and removed.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::codec::Codecs;
use super::config::KvConfig;
use super::name::{STREAM, bucket_of, stream_of};
use crate::error::{Code, Error, Result};
use crate::jetstream::{JetStream, StreamConfig, StreamInfo};

/// A bucket. Cheap to clone.
#[derive(Clone)]
pub struct KeyValue {
    pub(super) js: JetStream,
    pub(super) place: Arc<Place>,
    pub(super) codecs: Codecs,
}

/// Where a bucket is.
pub(super) struct Place {
    pub(super) bucket: Arc<str>,
    pub(super) stream: String,
    /// What the subjects of keys begin with as the stream has them.
    pub(super) stored: String,
    /// What they begin with where values are published to; None: nobody can.
    pub(super) written: Option<String>,
    /// Any server that keeps it may be asked.
    pub(super) direct: bool,
}

/// A bucket as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KvStatus {
    /// What it is like.
    #[serde(flatten)]
    pub config: KvConfig,
    /// Values, older ones and markers included.
    pub values: u64,
    /// Bytes.
    pub bytes: u64,
    /// The stream that keeps it.
    pub stream: StreamInfo,
}

impl KvStatus {
    fn of(stream: StreamInfo) -> KvStatus {
        KvStatus {
            config: KvConfig::of(&stream.config),
            values: stream.state.messages,
            bytes: stream.state.bytes,
            stream,
        }
    }
}

impl JetStream {
    /// Makes a bucket. One that is there with the same configuration is as good.
    ///
    /// # Errors
    /// [`Code::InvalidName`], [`Code::InvalidArgument`] for the configuration;
    /// [`Code::BucketExists`] when there is one of the name with another configuration;
    /// [`Code::Unsupported`]; those of [`JetStream::account_info`].
    pub async fn create_key_value(&self, config: &KvConfig) -> Result<KeyValue> {
        let stream = config.stream()?;
        match self.create_stream(&stream).await {
            Err(error) if error.code() == Code::StreamExists => {
                let text =
                    format!("bucket {}: it is there with another configuration", config.bucket);
                Err(Error::new(Code::BucketExists, text))
            }
            made => self.bucket(&made?.config),
        }
    }

    /// Changes the configuration of a bucket. Not everything can be changed.
    ///
    /// # Errors
    /// [`Code::BucketNotFound`]; otherwise as [`JetStream::create_key_value`].
    pub async fn update_key_value(&self, config: &KvConfig) -> Result<KeyValue> {
        let stream = config.stream()?;
        let made = self.update_stream(&stream).await;
        self.bucket(&found(&config.bucket, made)?.config)
    }

    /// Changes a bucket, or makes it when it is not there.
    ///
    /// # Errors
    /// As [`JetStream::create_key_value`].
    pub async fn create_or_update_key_value(&self, config: &KvConfig) -> Result<KeyValue> {
        let stream = config.stream()?;
        self.bucket(&self.create_or_update_stream(&stream).await?.config)
    }

    /// A bucket that is there.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::BucketNotFound`]; those of [`JetStream::account_info`].
    pub async fn key_value(&self, bucket: &str) -> Result<KeyValue> {
        let info = self.stream_info(&stream_of(bucket)?).await;
        self.bucket(&found(bucket, info)?.config)
    }

    /// A bucket as it is.
    ///
    /// # Errors
    /// As [`JetStream::key_value`].
    pub async fn key_value_status(&self, bucket: &str) -> Result<KvStatus> {
        let info = self.stream_info(&stream_of(bucket)?).await;
        found(bucket, info).map(KvStatus::of)
    }

    /// Removes a bucket with all it has.
    ///
    /// # Errors
    /// As [`JetStream::key_value`].
    pub async fn delete_key_value(&self, bucket: &str) -> Result<()> {
        found(bucket, self.delete_stream(&stream_of(bucket)?).await)
    }

    /// The names of all buckets.
    ///
    /// # Errors
    /// Those of [`JetStream::account_info`].
    pub async fn key_value_names(&self) -> Result<Vec<String>> {
        let names = self.stream_names(Some("$KV.*.>"))?.all().await?;
        let of_buckets = names.into_iter().filter(|name| name.starts_with(STREAM));
        Ok(of_buckets.map(|name| bucket_of(&name).to_owned()).collect())
    }

    /// All buckets as they are.
    ///
    /// # Errors
    /// As [`JetStream::key_value_names`].
    pub async fn key_values(&self) -> Result<Vec<KvStatus>> {
        let infos = self.streams(Some("$KV.*.>"))?.all().await?;
        let of_buckets = infos.into_iter().filter(|info| info.config.name.starts_with(STREAM));
        Ok(of_buckets.map(KvStatus::of).collect())
    }

    fn bucket(&self, config: &StreamConfig) -> Result<KeyValue> {
        let bucket = bucket_of(&config.name);
        if config.max_msgs_per_subject < 1 {
            let text = format!("bucket {bucket}: its stream is none of a bucket");
            return Err(Error::new(Code::BucketNotFound, text));
        }
        let own = format!("$KV.{bucket}.");
        // Other domains and prefixes have their keys where their API is.
        let usual = self.api_prefix() == "$JS.API.";
        let here = if usual { String::new() } else { self.api_prefix().to_owned() };
        let (stored, written) = match &config.mirror {
            Some(mirror) => {
                let origin = format!("$KV.{}.", bucket_of(&mirror.name));
                let renamed = mirror.subject_transforms.iter().any(|t| t.dest.starts_with(&own));
                let there = match &mirror.external {
                    Some(external) => format!("{}.", external.api),
                    None => here,
                };
                (if renamed { own } else { origin.clone() }, Some(there + &origin))
            }
            None if config.subjects.is_empty() => (own, None),
            None => (own.clone(), Some(here + &own)),
        };
        let place = Place {
            bucket: bucket.into(),
            stream: config.name.clone(),
            stored,
            written,
            direct: config.allow_direct || config.mirror_direct,
        };
        Ok(KeyValue { js: self.clone(), place: Arc::new(place), codecs: Codecs::default() })
    }
}

impl KeyValue {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.place.bucket
    }

    /// The JetStream that it is in.
    pub fn jetstream(&self) -> &JetStream {
        &self.js
    }

    /// The bucket as it is.
    ///
    /// # Errors
    /// [`Code::BucketNotFound`]; those of [`JetStream::account_info`].
    pub async fn status(&self) -> Result<KvStatus> {
        let info = self.js.stream_info(&self.place.stream).await;
        found(&self.place.bucket, info).map(KvStatus::of)
    }

    /// The same bucket for reading alone: to put something into it gives [`Code::ReadOnly`].
    pub fn read_only(&self) -> KeyValue {
        let Place { bucket, stream, stored, direct, .. } = &*self.place;
        let place = Place {
            bucket: Arc::clone(bucket),
            stream: stream.clone(),
            stored: stored.clone(),
            written: None,
            direct: *direct,
        };
        KeyValue { place: Arc::new(place), ..self.clone() }
    }
}

impl fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyValue").field("bucket", &self.place.bucket).finish_non_exhaustive()
    }
}

/// What was asked of a bucket's stream, which may not be there.
pub(super) fn found<T>(bucket: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| gone(bucket, error))
}

/// The same of an error alone.
pub(super) fn gone(bucket: &str, error: Error) -> Error {
    match error.code() {
        Code::StreamNotFound => {
            Error::new(Code::BucketNotFound, format!("there is no bucket {bucket}"))
        }
        _ => error,
    }
}
