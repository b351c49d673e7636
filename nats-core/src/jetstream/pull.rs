//! Taking messages by asking for them (ADR-37).

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::ack::JsMessage;
use super::api::json;
use super::config::{is_default, nanos};
use super::consumer::ConsumerInfo;
use super::context::JetStream;
use super::level;
use super::name::check;
use super::status::{self, Said};
use crate::client::handle::Client;
use crate::client::message::{Batch, MessageRef};
use crate::client::publish::Publish;
use crate::client::subscription::{SubscribeOptions, Subscription};
use crate::error::{Code, Error, Result};
use crate::proto::message::Run;

/// How much longer than the server the client waits for a request to end.
const GRACE: Duration = Duration::from_secs(1);
/// From this time on a request has heartbeats unless the program says otherwise.
const LONG: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(5);

/// A consumer that messages are pulled from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pull {
    js: JetStream,
    /// Where requests go.
    subject: String,
    stream: String,
    consumer: String,
}

/// How many messages are asked for, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOptions {
    /// The most messages. Default 100.
    pub max_messages: usize,
    /// The most bytes; 0: no limit. With it, `max_messages` may be large.
    pub max_bytes: usize,
    /// How long to wait for them. Default 30 s.
    pub expires: Duration,
    /// Take what is there and do not wait for more.
    pub no_wait: bool,
    /// How often the server says that it is there. Default 5 s for what takes 10 s or more; zero:
    /// never.
    pub heartbeat: Option<Duration>,
    /// The group to belong to (ADR-42, server 2.11).
    pub group: String,
    /// Only when so many messages wait.
    pub min_pending: u64,
    /// Only when so many messages wait for their acknowledgement.
    pub min_ack_pending: u64,
    /// Behind those with a smaller number, 0 to 9 (server 2.12).
    pub priority: u8,
    /// The id that the server has given to a pinned client.
    pub id: String,
}

impl Default for FetchOptions {
    fn default() -> Self {
        FetchOptions {
            max_messages: 100,
            max_bytes: 0,
            expires: Duration::from_secs(30),
            no_wait: false,
            heartbeat: None,
            group: String::new(),
            min_pending: 0,
            min_ack_pending: 0,
            priority: 0,
            id: String::new(),
        }
    }
}

/// A request for messages, as the server reads it.
#[derive(Default, Serialize)]
pub(super) struct Ask<'a> {
    pub(super) batch: usize,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) max_bytes: usize,
    #[serde(with = "nanos", skip_serializing_if = "is_default")]
    pub(super) expires: Duration,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) no_wait: bool,
    #[serde(with = "nanos", skip_serializing_if = "is_default")]
    pub(super) idle_heartbeat: Duration,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) group: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) min_pending: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) min_ack_pending: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) priority: u8,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) id: &'a str,
}

impl JetStream {
    /// The consumer of a stream, to pull messages from. Whether there is one shows when it is asked.
    ///
    /// # Errors
    /// [`Code::InvalidName`].
    pub fn pull(&self, stream: &str, consumer: &str) -> Result<Pull> {
        check("stream", stream)?;
        check("consumer", consumer)?;
        let subject = format!("{}CONSUMER.MSG.NEXT.{stream}.{consumer}", self.way.prefix);
        let (stream, consumer) = (stream.to_owned(), consumer.to_owned());
        Ok(Pull { js: self.clone(), subject, stream, consumer })
    }
}

impl Pull {
    /// Asks for messages once. They come as they are there; dropping the result gives up those that
    /// are still under way, which are delivered again once their time to be acknowledged is over.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`]; [`Code::Unsupported`] when the server does not know what is asked
    /// for; those of [`crate::Client::subscribe`] and [`crate::Client::publish_now`].
    pub fn fetch(&self, options: &FetchOptions) -> Result<Fetch> {
        let heartbeat = checked(options)?;
        let ask = Ask {
            batch: options.max_messages,
            max_bytes: options.max_bytes,
            expires: if options.no_wait { Duration::ZERO } else { options.expires },
            no_wait: options.no_wait,
            idle_heartbeat: heartbeat,
            group: &options.group,
            min_pending: options.min_pending,
            min_ack_pending: options.min_ack_pending,
            priority: options.priority,
            id: &options.id,
        };
        let client = &self.js.client;
        let inbox = client.new_inbox()?;
        // The request is the bound.
        let unbounded = SubscribeOptions {
            pending_messages: Some(0),
            pending_bytes: Some(0),
            ..SubscribeOptions::default()
        };
        let messages = client.subscribe_with(&inbox, &unbounded)?;
        let lost = Box::pin(client.watch_failure(&self.subject)?);
        self.ask(&inbox, &ask)?;
        let wait = if options.no_wait { self.js.way.timeout } else { options.expires };
        Ok(Fetch {
            messages,
            lost,
            js: self.js.clone(),
            name: self.name(),
            left: options.max_messages,
            bytes_left: Some(options.max_bytes).filter(|bytes| *bytes > 0),
            until: crate::client::after(wait.saturating_add(GRACE)),
            heartbeat,
            heard: Instant::now(),
            end: None,
        })
    }

    /// Sends a request whose messages go to `inbox`.
    pub(super) fn ask(&self, inbox: &str, ask: &Ask<'_>) -> Result<()> {
        level::of_pull(ask, &self.js.client)?;
        let body = json(ask)?;
        self.js.client.publish_now(&Publish::new(&self.subject, &body).reply(inbox))
    }

    /// The consumer as it is.
    ///
    /// # Errors
    /// As [`JetStream::consumer_info`].
    pub async fn info(&self) -> Result<ConsumerInfo> {
        self.js.consumer_info(&self.stream, &self.consumer).await
    }

    pub(super) fn client(&self) -> &Client {
        &self.js.client
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// Stream and consumer, for errors.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.stream, self.consumer)
    }

    /// The next message; None: there was none in this time.
    ///
    /// # Errors
    /// As [`Pull::fetch`] and [`Fetch::next`].
    pub async fn next(&self, expires: Duration) -> Result<Option<JsMessage>> {
        let options = FetchOptions { max_messages: 1, expires, ..FetchOptions::default() };
        self.fetch(&options)?.next().await
    }
}

/// Checks the options; the heartbeat.
fn checked(options: &FetchOptions) -> Result<Duration> {
    let bad = |text: &'static str| Err(Error::new(Code::InvalidArgument, text));
    if options.max_messages == 0 {
        return bad("max_messages: expected at least 1");
    }
    if options.expires.is_zero() && !options.no_wait {
        return bad("expires: expected more than zero, or no_wait");
    }
    if options.priority > 9 {
        return bad("priority: expected 0 to 9");
    }
    if options.no_wait {
        return Ok(Duration::ZERO);
    }
    let usual = if options.expires >= LONG { HEARTBEAT } else { Duration::ZERO };
    let heartbeat = options.heartbeat.unwrap_or(usual);
    if heartbeat.saturating_mul(2) > options.expires {
        return bad("heartbeat: expected at most half of expires");
    }
    Ok(heartbeat)
}

/// Messages that were asked for.
pub struct Fetch {
    messages: Subscription,
    /// Ends when the socket is lost: the request is gone with it.
    lost: Pin<Box<dyn Future<Output = Error> + Send>>,
    js: JetStream,
    /// Stream and consumer, for errors.
    name: String,
    left: usize,
    bytes_left: Option<usize>,
    until: Instant,
    heartbeat: Duration,
    /// When the server was heard last.
    heard: Instant,
    /// How it ended.
    end: Option<Result<()>>,
}

impl Fetch {
    /// The next message; None: no more will come, since all that were asked for have come, the time is
    /// over, or no more are there.
    ///
    /// # Errors
    /// The request came to an end before: [`Code::ConsumerNotFound`] when the consumer was deleted,
    /// [`Code::PullRefused`] with what the server said, for example that the leader has changed,
    /// [`Code::HeartbeatMissed`], [`Code::NoResponders`] when there is no such consumer,
    /// [`Code::ConnectionLost`], [`Code::ConnectionClosed`], [`Code::Permission`]. What came before is
    /// handed out first.
    pub async fn next(&mut self) -> Result<Option<JsMessage>> {
        let message = self.next_batch(1).await?.and_then(|mut batch| batch.next());
        Ok(message.map(|message| JsMessage::new(message, &self.js.client)))
    }

    /// The next messages, up to `max` and at least one, that came together; None and errors as
    /// [`Fetch::next`].
    ///
    /// # Errors
    /// As [`Fetch::next`].
    pub async fn next_batch(&mut self, max: usize) -> Result<Option<Batch>> {
        loop {
            if let Some(batch) = self.take(max) {
                return Ok(Some(batch));
            }
            if let Some(end) = &self.end {
                return end.clone().map(|()| None);
            }
            self.wait().await;
        }
    }

    /// All messages that come, until the request is over, as they came together.
    ///
    /// # Errors
    /// As [`Fetch::all`].
    pub async fn batches(mut self) -> Result<Vec<Batch>> {
        let mut all = Vec::new();
        loop {
            match self.next_batch(usize::MAX).await {
                Ok(Some(batch)) => all.push(batch),
                Ok(None) => return Ok(all),
                Err(error) if all.is_empty() => return Err(error),
                Err(_) => return Ok(all),
            }
        }
    }

    /// All messages that come, until the request is over.
    ///
    /// # Errors
    /// As [`Fetch::next`], unless messages have come: those are returned then.
    pub async fn all(self) -> Result<Vec<JsMessage>> {
        let client = self.js.client.clone();
        let batches = self.batches().await?;
        Ok(batches.into_iter().flatten().map(|message| JsMessage::new(message, &client)).collect())
    }

    /// What has come; what the server says meanwhile is heeded.
    fn take(&mut self, max: usize) -> Option<Batch> {
        while let Some((taken, says)) = status::take_alike(self.messages.mailbox(), max) {
            self.heard = Instant::now();
            if !says {
                self.count(&taken.run);
                return Some(Batch::new(taken, self.js.client.shared()));
            }
            for index in 0..taken.run.len() {
                match status::of(&self.name, MessageRef::of(taken.run.view(index))) {
                    Said::Alive => {}
                    Said::Over(_) => self.finish(Ok(())),
                    Said::Again(error) | Said::Never(error) => self.finish(Err(error)),
                }
            }
        }
        None
    }

    fn count(&mut self, run: &Run) {
        self.left = self.left.saturating_sub(run.len());
        if let Some(bytes) = &mut self.bytes_left {
            *bytes = bytes.saturating_sub(run.size());
        }
        if self.left == 0 {
            self.finish(Ok(()));
        }
    }

    /// No more messages are waited for.
    fn finish(&mut self, end: Result<()>) {
        self.end.get_or_insert(end);
    }

    /// Waits until there is something to look at.
    async fn wait(&mut self) {
        let silent = self.heartbeat.saturating_mul(2);
        let by = match self.heartbeat.is_zero() {
            true => self.until,
            false => self.until.min(self.heard + silent),
        };
        let Fetch { messages, lost, .. } = self;
        let woken = poll_fn(|cx| match messages.poll_ready(cx) {
            Poll::Ready(true) => Poll::Ready(None),
            Poll::Ready(false) => {
                let reason = messages.end_reason();
                Poll::Ready(Some(reason.unwrap_or_else(|| Code::SubscriptionClosed.into())))
            }
            Poll::Pending => lost.as_mut().poll(cx).map(Some),
        });
        match tokio::time::timeout_at(by.into(), woken).await {
            Ok(None) => {}
            Ok(Some(reason)) => self.finish(Err(reason)),
            Err(_) if by < self.until => {
                let text = format!("{}: nothing for {} ms", self.name, silent.as_millis());
                self.finish(Err(Error::new(Code::HeartbeatMissed, text)));
            }
            Err(_) => self.finish(Ok(())),
        }
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fetch { name, left, end, .. } = self;
        let mut shown = f.debug_struct("Fetch");
        shown.field("consumer", name).field("left", left).field("end", end).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_make_no_sense_are_named() {
        let base = FetchOptions::default();
        let short = Duration::from_secs(1);
        for (options, part) in [
            (FetchOptions { max_messages: 0, ..base.clone() }, "max_messages"),
            (FetchOptions { expires: Duration::ZERO, ..base.clone() }, "expires"),
            (FetchOptions { priority: 10, ..base.clone() }, "priority"),
            (FetchOptions { expires: short, heartbeat: Some(short), ..base.clone() }, "heartbeat"),
        ] {
            let error = checked(&options).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.text().starts_with(part), "{error}");
        }
        assert_eq!(checked(&base).unwrap(), HEARTBEAT);
        assert!(checked(&FetchOptions { expires: short, ..base }).unwrap().is_zero());
    }
}
