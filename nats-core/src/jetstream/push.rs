//! Consumers that push their messages.

use std::fmt;

use super::consume::{ConsumeEvents, Messages};
use super::consumer::ConsumerInfo;
use super::context::JetStream;
use super::pushing::Pushing;
use crate::client::subscription::{SubscribeOptions, Subscription};
use crate::error::{Code, Error, Result};

/// A consumer that pushes its messages to a subject. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Push {
    pub(super) js: JetStream,
    pub(super) stream: String,
    pub(super) consumer: String,
    /// How it was when it was looked at.
    info: ConsumerInfo,
}

/// How pushed messages are taken.
#[derive(Clone, Default)]
pub struct PushOptions {
    /// How many messages may wait to be taken; 0: without bound; None: as the connection's options
    /// say. What comes beyond is dropped, and delivered again when it is to be acknowledged. With
    /// flow control the server does not push so far ahead.
    pub pending_messages: Option<usize>,
    /// How many bytes may.
    pub pending_bytes: Option<usize>,
    /// Told of what happens.
    pub events: Option<ConsumeEvents>,
}

impl fmt::Debug for PushOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushOptions")
            .field("pending_messages", &self.pending_messages)
            .field("pending_bytes", &self.pending_bytes)
            .finish_non_exhaustive()
    }
}

impl JetStream {
    /// A consumer that exists and pushes, to take its messages.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for one that is pulled from, or that somebody listens to while it has
    /// no `deliver_group`: both would get each message; those of [`JetStream::consumer_info`].
    pub async fn push(&self, stream: &str, consumer: &str) -> Result<Push> {
        let info = self.consumer_info(stream, consumer).await?;
        let bad = |text: &str| {
            let text = format!("consumer {stream}.{consumer}: {text}");
            Err(Error::new(Code::InvalidArgument, text))
        };
        if info.config.deliver_subject.is_empty() {
            return bad("expected one that pushes, with a deliver_subject");
        }
        if info.push_bound && info.config.deliver_group.is_empty() {
            return bad("somebody listens to it already; a deliver_group shares the messages");
        }
        let (stream, consumer) = (stream.to_owned(), consumer.to_owned());
        Ok(Push { js: self.clone(), stream, consumer, info })
    }
}

impl Push {
    /// Takes messages without end. What happens meanwhile is told by
    /// [`Event::Consumer`](crate::Event), too.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] outside a tokio runtime; those of [`crate::Client::subscribe`].
    pub fn messages(&self, options: &PushOptions) -> Result<Messages> {
        let (subscription, source) = Pushing::start(self, options)?;
        Ok(Messages::new(subscription, source))
    }

    /// The same as a subscription: with an end reason of its own when the consumer or the stream was
    /// deleted, as [`Messages::next`] says.
    ///
    /// # Errors
    /// As [`Push::messages`].
    pub fn subscribe(&self, options: &PushOptions) -> Result<Subscription> {
        Ok(Pushing::start(self, options)?.0)
    }

    /// The consumer as it is now.
    ///
    /// # Errors
    /// As [`JetStream::consumer_info`].
    pub async fn info(&self) -> Result<ConsumerInfo> {
        self.js.consumer_info(&self.stream, &self.consumer).await
    }

    /// The consumer as it was when it was looked at.
    pub fn cached_info(&self) -> &ConsumerInfo {
        &self.info
    }

    /// Stream and consumer, for errors.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.stream, self.consumer)
    }
}

impl PushOptions {
    /// Of the subscription to where the messages are pushed.
    pub(super) fn subscribe(&self, group: &str) -> SubscribeOptions {
        SubscribeOptions {
            queue: Some(group.to_owned()).filter(|group| !group.is_empty()),
            pending_messages: self.pending_messages,
            pending_bytes: self.pending_bytes,
            ..SubscribeOptions::default()
        }
    }
}
