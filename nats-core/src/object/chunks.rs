//! The chunks of an object as they come, none missing and none too many.

use std::time::Duration;

use bytes::Bytes;

use super::info::ObjectInfo;
use super::name::chunk_subject;
use super::store::ObjectStore;
use crate::error::{Code, Error, Result};
use crate::jetstream::{
    ConsumeOptions, DeliverPolicy, InfoOptions, JsMessage, Messages, OrderedOptions,
};

/// How many bytes may be under way.
const WINDOW: u64 = 4 << 20;
/// How many chunks may be, however small they are.
const MOST: u64 = 256;
/// How long the server is waited for before it is looked whether the chunks are still there, at
/// first and later on.
const LOOK: Duration = Duration::from_millis(250);
const LATER: Duration = Duration::from_secs(2);
/// How often the server says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// A chunk.
pub(super) struct Chunk {
    pub(super) payload: Bytes,
    /// Its bytes, also where the payload is left out.
    pub(super) size: u64,
    /// Its place in the stream.
    pub(super) sequence: u64,
}

/// From which chunk on they come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// How many chunks are before it.
    pub(super) index: u64,
    /// How many bytes are.
    pub(super) at: u64,
    /// Its sequence in the stream; 0: it is not known.
    pub(super) sequence: u64,
}

/// The chunks of an object.
pub(super) struct Chunks {
    store: ObjectStore,
    info: ObjectInfo,
    messages: Messages,
    /// They come without their payload.
    sizes_only: bool,
    /// How long to wait for one.
    timeout: Duration,
    /// Where the next one is.
    next: Place,
    /// The server's count was wrong, and the chunks were counted.
    counted: bool,
}

impl Chunks {
    /// Asks for the chunks, or for their sizes alone.
    pub(super) async fn open(
        store: &ObjectStore,
        info: &ObjectInfo,
        from: Place,
        sizes_only: bool,
        timeout: Duration,
    ) -> Result<Chunks> {
        let size = info.size.div_ceil(info.chunks.max(1)).max(1);
        let window = if sizes_only { MOST } else { (WINDOW / size).clamp(2, MOST) };
        let (deliver_policy, opt_start_seq) = match from.sequence {
            0 => (DeliverPolicy::All, 0),
            sequence => (DeliverPolicy::ByStartSequence, sequence),
        };
        let options = OrderedOptions {
            filter_subjects: vec![chunk_subject(store.name(), &info.nuid)],
            deliver_policy,
            opt_start_seq,
            headers_only: sizes_only,
            consume: ConsumeOptions {
                max_messages: window as usize,
                heartbeat: Some(HEARTBEAT),
                ..ConsumeOptions::default()
            },
            ..OrderedOptions::default()
        };
        let messages = store.found(store.js.ordered(&store.place.stream, &options).await)?;
        let (store, info) = (store.clone(), info.clone());
        Ok(Chunks { store, info, messages, sizes_only, timeout, next: from, counted: false })
    }

    /// The next chunk, which must be there.
    pub(super) async fn next(&mut self) -> Result<Chunk> {
        if self.next.index >= self.info.chunks {
            return Err(self.broken("it has more bytes than its chunks").await);
        }
        let message = self.message().await?;
        let metadata = message.metadata()?;
        let (sequence, pending) = (metadata.stream_sequence, metadata.pending);
        let payload = message.payload_bytes();
        let told = message.header("Nats-Msg-Size").filter(|_| self.sizes_only);
        let size = told.and_then(|size| size.parse().ok()).unwrap_or(payload.len() as u64);
        if self.next.sequence != 0 && self.next.sequence != sequence {
            return Err(self.broken("the chunk to begin with is missing").await);
        }
        self.next = Place {
            index: self.next.index + 1,
            at: self.next.at.saturating_add(size),
            sequence: 0,
        };
        if self.next.index.saturating_add(pending) != self.info.chunks {
            self.count().await?;
        }
        let is_last = self.next.index >= self.info.chunks;
        if is_last != (self.next.at >= self.info.size) || self.next.at > self.info.size {
            return Err(self.broken("its chunks are of another length").await);
        }
        Ok(Chunk { payload, size, sequence })
    }

    /// Where the next chunk is.
    pub(super) fn place(&self) -> Place {
        self.next
    }

    /// What came is not the object, or it is not there any more.
    pub(super) async fn broken(&self, why: &str) -> Error {
        let name = self.info.name.escape_debug();
        let bucket = self.store.name();
        match self.store.entry_for_sure(&self.info.name).await {
            Ok(Some(now)) if now.nuid == self.info.nuid && !now.deleted => {}
            Ok(_) => {
                let text = format!("bucket {bucket}: \"{name}\" was replaced or deleted meanwhile");
                return Error::new(Code::ObjectChanged, text);
            }
            // That it is broken is known for sure.
            Err(_) => {}
        }
        Error::new(Code::DigestMismatch, format!("bucket {bucket}: \"{name}\": {why}"))
    }

    /// Waits for a message; when none comes it is looked whether there are any.
    async fn message(&mut self) -> Result<JsMessage> {
        let (mut wait, mut waited) = (LOOK, Duration::ZERO);
        loop {
            match tokio::time::timeout(wait, self.messages.next()).await {
                Ok(Ok(Some(message))) => return Ok(message),
                Ok(Ok(None)) => return Err(Code::ConnectionClosed.into()),
                Ok(Err(error)) => return self.store.found(Err(error)),
                Err(_) => waited += wait,
            }
            if waited >= self.timeout {
                let text = format!("no chunk within {} ms", self.timeout.as_millis());
                return Err(Error::new(Code::Timeout, text));
            }
            self.counted = false;
            match self.count().await {
                // The connection, or the leader, may come back.
                Err(error) if !is_final(&error) => {}
                counted => counted?,
            }
            wait = (wait * 2).min(LATER).min(self.timeout.saturating_sub(waited).max(LOOK));
        }
    }

    /// Looks how many chunks are there.
    async fn count(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.counted, true) {
            return Ok(());
        }
        let subject = chunk_subject(self.store.name(), &self.info.nuid);
        let options =
            InfoOptions { subjects_filter: Some(subject.clone()), ..InfoOptions::default() };
        let stream = &self.store.place.stream;
        let told = self.store.js.stream_info_with(stream, &options).await;
        let count = self.store.found(told)?.state.subjects.get(&subject).copied().unwrap_or(0);
        if count == self.info.chunks {
            return Ok(());
        }
        let expected = self.info.chunks;
        Err(self.broken(&format!("there are {count} chunks in place of {expected}")).await)
    }
}

/// Whether waiting changes nothing.
fn is_final(error: &Error) -> bool {
    use Code::*;
    let ended = matches!(error.code(), ConnectionClosed | ConnectionDraining | BucketNotFound);
    ended || matches!(error.code(), DigestMismatch | ObjectChanged)
}

/// Finds the chunk in which an offset lies, without the content of those before it.
pub(super) async fn find(
    store: &ObjectStore,
    info: &ObjectInfo,
    offset: u64,
    timeout: Duration,
) -> Result<Place> {
    let mut sizes = Chunks::open(store, info, Place::default(), true, timeout).await?;
    loop {
        let before = sizes.place();
        let Chunk { size, sequence, .. } = sizes.next().await?;
        if before.at + size > offset {
            return Ok(Place { sequence, ..before });
        }
    }
}
