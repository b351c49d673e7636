//! A received header block, read in place and in linear time.
//!
//! The bytes come from other users through a server that does not look at them: nothing here fails,
//! every line that can be read is delivered, and [`HeaderBlock::check`] says what was wrong.
//!
//! One blank behind the colon is taken away and the rest of the value is kept as it is, so that
//! values written by [`Headers`] keep the spaces they begin and end with.

use std::fmt;

use memchr::memchr;

use super::headers::{Headers, VERSION, is_name, is_name_byte};
use crate::error::{Code, Error, Result};

/// A view of a header block, from `NATS/1.0` to the blank line. Names and values are bytes.
#[derive(Clone, Copy, Debug)]
pub struct HeaderBlock<'a> {
    raw: &'a [u8],
}

/// What is wrong with a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderFault {
    /// The first line has no end.
    Truncated,
    /// The first line is not of version 1.0.
    BadVersion,
    /// What follows the version is not a status of three digits.
    BadStatus,
    /// A line has no colon.
    MissingColon,
    /// A name is not printable ASCII.
    BadName,
    /// There is something behind the blank line.
    TrailingBytes,
}

/// What [`HeaderBlock::survey`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Survey {
    /// As [`HeaderBlock::status`].
    pub status: Option<u16>,
    /// Whether [`HeaderBlock::check`] finds a fault.
    pub malformed: bool,
    /// As [`HeaderBlock::has_folds`].
    pub folded: bool,
}

impl<'a> HeaderBlock<'a> {
    /// A view of `raw`. Nothing is checked.
    pub fn new(raw: &'a [u8]) -> HeaderBlock<'a> {
        HeaderBlock { raw }
    }

    /// The block's bytes.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The status of the first line, as in `NATS/1.0 503`: 100 to 999.
    pub fn status(&self) -> Option<u16> {
        self.first_line().ok()?.status
    }

    /// The text behind the status, as in `NATS/1.0 100 Idle Heartbeat`.
    pub fn description(&self) -> Option<&'a [u8]> {
        self.first_line().ok()?.description
    }

    /// The first value of `name`; of a folded value only the first line, see
    /// [`unfold`](HeaderBlock::unfold).
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.iter().find(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value)
    }

    /// The first value of any name that differs from `name` in ASCII case at most.
    pub fn get_ignore_case(&self, name: &str) -> Option<&'a [u8]> {
        let same = |other: &[u8]| other.eq_ignore_ascii_case(name.as_bytes());
        self.iter().find(|(other, _)| same(other)).map(|(_, value)| value)
    }

    /// All values of `name`, in order.
    pub fn get_all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.iter().filter(move |(other, _)| *other == name.as_bytes()).map(|(_, value)| value)
    }

    /// All headers, in order. Lines without a colon or without a name are left out.
    pub fn iter(&self) -> HeaderIter<'a> {
        HeaderIter { block: *self, cursor: 0 }
    }

    /// The next header behind `cursor`, which is 0 at first and opaque afterwards. Walking over the
    /// whole block like this takes linear time.
    pub fn next_from(&self, cursor: &mut usize) -> Option<(&'a [u8], &'a [u8])> {
        if *cursor == 0 {
            *cursor = self.line_at(0)?.1;
        }
        while let Some((line, next)) = self.line_at(*cursor) {
            if line.is_empty() {
                break;
            }
            *cursor = next;
            match split(line) {
                Some((name, value)) if !name.is_empty() && !is_fold(line) => {
                    return Some((name, value));
                }
                _ => {}
            }
        }
        *cursor = self.raw.len();
        None
    }

    /// Checks the whole block, in linear time.
    ///
    /// LF alone as line end, a missing blank line, an empty name, folded lines and any bytes in
    /// values are accepted.
    ///
    /// # Errors
    /// The first [`HeaderFault`] of the block.
    pub fn check(&self) -> Result<(), HeaderFault> {
        let mut at = self.first_line()?.end;
        let mut foldable = false;
        while let Some((line, next)) = self.line_at(at) {
            if line.is_empty() {
                return if next == self.raw.len() {
                    Ok(())
                } else {
                    Err(HeaderFault::TrailingBytes)
                };
            }
            if !(foldable && is_fold(line)) {
                let (name, _) = split(line).ok_or(HeaderFault::MissingColon)?;
                if !name.is_empty() && !is_name(name) {
                    return Err(HeaderFault::BadName);
                }
            }
            foldable = true;
            at = next;
        }
        Ok(())
    }

    /// An owned copy, with folded lines joined.
    ///
    /// # Errors
    /// [`Code::MalformedMessage`] when [`check`](HeaderBlock::check) fails, and when a value is not
    /// UTF-8 or contains what cannot be sent again.
    pub fn to_headers(&self) -> Result<Headers> {
        let malformed = |fault: &dyn fmt::Display| {
            Error::new(Code::MalformedMessage, format!("header block: {fault}"))
        };
        self.check().map_err(|fault| malformed(&fault))?;
        let unfolded = if self.has_folds() { Some(HeaderBlock::unfold(self.raw)) } else { None };
        let block = HeaderBlock::new(unfolded.as_deref().unwrap_or(self.raw));
        let mut headers = Headers::new();
        for (name, value) in block.iter() {
            let name = std::str::from_utf8(name).map_err(|error| malformed(&error))?;
            let value = std::str::from_utf8(value).map_err(|error| malformed(&error))?;
            headers.append(name, value).map_err(|error| malformed(&error.text()))?;
        }
        Ok(headers)
    }

    /// Whether a value continues on a following line. [`unfold`](HeaderBlock::unfold) joins them.
    pub fn has_folds(&self) -> bool {
        self.survey().folded
    }

    /// What has to be known of every received block, found in one walk.
    #[inline]
    pub fn survey(&self) -> Survey {
        if is_plain(self.raw) {
            return Survey { status: None, malformed: false, folded: false };
        }
        self.walk()
    }

    fn walk(&self) -> Survey {
        let first = self.first_line();
        let mut survey = Survey {
            status: first.as_ref().map_or(None, |line| line.status),
            malformed: first.is_err(),
            folded: false,
        };
        let Some((_, mut at)) = self.line_at(0) else { return survey };
        let mut foldable = false;
        while let Some((line, next)) = self.line_at(at) {
            if line.is_empty() {
                survey.malformed |= next != self.raw.len();
                break;
            }
            if foldable && is_fold(line) {
                survey.folded = true;
            } else {
                let name = split(line).map(|(name, _)| name);
                survey.malformed |= !name.is_some_and(|name| name.is_empty() || is_name(name));
            }
            foldable = true;
            at = next;
        }
        survey
    }

    /// `raw` with every continuation line joined to the line before it by one space.
    pub fn unfold(raw: &[u8]) -> Vec<u8> {
        let block = HeaderBlock::new(raw);
        let mut out = Vec::with_capacity(raw.len());
        let Some((_, mut at)) = block.line_at(0) else {
            return out;
        };
        out.extend_from_slice(&raw[..at]);
        let mut pending: Option<&[u8]> = None;
        while let Some((line, next)) = block.line_at(at).filter(|(line, _)| !line.is_empty()) {
            if pending.is_some() && is_fold(line) {
                let blanks = line.iter().take_while(|&&byte| is_blank(byte)).count();
                out.push(b' ');
                out.extend_from_slice(&line[blanks..]);
            } else {
                out.extend_from_slice(pending.unwrap_or_default());
                out.extend_from_slice(line);
            }
            // The line end as it came, written once the next line is known to be no continuation.
            pending = Some(&raw[at + line.len()..next]);
            at = next;
        }
        out.extend_from_slice(pending.unwrap_or_default());
        out.extend_from_slice(&raw[at..]);
        out
    }

    /// The line that starts at `at`, without its end, and where the next one starts.
    fn line_at(&self, at: usize) -> Option<(&'a [u8], usize)> {
        let rest = self.raw.get(at..).filter(|rest| !rest.is_empty())?;
        let (line, next) = match memchr(b'\n', rest) {
            Some(end) => (&rest[..end], at + end + 1),
            None => (rest, self.raw.len()),
        };
        Some((line.strip_suffix(b"\r").unwrap_or(line), next))
    }

    fn first_line(&self) -> Result<FirstLine<'a>, HeaderFault> {
        let (line, end) = self.line_at(0).ok_or(HeaderFault::Truncated)?;
        if !self.raw[..end].ends_with(b"\n") {
            return Err(HeaderFault::Truncated);
        }
        let rest = line.strip_prefix(VERSION.as_bytes()).ok_or(HeaderFault::BadVersion)?;
        let text = rest.trim_ascii();
        if text.is_empty() {
            return Ok(FirstLine { status: None, description: None, end });
        }
        if !is_blank(rest[0]) {
            return Err(HeaderFault::BadStatus);
        }
        let width = text.iter().position(|&byte| is_blank(byte)).unwrap_or(text.len());
        let status = match text[..width] {
            [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
                u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
            }
            _ => return Err(HeaderFault::BadStatus),
        };
        let text = text[width..].trim_ascii_start();
        let description = (!text.is_empty()).then_some(text);
        Ok(FirstLine { status: Some(status), description, end })
    }
}

/// The headers of a block, as `(name, value)`.
#[derive(Clone, Debug)]
pub struct HeaderIter<'a> {
    block: HeaderBlock<'a>,
    cursor: usize,
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.block.next_from(&mut self.cursor)
    }
}

impl fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeaderFault::Truncated => "the first line is cut off",
            HeaderFault::BadVersion => "it does not begin with NATS/1.0",
            HeaderFault::BadStatus => "the status is not a number of three digits",
            HeaderFault::MissingColon => "a line has no colon",
            HeaderFault::BadName => "a name is not printable ASCII",
            HeaderFault::TrailingBytes => "there are bytes behind the blank line",
        })
    }
}

impl std::error::Error for HeaderFault {}

struct FirstLine<'a> {
    status: Option<u16>,
    description: Option<&'a [u8]>,
    /// Where the second line starts.
    end: usize,
}

/// Whether a block is as nearly all are: without a status and folded lines, and with no fault.
fn is_plain(raw: &[u8]) -> bool {
    let Some(mut rest) = raw.strip_prefix(b"NATS/1.0\r\n") else { return false };
    while rest != b"\r\n" {
        let name = rest.iter().take_while(|&&byte| is_name_byte(byte)).count();
        let Some((b':', value)) = rest.get(name..).and_then(<[u8]>::split_first) else {
            return false;
        };
        let Some(end) = line_end(value) else { return false };
        rest = value.get(end + 1..).unwrap_or_default();
    }
    true
}

/// Where the first LF is. Most values are short, and a call would cost more than the search.
fn line_end(bytes: &[u8]) -> Option<usize> {
    const NEAR: usize = 32;
    const LOW: u64 = u64::MAX / 255;
    for (at, chunk) in bytes.chunks_exact(8).take(NEAR / 8).enumerate() {
        let word = u64::from_le_bytes(*chunk.first_chunk()?) ^ (LOW * b'\n' as u64);
        // The lowest bit belongs to the first byte that is zero now.
        let found = word.wrapping_sub(LOW) & !word & (LOW << 7);
        if found != 0 {
            return Some(at * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let looked = bytes.len().min(NEAR) / 8 * 8;
    memchr(b'\n', &bytes[looked..]).map(|end| looked + end)
}

/// Name and value of a line, if it has a colon.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', line)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    match value {
        [first, rest @ ..] if is_blank(*first) => Some((name, rest)),
        _ => Some((name, value)),
    }
}

fn is_fold(line: &[u8]) -> bool {
    line.first().is_some_and(|&byte| is_blank(byte))
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(raw: &str) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        HeaderBlock::new(raw.as_bytes()).iter().map(|(n, v)| (text(n), text(v))).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn lookups() {
        let raw = b"NATS/1.0\r\nKey: 1\r\nkey: 2\r\nKey: 3\r\n\r\n";
        let block = HeaderBlock::new(raw);
        assert_eq!(block.get("Key"), Some(&b"1"[..]));
        assert_eq!(block.get("key"), Some(&b"2"[..]));
        assert_eq!(block.get("KEY"), None);
        assert_eq!(block.get_ignore_case("KEY"), Some(&b"1"[..]));
        assert_eq!(block.get_all("Key").collect::<Vec<_>>(), [b"1", b"3"]);
        assert_eq!((block.status(), block.description()), (None, None));
        assert_eq!(block.raw(), raw);
    }

    #[test]
    fn statuses() {
        let status = |raw: &'static str| {
            let block = HeaderBlock::new(raw.as_bytes());
            (block.status(), block.description())
        };
        assert_eq!(status("NATS/1.0 503\r\n\r\n"), (Some(503), None));
        let description = Some(&b"Idle Heartbeat"[..]);
        assert_eq!(status("NATS/1.0 100 Idle Heartbeat\r\n\r\n"), (Some(100), description));
        assert_eq!(status("NATS/1.0\t 100\tIdle Heartbeat \n\n"), (Some(100), description));
        assert_eq!(status("NATS/1.0 099\r\n\r\n"), (None, None));
    }

    #[test]
    fn one_blank_behind_the_colon_is_no_part_of_the_value() {
        let found = pairs("NATS/1.0\r\na:1\r\nb: 2\r\nc:\t3\r\nd:  4 \r\ne:\r\nf: \r\n\r\n");
        let wanted = [("a", "1"), ("b", "2"), ("c", "3"), ("d", " 4 "), ("e", ""), ("f", "")];
        assert_eq!(found, wanted.map(|(name, value)| pair(name, value)));
    }

    #[test]
    fn a_cursor_walks_like_the_iterator_and_stays_at_the_end() {
        let block = HeaderBlock::new(b"NATS/1.0\r\na: 1\r\nb: 2\r\n\r\n");
        let mut cursor = 0;
        assert_eq!(block.next_from(&mut cursor), Some((&b"a"[..], &b"1"[..])));
        assert_eq!(block.next_from(&mut cursor), Some((&b"b"[..], &b"2"[..])));
        assert_eq!(block.next_from(&mut cursor), None);
        assert_eq!(block.next_from(&mut cursor), None);
        let mut beyond = usize::MAX;
        assert_eq!(block.next_from(&mut beyond), None);
    }

    #[test]
    fn folded_lines() {
        let raw = b"NATS/1.0\r\na: 1\r\n  2\r\n\t3 \r\nb: 4\n 5\n\r\n";
        let block = HeaderBlock::new(raw);
        assert!(block.has_folds());
        assert_eq!(block.check(), Ok(()));
        let joined = HeaderBlock::unfold(raw);
        assert_eq!(joined, b"NATS/1.0\r\na: 1 2 3 \r\nb: 4 5\n\r\n");
        let headers = block.to_headers().unwrap();
        assert_eq!(headers.get("a"), Some("1 2 3 "));
        assert_eq!(headers.get("b"), Some("4 5"));
    }

    #[test]
    fn plain_blocks_are_seen_as_any_other() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut plain = 0;
        for round in 0..100_000 {
            let mut raw = b"NATS/1.0\r\n".to_vec();
            for _ in 0..random.usize(..4) {
                let name = std::iter::repeat_with(|| random.alphanumeric());
                raw.extend(name.take(round % 7 + 1).map(|c| c as u8));
                raw.extend_from_slice(b": ");
                raw.extend(std::iter::repeat_n(b'v', random.usize(..50)));
                raw.extend_from_slice(b"\r\n");
            }
            raw.extend_from_slice(b"\r\n");
            for _ in 0..random.usize(..3) {
                if let Some(byte) = random.choice(&mut raw) {
                    *byte = random.choice(b"\n\r :\tx\x8a\x0b").copied().unwrap_or(b' ');
                }
            }
            plain += u32::from(is_plain(&raw));
            let block = HeaderBlock::new(&raw);
            assert_eq!(block.survey(), block.walk(), "{:?}", raw.escape_ascii().to_string());
            let found = line_end(&raw);
            assert_eq!(found, raw.iter().position(|byte| *byte == b'\n'));
        }
        assert!(plain > 10_000, "{plain}");
    }

    #[test]
    fn a_fold_needs_a_line_before_it() {
        let block = HeaderBlock::new(b"NATS/1.0\r\n x\r\na: 1\r\n\r\n");
        assert!(!block.has_folds());
        assert_eq!(block.check(), Err(HeaderFault::MissingColon));
        assert_eq!(block.iter().count(), 1);
    }

    #[test]
    fn to_headers_refuses_what_headers_cannot_hold() {
        for raw in [&b"NATS/1.0\r\na: \xff\r\n\r\n"[..], b"NATS/1.0\r\na: \0\r\n\r\n", b"junk"] {
            let error = HeaderBlock::new(raw).to_headers().unwrap_err();
            assert_eq!(error.code(), Code::MalformedMessage);
        }
    }
}
