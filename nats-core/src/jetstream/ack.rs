//! Delivered messages, and what is said of them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::metadata::Metadata;
use crate::client::handle::Client;
use crate::client::message::Message;
use crate::client::request::Request;
use crate::error::{Code, Error, Result};

/// What is said of a delivered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckKind<'a> {
    /// It was handled.
    Ack,
    /// It was not: deliver it again, after this time or at once.
    Nak(Option<Duration>),
    /// It is being handled: the time to acknowledge it begins anew. May be said again and again.
    InProgress,
    /// It will never be handled: do not deliver it again. The reason goes into an advisory (server
    /// 2.11).
    Term(Option<&'a str>),
}

impl AckKind<'_> {
    /// What is sent.
    pub fn payload(&self) -> Cow<'static, [u8]> {
        match self {
            AckKind::Ack => Cow::Borrowed(b"+ACK"),
            AckKind::Nak(None) => Cow::Borrowed(b"-NAK"),
            AckKind::Nak(Some(delay)) => {
                format!("-NAK {{\"delay\": {}}}", delay.as_nanos()).into_bytes().into()
            }
            AckKind::InProgress => Cow::Borrowed(b"+WPI"),
            AckKind::Term(None) => Cow::Borrowed(b"+TERM"),
            AckKind::Term(Some(reason)) => format!("+TERM {reason}").into_bytes().into(),
        }
    }

    /// Whether nothing more can be said afterwards.
    pub fn is_final(self) -> bool {
        self != AckKind::InProgress
    }
}

/// A message that a consumer has delivered.
pub struct JsMessage {
    message: Message,
    client: Client,
    /// It was said what became of it.
    acked: AtomicBool,
}

impl JsMessage {
    /// A message that came by a subscription, for example that of [`Pull::subscribe`](super::Pull::subscribe).
    /// Whether a consumer has delivered it shows when something is said of it.
    pub fn new(message: Message, client: &Client) -> JsMessage {
        JsMessage { message, client: client.clone(), acked: AtomicBool::new(false) }
    }

    /// Where it stands in its stream and its consumer.
    ///
    /// # Errors
    /// [`Code::NotJetStream`].
    pub fn metadata(&self) -> Result<Metadata<'_>> {
        Metadata::parse(self.message.reply().unwrap_or_default())
    }

    /// Says that it was handled, without waiting for the server to have heard it.
    ///
    /// # Errors
    /// As [`JsMessage::ack_with`].
    pub async fn ack(&self) -> Result<()> {
        self.ack_with(AckKind::Ack).await
    }

    /// Says what became of it.
    ///
    /// # Errors
    /// [`Code::AlreadyAcked`] when that was said before, whatever it was; [`Code::NotJetStream`]; those
    /// of [`Client::publish_with`]: then it can be said again.
    pub async fn ack_with(&self, kind: AckKind<'_>) -> Result<()> {
        self.claim(kind)?;
        let said = self.message.respond(kind.payload()).await;
        self.release(kind, said)
    }

    /// The same without ever waiting for room in the outbound buffer.
    ///
    /// # Errors
    /// As [`JsMessage::ack_with`], and [`Code::OutboundFull`].
    pub fn ack_now(&self, kind: AckKind<'_>) -> Result<()> {
        self.claim(kind)?;
        let said = self.message.respond_now(None, &kind.payload());
        self.release(kind, said)
    }

    /// Says that it was handled, and waits until the server has noted it.
    ///
    /// # Errors
    /// As [`JsMessage::ack_with`]; [`Code::Timeout`].
    pub async fn double_ack(&self, timeout: Duration) -> Result<()> {
        self.claim(AckKind::Ack)?;
        let reply = self.message.reply().unwrap_or_default();
        let request = Request::new(reply, b"+ACK").timeout(timeout);
        let said = self.client.request_with(&request).await;
        self.release(AckKind::Ack, said.map(drop))
    }

    /// Says that all of these were handled, in one go: the server is written to once.
    ///
    /// # Errors
    /// The first of those of [`JsMessage::ack_with`], with the number of the message; those before it
    /// are acknowledged, those behind it are not.
    pub async fn ack_all<'a>(messages: impl IntoIterator<Item = &'a JsMessage>) -> Result<()> {
        for (index, message) in messages.into_iter().enumerate() {
            let acked = match message.ack_now(AckKind::Ack) {
                // The buffer is full: from here on it is waited for.
                Err(error) if error.code() == Code::OutboundFull => message.ack().await,
                acked => acked,
            };
            acked.map_err(|error| error.context(format_args!("message {index}")))?;
        }
        Ok(())
    }

    /// Whether it was said what became of it.
    pub fn is_acked(&self) -> bool {
        self.acked.load(Ordering::Acquire)
    }

    /// The message without what JetStream adds.
    pub fn into_message(self) -> Message {
        self.message
    }

    /// Nobody else may say anything from now on.
    fn claim(&self, kind: AckKind<'_>) -> Result<()> {
        if !Metadata::is_reply(self.message.reply().unwrap_or_default()) {
            return Err(Code::NotJetStream.into());
        }
        let before =
            if kind.is_final() { self.acked.swap(true, Ordering::AcqRel) } else { self.is_acked() };
        if before { Err(Error::from(Code::AlreadyAcked)) } else { Ok(()) }
    }

    /// What could not be said may be said again.
    fn release(&self, kind: AckKind<'_>, said: Result<()>) -> Result<()> {
        if said.is_err() && kind.is_final() {
            self.acked.store(false, Ordering::Release);
        }
        said
    }
}

impl Deref for JsMessage {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}

impl fmt::Debug for JsMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsMessage").field(&self.message).field(&self.is_acked()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent() {
        let delay = Some(Duration::from_millis(1500));
        for (kind, expected) in [
            (AckKind::Ack, "+ACK"),
            (AckKind::Nak(None), "-NAK"),
            (AckKind::Nak(delay), "-NAK {\"delay\": 1500000000}"),
            (AckKind::InProgress, "+WPI"),
            (AckKind::Term(None), "+TERM"),
            (AckKind::Term(Some("no such customer")), "+TERM no such customer"),
        ] {
            assert_eq!(kind.payload(), expected.as_bytes());
        }
    }
}
