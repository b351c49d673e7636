//! Requests that wait for their reply: the token on the wire is the index of a slot.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::nuid::{parse_base62, push_base62};
use crate::error::{Code, Error, Result};
use crate::proto::block::View;
use crate::proto::message::Run;

/// Slots take the lower bits of a token, the generation of the slot the rest.
const SLOT_BITS: u32 = 24;

enum State {
    Free,
    Waiting(Option<Waker>),
    Done(Result<Run>),
}

struct Slot {
    generation: u64,
    /// Hash of the request's subject, to find it when the server denies the publish.
    subject: u64,
    /// When it has waited long enough.
    deadline: Option<Instant>,
    state: State,
}

#[derive(Default)]
struct Table {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// When [`Requests::expire`] will be called next.
    armed: Option<Instant>,
    /// There is a subscription to the inbox.
    listening: bool,
}

/// The table of requests in flight on one connection.
#[derive(Default)]
pub(crate) struct Requests {
    table: Mutex<Table>,
    /// A deadline has come up that is earlier than what [`expire`] waits for.
    earlier: Arc<Notify>,
}

impl Requests {
    /// Takes a slot and appends its token to `inbox`. The request ends with [`Code::Timeout`] at
    /// the deadline.
    ///
    /// # Errors
    /// More requests wait than a token can tell apart (16 million).
    pub(crate) fn open(
        self: &Arc<Requests>,
        subject: &str,
        inbox: &mut String,
        deadline: Option<Instant>,
    ) -> Result<Reply> {
        self.open_in(self.lock(), subject, inbox, deadline)
    }

    /// [`Requests::open`] if there is a subscription to the inbox.
    pub(crate) fn open_listening(
        self: &Arc<Requests>,
        subject: &str,
        inbox: &mut String,
        deadline: Option<Instant>,
    ) -> Option<Result<Reply>> {
        let table = self.lock();
        table.listening.then(|| self.open_in(table, subject, inbox, deadline))
    }

    /// There is a subscription to the inbox from now on, or there is none any more.
    pub(crate) fn listen(&self, listening: bool) {
        self.lock().listening = listening;
    }

    fn open_in(
        self: &Arc<Requests>,
        mut table: MutexGuard<'_, Table>,
        subject: &str,
        inbox: &mut String,
        deadline: Option<Instant>,
    ) -> Result<Reply> {
        let index = match table.free.pop() {
            Some(index) => index,
            None if table.slots.len() >> SLOT_BITS == 0 => {
                table.slots.push(Slot {
                    generation: 0,
                    subject: 0,
                    deadline: None,
                    state: State::Free,
                });
                table.slots.len() - 1
            }
            None => return Err(Error::new(Code::Internal, "too many requests are in flight")),
        };
        let slot = &mut table.slots[index];
        slot.state = State::Waiting(None);
        slot.subject = hash(subject);
        slot.deadline = deadline;
        let generation = slot.generation;
        let alone = table.slots.len() == table.free.len() + 1;
        // Mostly an earlier request's deadline comes first, and the timer stays as it is.
        if let Some(deadline) = deadline
            && table.armed.is_none_or(|armed| deadline < armed)
        {
            table.armed = Some(deadline);
            self.earlier.notify_one();
        }
        drop(table);
        push_base62(inbox, generation << SLOT_BITS | index as u64);
        Ok(Reply { requests: Arc::clone(self), index, generation, alone, over: false })
    }

    /// Gives each reply to whoever holds the slot that the last token of its subject, from `prefix`
    /// on, names. A late or foreign token is ignored. The wakers are to be woken.
    pub(crate) fn complete(&self, prefix: usize, replies: &mut Vec<Run>, wakers: &mut Vec<Waker>) {
        let mut table = self.lock();
        wakers.extend(replies.drain(..).filter_map(|reply| table.complete(prefix, reply)));
    }

    /// Ends every request in flight with `error`.
    pub(crate) fn fail_all(&self, error: &Error) {
        self.fail(error, |_| true);
    }

    /// Ends the requests to `subject`, which the server denied.
    pub(crate) fn fail_subject(&self, subject: &str, error: &Error) {
        let denied = hash(subject);
        self.fail(error, |slot| slot.subject == denied);
    }

    fn fail(&self, error: &Error, which: impl Fn(&Slot) -> bool) {
        let mut wakers = Vec::new();
        for slot in self.lock().slots.iter_mut().filter(|slot| which(slot)) {
            if let State::Waiting(waker) = &mut slot.state {
                wakers.extend(waker.take());
                slot.state = State::Done(Err(error.clone()));
            }
        }
        super::wakes::wake_all(wakers);
    }

    /// Ends the requests whose time is over; when the next one's is.
    fn expire(&self, now: Instant) -> Option<Instant> {
        let timeout = Error::from(Code::Timeout);
        self.fail(&timeout, |slot| slot.deadline.is_some_and(|deadline| deadline <= now));
        let mut table = self.lock();
        let waiting = table.slots.iter().filter(|slot| matches!(slot.state, State::Waiting(_)));
        let next = waiting.filter_map(|slot| slot.deadline).min();
        table.armed = next;
        next
    }

    /// Requests in flight.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let table = self.lock();
        table.slots.len() - table.free.len()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.earlier.notify_one();
    }
}

/// Ends requests at their deadlines as long as there is a table. One timer for all of them: setting
/// and clearing one for each costs more than the rest of a request.
pub(crate) async fn expire(requests: Weak<Requests>) {
    while let Some(table) = requests.upgrade() {
        let earlier = Arc::clone(&table.earlier);
        let next = table.expire(Instant::now());
        drop(table);
        match next {
            Some(deadline) => {
                // However it ends, the deadlines are looked at.
                let _ = tokio::time::timeout_at(deadline, earlier.notified()).await;
            }
            None => earlier.notified().await,
        }
    }
}

impl Table {
    fn complete(&mut self, prefix: usize, reply: Run) -> Option<Waker> {
        let number = parse_base62(reply.view(0).subject().get(prefix..)?)?;
        let index = (number & ((1 << SLOT_BITS) - 1)) as usize;
        let slot = self.slots.get_mut(index)?;
        if slot.generation != number >> SLOT_BITS {
            return None;
        }
        let State::Waiting(waker) = &mut slot.state else { return None };
        let waker = waker.take();
        let unheard = is_no_responders(reply.view(0));
        let reply = if unheard { Err(Code::NoResponders.into()) } else { Ok(reply) };
        slot.state = State::Done(reply);
        waker
    }

    /// Makes a slot ready for the next request.
    fn free(&mut self, index: usize, generation: u64) -> State {
        let Some(slot) = self.slots.get_mut(index) else { return State::Free };
        debug_assert_eq!(slot.generation, generation);
        slot.generation = (generation + 1) & (u64::MAX >> SLOT_BITS);
        let state = std::mem::replace(&mut slot.state, State::Free);
        self.free.push(index);
        state
    }
}

fn hash(subject: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    subject.hash(&mut hasher);
    hasher.finish()
}

/// A 503 without a payload is the server's word that nobody listens.
pub(crate) fn is_no_responders(message: View<'_>) -> bool {
    message.status() == 503 && message.payload().is_empty()
}

/// The future reply of one request. Dropping it frees the slot: a reply that comes later is
/// ignored.
pub(crate) struct Reply {
    requests: Arc<Requests>,
    index: usize,
    generation: u64,
    alone: bool,
    /// The outcome was handed out, and the slot with it.
    over: bool,
}

impl Reply {
    /// Whether no other request was in flight when this one was made.
    pub(crate) fn is_alone(&self) -> bool {
        self.alone
    }
}

impl Future for Reply {
    type Output = Result<Run>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let reply = &mut *self;
        let mut table = reply.requests.lock();
        match table.slots.get_mut(reply.index).filter(|_| !reply.over) {
            None => Poll::Ready(Err(Error::new(Code::Internal, "polled after the reply"))),
            Some(Slot { state: State::Waiting(waker), .. }) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Some(_) => {
                reply.over = true;
                match table.free(reply.index, reply.generation) {
                    State::Done(result) => Poll::Ready(result),
                    _ => Poll::Ready(Err(Code::Internal.into())),
                }
            }
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.over {
            let state = self.requests.lock().free(self.index, self.generation);
            // A waker or a message may hold anything: it is dropped behind the lock.
            drop(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::block::{Arrived, Block, Expected};
    use crate::proto::parse::{Frame, Limits, Parser, Step};
    use std::time::Duration;

    fn message(wire: &str) -> Run {
        let step = Parser::new(Limits::default()).next(wire.as_bytes()).unwrap();
        let Step::Frame { frame: Frame::Msg(frame), .. } = step else { panic!() };
        Block::new(Arrived::Copied(wire.as_bytes()), &frame, Expected::default()).into()
    }

    fn reply(requests: &Requests, token: &str, payload: &str) {
        let wire = format!("MSG in.{token} 1 {}\r\n{payload}\r\n", payload.len());
        requests.complete(3, &mut vec![message(&wire)], &mut Vec::new());
    }

    fn open(requests: &Arc<Requests>) -> (Reply, String) {
        let mut token = String::new();
        (requests.open("subject", &mut token, None).unwrap(), token)
    }

    fn poll(reply: &mut Reply) -> Poll<Result<Run>> {
        Pin::new(reply).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn replies_find_their_request_and_late_ones_find_nobody() {
        let requests = Arc::new(Requests::default());
        let (mut a, first) = open(&requests);
        let (mut b, second) = open(&requests);
        assert!(poll(&mut a).is_pending());
        reply(&requests, &second, "b");
        assert!(matches!(poll(&mut b), Poll::Ready(Ok(m)) if m.view(0).payload() == b"b"));
        drop((a, b));
        assert_eq!(requests.len(), 0);
        let (mut c, third) = open(&requests);
        assert!(third != first && third != second);
        for stale in [first.as_str(), second.as_str(), "zzzzzzzzzzz", "!", "zzzzzzzzzzzz"] {
            reply(&requests, stale, "x");
        }
        assert!(poll(&mut c).is_pending());
    }

    #[test]
    fn a_second_reply_and_a_failure_after_the_reply_change_nothing() {
        let requests = Arc::new(Requests::default());
        let (mut waiting, token) = open(&requests);
        reply(&requests, &token, "1");
        reply(&requests, &token, "2");
        requests.fail_all(&Code::ConnectionClosed.into());
        assert!(matches!(poll(&mut waiting), Poll::Ready(Ok(m)) if m.view(0).payload() == b"1"));
    }

    #[test]
    fn no_responders_and_lost_connections_are_errors() {
        let requests = Arc::new(Requests::default());
        let (mut unanswered, token) = open(&requests);
        let wire = format!("HMSG in.{token} 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
        requests.complete(3, &mut vec![message(&wire)], &mut Vec::new());
        let Poll::Ready(Err(error)) = poll(&mut unanswered) else { panic!() };
        assert_eq!(error.code(), Code::NoResponders);
        let (mut lost, _) = open(&requests);
        requests.fail_all(&Code::ConnectionLost.into());
        let Poll::Ready(Err(error)) = poll(&mut lost) else { panic!() };
        assert_eq!(error.code(), Code::ConnectionLost);
    }

    #[test]
    fn a_denied_subject_fails_its_requests_only() {
        let requests = Arc::new(Requests::default());
        let mut denied = requests.open("secret", &mut String::new(), None).unwrap();
        let (mut other, _) = open(&requests);
        requests.fail_subject("secret", &Code::Permission.into());
        let Poll::Ready(Err(error)) = poll(&mut denied) else { panic!() };
        assert_eq!(error.code(), Code::Permission);
        assert!(poll(&mut other).is_pending());
    }

    #[test]
    fn abandoned_requests_leave_nothing_behind() {
        let requests = Arc::new(Requests::default());
        for _ in 0..10_000 {
            drop(open(&requests));
        }
        assert_eq!((requests.len(), requests.lock().slots.len()), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_end_at_their_deadlines_and_the_task_with_the_table() {
        let requests = Arc::new(Requests::default());
        let task = tokio::spawn(expire(Arc::downgrade(&requests)));
        let started = Instant::now();
        let open = |ms: u64| {
            let deadline = Some(started + Duration::from_millis(ms));
            requests.open("subject", &mut String::new(), deadline).unwrap()
        };
        let (late, early, answered) = (open(300), open(200), open(100));
        drop(answered);
        let waits = async |reply: Reply| {
            let error = reply.await.unwrap_err();
            (error.code(), started.elapsed().as_millis())
        };
        assert_eq!(waits(early).await, (Code::Timeout, 200));
        assert_eq!(waits(late).await, (Code::Timeout, 300));
        assert_eq!(waits(open(400)).await, (Code::Timeout, 400));
        drop(requests);
        task.await.unwrap();
    }
}
