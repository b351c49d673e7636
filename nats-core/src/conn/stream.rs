//! The socket of a link: plain TCP or TLS over it.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_rustls::client::TlsStream;

/// A connected socket.
pub(crate) enum Stream {
    Plain(OwnedReadHalf, Arc<OwnedWriteHalf>),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A plain socket, to be written to by others than the driver while that sleeps.
#[derive(Default)]
pub(crate) struct Shortcut(Weak<OwnedWriteHalf>);

impl Shortcut {
    /// Writes what the socket takes at once; 0 when it takes nothing, whatever the reason.
    pub(crate) fn write<const N: usize>(&self, pieces: [&[u8]; N]) -> usize {
        let Some(socket) = self.0.upgrade().filter(|socket| !is_gone(socket.as_ref().as_ref()))
        else {
            return 0;
        };
        socket.try_write_vectored(&pieces.map(IoSlice::new)).unwrap_or(0)
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Stream {
        let (read, write) = stream.into_split();
        Stream::Plain(read, Arc::new(write))
    }
}

impl Stream {
    /// Whether the peer is known to be gone. Asks the kernel rather than the runtime's cached
    /// readiness: a write to a socket whose peer has just died succeeds, and its bytes are lost.
    pub(crate) fn peer_is_gone(&self) -> bool {
        match self {
            Stream::Plain(read, _) => is_gone(read.as_ref()),
            Stream::Tls(stream) => is_gone(stream.get_ref().0),
        }
    }

    /// The way past the driver; there is none through TLS.
    pub(crate) fn shortcut(&self) -> Shortcut {
        match self {
            Stream::Plain(_, write) => Shortcut(Arc::downgrade(write)),
            Stream::Tls(_) => Shortcut::default(),
        }
    }
}

fn is_gone(socket: &TcpStream) -> bool {
    match SockRef::from(socket).peek(&mut [MaybeUninit::uninit()]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(read, _) => Pin::new(read).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(_, write) => loop {
                ready!(write.as_ref().as_ref().poll_write_ready(cx))?;
                match write.try_write(bytes) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    written => return Poll::Ready(written),
                }
            },
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(..) => Poll::Ready(Ok(())),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(read, _) => {
                let socket: &TcpStream = read.as_ref();
                Poll::Ready(SockRef::from(socket).shutdown(Shutdown::Write))
            }
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
