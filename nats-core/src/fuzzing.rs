//! The bodies of the fuzz targets, and the drivers that the tests of the wire format share with
//! them. Not part of the API. Each target panics when a rule is broken.

use std::mem::discriminant;
use std::ops::Range;

use crate::proto::headers::Headers;
use crate::proto::parse::{Fault, Frame, Limits, Parser, Step};
use crate::proto::{HeaderBlock, ServerInfo};

/// A frame with bytes of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owned {
    /// MSG or HMSG.
    Msg {
        /// The subscription id.
        sid: u64,
        /// The subject.
        subject: Vec<u8>,
        /// The reply subject.
        reply: Option<Vec<u8>>,
        /// The header block.
        headers: Vec<u8>,
        /// The payload.
        payload: Vec<u8>,
    },
    /// INFO.
    Info(Vec<u8>),
    /// PING.
    Ping,
    /// PONG.
    Pong,
    /// +OK.
    Ok,
    /// -ERR.
    Err(Vec<u8>),
}

/// What a parser made of a stream.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The frames, in order.
    pub frames: Vec<Owned>,
    /// What ended it before the end of the stream.
    pub fault: Option<Fault>,
    /// How many bytes the frames take.
    pub consumed: usize,
}

impl Reading {
    /// Whether two readings agree: on everything but the text of the fault.
    pub fn agrees_with(&self, other: &Reading) -> bool {
        self.frames == other.frames
            && self.consumed == other.consumed
            && self.fault.as_ref().map(discriminant) == other.fault.as_ref().map(discriminant)
    }
}

/// Feeds `stream` to a parser in pieces of the sizes that `chunk` returns (at least 1).
pub fn read(stream: &[u8], limits: Limits, mut chunk: impl FnMut() -> usize) -> Reading {
    let mut parser = Parser::new(limits);
    let mut reading = Reading { frames: Vec::new(), fault: None, consumed: 0 };
    let (mut end, mut needed) = (0, 0);
    loop {
        let buf = &stream[reading.consumed..end];
        match parser.next(buf) {
            Ok(Step::Frame { frame, len }) => {
                assert!(len > 0 && len <= buf.len(), "a frame of {len} of {} bytes", buf.len());
                assert!(buf.len() >= needed, "{needed} bytes were needed, {} enough", buf.len());
                reading.frames.push(own(&frame, &buf[..len]));
                reading.consumed += len;
                needed = 0;
            }
            Ok(Step::More { needed: total }) => {
                assert!(total > buf.len(), "{total} bytes needed, {} given", buf.len());
                if end == stream.len() {
                    return reading;
                }
                needed = total;
                end = end.saturating_add(chunk().max(1)).min(stream.len());
            }
            Err(fault) => {
                assert!(fault.to_string().len() < 1024, "a long text");
                reading.fault = Some(fault);
                return reading;
            }
        }
    }
}

fn own(frame: &Frame, buf: &[u8]) -> Owned {
    let part = |range: &Range<u32>| buf[range.start as usize..range.end as usize].to_vec();
    match frame {
        Frame::Msg(msg) => Owned::Msg {
            sid: msg.sid,
            subject: part(&msg.subject),
            reply: msg.reply.as_ref().map(part),
            headers: part(&msg.headers),
            payload: part(&msg.payload),
        },
        Frame::Info(json) => Owned::Info(buf[json.clone()].to_vec()),
        Frame::Ping => Owned::Ping,
        Frame::Pong => Owned::Pong,
        Frame::Ok => Owned::Ok,
        Frame::Err(text) => Owned::Err(buf[text.clone()].to_vec()),
    }
}

/// A stream means the same however it is cut. The limits are small, for short inputs to reach them.
pub fn parser(stream: &[u8]) {
    let limits = Limits { control_line: 128, info_line: 256, message: 512 };
    let whole = read(stream, limits, || usize::MAX);
    let bytewise = read(stream, limits, || 1);
    assert!(whole.agrees_with(&bytewise), "{whole:?} against {bytewise:?} bytewise");
    let mut state = stream
        .iter()
        .fold(0x9e37_79b9_u32, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let pieces = read(stream, limits, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 27) as usize
    });
    assert!(whole.agrees_with(&pieces), "{whole:?} against {pieces:?} in pieces");
}

/// A block is read without a panic, in one pass, and what was read can be sent and read again.
pub fn headers(raw: &[u8]) {
    let block = HeaderBlock::new(raw);
    let (mut cursor, mut before, mut found) = (0, 0, Vec::new());
    while let Some((name, value)) = block.next_from(&mut cursor) {
        assert!(cursor > before && cursor <= raw.len(), "the cursor went {before} to {cursor}");
        assert!(!name.is_empty() && !name.contains(&b'\n') && !value.contains(&b'\n'));
        before = cursor;
        found.push((name, value));
    }
    assert!(block.iter().eq(found.iter().copied()), "cursor and iterator differ");
    if let Some((Ok(name), value)) = found.first().map(|(n, v)| (std::str::from_utf8(n), *v)) {
        assert_eq!(block.get(name), Some(value));
        assert!(block.get_ignore_case(name).is_some());
    }
    if let Some(status) = block.status() {
        assert!((100..=999).contains(&status));
    }
    let survey = block.survey();
    assert_eq!((survey.status, survey.malformed), (block.status(), block.check().is_err()));
    let unfolded = HeaderBlock::unfold(raw);
    assert!(!HeaderBlock::new(&unfolded).has_folds(), "folds are left");
    assert_eq!(unfolded == raw, !block.has_folds(), "unfolding changes folded blocks only");
    if let Ok(owned) = block.to_headers() {
        assert_eq!(block.check(), Ok(()));
        round_trip(&owned);
    }
    round_trip(&build(raw));
}

/// Headers from any bytes: what is refused is left out.
fn build(raw: &[u8]) -> Headers {
    let mut headers = Headers::new();
    for line in String::from_utf8_lossy(raw).split('\x0b') {
        let (name, value) = line.split_once('\x0c').unwrap_or(("name", line));
        // Refusals are expected here.
        let _ = headers.append(name, value);
    }
    headers
}

fn round_trip(headers: &Headers) {
    if headers.is_empty() {
        return;
    }
    let mut encoded = Vec::new();
    headers.encode(&mut encoded);
    let block = HeaderBlock::new(&encoded);
    assert_eq!(block.check(), Ok(()));
    assert_eq!(block.to_headers().as_ref(), Ok(headers));
}

/// An INFO is refused or understood, and what was understood can be written and read again.
pub fn info(json: &[u8]) {
    let Ok(info) = ServerInfo::parse(json) else {
        return;
    };
    assert!(info.connect_urls.len() <= crate::proto::info::MAX_URLS);
    let _ = info.version_at_least(2, 11, 0);
    let again = serde_json::to_vec(&info).map(|json| ServerInfo::parse(&json));
    assert!(matches!(again, Ok(Ok(again)) if again == info), "no round trip");
}
