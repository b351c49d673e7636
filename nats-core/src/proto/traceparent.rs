//! The header `traceparent` of the W3C trace context, which ties messages to traces.

use std::fmt;
use std::str::FromStr;

use super::subject::excerpt;
use crate::error::{Code, Error, Result};

/// The length of a value of version 00.
const LEN: usize = 55;
/// The bits that this version knows: sampled, and random trace id (level 2).
const KNOWN: u8 = 0b11;
/// The version that is no version.
const FORBIDDEN: u8 = 0xff;

/// Which trace a message belongs to, and which of its spans caused it: the value of the header
/// `traceparent`.
///
/// Parsing follows the W3C recommendation: small hexadecimal digits only, no identifier of zeros, no
/// version ff; of later versions what is known of them. It is always written in version 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    version: u8,
    trace_id: [u8; 16],
    parent_id: [u8; 8],
    flags: u8,
}

impl TraceParent {
    /// The name of the header.
    pub const NAME: &'static str = "traceparent";

    /// The flag that says that the caller may have recorded the trace.
    pub const SAMPLED: u8 = 1;

    /// A value of version 00.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for an identifier that is all zeros.
    pub fn new(trace_id: [u8; 16], parent_id: [u8; 8], flags: u8) -> Result<TraceParent> {
        let zeros = if trace_id == [0; 16] {
            "trace_id"
        } else if parent_id == [0; 8] {
            "parent_id"
        } else {
            return Ok(TraceParent { version: 0, trace_id, parent_id, flags });
        };
        Err(Error::new(Code::InvalidArgument, format!("{zeros}: must not be all zeros")))
    }

    /// Reads the value of the header.
    ///
    /// # Errors
    /// [`Code::InvalidHeader`].
    pub fn parse(value: impl AsRef<[u8]>) -> Result<TraceParent> {
        let value = value.as_ref();
        let expected = "expected version, trace id, parent id and flags as 2, 32, 16 and 2 small \
                        hexadecimal digits with '-' between, not all zeros";
        read(value).ok_or_else(|| {
            let text = format!("traceparent: {expected}, found \"{}\"", excerpt(value));
            Error::new(Code::InvalidHeader, text)
        })
    }

    /// The value of the next message in the trace, which the span `parent_id` causes.
    ///
    /// # Errors
    /// As [`TraceParent::new`].
    pub fn child(&self, parent_id: [u8; 8]) -> Result<TraceParent> {
        TraceParent::new(self.trace_id, parent_id, self.flags)
    }

    /// The version that was parsed.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The trace.
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// The span that caused the message.
    pub fn parent_id(&self) -> [u8; 8] {
        self.parent_id
    }

    /// The flags; those that are not known here are not written.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether the caller may have recorded the trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & TraceParent::SAMPLED != 0
    }
}

impl FromStr for TraceParent {
    type Err = Error;

    /// As [`TraceParent::parse`].
    fn from_str(text: &str) -> Result<TraceParent> {
        TraceParent::parse(text)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, parent) =
            (u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.parent_id));
        write!(f, "00-{trace:032x}-{parent:016x}-{:02x}", self.flags & KNOWN)
    }
}

fn read(text: &[u8]) -> Option<TraceParent> {
    let (known, rest) = text.split_at_checked(LEN)?;
    let [version] = field(known, 0)?;
    let ends = if version == 0 { rest.is_empty() } else { rest.first().is_none_or(|b| *b == b'-') };
    if version == FORBIDDEN || !ends {
        return None;
    }
    let (trace_id, parent_id, [flags]) = (field(known, 3)?, field(known, 36)?, field(known, 53)?);
    let separated = [2, 35, 52].iter().all(|at| known.get(*at) == Some(&b'-'));
    let known = TraceParent::new(trace_id, parent_id, flags).ok().filter(|_| separated)?;
    Some(TraceParent { version, ..known })
}

/// The bytes whose digits begin at `at`.
fn field<const N: usize>(text: &[u8], at: usize) -> Option<[u8; N]> {
    let digit = |at: usize| match text.get(at)? {
        byte @ b'0'..=b'9' => Some(byte - b'0'),
        byte @ b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = digit(at + 2 * index)? << 4 | digit(at + 2 * index + 1)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn comes_back_as_it_was() {
        let read: TraceParent = GOOD.parse().unwrap();
        assert_eq!((read.version(), read.flags(), read.is_sampled()), (0, 1, true));
        assert_eq!(read.trace_id()[..2], [0x0a, 0xf7]);
        assert_eq!(read.parent_id(), [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
        assert_eq!(read.to_string(), GOOD);
        let child = read.child([0, 0, 0, 0, 0, 0, 0, 1]).unwrap();
        assert_eq!(child.to_string(), "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-01");
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        for tail in ["", "-", "-more-of-it"] {
            let read: TraceParent = format!("cc{}{tail}", &GOOD[2..]).parse().unwrap();
            assert_eq!((read.version(), read.to_string().as_str()), (0xcc, GOOD));
        }
        assert!(format!("cc{}.more", &GOOD[2..]).parse::<TraceParent>().is_err());
        let flagged: TraceParent = format!("{}ff", &GOOD[..53]).parse().unwrap();
        assert_eq!((flagged.flags(), &flagged.to_string()[53..]), (0xff, "03"));
    }

    #[test]
    fn everything_else_is_refused() {
        let with = |at: usize, text: &str| {
            let mut value = GOOD.to_owned();
            value.replace_range(at..at + text.len(), text);
            value
        };
        let bad = [
            String::new(),
            GOOD[..54].into(),
            format!("{GOOD}-"),
            format!("{GOOD}0"),
            format!(" {GOOD}"),
            with(0, "ff"),
            with(0, "0x"),
            with(2, "_"),
            with(35, "0"),
            with(52, " "),
            with(3, "0A"),
            with(3, "g"),
            with(53, "0G"),
            with(3, &"0".repeat(32)),
            with(36, &"0".repeat(16)),
            with(10, "\u{e9}"),
        ];
        for text in bad {
            let error = text.parse::<TraceParent>().unwrap_err();
            assert_eq!(error.code(), Code::InvalidHeader, "{text}");
        }
        assert_eq!(TraceParent::new([0; 16], [1; 8], 0).unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(TraceParent::new([1; 16], [0; 8], 0).unwrap_err().code(), Code::InvalidArgument);
    }
}
