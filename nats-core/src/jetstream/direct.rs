//! Many messages of a stream in one request, from any server that keeps it (ADR-31).

use serde::{Deserialize, Serialize};

use super::api::json;
use super::config::is_default;
use super::context::JetStream;
use super::inbox::Inbox;
use super::level;
use super::name::check;
use super::stored::{StoredMessage, refused};
use crate::client::message::Message;
use crate::error::{Code, Error, Result};
use crate::proto::subject::Filter;

/// Which messages are asked for: those from a sequence or a time on, perhaps of one filter; or the last
/// one of each subject that `multi_last` matches, perhaps as it was at a sequence or a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectBatchOptions {
    /// The most messages; 0: those of all subjects with `multi_last`, else one.
    #[serde(skip_serializing_if = "is_default")]
    pub batch: u64,
    /// The most bytes, headers included; one message always comes. 0: what the server takes for a
    /// connection's share, 64 MiB by default.
    #[serde(skip_serializing_if = "is_default")]
    pub max_bytes: u64,
    /// The first sequence; 0: with `start_time` none, else the first of the stream.
    #[serde(rename = "seq", skip_serializing_if = "is_default")]
    pub sequence: u64,
    /// The first time, in RFC 3339.
    #[serde(skip_serializing_if = "is_default")]
    pub start_time: String,
    /// Only these subjects; wildcards allowed.
    #[serde(rename = "next_by_subj", skip_serializing_if = "is_default")]
    pub next_by_subject: String,
    /// The last message of each of these subjects; wildcards allowed, at most 1024 subjects.
    #[serde(skip_serializing_if = "is_default")]
    pub multi_last: Vec<String>,
    /// As it was at this sequence; 0: as it is now.
    #[serde(rename = "up_to_seq", skip_serializing_if = "is_default")]
    pub up_to_sequence: u64,
    /// As it was at this time, in RFC 3339.
    #[serde(skip_serializing_if = "is_default")]
    pub up_to_time: String,
    /// Without headers (server 2.12). Except with `multi_last`, the server tells neither subject nor
    /// sequence then, which are empty and zero; that none is lost on the way cannot be checked.
    #[serde(rename = "no_hdr", skip_serializing_if = "is_default")]
    pub no_headers: bool,
}

impl DirectBatchOptions {
    fn checked(&self) -> Result<DirectBatchOptions> {
        let conflict = |text: &'static str| Err(Error::new(Code::InvalidArgument, text));
        for filter in self.multi_last.iter().chain(Some(&self.next_by_subject)) {
            if !filter.is_empty() {
                Filter::new(filter)?;
            }
        }
        let from = self.sequence != 0 || !self.start_time.is_empty();
        if self.multi_last.is_empty() {
            if self.up_to_sequence != 0 || !self.up_to_time.is_empty() {
                return conflict("up_to_seq and up_to_time: expected multi_last, too");
            }
        } else if !self.next_by_subject.is_empty() || !self.start_time.is_empty() {
            return conflict("multi_last: expected neither next_by_subj nor start_time with it");
        }
        if self.sequence != 0 && !self.start_time.is_empty() {
            return conflict("seq and start_time: expected one of them");
        }
        if self.up_to_sequence != 0 && !self.up_to_time.is_empty() {
            return conflict("up_to_seq and up_to_time: expected one of them");
        }
        let mut options = self.clone();
        if options.multi_last.is_empty() {
            // What the server would take for no request at all.
            options.sequence = if from { self.sequence } else { 1 };
            options.batch = self.batch.max(1);
        }
        Ok(options)
    }
}

/// The messages of one batch, as they come.
#[derive(Debug)]
pub struct DirectBatch {
    path: String,
    answers: Inbox,
    /// The sequence of the message before.
    last: u64,
    pending: u64,
    up_to: u64,
    /// The server tells no places of messages.
    bare: bool,
    has_ended: bool,
}

impl JetStream {
    /// Asks for many messages of a stream at once, from any server that keeps it (ADR-31, server 2.11);
    /// they may not be the newest. The stream must have `allow_direct`, or be a mirror with
    /// `mirror_direct`. The server sends them without waiting: all that is asked for waits in memory,
    /// so `batch` and `max_bytes` bound that.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for options that exclude each other; [`Code::InvalidSubject`];
    /// [`Code::InvalidName`]; [`Code::Unsupported`]; [`Code::ConnectionClosed`].
    pub async fn direct_batch(
        &self,
        stream: &str,
        options: &DirectBatchOptions,
    ) -> Result<DirectBatch> {
        check("stream", stream)?;
        let options = options.checked()?;
        level::of_operation("a batch of direct gets", (2, 11), &self.client)?;
        if options.no_headers {
            level::of_operation("no_headers", (2, 12), &self.client)?;
        }
        let path = format!("DIRECT.GET.{stream}");
        let subject = format!("{}{path}", self.way.prefix);
        let body = json(&options)?;
        if let Some(trace) = &self.way.trace {
            trace(&subject, &body);
        }
        let answers = Inbox::open(&self.client, &subject, self.way.timeout)?;
        answers.ask(&subject, &body).await?;
        let bare = options.no_headers && options.multi_last.is_empty();
        Ok(DirectBatch { path, answers, last: 0, pending: 0, up_to: 0, bare, has_ended: false })
    }
}

impl DirectBatch {
    /// The next message; None: these were all. A stream without such a message has an empty batch.
    ///
    /// # Errors
    /// [`Code::NoResponders`] for a stream that does not exist or allows no direct get;
    /// [`Code::SlowConsumer`] when a message was lost on the way; [`Code::JetStream`] when the
    /// server refuses, as with more than 1024 subjects; [`Code::Timeout`], [`Code::ConnectionLost`],
    /// [`Code::ConnectionClosed`], [`Code::Permission`].
    pub async fn next(&mut self) -> Result<Option<StoredMessage>> {
        let Some(message) = self.next_message().await? else { return Ok(None) };
        Ok(Some(StoredMessage::of_direct(&message)))
    }

    /// The next answer: the payload of the message, and headers that tell the rest.
    pub(crate) async fn next_message(&mut self) -> Result<Option<Message>> {
        if self.has_ended {
            return Ok(None);
        }
        let read = match self.answers.next().await {
            Ok(message) => self.read(message),
            Err(error) if error.code() == Code::NoResponders => {
                let text = format!("{}: no such stream, or it allows no direct get", self.path);
                Err(Error::new(Code::NoResponders, text))
            }
            Err(error) => Err(error.context(&self.path)),
        };
        self.has_ended = !matches!(read, Ok(Some(_)));
        read
    }

    /// All messages that are left.
    ///
    /// # Errors
    /// As [`DirectBatch::next`].
    pub async fn all(&mut self) -> Result<Vec<StoredMessage>> {
        let mut all = Vec::new();
        while let Some(message) = self.next().await? {
            all.push(message);
        }
        Ok(all)
    }

    /// How many messages more there would be for another batch.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// The sequence of the last message so far; another batch begins behind it.
    pub fn last_sequence(&self) -> u64 {
        self.last
    }

    /// With `multi_last`, at the end: the sequence at which the stream was read, which another batch
    /// should have as its `up_to_sequence`.
    pub fn up_to_sequence(&self) -> u64 {
        self.up_to
    }

    fn read(&mut self, message: Message) -> Result<Option<Message>> {
        let number = |name: &str| message.header(name).and_then(|text| text.parse().ok());
        match message.status() {
            Some(404) => return Ok(None),
            Some(204) => {
                self.pending = number("Nats-Num-Pending").unwrap_or(0);
                self.up_to = number("Nats-UpTo-Sequence").unwrap_or(0);
                let last = number("Nats-Last-Sequence");
                self.whole(last)?;
                self.last = last.unwrap_or(0);
                return Ok(None);
            }
            _ => refused(&self.path, &message)?,
        }
        self.whole(number("Nats-Last-Sequence"))?;
        self.pending = number("Nats-Num-Pending").unwrap_or(0);
        self.last = number("Nats-Sequence").unwrap_or(0);
        Ok(Some(message))
    }

    /// Whether the message before is the one that the server has sent before.
    fn whole(&self, before: Option<u64>) -> Result<()> {
        if self.bare || before == Some(self.last) {
            return Ok(());
        }
        let text = format!("{}: messages behind sequence {} were lost", self.path, self.last);
        Err(Error::new(Code::SlowConsumer, text))
    }
}
