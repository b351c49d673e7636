//! The I/O of a connected link: one loop that reads, writes and keeps the time.

use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::driver::Driver;
use super::link::Link;
use super::migrate::Migration;
use super::shared::lock;
use crate::error::{Code, Error, Result};
use crate::proto::outbox::KEPT_CAPACITY;

/// How long a close waits for buffered bytes to leave.
const CLOSE_GRACE: Duration = Duration::from_secs(2);
/// How long a close waits for the server to close its side.
const GOODBYE_GRACE: Duration = Duration::from_millis(250);
/// Reads and writes of one turn, so that one connection cannot keep a worker to itself.
const TURNS: usize = 16;

/// Why a link ended.
pub(super) enum End {
    Lost(Error),
    Left,
    /// The connection goes on with the server that it moves to.
    Moved,
    Closed,
}

/// The block that is being written.
#[derive(Default)]
pub(super) struct Flight {
    pub(super) bytes: Vec<u8>,
    pub(super) written: usize,
    /// Control bytes (CONNECT, PONG, the replay of subscriptions) are not kept when the socket
    /// dies.
    pub(super) control: bool,
}

impl Driver {
    /// Reads and writes until the link ends.
    pub(super) async fn pump(&mut self, link: &mut Link) -> End {
        let mut sleep = pin!(tokio::time::sleep(Duration::MAX));
        let mut armed = None;
        std::future::poll_fn(|cx| self.poll_link(cx, link, sleep.as_mut(), &mut armed)).await
    }

    fn poll_link(
        &mut self,
        cx: &mut Context<'_>,
        link: &mut Link,
        mut sleep: Pin<&mut Sleep>,
        armed: &mut Option<Instant>,
    ) -> Poll<End> {
        if let Some(end) = self.obey(cx) {
            return Poll::Ready(end);
        }
        for _ in 0..TURNS {
            if self.migration.is_some() {
                self.poll_migration(cx);
            }
            let read = self.poll_read(cx, link);
            if let Poll::Ready(Err(error)) = read {
                let left = self.close_by.is_some() && self.said_goodbye;
                return Poll::Ready(if left { End::Closed } else { End::Lost(error) });
            }
            let wrote =
                if self.said_goodbye { Poll::Ready(Ok(())) } else { self.poll_write(cx, link) };
            match wrote {
                Poll::Ready(Err(error)) => return Poll::Ready(End::Lost(error)),
                Poll::Ready(Ok(())) => self.write_by = None,
                Poll::Pending => self.write_before_long(),
            }
            let leaving = self.migration.as_ref().is_some_and(Migration::is_leaving);
            if self.close_by.is_some() && wrote.is_ready() && !self.said_goodbye && !leaving {
                // The server reads what is left and closes. A socket that is dropped with unread
                // bytes would reset the connection, and the last publishes could be lost.
                link.poll_goodbye(cx);
                self.said_goodbye = true;
                self.close_by = Some(Instant::now() + GOODBYE_GRACE);
            }
            let rested = self.rest.on && self.rest.poll(cx).is_ready();
            self.look |= rested;
            if read.is_ready() || rested {
                continue;
            }
            let ping = lock(&link.inbound).session.poll_timeout();
            let due = [ping, self.close_by, self.write_by, self.migration_due()]
                .into_iter()
                .flatten()
                .min();
            let Some(due) = due else { return Poll::Pending };
            if *armed != Some(due) {
                sleep.as_mut().reset(due.into());
                *armed = Some(due);
            }
            ready!(sleep.as_mut().poll(cx));
            *armed = None;
            if let Some(end) = self.timers(link) {
                return Poll::Ready(end);
            }
        }
        // A server that never stops sending must not keep the timers, a close among them, waiting.
        if let Some(end) = self.timers(link) {
            return Poll::Ready(end);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Fires what is due.
    fn timers(&mut self, link: &Link) -> Option<End> {
        let now = Instant::now();
        if self.close_by.is_some_and(|by| by <= now) {
            return Some(End::Closed);
        }
        if self.write_by.is_some_and(|by| by <= now) {
            let limit = self.shared.options.write_timeout.as_millis();
            let text = format!("the server takes nothing: no byte could be written for {limit} ms");
            return Some(End::Lost(Error::new(Code::StaleConnection, text)));
        }
        if let Some(end) = self.migration_timer(now) {
            return Some(end);
        }
        let mut inbound = lock(&link.inbound);
        if let Err(error) = inbound.session.handle_timeout(now) {
            return Some(End::Lost(error));
        }
        self.notices(&mut inbound);
        None
    }

    /// The socket takes no more: begins to count the time, unless that is counted already.
    fn write_before_long(&mut self) {
        let limit = self.shared.options.write_timeout;
        if self.write_by.is_none() && !limit.is_zero() {
            self.write_by = Instant::now().checked_add(limit);
        }
    }

    /// Looks for orders and for something to write, if somebody has said that there is some.
    fn obey(&mut self, cx: &Context<'_>) -> Option<End> {
        let known = self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !self.rung.swap(false, Ordering::Acquire) && known {
            return None;
        }
        self.look = true;
        let mut outbox = lock(&self.shared.outbox);
        if !known {
            outbox.register(cx.waker(), &self.rung);
            self.waker = Some(cx.waker().clone());
        }
        let orders = outbox.orders();
        if orders.close && self.close_by.is_none() {
            self.close_by = Some(Instant::now() + CLOSE_GRACE);
        }
        drop(outbox);
        let leaving = self.migration.as_ref().is_some_and(Migration::is_leaving);
        if orders.arrive && leaving {
            return Some(End::Moved);
        }
        (orders.reconnect && !orders.close).then_some(End::Left)
    }

    /// Reads once. Ready(Ok): something was read.
    fn poll_read(&mut self, cx: &mut Context<'_>, link: &mut Link) -> Poll<Result<()>> {
        let mut inbound = lock(&link.inbound);
        let read = link.stream.poll_read(cx, inbound.buffer.room())?;
        match read {
            Poll::Ready(0) => {
                let text = "the server closed the connection";
                return Poll::Ready(Err(Error::new(Code::Io, text)));
            }
            Poll::Ready(count) => inbound.arrived(count, &self.shared),
            Poll::Pending => inbound.buffer.shrink(),
        }
        self.look |= link.stream.is_soon();
        // Only now, so that a flush that returns finds every earlier message in its queue.
        self.notices(&mut inbound);
        inbound.check()?;
        read.map(|_| Ok(()))
    }

    /// Writes until there is nothing left (Ready) or the socket takes no more (Pending).
    fn poll_write(&mut self, cx: &mut Context<'_>, link: &mut Link) -> Poll<Result<()>> {
        loop {
            if self.flight.written == self.flight.bytes.len() && !self.next_flight(link) {
                return link.stream.poll_flush(cx).map_err(Error::from);
            }
            if std::mem::take(&mut self.woken_to_write) && link.stream.peer_is_gone() {
                let text = "the server closed the connection";
                return Poll::Ready(Err(Error::new(Code::Io, text)));
            }
            let rest = self.flight.bytes.get(self.flight.written..).unwrap_or_default();
            let count = ready!(link.stream.poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(Error::new(Code::Io, "the socket takes no more bytes")));
            }
            self.flight.written += count;
            self.write_by = None;
            if !self.flight.control {
                let mut outbox = lock(&self.shared.outbox);
                outbox.written(count);
                if outbox.has_room() {
                    drop(outbox);
                    self.shared.room.notify_waiters();
                }
            }
        }
    }

    /// Takes the next block: control bytes first, then what users handed in.
    fn next_flight(&mut self, link: &Link) -> bool {
        self.flight.bytes.clear();
        self.flight.written = 0;
        if self.migration.as_ref().is_some_and(Migration::is_ready) && self.control.is_empty() {
            self.leave();
            return true;
        }
        lock(&link.inbound).session.poll_output(&mut self.control);
        if !self.look && self.control.is_empty() {
            return false;
        }
        self.look = true;
        let mut outbox = lock(&self.shared.outbox);
        self.flight.control = !self.control.is_empty() && outbox.claim();
        if self.flight.control {
            std::mem::swap(&mut self.flight.bytes, &mut self.control);
            return true;
        }
        let streamed = outbox.streamed();
        let may_rest = !self.rest.end() && self.close_by.is_none() && self.rest.is_due();
        if may_rest && self.rest.start() {
            if outbox.rest() {
                self.look = false;
                return false;
            }
            self.rest.on = false;
        }
        if let Some(begun) = outbox.take(&mut self.flight.bytes) {
            self.rest.wrote(streamed);
            self.flight.written = begun;
            self.woken_to_write = std::mem::take(&mut self.was_idle);
            return true;
        }
        self.rest.idle();
        (self.was_idle, self.look) = (true, false);
        if self.flight.bytes.capacity() > KEPT_CAPACITY {
            self.flight.bytes = Vec::new();
        }
        false
    }
}
