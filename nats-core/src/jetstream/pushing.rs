//! Messages that are pushed, and what the server says between them.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::consume::{ConsumeEvent, ConsumeEvents, Source, tell};
use super::push::{Push, PushOptions};
use super::status::{self, Said};
use super::watch::{Watch, Woken};
use crate::client::handle::Client;
use crate::client::message::MessageRef;
use crate::client::publish::Publish;
use crate::client::subscription::{Subscription, Tap};
use crate::conn::mailbox::{Mailbox, Taken};
use crate::conn::shared::lock;
use crate::error::{Code, Error, Result};
use crate::proto::block::View;

/// How often a consumer is looked for until somebody answers.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What the server says to those that it pushes to, when it is there.
pub(super) struct Heartbeat<'a> {
    /// Where an answer goes, without which it pushes no more.
    answer: Option<&'a str>,
    /// The consumer sequence of the last message that it has pushed.
    pub(super) last: Option<u64>,
}

impl<'a> Heartbeat<'a> {
    /// Reads a status; None: it is another one.
    pub(super) fn read(message: MessageRef<'a>) -> Option<Heartbeat<'a>> {
        message.status().filter(|status| *status == 100)?;
        let header = |name| std::str::from_utf8(message.headers()?.get(name)?).ok();
        let answer = message.reply().or_else(|| header("Nats-Consumer-Stalled"));
        let last = header("Nats-Last-Consumer").and_then(|number| number.parse().ok());
        Some(Heartbeat { answer, last })
    }

    /// There is nothing to push.
    pub(super) fn is_idle(&self) -> bool {
        self.answer.is_none() && self.last.is_some()
    }

    /// Answers, now that all before it was taken. What is lost is asked for again.
    pub(super) fn answer(&self, client: &Client) {
        if let Some(subject) = self.answer {
            // Without room it is not sent: the next heartbeat asks for it again.
            let _ = client.publish_now(&Publish::new(subject, b""));
        }
    }
}

/// Takes what is pushed.
pub(super) struct Pushing {
    push: Push,
    /// Stream and consumer, for errors.
    name: String,
    /// How often the server says that it is there; zero: never.
    heartbeat: Duration,
    events: Option<ConsumeEvents>,
    state: Mutex<State>,
    /// There is something for the [`Keeper`] to look at.
    changed: Notify,
    stopped: AtomicBool,
}

struct State {
    /// When the server was heard last.
    heard: Instant,
    /// When to find out whether the consumer is still there.
    doubtful: Option<Instant>,
    /// The messages have ended.
    resting: bool,
}

impl Tap for Pushing {
    fn take(&self, mailbox: &Mailbox, max: usize) -> Option<Taken> {
        while let Some((some, says)) = status::take_alike(mailbox, max) {
            lock(&self.state).heard = Instant::now();
            if !says {
                return Some(some);
            }
            for index in 0..some.run.len() {
                self.heed(mailbox, some.run.view(index));
            }
        }
        None
    }

    fn handled(&self, _: &Mailbox) {}

    fn rest(&self) {
        lock(&self.state).resting = true;
        self.changed.notify_one();
    }
}

impl Source for Pushing {
    fn name(&self) -> &str {
        &self.name
    }

    fn stopped(&self) -> &AtomicBool {
        &self.stopped
    }
}

impl Pushing {
    /// Listens to where the messages are pushed.
    pub(super) fn start(
        push: &Push,
        options: &PushOptions,
    ) -> Result<(Subscription, Arc<Pushing>)> {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| Error::new(Code::InvalidArgument, "consuming needs a tokio runtime"))?;
        let config = &push.cached_info().config;
        let client = push.js.client();
        let tap = Arc::new(Pushing {
            push: push.clone(),
            name: push.name(),
            heartbeat: config.idle_heartbeat,
            events: options.events.clone(),
            state: Mutex::new(State { heard: Instant::now(), doubtful: None, resting: false }),
            changed: Notify::new(),
            stopped: AtomicBool::new(false),
        });
        let through: Arc<dyn Tap> = Arc::clone(&tap) as _;
        let subscribe = options.subscribe(&config.deliver_group);
        let subscription =
            client.subscribe_through(Some(through), &config.deliver_subject, &subscribe)?;
        let watch = Watch::new(client, &config.deliver_subject)?;
        let mailbox = Arc::clone(subscription.mailbox());
        runtime.spawn(Keeper { tap: Arc::clone(&tap), mailbox, watch }.run());
        Ok((subscription, tap))
    }

    /// Heeds what the server says.
    fn heed(&self, mailbox: &Mailbox, message: View<'_>) {
        let message = MessageRef::of(message);
        if let Some(heartbeat) = Heartbeat::read(message) {
            return heartbeat.answer(self.push.js.client());
        }
        match status::of(&self.name, message) {
            Said::Never(error) => self.finish(mailbox, error),
            Said::Again(_) => {
                lock(&self.state).doubtful = Some(Instant::now());
                self.changed.notify_one();
            }
            Said::Alive | Said::Over(_) => {}
        }
    }

    /// No more messages will come.
    fn finish(&self, mailbox: &Mailbox, reason: Error) {
        mailbox.close(reason, false);
        self.rest();
    }

    fn tell(&self, event: ConsumeEvent) {
        tell(self.push.js.client(), self.events.as_ref(), &self.name, event);
    }
}

/// Notices silence and lost sockets, and that the consumer is gone.
struct Keeper {
    tap: Arc<Pushing>,
    mailbox: Arc<Mailbox>,
    watch: Watch,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            let by = {
                let state = lock(&self.tap.state);
                if state.resting {
                    return;
                }
                let silent = self.tap.silent_from(&state);
                state.doubtful.map_or(silent, |when| when.min(silent))
            };
            match self.watch.woken(&self.tap.changed, by).await {
                Woken::Changed => {}
                Woken::Lost(reason) => {
                    self.tap.tell(ConsumeEvent::Disconnected(reason));
                    let is_resting = || lock(&self.tap.state).resting;
                    self.watch.connected(&self.tap.changed, is_resting).await;
                    let mut state = lock(&self.tap.state);
                    (state.heard, state.doubtful) = (Instant::now(), Some(Instant::now()));
                }
                Woken::Ended(reason) => self.tap.finish(&self.mailbox, reason),
                Woken::Due => self.due().await,
            }
        }
    }

    async fn due(&mut self) {
        let now = Instant::now();
        let (is_missed, is_doubtful) = {
            let mut state = lock(&self.tap.state);
            let is_silent = self.tap.silent_from(&state) <= now;
            // Otherwise it is the program that is slow.
            let is_missed = is_silent && self.mailbox.stats().pending_messages == 0;
            if is_silent {
                state.heard = now;
            }
            if is_missed {
                state.doubtful = Some(now);
            }
            (is_missed, state.doubtful.take_if(|when| *when <= now).is_some())
        };
        if is_missed {
            self.tap.tell(ConsumeEvent::HeartbeatMissed);
        }
        if is_doubtful {
            self.look().await;
        }
    }

    /// Ends the messages when there is no such consumer any more.
    async fn look(&mut self) {
        match self.tap.push.info().await {
            Ok(_) => {}
            Err(error) if matches!(error.code(), Code::ConsumerNotFound | Code::StreamNotFound) => {
                self.tap.finish(&self.mailbox, error);
            }
            Err(_) => {
                lock(&self.tap.state).doubtful = Some(Instant::now() + ASK_EVERY);
            }
        }
    }
}

impl Pushing {
    /// From when on its silence is one.
    fn silent_from(&self, state: &State) -> Instant {
        /// Far away, for a consumer without heartbeats.
        const NEVER: Duration = Duration::from_secs(86_400);
        let wait = if self.heartbeat.is_zero() { NEVER } else { self.heartbeat * 2 };
        state.heard + wait
    }
}
