//! WebSocket (RFC 6455): the protocol within binary messages.

mod deflate;
mod frame;
mod upgrade;

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use deflate::Deflate;
use frame::{BINARY, CLOSE, Decoder, Event, PONG, Violation};
pub(crate) use upgrade::check_headers;
pub(crate) use upgrade::upgrade;
pub use upgrade::{HeadersCallback, UpgradeHeaders};

use super::transport::Transport;

/// Bytes that are read at once.
const READ_SIZE: usize = 32 * 1024;
/// The payload of a frame that is sent.
const FRAME_MAX: usize = 64 * 1024;
/// Answers to pings beyond this many unwritten bytes are not sent.
const OUT_LIMIT: usize = FRAME_MAX + 64 * 1024;
/// An idle connection gives larger memory back.
const OUT_KEPT: usize = 16 * 1024;

/// "Normal closure", as the payload of a close frame.
const NORMAL: [u8; 2] = 1000u16.to_be_bytes();

/// A WebSocket over some transport.
pub(crate) struct WebSocket<T> {
    io: T,
    raw: Vec<u8>,
    /// What is unread in `raw`.
    unread: Range<usize>,
    decoder: Decoder,
    deflate: Option<Box<Deflate>>,
    /// A compressed message has come completely and is not unpacked completely.
    finishing: bool,
    /// Frames that are being written, and how much of them is.
    out: Vec<u8>,
    sent: usize,
    said_goodbye: bool,
}

impl<T: Transport> WebSocket<T> {
    fn new(io: T, compression: bool) -> WebSocket<T> {
        WebSocket {
            io,
            raw: Vec::new(),
            unread: 0..0,
            decoder: Decoder::new(compression),
            deflate: compression.then(|| Box::new(Deflate::new())),
            finishing: false,
            out: Vec::new(),
            sent: 0,
            said_goodbye: false,
        }
    }

    /// Writes what is left of the frames.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.out.len() {
            let rest = &self.out[self.sent..];
            let count = ready!(Pin::new(&mut self.io).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
        self.out.clear();
        self.sent = 0;
        self.out.shrink_to(OUT_KEPT);
        Poll::Ready(Ok(()))
    }

    fn put(&mut self, opcode: u8, compressed: bool, payload: &[u8]) -> io::Result<()> {
        frame::encode(&mut self.out, opcode, compressed, payload, mask()?);
        Ok(())
    }

    /// Makes some progress with what has been read. True: `room` got something.
    fn step(&mut self, room: &mut ReadBuf<'_>) -> io::Result<Step> {
        if self.finishing {
            let Some(deflate) = &mut self.deflate else { return Ok(Step::Go) };
            let (given, done) = deflate.finish(room.initialize_unfilled()).map_err(violated)?;
            room.advance(given);
            self.finishing = !done;
            return Ok(if given > 0 { Step::Given } else { Step::Go });
        }
        if let Some(deflate) = self.deflate.as_mut().filter(|deflate| deflate.is_full()) {
            let (_, given) = deflate.unpack(&[], room.initialize_unfilled()).map_err(violated)?;
            room.advance(given);
            return Ok(if given > 0 { Step::Given } else { Step::Go });
        }
        let unread = &self.raw[self.unread.clone()];
        match self.decoder.next(unread).map_err(violated)? {
            Event::More => return Ok(Step::Read),
            Event::Skip(count) | Event::Pong(count) => self.unread.start += count,
            Event::Data { len, compressed: false } => {
                let count = len.min(room.remaining());
                room.put_slice(&unread[..count]);
                self.used(count);
                return Ok(Step::Given);
            }
            Event::Data { len, compressed: true } => {
                let Some(deflate) = &mut self.deflate else { return Ok(Step::Go) };
                let to = room.initialize_unfilled();
                let (taken, given) = deflate.unpack(&unread[..len], to).map_err(violated)?;
                room.advance(given);
                self.used(taken);
                return Ok(if given > 0 { Step::Given } else { Step::Go });
            }
            Event::CompressedEnd => self.finishing = true,
            Event::Ping(payload, end) => {
                if self.out.len() < OUT_LIMIT && !self.said_goodbye {
                    let payload = unread[payload].to_vec();
                    self.put(PONG, false, &payload)?;
                }
                self.unread.start += end;
            }
            Event::Close(0, _) => return Err(closed("without saying why")),
            Event::Close(code, reason) => {
                let reason: String = String::from_utf8_lossy(&unread[reason]).into_owned();
                return Err(closed(&format!("{code} {}", reason.escape_debug())));
            }
        }
        Ok(Step::Go)
    }

    fn used(&mut self, count: usize) {
        self.decoder.used(count);
        self.unread.start += count;
    }

    fn poll_raw(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.raw.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        if self.raw.len() < READ_SIZE {
            self.raw.resize(READ_SIZE, 0);
        }
        let mut room = ReadBuf::new(&mut self.raw[self.unread.end..]);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut room))?;
        let count = room.filled().len();
        self.unread.end += count;
        Poll::Ready(Ok(count))
    }
}

/// What came of a step.
enum Step {
    /// Something for the reader.
    Given,
    /// Nothing, but there is more to do.
    Go,
    /// More has to be read.
    Read,
}

fn violated(why: Violation) -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        format!("the server broke the WebSocket protocol: {why}"),
    )
}

fn closed(why: &str) -> io::Error {
    let text = format!("the server closed the WebSocket: {}", why.trim_end());
    io::Error::new(ErrorKind::ConnectionAborted, text)
}

/// Nobody must be able to foresee it (RFC 6455, section 10.3).
fn mask() -> io::Result<[u8; 4]> {
    let mut mask = [0; 4];
    getrandom::fill(&mut mask).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(mask)
}

impl<T: Transport> AsyncRead for WebSocket<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match this.step(room)? {
                Step::Given => return Poll::Ready(Ok(())),
                Step::Go => {}
                Step::Read => {
                    // Answers to pings; whether they go out is no matter of the reader's.
                    if let Poll::Ready(Err(error)) = this.poll_out(cx) {
                        return Poll::Ready(Err(error));
                    }
                    // In the middle of a large frame there is nothing that needs the detour.
                    let left = usize::try_from(this.decoder.plain_left()).unwrap_or(usize::MAX);
                    if this.unread.is_empty() && left >= READ_SIZE {
                        let before = room.filled().len();
                        let mut part = room.take(left);
                        ready!(Pin::new(&mut this.io).poll_read(cx, &mut part))?;
                        let count = part.filled().len();
                        room.set_filled(before + count);
                        this.decoder.used(count);
                        return Poll::Ready(Ok(()));
                    }
                    if ready!(this.poll_raw(cx))? == 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl<T: Transport> AsyncWrite for WebSocket<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_out(cx))?;
        let part = &bytes[..bytes.len().min(FRAME_MAX)];
        match this.deflate.as_mut().and_then(|deflate| deflate.pack(part)) {
            Some(packed) => frame::encode(&mut this.out, BINARY, true, packed, mask()?),
            None => frame::encode(&mut this.out, BINARY, false, part, mask()?),
        }
        // It is on its way, and the next write or flush sees to the rest.
        if let Poll::Ready(Err(error)) = this.poll_out(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_out(cx))?;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.said_goodbye, true) {
            this.put(CLOSE, false, &NORMAL)?;
        }
        ready!(this.poll_out(cx))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

impl<T: Transport> Transport for WebSocket<T> {
    fn peer_is_gone(&self) -> bool {
        self.io.peer_is_gone()
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
