//! A publisher as bindings hold it: what becomes of its messages is read by calls, or delivered to a
//! callback.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use nats_core::jetstream::{self, JetStream, Outcome, PublishOptions, PublisherOptions};
use nats_core::{Code, Error, Publish, Result};

use crate::connection::Connection;
use crate::delivery::{Job, Lifeline, Next, Source, Turn};
use crate::queue::Queue;
use crate::table::{Row, Set, apply};
use crate::watch::{WatchPlace, Watched};
use crate::{pool, runtime, wait};

/// How many outcomes a callback is given at once.
const BATCH: usize = 256;

/// The options of a publisher.
pub const PUBLISHER: &[Row<PublisherOptions>] = &[
    Row {
        key: "window",
        unit: "messages",
        default: "4000",
        since: "0.1",
        doc: "How many messages may wait for their acknowledgement, or for the program to take what \
              became of them.",
        set: Set::Integer(1, 1 << 24, |o, v| o.window = v as usize),
    },
    Row {
        key: "window_bytes",
        unit: "bytes",
        default: "67108864",
        since: "0.1",
        doc: "How many bytes of payloads may; 0 for no limit.",
        set: Set::Integer(0, u64::MAX, |o, v| o.window_bytes = v as usize),
    },
    Row {
        key: "stall_ms",
        unit: "ms",
        default: "200",
        since: "0.1",
        doc: "How long to wait for room.",
        set: Set::Millis(0, |o, v| o.stall = v),
    },
    Row {
        key: "ack_timeout_ms",
        unit: "ms",
        default: "the JetStream's",
        since: "0.1",
        doc: "How long to wait for an acknowledgement.",
        set: Set::Millis(1, |o, v| o.ack_timeout = Some(v)),
    },
];

/// Told what became of messages, in the order in which it was known.
pub type OutcomesFn = Box<dyn FnMut(Vec<Outcome>) + Send>;

/// A publisher.
pub struct Publisher {
    core: jetstream::Publisher,
    mode: Mode,
}

enum Mode {
    /// Read by calls; perhaps watched.
    Polled(WatchPlace),
    /// Delivered to a callback.
    Callback(Lifeline),
}

impl Publisher {
    /// A publisher with options from a JSON object. With `told`, outcomes are delivered to it on a
    /// delivery thread, until the publisher is dropped, once [`Publisher::start`] was called.
    ///
    /// # Errors
    /// Those of [`apply`] and of [`JetStream::publisher`]; [`Code::Io`] when no delivery thread can be
    /// started.
    pub fn new(
        connection: &Connection,
        js: &JetStream,
        options: &str,
        told: Option<OutcomesFn>,
    ) -> Result<Publisher> {
        let mut wanted = PublisherOptions::default();
        apply(PUBLISHER, &mut wanted, options)?;
        let runtime = runtime::handle()?;
        let _inside = runtime.enter();
        let core = js.publisher(&wanted)?;
        let mode = match told {
            None => Mode::Polled(WatchPlace::default()),
            Some(told) => {
                let job = Outcomes { core: core.clone(), told };
                let source = Source::new(pool::pool()?, connection.id(), Box::new(job))?;
                Mode::Callback(Lifeline::of(source))
            }
        };
        Ok(Publisher { core, mode })
    }

    /// Begins to deliver to the callback.
    pub fn start(&self) {
        if let Mode::Callback(lifeline) = &self.mode {
            lifeline.source().start();
        }
    }

    /// The core's publisher.
    pub fn core(&self) -> &jetstream::Publisher {
        &self.core
    }

    /// Publishes a message; waits for room in the window and in the outbound buffer. What becomes of it
    /// is told under the token; without one nobody is told unless it fails, see
    /// [`jetstream::Publisher::complete`].
    ///
    /// # Errors
    /// As [`jetstream::Publisher::publish_told`].
    pub fn publish(
        &self,
        publish: &Publish<'_>,
        options: &PublishOptions,
        token: Option<u64>,
    ) -> Result<()> {
        match self.core.publish_now(publish, options, token) {
            Err(error) if matches!(error.code(), Code::PublisherStalled | Code::OutboundFull) => {
                let patient = self.core.publish_told(publish, options, token);
                wait::read_for(self.core.client(), patient)?
            }
            published => published,
        }
    }

    /// What became of messages with a token: at most `max`, at least one; waits at most `timeout`.
    ///
    /// # Errors
    /// [`Code::Timeout`]; [`Code::ConnectionClosed`] once nothing more will be known;
    /// [`Code::InvalidArgument`] with a callback.
    pub fn take(&self, max: usize, timeout: Duration) -> Result<Vec<Outcome>> {
        let watch = self.watcher()?;
        if max == 0 {
            return Err(Error::new(Code::InvalidArgument, "cap: 0; expected at least 1"));
        }
        let deadline = Instant::now() + timeout.min(wait::MAX_WAIT);
        loop {
            let taken = self.core.outcomes(max);
            if taken.len() < max {
                watch.rearm();
            }
            if !taken.is_empty() {
                return Ok(taken);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Code::Timeout.into());
            }
            wait::read_until(self.core.client(), poll_fn(|cx| self.core.poll_outcomes(cx)), left)??;
        }
    }

    /// Puts a mark with `token` into `queue` when there are outcomes; replaces an earlier watch.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] with a callback.
    pub fn watch<V: Send + 'static>(&self, queue: &Queue<V>, token: u64) -> Result<()> {
        self.watcher()?.watch(&self.core, queue, token);
        Ok(())
    }

    /// Waits until it is known of every message what became of it.
    ///
    /// # Errors
    /// As [`jetstream::Publisher::complete`].
    pub fn complete(&self, timeout: Duration) -> Result<()> {
        wait::read_for(self.core.client(), self.core.complete(timeout))?
    }

    fn watcher(&self) -> Result<&WatchPlace> {
        match &self.mode {
            Mode::Polled(watch) => Ok(watch),
            Mode::Callback(_) => {
                let text = "the publisher delivers to a callback and cannot be read";
                Err(Error::new(Code::InvalidArgument, text))
            }
        }
    }
}

impl Watched for jetstream::Publisher {
    fn poll_something(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_outcomes(cx).map(drop)
    }

    fn pending(&self) -> u64 {
        self.known() as u64
    }
}

/// Delivers outcomes to a callback.
struct Outcomes {
    core: jetstream::Publisher,
    told: OutcomesFn,
}

impl Job for Outcomes {
    fn run(&mut self, turn: &Turn<'_>) -> Next {
        while !turn.is_stopped() {
            let taken = self.core.outcomes(BATCH);
            if !taken.is_empty() {
                turn.call(|| (self.told)(taken));
                if turn.is_spent() {
                    return Next::Again;
                }
                continue;
            }
            match self.core.poll_outcomes(&mut Context::from_waker(&turn.waker())) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Next::Done,
                Poll::Pending => return Next::Wait,
            }
        }
        Next::Done
    }
}
