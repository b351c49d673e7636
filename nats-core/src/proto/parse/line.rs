//! One control line and its arguments.

use std::ops::Range;

use super::super::subject::excerpt;
use super::{Fault, Limits, MsgFrame};

/// One control line, with its line end.
pub(super) struct Line<'a> {
    bytes: &'a [u8],
    /// Where the arguments begin: right behind the name of the operation.
    start: usize,
    /// Where they end: before CRLF, or before a bare LF.
    end: usize,
}

impl<'a> Line<'a> {
    pub(super) fn new(bytes: &'a [u8], start: usize) -> Line<'a> {
        let crlf = bytes.ends_with(b"\r\n") && bytes.len() >= start + 2;
        Line { bytes, start, end: bytes.len() - if crlf { 2 } else { 1 } }
    }

    /// The rest of the line, without the blanks around it.
    pub(super) fn text(&self) -> Result<Range<usize>, Fault> {
        self.check_separated()?;
        Ok(self.trimmed())
    }

    fn trimmed(&self) -> Range<usize> {
        let rest = &self.bytes[self.start..self.end];
        let left = rest.iter().take_while(|&&byte| blank(byte)).count();
        let right = rest[left..].iter().rev().take_while(|&&byte| blank(byte)).count();
        self.start + left..self.end - right
    }

    /// The rest of the line without blanks and without the quotes around it, either of which may
    /// be missing.
    pub(super) fn quoted(&self) -> Range<usize> {
        let Range { mut start, mut end } = self.trimmed();
        if start < end && self.bytes[start] == b'\'' {
            start += 1;
        }
        if start < end && self.bytes[end - 1] == b'\'' {
            end -= 1;
        }
        start..end
    }

    /// The arguments, separated by any number of blanks; at most `N` of them.
    fn arguments<const N: usize>(&self) -> Result<([Range<u32>; N], usize), Fault> {
        self.check_separated()?;
        let mut arguments = [const { 0..0 }; N];
        let mut count = 0;
        let line = &self.bytes[..self.end];
        let mut at = self.start;
        loop {
            while at < line.len() && blank(line[at]) {
                at += 1;
            }
            if at >= line.len() {
                return Ok((arguments, count));
            }
            let start = at;
            while at < line.len() && !blank(line[at]) {
                at += 1;
            }
            let Some(slot) = arguments.get_mut(count) else {
                return Err(self.fault());
            };
            *slot = start as u32..at as u32;
            count += 1;
        }
    }

    /// Refuses arguments that are glued to the name: `MSGa`.
    fn check_separated(&self) -> Result<(), Fault> {
        if self.start < self.end && !blank(self.bytes[self.start]) {
            return Err(Fault::UnknownOperation(excerpt(self.bytes)));
        }
        Ok(())
    }

    fn number(&self, range: &Range<u32>) -> Option<u64> {
        number(&self.bytes[range.start as usize..range.end as usize])
    }

    fn fault(&self) -> Fault {
        Fault::Arguments(excerpt(&self.bytes[..self.end]))
    }
}

/// Reads the arguments of MSG (`subject sid [reply] size`) or HMSG (with a header size before).
pub(super) fn message(
    line: &Line<'_>,
    with_headers: bool,
    limit: usize,
) -> Result<MsgFrame, Fault> {
    let (arguments, count) = line.arguments::<5>()?;
    let sizes = if with_headers { 2 } else { 1 };
    let (reply, sizes) = match count.checked_sub(2 + sizes) {
        Some(0) => (None, &arguments[2..count]),
        Some(1) => (Some(arguments[2].clone()), &arguments[3..count]),
        _ => return Err(line.fault()),
    };
    let seen = || excerpt(&line.bytes[..line.end]);
    let sid = line.number(&arguments[1]).ok_or_else(|| Fault::Sid(seen()))?;
    let read = |range: &Range<u32>| line.number(range).ok_or_else(|| Fault::Size(seen()));
    let (block, total) = match sizes {
        [block, total] => (read(block)?, read(total)?),
        [total] => (0, read(total)?),
        _ => return Err(line.fault()),
    };
    if total > limit as u64 {
        return Err(Fault::MessageTooLarge { size: total, limit });
    }
    if block > total {
        return Err(Fault::Size(seen()));
    }
    // The limits that Parser::new enforces keep these sums below 2^32.
    let start = line.bytes.len() as u32;
    let payload = start + block as u32;
    Ok(MsgFrame {
        sid,
        subject: arguments[0].clone(),
        reply,
        headers: start..payload,
        payload: payload..start + total as u32,
    })
}

/// Reads MSG or HMSG in one pass, if `buf` begins with a whole control line of the form that servers
/// write: capital letters, one space between arguments, CRLF, sizes within the limits. `None` leaves
/// it to the longer way, which knows every form and every fault.
pub(super) fn plain_message(buf: &[u8], limits: &Limits) -> Option<MsgFrame> {
    let (name, with_headers) = match buf {
        [b'M', b'S', b'G', b' ', ..] => ("MSG".len(), false),
        [b'H', b'M', b'S', b'G', b' ', ..] => ("HMSG".len(), true),
        _ => return None,
    };
    let mut rest = Rest { line: &buf[..buf.len().min(limits.control_line)], at: name + 1 };
    let subject = rest.word()?;
    let (sid, true) = rest.number()? else { return None };
    let mut reply = None;
    let mut first = rest.at;
    // Sizes come last, so whatever is not followed by as many of them is the reply subject.
    let (block, total) = loop {
        let sizes = match rest.number() {
            Some((total, false)) if !with_headers => Some((0, total)),
            Some((block, true)) if with_headers => match rest.number() {
                Some((total, false)) => Some((block, total)),
                _ => None,
            },
            _ => None,
        };
        match sizes {
            Some(sizes) => break sizes,
            None if reply.is_some() => return None,
            None => {
                rest.at = first;
                reply = Some(rest.word()?);
                first = rest.at;
            }
        }
    };
    if total > limits.message as u64 || block > total {
        return None;
    }
    // The limits that Parser::new enforces keep these sums below 2^32.
    let start = rest.at as u32;
    let payload = start + block as u32;
    let end = start + total as u32;
    Some(MsgFrame { sid, subject, reply, headers: start..payload, payload: payload..end })
}

/// What is left of a control line.
struct Rest<'a> {
    line: &'a [u8],
    at: usize,
}

impl Rest<'_> {
    /// A word and the space behind it.
    #[inline]
    fn word(&mut self) -> Option<Range<u32>> {
        let start = self.at;
        let mut at = start;
        while at < self.line.len() && self.line[at] > b' ' {
            at += 1;
        }
        self.at = at + 1;
        (at > start && self.line.get(at) == Some(&b' ')).then_some(start as u32..at as u32)
    }

    /// A number, and whether a space follows it rather than the end of the line.
    #[inline]
    fn number(&mut self) -> Option<(u64, bool)> {
        const SAFE: usize = 18;
        let start = self.at;
        let (mut at, mut value) = (start, 0);
        while at < self.line.len() && self.line[at].is_ascii_digit() {
            value = u64::wrapping_add(value * 10, u64::from(self.line[at] - b'0'));
            at += 1;
            if at - start > SAFE {
                return None;
            }
        }
        if at == start {
            return None;
        }
        match self.line.get(at..) {
            Some([b' ', ..]) => {
                self.at = at + 1;
                Some((value, true))
            }
            Some([b'\r', b'\n', ..]) => {
                self.at = at + 2;
                Some((value, false))
            }
            _ => None,
        }
    }
}

fn blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// A decimal number of 1 to 20 digits, nothing else, that fits into 64 bits.
fn number(digits: &[u8]) -> Option<u64> {
    const MOST: usize = 20;
    if digits.is_empty() || digits.len() > MOST {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then_some(())?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"00000000000000000005"), Some(5));
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in [
            "",
            "-1",
            "+1",
            "1 ",
            "abc",
            "0x1",
            "18446744073709551616",
            "000000000000000000005",
            "1\r",
        ] {
            assert_eq!(number(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
