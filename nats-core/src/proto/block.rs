//! Blocks: the memory of received messages.
//!
//! The small messages that one read brings for one subscription share a block, so that a message
//! costs neither an allocation of its own nor more than one reference count. A block of several
//! messages is at most [`SHARED`] bytes long: that much a message that is kept can keep with it.

use bytes::Bytes;

use super::header_block::HeaderBlock;
use super::parse::MsgFrame;

/// The most bytes that messages share.
const SHARED: usize = 4096;

/// Messages of one subscription in one piece of memory, with control lines, headers and payloads.
#[derive(Debug)]
pub struct Block {
    sid: u64,
    memory: Memory,
    first: Span,
    more: Vec<Span>,
    size: usize,
    answerable: bool,
}

/// The bytes of a message that has arrived, from its control line to the end of its payload.
#[derive(Debug)]
pub enum Arrived<'a> {
    /// To be copied out of the read buffer.
    Copied(&'a [u8]),
    /// A large message, which has left the read buffer without a copy.
    Split(Bytes),
}

#[derive(Debug)]
enum Memory {
    Own(Vec<u8>),
    Split(Bytes),
}

/// Where the parts of a message are. The parser keeps control lines below 64 KiB.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    subject: (u16, u16),
    reply: (u16, u16),
    /// Length of the control line, behind which the headers are.
    line: u16,
    status: u16,
    headers: u32,
    payload: u32,
    malformed: bool,
}

/// How much room a block needs, as the one before it tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected {
    bytes: usize,
    count: usize,
}

/// One message of a block.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    block: &'a Block,
    span: &'a Span,
}

impl Arrived<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Arrived::Copied(bytes) => bytes,
            Arrived::Split(bytes) => bytes,
        }
    }
}

impl Block {
    /// A block with one message, and room for what is expected. `frame` holds offsets into the bytes
    /// that have arrived.
    ///
    /// Headers are checked here, once: a block that cannot be decoded marks its message and costs
    /// nothing else, because it comes from another user through an honest server.
    pub fn new(arrived: Arrived<'_>, frame: &MsgFrame, expected: Expected) -> Block {
        let (mut span, folded) = Span::read(arrived.bytes(), frame, None);
        let memory = match arrived {
            Arrived::Split(bytes) if !folded => Memory::Split(bytes),
            _ => {
                let bytes = arrived.bytes();
                let mut own = Vec::with_capacity(expected.bytes.max(bytes.len()));
                span.append(&mut own, bytes, folded);
                Memory::Own(own)
            }
        };
        Block {
            sid: frame.sid,
            memory,
            size: span.size(),
            answerable: frame.reply.is_some(),
            first: span,
            more: Vec::with_capacity(expected.count.saturating_sub(1)),
        }
    }

    /// Adds a message of the same subscription; false when it has to have a block of its own.
    #[inline]
    pub fn add(&mut self, bytes: &[u8], frame: &MsgFrame) -> bool {
        let Memory::Own(own) = &mut self.memory else { return false };
        if own.len() + bytes.len() > SHARED {
            return false;
        }
        let last = self.more.last().unwrap_or(&self.first);
        let known = if last.malformed { None } else { own.get(last.subject()) };
        let (mut span, folded) = Span::read(bytes, frame, known);
        span.append(own, bytes, folded);
        self.size += span.size();
        self.answerable |= frame.reply.is_some();
        self.more.push(span);
        true
    }

    /// How many messages there are: at least one.
    pub fn count(&self) -> usize {
        1 + self.more.len()
    }

    /// Bytes that all of them count for in pending limits and statistics.
    pub fn size(&self) -> usize {
        self.size
    }

    /// What to expect of the next block of the subscription.
    pub fn expectation(&self) -> Expected {
        match &self.memory {
            Memory::Own(own) if own.len() <= SHARED => {
                Expected { bytes: own.len(), count: self.count() }
            }
            _ => Expected::default(),
        }
    }

    /// The subscription id that the server sent the messages to.
    pub fn sid(&self) -> u64 {
        self.sid
    }

    /// Whether a message asks for an answer.
    pub fn is_answerable(&self) -> bool {
        self.answerable
    }

    /// The message at `index`; the first one when there is none.
    #[inline]
    pub fn view(&self, index: usize) -> View<'_> {
        let more = index.checked_sub(1).and_then(|index| self.more.get(index));
        View { block: self, span: more.unwrap_or(&self.first) }
    }

    /// The payload at `index` as a reference-counted view, if it can be had without a copy.
    pub fn split_payload(&self, index: usize) -> Option<Bytes> {
        match &self.memory {
            Memory::Own(_) => None,
            Memory::Split(bytes) => Some(bytes.slice_ref(self.view(index).payload())),
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.memory {
            Memory::Own(bytes) => bytes,
            Memory::Split(bytes) => bytes,
        }
    }
}

impl<'a> View<'a> {
    /// The subject's bytes.
    #[inline]
    pub fn subject(self) -> &'a [u8] {
        self.part(self.span.subject())
    }

    /// The reply subject's bytes; empty when there is none.
    #[inline]
    pub fn reply(self) -> &'a [u8] {
        let (start, len) = self.span.reply;
        let start = self.span.start as usize + usize::from(start);
        self.part(start..start + usize::from(len))
    }

    /// The payload.
    #[inline]
    pub fn payload(self) -> &'a [u8] {
        let start = self.span.headers().end;
        self.part(start..start + self.span.payload as usize)
    }

    /// The header block, if the message has one.
    pub fn headers(self) -> Option<HeaderBlock<'a>> {
        (self.span.headers > 0).then(|| HeaderBlock::new(self.part(self.span.headers())))
    }

    /// The subscription id that the server sent the message to.
    pub fn sid(self) -> u64 {
        self.block.sid
    }

    /// The status of the header block's first line; 0 when there is none.
    pub fn status(self) -> u16 {
        self.span.status
    }

    /// Whether the subject, the reply or the header block cannot be decoded.
    pub fn is_malformed(self) -> bool {
        self.span.malformed
    }

    /// Bytes that the message counts for in pending limits and statistics: headers and payload.
    pub fn size(self) -> usize {
        self.span.size()
    }

    fn part(self, range: std::ops::Range<usize>) -> &'a [u8] {
        self.block.bytes().get(range).unwrap_or_default()
    }
}

impl Span {
    /// Reads what can be said about a message at offset 0, and whether it has folded header values.
    /// `known` is a subject that is known to be UTF-8, as most messages have the one before them.
    #[inline]
    fn read(bytes: &[u8], frame: &MsgFrame, known: Option<&[u8]>) -> (Span, bool) {
        let part = |range: &std::ops::Range<u32>| {
            bytes.get(range.start as usize..range.end as usize).unwrap_or_default()
        };
        let place = |range: &std::ops::Range<u32>| {
            (range.start as u16, range.end.saturating_sub(range.start) as u16)
        };
        let subject = part(&frame.subject);
        let mut span = Span {
            start: 0,
            subject: place(&frame.subject),
            reply: frame.reply.as_ref().map_or((0, 0), place),
            line: frame.headers.start as u16,
            status: 0,
            headers: frame.headers.end - frame.headers.start,
            payload: frame.payload.end - frame.payload.start,
            malformed: known != Some(subject) && std::str::from_utf8(subject).is_err(),
        };
        if let Some(reply) = &frame.reply {
            span.malformed |= std::str::from_utf8(part(reply)).is_err();
        }
        let mut folded = false;
        if span.headers > 0 {
            let survey = HeaderBlock::new(part(&frame.headers)).survey();
            span.status = survey.status.unwrap_or(0);
            span.malformed |= survey.malformed;
            folded = survey.folded;
        }
        (span, folded)
    }

    /// Appends the message to `own`. Continuation lines are joined, so that every header value is
    /// one contiguous view.
    #[inline]
    fn append(&mut self, own: &mut Vec<u8>, bytes: &[u8], folded: bool) {
        let headers = self.headers();
        let end = headers.end + self.payload as usize;
        self.start = own.len() as u32;
        if !folded {
            own.extend_from_slice(bytes.get(..end).unwrap_or(bytes));
            return;
        }
        let unfolded = HeaderBlock::unfold(bytes.get(headers.clone()).unwrap_or_default());
        self.headers = unfolded.len() as u32;
        own.extend_from_slice(bytes.get(..headers.start).unwrap_or_default());
        own.extend_from_slice(&unfolded);
        own.extend_from_slice(bytes.get(headers.end..end).unwrap_or_default());
    }

    fn subject(&self) -> std::ops::Range<usize> {
        let start = self.start as usize + usize::from(self.subject.0);
        start..start + usize::from(self.subject.1)
    }

    fn headers(&self) -> std::ops::Range<usize> {
        let start = self.start as usize + usize::from(self.line);
        start..start + self.headers as usize
    }

    fn size(&self) -> usize {
        (self.headers + self.payload) as usize
    }
}
