//! The connection to a server: plain TCP, or something over it or instead of it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;

use super::inbound::Inbound;
use super::socket::{Socket, Watched};
use super::transport::Transport;

/// A connected socket.
pub(crate) enum Stream {
    Plain(Watched),
    Other(Box<dyn Transport>),
}

/// The way past the driver while that sleeps; there is none through anything but plain TCP.
#[derive(Clone, Default)]
pub(crate) struct Shortcut {
    socket: Weak<Socket>,
    inbound: Weak<Mutex<Inbound>>,
}

impl Shortcut {
    /// Writes what the socket takes at once; 0 when it takes nothing, whatever the reason.
    pub(crate) fn write<const N: usize>(&self, pieces: [&[u8]; N]) -> usize {
        let Some(socket) = self.socket.upgrade().filter(|socket| !socket.is_gone()) else {
            return 0;
        };
        socket.write(&pieces.map(IoSlice::new)).unwrap_or(0)
    }

    /// Has the driver look for something to write soon; false when it has no timer for that.
    pub(crate) fn send_soon(&self) -> bool {
        self.socket.upgrade().is_some_and(|socket| socket.send_soon())
    }

    /// What can be read past the driver, and where it goes.
    pub(crate) fn inbound(&self) -> Option<(Arc<Socket>, Arc<Mutex<Inbound>>)> {
        Some((self.socket.upgrade()?, self.inbound.upgrade()?))
    }
}

impl Stream {
    /// Whether the peer is known to be gone.
    pub(crate) fn peer_is_gone(&self) -> bool {
        match self {
            Stream::Plain(watched) => watched.socket().is_gone(),
            Stream::Other(stream) => stream.peer_is_gone(),
        }
    }

    /// Whether it is time to write what [`Shortcut::send_soon`] was called for.
    pub(crate) fn is_soon(&self) -> bool {
        match self {
            Stream::Plain(watched) => watched.socket().is_soon(),
            Stream::Other(_) => false,
        }
    }

    /// The way past the driver, who hands out through `inbound`.
    pub(crate) fn shortcut(&self, inbound: &Arc<Mutex<Inbound>>) -> Shortcut {
        match self {
            Stream::Plain(watched) => Shortcut {
                socket: Arc::downgrade(watched.socket()),
                inbound: Arc::downgrade(inbound),
            },
            Stream::Other(_) => Shortcut::default(),
        }
    }

    /// Reads into `room`; 0 is the end.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Stream::Plain(watched) => watched.poll_read(cx, room),
            Stream::Other(stream) => {
                let mut room = ReadBuf::new(room);
                ready!(Pin::new(stream.as_mut()).poll_read(cx, &mut room))?;
                Poll::Ready(Ok(room.filled().len()))
            }
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Stream::Plain(watched) => watched.poll_write(cx, bytes),
            Stream::Other(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Plain(_) => Poll::Ready(Ok(())),
            Stream::Other(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    /// Says that nothing follows.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Plain(watched) => Poll::Ready(watched.finish()),
            Stream::Other(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
