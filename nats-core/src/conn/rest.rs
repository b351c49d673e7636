//! A short sleep of the driver, in which publishes gather.
//!
//! The runtime's timers know milliseconds only, which is too long for a message to wait.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::net::unix::pipe::Receiver;

/// How long a rest takes.
const TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000 };
/// So many publishes between two writes, ...
const MANY: u32 = 64;
/// ... each so soon after the other, are a stream for which a rest pays.
const APART: Duration = Duration::from_micros(4);

/// The timer, made when it is first needed.
#[derive(Default)]
pub(super) struct Rest {
    /// A timerfd; read like the end of a pipe, whose type is the one that waits for any descriptor
    /// without unsafe code.
    timer: Option<Receiver>,
    /// It is running.
    pub(super) on: bool,
    /// It has run, and nothing was written since.
    over: bool,
    last: Option<(Instant, u64)>,
    busy: bool,
}

impl Rest {
    /// The end of a rest, by the timer or cut short. Returns whether there was one.
    pub(super) fn end(&mut self) -> bool {
        std::mem::take(&mut self.on) | std::mem::take(&mut self.over)
    }

    /// Whether the last write was one of a stream.
    pub(super) fn is_due(&self) -> bool {
        self.busy
    }

    /// The driver begins to write, and so much was published in all that nobody waits for.
    pub(super) fn wrote(&mut self, streamed: u64) {
        let now = Instant::now();
        self.busy = self.last.is_some_and(|(at, before)| {
            let count = u32::try_from(streamed.wrapping_sub(before)).unwrap_or(u32::MAX);
            count >= MANY && now.duration_since(at) < APART.saturating_mul(count)
        });
        self.last = Some((now, streamed));
    }

    /// There was nothing to write: the stream has ended.
    pub(super) fn idle(&mut self) {
        self.busy = false;
    }

    /// Starts the timer; false when there is none to be had.
    pub(super) fn start(&mut self) -> bool {
        self.on = self.try_start().is_ok();
        self.on
    }

    /// Ready when the rest is over, or there is none.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(timer) = self.timer.as_ref().filter(|_| self.on) else { return Poll::Ready(()) };
        while ready!(timer.poll_read_ready(cx)).is_ok() {
            match timer.try_read(&mut [0; 8]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => break,
            }
        }
        (self.on, self.over) = (false, true);
        Poll::Ready(())
    }

    fn try_start(&mut self) -> io::Result<()> {
        let timer = match &mut self.timer {
            Some(timer) => timer,
            none => {
                let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
                let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
                none.insert(Receiver::from_owned_fd_unchecked(fd)?)
            }
        };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: TIME };
        timerfd_settime(timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}
