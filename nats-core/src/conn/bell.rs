//! Wakes a thread that waits for a socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Wake;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// Nobody waits, and nobody has rung.
const QUIET: u8 = 0;
/// A thread waits: who rings has to make the descriptor readable.
const WAITING: u8 = 1;
/// The next wait returns at once.
const RUNG: u8 = 2;

/// One thread at a time waits for it; any may ring. A system call is made only when that thread
/// sleeps.
#[derive(Debug)]
pub struct Bell {
    fd: OwnedFd,
    state: AtomicU8,
}

impl Bell {
    pub(super) fn new() -> io::Result<Bell> {
        let fd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Bell { fd, state: AtomicU8::new(QUIET) })
    }

    /// Ends the wait of the thread that waits now, or the next wait.
    pub fn ring(&self) {
        if self.state.swap(RUNG, Ordering::AcqRel) == WAITING {
            // Can only fail by overflow, and then the descriptor is readable anyway.
            let _ = rustix::io::write(&self.fd, &1_u64.to_ne_bytes());
        }
    }

    /// Waits until somebody rings, `other` is readable, or the time is over; it may return for no
    /// reason, too. Returns whether `other` is readable, or was closed by the peer.
    pub(super) fn wait(&self, other: Option<BorrowedFd<'_>>, timeout: Duration) -> bool {
        let begun =
            self.state.compare_exchange(QUIET, WAITING, Ordering::AcqRel, Ordering::Acquire);
        let mut readable = false;
        if begun.is_ok() {
            let timeout = Timespec::try_from(timeout).ok();
            let bell = PollFd::from_borrowed_fd(self.fd.as_fd(), PollFlags::IN);
            let ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
            let rung = if let Some(other) = other {
                let mut fds = [bell, PollFd::from_borrowed_fd(other, PollFlags::IN)];
                // An interrupt is a return for no reason.
                let _ = poll(&mut fds, timeout.as_ref());
                readable = ready(&fds[1]);
                ready(&fds[0])
            } else {
                let mut fds = [bell];
                let _ = poll(&mut fds, timeout.as_ref());
                ready(&fds[0])
            };
            if rung {
                // Can only fail because it is clear already.
                let _ = rustix::io::read(&self.fd, &mut [0; 8]);
            }
        }
        self.state.store(QUIET, Ordering::Release);
        readable
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_ring_ends_the_wait_and_is_kept_for_the_next() {
        let bell = Arc::new(Bell::new().unwrap());
        bell.ring();
        assert!(!bell.wait(None, LONG));
        let started = Instant::now();
        assert!(!bell.wait(None, Duration::from_millis(20)));
        assert!(started.elapsed() >= Duration::from_millis(20), "a ring counts once");
        let ringer = std::thread::spawn({
            let bell = Arc::clone(&bell);
            move || {
                while bell.state.load(Ordering::Acquire) != WAITING {
                    std::hint::spin_loop();
                }
                bell.ring();
            }
        });
        let started = Instant::now();
        bell.wait(None, LONG);
        assert!(started.elapsed() < LONG);
        ringer.join().unwrap();
    }

    #[test]
    fn no_ring_is_lost_however_they_meet() {
        let (bell, seen) = (Arc::new(Bell::new().unwrap()), Arc::new(AtomicU8::new(0)));
        let ringer = std::thread::spawn({
            let (bell, seen) = (Arc::clone(&bell), Arc::clone(&seen));
            move || {
                for round in 0..10_000_u32 {
                    let next = (round % 251) as u8 + 1;
                    seen.store(next, Ordering::Release);
                    bell.ring();
                    while seen.load(Ordering::Acquire) == next {
                        std::hint::spin_loop();
                    }
                }
            }
        });
        let started = Instant::now();
        for _ in 0..10_000 {
            while seen.swap(0, Ordering::AcqRel) == 0 {
                bell.wait(None, LONG);
            }
        }
        assert!(started.elapsed() < LONG, "a ring was lost");
        ringer.join().unwrap();
    }
}
