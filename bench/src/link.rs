//! One raw connection: large reads, frames found in place, writes that never stop the reading.

use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use nats_harness::{Error, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::blast::Blast;
use crate::frame::{Frame, Kind, MAX_PAYLOAD, length_after, scan};

/// Reads begin with the one and grow to the other while they fill the buffer.
const BUFFER: usize = 8 << 10;
const LARGE_BUFFER: usize = 256 << 10;
/// What may wait for a peer that does not read; a client may well publish everything to itself
/// before it reads.
const MAX_OUT: usize = 1 << 30;
/// What is written is taken away in pieces of at least this size.
const OUT_PIECE: usize = 1 << 20;
/// How long the other side may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection as server or client.
pub(crate) struct Link {
    socket: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// What is still to come of a frame that was consumed before it was complete.
    skip: usize,
    out: Vec<u8>,
    sent: usize,
    blast: Option<Blast>,
}

impl Link {
    /// A link over this socket.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn new(socket: TcpStream) -> Result<Self> {
        socket.set_nodelay(true)?;
        let (buffer, out) = (vec![0; BUFFER], Vec::new());
        Ok(Self { socket, buffer, start: 0, end: 0, skip: 0, out, sent: 0, blast: None })
    }

    /// Connects to `nats://host:port` as a client that is ready.
    ///
    /// # Errors
    /// Nobody is there, or it is no NATS server.
    pub(crate) fn connect(url: &str) -> Result<Self> {
        const CONNECT: &str = concat!(
            r#"CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"#,
            r#""lang":"raw","version":"1","name":"nats-bench"}"#,
            "\r\nPING\r\n"
        );
        let address = url.strip_prefix("nats://").unwrap_or(url).trim_end_matches('/');
        let socket = TcpStream::connect(address)
            .map_err(|error| Error::because(format!("cannot connect to {address}"), error))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut link = Self::new(socket)?;
        link.await_frame(Kind::Info)?;
        link.write(CONNECT.as_bytes());
        link.await_frame(Kind::Pong)?;
        Ok(link)
    }

    /// From now on the other side may be silent for as long as it likes.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn allow_silence(&self) -> Result<()> {
        Ok(self.socket.set_read_timeout(None)?)
    }

    /// Waits for a frame of this kind; others are dropped.
    ///
    /// # Errors
    /// The connection ends before, or the other side reports an error.
    pub(crate) fn await_frame(&mut self, kind: Kind) -> Result<()> {
        loop {
            while let Some(frame) = self.next()? {
                self.housekeep(frame)?;
                self.consume(frame);
                if frame.kind == kind {
                    return Ok(());
                }
            }
            self.exchange_or_end()?;
        }
    }

    /// What every client does with a frame: answers PING, and fails on an error.
    ///
    /// # Errors
    /// The frame is an error.
    pub(crate) fn housekeep(&mut self, frame: Frame) -> Result<()> {
        match frame.kind {
            Kind::Ping => self.write(b"PONG\r\n"),
            Kind::Error => return Err(Error::new(String::from_utf8_lossy(self.line(frame)))),
            _ => {}
        }
        Ok(())
    }

    /// The next frame, which stays until it is consumed; none when more has to be read.
    ///
    /// # Errors
    /// It is no frame of the protocol.
    #[inline]
    pub(crate) fn next(&self) -> Result<Option<Frame>> {
        if self.start == self.end { Ok(None) } else { scan(&self.buffer[self.start..self.end]) }
    }

    /// Whether the frame's payload is there.
    pub(crate) fn complete(&self, frame: Frame) -> bool {
        frame.total <= self.end - self.start
    }

    /// The control line of the next frame.
    pub(crate) fn line(&self, frame: Frame) -> &[u8] {
        &self.buffer[self.start..self.start + frame.line]
    }

    /// What follows the control line of the next frame, which is complete, with its CR LF.
    pub(crate) fn body(&self, frame: Frame) -> &[u8] {
        &self.buffer[self.start + frame.line + 2..self.start + frame.total]
    }

    /// Goes behind the next frame, complete or not.
    #[inline]
    pub(crate) fn consume(&mut self, frame: Frame) {
        self.pass(frame.total);
    }

    /// Goes behind all frames that begin with a line of this prefix and the length.
    pub(crate) fn swallow(&mut self, prefix: &[u8]) {
        while let Some(length) = length_after(prefix, &self.buffer[self.start..self.end]) {
            self.pass(length);
        }
    }

    #[inline]
    fn pass(&mut self, length: usize) {
        let here = self.end - self.start;
        if length <= here {
            self.start += length;
        } else {
            self.skip = length - here;
            self.start = self.end;
        }
    }

    /// Puts bytes into the line of what is to be written.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Puts pieces and then the body of the next frame into the line of what is to be written.
    pub(crate) fn write_with_body(&mut self, pieces: &[&[u8]], frame: Frame) {
        for piece in pieces {
            self.out.extend_from_slice(piece);
        }
        let body = self.start + frame.line + 2..self.start + frame.total;
        self.out.extend_from_slice(&self.buffer[body]);
    }

    /// Starts to write this; what waits is written before, what comes now may come between.
    pub(crate) fn start_blast(&mut self, blast: Blast) {
        self.blast = Some(blast);
    }

    /// Whether a blast is under way.
    pub(crate) fn blasting(&self) -> bool {
        self.blast.is_some()
    }

    /// Writes everything that waits and then the blast, without reading.
    ///
    /// # Errors
    /// The socket refuses.
    pub(crate) fn write_all(&mut self, blast: Blast) -> Result<()> {
        while self.pending() {
            self.send(SendFlags::empty())?;
        }
        Ok(blast.write_to(&mut self.socket)?)
    }

    /// Writes what it can and reads at least one byte; false when the other side has closed.
    ///
    /// # Errors
    /// The socket refuses, the other side is silent for too long or does not read.
    pub(crate) fn exchange(&mut self) -> Result<bool> {
        if self.out.len() - self.sent > MAX_OUT {
            return Err(Error::new("the other side does not read"));
        }
        loop {
            let wrote = self.pending() && self.send(SendFlags::DONTWAIT)?;
            let pending = self.pending();
            let flags = if pending { RecvFlags::DONTWAIT } else { RecvFlags::empty() };
            match self.receive(flags)? {
                Some(read) => return Ok(read > 0),
                None if !pending => return Err(Error::new("the other side is silent")),
                None if wrote => {}
                None => self.await_socket()?,
            }
        }
    }

    /// As [`exchange`](Self::exchange), for a side that never expects the end.
    ///
    /// # Errors
    /// As there, and when the other side has closed.
    pub(crate) fn exchange_or_end(&mut self) -> Result<()> {
        if self.exchange()? { Ok(()) } else { Err(Error::new("the other side closed")) }
    }

    /// Says why and ends the connection.
    pub(crate) fn cut_off(mut self, why: &Error) {
        // The other side may be gone already, and then nobody has to be told.
        self.write(format!("-ERR '{why}'\r\n").as_bytes());
        let _ = self.send(SendFlags::DONTWAIT);
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn pending(&self) -> bool {
        self.sent < self.out.len() || self.blast.is_some()
    }

    /// Writes once; false when the socket takes nothing now.
    fn send(&mut self, flags: SendFlags) -> Result<bool> {
        let waiting = &self.out[self.sent..];
        let blast = self.blast.as_mut().filter(|b| waiting.is_empty() || !b.between());
        let bytes = blast.as_ref().map_or(waiting, |blast| blast.chunk());
        let count = match send(&self.socket, bytes, flags | SendFlags::NOSIGNAL) {
            Ok(count) => count,
            Err(Errno::AGAIN) => return Ok(false),
            Err(Errno::INTR) => return Ok(true),
            Err(error) => return Err(Error::because("writing", error)),
        };
        if let Some(blast) = blast {
            blast.advance(count);
            self.blast = self.blast.take().filter(|blast| !blast.done());
        } else {
            self.sent += count;
            let large = self.sent > OUT_PIECE && self.sent > self.out.len() / 2;
            if large || self.sent == self.out.len() {
                self.out.drain(..self.sent);
                self.sent = 0;
            }
        }
        Ok(true)
    }

    /// Reads once; none when nothing is there.
    fn receive(&mut self, flags: RecvFlags) -> Result<Option<usize>> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            self.grow()?;
        }
        let count = match recv(&self.socket, &mut self.buffer[self.end..], flags) {
            Ok((_, count)) => count,
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::INTR) => return self.receive(flags),
            Err(error) => return Err(Error::because("reading", error)),
        };
        // Only an empty buffer has something to skip.
        let skipped = self.skip.min(count);
        self.skip -= skipped;
        self.start = skipped;
        self.end += count;
        if self.end == self.buffer.len() && self.end < LARGE_BUFFER {
            self.grow()?;
        }
        Ok(Some(count))
    }

    fn grow(&mut self) -> Result<()> {
        if self.end > 2 * MAX_PAYLOAD {
            return Err(Error::new("a frame that is too long"));
        }
        self.buffer.resize(self.buffer.len() * 2, 0);
        Ok(())
    }

    fn await_socket(&self) -> Result<()> {
        let mut sockets = [PollFd::new(&self.socket, PollFlags::IN | PollFlags::OUT)];
        match poll(&mut sockets, None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(Error::because("waiting for a socket", error)),
        }
    }
}
