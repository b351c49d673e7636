//! A plain TCP socket, which others than the driver may use while that sleeps.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::epoll;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::bell::Bell;

/// The driver reads.
const DRIVER: u8 = 0;
/// A thread that waits does.
const LED: u8 = 1;
/// Nobody does, until a thread comes back or the driver's timer has run.
const LEFT: u8 = 2;
/// Nobody ever again but the driver: there is nothing more to read.
const ENDED: u8 = 3;

/// How soon the driver looks after what a thread has left to do.
const SOON: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000 };

/// The socket itself. It does not block.
pub(crate) struct Socket {
    tcp: TcpStream,
    /// Some thread would have read it while it waited.
    wanted: AtomicBool,
    /// Who reads it.
    turn: AtomicU8,
    /// What it takes to do so, made by the driver when it is first wanted.
    gear: OnceLock<Arc<Gear>>,
}

struct Gear {
    /// Watches the socket, and is watched by the runtime in its place: it can be made to look away.
    watch: OwnedFd,
    bell: Arc<Bell>,
    /// Wakes the driver, by way of `watch`, to write.
    timer: OwnedFd,
    /// It was started once: from then on the driver asks it. A flag that was cleared at its end
    /// could be cleared for a start that has just been made, which nobody would see end then.
    timer_used: AtomicBool,
}

impl Socket {
    pub(crate) fn is_gone(&self) -> bool {
        peer_is_gone(&self.tcp)
    }

    /// Writes what the socket takes at once.
    pub(crate) fn write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.tcp).write_vectored(pieces)
    }

    /// Reads what is there.
    pub(crate) fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        (&self.tcp).read(room)
    }

    /// Makes the calling thread the one that is told when there is something to read, instead of
    /// the driver; true: another one has left it shortly before. None: another thread reads, or the
    /// driver has first to prepare for that; then `prepare` is called.
    pub(crate) fn lead(&self, prepare: impl FnOnce()) -> Option<(Arc<Bell>, bool)> {
        let Some(gear) = self.gear.get() else {
            if !self.wanted.swap(true, Ordering::AcqRel) {
                prepare();
            }
            return None;
        };
        if self.turn(LEFT, LED) {
            return Some((Arc::clone(&gear.bell), true));
        }
        if !self.turn(DRIVER, LED) {
            return None;
        }
        if self.look_away(gear).is_err() {
            self.give_back();
            return None;
        }
        Some((Arc::clone(&gear.bell), false))
    }

    /// The end of [`Socket::lead`]: the driver reads.
    pub(crate) fn give_back(&self) {
        if let Some(gear) = self.gear.get() {
            self.watch_again(gear);
        }
        self.turn.store(DRIVER, Ordering::Release);
    }

    /// The end of [`Socket::lead`] at the end of the socket, which the driver is to see. Nobody leads it
    /// any more: the thread that has done so may wait for its bell yet, which is one thread's alone.
    pub(crate) fn give_up(&self) {
        if let Some(gear) = self.gear.get() {
            self.watch_again(gear);
        }
        self.turn.store(ENDED, Ordering::Release);
    }

    /// The end of [`Socket::lead`] for a thread that will soon be back: the driver is not told what
    /// arrives until [`SOON`].
    pub(crate) fn leave(&self) {
        self.turn.store(LEFT, Ordering::Release);
        if !self.start_timer() {
            self.give_back();
        }
    }

    fn turn(&self, from: u8, to: u8) -> bool {
        self.turn.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn look_away(&self, gear: &Gear) -> io::Result<()> {
        self.watch(gear, epoll::EventFlags::empty())?;
        // What was ready once stays in the list of those that are until somebody asks, and does not
        // become ready again as long as it is there: the driver would not be told.
        let mut events = [MaybeUninit::uninit(); 2];
        epoll::wait(&gear.watch, &mut events[..], Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
        Ok(())
    }

    fn watch_again(&self, gear: &Gear) {
        // It has been done before with the same descriptors, and takes no memory.
        let _ = self.watch(gear, epoll::EventFlags::IN);
    }

    /// Waits until there is something to read, the bell rings or the time is over.
    pub(crate) fn wait(&self, bell: &Bell, timeout: Duration) -> bool {
        bell.wait(Some(self.as_fd()), timeout)
    }

    /// Has the driver look for something to write soon. False: there is no timer.
    pub(crate) fn send_soon(&self) -> bool {
        // Then the timer runs already.
        self.turn.load(Ordering::Acquire) == LEFT || self.start_timer()
    }

    /// The driver's side: whether it is to look for something to write. What a thread has left is
    /// its own again.
    pub(crate) fn is_soon(&self) -> bool {
        let Some(gear) = self.gear.get() else { return false };
        let over = gear.timer_used.load(Ordering::Acquire)
            && rustix::io::read(&gear.timer, &mut [0; 8]).is_ok();
        if over && self.turn(LEFT, DRIVER) {
            self.watch_again(gear);
        }
        over
    }

    fn start_timer(&self) -> bool {
        let Some(gear) = self.gear.get() else { return false };
        gear.timer_used.store(true, Ordering::Release);
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: SOON };
        timerfd_settime(&gear.timer, TimerfdTimerFlags::empty(), &once).is_ok()
    }

    fn watch(&self, gear: &Gear, events: epoll::EventFlags) -> io::Result<()> {
        Ok(epoll::modify(&gear.watch, &self.tcp, epoll::EventData::new_u64(0), events)?)
    }

    fn prepare(&self) -> io::Result<&Arc<Gear>> {
        let watch = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&watch, &self.tcp, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        epoll::add(&watch, &timer, epoll::EventData::new_u64(1), epoll::EventFlags::IN)?;
        let (bell, timer_used) = (Arc::new(Bell::new()?), AtomicBool::new(false));
        let gear = Arc::new(Gear { watch, bell, timer, timer_used });
        Ok(self.gear.get_or_init(|| gear))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}

/// Whether the peer is known to be gone. Asks the kernel rather than the runtime's cached readiness:
/// a write to a socket whose peer has just died succeeds, and its bytes are lost.
pub(crate) fn peer_is_gone(socket: &impl AsFd) -> bool {
    match SockRef::from(socket).peek(&mut [MaybeUninit::uninit()]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

/// The driver's side of a socket: how the runtime watches it.
pub(crate) struct Watched {
    socket: Arc<Socket>,
    reads: AsyncFd<Watch>,
    /// None: `reads` is for both.
    writes: Option<AsyncFd<Watch>>,
}

/// What the runtime watches.
enum Watch {
    Itself(Arc<Socket>),
    Gear(Arc<Gear>),
}

impl AsRawFd for Watch {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Watch::Itself(socket) => socket.tcp.as_raw_fd(),
            Watch::Gear(gear) => gear.watch.as_raw_fd(),
        }
    }
}

impl Watch {
    /// The successor of this constructor is the same, but unsafe: it has to be promised that the
    /// descriptor stays open and is the same, which [`Watch`] holds by owning it.
    #[expect(deprecated)]
    fn by_runtime(self, interest: Interest) -> io::Result<AsyncFd<Watch>> {
        AsyncFd::with_interest(self, interest)
    }
}

impl Watched {
    pub(crate) fn new(stream: tokio::net::TcpStream) -> io::Result<Watched> {
        let socket = Arc::new(Socket {
            tcp: stream.into_std()?,
            wanted: AtomicBool::new(false),
            turn: AtomicU8::new(DRIVER),
            gear: OnceLock::new(),
        });
        let reads = Watch::Itself(Arc::clone(&socket))
            .by_runtime(Interest::READABLE | Interest::WRITABLE)?;
        Ok(Watched { socket, reads, writes: None })
    }

    pub(crate) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.writes.is_none() && self.socket.wanted.load(Ordering::Acquire) {
            self.prepare()?;
        }
        loop {
            let mut guard = ready!(self.reads.poll_read_ready(cx))?;
            match self.socket.read(room) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => guard.clear_ready(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(count) => {
                    // The socket was empty then. Only of itself the runtime remembers its end.
                    if self.writes.is_none() && 0 < count && count < room.len() {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(count));
                }
                failed => return Poll::Ready(failed),
            }
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let writes = self.writes.as_ref().unwrap_or(&self.reads);
        loop {
            let mut guard = ready!(writes.poll_write_ready(cx))?;
            match self.socket.write(&[IoSlice::new(bytes)]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => guard.clear_ready(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                written => return Poll::Ready(written),
            }
        }
    }

    /// Says that nothing follows.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.socket.tcp.shutdown(Shutdown::Write)
    }

    /// Prepares for threads that read while they wait, since one would have liked to. Without the
    /// descriptors that it takes, the driver goes on reading alone.
    fn prepare(&mut self) -> io::Result<()> {
        let Ok(gear) = self.socket.prepare() else {
            self.socket.wanted.store(false, Ordering::Release);
            return Ok(());
        };
        self.reads = Watch::Gear(Arc::clone(gear)).by_runtime(Interest::READABLE)?;
        let itself = Watch::Itself(Arc::clone(&self.socket));
        self.writes = Some(itself.by_runtime(Interest::WRITABLE)?);
        Ok(())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // A thread that waits for the socket keeps it open until then.
        let _ = self.socket.tcp.shutdown(Shutdown::Both);
    }
}
