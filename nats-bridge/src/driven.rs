//! Operations that are carried on by whoever wakes them, without a task of the runtime.
//!
//! A task is handed to another thread twice, when it starts and when it is woken. An operation that
//! waits for one answer and has hardly anything to do with it is cheaper where the answer arrives.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use nats_core::Result;

use crate::queue::{Queue, Ticket, caught};
use crate::running::{Abort, Running};
use crate::sync::lock;

/// Nobody polls.
const IDLE: u8 = 0;
/// A thread polls, or the operation has ended.
const POLLED: u8 = 1;
/// A thread polls, and has to do so once more.
const AGAIN: u8 = 2;

struct Operation<V: 'static, F> {
    state: AtomicU8,
    ended: AtomicBool,
    /// None: it has ended.
    work: Mutex<Option<Work<V, F>>>,
}

struct Work<V: 'static, F> {
    future: F,
    /// None in the first step, whose errors are the caller's.
    ticket: Option<Ticket<V>>,
}

impl<V: Send + 'static> Queue<V> {
    /// Like [`Queue::start`], for an operation whose steps are short, take no lock under which it
    /// may be woken, and need nothing of the runtime: they are made by the thread that wakes it.
    ///
    /// # Errors
    /// Those of the first step, for which there is no completion then.
    pub fn drive<F>(&self, token: u64, operation: F) -> Result<Option<Running>>
    where
        F: Future<Output = Result<V>> + Unpin + Send + 'static,
    {
        let operation = Arc::new(Operation {
            state: AtomicU8::new(POLLED),
            ended: AtomicBool::new(false),
            work: Mutex::new(Some(Work { future: operation, ticket: None })),
        });
        if let Some((result, _)) = operation.step(|| Some(self.ticket(token))) {
            // There is no ticket yet: its drop would be a completion.
            let value = result?;
            self.ticket(token).complete(Ok(value));
            return Ok(None);
        }
        if !operation.rest() {
            operation.carry_on();
        }
        Ok(Some(Running::driven(operation)))
    }
}

impl<V, F> Operation<V, F>
where
    V: Send + 'static,
    F: Future<Output = Result<V>> + Unpin + Send + 'static,
{
    /// Polls once. At the end the result and the ticket are returned; otherwise `ticket` supplies
    /// one that is still missing.
    fn step(
        self: &Arc<Self>,
        ticket: impl FnOnce() -> Option<Ticket<V>>,
    ) -> Option<(Result<V>, Option<Ticket<V>>)> {
        let mut slot = lock(&self.work);
        let work = slot.as_mut()?;
        let waker = Waker::from(Arc::clone(self));
        match caught(|| Pin::new(&mut work.future).poll(&mut Context::from_waker(&waker))) {
            Poll::Pending => {
                work.ticket = work.ticket.take().or_else(ticket);
                None
            }
            Poll::Ready(result) => {
                let ended = slot.take();
                self.ended.store(true, Ordering::Release);
                // What ends with the future may wake others, and the hook of a queue may do
                // anything.
                drop(slot);
                ended.map(|work| (result, work.ticket))
            }
        }
    }

    /// The end of a poll that has left the operation waiting: false when it was woken meanwhile.
    fn rest(&self) -> bool {
        self.state.compare_exchange(POLLED, IDLE, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Polls as long as it is woken.
    fn carry_on(self: &Arc<Self>) {
        loop {
            self.state.store(POLLED, Ordering::Release);
            if let Some((result, ticket)) = self.step(|| None) {
                if let Some(ticket) = ticket {
                    ticket.complete(result);
                }
                return;
            }
            if self.rest() {
                return;
            }
        }
    }

    fn wake_now(self: &Arc<Self>) {
        let next = |state| match state {
            IDLE => Some(POLLED),
            POLLED => Some(AGAIN),
            _ => None,
        };
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) == Ok(IDLE) {
            self.carry_on();
        }
    }
}

impl<V, F> Wake for Operation<V, F>
where
    V: Send + 'static,
    F: Future<Output = Result<V>> + Unpin + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        self.wake_now();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_now();
    }
}

impl<V: Send + 'static, F: Send> Abort for Operation<V, F> {
    fn abort(&self) {
        let given_up = lock(&self.work).take();
        self.ended.store(true, Ordering::Release);
        // Completes with CANCELLED.
        drop(given_up);
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

#[cfg(test)]
#[path = "driven_tests.rs"]
mod tests;
