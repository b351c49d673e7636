//! Publishing with the acknowledgement of the stream that stores the message.

use std::time::Duration;

use super::context::JetStream;
use super::level;
use super::pub_ack::{PubAck, acknowledged};
use crate::client::publish::Publish;
use crate::client::request::Request;
use crate::error::{Code, Error, Result};
use crate::proto::Headers;

/// What is expected of the stream, and how hard to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishOptions {
    /// An id by which the stream knows a message that it has already, within its `duplicate_window`.
    pub msg_id: Option<String>,
    /// The stream that is to store it.
    pub expected_stream: Option<String>,
    /// The sequence that the stream's last message is to have.
    pub expected_last_sequence: Option<u64>,
    /// The id that it is to have.
    pub expected_last_msg_id: Option<String>,
    /// The sequence that the last message of the subject is to have; 0: there is to be none.
    pub expected_last_subject_sequence: Option<u64>,
    /// The subject that is meant, wildcards allowed, when it is another one (server 2.11).
    pub expected_last_subject: Option<String>,
    /// How long the stream keeps it, in whole seconds (ADR-43, server 2.11).
    pub ttl: Option<Duration>,
    /// How often to try again when no stream answers, which is so while it has no leader (ADR-22).
    /// Default 2.
    pub retries: u32,
    /// How long to wait before. Default 250 ms.
    pub retry_wait: Duration,
    /// How long to wait for the acknowledgement; None: the context's timeout.
    pub timeout: Option<Duration>,
}

impl Default for PublishOptions {
    fn default() -> Self {
        PublishOptions {
            msg_id: None,
            expected_stream: None,
            expected_last_sequence: None,
            expected_last_msg_id: None,
            expected_last_subject_sequence: None,
            expected_last_subject: None,
            ttl: None,
            retries: 2,
            retry_wait: Duration::from_millis(250),
            timeout: None,
        }
    }
}

impl PublishOptions {
    /// The headers that say it, beside those of the message; None: there is nothing to say.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`], [`Code::InvalidHeader`].
    pub fn headers(&self, own: Option<&Headers>) -> Result<Option<Headers>> {
        let PublishOptions { msg_id, expected_stream, expected_last_msg_id, ttl, .. } = self;
        let texts = [msg_id, expected_stream, expected_last_msg_id, &self.expected_last_subject];
        let numbers = [self.expected_last_sequence, self.expected_last_subject_sequence];
        if texts.iter().all(|text| text.is_none()) && numbers == [None, None] && ttl.is_none() {
            return Ok(None);
        }
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        let said = [
            ("Nats-Msg-Id", self.msg_id.clone()),
            ("Nats-Expected-Stream", self.expected_stream.clone()),
            ("Nats-Expected-Last-Sequence", number(self.expected_last_sequence)),
            ("Nats-Expected-Last-Msg-Id", self.expected_last_msg_id.clone()),
            ("Nats-Expected-Last-Subject-Sequence", number(self.expected_last_subject_sequence)),
            ("Nats-Expected-Last-Subject-Sequence-Subject", self.expected_last_subject.clone()),
            ("Nats-TTL", self.ttl.map(|ttl| format!("{}s", ttl.as_secs()))),
        ];
        if self.ttl.is_some_and(|ttl| ttl.is_zero() || ttl.subsec_nanos() != 0) {
            let text = "ttl: expected whole seconds, at least one";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        let mut headers = own.cloned().unwrap_or_default();
        for (name, value) in said {
            if let Some(value) = value {
                headers.set(name, &value)?;
            }
        }
        Ok(Some(headers))
    }
}

impl JetStream {
    /// Publishes a message and waits for the stream to have stored it.
    ///
    /// # Errors
    /// As [`JetStream::publish_with`].
    pub async fn publish(&self, subject: &str, payload: impl AsRef<[u8]>) -> Result<PubAck> {
        let publish = Publish::new(subject, payload.as_ref());
        self.publish_with(&publish, &PublishOptions::default()).await
    }

    /// Publishes a message, with what is expected of the stream, and waits for the stream to have
    /// stored it. The message's own reply subject is not used.
    ///
    /// # Errors
    /// Not stored: [`Code::NoResponders`] when no stream has the subject;
    /// [`Code::WrongLastSequence`], [`Code::JetStream`] when the stream refuses; [`Code::Unsupported`]
    /// when the server does not know what is expected;
    /// [`Code::InvalidSubject`], [`Code::InvalidHeader`], [`Code::InvalidArgument`],
    /// [`Code::MaxPayload`], [`Code::Permission`], [`Code::ConnectionClosed`]. Stored or not, nobody
    /// knows: [`Code::Timeout`], [`Code::ConnectionLost`], and [`Code::Protocol`] for an answer that is
    /// none; with a `msg_id` it can be published again.
    pub async fn publish_with(
        &self,
        publish: &Publish<'_>,
        options: &PublishOptions,
    ) -> Result<PubAck> {
        level::of_publish(options, &self.client)?;
        let said = options.headers(publish.headers)?;
        let mut request = Request::new(publish.subject, publish.payload)
            .timeout(options.timeout.unwrap_or(self.way.timeout));
        request.headers = said.as_ref().or(publish.headers);
        let mut left = options.retries;
        loop {
            match self.client.request_with(&request).await {
                Ok(answer) => return acknowledged(publish.subject, answer.payload()),
                Err(error) if error.code() == Code::NoResponders && left > 0 => {
                    left -= 1;
                    tokio::time::sleep(options.retry_wait).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_goes_into_headers() {
        let options = PublishOptions {
            msg_id: Some("1".into()),
            expected_last_subject_sequence: Some(0),
            ttl: Some(Duration::from_secs(90)),
            ..PublishOptions::default()
        };
        let mut own = Headers::new();
        own.set("Own", "yes").unwrap();
        let headers = options.headers(Some(&own)).unwrap().unwrap();
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(
            all,
            [
                ("Own", "yes"),
                ("Nats-Msg-Id", "1"),
                ("Nats-Expected-Last-Subject-Sequence", "0"),
                ("Nats-TTL", "90s"),
            ]
        );
        assert!(PublishOptions::default().headers(Some(&own)).unwrap().is_none());
        let bad = PublishOptions { msg_id: Some("a\r\nb".into()), ..PublishOptions::default() };
        assert_eq!(bad.headers(None).unwrap_err().code(), Code::InvalidHeader);
    }
}
