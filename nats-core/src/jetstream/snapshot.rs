//! Snapshots: the whole of a stream as bytes, which make the stream again.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::api::json;
use super::config::is_default;
use super::config::stream::StreamConfig;
use super::context::JetStream;
use super::inbox::Inbox;
use super::level;
use super::name::check;
use super::s2::Frames;
use super::stream::StreamState;
use crate::client::message::Message;
use crate::client::publish::Publish;
use crate::error::{Code, Error, Result};

/// What a snapshot holds, and how it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// Without the consumers.
    pub no_consumers: bool,
    /// The server checks all messages first.
    pub check: bool,
    /// Bytes of a piece, at least 1024. Default 128 KiB.
    pub chunk_size: u64,
    /// Bytes that may be on their way at most, 1024 to 32 MiB (server 2.14); they bound the memory it
    /// takes. 0: the server's 8 MiB.
    pub window_size: u64,
    /// How long to wait for the next piece. Default 30 s.
    pub stall: Duration,
}

impl Default for SnapshotOptions {
    fn default() -> Self {
        SnapshotOptions {
            no_consumers: false,
            check: false,
            chunk_size: 128 << 10,
            window_size: 0,
            stall: Duration::from_secs(30),
        }
    }
}

/// How much of a stream has gone over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes.
    pub bytes: u64,
    /// Pieces.
    pub chunks: u64,
}

/// A snapshot that is being taken. Dropping it ends it.
#[derive(Debug)]
pub struct Snapshot {
    js: JetStream,
    stream: String,
    config: StreamConfig,
    state: StreamState,
    pieces: Inbox,
    progress: Progress,
    frames: Frames,
    /// The piece that ends it has come, which the server sends without a number.
    ends: bool,
    is_complete: bool,
}

#[derive(Serialize)]
struct Ask<'a> {
    deliver_subject: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    no_consumers: bool,
    chunk_size: u64,
    #[serde(skip_serializing_if = "is_default")]
    window_size: u64,
    #[serde(skip_serializing_if = "is_default")]
    jsck: bool,
}

#[derive(Deserialize)]
struct Begun {
    config: StreamConfig,
    state: StreamState,
}

impl JetStream {
    /// Takes a snapshot of a stream, piece by piece.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::InvalidArgument`] for sizes that servers do not take;
    /// [`Code::Unsupported`]; [`Code::StreamNotFound`]; [`Code::JetStream`] for a stream in memory, of a
    /// server before 2.15; those of [`JetStream::account_info`].
    pub async fn snapshot_stream(
        &self,
        stream: &str,
        options: &SnapshotOptions,
    ) -> Result<Snapshot> {
        check("stream", stream)?;
        let SnapshotOptions { no_consumers, check: jsck, chunk_size, window_size, stall } =
            *options;
        sizes(chunk_size, window_size)?;
        if window_size != 0 {
            level::of_operation("window_size", (2, 14), &self.client)?;
        }
        let path = format!("STREAM.SNAPSHOT.{stream}");
        let pieces = Inbox::open(&self.client, &format!("{}{path}", self.way.prefix), stall)?;
        let deliver_subject = pieces.subject();
        let ask = Ask { deliver_subject, no_consumers, chunk_size, window_size, jsck };
        let Begun { config, state } = self.call(&path, &json(&ask)?).await?;
        Ok(Snapshot {
            js: self.clone(),
            stream: stream.to_owned(),
            config,
            state,
            pieces,
            progress: Progress::default(),
            frames: Frames::default(),
            ends: false,
            is_complete: false,
        })
    }
}

impl Snapshot {
    /// The configuration of the stream, which is needed to restore it.
    pub fn config(&self) -> &StreamConfig {
        &self.config
    }

    /// What the stream holds, which is needed to restore it.
    pub fn state(&self) -> &StreamState {
        &self.state
    }

    /// What has come so far.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The next piece; None: that was all, and nothing is missing. The server gives up when it is not
    /// called for some seconds.
    ///
    /// # Errors
    /// [`Code::JetStream`] when the server gives up; [`Code::SlowConsumer`] when a piece was lost on
    /// the way; [`Code::Timeout`], [`Code::ConnectionLost`], [`Code::ConnectionClosed`]. What came
    /// before an error is no snapshot.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.is_complete {
            return Ok(None);
        }
        let told = |error: Error, stream: &str| error.context(format!("the snapshot of {stream}"));
        let message = self.pieces.next().await.map_err(|error| told(error, &self.stream))?;
        if message.payload().is_empty() {
            self.end(&message)?;
            self.is_complete = true;
            return Ok(None);
        }
        self.number(&message)?;
        if let Some(reply) = message.reply() {
            // The server sends more for each that it hears of.
            self.js.client.publish_with(&Publish::new(reply, b"")).await?;
        }
        self.progress.chunks += 1;
        self.progress.bytes += message.payload().len() as u64;
        self.frames.feed(message.payload());
        Ok(Some(message.payload_bytes()))
    }

    /// Writes all pieces to `sink` and flushes it; `progress` is told of each.
    ///
    /// # Errors
    /// [`Code::Io`] when `sink` fails; those of [`Snapshot::next`].
    pub async fn write_to(
        &mut self,
        sink: &mut (impl AsyncWrite + Unpin),
        mut progress: impl FnMut(&Progress),
    ) -> Result<Progress> {
        while let Some(piece) = self.next().await? {
            sink.write_all(&piece).await.map_err(|error| self.not_written(&error))?;
            progress(&self.progress);
        }
        sink.flush().await.map_err(|error| self.not_written(&error))?;
        Ok(self.progress)
    }

    fn not_written(&self, error: &std::io::Error) -> Error {
        Error::new(Code::Io, format!("the snapshot of {} is not written: {error}", self.stream))
    }

    /// Pieces are numbered by their reply subjects, which end in their length and number.
    fn number(&mut self, message: &Message) -> Result<()> {
        let Some(reply) = message.reply() else {
            return if std::mem::replace(&mut self.ends, true) { self.lost() } else { Ok(()) };
        };
        let mut tokens = reply.rsplit('.').map(str::parse::<u64>);
        let number = tokens.next().and_then(Result::ok);
        let len = tokens.next().and_then(Result::ok);
        let expected = (Some(self.progress.chunks + 1), Some(message.payload().len() as u64));
        if self.ends || (number, len) != expected {
            return self.lost();
        }
        Ok(())
    }

    fn end(&mut self, message: &Message) -> Result<()> {
        // Servers before 2.11 say nothing when all is well.
        if let Some(status) = message.status().filter(|status| *status != 204) {
            let text = format!(
                "the snapshot of {} was broken off: {status} {}",
                self.stream,
                message.description().unwrap_or_default()
            );
            return Err(Error::new(Code::JetStream, text));
        }
        if !self.frames.are_whole() {
            return self.lost();
        }
        Ok(())
    }

    fn lost(&mut self) -> Result<()> {
        let (stream, number) = (&self.stream, self.progress.chunks + 1);
        let what = format!("the snapshot of {stream}: piece {number} was lost on the way");
        Err(match self.pieces.lost() {
            Some(error) => error.context(what),
            None => Error::new(Code::SlowConsumer, what),
        })
    }
}

fn sizes(chunk: u64, window: u64) -> Result<()> {
    let bad = |text: &'static str| Err(Error::new(Code::InvalidArgument, text));
    if chunk < 1024 {
        return bad("chunk_size: expected at least 1024");
    }
    if window != 0 && !(1024..=32 << 20).contains(&window) {
        return bad("window_size: expected 1024 to 33554432, or 0");
    }
    if window != 0 && window < chunk {
        return bad("window_size: expected at least chunk_size");
    }
    Ok(())
}
