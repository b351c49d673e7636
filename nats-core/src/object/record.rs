//! What a bucket notes of an object: a message that takes the place of the one before.

use super::info::ObjectInfo;
use super::name::{chunk_subject, is_nuid, meta_subject};
use super::store::ObjectStore;
use crate::client::publish::Publish;
use crate::error::{Code, Error, Result};
use crate::jetstream::{GetMessage, PublishOptions, PurgeOptions};
use crate::proto::Headers;

/// What [`ObjectStore::change`] has done.
pub(super) struct Changed {
    /// What was there.
    pub(super) before: Option<ObjectInfo>,
    /// What is there now; None: it was left as it was.
    pub(super) after: Option<ObjectInfo>,
}

impl ObjectStore {
    /// What is known of an object. Links are not followed.
    ///
    /// # Errors
    /// [`Code::ObjectNotFound`] when there is none, or it was deleted; [`Code::InvalidName`];
    /// [`Code::BucketNotFound`]; those of [`JetStream::account_info`].
    ///
    /// [`JetStream::account_info`]: crate::jetstream::JetStream::account_info
    pub async fn info(&self, name: &str) -> Result<ObjectInfo> {
        let entry = self.entry(name).await?;
        entry.filter(|info| !info.deleted).ok_or_else(|| self.missing(name))
    }

    /// What is known of an object, also of one that was deleted; None: there was never one, or it
    /// is not known any more.
    ///
    /// # Errors
    /// As [`ObjectStore::info`].
    pub async fn entry(&self, name: &str) -> Result<Option<ObjectInfo>> {
        let which = GetMessage::last_of(meta_subject(self.name(), name)?);
        if !self.place.direct {
            return self.noted(&which).await;
        }
        match self.js.direct_get(&self.place.stream, &which).await {
            Ok(message) => self.read(&message.payload, message.sequence, message.time).map(Some),
            Err(error) => match error.code() {
                Code::MessageNotFound => Ok(None),
                // Nobody answers direct gets then.
                Code::NoResponders => {
                    let text = format!("there is no bucket {}", self.name());
                    Err(Error::new(Code::BucketNotFound, text))
                }
                _ => Err(error),
            },
        }
    }

    /// The same from the server that leads, which alone knows for sure.
    pub(super) async fn entry_for_sure(&self, name: &str) -> Result<Option<ObjectInfo>> {
        self.noted(&GetMessage::last_of(meta_subject(self.name(), name)?)).await
    }

    /// Notes what `make` makes of what is there, again and again until nobody else has changed it
    /// meanwhile. With None it is left as it is.
    pub(super) async fn change(
        &self,
        name: &str,
        mut make: impl FnMut(Option<&ObjectInfo>) -> Result<Option<ObjectInfo>>,
    ) -> Result<Changed> {
        loop {
            let before = self.entry_for_sure(name).await?;
            let Some(after) = make(before.as_ref())? else {
                return Ok(Changed { before, after: None });
            };
            let revision = before.as_ref().map_or(0, |info| info.revision);
            match self.note(&after, revision).await {
                Err(error) if error.code() == Code::WrongLastSequence => {}
                noted => return Ok(Changed { before, after: Some(noted?) }),
            }
        }
    }

    /// Removes the chunks with this id.
    pub(super) async fn purge_chunks(&self, nuid: &str) -> Result<()> {
        if !is_nuid(nuid) {
            return Ok(());
        }
        self.purge(chunk_subject(self.name(), nuid), None).await.map(drop)
    }

    /// Removes what is noted under a name, if it still has this revision; whether it had.
    pub(super) async fn forget(&self, name: &str, revision: u64) -> Result<bool> {
        let purged = self.purge(meta_subject(self.name(), name)?, Some(revision + 1)).await?;
        Ok(purged > 0)
    }

    /// What came by a message of the stream.
    pub(super) fn read(&self, payload: &[u8], revision: u64, time: String) -> Result<ObjectInfo> {
        let bad = |why: &dyn std::fmt::Display| {
            let text = format!("bucket {}: what is noted at {revision}: {why}", self.name());
            Error::new(Code::Protocol, text)
        };
        let info: ObjectInfo = serde_json::from_slice(payload).map_err(|error| bad(&error))?;
        if !info.nuid.is_empty() && !is_nuid(&info.nuid) {
            return Err(bad(&"nuid: expected a word"));
        }
        Ok(ObjectInfo { revision, mtime: time, ..info })
    }

    pub(super) fn missing(&self, name: &str) -> Error {
        let name = name.escape_debug();
        Error::new(
            Code::ObjectNotFound,
            format!("bucket {}: there is no object \"{name}\"", self.name()),
        )
    }

    pub(super) fn exists(&self, name: &str) -> Error {
        let name = name.escape_debug();
        let text = format!("bucket {}: there is an object \"{name}\"", self.name());
        Error::new(Code::ObjectExists, text)
    }

    async fn noted(&self, which: &GetMessage) -> Result<Option<ObjectInfo>> {
        match self.found(self.js.get_message(&self.place.stream, which).await) {
            Err(error) if error.code() == Code::MessageNotFound => Ok(None),
            got => {
                let message = got?;
                self.read(&message.payload, message.sequence, message.time).map(Some)
            }
        }
    }

    /// Notes it in the place of what has this revision; 0: there is to be nothing.
    async fn note(&self, info: &ObjectInfo, revision: u64) -> Result<ObjectInfo> {
        let subject = meta_subject(self.name(), &info.name)?;
        let stored = serde_json::to_vec(&info.stored())
            .map_err(|error| Error::new(Code::InvalidJson, error.to_string()))?;
        let mut headers = Headers::new();
        headers.set("Nats-Rollup", "sub")?;
        let publish = Publish::new(&subject, &stored).headers(&headers);
        let options = PublishOptions {
            expected_last_subject_sequence: Some(revision),
            ..PublishOptions::default()
        };
        let ack = self.js.publish_with(&publish, &options).await?;
        Ok(ObjectInfo { revision: ack.seq, mtime: super::time::now(), ..info.clone() })
    }

    async fn purge(&self, filter: String, before: Option<u64>) -> Result<u64> {
        let which = PurgeOptions { filter: Some(filter), before, ..PurgeOptions::default() };
        self.found(self.js.purge_stream(&self.place.stream, &which).await)
    }
}
