//! Values put, read and deleted.

use std::borrow::Cow;
use std::time::Duration;

use super::bucket::KeyValue;
use super::entry::KvEntry;
use super::name::check_key;
use crate::client::publish::Publish;
use crate::error::{Code, Error, Result};
use crate::jetstream::{PublishOptions, level};
use crate::proto::Headers;

/// What is expected of a key, and for how long it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvOptions {
    /// The revision that the key is to have; 0: there is to be none. None: whatever it has.
    pub expected_revision: Option<u64>,
    /// For how long, in whole seconds (ADR-48, server 2.11). The bucket must have a `limit_marker_ttl`.
    pub ttl: Option<Duration>,
}

/// What is done to a key, as it is published to the bucket's stream.
#[derive(Clone, Debug)]
pub struct KvPublish<'a> {
    /// Where to.
    pub subject: String,
    /// What tells the operation.
    pub headers: Option<Headers>,
    /// The value as it is stored.
    pub payload: Cow<'a, [u8]>,
    /// What is expected of the key.
    pub options: PublishOptions,
}

impl KvOptions {
    fn publish(&self) -> PublishOptions {
        PublishOptions {
            expected_last_subject_sequence: self.expected_revision,
            ttl: self.ttl,
            ..PublishOptions::default()
        }
    }
}

impl KeyValue {
    /// Gives a key a value; its revision.
    ///
    /// # Errors
    /// As [`KeyValue::put_with`].
    pub async fn put(&self, key: &str, value: impl AsRef<[u8]>) -> Result<u64> {
        self.put_with(key, value, &KvOptions::default()).await
    }

    /// Gives a key a value, if it has the revision that is expected; its new one.
    ///
    /// # Errors
    /// [`Code::InvalidName`] for the key; [`Code::WrongLastSequence`] when it has another revision;
    /// [`Code::ReadOnly`] for a bucket that is for reading alone; those of
    /// [`JetStream::publish_with`](crate::jetstream::JetStream::publish_with).
    pub async fn put_with(
        &self,
        key: &str,
        value: impl AsRef<[u8]>,
        options: &KvOptions,
    ) -> Result<u64> {
        self.store(&self.to_put(key, value.as_ref(), options)?).await
    }

    /// Gives a key that has no value one; its revision.
    ///
    /// # Errors
    /// [`Code::KeyExists`]; otherwise as [`KeyValue::put_with`].
    pub async fn create(
        &self,
        key: &str,
        value: impl AsRef<[u8]>,
        ttl: Option<Duration>,
    ) -> Result<u64> {
        let at = |revision| KvOptions { expected_revision: Some(revision), ttl };
        let value = value.as_ref();
        let refused = match self.put_with(key, value, &at(0)).await {
            Err(error) if error.code() == Code::WrongLastSequence => error,
            stored => return stored,
        };
        let exists = || {
            let text = format!("bucket {}: key {key} has a value", self.name());
            Err(Error::new(Code::KeyExists, text))
        };
        // Only the server that leads knows for sure that it was deleted.
        let marker = match self.entry_of_leader(key).await? {
            Some(entry) if !entry.is_put() => entry.revision,
            Some(_) => return exists(),
            // Its time has come to an end just now, or what is there is not under its subject.
            None => return Err(refused),
        };
        match self.put_with(key, value, &at(marker)).await {
            Err(error) if error.code() == Code::WrongLastSequence => exists(),
            stored => stored,
        }
    }

    /// Gives a key that has this revision another value; its new revision.
    ///
    /// # Errors
    /// As [`KeyValue::put_with`].
    pub async fn update(&self, key: &str, value: impl AsRef<[u8]>, revision: u64) -> Result<u64> {
        let options = KvOptions { expected_revision: Some(revision), ..KvOptions::default() };
        self.put_with(key, value, &options).await
    }

    /// Gives a key the value that is made of what it has, again and again until nobody else has changed
    /// it meanwhile; its new revision. None, when `make` wants it to stay as it is.
    ///
    /// # Errors
    /// Those of [`KeyValue::get`] and [`KeyValue::put_with`], but for [`Code::KeyNotFound`] and
    /// [`Code::WrongLastSequence`].
    pub async fn modify(
        &self,
        key: &str,
        mut make: impl FnMut(Option<&KvEntry>) -> Option<Vec<u8>>,
    ) -> Result<Option<u64>> {
        loop {
            let entry = self.entry_of_leader(key).await?;
            let revision = entry.as_ref().map_or(0, |entry| entry.revision);
            let Some(value) = make(entry.as_ref().filter(|entry| entry.is_put())) else {
                return Ok(None);
            };
            match self.update(key, &value, revision).await {
                Err(error) if error.code() == Code::WrongLastSequence => {}
                stored => return stored.map(Some),
            }
        }
    }

    /// Deletes a key; what it had before stays in its history.
    ///
    /// # Errors
    /// As [`KeyValue::put_with`].
    pub async fn delete(&self, key: &str, options: &KvOptions) -> Result<u64> {
        self.store(&self.to_delete(key, options)?).await
    }

    /// Deletes a key with all it had before.
    ///
    /// # Errors
    /// As [`KeyValue::put_with`].
    pub async fn purge(&self, key: &str, options: &KvOptions) -> Result<u64> {
        self.store(&self.to_purge(key, options)?).await
    }

    /// What gives a key a value, as it is published.
    ///
    /// # Errors
    /// Those of [`KeyValue::put_with`] that show before it is sent.
    pub fn to_put<'a>(
        &self,
        key: &str,
        value: &'a [u8],
        options: &KvOptions,
    ) -> Result<KvPublish<'a>> {
        let value = match &self.codecs.values {
            Some(codec) => Cow::Owned(codec.encode(value)?),
            None => Cow::Borrowed(value),
        };
        self.publish(key, value, &[], options)
    }

    /// What deletes a key, as it is published.
    ///
    /// # Errors
    /// As [`KeyValue::to_put`].
    pub fn to_delete(&self, key: &str, options: &KvOptions) -> Result<KvPublish<'static>> {
        self.publish(key, Cow::Borrowed(b""), &[("KV-Operation", "DEL")], options)
    }

    /// What deletes a key with all it had before, as it is published.
    ///
    /// # Errors
    /// As [`KeyValue::to_put`].
    pub fn to_purge(&self, key: &str, options: &KvOptions) -> Result<KvPublish<'static>> {
        let headers = [("KV-Operation", "PURGE"), ("Nats-Rollup", "sub")];
        self.publish(key, Cow::Borrowed(b""), &headers, options)
    }

    /// The subject of a key as the stream has it.
    pub(super) fn stored(&self, key: &str) -> Result<String> {
        let encoded = self.encoded(key)?;
        Ok(format!("{}{encoded}", self.place.stored))
    }

    fn encoded<'a>(&self, key: &'a str) -> Result<Cow<'a, str>> {
        let stored = match &self.codecs.keys {
            Some(codec) => Cow::Owned(codec.encode(key)?),
            None => Cow::Borrowed(key),
        };
        check_key(&stored)?;
        Ok(stored)
    }

    fn publish<'a>(
        &self,
        key: &str,
        payload: Cow<'a, [u8]>,
        headers: &[(&str, &str)],
        options: &KvOptions,
    ) -> Result<KvPublish<'a>> {
        let key = self.encoded(key)?;
        let Some(prefix) = &self.place.written else {
            let text = format!("bucket {}: it is for reading alone", self.name());
            return Err(Error::new(Code::ReadOnly, text));
        };
        let mut of_operation = Headers::new();
        for (name, value) in headers {
            of_operation.set(name, value)?;
        }
        let headers = Some(of_operation).filter(|headers| !headers.is_empty());
        let options = options.publish();
        level::of_publish(&options, self.js.client())?;
        Ok(KvPublish { subject: format!("{prefix}{key}"), headers, payload, options })
    }

    async fn store(&self, publish: &KvPublish<'_>) -> Result<u64> {
        let KvPublish { subject, headers, payload, options } = publish;
        let publish = Publish { headers: headers.as_ref(), ..Publish::new(subject, payload) };
        self.js.publish_with(&publish, options).await.map(|ack| ack.seq)
    }
}
