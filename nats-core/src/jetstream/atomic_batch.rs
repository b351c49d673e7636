//! Messages that are stored together or not at all (ADR-50).

use std::fmt;
use std::time::Duration;

use super::api::read;
use super::context::JetStream;
use super::level;
use super::pub_ack::{PubAck, acknowledged};
use super::publish::PublishOptions;
use crate::client::publish::Publish;
use crate::client::request::Request;
use crate::conn::nuid::nuid;
use crate::error::{Code, Error, Result};
use crate::proto::Headers;

/// How a batch is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtomicBatchOptions {
    /// The server is asked after so many messages whether it has got them; 0: only at the first one,
    /// which shows whether it accepts batches, and at the last one. Default 0.
    pub ack_every: u64,
    /// How long to wait for the server's word. None: the context's timeout.
    pub timeout: Option<Duration>,
}

/// Messages that a stream stores together once they are committed (`allow_atomic`, server 2.12). The
/// server forgets those that are not within 10 s, and those of which one was lost; a server takes 1000
/// at most unless it is told otherwise.
pub struct AtomicBatch {
    js: JetStream,
    options: AtomicBatchOptions,
    id: String,
    /// Messages that were sent.
    count: u64,
    /// The last one's subject.
    subject: String,
    over: bool,
}

impl JetStream {
    /// A batch. The server hears of it with the first message.
    ///
    /// # Errors
    /// [`Code::Unsupported`] when the server is too old; [`Code::Io`] when the system has no
    /// randomness.
    pub fn atomic_batch(&self, options: &AtomicBatchOptions) -> Result<AtomicBatch> {
        level::of_operation("an atomic batch", (2, 12), &self.client)?;
        let (js, options) = (self.clone(), options.clone());
        Ok(AtomicBatch { js, options, id: nuid()?, count: 0, subject: String::new(), over: false })
    }
}

impl AtomicBatch {
    /// Adds a message. Of the options, `retries` and `timeout` are not used.
    ///
    /// # Errors
    /// [`Code::BatchOver`]; [`Code::JetStream`] when the stream refuses; those of
    /// [`JetStream::publish_with`]. The batch is over then, and nothing of it is stored; but for
    /// [`Code::InvalidSubject`], [`Code::InvalidHeader`], [`Code::InvalidArgument`],
    /// [`Code::MaxPayload`]: then the message was not added.
    pub async fn add(&mut self, publish: &Publish<'_>, options: &PublishOptions) -> Result<()> {
        self.open()?;
        let headers = self.headers(publish.headers, options, None)?;
        let every = self.options.ack_every;
        let asked = self.count == 0 || (every > 0 && (self.count + 1).is_multiple_of(every));
        let sent = Publish { headers: Some(&headers), reply: None, ..*publish };
        if !asked {
            let added = self.js.client.publish_with(&sent).await;
            return self.added(publish.subject, added);
        }
        let added = match self.ask(&sent).await {
            // An empty answer is the server's word that it has got the messages.
            Ok(answer) if answer.is_empty() => Ok(()),
            Ok(answer) => read::<PubAck>(publish.subject, &answer).and_then(|_| {
                let text = format!("{}: the answer is none to a batch", publish.subject);
                Err(Error::new(Code::Protocol, text))
            }),
            Err(error) => Err(error),
        };
        self.added(publish.subject, added)
    }

    /// Adds the last message, and has all of them stored: the acknowledgement is that of the last one.
    ///
    /// # Errors
    /// As [`AtomicBatch::add`]; nothing is stored. Stored or not, nobody knows: [`Code::Timeout`],
    /// [`Code::ConnectionLost`].
    pub async fn commit(self, publish: &Publish<'_>, options: &PublishOptions) -> Result<PubAck> {
        self.open()?;
        let headers = self.headers(publish.headers, options, Some("1"))?;
        let sent = Publish { headers: Some(&headers), reply: None, ..*publish };
        let answer = self.ask(&sent).await?;
        acknowledged(publish.subject, &answer)
    }

    /// Has the messages stored that were added (server 2.14): the acknowledgement is that of the last
    /// one.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a batch without messages; [`Code::Unsupported`] when the server is
    /// too old, and then the batch is as it was for 10 s; otherwise as [`AtomicBatch::commit`].
    pub async fn close(mut self) -> Result<PubAck> {
        self.open()?;
        if self.count == 0 {
            let text = "the batch has no message: expected at least one";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        level::of_operation("to commit a batch without a message", (2, 14), &self.js.client)?;
        let headers = self.headers(None, &PublishOptions::default(), Some("eob"))?;
        let subject = std::mem::take(&mut self.subject);
        let answer = self.ask(&Publish::new(&subject, b"").headers(&headers)).await?;
        acknowledged(&subject, &answer)
    }

    /// How many messages were added.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The batch's id, as the stream's acknowledgement tells it.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn open(&self) -> Result<()> {
        if self.over { Err(Code::BatchOver.into()) } else { Ok(()) }
    }

    fn headers(
        &self,
        own: Option<&Headers>,
        options: &PublishOptions,
        commit: Option<&str>,
    ) -> Result<Headers> {
        let mut headers = options.headers(own)?.or_else(|| own.cloned()).unwrap_or_default();
        headers.set("Nats-Batch-Id", &self.id)?;
        headers.set("Nats-Batch-Sequence", &(self.count + 1).to_string())?;
        if let Some(commit) = commit {
            headers.set("Nats-Batch-Commit", commit)?;
        }
        Ok(headers)
    }

    /// What the server says of a message.
    async fn ask(&self, publish: &Publish<'_>) -> Result<bytes::Bytes> {
        let timeout = self.options.timeout.unwrap_or(self.js.way.timeout);
        let request = Request::new(publish.subject, publish.payload).timeout(timeout);
        let request = Request { headers: publish.headers, ..request };
        Ok(self.js.client.request_with(&request).await?.payload_bytes())
    }

    fn added(&mut self, subject: &str, added: Result<()>) -> Result<()> {
        match &added {
            Ok(()) => {
                self.count += 1;
                self.subject.clear();
                self.subject.push_str(subject);
            }
            Err(error) => self.over = !not_sent(error.code()),
        }
        added
    }
}

/// Whether a message was refused here, before the server could have heard of it.
pub(super) fn not_sent(code: Code) -> bool {
    use Code::{InvalidArgument, InvalidHeader, InvalidSubject, MaxPayload, OutboundFull};
    matches!(code, InvalidArgument | InvalidHeader | InvalidSubject | MaxPayload | OutboundFull)
}

impl fmt::Debug for AtomicBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AtomicBatch { id, count, over, .. } = self;
        let mut shown = f.debug_struct("AtomicBatch");
        shown.field("id", id).field("count", count).field("over", over).finish_non_exhaustive()
    }
}
