//! The consumers, one after the other, by which messages come each once and in order (ADR-17).

use std::mem::discriminant;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::config::consumer::DeliverPolicy;
use super::consume::{ConsumeEvent, Source, tell};
use super::consumer::ConsumerInfo;
use super::context::JetStream;
use super::demand::Demand;
use super::name::check;
use super::ordered::OrderedOptions;
use super::pull::{Ask, Pull};
use super::pushing::Heartbeat;
use super::sequence::{self, Is, Sequence};
use super::status::{self, Said};
use super::watch::{Watch, Woken, first};
use crate::client::inlet::Inlet;
use crate::client::message::{Message, MessageRef};
use crate::client::publish::Publish;
use crate::client::subscription::{SubscribeOptions, Subscription, Tap};
use crate::conn::mailbox::{Mailbox, Taken};
use crate::conn::shared::lock;
use crate::conn::wakes::wake_all;
use crate::error::{Code, Error, Result};
use crate::proto::block::View;
use crate::proto::message::Run;

/// The waits between attempts in a row, doubling.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Takes messages in order, and gives consumers up that have left something out.
pub(super) struct Ordering {
    js: JetStream,
    stream: String,
    options: OrderedOptions,
    extra: Extra,
    heartbeat: Duration,
    /// What each consumer's own subject begins with.
    inbox: String,
    state: Mutex<State>,
    /// There is something for the [`Keeper`] to look at.
    changed: Notify,
    stopped: AtomicBool,
}

/// Whether a message is not for the program.
pub(crate) type Skip = fn(MessageRef<'_>) -> bool;

/// What the program gets in place of a message; None: nothing.
pub(crate) type Map = Arc<dyn Fn(Message) -> Option<Message> + Send + Sync>;

/// How the program is told why no more messages will come.
pub(crate) type Why = Arc<dyn Fn(Error) -> Error + Send + Sync>;

/// What is done to messages besides.
#[derive(Clone, Default)]
pub(crate) struct Extra {
    /// Behind the messages that there are when the first consumer is made comes a mark: a message
    /// without a subject.
    pub(crate) mark: bool,
    /// Leaves messages out.
    pub(crate) skip: Option<Skip>,
    /// Makes others of them.
    pub(crate) map: Option<Map>,
    /// Makes another error of the one that they end with.
    pub(crate) why: Option<Why>,
}

struct State {
    /// How many consumers there were.
    number: u64,
    sequence: Sequence,
    /// Where the present one is spoken of, and where its messages are pushed or pulled to.
    subject: String,
    /// Brings the messages that come to `subject`; None: the subscription itself does.
    inlet: Option<Inlet>,
    /// What messages are asked of; None: they are pushed, or the consumer is being made.
    pull: Option<Pull>,
    demand: Demand,
    /// When the server was heard last.
    heard: Instant,
    /// Nothing is asked before.
    pause: Option<Instant>,
    /// Consumers in a row that were of no use.
    attempts: u32,
    /// How many messages of the present consumer come before the mark; None: it has come, or is not
    /// wanted.
    before_mark: Option<u64>,
    /// Another consumer is to be made, since this one is of no use.
    wanted: Option<Error>,
    /// The messages have ended.
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

impl Tap for Ordering {
    fn take(&self, mailbox: &Mailbox, max: usize) -> Option<Taken> {
        let mut state = lock(&self.state);
        state.demand.handled();
        let mut taken = None;
        let most = if self.extra.map.is_some() { max.min(1) } else { max };
        while let Some((mut some, are)) = self.take_alike(&mut state, mailbox, most) {
            match are {
                Is::Next(_) | Is::Skipped(_) => {
                    state.well();
                    state.demand.take(&some.run);
                    some.more |= state.mark_behind(&some.run, mailbox);
                    let left = if let Is::Skipped(_) = are { None } else { self.mapped(some.run) };
                    if let Some(run) = left {
                        taken = Some(Taken { run, more: some.more });
                        break;
                    }
                    state.demand.handled();
                }
                Is::Mark => {
                    taken = Some(some);
                    break;
                }
                Is::Word => {
                    for index in 0..some.run.len() {
                        self.heed(&mut state, mailbox, some.run.view(index));
                    }
                }
                Is::Stale => {}
                Is::Beyond(number) => self.want_missing(&mut state, number - 1),
            }
        }
        self.refill(&mut state, mailbox);
        release(state);
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
        let mut state = lock(&self.state);
        state.resting = true;
        state.inlet = None;
        self.changed.notify_one();
    }
}

impl Source for Ordering {
    fn name(&self) -> &str {
        &self.stream
    }

    fn stopped(&self) -> &AtomicBool {
        &self.stopped
    }
}

impl Ordering {
    /// Makes the first consumer; its messages come by the subscription.
    pub(super) async fn start(
        js: &JetStream,
        stream: &str,
        options: &OrderedOptions,
        extra: Extra,
    ) -> Result<(Subscription, Arc<Ordering>)> {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| Error::new(Code::InvalidArgument, "consuming needs a tokio runtime"))?;
        check("stream", stream)?;
        let (heartbeat, threshold) = options.checked()?;
        let client = js.client();
        let tap = Arc::new(Ordering {
            js: js.clone(),
            stream: stream.to_owned(),
            options: options.clone(),
            heartbeat,
            inbox: client.new_inbox()?,
            state: Mutex::new(State {
                before_mark: extra.mark.then_some(u64::MAX),
                ..State::new(Sequence::new(stream), Demand::new(&options.consume, threshold))
            }),
            extra,
            changed: Notify::new(),
            stopped: AtomicBool::new(false),
        });
        // The requests are the bound of what is pulled.
        let bound = Some(0).filter(|_| !options.push);
        let subscribe = SubscribeOptions {
            pending_messages: bound,
            pending_bytes: bound,
            ..SubscribeOptions::default()
        };
        let through: Arc<dyn Tap> = Arc::clone(&tap) as _;
        let subscription = client.subscribe_through(Some(through), &tap.subject(1), &subscribe)?;
        let watch = Watch::new(client, &format!("{}CONSUMER.MSG.NEXT.{stream}", js.api_prefix()))?;
        let mailbox = Arc::clone(subscription.mailbox());
        let mut keeper = Keeper { tap: Arc::clone(&tap), mailbox, watch };
        keeper.make().await?;
        lock(&keeper.tap.state).attempts = 0;
        runtime.spawn(keeper.run());
        Ok((subscription, tap))
    }

    /// Where the messages of a consumer come.
    fn subject(&self, number: u64) -> String {
        format!("{}.{number}", self.inbox)
    }

    /// Takes messages that are all the same: those that come next are noted.
    fn take_alike(&self, state: &mut State, mailbox: &Mailbox, max: usize) -> Option<(Taken, Is)> {
        let mut are = Is::Stale;
        let taken = mailbox.take_some(|run| {
            are = state.judge(run.view(0), self.extra.skip);
            state.sequence.note(are);
            let most = max.min(run.len());
            let mut count = 1;
            // The mark comes in between.
            while count < most && !state.is_before_mark(run.view(count - 1)) {
                let is = state.judge(run.view(count), self.extra.skip);
                if discriminant(&is) != discriminant(&are) {
                    break;
                }
                state.sequence.note(is);
                count += 1;
            }
            count
        })?;
        Some((taken, are))
    }

    /// What the program gets of messages: of one, where others are made of them.
    fn mapped(&self, run: Run) -> Option<Run> {
        match &self.extra.map {
            Some(map) => map(Message::alone(run)).map(Message::into_run),
            None => Some(run),
        }
    }

    /// Heeds what the server says.
    fn heed(&self, state: &mut State, mailbox: &Mailbox, message: View<'_>) {
        if message.subject() != state.subject.as_bytes() {
            // It speaks of a consumer that was given up.
            return;
        }
        let message = MessageRef::of(message);
        if self.options.push
            && let Some(heartbeat) = Heartbeat::read(message)
        {
            heartbeat.answer(self.js.client());
            match heartbeat.last.filter(|last| *last > state.sequence.taken()) {
                Some(last) => return self.want_missing(state, last),
                None => state.well(),
            }
            if heartbeat.is_idle() && state.before_mark.is_some() {
                state.mark(mailbox);
            }
            return;
        }
        match status::of(&state.sequence.name(), message) {
            Said::Alive => {
                state.well();
                // There is nothing else: what was deleted meanwhile does not come.
                if state.before_mark.is_some() {
                    state.mark(mailbox);
                }
            }
            Said::Over(left) => {
                state.well();
                state.demand.give_back(left);
            }
            Said::Never(error) if error.code() == Code::PullRefused => {
                self.finish(state, mailbox, error);
            }
            // Whether the stream is gone, too, is seen by the next one.
            Said::Never(error) | Said::Again(error) => self.want(state, error),
        }
    }

    /// Another consumer is to be made, since those up to this one of the present one did not come.
    fn want_missing(&self, state: &mut State, last: u64) {
        let (name, missing) = (state.sequence.name(), state.sequence.taken() + 1);
        let text = format!("{name}: its messages {missing} to {last} did not come");
        self.want(state, Error::new(Code::MessageNotFound, text));
    }

    /// Another consumer is to be made.
    fn want(&self, state: &mut State, reason: Error) {
        state.wanted.get_or_insert(reason);
        // Nothing of this one is taken any more.
        let old = state.sequence.end();
        state.inlet = None;
        state.pull = None;
        self.give_up(&old);
        self.changed.notify_one();
    }

    /// Has a consumer deleted without waiting for it. The server does it by itself in the end.
    fn give_up(&self, consumer: &str) {
        let client = self.js.client();
        if consumer.is_empty() {
            return;
        }
        let subject = format!("{}CONSUMER.DELETE.{}.{consumer}", self.js.api_prefix(), self.stream);
        if let Ok(nobody) = client.new_inbox() {
            let _ = client.publish_now(&Publish::new(&subject, b"").reply(&nobody));
        }
    }

    /// Asks for more when there is little left.
    fn refill(&self, state: &mut State, mailbox: &Mailbox) {
        if state.resting || state.pause.is_some() {
            return;
        }
        let (Some(pull), Some(more)) = (&state.pull, state.demand.more()) else { return };
        let ask = Ask {
            batch: more.messages,
            max_bytes: more.bytes,
            expires: self.options.consume.expires,
            idle_heartbeat: self.heartbeat,
            ..Ask::default()
        };
        match pull.ask(&state.subject, &ask) {
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
        let reason = match &self.extra.why {
            Some(why) => why(reason),
            None => reason,
        };
        mailbox.end(reason, false, &mut state.woken);
        self.changed.notify_one();
    }

    fn tell(&self, event: ConsumeEvent) {
        tell(self.js.client(), self.options.consume.events.as_ref(), &self.stream, event);
    }
}

impl State {
    fn new(sequence: Sequence, demand: Demand) -> State {
        State {
            number: 0,
            sequence,
            subject: String::new(),
            inlet: None,
            pull: None,
            demand,
            heard: Instant::now(),
            pause: None,
            attempts: 0,
            before_mark: None,
            wanted: None,
            resting: false,
            woken: Vec::new(),
        }
    }

    #[inline]
    fn judge(&mut self, message: View<'_>, skip: Option<Skip>) -> Is {
        if status::is_status(message) {
            return Is::Word;
        }
        match (self.sequence.judge(message.reply()), skip) {
            (Is::Next(sequence), Some(skip)) if skip(MessageRef::of(message)) => {
                Is::Skipped(sequence)
            }
            (Is::Stale, _) if message.subject().is_empty() => Is::Mark,
            (is, _) => is,
        }
    }

    /// Whether the mark comes behind this message, which was noted last.
    #[inline]
    fn is_before_mark(&self, message: View<'_>) -> bool {
        self.before_mark.is_some_and(|count| {
            self.sequence.taken() >= count || sequence::is_last(message.reply())
        })
    }

    /// Has the mark come next, when it is to be behind these messages.
    fn mark_behind(&mut self, run: &Run, mailbox: &Mailbox) -> bool {
        let is_due = self.is_before_mark(run.view(run.len() - 1));
        if is_due {
            self.mark(mailbox);
        }
        is_due
    }

    /// Has the mark come next.
    fn mark(&mut self, mailbox: &Mailbox) {
        self.before_mark = None;
        mailbox.put_first(Message::made("", None, &[], &[]).into_run(), &mut self.woken);
    }

    /// The present consumer was heard, and has left nothing out.
    fn well(&mut self) {
        self.heard = Instant::now();
        self.attempts = 0;
    }
}

/// Makes consumers when they are wanted, and notices silence and lost sockets.
struct Keeper {
    tap: Arc<Ordering>,
    mailbox: Arc<Mailbox>,
    watch: Watch,
}

impl Keeper {
    async fn run(mut self) {
        while !lock(&self.tap.state).resting {
            let wanted = lock(&self.tap.state).wanted.take();
            match wanted {
                Some(reason) => self.remake(reason).await,
                None => self.wait().await,
            }
        }
        let consumer = lock(&self.tap.state).sequence.end();
        self.tap.give_up(&consumer);
    }

    async fn wait(&mut self) {
        let by = {
            let state = lock(&self.tap.state);
            let silent = state.heard + self.tap.heartbeat * 2;
            state.pause.map_or(silent, |until| until.min(silent))
        };
        match self.watch.woken(&self.tap.changed, by).await {
            Woken::Changed => {}
            Woken::Lost(reason) => {
                self.tap.tell(ConsumeEvent::Disconnected(reason.clone()));
                self.tap.want(&mut lock(&self.tap.state), reason);
            }
            Woken::Ended(reason) => {
                let mut state = lock(&self.tap.state);
                self.tap.finish(&mut state, &self.mailbox, reason);
                release(state);
            }
            Woken::Due => self.due(),
        }
    }

    fn due(&self) {
        let mut state = lock(&self.tap.state);
        let now = Instant::now();
        if state.pause.is_some_and(|until| until <= now) {
            state.pause = None;
        } else if state.heard + self.tap.heartbeat * 2 <= now {
            if self.mailbox.stats().pending_messages > 0 {
                // It is the program that is slow.
                state.heard = now;
            } else {
                let text = format!("{}: it was not heard", state.sequence.name());
                self.tap.want(&mut state, Error::new(Code::HeartbeatMissed, text));
                drop(state);
                return self.tap.tell(ConsumeEvent::HeartbeatMissed);
            }
        }
        self.tap.refill(&mut state, &self.mailbox);
        release(state);
    }

    /// Makes another consumer, however often it takes.
    async fn remake(&mut self, reason: Error) {
        self.tap.tell(ConsumeEvent::Reset(reason));
        loop {
            self.pause().await;
            let is_resting = || lock(&self.tap.state).resting;
            self.watch.connected(&self.tap.changed, is_resting).await;
            if lock(&self.tap.state).resting {
                return;
            }
            let made = match self.watch.renew() {
                Ok(()) => self.make().await,
                Err(error) => Err(error),
            };
            let Err(error) = made else { return };
            let attempts = lock(&self.tap.state).attempts;
            let enough = self.tap.options.max_reset_attempts.is_some_and(|most| attempts >= most);
            if enough || is_final(&error) {
                let mut state = lock(&self.tap.state);
                self.tap.finish(&mut state, &self.mailbox, error);
                return release(state);
            }
            self.tap.tell(ConsumeEvent::Refused(error));
        }
    }

    /// Waits longer and longer while consumers bring nothing; not before the first one.
    async fn pause(&mut self) {
        let attempts = lock(&self.tap.state).attempts;
        if attempts == 0 {
            return;
        }
        let doubled = PAUSE.saturating_mul(1 << attempts.min(16)).min(LONGEST_PAUSE);
        let wait = doubled.mul_f64(0.5 + fastrand::f64() / 2.0);
        let mut over = pin!(tokio::time::sleep(wait));
        while first(&self.tap.changed, over.as_mut()).await.is_none() {
            if lock(&self.tap.state).resting {
                return;
            }
        }
    }

    /// Makes a consumer that goes on behind the last message that was taken.
    async fn make(&mut self) -> Result<()> {
        let Ordering { js, stream, options, heartbeat, state, .. } = &*self.tap;
        let (_, threshold) = options.checked()?;
        let config = {
            let mut state = lock(state);
            state.number += 1;
            state.attempts += 1;
            state.subject = self.tap.subject(state.number);
            // The server looks for listeners of the very subject that it pushes to.
            state.inlet = match state.number {
                1 => None,
                _ => Some(Inlet::new(js.client(), &state.subject, &self.mailbox)?),
            };
            let config = options.consumer(state.sequence.last(), *heartbeat, &state.subject)?;
            // From now on its messages count, and no others: pushed ones may come before the answer.
            state.sequence.begin(&config.name);
            config
        };
        let made = {
            let mut make = pin!(js.create_consumer(stream, &config));
            loop {
                match first(&self.tap.changed, make.as_mut()).await {
                    Some(made) => break made,
                    None if lock(state).resting => return Ok(()),
                    None => {}
                }
            }
        };
        let mut state = lock(state);
        let is_present = state.sequence.consumer() == config.name;
        match made {
            Ok(info) if is_present => {
                state.begin(&options.deliver_policy, &info, &self.mailbox);
                if !options.push {
                    state.demand = Demand::new(&options.consume, threshold);
                    state.pull = Some(js.pull(stream, &config.name)?);
                    self.tap.refill(&mut state, &self.mailbox);
                }
                release(state);
                Ok(())
            }
            // What it pushed was of no use already: another one is wanted.
            Ok(_) => Ok(()),
            Err(error) => {
                let unknown = state.sequence.end();
                self.tap.give_up(&unknown);
                Err(error)
            }
        }
    }
}

impl State {
    fn begin(&mut self, policy: &DeliverPolicy, info: &ConsumerInfo, mailbox: &Mailbox) {
        self.heard = Instant::now();
        self.pause = None;
        // Where the first one begins, which a later one must not miss. The last messages of each
        // subject begin at no single place.
        let nothing_came = info.delivered.consumer_seq == 0;
        if nothing_came && *policy != DeliverPolicy::LastPerSubject {
            self.sequence.begin_behind(info.delivered.stream_seq);
        }
        if let Some(count) = &mut self.before_mark {
            *count = info.delivered.consumer_seq + info.num_pending;
            if self.sequence.taken() >= *count {
                self.mark(mailbox);
            }
        }
    }
}

/// Whether trying again changes nothing.
fn is_final(error: &Error) -> bool {
    use Code::*;
    let never = matches!(error.code(), StreamNotFound | ConnectionClosed | ConnectionDraining);
    let refused = matches!(error.code(), InvalidArgument | InvalidSubject | InvalidName);
    never || refused || matches!(error.code(), Unsupported | Permission)
}
