//! The program's own choice of the wait before another attempt to reconnect.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_core::{ReconnectDelay, Result};
use tokio::sync::oneshot;

use crate::delivery::{Job, Next, Source, Turn};
use crate::pool;
use crate::sync::lock;

/// How long an answer is waited for: a program that does not answer must not keep its connection
/// from coming back.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before another round over the servers? Dropped, it is answered by the usual
/// back-off.
pub struct Question {
    attempts: u32,
    answer: oneshot::Sender<Option<Duration>>,
}

/// Called with the number of rounds over the servers that have failed; `None` stands for the usual
/// back-off. It may block.
pub type DelayFn = Box<dyn FnMut(u32) -> Option<Duration> + Send>;

impl Question {
    /// How many rounds over the servers have failed since the connection was lost.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Answers; `None` stands for the usual back-off.
    pub fn answer(self, delay: Option<Duration>) {
        // Nobody waits any more when the connection was closed meanwhile.
        let _ = self.answer.send(delay);
    }
}

/// A [`ReconnectDelay`] that hands its questions to `ask`, which must return at once.
pub fn asking(ask: impl Fn(Question) + Send + Sync + 'static) -> ReconnectDelay {
    Arc::new(move |attempts| {
        let (answer, asked) = oneshot::channel();
        ask(Question { attempts, answer });
        Box::pin(async move { tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()? })
    })
}

/// A [`ReconnectDelay`] for one connection that has `call` run on a delivery thread. `call` ends
/// when the connection does.
///
/// # Errors
/// [`nats_core::Code::Io`] when no delivery thread can be started.
pub fn on_delivery_thread(call: DelayFn) -> Result<ReconnectDelay> {
    let inbox: Arc<Mutex<VecDeque<_>>> = Arc::default();
    let job = Delays { inbox: Arc::clone(&inbox), call };
    // The connection does not exist yet, so the callbacks are of no group.
    let source = Running(Source::new(pool::pool()?, 0, Box::new(job))?);
    source.0.start();
    Ok(asking(move |question| {
        lock(&inbox).push_back(question);
        source.0.schedule();
    }))
}

/// Stops the source with the connection.
struct Running(Arc<Source>);

struct Delays {
    inbox: Arc<Mutex<VecDeque<Question>>>,
    call: DelayFn,
}

impl Job for Delays {
    fn run(&mut self, turn: &Turn<'_>) -> Next {
        while !turn.is_stopped() {
            let Some(question) = lock(&self.inbox).pop_front() else {
                return Next::Wait;
            };
            turn.call(|| {
                let delay = (self.call)(question.attempts());
                question.answer(delay);
            });
        }
        Next::Done
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.stop();
    }
}
