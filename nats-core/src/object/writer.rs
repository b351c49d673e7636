//! An object that is being put.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::digest::Digest;
use super::info::{ObjectInfo, ObjectMeta};
use super::name::{chunk_subject, meta_subject};
use super::put::PutOptions;
use super::remains::Remains;
use super::store::ObjectStore;
use crate::client::publish::Publish;
use crate::conn::nuid::nuid;
use crate::error::{Code, Error, Result};
use crate::jetstream::{PublishOptions, Publisher, PublisherOptions};

/// Bytes of a chunk, unless the program or the server want less.
const CHUNK: usize = 128 << 10;
/// The most chunks under way, however small they are.
const MOST: usize = 4000;
/// Chunks are not published again: they would come behind those that were published meanwhile.
const ONCE: PublishOptions = PublishOptions {
    msg_id: None,
    expected_stream: None,
    expected_last_sequence: None,
    expected_last_msg_id: None,
    expected_last_subject_sequence: None,
    expected_last_subject: None,
    ttl: None,
    retries: 0,
    retry_wait: Duration::ZERO,
    timeout: None,
};

/// An object that is being put. Nobody sees anything of it before it is finished; what was there
/// before stays until then. When it is dropped before, or fails, its chunks are removed in the
/// background.
pub struct ObjectWriter {
    store: ObjectStore,
    info: ObjectInfo,
    subject: String,
    chunk_size: usize,
    options: PutOptions,
    publisher: Publisher,
    /// Why a chunk was not stored.
    failed: Arc<OnceLock<Error>>,
    /// What is not a whole chunk yet.
    rest: Vec<u8>,
    digest: Digest,
    /// What has gone wrong: nothing more can be written.
    end: Option<Error>,
    /// What is to be removed, unless it is finished.
    remains: Remains,
}

impl ObjectStore {
    /// Begins to put an object.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::InvalidArgument`] for the options and for a chunk size above
    /// the server's `max_payload`, also outside a tokio runtime; [`Code::WrongLastSequence`] when
    /// it has another revision than the one expected; [`Code::BucketNotFound`], then; those of
    /// [`Client::subscribe`](crate::Client::subscribe).
    pub async fn writer(
        &self,
        meta: impl Into<ObjectMeta>,
        options: &PutOptions,
    ) -> Result<ObjectWriter> {
        let meta = meta.into();
        meta_subject(self.name(), &meta.name)?;
        let chunk_size = self.chunk_size(&meta)?;
        if options.window_bytes == 0 || options.timeout.is_zero() {
            let text = "window_bytes and timeout: expected more than zero";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        if options.previous.is_some() {
            // Before anything is sent.
            let before = self.entry_for_sure(&meta.name).await?;
            check_previous(self, before.as_ref(), &meta.name, options.previous)?;
        }
        let mut info = ObjectInfo::new(self.name(), nuid()?, &meta);
        info.options.max_chunk_size = chunk_size as u64;
        let failed = Arc::new(OnceLock::new());
        let noted = Arc::clone(&failed);
        let publisher = self.js.publisher(&PublisherOptions {
            window: MOST,
            window_bytes: options.window_bytes,
            // The next one of them counts: the last one may have to wait for all others.
            stall: options.timeout,
            ack_timeout: Some(options.timeout.saturating_mul(MOST as u32)),
            on_failure: Some(Arc::new(move |_, error| drop(noted.set(error.clone())))),
        })?;
        Ok(ObjectWriter {
            store: self.clone(),
            subject: chunk_subject(self.name(), &info.nuid),
            remains: Remains::new(self, &info)?,
            info,
            chunk_size,
            options: options.clone(),
            publisher,
            failed,
            rest: Vec::new(),
            digest: Digest::new(),
            end: None,
        })
    }

    fn chunk_size(&self, meta: &ObjectMeta) -> Result<usize> {
        let most = self.js.client().max_payload();
        match usize::try_from(meta.chunk_size).unwrap_or(usize::MAX) {
            0 => Ok(CHUNK.min(most)),
            size if size <= most => Ok(size),
            _ => {
                let text = format!("chunk_size: expected at most the server's max_payload, {most}");
                Err(Error::new(Code::InvalidArgument, text))
            }
        }
    }
}

impl ObjectWriter {
    /// Writes the next bytes, as many as there are. Large pieces are published from where they are,
    /// best in multiples of the chunk size. Waits for the server when too much is under way. When a
    /// future of it is dropped before its end nothing more can be written.
    ///
    /// # Errors
    /// [`Code::BucketNotFound`]; [`Code::NoResponders`] when the bucket has no leader;
    /// [`Code::JetStream`] when the server refuses, since the bucket is full or sealed;
    /// [`Code::Timeout`], [`Code::ConnectionLost`], [`Code::ConnectionClosed`],
    /// [`Code::Permission`]. Nothing more can be written then.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        let dropped = "a write was dropped before its end";
        self.end = Some(Error::new(Code::Cancelled, dropped));
        let written = self.take(bytes).await;
        let written = self.explained(written).await;
        self.end = written.as_ref().err().cloned();
        if written.is_err() {
            self.clean().await;
        }
        written
    }

    /// Waits until all is stored, and makes the object visible in the place of the one that was
    /// there, of which nothing is left then.
    ///
    /// # Errors
    /// As [`ObjectWriter::write`], and [`Code::WrongLastSequence`] when the object has another
    /// revision than the one expected. With [`Code::Timeout`] and [`Code::ConnectionLost`] nobody
    /// knows whether it is visible: it is, as a whole, or nothing is left of it.
    pub async fn finish(mut self) -> Result<ObjectInfo> {
        let done = self.commit().await;
        let done = self.explained(done).await;
        if done.is_err() {
            self.clean().await;
        }
        done
    }

    /// Takes it back, and waits until nothing is left of it.
    ///
    /// # Errors
    /// Those of [`ObjectStore::info`], and [`Code::Timeout`]: it is tried again in the background.
    pub async fn abort(mut self) -> Result<()> {
        self.remains.remove().await?;
        self.remains.keep();
        Ok(())
    }

    /// The id of the content.
    pub fn nuid(&self) -> &str {
        &self.info.nuid
    }

    /// Bytes of a chunk.
    pub fn chunk_size(&self) -> usize {
        self.chunk_size
    }

    /// Bytes that were written.
    pub fn written(&self) -> u64 {
        self.info.size + self.rest.len() as u64
    }

    async fn commit(&mut self) -> Result<ObjectInfo> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.publish(&rest).await?;
        }
        self.acknowledged().await?;
        self.info.digest = self.digest.text();
        let ObjectWriter { info, store, remains, options, .. } = self;
        let changed = store.change(&info.name, |before| {
            check_previous(store, before, &info.name, options.previous)?;
            remains.replaces(before);
            Ok(Some(info.clone()))
        });
        let now = changed.await?.after.ok_or_else(|| store.missing(&info.name))?;
        remains.committed();
        self.clean().await;
        Ok(now)
    }

    /// Waits until all chunks are stored, as long as it goes on.
    async fn acknowledged(&self) -> Result<()> {
        loop {
            let before = self.publisher.in_flight();
            let done = self.publisher.complete(self.options.timeout).await;
            let Err(error) = done else { return Ok(()) };
            if error.code() != Code::Timeout || self.failed.get().is_some() {
                return Err(error);
            }
            if self.publisher.in_flight() >= before {
                return Err(self.silence());
            }
        }
    }

    fn silence(&self) -> Error {
        let millis = self.options.timeout.as_millis();
        let text = format!("{}: no chunk was acknowledged within {millis} ms", self.subject);
        Error::new(Code::Timeout, text)
    }

    /// Removes what is left; what cannot be removed now is tried again in the background.
    async fn clean(&mut self) {
        if self.remains.remove().await.is_ok() {
            self.remains.keep();
        }
    }

    /// Nobody answers also when there is no bucket.
    async fn explained<T>(&self, done: Result<T>) -> Result<T> {
        match done {
            Err(error) if error.code() == Code::NoResponders => Err(self.store.silent(error).await),
            done => done,
        }
    }

    async fn take(&mut self, mut bytes: &[u8]) -> Result<()> {
        if !self.rest.is_empty() {
            let (begin, behind) =
                bytes.split_at(bytes.len().min(self.chunk_size - self.rest.len()));
            self.rest.extend_from_slice(begin);
            bytes = behind;
            if self.rest.len() < self.chunk_size {
                return Ok(());
            }
            let mut whole = std::mem::take(&mut self.rest);
            self.publish(&whole).await?;
            whole.clear();
            self.rest = whole;
        }
        let whole = bytes.len() - bytes.len() % self.chunk_size;
        self.rest.extend_from_slice(&bytes[whole..]);
        self.publish(&bytes[..whole]).await
    }

    /// Publishes whole chunks, of which the last one may be smaller.
    async fn publish(&mut self, bytes: &[u8]) -> Result<()> {
        self.remains.begun();
        for chunk in bytes.chunks(self.chunk_size) {
            if let Some(error) = self.failed.get() {
                return Err(error.clone());
            }
            let publish = Publish::new(&self.subject, chunk);
            let published = self.publisher.publish_told(&publish, &ONCE, None).await;
            published.map_err(|error| match error.code() {
                Code::PublisherStalled => self.silence(),
                _ => error,
            })?;
            // While it is on its way.
            self.digest.update(chunk);
            self.info.size += chunk.len() as u64;
            self.info.chunks += 1;
        }
        Ok(())
    }
}

/// Whether what is there is what is expected.
fn check_previous(
    store: &ObjectStore,
    before: Option<&ObjectInfo>,
    name: &str,
    previous: Option<u64>,
) -> Result<()> {
    let revision = before.map_or(0, |before| before.revision);
    let fits = match previous {
        None => true,
        Some(0) => before.is_none_or(|before| before.deleted),
        Some(expected) => expected == revision,
    };
    if fits {
        return Ok(());
    }
    let (bucket, name) = (store.name(), name.escape_debug());
    let text = format!("bucket {bucket}: \"{name}\" has the revision {revision}");
    Err(Error::new(Code::WrongLastSequence, text))
}

impl fmt::Debug for ObjectWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ObjectWriter");
        let shown = shown.field("name", &self.info.name).field("written", &self.written());
        shown.field("end", &self.end).finish_non_exhaustive()
    }
}
