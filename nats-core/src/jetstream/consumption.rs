//! The requests of messages that are taken without end (ADR-37): they overlap, so that some are always
//! under way.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::consume::{ConsumeEvent, ConsumeOptions, Source, tell};
use super::demand::Demand;
use super::pull::{Ask, Pull};
use super::status::{self, Said};
use super::watch::{Watch, Woken};
use crate::client::message::MessageRef;
use crate::client::subscription::{SubscribeOptions, Subscription, Tap};
use crate::conn::mailbox::{Mailbox, Taken};
use crate::conn::shared::{State as Life, lock};
use crate::conn::wakes::wake_all;
use crate::error::{Code, Error, Result};
use crate::proto::block::View;
use crate::proto::message::Run;

/// The waits after requests that were refused, doubling.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Asks for messages, and heeds what the server says of the requests.
pub(super) struct Consumption {
    pull: Pull,
    /// Stream and consumer, for errors.
    name: String,
    options: ConsumeOptions,
    heartbeat: Duration,
    inbox: String,
    state: Mutex<State>,
    /// There is something for the [`Keeper`] to look at.
    changed: Notify,
    /// What was taken is not to be handed out any more.
    stopped: AtomicBool,
}

struct State {
    demand: Demand,
    /// When the server was heard last.
    heard: Instant,
    /// Nothing is asked before.
    pause: Option<Instant>,
    refusals: u32,
    /// Whether the consumer is still there is to be found out.
    doubtful: bool,
    /// What the server has given to a pinned client.
    pin: String,
    /// Nothing is asked any more.
    resting: bool,
    /// Who waits for the end that has come.
    woken: Vec<Waker>,
}

/// Gives the state back, and wakes those who wait for the end: what they do may need it.
fn release(mut state: MutexGuard<'_, State>) {
    let woken = std::mem::take(&mut state.woken);
    drop(state);
    wake_all(woken);
}

impl State {
    fn new(demand: Demand) -> State {
        State {
            demand,
            heard: Instant::now(),
            pause: None,
            refusals: 0,
            doubtful: false,
            pin: String::new(),
            resting: false,
            woken: Vec::new(),
        }
    }

    /// No request is under way any more.
    fn begin_anew(&mut self, mailbox: &Mailbox) {
        self.demand.begin_anew(mailbox);
        self.heard = Instant::now();
    }
}

impl Tap for Consumption {
    fn take(&self, mailbox: &Mailbox, max: usize) -> Option<Taken> {
        let mut told = Vec::new();
        let mut state = lock(&self.state);
        state.demand.handled();
        let mut taken = None;
        while let Some((some, says)) = status::take_alike(mailbox, max) {
            state.heard = Instant::now();
            if !says {
                self.count(&mut state, &some.run);
                taken = Some(some);
                break;
            }
            for index in 0..some.run.len() {
                self.heed(&mut state, mailbox, some.run.view(index), &mut told);
            }
        }
        self.refill(&mut state, mailbox);
        release(state);
        self.tell(told);
        taken
    }

    fn handled(&self, mailbox: &Mailbox) {
        let mut state = lock(&self.state);
        if state.demand.handled() {
            self.refill(&mut state, mailbox);
        }
        release(state);
    }

    fn rest(&self) {
        lock(&self.state).resting = true;
        self.changed.notify_one();
    }
}

impl Source for Consumption {
    fn name(&self) -> &str {
        &self.name
    }

    fn stopped(&self) -> &AtomicBool {
        &self.stopped
    }
}

impl Consumption {
    /// Asks for the first messages; they come by the subscription.
    pub(super) fn start(
        pull: &Pull,
        options: &ConsumeOptions,
    ) -> Result<(Subscription, Arc<Consumption>)> {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| Error::new(Code::InvalidArgument, "consuming needs a tokio runtime"))?;
        let (heartbeat, threshold) = options.checked()?;
        let client = pull.client();
        let tap = Arc::new(Consumption {
            pull: pull.clone(),
            name: pull.name(),
            options: options.clone(),
            heartbeat,
            inbox: client.new_inbox()?,
            state: Mutex::new(State::new(Demand::new(options, threshold))),
            changed: Notify::new(),
            stopped: AtomicBool::new(false),
        });
        // The requests are the bound.
        let unbounded = SubscribeOptions {
            pending_messages: Some(0),
            pending_bytes: Some(0),
            ..SubscribeOptions::default()
        };
        let through: Arc<dyn Tap> = Arc::clone(&tap) as _;
        let subscription = client.subscribe_through(Some(through), &tap.inbox, &unbounded)?;
        let watch = Watch::new(client, pull.subject())?;
        let mailbox = Arc::clone(subscription.mailbox());
        tap.refill(&mut lock(&tap.state), &mailbox);
        runtime.spawn(Keeper { tap: Arc::clone(&tap), mailbox, watch }.run());
        Ok((subscription, tap))
    }

    fn count(&self, state: &mut State, run: &Run) {
        state.refusals = 0;
        state.demand.take(run);
        if !self.options.group.is_empty()
            && let Some(pin) = run.view(0).headers().and_then(|block| block.get("Nats-Pin-Id"))
            && pin != state.pin.as_bytes()
        {
            state.pin = String::from_utf8_lossy(pin).into_owned();
        }
    }

    /// Heeds what the server says.
    fn heed(
        &self,
        state: &mut State,
        mailbox: &Mailbox,
        message: View<'_>,
        told: &mut Vec<ConsumeEvent>,
    ) {
        match status::of(&self.name, MessageRef::of(message)) {
            Said::Alive => {}
            Said::Over(left) => state.demand.give_back(left),
            Said::Never(error) => self.finish(state, mailbox, error),
            Said::Again(error) => {
                state.doubtful |= error.code() == Code::NoResponders;
                state.pin.clear();
                state.begin_anew(mailbox);
                let doubled = PAUSE.saturating_mul(1 << state.refusals.min(16));
                state.refusals += 1;
                let wait = doubled.min(LONGEST_PAUSE).mul_f64(0.5 + fastrand::f64() / 2.0);
                state.pause = Some(Instant::now() + wait);
                self.changed.notify_one();
                told.push(ConsumeEvent::Refused(error));
            }
        }
    }

    /// Asks for more when there is little left.
    fn refill(&self, state: &mut State, mailbox: &Mailbox) {
        if state.resting || state.pause.is_some() {
            return;
        }
        let Some(more) = state.demand.more() else { return };
        if *self.pull.client().shared().state.borrow() != Life::Connected {
            return;
        }
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
                id: &state.pin,
                ..Ask::default()
            },
        );
        match asked {
            Ok(()) => state.demand.ask(more),
            Err(error) if error.code() == Code::OutboundFull => {
                state.pause = Some(Instant::now() + PAUSE);
                self.changed.notify_one();
            }
            Err(error) => self.finish(state, mailbox, error),
        }
    }

    /// No more messages will come. The state is to be given back by [`release`].
    fn finish(&self, state: &mut State, mailbox: &Mailbox, reason: Error) {
        state.resting = true;
        mailbox.end(reason, false, &mut state.woken);
        self.changed.notify_one();
    }

    fn tell(&self, events: Vec<ConsumeEvent>) {
        for event in events {
            tell(self.pull.client(), self.options.events.as_ref(), &self.name, event);
        }
    }
}

/// Does what is due without the program taking anything: asks anew after pauses and other sockets,
/// and notices silence.
struct Keeper {
    tap: Arc<Consumption>,
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
                let silent = state.heard + self.tap.heartbeat * 2;
                state.pause.map_or(silent, |until| until.min(silent))
            };
            match self.watch.woken(&self.tap.changed, by).await {
                Woken::Changed => {}
                Woken::Lost(reason) => self.reconnected(reason).await,
                Woken::Ended(reason) => {
                    let mut state = lock(&self.tap.state);
                    self.tap.finish(&mut state, &self.mailbox, reason);
                    release(state);
                }
                Woken::Due => self.due(),
            }
            if std::mem::take(&mut lock(&self.tap.state).doubtful) {
                look(&self.tap, &self.mailbox).await;
            }
        }
    }

    fn due(&self) {
        let mut told = Vec::new();
        let mut state = lock(&self.tap.state);
        let now = Instant::now();
        if state.pause.is_some_and(|until| until <= now) {
            state.pause = None;
        } else if state.heard + self.tap.heartbeat * 2 <= now {
            if self.mailbox.stats().pending_messages > 0 {
                // It is the program that is slow.
                state.heard = now;
            } else {
                state.doubtful = true;
                state.begin_anew(&self.mailbox);
                told.push(ConsumeEvent::HeartbeatMissed);
            }
        }
        self.tap.refill(&mut state, &self.mailbox);
        release(state);
        self.tap.tell(told);
    }

    /// The socket was lost: waits for another one.
    async fn reconnected(&mut self, reason: Error) {
        self.tap.tell(vec![ConsumeEvent::Disconnected(reason)]);
        let is_resting = || lock(&self.tap.state).resting;
        self.watch.connected(&self.tap.changed, is_resting).await;
        let mut state = lock(&self.tap.state);
        state.begin_anew(&self.mailbox);
        self.tap.refill(&mut state, &self.mailbox);
        release(state);
    }
}

/// Ends the messages when there is no such consumer any more.
async fn look(tap: &Consumption, mailbox: &Mailbox) {
    if let Err(error) = tap.pull.info().await
        && matches!(error.code(), Code::ConsumerNotFound | Code::StreamNotFound)
    {
        let mut state = lock(&tap.state);
        tap.finish(&mut state, mailbox, error);
        release(state);
    }
}
