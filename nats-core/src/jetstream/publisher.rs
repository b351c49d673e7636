//! Publishing without waiting for each acknowledgement.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, broadcast};

use super::context::JetStream;
use super::pub_ack::PubAck;
use super::publish::PublishOptions;
use super::window::{Due, Holder, Kept, MOST, Outcome, Terms, Window};
use crate::client::handle::Client;
use crate::client::publish::Publish;
use crate::client::subscription::{SubscribeOptions, Subscription};
use crate::conn::event::Event;
use crate::conn::nuid::{parse_base62, push_base62};
use crate::conn::shared::lock;
use crate::conn::wakes::wake_all;
use crate::error::{Code, Error, Result};

/// How long acknowledgements may lie before the publisher's own task looks at them: whoever waits for
/// room looks himself, and sooner.
const LAZY: Duration = Duration::from_millis(1);

/// Told of a message that nobody waits for and that was not stored: its subject, and why. On whatever
/// thread notices it: it must return at once.
pub type PublishFailed = Arc<dyn Fn(&str, &Error) + Send + Sync>;

/// How many messages may be under way, and for how long.
#[derive(Clone)]
pub struct PublisherOptions {
    /// How many messages may wait for their acknowledgement. Default 4000.
    pub window: usize,
    /// How many bytes of payloads may; 0: no limit. Default 64 MiB. A single message may be larger.
    pub window_bytes: usize,
    /// How long to wait for room in the window. Default 200 ms.
    pub stall: Duration,
    /// How long to wait for an acknowledgement. None: the context's timeout.
    pub ack_timeout: Option<Duration>,
    /// Told of messages that nobody waits for and that were not stored.
    pub on_failure: Option<PublishFailed>,
}

impl Default for PublisherOptions {
    fn default() -> Self {
        PublisherOptions {
            window: 4000,
            window_bytes: 64 << 20,
            stall: Duration::from_millis(200),
            ack_timeout: None,
            on_failure: None,
        }
    }
}

impl fmt::Debug for PublisherOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublisherOptions")
            .field("window", &self.window)
            .field("window_bytes", &self.window_bytes)
            .field("stall", &self.stall)
            .field("ack_timeout", &self.ack_timeout)
            .finish_non_exhaustive()
    }
}

/// Publishes to streams with many messages under way at once. Cheap to clone. Messages under way when
/// the last handle and the last [`PendingAck`] are dropped are still published.
#[derive(Clone)]
pub struct Publisher {
    handle: Arc<Handle>,
}

/// Ends the publisher's task when nobody holds it any more.
struct Handle(Arc<Inner>);

struct Inner {
    client: Client,
    options: PublisherOptions,
    ack_timeout: Duration,
    /// What acknowledgements come by.
    acks: Subscription,
    /// The subject of acknowledgements but for the token.
    inbox: String,
    window: Mutex<Window>,
    /// There is something for the publisher's task to look at.
    changed: Notify,
}

/// The acknowledgement that a message will get. Dropped, the message counts as one that nobody waits
/// for.
pub struct PendingAck {
    handle: Arc<Handle>,
    token: u64,
    over: bool,
}

/// A slot for a message that is about to be published.
struct Reserved {
    inner: Arc<Inner>,
    token: u64,
    reply: String,
    published: bool,
}

impl JetStream {
    /// A publisher. It has an inbox and a task of its own: keep one, rather than making one for each
    /// message.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`], also outside a tokio runtime; those of [`Client::subscribe`].
    pub fn publisher(&self, options: &PublisherOptions) -> Result<Publisher> {
        let bad = |text: &'static str| Err(Error::new(Code::InvalidArgument, text));
        if options.window == 0 || options.window > MOST {
            return bad("window: expected 1 to 16777216");
        }
        let ack_timeout = options.ack_timeout.unwrap_or(self.way.timeout);
        if ack_timeout.is_zero() {
            return bad("ack_timeout: expected more than zero");
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return bad("a publisher needs a tokio runtime");
        };
        let client = self.client.clone();
        let inbox = client.new_inbox()? + ".";
        // The window is the bound.
        let unbounded = SubscribeOptions {
            pending_messages: Some(0),
            pending_bytes: Some(0),
            ..SubscribeOptions::default()
        };
        let acks = client.subscribe_with(&format!("{inbox}*"), &unbounded)?;
        let lost = Box::pin(client.watch_failure(acks.subject())?);
        let events = client.events();
        let inner = Arc::new(Inner {
            client,
            options: options.clone(),
            ack_timeout,
            acks,
            inbox,
            window: Mutex::default(),
            changed: Notify::new(),
        });
        let task = Task { inner: Arc::clone(&inner), lost, events };
        runtime.spawn(task.run());
        Ok(Publisher { handle: Arc::new(Handle(inner)) })
    }
}

impl Publisher {
    /// Publishes a message; what the stream says of it can be awaited.
    ///
    /// # Errors
    /// As [`Publisher::publish_with`].
    pub async fn publish(&self, subject: &str, payload: impl AsRef<[u8]>) -> Result<PendingAck> {
        let publish = Publish::new(subject, payload.as_ref());
        self.publish_with(&publish, &PublishOptions::default()).await
    }

    /// Publishes a message, with what is expected of the stream; what the stream says of it can be
    /// awaited. Waits for room in the window. The message's own reply subject, and `timeout` of the
    /// options, are not used. A message that no stream has answered is published again, behind those
    /// that were published meanwhile.
    ///
    /// # Errors
    /// [`Code::PublisherStalled`] when the window is full for longer than `stall`; those of
    /// [`Client::publish_with`]; [`Code::InvalidArgument`], [`Code::InvalidHeader`] for the options.
    /// Nothing was published then.
    pub async fn publish_with(
        &self,
        publish: &Publish<'_>,
        options: &PublishOptions,
    ) -> Result<PendingAck> {
        let token = self.send(publish, options, || Holder::Waiter(None)).await?;
        Ok(PendingAck { handle: Arc::clone(&self.handle), token, over: false })
    }

    /// [`Publisher::publish_now`], waiting for room in the window and in the outbound buffer.
    ///
    /// # Errors
    /// As [`Publisher::publish_with`].
    pub async fn publish_told(
        &self,
        publish: &Publish<'_>,
        options: &PublishOptions,
        token: Option<u64>,
    ) -> Result<()> {
        self.send(publish, options, || token.map_or(Holder::Nobody, Holder::Token)).await.map(drop)
    }

    async fn send(
        &self,
        publish: &Publish<'_>,
        options: &PublishOptions,
        holder: impl Fn() -> Holder,
    ) -> Result<u64> {
        let inner = &self.handle.0;
        let headers = options.headers(publish.headers)?;
        let publish = &Publish { headers: headers.as_ref().or(publish.headers), ..*publish };
        let mut reserved = loop {
            if let Some(reserved) = inner.reserve(publish, options, holder()) {
                break reserved;
            }
            self.room().await?;
        };
        let sent = Publish { reply: Some(&reserved.reply), ..*publish };
        inner.client.publish_with(&sent).await?;
        reserved.published = true;
        Ok(reserved.token)
    }

    /// Publishes a message without ever waiting. With a `token` what becomes of it is among the
    /// [`Publisher::outcomes`]; without one nobody is told, unless it is not stored: then
    /// `on_failure` and [`Publisher::complete`] are.
    ///
    /// # Errors
    /// [`Code::PublisherStalled`] when the window is full; [`Code::OutboundFull`]; otherwise as
    /// [`Publisher::publish_with`].
    pub fn publish_now(
        &self,
        publish: &Publish<'_>,
        options: &PublishOptions,
        token: Option<u64>,
    ) -> Result<()> {
        let inner = &self.handle.0;
        let headers = options.headers(publish.headers)?;
        let publish = &Publish { headers: headers.as_ref().or(publish.headers), ..*publish };
        let holder = || token.map_or(Holder::Nobody, Holder::Token);
        let reserved = inner.reserve(publish, options, holder()).or_else(|| {
            inner.look(Waker::noop());
            inner.reserve(publish, options, holder())
        });
        let Some(mut reserved) = reserved else { return Err(Code::PublisherStalled.into()) };
        let sent = Publish { reply: Some(&reserved.reply), ..*publish };
        inner.client.publish_now(&sent)?;
        reserved.published = true;
        Ok(())
    }

    /// Waits until there is room in the window, for at most `stall`.
    ///
    /// # Errors
    /// [`Code::PublisherStalled`]; [`Code::ConnectionClosed`].
    pub async fn room(&self) -> Result<()> {
        let inner = &self.handle.0;
        let stall = inner.options.stall;
        let room = inner.until(|window| inner.has_room(window).then_some(()));
        tokio::time::timeout(stall, room).await.unwrap_or_else(|_| {
            let text = format!("the window is full for {} ms", stall.as_millis());
            Err(Error::new(Code::PublisherStalled, text))
        })
    }

    /// Waits until it is known of every message what became of it.
    ///
    /// # Errors
    /// The first one of the messages that nobody waited for and that were not stored since the last
    /// call, with their number; [`Code::Timeout`]; [`Code::ConnectionClosed`].
    pub async fn complete(&self, timeout: Duration) -> Result<()> {
        let inner = &self.handle.0;
        let all = inner.until(|window| (window.in_flight == 0).then_some(()));
        let done = tokio::time::timeout(timeout, all).await.unwrap_or_else(|_| {
            let left = lock(&inner.window).in_flight;
            Err(Error::new(Code::Timeout, format!("{left} messages are not acknowledged yet")))
        });
        let (failed, failure) = {
            let mut window = lock(&inner.window);
            (std::mem::take(&mut window.failed), window.failure.take())
        };
        match failure {
            Some(first) => Err(first.context(format_args!("{failed} messages were not stored"))),
            None => done,
        }
    }

    /// What became of messages with a token, at most `max` of them: those that are known by now.
    pub fn outcomes(&self, max: usize) -> Vec<Outcome> {
        let inner = &self.handle.0;
        inner.look(Waker::noop());
        let mut window = lock(&inner.window);
        let count = max.min(window.outcomes.len());
        window.outcomes.drain(..count).collect()
    }

    /// How many [`Publisher::outcomes`] are known and not taken.
    pub fn known(&self) -> usize {
        lock(&self.handle.0.window).outcomes.len()
    }

    /// Ready once there are [`Publisher::outcomes`]; otherwise the waker is kept.
    pub fn poll_outcomes(&self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.handle.0.poll_until(cx, &|window| (!window.outcomes.is_empty()).then_some(()))
    }

    /// How many messages wait for their acknowledgement.
    pub fn in_flight(&self) -> usize {
        lock(&self.handle.0.window).in_flight
    }

    /// The connection.
    pub fn client(&self) -> &Client {
        &self.handle.0.client
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("in_flight", &self.in_flight()).finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.changed.notify_one();
        // What is still buffered is published; its acknowledgements find nobody.
        let _ = self.0.acks.unsubscribe();
    }
}

impl Future for PendingAck {
    type Output = Result<PubAck>;

    /// What the stream says: errors are those of [`JetStream::publish_with`].
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<PubAck>> {
        let pending = &mut *self;
        if pending.over {
            return Poll::Ready(Err(Error::new(Code::Internal, "polled after the end")));
        }
        match lock(&pending.handle.0.window).poll(pending.token, cx.waker()) {
            None => Poll::Pending,
            Some(result) => {
                pending.over = true;
                Poll::Ready(result.and_then(|stored| stored.ack()))
            }
        }
    }
}

impl Drop for PendingAck {
    fn drop(&mut self) {
        if !self.over {
            self.handle.0.forget(self.token, true);
        }
    }
}

impl fmt::Debug for PendingAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingAck").finish_non_exhaustive()
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.published {
            self.inner.forget(self.token, false);
        }
    }
}

impl Inner {
    fn has_room(&self, window: &Window) -> bool {
        let PublisherOptions { window: most, window_bytes: bytes, .. } = self.options;
        let known = window.in_flight + window.outcomes.len();
        known < most && (bytes == 0 || window.bytes < bytes)
    }

    /// A slot for the message, if there is room.
    fn reserve(
        self: &Arc<Self>,
        publish: &Publish<'_>,
        options: &PublishOptions,
        holder: Holder,
    ) -> Option<Reserved> {
        let terms = Terms {
            deadline: crate::client::after(self.ack_timeout),
            retries: options.retries,
            retry_wait: options.retry_wait,
        };
        let mut window = lock(&self.window);
        if !self.has_room(&window) {
            return None;
        }
        let token = window.open(publish, &terms, holder);
        let armed = std::mem::replace(&mut window.armed, true);
        drop(window);
        if !armed {
            self.changed.notify_one();
        }
        Some(Reserved {
            inner: Arc::clone(self),
            reply: self.reply(token),
            token,
            published: false,
        })
    }

    fn reply(&self, token: u64) -> String {
        let mut reply = String::with_capacity(self.inbox.len() + 11);
        reply.push_str(&self.inbox);
        push_base62(&mut reply, token);
        reply
    }

    fn forget(&self, token: u64, published: bool) {
        let mut due = Due::default();
        lock(&self.window).forget(token, published, &mut due);
        self.settle(due);
    }

    /// Looks at the acknowledgements that have come, for whoever has this waker.
    fn look(&self, own: &Waker) {
        while let Some(taken) = self.acks.mailbox().take(usize::MAX) {
            let mut due = Due::default();
            let mut window = lock(&self.window);
            let retrying = window.retrying;
            for said in taken.run {
                let token = said.view().subject().get(self.inbox.len()..).and_then(parse_base62);
                if let Some(token) = token {
                    window.settle(token, said, &mut due);
                }
            }
            let changed = window.retrying != retrying;
            drop(window);
            if changed {
                self.changed.notify_one();
            }
            due.wakers.retain(|waker| !waker.will_wake(own));
            self.settle(due);
        }
    }

    /// Does what was left to be done without the lock.
    fn settle(&self, due: Due) {
        wake_all(due.wakers);
        if let Some(told) = &self.options.on_failure {
            for failure in due.failures {
                told(&failure.subject, &failure.error);
            }
        }
    }

    fn fail(&self, which: impl Fn(&Kept, Instant) -> Option<Error>) {
        let mut due = Due::default();
        lock(&self.window).fail(&mut due, which);
        self.settle(due);
    }

    /// Waits until `found` finds something in the window.
    async fn until<T>(&self, found: impl Fn(&Window) -> Option<T>) -> Result<T> {
        poll_fn(|cx| self.poll_until(cx, &found)).await
    }

    fn poll_until<T>(
        &self,
        cx: &mut Context<'_>,
        found: &impl Fn(&Window) -> Option<T>,
    ) -> Poll<Result<T>> {
        loop {
            self.look(cx.waker());
            {
                let mut window = lock(&self.window);
                if let Some(found) = found(&window) {
                    return Poll::Ready(Ok(found));
                }
                window.register(cx.waker());
            }
            match self.acks.poll_ready(cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => {
                    let reason = self.end_reason();
                    self.fail(|_, _| Some(reason.clone()));
                    return Poll::Ready(found(&lock(&self.window)).ok_or(reason));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn end_reason(&self) -> Error {
        self.acks.end_reason().unwrap_or_else(|| Code::ConnectionClosed.into())
    }
}

/// Looks at acknowledgements when nobody else does, and at deadlines.
struct Task {
    inner: Arc<Inner>,
    /// Ends when the socket is lost.
    lost: Pin<Box<dyn Future<Output = Error> + Send>>,
    /// Tells of publishes that were denied.
    events: broadcast::Receiver<Event>,
}

enum Woken {
    Acks,
    Changed,
    Lost(Error),
    Told(Event),
    Over(Error),
}

impl Task {
    async fn run(mut self) {
        let mut next = None;
        loop {
            let woken = match next {
                Some(next) => tokio::time::timeout_at(Instant::into(next), self.woken()).await.ok(),
                None => Some(self.woken().await),
            };
            match woken {
                Some(Woken::Acks) => {
                    if lock(&self.inner.window).awaited == 0 {
                        tokio::time::sleep(LAZY).await;
                    }
                    self.inner.look(Waker::noop());
                }
                Some(Woken::Told(Event::ServerError(error)))
                    if error.code() == Code::Permission =>
                {
                    let denied = error.text().split('"').nth(1).unwrap_or_default().to_owned();
                    self.inner.fail(|kept, _| (kept.subject == denied).then(|| error.clone()));
                }
                Some(Woken::Lost(error)) => {
                    self.inner.look(Waker::noop());
                    self.inner.fail(|_, _| Some(error.clone()));
                    match self.inner.client.watch_failure(self.inner.acks.subject()) {
                        Ok(lost) => self.lost = Box::pin(lost),
                        Err(_) => return,
                    }
                }
                Some(Woken::Over(error)) => return self.inner.fail(|_, _| Some(error.clone())),
                Some(Woken::Changed) => next = self.next(),
                Some(Woken::Told(_)) => {}
                None => {
                    self.due();
                    next = self.next();
                }
            }
        }
    }

    /// The next deadline. Later messages have later ones.
    fn next(&self) -> Option<Instant> {
        let mut window = lock(&self.inner.window);
        let next = window.next_due();
        window.armed = next.is_some();
        next
    }

    async fn woken(&mut self) -> Woken {
        let Task { inner, lost, events } = self;
        let mut changed = pin!(inner.changed.notified());
        let mut told = pin!(events.recv());
        poll_fn(|cx| {
            if let Poll::Ready(more) = inner.acks.poll_ready(cx) {
                return Poll::Ready(if more {
                    Woken::Acks
                } else {
                    Woken::Over(inner.end_reason())
                });
            }
            if changed.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Woken::Changed);
            }
            if let Poll::Ready(Ok(event)) = told.as_mut().poll(cx) {
                return Poll::Ready(Woken::Told(event));
            }
            lost.as_mut().poll(cx).map(Woken::Lost)
        })
        .await
    }

    /// Ends what has waited long enough, and publishes again what no stream has answered.
    fn due(&self) {
        let inner = &self.inner;
        inner.look(Waker::noop());
        let now = Instant::now();
        let millis = inner.ack_timeout.as_millis();
        inner.fail(|kept, deadline| {
            let text = || format!("no acknowledgement of \"{}\" within {millis} ms", kept.subject);
            (deadline <= now).then(|| Error::new(Code::Timeout, text()))
        });
        let mut due = Due::default();
        lock(&inner.window).retry(now, &mut due, |kept, token| {
            let reply = inner.reply(token);
            let publish = Publish::new(&kept.subject, &kept.payload).reply(&reply);
            inner.client.publish_now(&Publish { headers: kept.headers.as_ref(), ..publish })
        });
        inner.settle(due);
    }
}
