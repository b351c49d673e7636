//! What the protocol can be spoken over besides plain TCP.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::socket::peer_is_gone;
use crate::error::Result;

/// A stream of bytes in both directions that a program brings along: a Unix-domain socket, a pipe
/// within the process, a tunnel.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Where a [`Dialer`] is to connect to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DialTarget {
    /// The server's URL, without credentials.
    pub url: String,
    /// The host: a name or an address, without the brackets of an IPv6 literal.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Opens the connection to a server instead of TCP; TLS and WebSocket go on top of it as the URL
/// says. It is polled on the connection's own task, within the connect timeout, so it must wait
/// asynchronously.
pub type Dialer = Arc<
    dyn Fn(DialTarget) -> Pin<Box<dyn Future<Output = Result<Box<dyn ByteStream>>> + Send>>
        + Send
        + Sync,
>;

/// A stream that knows when there is no use in writing to it.
pub(crate) trait Transport: ByteStream {
    /// Whether the peer is known to be gone.
    fn peer_is_gone(&self) -> bool;
}

impl Transport for TcpStream {
    fn peer_is_gone(&self) -> bool {
        peer_is_gone(self)
    }
}

impl<T: Transport> Transport for TlsStream<T> {
    fn peer_is_gone(&self) -> bool {
        self.get_ref().0.peer_is_gone()
    }
}

impl Transport for Box<dyn Transport> {
    fn peer_is_gone(&self) -> bool {
        (**self).peer_is_gone()
    }
}

/// A stream of the program's, which tells of its end by reads only.
pub(crate) struct Foreign(pub(crate) Box<dyn ByteStream>);

impl Transport for Foreign {
    fn peer_is_gone(&self) -> bool {
        false
    }
}

impl AsyncRead for Foreign {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Foreign {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }
}
