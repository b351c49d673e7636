//! Groups whose members each have partitions of a stream: those of Orbit's `pcgroups` that are static.

use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use super::ack::JsMessage;
use super::api::json;
use super::config::consumer::{ConsumerConfig, DeliverPolicy, PriorityPolicy};
use super::config::stream::{Discard, StreamConfig};
use super::consume::{ConsumeOptions, Messages, Stopper};
use super::context::JetStream;
use super::name::check;
use super::ordered::OrderedOptions;
use super::partition::GroupConfig;
use super::publish::PublishOptions;
use super::stored::{GetMessage, StoredMessage};
use super::stream::InfoOptions;
use crate::client::publish::Publish;
use crate::client::subscription::{SubscribeOptions, Subscription};
use crate::conn::mailbox::Mailbox;
use crate::error::{Code, Error, Result};
use crate::proto::Headers;

/// The stream that keeps the configurations: the key-value bucket `static-consumer-groups`.
const BUCKET: &str = "KV_static-consumer-groups";
const KEYS: &str = "$KV.static-consumer-groups.";
/// The least time for a member to acknowledge a message, after which another one takes its place.
const ACK_WAIT: Duration = Duration::from_secs(6);
/// So many messages are passed on before they are taken.
const AHEAD: u64 = 64;

impl JetStream {
    /// Makes a group of a stream. One that is there with the same configuration is as good.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a configuration that makes no sense, or another one than the
    /// group has; [`Code::InvalidName`]; [`Code::StreamNotFound`]; those of
    /// [`JetStream::publish_with`].
    pub async fn create_group(
        &self,
        stream: &str,
        group: &str,
        config: &GroupConfig,
    ) -> Result<()> {
        config.check()?;
        let key = key_of(stream, group)?;
        let replicas = self.stream_info(stream).await?.config.num_replicas;
        self.create_bucket(replicas).await?;
        let (before, is_there) = match self.entry(&key).await? {
            Some(entry) if !is_deleted(&entry) => (entry.sequence, Some(read(&key, &entry)?)),
            Some(marker) => (marker.sequence, None),
            None => (0, None),
        };
        match is_there {
            Some(other) if other != *config => {
                let text = format!("group {stream}.{group}: it has another configuration");
                Err(Error::new(Code::InvalidArgument, text))
            }
            Some(_) => Ok(()),
            None => {
                let body = json(config)?;
                let expected_last_subject_sequence = Some(before);
                let options =
                    PublishOptions { expected_last_subject_sequence, ..PublishOptions::default() };
                self.publish_with(&Publish::new(&key, &body), &options).await.map(drop)
            }
        }
    }

    /// The configuration of a group.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::InvalidName`]; those of [`JetStream::get_message`].
    pub async fn group_config(&self, stream: &str, group: &str) -> Result<GroupConfig> {
        let key = key_of(stream, group)?;
        match self.entry(&key).await? {
            Some(entry) if !is_deleted(&entry) => read(&key, &entry),
            _ => {
                let text = format!("there is no group {group} of the stream {stream}");
                Err(Error::new(Code::NotFound, text))
            }
        }
    }

    /// The names of a stream's groups.
    ///
    /// # Errors
    /// [`Code::InvalidName`]; those of [`JetStream::stream_info`].
    pub async fn groups(&self, stream: &str) -> Result<Vec<String>> {
        check("stream", stream)?;
        let of_stream = format!("{KEYS}{stream}.");
        let subjects_filter = Some(format!("{of_stream}*"));
        let options = InfoOptions { subjects_filter, ..InfoOptions::default() };
        let subjects = match self.stream_info_with(BUCKET, &options).await {
            Err(error) if error.code() == Code::StreamNotFound => return Ok(Vec::new()),
            info => info?.state.subjects,
        };
        let mut names = Vec::new();
        for key in subjects.keys() {
            let exists = self.entry(key).await?.is_some_and(|entry| !is_deleted(&entry));
            names.extend(key.strip_prefix(&of_stream).filter(|_| exists).map(str::to_owned));
        }
        Ok(names)
    }

    /// Deletes a group and the consumers of its members, which end then.
    ///
    /// # Errors
    /// As [`JetStream::group_config`].
    pub async fn delete_group(&self, stream: &str, group: &str) -> Result<()> {
        let config = self.group_config(stream, group).await?;
        let mut headers = Headers::new();
        headers.set("KV-Operation", "DEL")?;
        let key = key_of(stream, group)?;
        let marker = Publish::new(&key, b"").headers(&headers);
        self.publish_with(&marker, &PublishOptions::default()).await?;
        for member in config.member_names() {
            self.delete_member(stream, group, member).await?;
        }
        Ok(())
    }

    /// The members of a group for whom somebody asks for messages.
    ///
    /// # Errors
    /// As [`JetStream::group_config`].
    pub async fn active_members(&self, stream: &str, group: &str) -> Result<Vec<String>> {
        let config = self.group_config(stream, group).await?;
        let mut active = Vec::new();
        for member in config.member_names() {
            match self.consumer_info(stream, &consumer_of(group, member)).await {
                Ok(info) if info.num_waiting > 0 => active.push(member.to_owned()),
                Err(error) if error.code() != Code::ConsumerNotFound => return Err(error),
                _ => {}
            }
        }
        Ok(active)
    }

    /// Has another program take the place of the one that gets a member's messages.
    ///
    /// # Errors
    /// As [`JetStream::unpin_consumer`].
    pub async fn step_down_member(&self, stream: &str, group: &str, member: &str) -> Result<()> {
        check("group", group)?;
        check("member", member)?;
        self.unpin_consumer(stream, &consumer_of(group, member), member).await
    }

    /// Takes the messages of a member's partitions. Of several programs that do, one gets them, and
    /// another one in its place when it has been silent for `ack_wait` of the consumer (6 s at least).
    ///
    /// The consumer is made after `template`; its name, filters and groups are the group's.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for somebody who is no member; those of [`JetStream::group_config`],
    /// [`JetStream::create_consumer`] and [`Pull::messages`](super::Pull::messages).
    pub async fn join_group(
        &self,
        stream: &str,
        group: &str,
        member: &str,
        template: &ConsumerConfig,
        options: &ConsumeOptions,
    ) -> Result<GroupMessages> {
        let config = self.group_config(stream, group).await?;
        check("member", member)?;
        let partitions = config.partitions_of(member);
        if partitions.is_empty() {
            let text = format!("{member} is no member of the group {stream}.{group}");
            return Err(Error::new(Code::InvalidArgument, text));
        }
        let ack_wait = template.ack_wait.max(ACK_WAIT);
        let consumer = ConsumerConfig {
            name: String::new(),
            durable_name: consumer_of(group, member),
            filter_subject: String::new(),
            filter_subjects: partitions.iter().map(|number| format!("{number}.>")).collect(),
            priority_groups: vec![member.to_owned()],
            priority_policy: PriorityPolicy::PinnedClient,
            priority_timeout: ack_wait,
            ack_wait,
            ..template.clone()
        };
        let watch = OrderedOptions {
            filter_subjects: vec![key_of(stream, group)?],
            deliver_policy: DeliverPolicy::LastPerSubject,
            ..OrderedOptions::default()
        };
        let changes = self.ordered(BUCKET, &watch).await?;
        let made = self.create_consumer(stream, &consumer).await?;
        // Who waits for messages says often enough that it is there.
        let options = ConsumeOptions {
            group: member.to_owned(),
            expires: options.expires.min(ack_wait / 2),
            heartbeat: options.heartbeat.map(|heartbeat| heartbeat.min(ack_wait / 4)),
            ..options.clone()
        };
        Ok(GroupMessages {
            messages: self.pull(stream, &made.name)?.messages(&options)?,
            changes,
            js: self.clone(),
            place: Place { stream: stream.into(), group: group.into(), member: member.into() },
            config,
            is_left: false,
            end: None,
        })
    }

    /// [`JetStream::join_group`] as a subscription, whose messages have the subjects that the stream
    /// has them under: with the number of the partition and a dot in front.
    ///
    /// # Errors
    /// As [`JetStream::join_group`]; [`Code::InvalidArgument`] outside a tokio runtime.
    pub async fn subscribe_group(
        &self,
        stream: &str,
        group: &str,
        member: &str,
        template: &ConsumerConfig,
        options: &ConsumeOptions,
    ) -> Result<Subscription> {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| Error::new(Code::InvalidArgument, "consuming needs a tokio runtime"))?;
        let messages = self.join_group(stream, group, member, template, options).await?;
        // Those that wait here are bound by how they are passed on.
        let unbounded = SubscribeOptions {
            pending_messages: Some(0),
            pending_bytes: Some(0),
            ..SubscribeOptions::default()
        };
        let mailbox = self.client.mailbox(&unbounded);
        let name = format!("{stream}.{}", consumer_of(group, member));
        let subscription = Subscription::fed(self.client.clone(), Arc::clone(&mailbox), &name);
        runtime.spawn(messages.pass_on(mailbox));
        Ok(subscription)
    }

    /// As the clients of key-value buckets make one.
    async fn create_bucket(&self, num_replicas: u32) -> Result<()> {
        match self.stream_info(BUCKET).await {
            Err(error) if error.code() == Code::StreamNotFound => {}
            info => return info.map(drop),
        }
        let config = StreamConfig {
            name: BUCKET.into(),
            subjects: vec![format!("{KEYS}>")],
            max_msgs_per_subject: 1,
            discard: Discard::New,
            allow_rollup_hdrs: true,
            deny_delete: true,
            allow_direct: true,
            duplicate_window: Duration::from_secs(120),
            num_replicas,
            ..StreamConfig::default()
        };
        match self.create_stream(&config).await {
            // Somebody else was faster.
            Err(error) if error.code() == Code::StreamExists => Ok(()),
            made => made.map(drop),
        }
    }

    /// The last message of a key.
    async fn entry(&self, key: &str) -> Result<Option<StoredMessage>> {
        match self.get_message(BUCKET, &GetMessage::last_of(key)).await {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if matches!(error.code(), Code::MessageNotFound | Code::StreamNotFound) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn delete_member(&self, stream: &str, group: &str, member: &str) -> Result<()> {
        match self.delete_consumer(stream, &consumer_of(group, member)).await {
            Err(error) if error.code() == Code::ConsumerNotFound => Ok(()),
            deleted => deleted,
        }
    }
}

/// The messages of a member of a group.
pub struct GroupMessages {
    messages: Messages,
    /// What becomes of the group's configuration.
    changes: Messages,
    js: JetStream,
    place: Place,
    /// The configuration with which it was joined.
    config: GroupConfig,
    /// The member's consumer is to be deleted.
    is_left: bool,
    end: Option<Result<()>>,
}

struct Place {
    stream: String,
    group: String,
    member: String,
}

/// A message of a group. Its subject is without the number of the partition.
#[derive(Debug)]
pub struct GroupMessage {
    message: JsMessage,
}

impl GroupMessage {
    /// The subject without the number of the partition.
    pub fn subject(&self) -> &str {
        let subject = self.message.subject();
        subject.split_once('.').map_or(subject, |(_, rest)| rest)
    }

    /// The number of the partition.
    pub fn partition(&self) -> Option<u32> {
        self.message.subject().split_once('.')?.0.parse().ok()
    }

    /// The message as the stream has it.
    pub fn into_message(self) -> JsMessage {
        self.message
    }
}

impl Deref for GroupMessage {
    type Target = JsMessage;

    fn deref(&self) -> &JsMessage {
        &self.message
    }
}

impl GroupMessages {
    /// The next message; None: it was stopped, or the group was deleted. It may be called again after a
    /// future of it was dropped: nothing is lost.
    ///
    /// # Errors
    /// No more messages will come: [`Code::InvalidArgument`] when the group has got another
    /// configuration; those of [`Messages::next`].
    pub async fn next(&mut self) -> Result<Option<GroupMessage>> {
        let next = poll_fn(|cx| self.poll_message(cx)).await;
        let Place { stream, group, member } = &self.place;
        if std::mem::take(&mut self.is_left) {
            // Of no use any more; whether it is there does not matter.
            let _ = self.js.delete_member(stream, group, member).await;
        }
        match next {
            Err(error) if error.code() == Code::ConsumerNotFound => {
                // Perhaps it went with its group.
                match self.js.group_config(stream, group).await {
                    Err(gone) if gone.code() == Code::NotFound => Ok(None),
                    _ => Err(error),
                }
            }
            next => next,
        }
    }

    /// What ends the messages from elsewhere. Others may take this member's place then.
    pub fn stopper(&self) -> Stopper {
        self.messages.stopper()
    }

    /// Hands the messages to `out` as long as somebody takes them.
    async fn pass_on(mut self, out: Arc<Mailbox>) {
        let end = loop {
            let next = {
                let mut next = pin!(self.next());
                poll_fn(|cx| {
                    if out.poll_ended(cx).is_ready() {
                        return Poll::Ready(None);
                    }
                    next.as_mut().poll(cx).map(Some)
                })
                .await
            };
            match next {
                Some(Ok(Some(message))) => {
                    out.deliver(message.into_message().into_message().into_run());
                    if out.stats().pending_messages >= AHEAD {
                        poll_fn(|cx| match out.poll_ended(cx) {
                            Poll::Ready(()) => Poll::Ready(()),
                            Poll::Pending => out.poll_handled(cx),
                        })
                        .await;
                    }
                }
                Some(Err(error)) => break error,
                Some(Ok(None)) | None => break Code::SubscriptionClosed.into(),
            }
        };
        out.close(end, false);
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<GroupMessage>>> {
        loop {
            if let Some(end) = &self.end {
                return Poll::Ready(end.clone().map(|()| None));
            }
            match Pin::new(&mut self.changes).poll_next(cx) {
                Poll::Ready(Some(Ok(change))) => self.heed(&change),
                Poll::Ready(Some(Err(error))) => self.end = Some(Err(error)),
                Poll::Ready(None) => self.end = Some(Ok(())),
                Poll::Pending => {
                    let next = ready!(Pin::new(&mut self.messages).poll_next(cx));
                    let next = next.transpose()?.map(|message| GroupMessage { message });
                    return Poll::Ready(Ok(next));
                }
            }
        }
    }

    /// Ends the messages when the group is gone or another one.
    fn heed(&mut self, change: &JsMessage) {
        let Place { stream, group, .. } = &self.place;
        let end = if change.header("KV-Operation").is_some() {
            Ok(())
        } else if serde_json::from_slice(change.payload()).ok().as_ref() == Some(&self.config) {
            return;
        } else {
            let text = format!("the group {stream}.{group} has got another configuration");
            Err(Error::new(Code::InvalidArgument, text))
        };
        self.changes.stopper().stop();
        self.messages.stopper().stop();
        self.is_left = true;
        self.end = Some(end);
    }
}

impl fmt::Debug for GroupMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { stream, group, member } = &self.place;
        f.debug_struct("GroupMessages")
            .field("stream", stream)
            .field("group", group)
            .field("member", member)
            .finish_non_exhaustive()
    }
}

/// The subject under which a group's configuration is kept.
fn key_of(stream: &str, group: &str) -> Result<String> {
    check("stream", stream)?;
    check("group", group)?;
    Ok(format!("{KEYS}{stream}.{group}"))
}

fn consumer_of(group: &str, member: &str) -> String {
    format!("{group}-{member}")
}

fn is_deleted(entry: &StoredMessage) -> bool {
    entry.headers().is_some_and(|headers| headers.get("KV-Operation").is_some())
}

fn read(key: &str, entry: &StoredMessage) -> Result<GroupConfig> {
    let bad = |error: serde_json::Error| Error::new(Code::InvalidJson, format!("{key}: {error}"));
    let config: GroupConfig = serde_json::from_slice(&entry.payload).map_err(bad)?;
    config.check()?;
    Ok(config)
}
