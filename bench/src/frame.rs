//! Frames of the protocol: where they end, and how the benchmark's own are built.

use nats_harness::{Error, Result};

/// The largest payload.
pub(crate) const MAX_PAYLOAD: usize = 8 << 20;
/// The longest control line; INFO of a cluster is long.
const MAX_LINE: usize = 64 << 10;
const CRLF: usize = 2;

/// What a control line says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// INFO
    Info,
    /// CONNECT
    Connect,
    /// PING
    Ping,
    /// PONG
    Pong,
    /// SUB
    Sub,
    /// UNSUB
    Unsub,
    /// PUB and HPUB
    Publish,
    /// MSG and HMSG
    Message,
    /// +OK
    Ok,
    /// -ERR
    Error,
}

/// A frame whose control line is complete; the payload may not be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    /// What it is.
    pub(crate) kind: Kind,
    /// The length of the control line without its end.
    pub(crate) line: usize,
    /// The length of payload and headers.
    pub(crate) payload: usize,
    /// The length of the whole frame.
    pub(crate) total: usize,
}

/// The frame at the beginning of the bytes; none when its line is not complete.
///
/// # Errors
/// It is no frame of the protocol.
#[inline]
pub(crate) fn scan(bytes: &[u8]) -> Result<Option<Frame>> {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return if bytes.len() > MAX_LINE { Err(broken("a line without end")) } else { Ok(None) };
    };
    let line = match bytes[..end].split_last() {
        Some((b'\r', line)) => line,
        _ => return Err(broken("a line that does not end with CR LF")),
    };
    let kind = kind(line).ok_or_else(|| broken(&String::from_utf8_lossy(line)))?;
    let mut frame = Frame { kind, line: line.len(), payload: 0, total: end + 1 };
    if matches!(kind, Kind::Publish | Kind::Message) {
        frame.payload = trailing_number(line)
            .filter(|&length| length <= MAX_PAYLOAD)
            .ok_or_else(|| broken(&String::from_utf8_lossy(line)))?;
        frame.total += frame.payload + CRLF;
    }
    Ok(Some(frame))
}

#[inline]
fn kind(line: &[u8]) -> Option<Kind> {
    Some(match line {
        [b'P', b'U', b'B', b' ', ..] | [b'H', b'P', b'U', b'B', b' ', ..] => Kind::Publish,
        [b'M', b'S', b'G', b' ', ..] | [b'H', b'M', b'S', b'G', b' ', ..] => Kind::Message,
        b"PING" => Kind::Ping,
        b"PONG" => Kind::Pong,
        [b'S', b'U', b'B', b' ', ..] => Kind::Sub,
        [b'U', b'N', b'S', b'U', b'B', b' ', ..] => Kind::Unsub,
        [b'C', b'O', b'N', b'N', b'E', b'C', b'T', b' ', ..] => Kind::Connect,
        [b'I', b'N', b'F', b'O', b' ', ..] => Kind::Info,
        b"+OK" => Kind::Ok,
        [b'-', b'E', b'R', b'R', ..] => Kind::Error,
        _ => return None,
    })
}

#[cold]
fn broken(what: &str) -> Error {
    Error::new(format!("not the NATS protocol: {what}"))
}

/// The number that ends the line, behind a space.
#[inline]
fn trailing_number(line: &[u8]) -> Option<usize> {
    let (mut number, mut unit) = (0, 1);
    for (place, &byte) in line.iter().rev().enumerate() {
        match byte {
            b'0'..=b'9' if place < 8 => number += usize::from(byte - b'0') * unit,
            b' ' if place > 0 => return Some(number),
            _ => return None,
        }
        unit *= 10;
    }
    None
}

/// The length of the frame whose line is this prefix and a number; none when it is another frame,
/// or not clear yet. It is the short way past many equal frames.
#[inline]
pub(crate) fn length_after(prefix: &[u8], bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(prefix)?;
    let (mut payload, mut digits) = (0, 0);
    while let Some(digit @ b'0'..=b'9') = rest.get(digits) {
        payload = payload * 10 + usize::from(digit - b'0');
        digits += 1;
        if payload > MAX_PAYLOAD {
            return None;
        }
    }
    let ends = digits > 0 && rest.get(digits..digits + CRLF) == Some(b"\r\n");
    ends.then_some(prefix.len() + digits + CRLF + payload + CRLF)
}

/// The arguments of PUB, HPUB, MSG (without its sid) and HMSG.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Address<'a> {
    /// Where it goes.
    pub(crate) subject: &'a [u8],
    /// Where the answer goes.
    pub(crate) reply: Option<&'a [u8]>,
    /// One length, or two when it has headers, as they were written.
    pub(crate) lengths: &'a [u8],
    /// Whether it has headers.
    pub(crate) headers: bool,
}

impl<'a> Address<'a> {
    /// Reads the line of PUB, HPUB, MSG or HMSG.
    ///
    /// # Errors
    /// It has too few or too many arguments.
    pub(crate) fn of(line: &'a [u8]) -> Result<Self> {
        let headers = line.starts_with(b"H");
        let message = line[usize::from(headers)..].starts_with(b"MSG");
        let lengths = 1 + usize::from(headers);
        let words: Vec<&[u8]> = words(line).collect();
        // Verb and subject, and the sid of a message.
        let fixed = 2 + usize::from(message);
        let reply = match words.len().checked_sub(fixed + lengths) {
            Some(0) => None,
            Some(1) => Some(words[fixed]),
            _ => return Err(broken(&String::from_utf8_lossy(line))),
        };
        let tail: usize = words.iter().rev().take(lengths).map(|word| word.len()).sum();
        let lengths = &line[line.len() - tail - (lengths - 1)..];
        Ok(Self { subject: words[1], reply, lengths, headers })
    }
}

/// The words of a control line.
pub(crate) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b' ').filter(|word| !word.is_empty())
}

/// The payload and header block of the benchmark's messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Content {
    /// Bytes of payload.
    pub(crate) size: usize,
    /// Number of headers.
    pub(crate) headers: usize,
}

impl Content {
    /// PUB or HPUB with this content.
    pub(crate) fn publish(self, subject: &str, reply: Option<&str>) -> Vec<u8> {
        let reply = reply.map_or(String::new(), |reply| format!(" {reply}"));
        self.frame("PUB", &format!("{subject}{reply}"))
    }

    /// MSG or HMSG with this content.
    pub(crate) fn message(self, subject: &str, sid: &str) -> Vec<u8> {
        self.frame("MSG", &format!("{subject} {sid}"))
    }

    fn frame(self, verb: &str, address: &str) -> Vec<u8> {
        let mut block = String::new();
        if self.headers > 0 {
            block.push_str("NATS/1.0\r\n");
            let names = ('A'..='Z').take(self.headers);
            block.extend(names.map(|name| format!("Bench-{name}: 12345678\r\n")));
            block.push_str("\r\n");
        }
        let total = block.len() + self.size;
        let line = match block.len() {
            0 => format!("{verb} {address} {total}\r\n"),
            length => format!("H{verb} {address} {length} {total}\r\n"),
        };
        let mut frame = line.into_bytes();
        frame.extend_from_slice(block.as_bytes());
        frame.resize(frame.len() + self.size, b'x');
        frame.extend_from_slice(b"\r\n");
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(bytes: &[u8]) -> Frame {
        scan(bytes).unwrap().unwrap()
    }

    #[test]
    fn frames_end_where_their_length_says() {
        let content = Content { size: 16, headers: 0 };
        let bytes = content.publish("bench.data", None);
        assert_eq!(bytes, b"PUB bench.data 16\r\nxxxxxxxxxxxxxxxx\r\n");
        let total = bytes.len();
        assert_eq!(scanned(&bytes), Frame { kind: Kind::Publish, line: 17, payload: 16, total });
        // The line is enough, and what follows does not count.
        assert_eq!(scanned(&bytes[..19]).total, total);
        assert_eq!(scanned(&[bytes.as_slice(), b"PING\r\n"].concat()).total, total);
        for cut in 0..19 {
            assert_eq!(scan(&bytes[..cut]).unwrap(), None);
        }
    }

    #[test]
    fn the_short_way_is_the_same_way() {
        let prefix = b"PUB bench.data ";
        let bytes = Content { size: 16, headers: 0 }.publish("bench.data", None);
        for cut in 0..=bytes.len() {
            let expected = scan(&bytes[..cut]).unwrap().map(|frame| frame.total);
            assert_eq!(length_after(prefix, &bytes[..cut]), expected, "{cut}");
        }
        let others: [&[u8]; 5] = [
            b"PUB bench.data \r\n",
            b"PUB bench.data r 16\r\n",
            b"PUB bench.data 16\n\n",
            b"PUB bench.data 99999999999999999999999\r\n",
            b"HPUB bench.data 1 1\r\n",
        ];
        for bytes in others {
            assert_eq!(length_after(prefix, bytes), None);
        }
    }

    #[test]
    fn headers_are_within_the_total_length() {
        let bytes = Content { size: 5, headers: 3 }.message("a.b", "7");
        let frame = scanned(&bytes);
        assert_eq!((frame.kind, frame.total), (Kind::Message, bytes.len()));
        assert!(bytes.starts_with(b"HMSG a.b 7 69 74\r\nNATS/1.0\r\nBench-A: 12345678\r\n"));
    }

    #[test]
    fn lines_without_payload() {
        let lines: [(&[u8], Kind); 5] = [
            (b"PING\r\n", Kind::Ping),
            (b"PONG\r\n", Kind::Pong),
            (b"SUB bench.data 12\r\n", Kind::Sub),
            (b"CONNECT {}\r\n", Kind::Connect),
            (b"-ERR 'no'\r\n", Kind::Error),
        ];
        for (bytes, kind) in lines {
            let frame = scanned(bytes);
            assert_eq!((frame.kind, frame.total, frame.payload), (kind, bytes.len(), 0));
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let lines: [&[u8]; 7] = [
            b"GET / HTTP/1.1\r\n",
            b"PING\n",
            b"\n",
            b"PUB bench.data 99999999999999999999\r\n",
            b"PUB bench.data 8388609\r\n",
            b"PUB bench.data -1\r\n",
            b"PUB bench.data \r\n",
        ];
        for bytes in lines {
            assert!(scan(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
        assert!(scan(&vec![b'x'; MAX_LINE + 1]).is_err());
    }

    #[test]
    fn addresses() {
        let address = Address::of(b"HPUB a r.1 12 16").unwrap();
        assert_eq!((address.subject, address.lengths), (&b"a"[..], &b"12 16"[..]));
        assert_eq!((address.reply, address.headers), (Some(&b"r.1"[..]), true));
        let address = Address::of(b"MSG a 7 16").unwrap();
        assert_eq!((address.subject, address.lengths), (&b"a"[..], &b"16"[..]));
        assert_eq!((address.reply, address.headers), (None, false));
        assert_eq!(Address::of(b"MSG a 7 r 16").unwrap().reply, Some(&b"r"[..]));
        assert!(Address::of(b"PUB 16").is_err());
        assert!(Address::of(b"PUB a b c 16").is_err());
    }
}
