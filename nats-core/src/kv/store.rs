//! Values put, read and deleted.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use super::bucket::{KeyValue, found};
use super::entry::KvEntry;
use super::name::check_key;
use crate::client::message::Message;
use crate::client::publish::Publish;
use crate::error::{Code, Error, Result};
use crate::jetstream::{DirectBatchOptions, GetMessage, PublishOptions};
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
        let marker = match self.last(key, false).await? {
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
            let entry = self.last(key, false).await?;
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
        let stored = self.stored(key)?;
        let which = GetMessage::sequence(revision);
        let message = self.message(&which, self.place.direct).await?;
        // It may be a value of another key, which the codecs need not know.
        let own = message.filter(|message| subject_of(message) == stored);
        let entry = own.map(|message| self.decoded(message)).transpose()?;
        let entry = entry.map(|message| self.entry_of(&message)).transpose()?.flatten();
        entry.filter(KvEntry::is_put).ok_or_else(|| self.missing(key))
    }

    /// What was done to a key last; None: nothing, or it is not known any more.
    ///
    /// # Errors
    /// As [`KeyValue::get`].
    pub async fn entry(&self, key: &str) -> Result<Option<KvEntry>> {
        self.last(key, self.place.direct).await
    }

    /// The values of many keys as they are at one moment, in their order; None: it has none. With one
    /// request for each 1,024 of them (ADR-31, server 2.11).
    ///
    /// # Errors
    /// [`Code::Unsupported`]; otherwise as [`KeyValue::get`].
    pub async fn get_many(&self, keys: &[impl AsRef<str>]) -> Result<Vec<Option<KvEntry>>> {
        let subjects: Vec<String> =
            keys.iter().map(|key| self.stored(key.as_ref())).collect::<Result<_>>()?;
        let mut found = HashMap::with_capacity(keys.len());
        let mut up_to_sequence = 0;
        for some in subjects.chunks(AT_ONCE) {
            let options = DirectBatchOptions {
                multi_last: some.to_vec(),
                up_to_sequence,
                ..DirectBatchOptions::default()
            };
            let mut batch = self.js.direct_batch(&self.place.stream, &options).await?;
            while let Some(message) = self.seen(batch.next_message().await)? {
                let subject = subject_of(&message).to_owned();
                found.insert(subject, self.decoded(message)?);
            }
            up_to_sequence = batch.up_to_sequence();
        }
        let entries = subjects.iter().map(|subject| {
            let entry = found.get(subject).map(|message| self.entry_of(message)).transpose()?;
            Ok(entry.flatten().filter(KvEntry::is_put))
        });
        entries.collect()
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
        let subject = format!("{prefix}{key}");
        Ok(KvPublish { subject, headers, payload, options: options.publish() })
    }

    async fn store(&self, publish: &KvPublish<'_>) -> Result<u64> {
        let KvPublish { subject, headers, payload, options } = publish;
        let publish = Publish { headers: headers.as_ref(), ..Publish::new(subject, payload) };
        self.js.publish_with(&publish, options).await.map(|ack| ack.seq)
    }

    /// What was done to a key last, by any server that has it or by the one that leads.
    async fn last(&self, key: &str, direct: bool) -> Result<Option<KvEntry>> {
        let message = self.last_message(key, direct).await?;
        Ok(message.map(|message| self.entry_of(&message)).transpose()?.flatten())
    }

    async fn last_message(&self, key: &str, direct: bool) -> Result<Option<Message>> {
        let which = GetMessage::last_of(self.stored(key)?);
        let message = self.message(&which, direct).await?;
        message.map(|message| self.decoded(message)).transpose()
    }

    /// A message of the stream, as it is stored; None: there is none.
    async fn message(&self, which: &GetMessage, direct: bool) -> Result<Option<Message>> {
        let stream = &self.place.stream;
        let got = if direct {
            self.js.direct_message(stream, which).await
        } else {
            self.js.get_message(stream, which).await.and_then(|stored| stored.to_message())
        };
        match self.seen(got) {
            Err(error) if error.code() == Code::MessageNotFound => Ok(None),
            got => got.map(Some),
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

    fn missing(&self, key: &str) -> Error {
        Error::new(Code::KeyNotFound, format!("bucket {}: key {key} has no value", self.name()))
    }
}

/// The subject under which a message is stored.
fn subject_of(message: &Message) -> &str {
    message.header("Nats-Subject").unwrap_or_else(|| message.subject())
}
