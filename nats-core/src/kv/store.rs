//! Values put, read and deleted.

use std::time::Duration;

use super::bucket::{KeyValue, found};
use super::entry::{KvEntry, KvOperation};
use super::name::check_key;
use super::time::nanos;
use crate::client::publish::Publish;
use crate::error::{Code, Error, Result};
use crate::jetstream::{DirectBatchOptions, GetMessage, PublishOptions, StoredMessage};
use crate::proto::Headers;

/// The most subjects that a batch of direct gets may ask for.
const AT_ONCE: usize = 1024;

/// What is expected of a key, and for how long it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvOptions {
    /// The revision that the key is to have; 0: there is to be none. None: whatever it has.
    pub expected_revision: Option<u64>,
    /// For how long, in whole seconds (ADR-48, server 2.11). The bucket must have a `limit_marker_ttl`.
    pub ttl: Option<Duration>,
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
        let publish = Publish::new("", value.as_ref());
        self.store(key, publish, options).await
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
        let marker = match self.read(&GetMessage::last_of(self.stored(key)), false).await? {
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
        check_key(key)?;
        loop {
            let entry = self.read(&GetMessage::last_of(self.stored(key)), false).await?;
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
        let mut headers = Headers::new();
        headers.set("KV-Operation", "DEL")?;
        self.store(key, Publish::new("", b"").headers(&headers), options).await
    }

    /// Deletes a key with all it had before.
    ///
    /// # Errors
    /// As [`KeyValue::put_with`].
    pub async fn purge(&self, key: &str, options: &KvOptions) -> Result<u64> {
        let mut headers = Headers::new();
        headers.set("KV-Operation", "PURGE")?;
        headers.set("Nats-Rollup", "sub")?;
        self.store(key, Publish::new("", b"").headers(&headers), options).await
    }

    /// The value of a key, with what is known of it.
    ///
    /// # Errors
    /// [`Code::KeyNotFound`] when it has none, or was deleted; [`Code::InvalidName`] for the key;
    /// [`Code::BucketNotFound`]; those of [`JetStream::account_info`].
    ///
    /// [`JetStream::account_info`]: crate::jetstream::JetStream::account_info
    pub async fn get(&self, key: &str) -> Result<KvEntry> {
        let entry = self.entry(key).await?;
        entry.filter(KvEntry::is_put).ok_or_else(|| self.missing(key))
    }

    /// What a key had at a revision of its own.
    ///
    /// # Errors
    /// As [`KeyValue::get`]; [`Code::InvalidArgument`] for revision 0.
    pub async fn get_revision(&self, key: &str, revision: u64) -> Result<KvEntry> {
        check_key(key)?;
        let entry = self.read(&GetMessage::sequence(revision), self.place.direct).await?;
        let own = entry.filter(|entry| entry.key == key && entry.is_put());
        own.ok_or_else(|| self.missing(key))
    }

    /// What was done to a key last; None: nothing, or it is not known any more.
    ///
    /// # Errors
    /// As [`KeyValue::get`].
    pub async fn entry(&self, key: &str) -> Result<Option<KvEntry>> {
        check_key(key)?;
        self.read(&GetMessage::last_of(self.stored(key)), self.place.direct).await
    }

    /// The values of many keys as they are at one moment, in their order; None: it has none. With one
    /// request for each 1,024 of them (ADR-31, server 2.11).
    ///
    /// # Errors
    /// [`Code::Unsupported`]; otherwise as [`KeyValue::get`].
    pub async fn get_many(&self, keys: &[impl AsRef<str>]) -> Result<Vec<Option<KvEntry>>> {
        for key in keys {
            check_key(key.as_ref())?;
        }
        let mut found = std::collections::HashMap::with_capacity(keys.len());
        let mut up_to_sequence = 0;
        for some in keys.chunks(AT_ONCE) {
            let options = DirectBatchOptions {
                multi_last: some.iter().map(|key| self.stored(key.as_ref())).collect(),
                up_to_sequence,
                ..DirectBatchOptions::default()
            };
            let mut batch = self.js.direct_batch(&self.place.stream, &options).await?;
            while let Some(message) = self.seen(batch.next().await)? {
                let entry = self.entry_of(message)?;
                if entry.is_put() {
                    found.insert(entry.key.clone(), entry);
                }
            }
            up_to_sequence = batch.up_to_sequence();
        }
        Ok(keys.iter().map(|key| found.get(key.as_ref()).cloned()).collect())
    }

    /// The subject of a key as the stream has it.
    pub(super) fn stored(&self, key: &str) -> String {
        format!("{}{key}", self.place.stored)
    }

    async fn store(&self, key: &str, publish: Publish<'_>, options: &KvOptions) -> Result<u64> {
        check_key(key)?;
        let Some(prefix) = &self.place.written else {
            let text = format!("bucket {}: it is for reading alone", self.name());
            return Err(Error::new(Code::ReadOnly, text));
        };
        let subject = format!("{prefix}{key}");
        let publish = Publish { subject: &subject, ..publish };
        let ack = self.js.publish_with(&publish, &options.publish()).await;
        ack.map(|ack| ack.seq)
    }

    /// A message of the stream; None: there is none.
    async fn read(&self, which: &GetMessage, direct: bool) -> Result<Option<KvEntry>> {
        let stream = &self.place.stream;
        let got = if direct {
            self.js.direct_get(stream, which).await
        } else {
            self.js.get_message(stream, which).await
        };
        match self.seen(got) {
            Err(error) if error.code() == Code::MessageNotFound => Ok(None),
            got => self.entry_of(got?).map(Some),
        }
    }

    /// What a stream that may not be there has said.
    fn seen<T>(&self, got: Result<T>) -> Result<T> {
        found(self.name(), got).map_err(|error| match error.code() {
            // Nobody answers direct gets then.
            Code::NoResponders => {
                let text = format!("there is no bucket {}", self.name());
                Error::new(Code::BucketNotFound, text)
            }
            _ => error,
        })
    }

    fn entry_of(&self, message: StoredMessage) -> Result<KvEntry> {
        let key = message.subject.strip_prefix(&self.place.stored);
        let (Some(key), Some(created_nanos)) = (key, nanos(&message.time)) else {
            let text = format!("bucket {}: a message that is none of its keys", self.name());
            return Err(Error::new(Code::Protocol, text));
        };
        Ok(KvEntry {
            bucket: self.name().to_owned(),
            key: key.to_owned(),
            revision: message.sequence,
            delta: 0,
            created_nanos,
            operation: KvOperation::of(message.headers()),
            value: message.payload,
        })
    }

    fn missing(&self, key: &str) -> Error {
        Error::new(Code::KeyNotFound, format!("bucket {}: key {key} has no value", self.name()))
    }
}
