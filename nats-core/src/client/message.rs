//! A received message.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::publish::{How, Publish};
use crate::conn::mailbox::Taken;
use crate::conn::requests::is_no_responders;
use crate::conn::shared::Shared;
use crate::error::{Code, Error, Result};
use crate::proto::block::{Arrived, Block, Expected, View};
use crate::proto::message::{RawMessage, Run};
use crate::proto::parse::MsgFrame;
use crate::proto::{HeaderBlock, Headers};

/// A received message, cheap to clone. Its views live as long as it does.
///
/// Small messages that arrived together share a block of memory, 4 KiB at most.
#[derive(Clone)]
pub struct Message {
    raw: RawMessage,
    /// Only a message that can be answered pays for the way back.
    shared: Option<Arc<Shared>>,
}

/// A received message in a [`Batch`] or a [`Message`], borrowed from it.
#[derive(Clone, Copy)]
pub struct MessageRef<'a> {
    raw: View<'a>,
    shared: Option<&'a Arc<Shared>>,
}

/// Messages of one subscription that arrived together, at least one when it is made. Taking them
/// out one by one, as an iterator, costs a reference count each; looking at them costs nothing.
#[derive(Clone)]
pub struct Batch {
    run: Run,
    shared: Option<Arc<Shared>>,
    left_more: bool,
}

impl Batch {
    pub(crate) fn new(taken: Taken, shared: &Arc<Shared>) -> Batch {
        let Taken { run, more } = taken;
        let shared = run.is_answerable().then(|| Arc::clone(shared));
        Batch { run, shared, left_more: more }
    }

    /// Whether the subscription held more when the batch was taken.
    pub fn left_more(&self) -> bool {
        self.left_more
    }

    /// The message at `index`, which must be below the batch's length.
    #[inline]
    pub fn get(&self, index: usize) -> MessageRef<'_> {
        MessageRef { raw: self.run.view(index), shared: self.shared.as_ref() }
    }
}

impl Iterator for Batch {
    type Item = Message;

    #[inline]
    fn next(&mut self) -> Option<Message> {
        let raw = self.run.next()?;
        let answerable = self.shared.as_ref().filter(|_| !raw.view().reply().is_empty());
        Some(Message { shared: answerable.cloned(), raw })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.run.size_hint()
    }
}

impl ExactSizeIterator for Batch {}

impl From<Message> for Batch {
    fn from(message: Message) -> Batch {
        Batch { run: message.raw.into(), shared: message.shared, left_more: false }
    }
}

impl<'a> MessageRef<'a> {
    /// A message without a way to answer it.
    pub(crate) fn of(raw: View<'a>) -> MessageRef<'a> {
        MessageRef { raw, shared: None }
    }

    /// As [`Message::subject`].
    pub fn subject(self) -> &'a str {
        std::str::from_utf8(self.raw.subject()).unwrap_or_default()
    }

    /// As [`Message::subject_bytes`].
    #[inline]
    pub fn subject_bytes(self) -> &'a [u8] {
        self.raw.subject()
    }

    /// As [`Message::reply`].
    pub fn reply(self) -> Option<&'a str> {
        std::str::from_utf8(self.raw.reply()).ok().filter(|reply| !reply.is_empty())
    }

    /// As [`Message::payload`].
    #[inline]
    pub fn payload(self) -> &'a [u8] {
        self.raw.payload()
    }

    /// As [`Message::headers`].
    pub fn headers(self) -> Option<HeaderBlock<'a>> {
        self.raw.headers()
    }

    /// As [`Message::status`].
    pub fn status(self) -> Option<u16> {
        Some(self.raw.status()).filter(|status| *status != 0)
    }

    /// As [`Message::description`].
    pub fn description(self) -> Option<&'a str> {
        std::str::from_utf8(self.headers()?.description()?).ok()
    }

    /// As [`Message::decode_error`].
    pub fn decode_error(self) -> Option<Error> {
        if !self.raw.is_malformed() {
            return None;
        }
        let fault = self.headers().and_then(|block| block.check().err());
        Some(match fault {
            Some(fault) => Error::new(Code::MalformedMessage, format!("headers: {fault}")),
            None => Error::new(Code::MalformedMessage, "the subject is not valid UTF-8"),
        })
    }

    /// As [`Message::respond_with`].
    ///
    /// # Errors
    /// As [`Message::respond`].
    pub async fn respond_with(
        self,
        headers: Option<&Headers>,
        payload: impl AsRef<[u8]>,
    ) -> Result<()> {
        let injected = self.injected(headers);
        let headers = injected.as_ref().or(headers);
        let (shared, answer) = self.answer(headers, payload.as_ref())?;
        shared.publish_with(&answer, How::default()).await
    }

    /// As [`Message::respond_now`].
    ///
    /// # Errors
    /// As [`Message::respond`], and [`Code::OutboundFull`].
    pub fn respond_now(self, headers: Option<&Headers>, payload: &[u8]) -> Result<()> {
        if let Some(headers) = self.injected(headers) {
            let (shared, answer) = self.answer(Some(&headers), payload)?;
            return shared.publish_now(&answer, How::default());
        }
        let (shared, answer) = self.answer(headers, payload)?;
        shared.publish_now(&answer, How::default())
    }

    /// As [`Client::injected`](super::handle::Client::injected), for an answer to the message.
    pub fn injected(self, headers: Option<&Headers>) -> Option<Headers> {
        self.shared?.injected(headers)
    }

    fn answer<'b>(
        self,
        headers: Option<&'b Headers>,
        payload: &'b [u8],
    ) -> Result<(&'a Shared, Publish<'b>)>
    where
        'a: 'b,
    {
        let (Some(shared), Some(reply)) = (self.shared, self.reply()) else {
            return Err(Code::NoReply.into());
        };
        Ok((shared, Publish { headers, answers: true, ..Publish::new(reply, payload) }))
    }
}

impl Message {
    /// The first message of a run, without a further reference count.
    pub(crate) fn first(run: Run, shared: &Arc<Shared>) -> Message {
        let raw = run.into_first();
        let shared = (!raw.view().reply().is_empty()).then(|| Arc::clone(shared));
        Message { raw, shared }
    }

    /// The first message of a run, without a way to answer it.
    pub(crate) fn alone(run: Run) -> Message {
        Message { raw: run.into_first(), shared: None }
    }

    /// A message that did not come by a subscription, in memory of its own: nobody can be answered.
    pub(crate) fn made(
        subject: &str,
        reply: Option<&str>,
        headers: &[u8],
        payload: &[u8],
    ) -> Message {
        let parts = [subject.as_bytes(), reply.unwrap_or_default().as_bytes(), headers, payload];
        let bytes = parts.concat();
        let mut end = 0;
        let [subject, place, headers, payload] = parts.map(|part| {
            let start = end;
            end += part.len() as u32;
            start..end
        });
        let frame = MsgFrame { sid: 0, subject, reply: reply.map(|_| place), headers, payload };
        let block = Block::new(Arrived::Copied(&bytes), &frame, Expected::default());
        Message { raw: Run::from(block).into_first(), shared: None }
    }

    /// A message that has nothing but a payload, which is not copied.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for more than 4 GiB.
    pub fn of_payload(payload: Bytes) -> Result<Message> {
        let Ok(end) = u32::try_from(payload.len()) else {
            return Err(Error::new(Code::InvalidArgument, "payload: expected at most 4 GiB"));
        };
        let frame = MsgFrame { sid: 0, subject: 0..0, reply: None, headers: 0..0, payload: 0..end };
        let block = Block::new(Arrived::Split(payload), &frame, Expected::default());
        Ok(Message { raw: Run::from(block).into_first(), shared: None })
    }

    /// The same in memory of its own, for one that is kept: without a way to answer it.
    pub(crate) fn detached(&self) -> Message {
        let headers = self.headers().map_or(&[][..], |block| block.raw());
        Message::made(self.subject(), self.reply(), headers, self.payload())
    }

    /// The message, borrowed.
    #[inline]
    pub fn as_ref(&self) -> MessageRef<'_> {
        MessageRef { raw: self.raw.view(), shared: self.shared.as_ref() }
    }

    /// The subject; empty when it is not UTF-8 (see [`Message::decode_error`]).
    pub fn subject(&self) -> &str {
        self.as_ref().subject()
    }

    /// The subject's bytes.
    pub fn subject_bytes(&self) -> &[u8] {
        self.as_ref().subject_bytes()
    }

    /// Where an answer goes.
    pub fn reply(&self) -> Option<&str> {
        self.as_ref().reply()
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        self.as_ref().payload()
    }

    /// The payload as a reference-counted view of the message.
    pub fn payload_bytes(&self) -> Bytes {
        self.raw.payload_bytes()
    }

    /// The header block, if the message has one.
    pub fn headers(&self) -> Option<HeaderBlock<'_>> {
        self.as_ref().headers()
    }

    /// The first value of a header (case-sensitive) that is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers()?.get(name)?).ok()
    }

    /// The status of the header block, for example 503.
    pub fn status(&self) -> Option<u16> {
        self.as_ref().status()
    }

    /// Whether this is the server's word that nobody is subscribed to the subject of a request.
    pub fn is_no_responders(&self) -> bool {
        is_no_responders(self.raw.view())
    }

    pub(crate) fn into_run(self) -> Run {
        self.raw.into()
    }

    /// The text behind the status.
    pub fn description(&self) -> Option<&str> {
        self.as_ref().description()
    }

    /// [`Code::MalformedMessage`] when the subject or the header block cannot be decoded; what can
    /// be read of the message still can.
    pub fn decode_error(&self) -> Option<Error> {
        self.as_ref().decode_error()
    }

    /// The id of the subscription that received it.
    pub fn sid(&self) -> u64 {
        self.raw.view().sid()
    }

    /// Bytes that the message counts for in pending limits.
    pub fn size(&self) -> usize {
        self.raw.view().size()
    }

    /// Publishes an answer.
    ///
    /// # Errors
    /// [`Code::NoReply`] when nobody waits for one; otherwise as [`crate::Client::publish_with`].
    pub async fn respond(&self, payload: impl AsRef<[u8]>) -> Result<()> {
        self.respond_with(None, payload).await
    }

    /// Publishes an answer with headers.
    ///
    /// # Errors
    /// As [`Message::respond`].
    pub async fn respond_with(
        &self,
        headers: Option<&Headers>,
        payload: impl AsRef<[u8]>,
    ) -> Result<()> {
        self.as_ref().respond_with(headers, payload).await
    }

    /// Publishes an answer without ever waiting for room in the outbound buffer.
    ///
    /// # Errors
    /// As [`Message::respond`], and [`Code::OutboundFull`].
    pub fn respond_now(&self, headers: Option<&Headers>, payload: &[u8]) -> Result<()> {
        self.as_ref().respond_now(headers, payload)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("subject", &self.subject())
            .field("reply", &self.reply())
            .field("status", &self.status())
            .field("payload", &self.payload().len())
            .finish()
    }
}
