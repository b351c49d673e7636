//! An object that is being read.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, ReadBuf};

use super::chunks::{Chunks, Place, find};
use super::digest::Digest;
use super::get::GetOptions;
use super::info::ObjectInfo;
use super::store::ObjectStore;
use crate::error::{Code, Error, Result};

/// So much memory at most is set aside for an object because of what is said of its size.
const SET_ASIDE: u64 = 16 << 20;

/// An object that is being read, chunk by chunk, with 4 MiB on their way at most. The last chunk is
/// handed out only when digest and length of the whole are right; of a range, when its length is.
/// Consumers and servers that go are survived. Dropping it ends it.
pub struct ObjectReader {
    info: ObjectInfo,
    /// Behind the last chunk that was taken.
    position: u64,
    state: State,
    /// Handed out by [`AsyncRead`] in parts.
    rest: Bytes,
}

/// The next chunk, with what reads on.
type Step = Pin<Box<dyn Future<Output = (Box<Reading>, Result<Option<Bytes>>)> + Send>>;

enum State {
    Ready(Box<Reading>),
    /// It goes on where it was left when whoever waited has gone.
    Busy(Step),
    Over(Result<()>),
}

/// Takes the chunks of a range.
struct Reading {
    /// None: there is nothing to take.
    chunks: Option<Chunks>,
    /// Of the whole; None: it is a range.
    digest: Option<Digest>,
    expected: String,
    /// Bytes of the first chunk that are before the range.
    skip: u64,
    /// Bytes of the range that were not taken yet.
    left: u64,
}

impl ObjectReader {
    pub(super) async fn open(
        store: &ObjectStore,
        info: ObjectInfo,
        options: &GetOptions,
    ) -> Result<ObjectReader> {
        let range = options.range(&info)?;
        let is_whole = range == (0..info.size) && !info.deleted;
        let mut reading = Reading {
            chunks: None,
            digest: is_whole.then(Digest::new),
            expected: info.digest.clone(),
            skip: 0,
            left: range.end - range.start,
        };
        if reading.left > 0 {
            let from = match range.start {
                0 => Place::default(),
                start => find(store, &info, start, options.timeout).await?,
            };
            reading.skip = range.start - from.at;
            let chunks = Chunks::open(store, &info, from, false, options.timeout).await?;
            reading.chunks = Some(chunks);
        } else if reading.digest.as_ref().is_some_and(|digest| !digest.fits(&info.digest)) {
            let text = format!("\"{}\": it is empty, and its digest is not", info.name);
            return Err(Error::new(Code::DigestMismatch, text));
        }
        let state = State::Ready(Box::new(reading));
        Ok(ObjectReader { info, position: range.start, state, rest: Bytes::new() })
    }

    /// What is known of the object, where a link leads to it of its target.
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// Where in the object it goes on: what a reading that was interrupted is resumed
    /// with, together with the object's `nuid`.
    pub fn position(&self) -> u64 {
        self.position - self.rest.len() as u64
    }

    /// The next chunk; None: that was all, and it was right. It may be called again after a future
    /// of it was dropped: nothing is lost.
    ///
    /// # Errors
    /// [`Code::DigestMismatch`] when chunks are missing, are too many, or are not those that were
    /// put; [`Code::ObjectChanged`] when the object was replaced or deleted meanwhile;
    /// [`Code::Timeout`] when no chunk comes; [`Code::BucketNotFound`], [`Code::Permission`],
    /// [`Code::ConnectionClosed`]. It is over then.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        if self.rest.has_remaining() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// The next bytes, at most so many, as a part of a chunk; None: that was all, and it was right.
    ///
    /// # Errors
    /// As [`ObjectReader::next_chunk`].
    pub async fn next_part(&mut self, most: usize) -> Result<Option<Bytes>> {
        if !self.rest.has_remaining() {
            self.rest = self.next_chunk().await?.unwrap_or_default();
        }
        let part = self.rest.split_to(most.min(self.rest.len()));
        Ok(Some(part).filter(|part| !part.is_empty()))
    }

    /// All that is left of it.
    ///
    /// # Errors
    /// As [`ObjectReader::next_chunk`].
    pub async fn read_all(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.info.size.min(SET_ASIDE) as usize);
        while let Some(chunk) = self.next_chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            match &mut self.state {
                State::Over(end) => return Poll::Ready(end.clone().map(|()| None)),
                State::Busy(step) => {
                    let (reading, taken) = ready!(step.as_mut().poll(cx));
                    self.state = match &taken {
                        Ok(Some(_)) => State::Ready(reading),
                        Ok(None) => State::Over(Ok(())),
                        Err(error) => State::Over(Err(error.clone())),
                    };
                    if let Ok(Some(chunk)) = &taken {
                        self.position += chunk.len() as u64;
                    }
                    return Poll::Ready(taken);
                }
                State::Ready(_) => {
                    let ready = std::mem::replace(&mut self.state, State::Over(Ok(())));
                    let State::Ready(mut reading) = ready else { continue };
                    self.state = State::Busy(Box::pin(async move {
                        let taken = reading.next().await;
                        (reading, taken)
                    }));
                }
            }
        }
    }
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(chunks) = self.chunks.as_mut().filter(|_| self.left > 0) else {
                return Ok(None);
            };
            let mut payload = chunks.next().await?.payload;
            if let Some(digest) = &mut self.digest {
                digest.update(&payload);
                if self.left == payload.len() as u64 && !digest.fits(&self.expected) {
                    return Err(chunks.broken("its digest is another").await);
                }
            }
            payload.advance(usize::try_from(self.skip).unwrap_or(usize::MAX).min(payload.len()));
            self.skip = 0;
            payload.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= payload.len() as u64;
            if !payload.is_empty() {
                return Ok(Some(payload));
            }
        }
    }
}

impl AsyncRead for ObjectReader {
    /// Reads the chunks as one; the end comes only when all was right. Errors are those of
    /// [`ObjectReader::next_chunk`], within one of the kind `Other`.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.rest.has_remaining() {
            match ready!(self.poll_chunk(cx)) {
                Ok(chunk) => self.rest = chunk.unwrap_or_default(),
                Err(error) => return Poll::Ready(Err(io::Error::other(error))),
            }
        }
        let size = buf.remaining().min(self.rest.len());
        buf.put_slice(&self.rest.split_to(size));
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ObjectReader { info, position, .. } = self;
        let mut shown = f.debug_struct("ObjectReader");
        shown.field("name", &info.name).field("position", position).finish_non_exhaustive()
    }
}
