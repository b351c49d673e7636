//! Counters: streams whose messages are increments (ADR-49, server 2.12).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::config::is_default;
use super::context::JetStream;
use super::direct::{DirectBatch, DirectBatchOptions};
use super::publish::PublishOptions;
use super::stored::{GetMessage, StoredMessage};
use crate::client::publish::Publish;
use crate::error::{Code, Error, Result};
use crate::proto::subject::Subject;
use crate::proto::{HeaderBlock, Headers};

/// What is added to a counter: a whole number of any size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Increment(String);

impl Increment {
    /// A number as text: digits, perhaps behind `+` or `-`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for anything else.
    pub fn parse(text: &str) -> Result<Increment> {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let shown: String = text.chars().take(64).collect();
            let text = format!("increment \"{}\": expected a whole number", shown.escape_debug());
            return Err(Error::new(Code::InvalidArgument, text));
        }
        let sign = if text.starts_with('-') { '-' } else { '+' };
        Ok(Increment(format!("{sign}{digits}")))
    }

    /// The number, with its sign.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<i64> for Increment {
    fn from(number: i64) -> Increment {
        Increment(format!("{number:+}"))
    }
}

/// A counter as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Count {
    /// Its subject.
    pub subject: String,
    /// Its value: a whole number of any size.
    #[serde(rename = "val")]
    pub value: String,
    /// What was added last.
    #[serde(rename = "incr", skip_serializing_if = "is_default")]
    pub increment: String,
    /// What other streams, and subjects of them, have contributed, by their names.
    #[serde(skip_serializing_if = "is_default")]
    pub sources: BTreeMap<String, BTreeMap<String, String>>,
    /// The sequence of its message.
    pub seq: u64,
    /// When something was added last, in RFC 3339.
    pub time: String,
}

impl Count {
    /// The value, if it is not too large for this type.
    pub fn as_i128(&self) -> Option<i128> {
        self.value.parse().ok()
    }

    fn read(message: &StoredMessage) -> Result<Count> {
        #[derive(Deserialize)]
        struct Payload {
            val: String,
        }
        let none = |reason: &dyn std::fmt::Display| {
            let text = format!("{}: its message is no counter: {reason}", message.subject);
            Error::new(Code::Protocol, text)
        };
        let Payload { val } = serde_json::from_slice(&message.payload).map_err(|e| none(&e))?;
        let header = |name: &str| {
            let found = message.headers().and_then(|headers: HeaderBlock<'_>| headers.get(name));
            found.map(String::from_utf8_lossy)
        };
        let sources = match header("Nats-Counter-Sources") {
            Some(text) => serde_json::from_str(&text).map_err(|e| none(&e))?,
            None => BTreeMap::new(),
        };
        Ok(Count {
            subject: message.subject.clone(),
            value: val,
            increment: header("Nats-Incr").unwrap_or_default().into_owned(),
            sources,
            seq: message.sequence,
            time: message.time.clone(),
        })
    }
}

/// Counters as they come.
#[derive(Debug)]
pub struct Counts(DirectBatch);

impl Counts {
    /// The next counter; None: these were all.
    ///
    /// # Errors
    /// [`Code::Protocol`] for a message that is no counter; those of [`DirectBatch::next`].
    pub async fn next(&mut self) -> Result<Option<Count>> {
        match self.0.next().await? {
            Some(message) => Count::read(&message).map(Some),
            None => Ok(None),
        }
    }

    /// All counters that are left.
    ///
    /// # Errors
    /// As [`Counts::next`].
    pub async fn all(mut self) -> Result<Vec<Count>> {
        let mut all = Vec::new();
        while let Some(count) = self.next().await? {
            all.push(count);
        }
        Ok(all)
    }
}

impl JetStream {
    /// Adds to the counter of a subject; its new value. The stream must have `allow_msg_counter`. When
    /// the answer does not come ([`Code::Timeout`], [`Code::ConnectionLost`]), nobody knows whether it
    /// was added.
    ///
    /// # Errors
    /// [`Code::JetStream`] when the stream does not count; those of [`JetStream::publish_with`].
    pub async fn counter_add(
        &self,
        subject: &str,
        increment: impl Into<Increment>,
    ) -> Result<String> {
        let mut headers = Headers::new();
        headers.set("Nats-Incr", increment.into().as_str())?;
        let publish = Publish::new(subject, b"").headers(&headers);
        let ack = self.publish_with(&publish, &PublishOptions::default()).await?;
        if ack.value.is_empty() {
            let text = format!("{subject}: the stream {} does not count", ack.stream);
            return Err(Error::new(Code::Unsupported, text));
        }
        Ok(ack.value)
    }

    /// The counter of a subject. The stream must have `allow_direct`.
    ///
    /// # Errors
    /// [`Code::MessageNotFound`] when nothing was added yet; [`Code::Protocol`] when its message is no
    /// counter; those of [`JetStream::direct_get`].
    pub async fn counter_get(&self, stream: &str, subject: &str) -> Result<Count> {
        Subject::new(subject)?;
        Count::read(&self.direct_get(stream, &GetMessage::last_of(subject)).await?)
    }

    /// The counters of many subjects, wildcards allowed; at most 1024. The stream must have
    /// `allow_direct`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] without subjects; those of [`JetStream::direct_batch`].
    pub async fn counter_get_many(&self, stream: &str, subjects: &[String]) -> Result<Counts> {
        if subjects.is_empty() {
            return Err(Error::new(Code::InvalidArgument, "subjects: expected at least one"));
        }
        let options =
            DirectBatchOptions { multi_last: subjects.to_vec(), ..DirectBatchOptions::default() };
        self.direct_batch(stream, &options).await.map(Counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn increments_are_whole_numbers_with_a_sign() {
        assert_eq!(Increment::from(5).as_str(), "+5");
        assert_eq!(Increment::from(i64::MIN).as_str(), "-9223372036854775808");
        assert_eq!(Increment::parse("7").unwrap().as_str(), "+7");
        let large = "-123456789012345678901234567890";
        assert_eq!(Increment::parse(large).unwrap().as_str(), large);
        for bad in ["", "+", "1.5", "1e3", "+-1", " 1", "0x1", "1\r\nA: b"] {
            assert_eq!(Increment::parse(bad).unwrap_err().code(), Code::InvalidArgument, "{bad}");
        }
    }
}
