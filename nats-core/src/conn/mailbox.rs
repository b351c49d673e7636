//! The bounded queue of one subscription, between the socket's reader and the consumers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::{Code, Error};
use crate::proto::message::RawMessage;

/// An empty queue gives larger memory back, so that an idle subscription stays cheap after a burst.
const KEPT_CAPACITY: usize = 4096;

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
    items: VecDeque<RawMessage>,
    bytes: usize,
    stats: SubscriptionStats,
    slow: bool,
    end: Option<Error>,
    wakers: Vec<Waker>,
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

    /// Puts the batch in; `batch` is empty afterwards. The consumers to wake are added to `woken`.
    pub(crate) fn push(&self, batch: &mut Vec<RawMessage>, woken: &mut Vec<Waker>) -> Pushed {
        let mut pushed = Pushed::default();
        let mut state = self.lock();
        for message in batch.drain(..) {
            self.push_one(&mut state, message, &mut pushed);
        }
        woken.append(&mut state.wakers);
        pushed
    }

    /// Puts one message in and wakes the consumers.
    pub(crate) fn deliver(&self, message: RawMessage) {
        let mut woken = Vec::new();
        self.push(&mut vec![message], &mut woken);
        wake_all(woken);
    }

    /// Moves up to `max` messages to the end of `out`.
    pub(crate) fn take(&self, out: &mut Vec<RawMessage>, max: usize) -> usize {
        let mut state = self.lock();
        let count = state.items.len().min(max);
        let taken: usize = state.items.iter().take(count).map(RawMessage::size).sum();
        out.extend(state.items.drain(..count));
        let wakers = self.after_take(&mut state, count, taken);
        drop(state);
        wake_all(wakers);
        count
    }

    /// The oldest pending message.
    pub(crate) fn take_one(&self) -> Option<RawMessage> {
        let mut state = self.lock();
        let message = state.items.pop_front()?;
        let wakers = self.after_take(&mut state, 1, message.size());
        drop(state);
        wake_all(wakers);
        Some(message)
    }

    /// Ready(true): something is pending. Ready(false): empty, and no more will come. Otherwise the
    /// waker is kept until something changes.
    pub(crate) fn poll_ready(&self, cx: &Context<'_>) -> Poll<bool> {
        let mut state = self.lock();
        if !state.items.is_empty() {
            return Poll::Ready(true);
        }
        if state.end.is_some() {
            return Poll::Ready(false);
        }
        register(&mut state, cx.waker());
        Poll::Pending
    }

    /// Ready once the consumers have taken everything.
    pub(crate) fn poll_empty(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.items.is_empty() {
            return Poll::Ready(());
        }
        register(&mut state, cx.waker());
        Poll::Pending
    }

    /// Ready once no more messages will come, whether or not some are pending.
    pub(crate) fn poll_ended(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.end.is_some() {
            return Poll::Ready(());
        }
        register(&mut state, cx.waker());
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
            state.bytes = 0;
        }
        woken.append(&mut state.wakers);
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
        let state = self.lock();
        SubscriptionStats {
            pending_messages: state.items.len() as u64,
            pending_bytes: state.bytes as u64,
            ..state.stats
        }
    }

    fn push_one(&self, state: &mut State, message: RawMessage, pushed: &mut Pushed) {
        if state.end.is_some() {
            return;
        }
        let size = message.size();
        if !self.fits(state, size) {
            pushed.became_slow |= !state.slow;
            state.slow = true;
            match self.limits.overflow {
                Overflow::DropNewest => return drop_one(state, pushed),
                Overflow::DropOldest => {
                    while !self.fits(state, size) {
                        let Some(oldest) = state.items.pop_front() else { break };
                        state.bytes -= oldest.size();
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
        state.bytes += size;
        state.items.push_back(message);
        let (messages, bytes) = (state.items.len() as u64, state.bytes as u64);
        state.stats.max_pending_messages = state.stats.max_pending_messages.max(messages);
        state.stats.max_pending_bytes = state.stats.max_pending_bytes.max(bytes);
    }

    /// A single message larger than the byte limit still passes an empty queue.
    fn fits(&self, state: &State, size: usize) -> bool {
        let PendingLimits { messages, bytes, .. } = self.limits;
        (messages == 0 || state.items.len() < messages)
            && (bytes == 0 || state.items.is_empty() || state.bytes + size <= bytes)
    }

    /// Accounts for what was taken. A slow-consumer episode ends when half of the limits is free,
    /// so that a consumer on the edge does not cause an event for every message.
    fn after_take(&self, state: &mut State, count: usize, bytes: usize) -> Vec<Waker> {
        state.bytes -= bytes;
        state.stats.delivered += count as u64;
        let PendingLimits { messages: max, bytes: max_bytes, .. } = self.limits;
        let relieved = (max == 0 || state.items.len() <= max / 2)
            && (max_bytes == 0 || state.bytes <= max_bytes / 2);
        state.slow &= !relieved;
        if count == 0 || !state.items.is_empty() {
            return Vec::new();
        }
        if state.items.capacity() > KEPT_CAPACITY {
            state.items = VecDeque::new();
        }
        std::mem::take(&mut state.wakers)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drop_one(state: &mut State, pushed: &mut Pushed) {
    state.stats.dropped += 1;
    pushed.dropped += 1;
}

fn register(state: &mut State, waker: &Waker) {
    if !state.wakers.iter().any(|known| known.will_wake(waker)) {
        state.wakers.push(waker.clone());
    }
}

pub(crate) fn wake_all(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::parse::{Frame, Limits, Parser, Step};
    use bytes::Bytes;

    fn message(payload: usize) -> RawMessage {
        let wire =
            [format!("MSG s 1 {payload}\r\n").as_bytes(), &vec![b'x'; payload], b"\r\n"].concat();
        let step = Parser::new(Limits::default()).next(&wire).unwrap();
        let Step::Frame { frame: Frame::Msg(frame), .. } = step else { panic!() };
        RawMessage::new(Bytes::from(wire), &frame)
    }

    fn mailbox(messages: usize, bytes: usize, overflow: Overflow) -> Mailbox {
        Mailbox::new(PendingLimits { messages, bytes, overflow })
    }

    fn push(mailbox: &Mailbox, batch: &mut Vec<RawMessage>) -> Pushed {
        mailbox.push(batch, &mut Vec::new())
    }

    fn sizes(mailbox: &Mailbox) -> Vec<usize> {
        let mut out = Vec::new();
        mailbox.take(&mut out, usize::MAX);
        out.iter().map(|m| m.payload().len()).collect()
    }

    #[test]
    fn drop_newest_counts_and_reports_an_episode_once() {
        let mailbox = mailbox(4, 0, Overflow::DropNewest);
        let pushed = push(&mailbox, &mut (1..=6).map(message).collect());
        assert_eq!(pushed, Pushed { dropped: 2, became_slow: true, overflowed: false });
        assert!(!push(&mailbox, &mut vec![message(7)]).became_slow);
        mailbox.take_one();
        assert!(!push(&mailbox, &mut (8..=9).map(message).collect()).became_slow, "same episode");
        assert_eq!(sizes(&mailbox), [2, 3, 4, 8]);
        assert!(push(&mailbox, &mut (1..=5).map(message).collect()).became_slow, "a new episode");
        assert_eq!(mailbox.stats().dropped, 5);
    }

    #[test]
    fn drop_oldest_keeps_the_newest() {
        let mailbox = mailbox(3, 0, Overflow::DropOldest);
        push(&mailbox, &mut (1..=6).map(message).collect());
        assert_eq!(sizes(&mailbox), [4, 5, 6]);
        assert_eq!(mailbox.stats().dropped, 3);
    }

    #[test]
    fn error_policy_ends_the_subscription_behind_its_pending_messages() {
        let mailbox = mailbox(2, 0, Overflow::Error);
        assert!(push(&mailbox, &mut (1..=3).map(message).collect()).overflowed);
        assert_eq!(sizes(&mailbox), [1, 2]);
        assert_eq!(mailbox.end_reason().unwrap().code(), Code::SlowConsumer);
        assert_eq!(mailbox.poll_ready(&Context::from_waker(Waker::noop())), Poll::Ready(false));
    }

    #[test]
    fn bytes_are_bounded_too_and_zero_is_unbounded() {
        let bounded = mailbox(0, 299, Overflow::DropNewest);
        push(&bounded, &mut vec![message(500), message(1)]);
        assert_eq!(sizes(&bounded), [500], "one large message passes an empty queue");
        push(&bounded, &mut vec![message(100), message(100), message(100)]);
        assert_eq!(sizes(&bounded), [100, 100]);
        assert_eq!(bounded.stats().pending_bytes, 0);
        let unbounded = mailbox(0, 0, Overflow::DropNewest);
        push(&unbounded, &mut (0..1000).map(message).collect());
        assert_eq!(unbounded.stats().pending_messages, 1000);
    }

    #[test]
    fn an_end_keeps_or_discards_what_is_pending() {
        let mailbox = mailbox(0, 0, Overflow::DropNewest);
        push(&mailbox, &mut vec![message(1)]);
        mailbox.close(Code::SubscriptionEnded.into(), false);
        mailbox.close(Code::ConnectionClosed.into(), false);
        assert_eq!(sizes(&mailbox), [1]);
        assert_eq!(mailbox.end_reason().unwrap().code(), Code::SubscriptionEnded);
        push(&mailbox, &mut vec![message(1)]);
        assert_eq!(sizes(&mailbox), Vec::<usize>::new(), "nothing comes after the end");
    }
}
