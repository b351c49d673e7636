//! Buckets of objects: made, changed, found, sealed and removed.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::config::ObjectStoreConfig;
use super::name::{STREAM, bucket_of, stream_of};
use crate::error::{Code, Error, Result};
use crate::jetstream::{JetStream, StreamConfig, StreamInfo};

/// A bucket of objects. Cheap to clone.
#[derive(Clone)]
pub struct ObjectStore {
    pub(super) js: JetStream,
    pub(super) place: Arc<Place>,
}

/// Where a bucket is.
pub(super) struct Place {
    pub(super) bucket: String,
    pub(super) stream: String,
    /// Any server that keeps it may be asked.
    pub(super) direct: bool,
}

/// A bucket of objects as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ObjectStoreStatus {
    /// What it is like.
    #[serde(flatten)]
    pub config: ObjectStoreConfig,
    /// Bytes, with what is known of the objects.
    #[serde(rename = "size")]
    pub bytes: u64,
    /// Nothing can be changed any more.
    pub sealed: bool,
    /// The stream that keeps it.
    pub stream: StreamInfo,
}

impl ObjectStoreStatus {
    fn of(stream: StreamInfo) -> ObjectStoreStatus {
        ObjectStoreStatus {
            config: ObjectStoreConfig::of(&stream.config),
            bytes: stream.state.bytes,
            sealed: stream.config.sealed,
            stream,
        }
    }
}

impl JetStream {
    /// Makes a bucket of objects. One that is there with the same configuration is as good.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::BucketExists`] when there is one of the name with another
    /// configuration; [`Code::Unsupported`]; those of [`JetStream::account_info`].
    pub async fn create_object_store(&self, config: &ObjectStoreConfig) -> Result<ObjectStore> {
        let stream = config.stream()?;
        match self.create_stream(&stream).await {
            Err(error) if error.code() == Code::StreamExists => {
                let text =
                    format!("bucket {}: it is there with another configuration", config.bucket);
                Err(Error::new(Code::BucketExists, text))
            }
            made => Ok(self.objects(&made?.config)),
        }
    }

    /// Changes the configuration of a bucket. Not everything can be changed.
    ///
    /// # Errors
    /// [`Code::BucketNotFound`]; otherwise as [`JetStream::create_object_store`].
    pub async fn update_object_store(&self, config: &ObjectStoreConfig) -> Result<ObjectStore> {
        let made = self.update_stream(&config.stream()?).await;
        found(&config.bucket, made).map(|info| self.objects(&info.config))
    }

    /// Changes a bucket, or makes it when it is not there.
    ///
    /// # Errors
    /// As [`JetStream::create_object_store`].
    pub async fn create_or_update_object_store(
        &self,
        config: &ObjectStoreConfig,
    ) -> Result<ObjectStore> {
        let made = self.create_or_update_stream(&config.stream()?).await?;
        Ok(self.objects(&made.config))
    }

    /// A bucket of objects that is there.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::BucketNotFound`]; those of [`JetStream::account_info`].
    pub async fn object_store(&self, bucket: &str) -> Result<ObjectStore> {
        let info = self.stream_info(&stream_of(bucket)?).await;
        found(bucket, info).map(|info| self.objects(&info.config))
    }

    /// The bucket of objects that has this name, of which nothing is asked: whether it is there is told by
    /// what is done with it. What is known of objects is asked of the server that leads.
    ///
    /// # Errors
    /// [`Code::InvalidName`].
    pub fn object_store_unasked(&self, bucket: &str) -> Result<ObjectStore> {
        let stream = stream_of(bucket)?;
        let place = Place { bucket: bucket.to_owned(), stream, direct: false };
        Ok(ObjectStore { js: self.clone(), place: Arc::new(place) })
    }

    /// Removes a bucket with all its objects.
    ///
    /// # Errors
    /// As [`JetStream::object_store`].
    pub async fn delete_object_store(&self, bucket: &str) -> Result<()> {
        found(bucket, self.delete_stream(&stream_of(bucket)?).await)
    }

    /// The names of all buckets of objects.
    ///
    /// # Errors
    /// Those of [`JetStream::account_info`].
    pub async fn object_store_names(&self) -> Result<Vec<String>> {
        let names = self.stream_names(Some("$O.*.C.>"))?.all().await?;
        let of_buckets = names.into_iter().filter(|name| name.starts_with(STREAM));
        Ok(of_buckets.map(|name| bucket_of(&name).to_owned()).collect())
    }

    /// All buckets of objects as they are.
    ///
    /// # Errors
    /// As [`JetStream::object_store_names`].
    pub async fn object_stores(&self) -> Result<Vec<ObjectStoreStatus>> {
        let infos = self.streams(Some("$O.*.C.>"))?.all().await?;
        let of_buckets = infos.into_iter().filter(|info| info.config.name.starts_with(STREAM));
        Ok(of_buckets.map(ObjectStoreStatus::of).collect())
    }

    fn objects(&self, config: &StreamConfig) -> ObjectStore {
        let place = Place {
            bucket: bucket_of(&config.name).to_owned(),
            stream: config.name.clone(),
            direct: config.allow_direct,
        };
        ObjectStore { js: self.clone(), place: Arc::new(place) }
    }
}

impl ObjectStore {
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
    pub async fn status(&self) -> Result<ObjectStoreStatus> {
        self.found(self.js.stream_info(&self.place.stream).await).map(ObjectStoreStatus::of)
    }

    /// Seals the bucket: nothing of it can be changed from now on, not even this.
    ///
    /// # Errors
    /// As [`ObjectStore::status`].
    pub async fn seal(&self) -> Result<ObjectStoreStatus> {
        let config = StreamConfig { sealed: true, ..self.status().await?.stream.config };
        self.found(self.js.update_stream(&config).await).map(ObjectStoreStatus::of)
    }

    /// Why nobody has answered what was published to it.
    pub(super) async fn silent(&self, error: Error) -> Error {
        match self.status().await {
            Err(missing) if missing.code() == Code::BucketNotFound => missing,
            _ => error,
        }
    }

    /// What was asked of the bucket's stream, which may not be there.
    pub(super) fn found<T>(&self, result: Result<T>) -> Result<T> {
        found(&self.place.bucket, result)
    }
}

impl fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStore").field("bucket", &self.place.bucket).finish_non_exhaustive()
    }
}

fn found<T>(bucket: &str, result: Result<T>) -> Result<T> {
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
