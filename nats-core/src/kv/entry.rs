//! What a bucket has under a key.

use std::sync::Arc;

use bytes::Bytes;

use super::bucket::KeyValue;
use super::time::nanos;
use crate::client::message::{Message, MessageRef};
use crate::error::{Code, Error, Result};
use crate::jetstream::Metadata;
use crate::proto::HeaderBlock;

/// What was done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KvOperation {
    /// It was given a value.
    Put,
    /// It was deleted; what it had before may be in its history.
    Delete,
    /// It was deleted with all it had before, or has come to the end of its time.
    Purge,
}

impl KvOperation {
    /// As the headers of a message tell it (ADR-8, ADR-48).
    pub(super) fn of(headers: Option<HeaderBlock<'_>>) -> KvOperation {
        let header = |name: &str| headers.as_ref().and_then(|headers| headers.get(name));
        match (header("KV-Operation"), header("Nats-Marker-Reason")) {
            (Some(b"DEL"), _) | (_, Some(b"Remove")) => KvOperation::Delete,
            (Some(b"PURGE"), _) | (_, Some(b"MaxAge" | b"Purge")) => KvOperation::Purge,
            _ => KvOperation::Put,
        }
    }
}

/// What a bucket has under a key, or had: borrowed from the message that tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvRef<'a> {
    /// The key.
    pub key: &'a str,
    /// As [`KvEntry::value`].
    pub value: &'a [u8],
    /// As [`KvEntry::revision`].
    pub revision: u64,
    /// As [`KvEntry::delta`].
    pub delta: u64,
    /// As [`KvEntry::created_nanos`].
    pub created_nanos: i64,
    /// What was done.
    pub operation: KvOperation,
}

/// What a bucket has under a key, or had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvEntry {
    /// The bucket.
    pub bucket: Arc<str>,
    /// The key.
    pub key: String,
    /// The value; of a deleted key it is empty.
    pub value: Bytes,
    /// The sequence of the bucket's stream: it grows with whatever is done to any key.
    pub revision: u64,
    /// How many entries of what was asked for are still to come; 0: it is the last one.
    pub delta: u64,
    /// When the server stored it, in nanoseconds since 1970.
    pub created_nanos: i64,
    /// What was done.
    pub operation: KvOperation,
}

impl KvEntry {
    /// Whether the key has a value by it.
    pub fn is_put(&self) -> bool {
        self.operation == KvOperation::Put
    }
}

impl KvRef<'_> {
    /// Whether the key has a value by it.
    pub fn is_put(&self) -> bool {
        self.operation == KvOperation::Put
    }
}

/// Whether a message tells of a key that has no value any more.
pub(super) fn is_marker(message: MessageRef<'_>) -> bool {
    KvOperation::of(message.headers()) != KvOperation::Put
}

impl KeyValue {
    /// The entry that a message tells, which has come by [`KeyValue::subscribe`], or was got. None:
    /// it is the mark behind what there was.
    ///
    /// # Errors
    /// [`Code::Protocol`] for any other message.
    pub fn read<'a>(&self, message: MessageRef<'a>) -> Result<Option<KvRef<'a>>> {
        if message.subject_bytes().is_empty() {
            return Ok(None);
        }
        self.told(message).map(Some).ok_or_else(|| {
            let text = format!("bucket {}: a message that is none of its keys", self.name());
            Error::new(Code::Protocol, text)
        })
    }

    fn told<'a>(&self, message: MessageRef<'a>) -> Option<KvRef<'a>> {
        let headers = message.headers();
        let header = |name: &str| std::str::from_utf8(headers?.get(name)?).ok();
        let prefix = self.place.stored.as_str();
        let (revision, created_nanos, delta) = match message.reply() {
            // It was delivered.
            Some(reply) => {
                let Metadata { stream_sequence, timestamp_nanos, pending, .. } =
                    Metadata::parse(reply).ok()?;
                (stream_sequence, timestamp_nanos, pending)
            }
            // It was got.
            None => (header("Nats-Sequence")?.parse().ok()?, nanos(header("Nats-Time-Stamp")?)?, 0),
        };
        let key = match message.subject().strip_prefix(prefix) {
            Some(key) => key,
            None => header("Nats-Subject")?.strip_prefix(prefix)?,
        };
        let (value, operation) = (message.payload(), KvOperation::of(headers));
        Some(KvRef { key, value, revision, delta, created_nanos, operation })
    }

    /// The entry of a message as one of its own.
    pub(super) fn entry_of(&self, message: &Message) -> Result<Option<KvEntry>> {
        let Some(entry) = self.read(message.as_ref())? else { return Ok(None) };
        Ok(Some(KvEntry {
            bucket: Arc::clone(&self.place.bucket),
            key: entry.key.to_owned(),
            value: message.payload_bytes(),
            revision: entry.revision,
            delta: entry.delta,
            created_nanos: entry.created_nanos,
            operation: entry.operation,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Headers;

    #[test]
    fn operations_are_told_by_headers() {
        let of = |name: &str, value: &str| {
            let mut headers = Headers::new();
            headers.set(name, value).unwrap();
            let mut block = Vec::new();
            headers.encode(&mut block);
            KvOperation::of(Some(HeaderBlock::new(&block)))
        };
        for (name, value, expected) in [
            ("KV-Operation", "DEL", KvOperation::Delete),
            ("KV-Operation", "PURGE", KvOperation::Purge),
            ("KV-Operation", "PUT", KvOperation::Put),
            ("Nats-Marker-Reason", "MaxAge", KvOperation::Purge),
            ("Nats-Marker-Reason", "Purge", KvOperation::Purge),
            ("Nats-Marker-Reason", "Remove", KvOperation::Delete),
            ("Own", "x", KvOperation::Put),
        ] {
            assert_eq!(of(name, value), expected, "{name}: {value}");
        }
        assert_eq!(KvOperation::of(None), KvOperation::Put);
    }
}
