//! Messages that were published and are not acknowledged yet: a table of slots, whose indexes are the
//! tokens on the wire.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::pub_ack::{PubAck, acknowledged, glance};
use crate::client::publish::Publish;
use crate::conn::requests::is_no_responders;
use crate::error::{Code, Error, Result};
use crate::proto::Headers;
use crate::proto::block::View;
use crate::proto::message::RawMessage;

/// Slots take the lower bits of a token, the generation of the slot the rest.
const SLOT_BITS: u32 = 24;
/// A slot keeps this much memory for the next message.
const KEPT_CAPACITY: usize = 4096;

/// The most messages of a window.
pub(super) const MOST: usize = 1 << SLOT_BITS;

/// What became of a message.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The program's number for the message.
    pub token: u64,
    /// What the stream says.
    pub result: Result<Stored>,
}

/// An acknowledgement, read as far as is needed.
#[derive(Clone, Debug)]
pub struct Stored {
    sequence: u64,
    duplicate: bool,
    said: RawMessage,
}

impl Stored {
    /// The message's sequence.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The message was there before, by its id: this is its sequence.
    pub fn is_duplicate(&self) -> bool {
        self.duplicate
    }

    /// All that the stream tells.
    ///
    /// # Errors
    /// [`Code::Protocol`].
    pub fn ack(&self) -> Result<PubAck> {
        acknowledged("the acknowledgement", self.said.view().payload())
    }
}

/// Who is told what becomes of a message.
#[derive(Debug)]
pub(super) enum Holder {
    /// Nobody but who counts failures.
    Nobody,
    /// The program, under a number.
    Token(u64),
    /// Who waits for this message.
    Waiter(Option<Waker>),
}

#[derive(Debug)]
enum State {
    Free,
    /// Nothing was heard yet.
    Waiting(Holder),
    /// It was heard, and the one who waits has not looked yet.
    Done(Result<Stored>),
}

struct Slot {
    generation: u64,
    state: State,
    deadline: Instant,
    /// To be published again then.
    again: Option<Instant>,
    retries: u32,
    retry_wait: Duration,
    message: Kept,
}

/// A message, for errors, and to publish it again when no stream has answered.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) subject: String,
    pub(super) headers: Option<Headers>,
    pub(super) payload: Vec<u8>,
    size: usize,
}

/// How a message is to be treated.
pub(super) struct Terms {
    pub(super) deadline: Instant,
    pub(super) retries: u32,
    pub(super) retry_wait: Duration,
}

/// A message that nobody waits for, and that was not stored.
pub(super) struct Failure {
    pub(super) subject: String,
    pub(super) error: Error,
}

/// What has to be done without the window's lock.
#[derive(Default)]
pub(super) struct Due {
    pub(super) wakers: Vec<Waker>,
    pub(super) failures: Vec<Failure>,
}

/// The slots. Locked for moments only.
#[derive(Default)]
pub(super) struct Window {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Messages that were not heard of yet.
    pub(super) in_flight: usize,
    /// Their bytes.
    pub(super) bytes: usize,
    /// Those of them that somebody waits for.
    pub(super) awaited: usize,
    pub(super) outcomes: VecDeque<Outcome>,
    /// Who waits for room, for outcomes, or for all to be heard of.
    wakers: Vec<Waker>,
    /// Messages that nobody waited for, and that were not stored.
    pub(super) failed: u64,
    /// The first of them.
    pub(super) failure: Option<Error>,
    /// Some are to be published again.
    pub(super) retrying: bool,
    /// Deadlines are looked after.
    pub(super) armed: bool,
}

impl Window {
    /// Takes a slot for a message; its token.
    pub(super) fn open(&mut self, publish: &Publish<'_>, terms: &Terms, holder: Holder) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                state: State::Free,
                deadline: terms.deadline,
                again: None,
                retries: 0,
                retry_wait: Duration::ZERO,
                message: Kept::default(),
            });
            self.slots.len() - 1
        });
        let slot = &mut self.slots[index];
        slot.message.keep(publish, terms.retries > 0);
        self.in_flight += 1;
        self.bytes += slot.message.size;
        self.awaited += usize::from(matches!(holder, Holder::Waiter(_)));
        slot.state = State::Waiting(holder);
        slot.deadline = terms.deadline;
        slot.retries = terms.retries;
        slot.retry_wait = terms.retry_wait;
        slot.again = None;
        slot.generation << SLOT_BITS | index as u64
    }

    /// Gives the slot of a message back that was not published, or that nobody waits for any more:
    /// then what becomes of it counts as if nobody had waited.
    pub(super) fn forget(&mut self, token: u64, published: bool, due: &mut Due) {
        let Some(index) = self.find(token) else { return };
        match &mut self.slots[index].state {
            State::Waiting(holder) if published => {
                self.awaited -= usize::from(matches!(holder, Holder::Waiter(_)));
                *holder = Holder::Nobody;
            }
            State::Waiting(holder) => {
                self.awaited -= usize::from(matches!(holder, Holder::Waiter(_)));
                self.heard(index, due);
                self.release(index);
            }
            State::Done(_) => drop(self.release(index)),
            State::Free => {}
        }
    }

    /// What became of the message that somebody waits for; otherwise the waker is kept.
    pub(super) fn poll(&mut self, token: u64, waker: &Waker) -> Option<Result<Stored>> {
        let Some(index) = self.find(token) else { return Some(Err(Code::Internal.into())) };
        match &mut self.slots[index].state {
            State::Waiting(holder) => {
                *holder = Holder::Waiter(Some(waker.clone()));
                None
            }
            _ => match self.release(index) {
                State::Done(result) => Some(result),
                _ => Some(Err(Code::Internal.into())),
            },
        }
    }

    /// The word of a server or a stream on the message of `token`.
    pub(super) fn settle(&mut self, token: u64, said: RawMessage, due: &mut Due) {
        let Some(index) = self.find(token) else { return };
        let slot = &mut self.slots[index];
        if !matches!(slot.state, State::Waiting(_)) {
            return;
        }
        if is_no_responders(said.view()) && slot.retries > 0 {
            slot.retries -= 1;
            slot.again = Some(Instant::now() + slot.retry_wait);
            self.retrying = true;
            return;
        }
        let result = read(&slot.message.subject, said.view()).map(|(sequence, duplicate)| Stored {
            sequence,
            duplicate,
            said,
        });
        self.end(index, result, due);
    }

    /// Ends the messages of which `which` says why they will not be heard of.
    pub(super) fn fail(&mut self, due: &mut Due, which: impl Fn(&Kept, Instant) -> Option<Error>) {
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            if matches!(slot.state, State::Waiting(_))
                && let Some(error) = which(&slot.message, slot.deadline)
            {
                self.end(index, Err(error), due);
            }
        }
    }

    /// When there is something to do next without anything having come.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let waiting = self.slots.iter().filter(|slot| matches!(slot.state, State::Waiting(_)));
        waiting.map(|slot| slot.again.map_or(slot.deadline, |again| again.min(slot.deadline))).min()
    }

    /// Hands the messages to `publish` that are to be published again by now.
    pub(super) fn retry(
        &mut self,
        now: Instant,
        due: &mut Due,
        publish: impl Fn(&Kept, u64) -> Result<()>,
    ) {
        if !std::mem::take(&mut self.retrying) {
            return;
        }
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            let Some(again) = slot.again.filter(|_| matches!(slot.state, State::Waiting(_))) else {
                continue;
            };
            if again > now {
                self.retrying = true;
                continue;
            }
            slot.again = None;
            let token = slot.generation << SLOT_BITS | index as u64;
            if let Err(error) = publish(&slot.message, token) {
                self.end(index, Err(error), due);
            }
        }
    }

    /// Wakes the one who waits for a change of the window.
    pub(super) fn register(&mut self, waker: &Waker) {
        if !self.wakers.iter().any(|known| known.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
    }

    fn end(&mut self, index: usize, result: Result<Stored>, due: &mut Due) {
        let slot = &mut self.slots[index];
        let State::Waiting(holder) = std::mem::replace(&mut slot.state, State::Free) else {
            return;
        };
        match (holder, result) {
            (Holder::Waiter(waker), result) => {
                self.awaited -= 1;
                due.wakers.extend(waker);
                slot.state = State::Done(result);
                return self.heard(index, due);
            }
            (Holder::Token(token), result) => self.outcomes.push_back(Outcome { token, result }),
            (Holder::Nobody, Ok(_)) => {}
            (Holder::Nobody, Err(error)) => {
                self.failed += 1;
                self.failure.get_or_insert_with(|| error.clone());
                due.failures.push(Failure { subject: slot.message.subject.clone(), error });
            }
        }
        self.heard(index, due);
        self.release(index);
    }

    /// The message does not count any more.
    fn heard(&mut self, index: usize, due: &mut Due) {
        let message = &mut self.slots[index].message;
        self.in_flight -= 1;
        self.bytes -= message.size;
        message.empty();
        due.wakers.append(&mut self.wakers);
    }

    /// Makes a slot ready for the next message.
    fn release(&mut self, index: usize) -> State {
        let slot = &mut self.slots[index];
        slot.generation = (slot.generation + 1) & (u64::MAX >> SLOT_BITS);
        self.free.push(index);
        std::mem::replace(&mut slot.state, State::Free)
    }

    fn find(&self, token: u64) -> Option<usize> {
        let index = (token & (MOST as u64 - 1)) as usize;
        let slot = self.slots.get(index)?;
        let fits = slot.generation == token >> SLOT_BITS && !matches!(slot.state, State::Free);
        fits.then_some(index)
    }
}

impl Kept {
    fn keep(&mut self, publish: &Publish<'_>, whole: bool) {
        self.subject.push_str(publish.subject);
        self.size = publish.payload.len();
        if whole {
            self.headers = publish.headers.cloned();
            self.payload.extend_from_slice(publish.payload);
        }
    }

    fn empty(&mut self) {
        self.headers = None;
        if self.payload.capacity() > KEPT_CAPACITY {
            self.payload = Vec::new();
        }
        self.payload.clear();
        self.subject.clear();
    }
}

/// Sequence, and whether it is a duplicate.
fn read(subject: &str, said: View<'_>) -> Result<(u64, bool)> {
    if is_no_responders(said) {
        return Err(Error::new(Code::NoResponders, format!("no stream has \"{subject}\"")));
    }
    match glance(said.payload()) {
        Some(seen) => Ok((seen.sequence, seen.duplicate)),
        None => acknowledged(subject, said.payload()).map(|ack| (ack.seq, ack.duplicate)),
    }
}
