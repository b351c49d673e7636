//! Single messages of a stream: got and deleted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::{Done, refusal, unreadable};
use super::context::JetStream;
use super::level;
use super::name::check;
use crate::client::message::Message;
use crate::error::{ApiError, Code, Error, Result};
use crate::proto::subject::{Filter, Subject};
use crate::proto::{HeaderBlock, Headers};

/// Which message is asked for; exactly one of the first three, or the last two together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GetMessage {
    /// The one with this sequence; with `next_by_subject`: the first one from there on.
    #[serde(rename = "seq", skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The last one of these subjects.
    #[serde(rename = "last_by_subj", skip_serializing_if = "Option::is_none")]
    pub last_by_subject: Option<String>,
    /// The first one of these subjects.
    #[serde(rename = "next_by_subj", skip_serializing_if = "Option::is_none")]
    pub next_by_subject: Option<String>,
    /// Without its headers (server 2.12).
    #[serde(rename = "no_hdr", skip_serializing_if = "std::ops::Not::not")]
    pub no_headers: bool,
}

impl GetMessage {
    /// The message with this sequence.
    pub fn sequence(sequence: u64) -> GetMessage {
        GetMessage { sequence: Some(sequence), ..GetMessage::default() }
    }

    /// The last message of a subject; wildcards allowed.
    pub fn last_of(subject: impl Into<String>) -> GetMessage {
        GetMessage { last_by_subject: Some(subject.into()), ..GetMessage::default() }
    }

    /// The first message of a subject from a sequence on; wildcards allowed.
    pub fn next_of(subject: impl Into<String>, sequence: u64) -> GetMessage {
        let next_by_subject = Some(subject.into());
        GetMessage { sequence: Some(sequence), next_by_subject, ..GetMessage::default() }
    }

    fn check(&self) -> Result<()> {
        for filter in self.last_by_subject.iter().chain(&self.next_by_subject) {
            Filter::new(filter)?;
        }
        let alone = self.sequence.is_some() || self.next_by_subject.is_some();
        if self.last_by_subject.is_some() == alone || self.sequence == Some(0) {
            let text = "expected a sequence from 1 on, a subject whose last message is meant, or one \
                        whose next message is";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        Ok(())
    }
}

/// A message as a stream keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredMessage {
    /// Its subject.
    pub subject: String,
    /// Its sequence.
    pub sequence: u64,
    /// When it was stored, in RFC 3339.
    pub time: String,
    /// Its payload.
    pub payload: Bytes,
    headers: Bytes,
}

impl StoredMessage {
    /// As the answer to a direct get tells it.
    pub(super) fn of_direct(message: &Message) -> StoredMessage {
        let header = |name: &str| message.header(name).unwrap_or_default();
        StoredMessage {
            subject: header("Nats-Subject").to_owned(),
            sequence: header("Nats-Sequence").parse().unwrap_or(0),
            time: header("Nats-Time-Stamp").to_owned(),
            headers: message
                .headers()
                .map_or_else(Bytes::new, |block| Bytes::copy_from_slice(block.raw())),
            payload: message.payload_bytes(),
        }
    }

    /// The same as a message that was received: with its own subject and payload, and headers that tell
    /// its place besides its own, as a direct get has them: `Nats-Sequence`, `Nats-Time-Stamp`.
    ///
    /// # Errors
    /// [`Code::MalformedMessage`] when its headers cannot be read.
    pub fn to_message(&self) -> Result<Message> {
        let mut headers = match self.headers() {
            Some(block) => block.to_headers()?,
            None => Headers::new(),
        };
        headers.set("Nats-Sequence", &self.sequence.to_string())?;
        headers.set("Nats-Time-Stamp", &self.time)?;
        let mut block = Vec::with_capacity(headers.encoded_len());
        headers.encode(&mut block);
        Ok(Message::made(&self.subject, None, &block, &self.payload))
    }

    /// Its headers, if it has some. Of a direct get they tell stream, subject, sequence and time, too.
    pub fn headers(&self) -> Option<HeaderBlock<'_>> {
        (!self.headers.is_empty()).then(|| HeaderBlock::new(&self.headers))
    }
}

#[derive(Deserialize)]
struct Answer {
    message: Told,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Told {
    subject: String,
    seq: u64,
    time: String,
    hdrs: String,
    data: String,
}

impl JetStream {
    /// A message of a stream, from the server that leads it.
    ///
    /// # Errors
    /// [`Code::MessageNotFound`]; [`Code::InvalidArgument`] unless exactly one message is asked for;
    /// [`Code::InvalidName`]; [`Code::StreamNotFound`]; those of [`JetStream::account_info`].
    pub async fn get_message(&self, stream: &str, which: &GetMessage) -> Result<StoredMessage> {
        check("stream", stream)?;
        which.check()?;
        level::of_get(which, &self.client)?;
        let path = format!("STREAM.MSG.GET.{stream}");
        let Answer { message: told } = self.send(&path, which).await?;
        if told.seq == 0 {
            return Err(unreadable(&path, "message.seq: expected a sequence"));
        }
        let decode = |member: &str, text: &str| {
            let bad = |e| unreadable(&path, format_args!("message.{member}: {e}"));
            STANDARD.decode(text).map(Bytes::from).map_err(bad)
        };
        Ok(StoredMessage {
            headers: decode("hdrs", &told.hdrs)?,
            payload: decode("data", &told.data)?,
            subject: told.subject,
            sequence: told.seq,
            time: told.time,
        })
    }

    /// A message of a stream, from any server that keeps it (ADR-31): faster, and perhaps not the
    /// newest. The stream must have `allow_direct`, or be a mirror with `mirror_direct`. Without headers
    /// the server tells the payload alone: no subject, no time, and no sequence but one that was asked
    /// for.
    ///
    /// # Errors
    /// As [`JetStream::get_message`]; [`Code::NoResponders`] for a stream that does not allow it.
    pub async fn direct_get(&self, stream: &str, which: &GetMessage) -> Result<StoredMessage> {
        let message = self.direct_message(stream, which).await?;
        let stored = StoredMessage::of_direct(&message);
        let asked =
            which.sequence.filter(|_| which.next_by_subject.is_none() && stored.sequence == 0);
        Ok(StoredMessage { sequence: asked.unwrap_or(stored.sequence), ..stored })
    }

    /// The answer to a direct get: the payload of the message, and headers that tell the rest.
    pub(crate) async fn direct_message(&self, stream: &str, which: &GetMessage) -> Result<Message> {
        check("stream", stream)?;
        which.check()?;
        level::of_get(which, &self.client)?;
        let plain = which.last_by_subject.as_deref().filter(|_| !which.no_headers);
        // The last message of a subject has a subject of the API of its own, which permissions and
        // the routing of clusters know.
        let last = plain.filter(|subject| Subject::new(subject).is_ok());
        let (path, body) = match last {
            Some(subject) => (format!("DIRECT.GET.{stream}.{subject}"), Vec::new()),
            None => (format!("DIRECT.GET.{stream}"), super::api::json(which)?),
        };
        let message = match self.ask(&path, &body, None).await {
            Err(error) if error.code() == Code::JetStreamNotEnabled => {
                let text = format!("{stream}: there is no such stream, or it allows no direct get");
                return Err(Error::new(Code::NoResponders, text));
            }
            asked => asked?,
        };
        refused(&path, &message)?;
        let told = |name: &str| message.header(name).filter(|value| !value.is_empty());
        let sequence = told("Nats-Sequence").and_then(|number| number.parse::<u64>().ok());
        if !which.no_headers && (sequence.is_none() || told("Nats-Subject").is_none()) {
            let text = "expected the headers Nats-Subject and Nats-Sequence";
            return Err(unreadable(&path, text));
        }
        Ok(message)
    }

    /// Deletes a message of a stream. What it held is overwritten, unless only its place in the stream
    /// is to be cleared.
    ///
    /// # Errors
    /// As [`JetStream::get_message`].
    pub async fn delete_message(&self, stream: &str, sequence: u64, erase: bool) -> Result<()> {
        check("stream", stream)?;
        let request = json!({"seq": sequence, "no_erase": !erase});
        let path = format!("STREAM.MSG.DELETE.{stream}");
        match self.send::<Done>(&path, &request).await {
            // The server's word for a message that is not there depends on how it is kept.
            Err(error) if error.api().is_some_and(|api| api.err_code == 10057) => {
                let api = error.api().cloned().unwrap_or_default();
                Err(Error::of_api(Code::MessageNotFound, error.text().to_owned(), api))
            }
            deleted => deleted?.check(&path),
        }
    }
}

/// What a direct get, or a batch of them, was refused with.
pub(crate) fn refused(path: &str, message: &Message) -> Result<()> {
    let Some(status) = message.status() else { return Ok(()) };
    let description = message.description().unwrap_or_default().to_owned();
    let err_code = if status == 404 { 10037 } else { 0 };
    Err(refusal(path, ApiError { code: status, err_code, description }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_messages_become_messages() {
        let headers = Bytes::from_static(b"NATS/1.0\r\nOwn: a\r\nOwn: b\r\n\r\n");
        let (subject, payload) = ("s.1".to_owned(), Bytes::from_static(b"pay\r\nload"));
        let time = "2030-01-01T00:00:00Z".to_owned();
        let stored = StoredMessage { subject, sequence: 7, time, payload, headers };
        let message = stored.to_message().unwrap();
        assert_eq!((message.subject(), message.payload()), ("s.1", &b"pay\r\nload"[..]));
        assert_eq!((message.reply(), message.status()), (None, None));
        assert_eq!(message.header("Nats-Sequence"), Some("7"));
        assert_eq!(message.header("Nats-Time-Stamp"), Some("2030-01-01T00:00:00Z"));
        assert_eq!(message.headers().unwrap().get_all("Own").count(), 2);
        let bare = StoredMessage { headers: Bytes::new(), payload: Bytes::new(), ..stored };
        assert_eq!(bare.to_message().unwrap().payload(), b"");
    }
}
