//! Objects read: chunk by chunk, whole, or in part.

use std::ops::Range;
use std::time::Duration;

use super::info::ObjectInfo;
use super::reader::ObjectReader;
use super::store::ObjectStore;
use crate::error::{Code, Error, Result};

/// What is read of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetOptions {
    /// One that was deleted is as good; it has no content.
    pub show_deleted: bool,
    /// The first byte. With anything but 0 the digest of the object is not checked.
    pub offset: u64,
    /// How many bytes at most; None: all from `offset` on. When the object has more, its digest is
    /// not checked.
    pub length: Option<u64>,
    /// The content that is meant, by [`ObjectInfo::nuid`]; empty: whatever it has. A reading that
    /// was interrupted is resumed with it, and the position at which it was.
    pub nuid: String,
    /// How long to wait for the next chunk. Default 30 s.
    pub timeout: Duration,
}

impl Default for GetOptions {
    fn default() -> Self {
        GetOptions {
            show_deleted: false,
            offset: 0,
            length: None,
            nuid: String::new(),
            timeout: Duration::from_secs(30),
        }
    }
}

impl GetOptions {
    /// The bytes of the object that are meant.
    pub(super) fn range(&self, info: &ObjectInfo) -> Result<Range<u64>> {
        if self.timeout.is_zero() {
            return Err(Error::new(Code::InvalidArgument, "timeout: expected more than zero"));
        }
        if !self.nuid.is_empty() && self.nuid != info.nuid {
            let name = info.name.escape_debug();
            let text = format!("bucket {}: \"{name}\" has another content by now", info.bucket);
            return Err(Error::new(Code::ObjectChanged, text));
        }
        if self.offset > info.size {
            let text = format!("offset: expected at most the object's size, {}", info.size);
            return Err(Error::new(Code::InvalidArgument, text));
        }
        let left = info.size - self.offset;
        Ok(self.offset..self.offset + self.length.unwrap_or(left).min(left))
    }
}

impl ObjectStore {
    /// Reads an object, or what a link leads to.
    ///
    /// # Errors
    /// [`Code::ObjectNotFound`] when there is none, or it was deleted; [`Code::InvalidLink`] for a
    /// link to a bucket or to another link; [`Code::ObjectChanged`] when it has another content
    /// than `nuid` says; [`Code::InvalidArgument`] for a range that begins behind its end;
    /// [`Code::InvalidName`]; [`Code::BucketNotFound`]; those of [`JetStream::ordered`] and
    /// [`ObjectReader::next_chunk`].
    ///
    /// [`JetStream::ordered`]: crate::jetstream::JetStream::ordered
    pub async fn get(&self, name: &str, options: &GetOptions) -> Result<ObjectReader> {
        let (store, info) = self.resolve(name, options.show_deleted).await?;
        ObjectReader::open(&store, info, options).await
    }

    /// The content of an object, or of what a link leads to.
    ///
    /// # Errors
    /// As [`ObjectStore::get`] and [`ObjectReader::next_chunk`].
    pub async fn get_bytes(&self, name: &str) -> Result<Vec<u8>> {
        self.get(name, &GetOptions::default()).await?.read_all().await
    }

    /// The content of an object as text.
    ///
    /// # Errors
    /// [`Code::WrongType`] when it is not UTF-8; otherwise as [`ObjectStore::get_bytes`].
    pub async fn get_string(&self, name: &str) -> Result<String> {
        String::from_utf8(self.get_bytes(name).await?).map_err(|error| {
            let text = format!("\"{}\" is no text: {error}", name.escape_debug());
            Error::new(Code::WrongType, text)
        })
    }
}
