//! One received message: a single block of bytes and the offsets of its parts.

use bytes::Bytes;

use super::header_block::HeaderBlock;
use super::parse::MsgFrame;

/// A message as it came off the wire.
///
/// The control line, headers and payload stay in one block, so that a message costs one allocation
/// and a clone costs one reference count.
#[derive(Clone, Debug)]
pub struct RawMessage {
    bytes: Bytes,
    sid: u64,
    subject: (u32, u32),
    reply: (u32, u32),
    headers: (u32, u32),
    payload: (u32, u32),
    status: u16,
    malformed: bool,
}

impl RawMessage {
    /// Builds the message from the frame's bytes; `frame` holds offsets into `bytes`.
    ///
    /// Headers are checked here, once: a block that cannot be decoded marks this message and costs
    /// nothing else, because it comes from another user through an honest server.
    pub fn new(bytes: Bytes, frame: &MsgFrame) -> RawMessage {
        let span = |range: &std::ops::Range<u32>| (range.start, range.end);
        let mut message = RawMessage {
            sid: frame.sid,
            subject: span(&frame.subject),
            reply: frame.reply.as_ref().map_or((0, 0), span),
            headers: span(&frame.headers),
            payload: span(&frame.payload),
            status: 0,
            malformed: false,
            bytes,
        };
        message.malformed = std::str::from_utf8(message.slice(message.subject)).is_err()
            || std::str::from_utf8(message.slice(message.reply)).is_err();
        if !frame.headers.is_empty() {
            message.read_headers();
        }
        message
    }

    /// The subscription id that the server sent the message to.
    pub fn sid(&self) -> u64 {
        self.sid
    }

    /// The subject's bytes.
    pub fn subject(&self) -> &[u8] {
        self.slice(self.subject)
    }

    /// The reply subject's bytes; empty when there is none.
    pub fn reply(&self) -> &[u8] {
        self.slice(self.reply)
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        self.slice(self.payload)
    }

    /// The payload as a shared view of the message's block.
    pub fn payload_bytes(&self) -> Bytes {
        self.bytes.slice(self.payload.0 as usize..self.payload.1 as usize)
    }

    /// The header block, if the message has one.
    pub fn headers(&self) -> Option<HeaderBlock<'_>> {
        (self.headers.0 != self.headers.1).then(|| HeaderBlock::new(self.slice(self.headers)))
    }

    /// The status of the header block's first line; 0 when there is none.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the subject, the reply or the header block cannot be decoded.
    pub fn is_malformed(&self) -> bool {
        self.malformed
    }

    /// Bytes that the message counts for in pending limits and statistics: headers and payload.
    pub fn size(&self) -> usize {
        (self.headers.1 - self.headers.0 + self.payload.1 - self.payload.0) as usize
    }

    fn slice(&self, (start, end): (u32, u32)) -> &[u8] {
        self.bytes.get(start as usize..end as usize).unwrap_or_default()
    }

    fn read_headers(&mut self) {
        let block = HeaderBlock::new(self.slice(self.headers));
        let status = block.status().unwrap_or(0);
        let bad = block.check().is_err();
        let folded = block.has_folds();
        self.status = status;
        self.malformed |= bad;
        if folded {
            self.unfold();
        }
    }

    /// Rewrites a block with continuation lines, so that every value is one contiguous view.
    fn unfold(&mut self) {
        let unfolded = HeaderBlock::unfold(self.slice(self.headers));
        let (start, end) = (self.headers.0 as usize, self.headers.1 as usize);
        let mut bytes = Vec::with_capacity(self.bytes.len());
        bytes.extend_from_slice(&self.bytes[..start]);
        bytes.extend_from_slice(&unfolded);
        bytes.extend_from_slice(&self.bytes[end..]);
        let moved = |offset: u32| (offset as usize + unfolded.len() - (end - start)) as u32;
        self.headers.1 = moved(self.headers.1);
        self.payload = (moved(self.payload.0), moved(self.payload.1));
        self.bytes = Bytes::from(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::parse::{Frame, Limits, Parser, Step};

    fn message(wire: &[u8]) -> RawMessage {
        match Parser::new(Limits::default()).next(wire).unwrap() {
            Step::Frame { frame: Frame::Msg(frame), len } => {
                RawMessage::new(Bytes::copy_from_slice(&wire[..len]), &frame)
            }
            _ => panic!("not a whole message"),
        }
    }

    #[test]
    fn parts_of_a_plain_message() {
        let m = message(b"MSG foo.bar 7 _INBOX.x 5\r\nhello\r\n");
        assert_eq!(m.subject(), b"foo.bar");
        assert_eq!(m.reply(), b"_INBOX.x");
        assert_eq!(m.payload(), b"hello");
        assert_eq!((m.sid(), m.status(), m.is_malformed()), (7, 0, false));
        assert!(m.headers().is_none());
    }

    #[test]
    fn folded_header_values_become_one_view() {
        let block = b"NATS/1.0\r\nA: one\r\n two\r\nB: x\r\n\r\n";
        let mut wire = format!("HMSG s 1 {} {}\r\n", block.len(), block.len() + 2).into_bytes();
        wire.extend_from_slice(block);
        wire.extend_from_slice(b"ok\r\n");
        let m = message(&wire);
        let headers = m.headers().unwrap();
        assert_eq!(headers.get("A"), Some(&b"one two"[..]));
        assert_eq!(headers.get("B"), Some(&b"x"[..]));
        assert_eq!(m.payload(), b"ok");
    }

    #[test]
    fn a_bad_block_marks_the_message_only() {
        let m = message(b"HMSG s 1 3 5\r\nabcok\r\n");
        assert!(m.is_malformed());
        assert_eq!(m.payload(), b"ok");
        let m = message(b"MSG \xff\xfe 1 2\r\nok\r\n");
        assert!(m.is_malformed());
        assert_eq!(m.subject(), b"\xff\xfe");
    }

    #[test]
    fn status_is_read_once() {
        let block = b"NATS/1.0 503\r\n\r\n";
        let wire =
            [format!("HMSG s 1 {0} {0}\r\n", block.len()).as_bytes(), block, b"\r\n"].concat();
        assert_eq!(message(&wire).status(), 503);
    }
}
