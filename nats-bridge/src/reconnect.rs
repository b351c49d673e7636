//! The program's own choice of the wait before another attempt to reconnect.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_core::{ReconnectDelay, Result};
use tokio::sync::oneshot;

use crate::delivery::{Job, Next, Source, Turn};
use crate::pool;
use crate::sync::lock;

/// Called with the number of rounds over the servers that have failed; `None` stands for the usual
/// back-off. It may block.
pub type DelayFn = Box<dyn FnMut(u32) -> Option<Duration> + Send>;

/// A [`ReconnectDelay`] for one connection that has `call` run on a delivery thread. `call` ends
/// when the connection does.
///
/// # Errors
/// [`nats_core::Code::Io`] when no delivery thread can be started.
pub fn on_delivery_thread(call: DelayFn) -> Result<ReconnectDelay> {
    let inbox = Inbox::default();
    let job = Delays { inbox: Arc::clone(&inbox), call };
    // The connection does not exist yet, so the callbacks are of no group.
    let source = Running(Source::new(pool::pool()?, 0, Box::new(job))?);
    source.0.start();
    Ok(Arc::new(move |round| {
        let (answer, asked) = oneshot::channel();
        lock(&inbox).push_back((round, answer));
        source.0.schedule();
        Box::pin(async move { asked.await.ok().flatten() })
    }))
}

/// Questions with the place for their answers.
type Inbox = Arc<Mutex<VecDeque<(u32, oneshot::Sender<Option<Duration>>)>>>;

/// Stops the source with the connection.
struct Running(Arc<Source>);

struct Delays {
    inbox: Inbox,
    call: DelayFn,
}

impl Job for Delays {
    fn run(&mut self, turn: &Turn<'_>) -> Next {
        while !turn.is_stopped() {
            let Some((round, answer)) = lock(&self.inbox).pop_front() else {
                return Next::Wait;
            };
            turn.call(|| {
                // Nobody waits any more when the connection was closed meanwhile.
                let _ = answer.send((self.call)(round));
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
