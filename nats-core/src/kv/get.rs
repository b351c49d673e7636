//! Values read.

use std::collections::HashMap;

use super::bucket::{KeyValue, found};
use super::entry::{KvEntry, is_marker};
use crate::client::message::Message;
use crate::error::{Code, Error, Result};
use crate::jetstream::stored::refused;
use crate::jetstream::{DirectBatchOptions, GetMessage};

/// The most subjects that a batch of direct gets may ask for.
const AT_ONCE: usize = 1024;

impl KeyValue {
    /// The value of a key, with what is known of it.
    ///
    /// # Errors
    /// [`Code::KeyNotFound`] when it has none, or was deleted; [`Code::InvalidName`] for the key;
    /// [`Code::BucketNotFound`]; those of [`JetStream::account_info`].
    ///
    /// [`JetStream::account_info`]: crate::jetstream::JetStream::account_info
    pub async fn get(&self, key: &str) -> Result<KvEntry> {
        self.entry_of(&self.get_message(key).await?)?.ok_or_else(|| self.missing(key))
    }

    /// What a key had at a revision of its own.
    ///
    /// # Errors
    /// As [`KeyValue::get`]; [`Code::InvalidArgument`] for revision 0.
    pub async fn get_revision(&self, key: &str, revision: u64) -> Result<KvEntry> {
        let message = self.get_revision_message(key, revision).await?;
        self.entry_of(&message)?.ok_or_else(|| self.missing(key))
    }

    /// What was done to a key last; None: nothing, or it is not known any more.
    ///
    /// # Errors
    /// As [`KeyValue::get`].
    pub async fn entry(&self, key: &str) -> Result<Option<KvEntry>> {
        self.last(key, self.place.direct).await
    }

    /// The same as the server knows it that leads the bucket's stream: other ones may be behind.
    ///
    /// # Errors
    /// As [`KeyValue::get`].
    pub async fn entry_of_leader(&self, key: &str) -> Result<Option<KvEntry>> {
        self.last(key, false).await
    }

    /// The values of many keys as they are at one moment, in their order; None: it has none. With one
    /// request for each 1,024 of them (ADR-31, server 2.11).
    ///
    /// # Errors
    /// [`Code::Unsupported`]; otherwise as [`KeyValue::get`].
    pub async fn get_many(&self, keys: &[impl AsRef<str>]) -> Result<Vec<Option<KvEntry>>> {
        let messages = self.get_many_messages(keys).await?;
        let entry = |message: Option<Message>| match message {
            Some(message) => self.entry_of(&message),
            None => Ok(None),
        };
        messages.into_iter().map(entry).collect()
    }

    /// The messages of the values of many keys.
    ///
    /// # Errors
    /// As [`KeyValue::get_many`].
    pub async fn get_many_messages(
        &self,
        keys: &[impl AsRef<str>],
    ) -> Result<Vec<Option<Message>>> {
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
                if !is_marker(message.as_ref()) {
                    found.insert(subject_of(&message).to_owned(), self.decoded(message)?);
                }
            }
            up_to_sequence = batch.up_to_sequence();
        }
        Ok(subjects.iter().map(|subject| found.get(subject).cloned()).collect())
    }

    /// The message of the value of a key, of which [`KeyValue::read`] makes an entry.
    ///
    /// # Errors
    /// As [`KeyValue::get`].
    pub async fn get_message(&self, key: &str) -> Result<Message> {
        self.valued(key, self.last_message(key, self.place.direct).await?)
    }

    /// The same at a revision of the key's own.
    ///
    /// # Errors
    /// As [`KeyValue::get_revision`].
    pub async fn get_revision_message(&self, key: &str, revision: u64) -> Result<Message> {
        let stored = self.stored(key)?;
        let message = self.message(&GetMessage::sequence(revision), self.place.direct).await?;
        // It may be a value of another key, which the codecs need not know.
        let own = message.filter(|message| subject_of(message) == stored);
        self.valued(key, own.map(|message| self.decoded(message)).transpose()?)
    }

    /// The message of what was done to a key last.
    ///
    /// # Errors
    /// As [`KeyValue::entry`].
    pub async fn entry_message(&self, key: &str) -> Result<Option<Message>> {
        self.last_message(key, self.place.direct).await
    }

    /// The subject of the API at which a request without payload gets the value of a key, for
    /// [`KeyValue::got`]; None where that takes more.
    ///
    /// # Errors
    /// [`Code::InvalidName`] for the key.
    pub fn to_get(&self, key: &str) -> Result<Option<String>> {
        let stored = self.stored(key)?;
        let simple = self.place.direct && !self.js.is_traced();
        let subject =
            || format!("{}DIRECT.GET.{}.{stored}", self.js.api_prefix(), self.place.stream);
        Ok(simple.then(subject))
    }

    /// What the answer at [`KeyValue::to_get`] means.
    ///
    /// # Errors
    /// As [`KeyValue::get`].
    pub fn got(&self, key: &str, answer: Result<Message>) -> Result<Message> {
        let checked = answer.and_then(|message| {
            refused(&self.place.stream, &message)?;
            Ok(message)
        });
        let message = match self.seen(checked) {
            Err(error) if error.code() == Code::MessageNotFound => None,
            message => Some(self.decoded(message?)?),
        };
        self.valued(key, message)
    }

    /// What was done to a key last, by any server that has it or by the one that leads.
    pub(super) async fn last(&self, key: &str, direct: bool) -> Result<Option<KvEntry>> {
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

    /// The message, if it is that of a value.
    fn valued(&self, key: &str, message: Option<Message>) -> Result<Message> {
        let value = message.filter(|message| !is_marker(message.as_ref()));
        value.ok_or_else(|| self.missing(key))
    }

    fn missing(&self, key: &str) -> Error {
        Error::new(Code::KeyNotFound, format!("bucket {}: key {key} has no value", self.name()))
    }
}

/// The subject under which a message is stored.
fn subject_of(message: &Message) -> &str {
    message.header("Nats-Subject").unwrap_or_else(|| message.subject())
}
