//! Messages that are stored as they come, with one acknowledgement for many (ADR-50).

use std::fmt;
use std::fmt::Write;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::api::{read, refusal};
use super::atomic_batch::not_sent;
use super::context::JetStream;
use super::level;
use super::pub_ack::{PubAck, answer};
use super::publish::PublishOptions;
use crate::client::message::Message;
use crate::client::publish::Publish;
use crate::client::subscription::{SubscribeOptions, Subscription};
use crate::error::{ApiError, Code, Error, Result};

/// The server forgets a batch after 10 s without a message, and is asked for its state this often.
const PINGS: u32 = 3;

/// How a batch flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FastBatchOptions {
    /// The server acknowledges after so many messages, or more often when it wants them slower.
    /// Default 100.
    pub flow: u16,
    /// So many acknowledgements may be missing before [`FastBatch::add`] waits. Default 2.
    pub outstanding_acks: u16,
    /// Go on when messages were lost or refused on the way; otherwise the batch ends there.
    pub gaps: bool,
    /// How long to wait for an acknowledgement. None: the context's timeout.
    pub timeout: Option<Duration>,
}

impl Default for FastBatchOptions {
    fn default() -> Self {
        FastBatchOptions { flow: 100, outstanding_acks: 2, gaps: false, timeout: None }
    }
}

/// What happens to messages of a batch, and does not end it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FastBatchEvent {
    /// These messages, counted from 1, were lost on the way, or came in another order.
    Gap {
        /// The first one that was missing.
        expected: u64,
        /// The one that came.
        got: u64,
    },
    /// This message was refused.
    Refused {
        /// Which one, counted from 1.
        sequence: u64,
        /// Why.
        error: Error,
    },
}

/// Messages that a stream stores as they come (`allow_batched`, server 2.14). Faster than publishing
/// each with an acknowledgement of its own, and in order; what was acknowledged stays stored when the
/// batch ends early. It goes on over a lost connection: what was lost with it is a gap, and without
/// `gaps` the end.
pub struct FastBatch {
    js: JetStream,
    options: FastBatchOptions,
    /// What the server says.
    said: Subscription,
    /// The beginning of reply subjects.
    prefix: String,
    timeout: Duration,
    /// How often the server acknowledges now.
    flow: u64,
    sent: u64,
    acked: u64,
    /// The server has answered the first message.
    begun: bool,
    /// The last message's subject.
    subject: String,
    events: Vec<FastBatchEvent>,
    /// How it ended.
    end: Option<Result<PubAck>>,
    committing: bool,
}

/// What a message of the server is for.
#[derive(Clone, Copy)]
enum Operation {
    Start = 0,
    Add = 1,
    Commit = 2,
    Close = 3,
    Ping = 4,
}

#[derive(Deserialize)]
struct Flow {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    msgs: u64,
    #[serde(default)]
    last_seq: u64,
    error: Option<ApiError>,
}

impl JetStream {
    /// A batch. The server hears of it with the first message.
    ///
    /// # Errors
    /// [`Code::Unsupported`] when the server is too old; [`Code::InvalidArgument`] for options that
    /// are zero; those of [`crate::Client::subscribe`].
    pub fn fast_batch(&self, options: &FastBatchOptions) -> Result<FastBatch> {
        level::of_operation("a fast batch", (2, 14), &self.client)?;
        let FastBatchOptions { flow, outstanding_acks, gaps, timeout } = *options;
        if flow == 0 || outstanding_acks == 0 {
            let text = "flow and outstanding_acks: expected at least 1";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        let inbox = self.client.new_inbox()?;
        // The flow is the bound.
        let unbounded = SubscribeOptions {
            pending_messages: Some(0),
            pending_bytes: Some(0),
            ..SubscribeOptions::default()
        };
        let said = self.client.subscribe_with(&format!("{inbox}.>"), &unbounded)?;
        Ok(FastBatch {
            js: self.clone(),
            options: options.clone(),
            said,
            prefix: format!("{inbox}.{flow}.{}.", if gaps { "ok" } else { "fail" }),
            timeout: timeout.unwrap_or(self.way.timeout),
            flow: flow.into(),
            sent: 0,
            acked: 0,
            begun: false,
            subject: String::new(),
            events: Vec::new(),
            end: None,
            committing: false,
        })
    }
}

impl FastBatch {
    /// Adds a message: how many were added, this one included. Waits when the server is behind. Of the
    /// options, `retries` and `timeout` are not used.
    ///
    /// # Errors
    /// [`Code::BatchOver`] when the server has ended the batch, with how far it was stored;
    /// [`Code::JetStream`], [`Code::NoResponders`] when the stream refuses the first message;
    /// [`Code::Timeout`], [`Code::ConnectionClosed`]: the batch is over then; those of [`crate::Client::publish_with`].
    pub async fn add(&mut self, publish: &Publish<'_>, options: &PublishOptions) -> Result<u64> {
        let first = self.sent == 0;
        let operation = if first { Operation::Start } else { Operation::Add };
        self.send(publish, options, operation).await?;
        if first {
            self.wait(|batch| batch.begun).await?;
        }
        while self.poll_said().is_some() {}
        let ahead = self.options.outstanding_acks;
        self.wait(|batch| batch.sent < batch.acked + batch.flow * u64::from(ahead)).await?;
        self.open()?;
        Ok(self.sent)
    }

    /// Adds the last message, and ends the batch: the acknowledgement is that of the last one.
    ///
    /// # Errors
    /// As [`FastBatch::add`]; [`Code::BatchOver`] also when not all of it was stored.
    pub async fn commit(
        mut self,
        publish: &Publish<'_>,
        options: &PublishOptions,
    ) -> Result<PubAck> {
        self.committing = true;
        self.send(publish, options, Operation::Commit).await?;
        self.finish().await
    }

    /// Ends the batch without another message.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a batch without messages; otherwise as [`FastBatch::commit`].
    pub async fn close(mut self) -> Result<PubAck> {
        self.open()?;
        if self.sent == 0 {
            let text = "the batch has no message: expected at least one";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        self.committing = true;
        let subject = self.subject.clone();
        let reply = self.reply(self.sent + 1, Operation::Close);
        self.js.client.publish_with(&Publish::new(&subject, b"").reply(&reply)).await?;
        self.finish().await
    }

    /// How many messages were added.
    pub fn len(&self) -> u64 {
        self.sent
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.sent == 0
    }

    /// How many of them are acknowledged. Without `gaps` they are stored; with `gaps` those are that no
    /// event names.
    pub fn acknowledged(&self) -> u64 {
        self.acked
    }

    /// What has happened to messages since the last call.
    pub fn take_events(&mut self) -> Vec<FastBatchEvent> {
        std::mem::take(&mut self.events)
    }

    /// What the stream said at the end, when the server has ended the batch.
    pub fn ack(&self) -> Option<&PubAck> {
        self.end.as_ref()?.as_ref().ok()
    }

    fn open(&self) -> Result<()> {
        match &self.end {
            None => Ok(()),
            Some(Ok(ack)) => {
                let text = format!("{} of {} messages were stored", ack.batch_count, self.sent);
                Err(Error::new(Code::BatchOver, text))
            }
            Some(Err(error)) => Err(error.clone()),
        }
    }

    async fn send(
        &mut self,
        publish: &Publish<'_>,
        options: &PublishOptions,
        operation: Operation,
    ) -> Result<()> {
        while self.poll_said().is_some() {}
        self.open()?;
        let headers = options.headers(publish.headers)?;
        let reply = self.reply(self.sent + 1, operation);
        let headers = headers.as_ref().or(publish.headers);
        let sent = Publish { headers, reply: Some(&reply), ..*publish };
        match self.js.client.publish_with(&sent).await {
            Ok(()) => {
                self.sent += 1;
                if self.subject != publish.subject {
                    publish.subject.clone_into(&mut self.subject);
                }
                Ok(())
            }
            Err(error) if not_sent(error.code()) => Err(error),
            Err(error) => Err(self.ended(error)),
        }
    }

    /// The end of a batch that was committed.
    async fn finish(mut self) -> Result<PubAck> {
        self.wait(|_| false).await?;
        let ack = match self.end.take() {
            Some(end) => end?,
            None => return Err(Code::Internal.into()),
        };
        if !self.options.gaps && ack.batch_count < self.sent {
            let text = format!("{} of {} messages were stored", ack.batch_count, self.sent);
            return Err(Error::new(Code::BatchOver, text));
        }
        Ok(ack)
    }

    /// Waits until it is so, or the batch has ended.
    async fn wait(&mut self, so: impl Fn(&FastBatch) -> bool) -> Result<()> {
        let deadline = crate::client::after(self.timeout);
        let pause = self.timeout / PINGS;
        while !so(self) && self.end.is_none() {
            let by = deadline.min(crate::client::after(pause));
            match tokio::time::timeout_at(by.into(), self.hear()).await {
                Ok(heard) => heard?,
                Err(_) if by < deadline => self.ping()?,
                Err(_) => {
                    let millis = self.timeout.as_millis();
                    let text = format!("no acknowledgement within {millis} ms");
                    return Err(self.ended(Error::new(Code::Timeout, text)));
                }
            }
        }
        if self.committing { Ok(()) } else { self.open() }
    }

    /// Asks the server for its state, which may have been lost.
    fn ping(&mut self) -> Result<()> {
        let reply = self.reply(self.sent, Operation::Ping);
        let ping = Publish::new(&self.subject, b"").reply(&reply);
        self.js.client.publish_now(&ping).map_err(|error| self.ended(error))
    }

    /// Waits for the server's next word.
    async fn hear(&mut self) -> Result<()> {
        match self.said.next().await {
            Some(message) => {
                self.heed(&message);
                Ok(())
            }
            None => {
                let reason = self.said.end_reason();
                Err(self.ended(reason.unwrap_or_else(|| Code::SubscriptionClosed.into())))
            }
        }
    }

    /// Heeds what has come, without waiting.
    fn poll_said(&mut self) -> Option<()> {
        let message = self.said.try_next()?;
        self.heed(&message);
        Some(())
    }

    fn heed(&mut self, message: &Message) {
        if message.is_no_responders() {
            let text = format!("no stream has \"{}\"", self.subject);
            self.ended(Error::new(Code::NoResponders, text));
            return;
        }
        match told(&self.subject, message.payload()) {
            Err(error) => drop(self.ended(error)),
            Ok(Told::Ack(flow)) => {
                self.begun = true;
                // One that was lost is made up for by those behind it.
                self.acked = self.acked.max(flow.seq);
                if flow.msgs > 0 {
                    self.flow = flow.msgs;
                }
            }
            Ok(Told::Gap(flow)) => {
                self.events.push(FastBatchEvent::Gap { expected: flow.last_seq, got: flow.seq });
            }
            Ok(Told::Refused(flow)) => {
                let error = refusal(&self.subject, flow.error.unwrap_or_default());
                self.events.push(FastBatchEvent::Refused { sequence: flow.seq, error });
            }
            Ok(Told::End(ack)) => {
                self.begun = true;
                self.acked = self.acked.max(ack.batch_count);
                self.end.get_or_insert(Ok(ack));
            }
        }
    }

    /// The batch is over.
    fn ended(&mut self, error: Error) -> Error {
        self.end.get_or_insert_with(|| Err(error.clone()));
        error
    }

    fn reply(&self, sequence: u64, operation: Operation) -> String {
        let mut reply = String::with_capacity(self.prefix.len() + 26);
        reply.push_str(&self.prefix);
        // Writing to a string does not fail.
        let _ = write!(reply, "{sequence}.{}.$FI", operation as u8);
        reply
    }
}

enum Told {
    Ack(Flow),
    Gap(Flow),
    Refused(Flow),
    End(PubAck),
}

/// Reads what the server says.
fn told(subject: &str, payload: &[u8]) -> Result<Told> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(default, rename = "type")]
        kind: String,
    }
    let kind = serde_json::from_slice::<Kind>(payload).map(|kind| kind.kind).unwrap_or_default();
    let flow = || {
        serde_json::from_slice::<Flow>(payload).map_err(|error| {
            Error::new(Code::Protocol, format!("{subject}: the answer cannot be read: {error}"))
        })
    };
    match kind.as_str() {
        "ack" => flow().map(Told::Ack),
        "gap" => flow().map(Told::Gap),
        "err" => flow().map(Told::Refused),
        "" => answer(subject, payload).map(Told::End),
        // What refuses the batch has a type, too.
        _ => {
            read::<Value>(subject, payload)?;
            let text = format!("{subject}: the answer is of the unknown type \"{kind}\"");
            Err(Error::new(Code::Protocol, text))
        }
    }
}

impl fmt::Debug for FastBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FastBatch { sent, acked, end, .. } = self;
        let mut shown = f.debug_struct("FastBatch");
        shown.field("sent", sent).field("acked", acked).field("end", end).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_told_apart() {
        let read = |text: &str| told("a", text.as_bytes());
        assert!(matches!(
            read(r#"{"type":"ack","seq":10,"msgs":5}"#),
            Ok(Told::Ack(Flow { seq: 10, msgs: 5, .. }))
        ));
        assert!(matches!(
            read(r#"{"type":"gap","last_seq":6,"seq":3}"#),
            Ok(Told::Gap(Flow { last_seq: 6, seq: 3, .. }))
        ));
        let refused =
            r#"{"type":"err","seq":2,"error":{"code":400,"err_code":10071,"description":"wrong"}}"#;
        assert!(matches!(read(refused), Ok(Told::Refused(Flow { seq: 2, error: Some(_), .. }))));
        assert!(matches!(
            read(r#"{"stream":"S","seq":7,"batch":"b","count":3}"#),
            Ok(Told::End(_))
        ));
        let error = read(
            r#"{"error":{"code":400,"err_code":10205,"description":"no"},"stream":"S","seq":0}"#,
        );
        assert_eq!(error.err().unwrap().api().unwrap().err_code, 10205);
        for bad in ["", "{", "+OK", "[]", r#"{"type":"new"}"#, r#"{"type":"ack","seq":"x"}"#] {
            assert_eq!(read(bad).err().unwrap().code(), Code::Protocol, "{bad}");
        }
    }
}
