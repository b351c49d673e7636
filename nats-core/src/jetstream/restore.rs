//! Making a stream again from its snapshot.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::api::{json as encode, read};
use super::config::stream::StreamConfig;
use super::context::JetStream;
use super::inbox::Inbox;
use super::name::check;
use super::snapshot::Progress;
use super::stream::{StreamInfo, StreamState};
use crate::client::message::Message;
use crate::error::{Code, Error, Result};

/// Bytes of a piece, unless the server takes less.
const CHUNK: usize = 128 << 10;
/// Bytes that may be on their way.
const WINDOW: usize = 2 << 20;
/// How long to wait for the server to take a piece, or to make the stream of all.
const STALL: Duration = Duration::from_secs(300);

/// A stream that is being restored. Dropping it before [`Restore::finish`] gives it up, and there will
/// be no stream.
#[derive(Debug)]
pub struct Restore {
    stream: String,
    /// Where the pieces go.
    subject: String,
    answers: Inbox,
    chunk: usize,
    /// The lengths of the pieces that the server has not answered yet.
    under_way: VecDeque<usize>,
    progress: Progress,
}

#[derive(Deserialize)]
struct Begun {
    deliver_subject: String,
}

impl JetStream {
    /// Begins to restore a stream, which must not be there, from a snapshot and what it told of
    /// configuration and state. The name stays; other members of the configuration may be changed.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; [`Code::JetStream`] when there is a stream of that name, or it cannot be
    /// made; those of [`JetStream::account_info`].
    pub async fn restore_stream(
        &self,
        config: &StreamConfig,
        state: &StreamState,
    ) -> Result<Restore> {
        check("stream", &config.name)?;
        let path = format!("STREAM.RESTORE.{}", config.name);
        let body = encode(&json!({"config": config, "state": state}))?;
        let Begun { deliver_subject: subject } = self.call(&path, &body).await?;
        let answers = Inbox::open(&self.client, &subject, STALL)?;
        let chunk = CHUNK.min(self.client.max_payload()).max(1);
        let (under_way, progress) = (VecDeque::new(), Progress::default());
        Ok(Restore { stream: config.name.clone(), subject, answers, chunk, under_way, progress })
    }
}

impl Restore {
    /// What the server has so far.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Sends the next bytes of the snapshot. Waits while too many are on their way.
    ///
    /// # Errors
    /// [`Code::JetStream`] when the server gives up; [`Code::Timeout`], [`Code::ConnectionLost`],
    /// [`Code::ConnectionClosed`]. There will be no stream then.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(self.chunk) {
            while self.under_way.iter().sum::<usize>() + piece.len() > WINDOW.max(piece.len()) {
                self.hear().await?;
            }
            self.answers.ask(&self.subject, piece).await?;
            self.under_way.push_back(piece.len());
        }
        Ok(())
    }

    /// Says that this was all, and waits for the stream; how it is.
    ///
    /// # Errors
    /// [`Code::JetStream`] when the bytes are no snapshot, or not all of one; those of
    /// [`Restore::send`].
    pub async fn finish(mut self) -> Result<StreamInfo> {
        while !self.under_way.is_empty() {
            self.hear().await?;
        }
        self.answers.ask(&self.subject, b"").await?;
        let answer = self.answer().await?;
        read(&format!("the restore of {}", self.stream), answer.payload())
    }

    /// Sends all that `source` has, and waits for the stream; `progress` is told of what the server has.
    ///
    /// # Errors
    /// [`Code::Io`] when `source` fails; those of [`Restore::finish`].
    pub async fn read_from(
        mut self,
        source: &mut (impl AsyncRead + Unpin),
        mut progress: impl FnMut(&Progress),
    ) -> Result<StreamInfo> {
        let mut buffer = vec![0; self.chunk];
        loop {
            let len = source.read(&mut buffer).await.map_err(|error| {
                let text = format!("the snapshot of {} is not read: {error}", self.stream);
                Error::new(Code::Io, text)
            })?;
            if len == 0 {
                break;
            }
            let before = self.progress;
            self.send(&buffer[..len]).await?;
            if self.progress != before {
                progress(&self.progress);
            }
        }
        while !self.under_way.is_empty() {
            self.hear().await?;
            progress(&self.progress);
        }
        self.finish().await
    }

    /// Waits until the server has the oldest piece.
    async fn hear(&mut self) -> Result<()> {
        let answer = self.answer().await?;
        if !answer.payload().is_empty() {
            let text = String::from_utf8_lossy(answer.payload()).into_owned();
            // Usually a document with an error.
            read::<serde_json::Value>(
                &format!("the restore of {}", self.stream),
                answer.payload(),
            )?;
            return Err(Error::new(Code::JetStream, format!("{}: {text}", self.stream)));
        }
        self.progress.chunks += 1;
        self.progress.bytes += self.under_way.pop_front().unwrap_or(0) as u64;
        Ok(())
    }

    async fn answer(&mut self) -> Result<Message> {
        self.answers.next().await.map_err(|error| {
            if error.code() == Code::NoResponders {
                let text = format!("the restore of {}: the server has given it up", self.stream);
                return Error::new(Code::JetStream, text);
            }
            error.context(format!("the restore of {}", self.stream))
        })
    }
}
