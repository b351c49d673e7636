//! WebSocket frames (RFC 6455, section 5), as a client sends and receives them.
//!
//! Bytes in, events out: no socket and no randomness.

use std::ops::Range;

/// A control frame carries no more.
const CONTROL_MAX: u64 = 125;

const FIN: u8 = 0x80;
/// The message is compressed (RFC 7692).
const COMPRESSED: u8 = 0x40;
const OTHER_RESERVED: u8 = 0x30;
const MASKED: u8 = 0x80;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// What the server did that the protocol forbids.
pub(super) type Violation = &'static str;

/// What the bytes given to [`Decoder::next`] begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// More bytes are needed; none were used.
    More,
    /// A frame's beginning, which only the decoder is interested in.
    Skip(usize),
    /// Payload, of which as much as was used is reported by [`Decoder::used`].
    Data { len: usize, compressed: bool },
    /// The end of a compressed message.
    CompressedEnd,
    /// A ping with this payload, to be answered; then these bytes are done with.
    Ping(Range<usize>, usize),
    /// A pong nobody asked for.
    Pong(usize),
    /// The server closes the connection, with this code (0: none), and a reason there.
    Close(u16, Range<usize>),
}

/// Takes the frames apart that a server sends.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    compression: bool,
    /// What the current data frame still brings.
    left: u64,
    /// The message that the current frame belongs to; true: compressed.
    message: Option<bool>,
    /// The current frame is the last one of the message.
    last: bool,
}

impl Decoder {
    pub(super) fn new(compression: bool) -> Decoder {
        Decoder { compression, ..Decoder::default() }
    }

    /// Reads on.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Result<Event, Violation> {
        if self.left > 0 {
            if bytes.is_empty() {
                return Ok(Event::More);
            }
            let len = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
            return Ok(Event::Data { len, compressed: self.message == Some(true) });
        }
        if self.last {
            self.last = false;
            if self.message.take() == Some(true) {
                return Ok(Event::CompressedEnd);
            }
        }
        self.header(bytes)
    }

    /// So much of the payload that [`Event::Data`] told of is done with.
    pub(super) fn used(&mut self, count: usize) {
        self.left -= (count as u64).min(self.left);
    }

    /// Bytes of payload that follow with nothing in between.
    pub(super) fn plain_left(&self) -> u64 {
        if self.message == Some(false) { self.left } else { 0 }
    }

    fn header(&mut self, bytes: &[u8]) -> Result<Event, Violation> {
        let &[first, second, ..] = bytes else { return Ok(Event::More) };
        if second & MASKED != 0 {
            return Err("a masked frame");
        }
        let (len, head) = match second {
            126 => match bytes.get(2..4).and_then(|b| b.try_into().ok()) {
                Some(len) => (u64::from(u16::from_be_bytes(len)), 4),
                None => return Ok(Event::More),
            },
            127 => match bytes.get(2..10).and_then(|b| b.try_into().ok()) {
                Some(len) => (u64::from_be_bytes(len), 10),
                None => return Ok(Event::More),
            },
            short => (u64::from(short), 2),
        };
        if len > i64::MAX as u64 {
            return Err("a frame whose length has the highest bit set");
        }
        if first & OTHER_RESERVED != 0 {
            return Err("a frame with reserved bits set");
        }
        let (fin, compressed) = (first & FIN != 0, first & COMPRESSED != 0);
        match first & 0x0f {
            opcode @ (TEXT | BINARY | CONTINUATION) => {
                self.data(opcode, compressed)?;
                (self.left, self.last) = (len, fin);
                Ok(Event::Skip(head))
            }
            opcode @ (CLOSE | PING | PONG) => {
                if !fin || compressed || len > CONTROL_MAX {
                    return Err("a control frame that is too long, fragmented or compressed");
                }
                let end = head + len as usize;
                if bytes.len() < end {
                    return Ok(Event::More);
                }
                control(opcode, head..end, bytes)
            }
            _ => Err("a frame of unknown kind"),
        }
    }

    fn data(&mut self, opcode: u8, compressed: bool) -> Result<(), Violation> {
        match (opcode, self.message) {
            (CONTINUATION, None) => Err("a continuation without a beginning"),
            (CONTINUATION, Some(_)) if compressed => Err("a continuation that says compressed"),
            (CONTINUATION, Some(_)) => Ok(()),
            (_, Some(_)) => Err("a message within another one"),
            (_, None) if compressed && !self.compression => {
                Err("a compressed message, which was not agreed on")
            }
            (_, None) => {
                self.message = Some(compressed);
                Ok(())
            }
        }
    }
}

fn control(opcode: u8, payload: Range<usize>, bytes: &[u8]) -> Result<Event, Violation> {
    let end = payload.end;
    match opcode {
        PING => Ok(Event::Ping(payload, end)),
        PONG => Ok(Event::Pong(end)),
        _ => match bytes.get(payload.clone()).unwrap_or_default() {
            [] => Ok(Event::Close(0, payload)),
            [_] => Err("a close frame with half a code"),
            [high, low, ..] => {
                Ok(Event::Close(u16::from_be_bytes([*high, *low]), payload.start + 2..end))
            }
        },
    }
}

/// Appends one whole frame, masked, as everything is that a client sends.
pub(super) fn encode(
    out: &mut Vec<u8>,
    opcode: u8,
    compressed: bool,
    payload: &[u8],
    mask: [u8; 4],
) {
    out.push(FIN | opcode | if compressed { COMPRESSED } else { 0 });
    match payload.len() {
        len @ 0..=125 => out.push(MASKED | len as u8),
        len @ 126..=0xffff => {
            out.push(MASKED | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    let start = out.len();
    out.extend_from_slice(payload);
    apply(mask, &mut out[start..]);
}

/// Eight bytes at a time, which compilers make more of.
fn apply(mask: [u8; 4], bytes: &mut [u8]) {
    let wide = u64::from_ne_bytes([
        mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3],
    ]);
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        if let Ok(eight) = <[u8; 8]>::try_from(&*chunk) {
            chunk.copy_from_slice(&(u64::from_ne_bytes(eight) ^ wide).to_ne_bytes());
        }
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
