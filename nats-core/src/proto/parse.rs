//! The reader: finds the frames of a server in a byte buffer, in place.
//!
//! The control line is searched once for its end; a payload is skipped by its stated length and
//! never searched. Sizes are read as `u64` with a limit on digits and compared with a cap before
//! any arithmetic. A [`Fault`] is a framing error: the stream cannot be read on after it.

use std::ops::Range;

use memchr::memchr;

mod fault;
mod line;

pub use fault::Fault;
use line::Line;

use super::subject::excerpt;

/// How much a peer may send at most, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest line other than INFO, with its line end.
    ///
    /// A server takes 4096 bytes of arguments from a publisher by default, and adds its own when it
    /// passes the message on: the subscription id, and for JetStream a reply subject. The default
    /// leaves 1 KiB for that; with less, one user's long subject would cost another the connection.
    pub control_line: usize,
    /// The longest INFO line, with its line end.
    pub info_line: usize,
    /// The longest message: header block and payload together.
    pub message: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { control_line: 4096 + 1024, info_line: 1 << 20, message: 64 << 20 }
    }
}

/// Finds frames; keeps what it knows about an unfinished one. One parser per socket.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    state: State,
}

/// What [`Parser::next`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A whole frame.
    Frame {
        /// The frame; its ranges are offsets into the buffer.
        frame: Frame,
        /// How many bytes of the buffer it takes, line ends included.
        len: usize,
    },
    /// Not enough bytes.
    More {
        /// How long the buffer must be for any progress.
        needed: usize,
    },
}

/// One operation of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// MSG or HMSG.
    Msg(MsgFrame),
    /// INFO: where its JSON is.
    Info(Range<usize>),
    /// PING.
    Ping,
    /// PONG.
    Pong,
    /// +OK.
    Ok,
    /// -ERR: where its text is, quotes left out. Not necessarily UTF-8.
    Err(Range<usize>),
}

/// Where the parts of a message are in the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MsgFrame {
    /// The subscription that the message is for.
    pub sid: u64,
    /// The subject; never empty, not necessarily UTF-8.
    pub subject: Range<u32>,
    /// The reply subject.
    pub reply: Option<Range<u32>>,
    /// The header block; empty when there is none.
    pub headers: Range<u32>,
    /// The payload.
    pub payload: Range<u32>,
}

impl Parser {
    /// A parser at the start of a stream.
    pub fn new(limits: Limits) -> Parser {
        // Offsets into the buffer are 32 bits wide: a line and a message stay below that together.
        let limits = Limits {
            control_line: limits.control_line.min(1 << 15),
            info_line: limits.info_line.min(1 << 30),
            message: limits.message.min(1 << 31),
        };
        Parser { limits, state: State::START }
    }

    /// Looks at `buf`, which begins where the last frame ended.
    ///
    /// Nothing is consumed: after a frame, call again with the bytes behind it; after
    /// [`Step::More`], with the same bytes and more behind them. How far the parser has looked is
    /// kept, so that a frame fed byte by byte costs no more than one fed whole.
    ///
    /// # Errors
    /// A [`Fault`]; the parser is of no use after it.
    pub fn next(&mut self, buf: &[u8]) -> Result<Step, Fault> {
        match &self.state {
            State::Line { looked } => self.line(buf, *looked),
            State::Body { frame } => self.body(buf, frame.clone()),
        }
    }

    fn line(&mut self, buf: &[u8], looked: usize) -> Result<Step, Fault> {
        if looked == 0
            && let Some(frame) = line::plain_message(buf, &self.limits)
        {
            return self.body(buf, frame);
        }
        let more = Step::More { needed: buf.len() + 1 };
        let Some((operation, name)) = operation(buf)? else {
            return Ok(more);
        };
        let limit = match operation {
            Operation::Info => self.limits.info_line,
            _ => self.limits.control_line,
        };
        let within = &buf[..buf.len().min(limit)];
        let Some(found) = memchr(b'\n', within.get(looked..).unwrap_or_default()) else {
            if buf.len() >= limit {
                return Err(Fault::LineTooLong { limit });
            }
            self.state = State::Line { looked: buf.len() };
            return Ok(more);
        };
        let len = looked + found + 1;
        let line = Line::new(&buf[..len], name);
        let frame = match operation {
            Operation::Msg | Operation::Hmsg => {
                let headers = operation == Operation::Hmsg;
                let frame = line::message(&line, headers, self.limits.message)?;
                return self.body(buf, frame);
            }
            Operation::Info => Frame::Info(line.text()?),
            Operation::Ping => Frame::Ping,
            Operation::Pong => Frame::Pong,
            Operation::Ok => Frame::Ok,
            Operation::Err => Frame::Err(line.quoted()),
        };
        self.state = State::START;
        Ok(Step::Frame { frame, len })
    }

    fn body(&mut self, buf: &[u8], frame: MsgFrame) -> Result<Step, Fault> {
        let end = frame.payload.end as usize;
        let len = end + 2;
        match buf.get(end..).unwrap_or_default() {
            [b'\r', b'\n', ..] => {
                self.state = State::START;
                Ok(Step::Frame { frame: Frame::Msg(frame), len })
            }
            [] | [b'\r'] => {
                self.state = State::Body { frame };
                Ok(Step::More { needed: len })
            }
            seen => Err(Fault::MissingLineEnd(excerpt(&seen[..seen.len().min(2)]))),
        }
    }
}

/// What is known about the frame at the start of the buffer.
#[derive(Debug)]
enum State {
    /// Its first `looked` bytes contain no line end.
    Line { looked: usize },
    /// Its control line has been read.
    Body { frame: MsgFrame },
}

impl State {
    const START: State = State::Line { looked: 0 };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Msg,
    Hmsg,
    Info,
    Ping,
    Pong,
    Ok,
    Err,
}

/// The operation that `buf` begins with and the length of its name; `None` when that is still open.
///
/// Decided from the name alone, so that junk without a line end is refused at once and the outcome
/// does not depend on how the bytes were split.
fn operation(buf: &[u8]) -> Result<Option<(Operation, usize)>, Fault> {
    let second = buf.get(1).map_or(0, u8::to_ascii_uppercase);
    let (name, operation): (&[u8], _) = match buf.first().map_or(0, u8::to_ascii_uppercase) {
        b'M' => (b"MSG", Operation::Msg),
        b'H' if second == b'T' => {
            return match starts(buf, b"HTTP/") {
                Some(true) => Err(Fault::Http(excerpt(buf))),
                Some(false) => Err(Fault::UnknownOperation(excerpt(buf))),
                None => Ok(None),
            };
        }
        b'H' => (b"HMSG", Operation::Hmsg),
        b'P' if second == b'O' => (b"PONG", Operation::Pong),
        b'P' => (b"PING", Operation::Ping),
        b'I' => (b"INFO", Operation::Info),
        b'+' => (b"+OK", Operation::Ok),
        b'-' => (b"-ERR", Operation::Err),
        b'\r' | b'\n' => return Err(Fault::BlankLine),
        // The record types of TLS.
        0x14..=0x17 => return Err(Fault::Tls),
        _ if buf.is_empty() => return Ok(None),
        _ => return Err(Fault::UnknownOperation(excerpt(buf))),
    };
    match starts(buf, name) {
        Some(true) => Ok(Some((operation, name.len()))),
        Some(false) => Err(Fault::UnknownOperation(excerpt(buf))),
        None => Ok(None),
    }
}

/// Whether `buf` starts with `name`; `None` when it is too short to say.
fn starts(buf: &[u8], name: &[u8]) -> Option<bool> {
    let len = buf.len().min(name.len());
    if !buf[..len].eq_ignore_ascii_case(&name[..len]) {
        return Some(false);
    }
    (len == name.len()).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Error};

    #[test]
    fn no_byte_is_searched_twice() {
        let stream = [b"INFO {", &[b' '; 5000][..], b"}\r\n"].concat();
        let mut parser = Parser::new(Limits::default());
        for len in 4..stream.len() {
            let step = parser.next(&stream[..len]).unwrap();
            assert_eq!(step, Step::More { needed: len + 1 });
            assert!(matches!(parser.state, State::Line { looked } if looked == len));
        }
        let step = parser.next(&stream).unwrap();
        assert_eq!(step, Step::Frame { frame: Frame::Info(5..5007), len: stream.len() });
    }

    #[test]
    fn a_control_line_is_read_once_and_its_payload_awaited_by_length() {
        let stream = b"HMSG a 1 r 12 15\r\nNATS/1.0\r\n\r\nabc\r\nPING";
        let whole = stream.len() - 4;
        let mut parser = Parser::new(Limits::default());
        for len in 18..whole {
            let step = parser.next(&stream[..len]).unwrap();
            assert_eq!(step, Step::More { needed: whole });
            assert!(matches!(parser.state, State::Body { .. }));
        }
        let frame = Frame::Msg(MsgFrame {
            sid: 1,
            subject: 5..6,
            reply: Some(9..10),
            headers: 18..30,
            payload: 30..33,
        });
        assert_eq!(parser.next(stream).unwrap(), Step::Frame { frame, len: whole });
        assert!(matches!(parser.state, State::Line { looked: 0 }));
    }

    #[test]
    fn a_shorter_buffer_than_before_is_no_panic() {
        let mut parser = Parser::new(Limits::default());
        parser.next(b"INFO {    ").unwrap();
        assert_eq!(parser.next(b"INFO").unwrap(), Step::More { needed: 5 });
        parser.next(b"MSG a 1 5\r\nabc").unwrap();
        assert!(matches!(parser.next(b"").unwrap(), Step::More { .. }));
    }

    #[test]
    fn fault_texts_are_short_and_become_protocol_errors() {
        let line = [b"MSG ", &[b'\xff'; 3000][..], b" 1 2 3 4 5\r\n"].concat();
        let fault = Parser::new(Limits::default()).next(&line).unwrap_err();
        let error = Error::from(fault);
        assert_eq!(error.code(), Code::Protocol);
        assert!(error.text().len() < 400, "{error}");
        assert!(error.text().contains("MSG \\xff"), "{error}");
    }
}
