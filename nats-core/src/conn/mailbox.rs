//! The bounded queue of one subscription, between the socket's reader and the consumers.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::wakes::wake_all;
use crate::error::{Code, Error};
use crate::proto::block::Block;
use crate::proto::message::Run;

/// An empty queue gives larger memory back, so that an idle subscription stays cheap after a burst.
const KEPT_CAPACITY: usize = 8;

/// The number of those who wait for the end alone: nothing else wakes them.
const FOR_THE_END: u64 = u64::MAX;

/// The number of those who wait until everything is handled.
const FOR_HANDLING: u64 = u64::MAX - 1;

/// What happens to a message that exceeds a subscription's pending limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The new message is dropped and counted.
    #[default]
    DropNewest,
    /// The oldest pending messages are dropped and counted until the new one fits.
    DropOldest,
    /// The subscription ends with [`Code::SlowConsumer`] once its pending messages are taken.
    Error,
}

/// Pending limits of a subscription; zero means unbounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PendingLimits {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
    pub(crate) overflow: Overflow,
}

/// Counters of one subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionStats {
    /// Messages that wait to be taken.
    pub pending_messages: u64,
    /// Bytes that wait to be taken: headers and payload.
    pub pending_bytes: u64,
    /// Messages handed to the consumer.
    pub delivered: u64,
    /// Messages dropped because a pending limit was exceeded.
    pub dropped: u64,
    /// The most messages that ever waited.
    pub max_pending_messages: u64,
    /// The most bytes that ever waited.
    pub max_pending_bytes: u64,
}

/// What the reader has to report after it put messages in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pushed {
    pub(crate) dropped: u64,
    /// A slow-consumer episode began.
    pub(crate) became_slow: bool,
    /// The policy is `Error` and the subscription has to end.
    pub(crate) overflowed: bool,
}

#[derive(Default)]
struct State {
    items: VecDeque<Run>,
    stats: SubscriptionStats,
    slow: bool,
    end: Option<Error>,
    /// How many of those that were taken are handled; None: what is taken counts as handled.
    handled: Option<u64>,
    /// Those who wait, each under the number of its [`Ready`]; 0, [`FOR_THE_END`] or [`FOR_HANDLING`]
    /// for those without one.
    wakers: Vec<(u64, Waker)>,
    last_waiter: u64,
}

impl State {
    fn unhandled(&self) -> u64 {
        let taken = self.stats.delivered;
        self.stats.pending_messages + taken.saturating_sub(self.handled.unwrap_or(taken))
    }
}

/// Messages that were taken.
pub(crate) struct Taken {
    pub(crate) run: Run,
    /// Others are left.
    pub(crate) more: bool,
}

/// A queue with one writer (the reader of the socket) and any number of consumers.
pub(crate) struct Mailbox {
    limits: PendingLimits,
    state: Mutex<State>,
}

impl Mailbox {
    pub(crate) fn new(limits: PendingLimits) -> Mailbox {
        Mailbox { limits, state: Mutex::default() }
    }

    /// Puts the blocks in. The consumers to wake are added to `woken`.
    pub(crate) fn push(
        &self,
        blocks: impl Iterator<Item = Block>,
        woken: &mut Vec<Waker>,
    ) -> Pushed {
        let mut pushed = Pushed::default();
        let mut state = self.lock();
        for block in blocks {
            self.push_run(&mut state, block.into(), &mut pushed);
        }
        woken.extend(waiting(&mut state));
        pushed
    }

    /// Puts one run in and wakes the consumers.
    pub(crate) fn deliver(&self, run: Run) {
        let mut woken = Vec::new();
        let mut state = self.lock();
        self.push_run(&mut state, run, &mut Pushed::default());
        woken.extend(waiting(&mut state));
        drop(state);
        wake_all(woken);
    }

    /// Puts one run in before all that is pending, whatever the limits are. The consumers to wake are
    /// added to `woken`.
    pub(crate) fn put_first(&self, run: Run, woken: &mut Vec<Waker>) {
        let mut state = self.lock();
        if state.end.is_some() {
            return;
        }
        state.stats.pending_messages += run.len() as u64;
        state.stats.pending_bytes += run.size() as u64;
        state.items.push_front(run);
        woken.extend(waiting(&mut state));
    }

    /// Takes the oldest pending messages: up to `max`, and up to the end of their block.
    pub(crate) fn take(&self, max: usize) -> Option<Taken> {
        self.take_some(|_| max)
    }

    /// The same; `count` says how many, of those that it is shown.
    pub(crate) fn take_some(&self, count: impl FnOnce(&Run) -> usize) -> Option<Taken> {
        let mut state = self.lock();
        let front = state.items.front_mut()?;
        let max = count(front);
        let run =
            if front.len() > max { front.split_front(max) } else { state.items.pop_front()? };
        let wakers = self.after_take(&mut state, &run);
        let more = !state.items.is_empty();
        drop(state);
        wake_all(wakers);
        Some(Taken { run, more })
    }

    /// Ready(true): something is pending. Ready(false): empty, and no more will come. Otherwise the
    /// waker is kept until something changes.
    pub(crate) fn poll_ready(&self, cx: &Context<'_>) -> Poll<bool> {
        self.poll_as(|_| 0, cx)
    }

    /// [`Mailbox::poll_ready`] as a future that leaves nothing behind when it is given up.
    pub(crate) fn ready(&self) -> Ready<'_> {
        Ready { mailbox: self, waiter: 0 }
    }

    /// From now on, what is taken counts as handled only by [`Mailbox::handled`].
    pub(crate) fn watch_handling(&self) {
        let mut state = self.lock();
        state.handled = Some(state.stats.delivered);
    }

    /// One of those that were taken is handled.
    pub(crate) fn handled(&self) {
        let mut state = self.lock();
        if let Some(handled) = &mut state.handled {
            *handled += 1;
        }
        if state.unhandled() > 0 {
            return;
        }
        let waiting: Vec<Waker> = extract(&mut state, |waiter| waiter == FOR_HANDLING).collect();
        drop(state);
        wake_all(waiting);
    }

    /// Ready once the consumers have taken everything, and handled it where that is told.
    pub(crate) fn poll_handled(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.unhandled() == 0 {
            return Poll::Ready(());
        }
        register(&mut state, FOR_HANDLING, cx.waker());
        Poll::Pending
    }

    /// How many messages are pending, or were taken and are not handled.
    pub(crate) fn unhandled(&self) -> u64 {
        self.lock().unhandled()
    }

    /// Ready once no more messages will come, whether or not some are pending. Messages do not wake
    /// those who wait for it.
    pub(crate) fn poll_ended(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.end.is_some() {
            return Poll::Ready(());
        }
        register(&mut state, FOR_THE_END, cx.waker());
        Poll::Pending
    }

    /// No more messages will come; the first reason stays. With `discard`, what is pending is
    /// dropped. The consumers to wake are added to `woken`.
    pub(crate) fn end(&self, reason: Error, discard: bool, woken: &mut Vec<Waker>) {
        let mut state = self.lock();
        state.end.get_or_insert(reason);
        let mut dropped = VecDeque::new();
        if discard {
            dropped = std::mem::take(&mut state.items);
            (state.stats.pending_messages, state.stats.pending_bytes) = (0, 0);
        }
        woken.extend(waiting(&mut state));
        drop(state);
        drop(dropped);
    }

    /// [`Mailbox::end`], and wakes the consumers.
    pub(crate) fn close(&self, reason: Error, discard: bool) {
        let mut woken = Vec::new();
        self.end(reason, discard, &mut woken);
        wake_all(woken);
    }

    /// Why no more messages will come.
    pub(crate) fn end_reason(&self) -> Option<Error> {
        self.lock().end.clone()
    }

    pub(crate) fn stats(&self) -> SubscriptionStats {
        self.lock().stats
    }

    fn poll_as(&self, waiter: impl FnOnce(&mut State) -> u64, cx: &Context<'_>) -> Poll<bool> {
        let mut state = self.lock();
        if !state.items.is_empty() {
            return Poll::Ready(true);
        }
        if state.end.is_some() {
            return Poll::Ready(false);
        }
        let waiter = waiter(&mut state);
        register(&mut state, waiter, cx.waker());
        Poll::Pending
    }

    fn push_run(&self, state: &mut State, mut run: Run, pushed: &mut Pushed) {
        if self.fits(state, run.len(), run.size()) {
            return self.append(state, run);
        }
        while run.len() > 0 {
            self.push_one(state, run.split_front(1), pushed);
        }
    }

    fn push_one(&self, state: &mut State, message: Run, pushed: &mut Pushed) {
        let size = message.size();
        if state.end.is_none() && !self.fits(state, 1, size) {
            pushed.became_slow |= !state.slow;
            state.slow = true;
            match self.limits.overflow {
                Overflow::DropNewest => return drop_one(state, pushed),
                Overflow::DropOldest => {
                    while !self.fits(state, 1, size) && drop_oldest(state) {
                        drop_one(state, pushed);
                    }
                }
                Overflow::Error => {
                    state.end = Some(Code::SlowConsumer.into());
                    pushed.overflowed = true;
                    return drop_one(state, pushed);
                }
            }
        }
        self.append(state, message);
    }

    fn append(&self, state: &mut State, run: Run) {
        if state.end.is_some() {
            return;
        }
        let stats = &mut state.stats;
        stats.pending_messages += run.len() as u64;
        stats.pending_bytes += run.size() as u64;
        stats.max_pending_messages = stats.max_pending_messages.max(stats.pending_messages);
        stats.max_pending_bytes = stats.max_pending_bytes.max(stats.pending_bytes);
        let rest = match state.items.back_mut() {
            Some(last) => last.join(run),
            None => Some(run),
        };
        if state.items.capacity() == 0 {
            // Mostly there is one at a time.
            state.items.reserve_exact(1);
        }
        state.items.extend(rest);
    }

    /// A single message larger than the byte limit still passes an empty queue.
    fn fits(&self, state: &State, count: usize, size: usize) -> bool {
        let PendingLimits { messages, bytes, .. } = self.limits;
        let SubscriptionStats { pending_messages, pending_bytes, .. } = state.stats;
        let alone = count == 1 && pending_messages == 0;
        (messages == 0 || pending_messages + count as u64 <= messages as u64)
            && (bytes == 0 || alone || pending_bytes + size as u64 <= bytes as u64)
    }

    /// Accounts for what was taken. A slow-consumer episode ends when half of the limits is free,
    /// so that a consumer on the edge does not cause an event for every message.
    fn after_take(&self, state: &mut State, taken: &Run) -> Vec<Waker> {
        let stats = &mut state.stats;
        stats.pending_messages -= taken.len() as u64;
        stats.pending_bytes -= taken.size() as u64;
        stats.delivered += taken.len() as u64;
        let PendingLimits { messages: max, bytes: max_bytes, .. } = self.limits;
        let relieved = (max == 0 || stats.pending_messages <= max as u64 / 2)
            && (max_bytes == 0 || stats.pending_bytes <= max_bytes as u64 / 2);
        state.slow &= !relieved;
        if !state.items.is_empty() {
            return Vec::new();
        }
        if state.items.capacity() > KEPT_CAPACITY {
            state.items = VecDeque::new();
        }
        waiting(state).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the oldest pending message away; false when there is none.
fn drop_oldest(state: &mut State) -> bool {
    let Some(front) = state.items.front_mut() else { return false };
    state.stats.pending_bytes -= front.split_front(1).size() as u64;
    state.stats.pending_messages -= 1;
    if front.len() == 0 {
        state.items.pop_front();
    }
    true
}

fn drop_one(state: &mut State, pushed: &mut Pushed) {
    state.stats.dropped += 1;
    pushed.dropped += 1;
}

/// Waits until something is pending (true) or the end has come (false).
pub(crate) struct Ready<'a> {
    mailbox: &'a Mailbox,
    /// Its number among those who wait; 0 as long as it does not.
    waiter: u64,
}

impl Future for Ready<'_> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let (mailbox, waiter) = (self.mailbox, &mut self.waiter);
        let poll = mailbox.poll_as(
            |state| {
                if *waiter == 0 {
                    state.last_waiter += 1;
                    *waiter = state.last_waiter;
                }
                *waiter
            },
            cx,
        );
        if poll.is_ready() {
            // Whatever made it ready has taken its waker.
            *waiter = 0;
        }
        poll
    }
}

impl Drop for Ready<'_> {
    fn drop(&mut self) {
        if self.waiter == 0 {
            return;
        }
        let mut state = self.mailbox.lock();
        let known = state.wakers.iter().position(|(waiter, _)| *waiter == self.waiter);
        let forgotten = known.map(|index| state.wakers.swap_remove(index));
        // A waker may hold anything: it is dropped behind the lock.
        drop(state);
        drop(forgotten);
    }
}

/// Everybody whom a change concerns; they register again when they still have to wait.
fn waiting(state: &mut State) -> impl Iterator<Item = Waker> {
    let all = state.end.is_some();
    extract(state, move |waiter| all || waiter != FOR_THE_END)
}

/// Takes the wakers of those who wait under these numbers.
fn extract(state: &mut State, concerned: impl Fn(u64) -> bool) -> impl Iterator<Item = Waker> {
    state.wakers.extract_if(.., move |(waiter, _)| concerned(*waiter)).map(|(_, waker)| waker)
}

/// Keeps the waker under the number; those without a number are kept once each.
fn register(state: &mut State, waiter: u64, waker: &Waker) {
    let many = matches!(waiter, 0 | FOR_THE_END | FOR_HANDLING);
    let same =
        |(number, known): &(u64, Waker)| *number == waiter && (!many || known.will_wake(waker));
    match state.wakers.iter_mut().find(|entry| same(entry)) {
        Some((_, known)) => known.clone_from(waker),
        None => {
            if state.wakers.capacity() == 0 {
                // Mostly there is one.
                state.wakers.reserve_exact(1);
            }
            state.wakers.push((waiter, waker.clone()));
        }
    }
}

#[cfg(test)]
#[path = "mailbox_tests.rs"]
mod tests;
