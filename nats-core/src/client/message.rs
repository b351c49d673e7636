//! A received message.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::publish::Publish;
use crate::conn::requests::is_no_responders;
use crate::conn::shared::Shared;
use crate::error::{Code, Error, Result};
use crate::proto::message::RawMessage;
use crate::proto::{HeaderBlock, Headers};

/// A received message: one block of memory, cheap to clone. Its views live as long as it does.
#[derive(Clone)]
pub struct Message {
    raw: RawMessage,
    /// Only a message that can be answered pays for the way back.
    shared: Option<Arc<Shared>>,
}

impl Message {
    pub(crate) fn new(raw: RawMessage, shared: &Arc<Shared>) -> Message {
        let shared = (!raw.reply().is_empty()).then(|| Arc::clone(shared));
        Message { raw, shared }
    }

    /// The subject; empty when it is not UTF-8 (see [`Message::decode_error`]).
    pub fn subject(&self) -> &str {
        std::str::from_utf8(self.raw.subject()).unwrap_or_default()
    }

    /// The subject's bytes.
    pub fn subject_bytes(&self) -> &[u8] {
        self.raw.subject()
    }

    /// Where an answer goes.
    pub fn reply(&self) -> Option<&str> {
        std::str::from_utf8(self.raw.reply()).ok().filter(|reply| !reply.is_empty())
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        self.raw.payload()
    }

    /// The payload as a reference-counted view of the message.
    pub fn payload_bytes(&self) -> Bytes {
        self.raw.payload_bytes()
    }

    /// The header block, if the message has one.
    pub fn headers(&self) -> Option<HeaderBlock<'_>> {
        self.raw.headers()
    }

    /// The first value of a header (case-sensitive) that is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers()?.get(name)?).ok()
    }

    /// The status of the header block, for example 503.
    pub fn status(&self) -> Option<u16> {
        Some(self.raw.status()).filter(|status| *status != 0)
    }

    /// Whether this is the server's word that nobody is subscribed to the subject of a request.
    pub fn is_no_responders(&self) -> bool {
        is_no_responders(&self.raw)
    }

    pub(crate) fn into_raw(self) -> RawMessage {
        self.raw
    }

    /// The text behind the status.
    pub fn description(&self) -> Option<&str> {
        std::str::from_utf8(self.headers()?.description()?).ok()
    }

    /// [`Code::MalformedMessage`] when the subject or the header block cannot be decoded; what can
    /// be read of the message still can.
    pub fn decode_error(&self) -> Option<Error> {
        if !self.raw.is_malformed() {
            return None;
        }
        let fault = self.headers().and_then(|block| block.check().err());
        Some(match fault {
            Some(fault) => Error::new(Code::MalformedMessage, format!("headers: {fault}")),
            None => Error::new(Code::MalformedMessage, "the subject is not valid UTF-8"),
        })
    }

    /// The id of the subscription that received it.
    pub fn sid(&self) -> u64 {
        self.raw.sid()
    }

    /// Bytes that the message counts for in pending limits.
    pub fn size(&self) -> usize {
        self.raw.size()
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
        let (shared, answer) = self.answer(headers, payload.as_ref())?;
        shared.publish_with(&answer, true).await
    }

    /// Publishes an answer without ever waiting for room in the outbound buffer.
    ///
    /// # Errors
    /// As [`Message::respond`], and [`Code::OutboundFull`].
    pub fn respond_now(&self, headers: Option<&Headers>, payload: &[u8]) -> Result<()> {
        let (shared, answer) = self.answer(headers, payload)?;
        shared.publish_now(&answer, true)
    }

    fn answer<'a>(
        &'a self,
        headers: Option<&'a Headers>,
        payload: &'a [u8],
    ) -> Result<(&'a Shared, Publish<'a>)> {
        let (Some(shared), Some(reply)) = (&self.shared, self.reply()) else {
            return Err(Code::NoReply.into());
        };
        Ok((shared, Publish { subject: reply, reply: None, headers, payload }))
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
