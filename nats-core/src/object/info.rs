//! What is known of an object (ADR-20), in the JSON that all clients read and write.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// What a program says of an object that it puts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its name: any text of 1 to 2048 bytes.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Headers, each with any number of values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// What the program wants to have noted.
    pub metadata: BTreeMap<String, String>,
    /// Bytes of a chunk; 0: 128 KiB, or what the server takes when that is less.
    pub chunk_size: u32,
}

impl ObjectMeta {
    /// An object about which nothing but the name is said.
    pub fn new(name: impl Into<String>) -> ObjectMeta {
        ObjectMeta { name: name.into(), ..ObjectMeta::default() }
    }
}

impl From<&str> for ObjectMeta {
    fn from(name: &str) -> ObjectMeta {
        ObjectMeta::new(name)
    }
}

/// What is known of an object, or of a link.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// Its name.
    pub name: String,
    /// What it is.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "present")]
    pub description: String,
    /// Headers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "headers")]
    pub headers: BTreeMap<String, Vec<String>>,
    /// What the program has noted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "present")]
    pub metadata: BTreeMap<String, String>,
    /// How it is kept.
    #[serde(skip_serializing_if = "ObjectOptions::is_empty", deserialize_with = "present")]
    pub options: ObjectOptions,
    /// The bucket it is in.
    #[serde(deserialize_with = "present")]
    pub bucket: String,
    /// The id of its content: another one with each put.
    #[serde(deserialize_with = "present")]
    pub nuid: String,
    /// Bytes.
    #[serde(deserialize_with = "present")]
    pub size: u64,
    /// When it was put or changed, in RFC 3339. Never stored: it is the time of the message.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "present")]
    pub mtime: String,
    /// Chunks.
    #[serde(deserialize_with = "present")]
    pub chunks: u64,
    /// `SHA-256=` and the digest of its content.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "present")]
    pub digest: String,
    /// It was deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "present")]
    pub deleted: bool,
    /// The sequence of what is known of it in the bucket's stream: another one with each change,
    /// and what [`PutOptions::previous`](super::PutOptions) expects. Never stored.
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "present")]
    pub revision: u64,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// How an object is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ObjectOptions {
    /// It is no object but a link, to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<ObjectLink>,
    /// The most bytes of a chunk.
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "present")]
    pub max_chunk_size: u64,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Where a link leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectLink {
    /// The bucket.
    pub bucket: String,
    /// The object in it; empty: the bucket as a whole.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "present")]
    pub name: String,
}

impl ObjectInfo {
    /// What is said of an object that is new.
    pub(super) fn new(bucket: &str, nuid: String, meta: &ObjectMeta) -> ObjectInfo {
        let info = ObjectInfo { bucket: bucket.to_owned(), nuid, ..ObjectInfo::default() };
        info.described(meta)
    }

    /// The same object with another description, under another name.
    pub(super) fn described(self, meta: &ObjectMeta) -> ObjectInfo {
        ObjectInfo {
            name: meta.name.clone(),
            description: meta.description.clone(),
            headers: meta.headers.clone(),
            metadata: meta.metadata.clone(),
            ..self
        }
    }

    /// Where it leads; None: it is no link.
    pub fn link(&self) -> Option<&ObjectLink> {
        self.options.link.as_ref()
    }

    /// What is stored of it.
    pub(super) fn stored(&self) -> ObjectInfo {
        ObjectInfo { mtime: String::new(), revision: 0, ..self.clone() }
    }
}

impl ObjectOptions {
    fn is_empty(&self) -> bool {
        *self == ObjectOptions::default()
    }
}

/// Some clients write null for what is not there.
fn present<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Headers; some clients write a single value as it is.
fn headers<'de, D>(deserializer: D) -> Result<BTreeMap<String, Vec<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Values {
        Many(Vec<String>),
        One(String),
    }
    let headers: BTreeMap<String, Values> = present(deserializer)?;
    let values = |values| match values {
        Values::Many(values) => values,
        Values::One(value) => vec![value],
    };
    Ok(headers.into_iter().map(|(name, some)| (name, values(some))).collect())
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_stored_is_what_all_clients_read() {
        let text = json!({
            "name": "object-name",
            "description": "object-desc",
            "metadata": {"owner": "infra"},
            "headers": {"key1": ["foo"], "key2": ["bar", "baz"]},
            "options": {
                "link": {"bucket": "link-to-bucket", "name": "link-to-name"},
                "max_chunk_size": 8196
            },
            "bucket": "object-bucket",
            "nuid": "CkuyLEX4z2hbyjj1aWCfiH",
            "size": 344000,
            "chunks": 42,
            "digest": "SHA-256=abcdefghijklmnopqrstuvwxyz=",
            "deleted": true
        });
        let mut info: ObjectInfo = serde_json::from_value(text.clone()).unwrap();
        assert_eq!((info.size, info.chunks, info.deleted), (344_000, 42, true));
        assert_eq!(info.headers["key2"], ["bar", "baz"]);
        assert_eq!(info.link().unwrap().name, "link-to-name");
        info.mtime = "2030-01-01T00:00:00Z".into();
        info.revision = 7;
        assert_eq!(serde_json::to_value(info.stored()).unwrap(), text);
        assert_eq!(serde_json::to_value(info).unwrap()["revision"], 7);
    }

    #[test]
    fn what_other_clients_write_is_read() {
        let text = json!({
            "name": "n", "description": null, "headers": {"a": "b"}, "metadata": null,
            "options": {"link": null, "max_chunk_size": 131072, "more": 1},
            "bucket": "b", "nuid": "N", "size": 1, "chunks": 1, "digest": null, "deleted": null,
            "mtime": "0001-01-01T00:00:00Z", "new": [1]
        });
        let info: ObjectInfo = serde_json::from_value(text).unwrap();
        assert_eq!((info.link(), info.options.max_chunk_size), (None, 131_072));
        assert_eq!(info.headers["a"], ["b"]);
        let stored = serde_json::to_value(info.stored()).unwrap();
        assert_eq!((&stored["new"], &stored["options"]["more"]), (&json!([1]), &json!(1)));
        let bare: ObjectInfo = serde_json::from_value(json!({"options": null})).unwrap();
        assert!(bare.headers.is_empty() && bare.link().is_none());
        let expected = json!({"name": "", "bucket": "", "nuid": "", "size": 0, "chunks": 0});
        assert_eq!(serde_json::to_value(bare).unwrap(), expected);
    }
}
