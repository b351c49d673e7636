//! What a bucket has under a key.

use bytes::Bytes;

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

/// What a bucket has under a key, or had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvEntry {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The value; of a deleted key it is empty.
    pub value: Bytes,
    /// The sequence of the bucket's stream: it grows with whatever is done to any key.
    pub revision: u64,
    /// How many entries of what was asked for are still to come, or are newer; 0: it is the last one.
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
