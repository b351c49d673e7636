//! Taking messages without end: requests that overlap (ADR-37), so that some are always under way.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::ack::JsMessage;
use super::pull::{Ask, Pull};
use super::status::{self, Left, Said};
use crate::client::message::Message;
use crate::client::subscription::{SubscribeOptions, Subscription};
use crate::conn::shared::State;
use crate::error::{Code, Error, Result};

/// As many as a request by bytes may bring at most.
const MANY: usize = 1_000_000;
/// The waits after requests that were refused, doubling.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What happens to messages that are taken without end, and does not end them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsumeEvent {
    /// The server was not heard for two heartbeats; it is asked anew.
    HeartbeatMissed,
    /// The server has refused a request, for example since the leader has changed; it is asked anew.
    Refused(Error),
    /// The connection was lost; the server is asked anew once there is another one.
    Disconnected(Error),
}

/// Told of what happens, on the task that takes the messages.
pub type ConsumeEvents = Arc<dyn Fn(&ConsumeEvent) + Send + Sync>;

/// How messages are taken without end.
#[derive(Clone)]
pub struct ConsumeOptions {
    /// How many messages may be under way and waiting to be taken together. Default 500.
    pub max_messages: usize,
    /// How many bytes may be; 0: as many as `max_messages` are. With it, `max_messages` does not count.
    pub max_bytes: usize,
    /// When there are no more than these, more are asked for. None: half of the above.
    pub threshold: Option<usize>,
    /// How long a request lasts. Default 30 s.
    pub expires: Duration,
    /// How often the server says that it is there. None: half of `expires`, 30 s at most.
    pub heartbeat: Option<Duration>,
    /// The group to belong to (ADR-42, server 2.11).
    pub group: String,
    /// Only when so many messages wait.
    pub min_pending: u64,
    /// Only when so many messages wait for their acknowledgement.
    pub min_ack_pending: u64,
    /// Behind those with a smaller number, 0 to 9 (server 2.12).
    pub priority: u8,
    /// Told of what happens.
    pub events: Option<ConsumeEvents>,
}

impl Default for ConsumeOptions {
    fn default() -> Self {
        ConsumeOptions {
            max_messages: 500,
            max_bytes: 0,
            threshold: None,
            expires: Duration::from_secs(30),
            heartbeat: None,
            group: String::new(),
            min_pending: 0,
            min_ack_pending: 0,
            priority: 0,
            events: None,
        }
    }
}

impl fmt::Debug for ConsumeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumeOptions")
            .field("max_messages", &self.max_messages)
            .field("max_bytes", &self.max_bytes)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl ConsumeOptions {
    /// The heartbeat and the threshold, once all is checked.
    fn checked(&self) -> Result<(Duration, usize)> {
        let bad = |text: &'static str| Err(Error::new(Code::InvalidArgument, text));
        let most = if self.max_bytes > 0 { self.max_bytes } else { self.max_messages };
        if most == 0 {
            return bad("max_messages: expected at least 1");
        }
        if self.expires < Duration::from_secs(1) {
            return bad("expires: expected at least one second");
        }
        if self.priority > 9 {
            return bad("priority: expected 0 to 9");
        }
        let heartbeat = self.heartbeat.unwrap_or((self.expires / 2).min(Duration::from_secs(30)));
        if heartbeat.is_zero() || heartbeat * 2 > self.expires {
            return bad("heartbeat: expected more than zero and at most half of expires");
        }
        let threshold = self.threshold.unwrap_or(most / 2);
        if threshold >= most {
            return bad("threshold: expected less than max_messages, or than max_bytes");
        }
        Ok((heartbeat, threshold))
    }
}

/// Messages without end. Those that it has asked for and not handed out are never more than the
/// options allow.
pub struct Messages {
    pull: Pull,
    name: String,
    options: ConsumeOptions,
    heartbeat: Duration,
    threshold: usize,
    arriving: Subscription,
    inbox: String,
    /// What was asked for and not handed out.
    asked: Left,
    /// Ends when the socket is lost: all requests are gone with it.
    lost: Pin<Box<dyn Future<Output = Error> + Send>>,
    /// When the server was heard last.
    heard: Instant,
    /// Nothing is asked before.
    pause: Option<Instant>,
    refusals: u32,
    /// What the server has given to a pinned client.
    pin: String,
    control: Arc<Control>,
    end: Option<Result<()>>,
}

/// Ends the messages from elsewhere. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stopper {
    control: Arc<Control>,
}

#[derive(Debug, Default)]
struct Control {
    wish: AtomicU8,
    changed: Notify,
}

const STOP: u8 = 1;
const DRAIN: u8 = 2;

impl Stopper {
    /// Ends the messages now. Those that have come and were not handed out are delivered again once
    /// their time to be acknowledged is over.
    pub fn stop(&self) {
        self.wish(STOP);
    }

    /// Asks for no more messages; those that have come are still handed out.
    pub fn drain(&self) {
        self.wish(DRAIN);
    }

    fn wish(&self, wish: u8) {
        self.control.wish.store(wish, Ordering::Release);
        self.control.changed.notify_one();
    }
}

/// What a wait has come to.
enum Woken {
    Arrived,
    Ended(Error),
    Lost(Error),
    Wished,
}

impl Pull {
    /// Takes messages without end. Nothing is asked before the first one is waited for, and nothing
    /// while none is.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`]; those of [`crate::Client::subscribe`].
    pub fn messages(&self, options: &ConsumeOptions) -> Result<Messages> {
        let (heartbeat, threshold) = options.checked()?;
        let client = self.client();
        let inbox = client.new_inbox()?;
        // The requests are the bound.
        let unbounded = SubscribeOptions {
            pending_messages: Some(0),
            pending_bytes: Some(0),
            ..SubscribeOptions::default()
        };
        Ok(Messages {
            arriving: client.subscribe_with(&inbox, &unbounded)?,
            lost: Box::pin(client.watch_failure(self.subject())?),
            pull: self.clone(),
            name: self.name(),
            options: options.clone(),
            heartbeat,
            threshold,
            inbox,
            asked: Left::default(),
            heard: Instant::now(),
            pause: None,
            refusals: 0,
            pin: String::new(),
            control: Arc::default(),
            end: None,
        })
    }
}

impl Messages {
    /// The next message; None: it was stopped or drained. It may be called again after a future of it
    /// was dropped: nothing is lost.
    ///
    /// # Errors
    /// No more messages will come: [`Code::ConsumerNotFound`], [`Code::StreamNotFound`] when they were
    /// deleted; [`Code::PullRefused`] with what the server said; [`Code::Permission`];
    /// [`Code::Unsupported`] when the server does not know what is asked for;
    /// [`Code::ConnectionClosed`]. What came before is handed out first.
    pub async fn next(&mut self) -> Result<Option<JsMessage>> {
        loop {
            self.obey();
            if (self.end.is_none() || self.control.wish.load(Ordering::Acquire) != STOP)
                && let Some(message) = self.take().await
            {
                return Ok(Some(message));
            }
            if let Some(end) = &self.end {
                return end.clone().map(|()| None);
            }
            self.refill();
            // What could not be asked has ended it.
            if self.end.is_none() {
                self.wait().await;
            }
        }
    }

    /// What ends the messages from elsewhere.
    pub fn stopper(&self) -> Stopper {
        Stopper { control: Arc::clone(&self.control) }
    }

    /// Does what a [`Stopper`] wishes.
    fn obey(&mut self) {
        match self.control.wish.load(Ordering::Acquire) {
            STOP => self.finish(Ok(())),
            DRAIN if self.end.is_none() => {
                // Ends it, and leaves what has come.
                let _ = self.arriving.unsubscribe_after(0);
                self.finish(Ok(()));
            }
            _ => {}
        }
    }

    /// A message of the stream that has come; what the server says meanwhile is heeded.
    async fn take(&mut self) -> Option<JsMessage> {
        while let Some(message) = self.arriving.try_next() {
            self.heard = Instant::now();
            match status::of(&self.name, &message) {
                None => {
                    self.count(&message);
                    self.refill();
                    return Some(JsMessage::new(message, self.pull.client()));
                }
                Some(Said::Alive) => {}
                Some(Said::Over(left)) => self.give_back(left),
                Some(Said::Never(error)) => self.finish(Err(error)),
                Some(Said::Again(error)) => self.refused(error).await,
            }
        }
        None
    }

    fn count(&mut self, message: &Message) {
        self.refusals = 0;
        // As the server counts: subjects, headers and payload.
        let subjects = message.subject_bytes().len() + message.reply().map_or(0, str::len);
        self.give_back(Left { messages: 1, bytes: message.size() + subjects });
        if let Some(pin) = message.header("Nats-Pin-Id").filter(|pin| *pin != self.pin) {
            self.pin = pin.to_owned();
        }
    }

    fn give_back(&mut self, Left { messages, bytes }: Left) {
        self.asked.messages = self.asked.messages.saturating_sub(messages);
        self.asked.bytes = self.asked.bytes.saturating_sub(bytes);
    }

    /// No request is under way any more: what has come is all that was asked for.
    fn begin_anew(&mut self) {
        let stats = self.arriving.stats();
        let (messages, bytes) = (stats.pending_messages as usize, stats.pending_bytes as usize);
        self.asked = Left { messages, bytes };
        self.heard = Instant::now();
    }

    async fn refused(&mut self, error: Error) {
        let nobody = error.code() == Code::NoResponders;
        self.pin.clear();
        self.tell(ConsumeEvent::Refused(error));
        self.begin_anew();
        let doubled = PAUSE.saturating_mul(1 << self.refusals.min(16)).min(LONGEST_PAUSE);
        self.refusals += 1;
        self.pause = Some(Instant::now() + doubled.mul_f64(0.5 + fastrand::f64() / 2.0));
        if nobody {
            self.look().await;
        }
    }

    /// Ends the messages when there is no such consumer any more.
    async fn look(&mut self) {
        if let Err(error) = self.pull.info().await
            && matches!(error.code(), Code::ConsumerNotFound | Code::StreamNotFound)
        {
            self.finish(Err(error));
        }
    }

    /// Asks for more when there is little left.
    fn refill(&mut self) {
        let by_bytes = self.options.max_bytes > 0;
        let there = if by_bytes { self.asked.bytes } else { self.asked.messages };
        let resting = self.pause.is_some_and(|until| Instant::now() < until);
        let connected = *self.pull.client().shared().state.borrow() == State::Connected;
        if self.end.is_some() || there > self.threshold || resting || !connected {
            return;
        }
        let more = if by_bytes {
            Left { messages: MANY, bytes: self.options.max_bytes - there }
        } else {
            Left { messages: self.options.max_messages - there, bytes: 0 }
        };
        let asked = self.pull.ask(
            &self.inbox,
            &Ask {
                batch: more.messages,
                max_bytes: more.bytes,
                expires: self.options.expires,
                idle_heartbeat: self.heartbeat,
                group: &self.options.group,
                min_pending: self.options.min_pending,
                min_ack_pending: self.options.min_ack_pending,
                priority: self.options.priority,
                id: &self.pin,
                ..Ask::default()
            },
        );
        match asked {
            Ok(()) => {
                self.pause = None;
                self.asked.messages = self.asked.messages.saturating_add(more.messages);
                self.asked.bytes += more.bytes;
            }
            Err(error) if error.code() == Code::OutboundFull => {
                self.pause = Some(Instant::now() + PAUSE);
            }
            Err(error) => self.finish(Err(error)),
        }
    }

    /// Waits until there is something to look at or to do.
    async fn wait(&mut self) {
        let silent = self.heard + self.heartbeat * 2;
        let by = self.pause.map_or(silent, |until| until.min(silent));
        let woken = {
            let Messages { arriving, lost, control, .. } = self;
            let mut wished = pin!(control.changed.notified());
            let woken = poll_fn(|cx| {
                if wished.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Woken::Wished);
                }
                match arriving.poll_ready(cx) {
                    Poll::Ready(true) => Poll::Ready(Woken::Arrived),
                    Poll::Ready(false) => Poll::Ready(Woken::Ended(
                        arriving.end_reason().unwrap_or_else(|| Code::SubscriptionClosed.into()),
                    )),
                    Poll::Pending => lost.as_mut().poll(cx).map(Woken::Lost),
                }
            });
            tokio::time::timeout_at(by.into(), woken).await
        };
        match woken {
            Ok(Woken::Arrived | Woken::Wished) => {}
            Ok(Woken::Ended(reason)) => self.finish(Err(reason)),
            Ok(Woken::Lost(reason)) => self.reconnected(reason).await,
            Err(_) if by < silent => {
                self.pause = None;
            }
            Err(_) => {
                self.tell(ConsumeEvent::HeartbeatMissed);
                self.begin_anew();
                self.look().await;
            }
        }
    }

    /// The socket was lost, or the request denied: waits for another one.
    async fn reconnected(&mut self, reason: Error) {
        let ours = matches!(reason.code(), Code::ConnectionLost | Code::Io);
        if !ours {
            return self.finish(Err(reason));
        }
        match self.pull.client().watch_failure(self.pull.subject()) {
            Ok(lost) => self.lost = Box::pin(lost),
            Err(error) => return self.finish(Err(error)),
        }
        self.tell(ConsumeEvent::Disconnected(reason));
        let mut state = self.pull.client().shared().state.subscribe();
        let down = |state: &State| matches!(state, State::Connecting | State::Reconnecting);
        let mut back = pin!(state.wait_for(|state| !down(state)));
        let control = Arc::clone(&self.control);
        let mut wished = pin!(control.changed.notified());
        poll_fn(|cx| {
            let wished = wished.as_mut().poll(cx).is_ready();
            if wished || back.as_mut().poll(cx).is_ready() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        self.begin_anew();
    }

    fn tell(&self, event: ConsumeEvent) {
        if let Some(events) = &self.options.events {
            events(&event);
        }
    }

    /// No more messages are waited for.
    fn finish(&mut self, end: Result<()>) {
        self.end.get_or_insert(end);
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages")
            .field("consumer", &self.name)
            .field("asked", &self.asked)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_make_no_sense_are_named() {
        let base = ConsumeOptions::default();
        let second = Duration::from_secs(1);
        assert_eq!(base.checked().unwrap(), (Duration::from_secs(15), 250));
        for (options, part) in [
            (ConsumeOptions { max_messages: 0, ..base.clone() }, "max_messages"),
            (ConsumeOptions { expires: Duration::ZERO, ..base.clone() }, "expires"),
            (ConsumeOptions { priority: 10, ..base.clone() }, "priority"),
            (ConsumeOptions { heartbeat: Some(second * 16), ..base.clone() }, "heartbeat"),
            (ConsumeOptions { heartbeat: Some(Duration::ZERO), ..base.clone() }, "heartbeat"),
            (ConsumeOptions { threshold: Some(500), ..base.clone() }, "threshold"),
        ] {
            let error = options.checked().unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.text().starts_with(part), "{error}");
        }
        let bytes = ConsumeOptions { max_bytes: 1000, ..base };
        assert_eq!(bytes.checked().unwrap().1, 500);
    }
}
