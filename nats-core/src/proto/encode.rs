//! The writer: client operations appended to a byte buffer.
//!
//! Every text argument is a type of [`subject`](super::subject) or [`Headers`], so what is written
//! here is always well-formed. [`scan`] walks over it again.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use memchr::{memchr, memrchr};
use serde::Serialize;
use zeroize::Zeroizing;

use super::headers::Headers;
use super::subject::{Filter, MAX_LEN, QueueGroup, Subject};
use crate::error::{Code, Error, Result};

/// Appends PUB, or HPUB when there are headers. Reserve [`publish_len`] bytes for it.
#[inline(always)]
pub fn publish(
    out: &mut Vec<u8>,
    subject: Subject<'_>,
    reply: Option<Subject<'_>>,
    headers: Option<&Headers>,
    payload: &[u8],
) {
    publish_head(out, subject, reply, headers, payload.len());
    out.extend_from_slice(payload);
    out.extend_from_slice(LINE_END);
}

/// What ends a control line and a payload.
pub const LINE_END: &[u8] = b"\r\n";

/// Appends what comes before the payload, which is `payload_len` bytes long and ends with
/// [`LINE_END`].
#[inline(always)]
pub fn publish_head(
    out: &mut Vec<u8>,
    subject: Subject<'_>,
    reply: Option<Subject<'_>>,
    headers: Option<&Headers>,
    payload_len: usize,
) {
    let headers = headers.filter(|headers| !headers.is_empty());
    match headers {
        Some(_) => out.extend_from_slice(b"HPUB "),
        None => out.extend_from_slice(b"PUB "),
    }
    out.extend_from_slice(subject.as_str().as_bytes());
    if let Some(reply) = reply {
        out.push(b' ');
        out.extend_from_slice(reply.as_str().as_bytes());
    }
    match headers {
        None => last_number(out, payload_len),
        Some(headers) => {
            let block = headers.encoded_len();
            out.push(b' ');
            number(out, block as u64);
            last_number(out, block + payload_len);
            headers.encode(out);
        }
    }
}

/// The exact number of bytes that [`publish`] appends for a payload of `payload_len` bytes.
pub fn publish_len(
    subject: Subject<'_>,
    reply: Option<Subject<'_>>,
    headers: Option<&Headers>,
    payload_len: usize,
) -> usize {
    let reply = reply.map_or(0, |reply| reply.as_str().len() + 1);
    let line = "PUB ".len() + subject.as_str().len() + 1 + reply + "\r\n\r\n".len();
    let block = headers.map_or(0, Headers::encoded_len);
    let total = payload_len.saturating_add(block);
    let numbers = if block > 0 { "H ".len() + digits(block) } else { 0 } + digits(total);
    total.saturating_add(line + numbers)
}

/// At least [`publish_len`], and not much more; `body` is the size of header block and payload.
#[inline]
pub fn publish_room(subject: Subject<'_>, reply: Option<Subject<'_>>, body: usize) -> usize {
    /// HPUB, blanks, two numbers of up to twenty digits, and line ends.
    const REST: usize = 56;
    let reply = reply.map_or(0, |reply| reply.as_str().len());
    body.saturating_add(subject.as_str().len() + reply + REST)
}

/// Checks that subject and reply fit into one control line of a server with the default limits.
///
/// # Errors
/// [`Code::InvalidSubject`]
#[inline]
pub fn check_publish(subject: Subject<'_>, reply: Option<Subject<'_>>) -> Result<()> {
    let reply = reply.map_or(0, |reply| reply.as_str().len());
    if subject.as_str().len() + reply <= MAX_LEN {
        return Ok(());
    }
    let text = "subject and reply subject are longer than 4032 bytes together";
    Err(Error::new(Code::InvalidSubject, text))
}

/// Checks that filter and queue group fit into one control line of a server with the default
/// limits.
///
/// # Errors
/// [`Code::InvalidSubject`]
pub fn check_subscribe(filter: Filter<'_>, queue: Option<QueueGroup<'_>>) -> Result<()> {
    let queue = queue.map_or(0, |queue| queue.as_str().len());
    if filter.as_str().len() + queue <= MAX_LEN {
        return Ok(());
    }
    let text = "subject and queue group are longer than 4032 bytes together";
    Err(Error::new(Code::InvalidSubject, text))
}

/// Appends SUB.
pub fn subscribe(out: &mut Vec<u8>, sid: u64, filter: Filter<'_>, queue: Option<QueueGroup<'_>>) {
    out.extend_from_slice(b"SUB ");
    out.extend_from_slice(filter.as_str().as_bytes());
    out.push(b' ');
    if let Some(queue) = queue {
        out.extend_from_slice(queue.as_str().as_bytes());
        out.push(b' ');
    }
    number(out, sid);
    out.extend_from_slice(b"\r\n");
}

/// Appends UNSUB; with `max` the server ends the subscription after so many messages, counted from
/// its beginning.
pub fn unsubscribe(out: &mut Vec<u8>, sid: u64, max: Option<u64>) {
    out.extend_from_slice(b"UNSUB ");
    number(out, sid);
    if let Some(max) = max {
        out.push(b' ');
        number(out, max);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends PING.
pub fn ping(out: &mut Vec<u8>) {
    out.extend_from_slice(b"PING\r\n");
}

/// Appends PONG.
pub fn pong(out: &mut Vec<u8>) {
    out.extend_from_slice(b"PONG\r\n");
}

/// Appends CONNECT. What is written contains the credentials of `info`.
pub fn connect(out: &mut Vec<u8>, info: &ConnectInfo) {
    out.extend_from_slice(b"CONNECT ");
    // Flags, integers and strings always serialise, and a Vec takes every write.
    let _ = serde_json::to_writer(&mut *out, info);
    out.extend_from_slice(b"\r\n");
}

/// Everything that a CONNECT says: nothing outside this list can reach the wire.
#[derive(Clone, Serialize)]
pub struct ConnectInfo {
    /// Ask the server for a `+OK` after each operation.
    pub verbose: bool,
    /// Ask the server for strict subject checks.
    pub pedantic: bool,
    /// The client insists on TLS.
    pub tls_required: bool,
    /// The connection's name in the server's reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The language of the client.
    pub lang: Cow<'static, str>,
    /// The version of the client.
    pub version: Cow<'static, str>,
    /// The protocol level; 1 asks for INFO whenever the cluster changes.
    pub protocol: i32,
    /// Receive messages that this connection published itself.
    pub echo: bool,
    /// The client understands headers.
    pub headers: bool,
    /// The client wants a 503 for requests that nobody listens to.
    pub no_responders: bool,
    /// User name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Password. Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<Zeroizing<String>>,
    /// Token. Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_token: Option<Zeroizing<String>>,
    /// User JWT. Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Zeroizing<String>>,
    /// The server's nonce, signed. Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sig: Option<Zeroizing<String>>,
    /// Public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nkey: Option<String>,
}

impl Default for ConnectInfo {
    fn default() -> ConnectInfo {
        ConnectInfo {
            verbose: false,
            pedantic: false,
            tls_required: false,
            name: None,
            lang: Cow::Borrowed("rust"),
            version: Cow::Borrowed(env!("CARGO_PKG_VERSION")),
            protocol: 1,
            echo: true,
            headers: true,
            no_responders: true,
            user: None,
            pass: None,
            auth_token: None,
            jwt: None,
            sig: None,
            nkey: None,
        }
    }
}

impl fmt::Debug for ConnectInfo {
    /// Shows what is no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectInfo")
            .field("name", &self.name)
            .field("lang", &self.lang)
            .field("version", &self.version)
            .field("verbose", &self.verbose)
            .field("pedantic", &self.pedantic)
            .field("tls_required", &self.tls_required)
            .field("echo", &self.echo)
            .finish_non_exhaustive()
    }
}

/// An operation of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpKind {
    /// PUB or HPUB.
    Pub,
    /// SUB.
    Sub,
    /// UNSUB.
    Unsub,
    /// PING.
    Ping,
    /// PONG.
    Pong,
    /// CONNECT.
    Connect,
}

/// Walks over operations that this module wrote, in order; `buf` must begin with a whole one.
///
/// Ends at the end of the buffer, at an operation that is cut off, and at anything else.
pub fn scan(buf: &[u8]) -> impl Iterator<Item = (OpKind, Range<usize>)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let (kind, len) = operation(buf.get(start..)?)?;
        let range = start..start + len;
        start = range.end;
        Some((kind, range))
    })
}

/// The operation at the start of `buf` and its length, if it is all there.
fn operation(buf: &[u8]) -> Option<(OpKind, usize)> {
    let end = memchr(b'\n', buf)?;
    let line = buf.get(..end)?.strip_suffix(b"\r")?;
    let kind = match line.split(|&byte| byte == b' ').next()? {
        b"PUB" | b"HPUB" => OpKind::Pub,
        b"SUB" => OpKind::Sub,
        b"UNSUB" => OpKind::Unsub,
        b"PING" => OpKind::Ping,
        b"PONG" => OpKind::Pong,
        b"CONNECT" => OpKind::Connect,
        _ => return None,
    };
    if kind != OpKind::Pub {
        return Some((kind, end + 1));
    }
    let size = line.get(memrchr(b' ', line)? + 1..)?;
    let size: usize = std::str::from_utf8(size).ok()?.parse().ok()?;
    let body = (end + 1).checked_add(size)?;
    let len = body.checked_add(2)?;
    (buf.get(body..len)? == b"\r\n").then_some((kind, len))
}

/// Appends `value` in decimal; what most messages have, up to four digits, without a loop.
#[inline(always)]
fn number(out: &mut Vec<u8>, value: u64) {
    match value {
        0..10 => out.push(b'0' + value as u8),
        10..100 => out.extend_from_slice(&pair(value)),
        100..1_000 => {
            out.push(b'0' + (value / 100) as u8);
            out.extend_from_slice(&pair(value % 100));
        }
        1_000..10_000 => {
            out.extend_from_slice(&pair(value / 100));
            out.extend_from_slice(&pair(value % 100));
        }
        _ => long_number(out, value),
    }
}

/// Appends a blank, `value` and a line end; what most messages have in one piece.
#[inline(always)]
fn last_number(out: &mut Vec<u8>, value: usize) {
    let digit = |value: usize| b'0' + (value % 10) as u8;
    match value {
        0..10 => out.extend_from_slice(&[b' ', digit(value), b'\r', b'\n']),
        10..100 => {
            out.extend_from_slice(&[b' ', digit(value / 10), digit(value), b'\r', b'\n']);
        }
        100..1_000 => {
            let [c, b, a] = [value, value / 10, value / 100].map(digit);
            out.extend_from_slice(&[b' ', a, b, c, b'\r', b'\n']);
        }
        _ => {
            out.push(b' ');
            number(out, value as u64);
            out.extend_from_slice(LINE_END);
        }
    }
}

#[cold]
fn long_number(out: &mut Vec<u8>, value: u64) {
    number(out, value / 10_000);
    out.extend_from_slice(&pair(value % 10_000 / 100));
    out.extend_from_slice(&pair(value % 100));
}

/// The two decimal digits of a number below 100.
#[inline]
fn pair(value: u64) -> [u8; 2] {
    [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]
}

/// How many decimal digits `value` has.
#[inline]
fn digits(value: usize) -> usize {
    match value {
        0..10 => 1,
        10..100 => 2,
        100..1_000 => 3,
        1_000..10_000 => 4,
        _ => 4 + digits(value / 10_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(text: &str) -> Subject<'_> {
        Subject::new(text).unwrap()
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn publish_without_headers() {
        let text = written(|out| publish(out, subject("a.b"), None, None, b"hello"));
        assert_eq!(text, "PUB a.b 5\r\nhello\r\n");
        let text = written(|out| publish(out, subject("a"), Some(subject("r")), None, b""));
        assert_eq!(text, "PUB a r 0\r\n\r\n");
    }

    #[test]
    fn publish_with_headers() {
        let mut headers = Headers::new();
        headers.append("Header", "X").unwrap();
        let reply = Some(subject("REPLY"));
        let text =
            written(|out| publish(out, subject("SUBJECT"), reply, Some(&headers), b"PAYLOAD"));
        assert_eq!(text, "HPUB SUBJECT REPLY 23 30\r\nNATS/1.0\r\nHeader: X\r\n\r\nPAYLOAD\r\n");
    }

    #[test]
    fn an_empty_header_list_is_a_plain_publish() {
        let text = written(|out| publish(out, subject("a"), None, Some(&Headers::new()), b"x"));
        assert_eq!(text, "PUB a 1\r\nx\r\n");
    }

    #[test]
    fn the_length_is_exact() {
        let mut headers = Headers::new();
        headers.append("k", "v").unwrap();
        for len in [0, 1, 9, 10, 99, 100, 84, 85, 9_999, 10_000, 100_000] {
            let payload = vec![b'x'; len];
            for headers in [None, Some(&Headers::new()), Some(&headers)] {
                for reply in [None, Some(subject("reply"))] {
                    let mut out = Vec::new();
                    publish(&mut out, subject("some.subject"), reply, headers, &payload);
                    let len = publish_len(subject("some.subject"), reply, headers, len);
                    assert_eq!(out.len(), len);
                }
            }
        }
        assert_eq!(publish_len(subject("a"), None, None, usize::MAX), usize::MAX);
    }

    #[test]
    fn two_texts_are_checked_together() {
        let half = "x".repeat(MAX_LEN / 2);
        let more = "x".repeat(MAX_LEN / 2 + 1);
        assert!(check_publish(subject(&half), Some(subject(&half))).is_ok());
        assert!(check_publish(subject(&half), Some(subject(&more))).is_err());
        let (filter, queue) = (Filter::new(&more).unwrap(), QueueGroup::new(&half).unwrap());
        assert!(check_subscribe(filter, None).is_ok());
        assert!(check_subscribe(filter, Some(queue)).is_err());
    }

    #[test]
    fn the_other_operations() {
        let filter = Filter::new("a.>").unwrap();
        let queue = QueueGroup::new("q").ok();
        assert_eq!(written(|out| subscribe(out, 7, filter, None)), "SUB a.> 7\r\n");
        assert_eq!(
            written(|out| subscribe(out, u64::MAX, filter, queue)),
            "SUB a.> q 18446744073709551615\r\n"
        );
        assert_eq!(written(|out| unsubscribe(out, 0, None)), "UNSUB 0\r\n");
        assert_eq!(written(|out| unsubscribe(out, 10, Some(100))), "UNSUB 10 100\r\n");
        assert_eq!(written(ping), "PING\r\n");
        assert_eq!(written(pong), "PONG\r\n");
    }

    #[test]
    fn connect_says_what_is_set_and_nothing_else() {
        let info = ConnectInfo {
            name: Some("quote \" and\r\nPING\r\n".into()),
            pass: Some("hunter2".to_owned().into()),
            ..ConnectInfo::default()
        };
        let text = written(|out| connect(out, &info));
        assert_eq!(text.matches("\r\n").count(), 1, "{text}");
        let json = text.strip_prefix("CONNECT ").unwrap();
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(value["name"], "quote \" and\r\nPING\r\n");
        assert_eq!(value["pass"], "hunter2");
        assert_eq!(value["protocol"], 1);
        assert_eq!(value["headers"], true);
        assert_eq!(value.get("jwt"), None);
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = || Some(Zeroizing::new("canary".to_owned()));
        let info = ConnectInfo {
            user: Some("canary".into()),
            pass: secret(),
            auth_token: secret(),
            jwt: secret(),
            sig: secret(),
            nkey: Some("canary".into()),
            ..ConnectInfo::default()
        };
        assert!(!format!("{info:?}").contains("canary"));
    }

    #[test]
    fn scan_finds_whole_operations() {
        let mut out = Vec::new();
        connect(&mut out, &ConnectInfo::default());
        publish(&mut out, subject("a"), None, None, b"PING\r\n");
        ping(&mut out);
        subscribe(&mut out, 1, Filter::new("a").unwrap(), None);
        unsubscribe(&mut out, 1, None);
        pong(&mut out);
        let whole: Vec<_> = scan(&out).collect();
        let kinds: Vec<_> = whole.iter().map(|(kind, _)| *kind).collect();
        use OpKind::*;
        assert_eq!(kinds, [Connect, Pub, Ping, Sub, Unsub, Pong]);
        assert_eq!(whole.last().unwrap().1.end, out.len());
        for cut in 0..out.len() {
            let ends = whole.iter().take_while(|(_, range)| range.end <= cut).count();
            assert_eq!(scan(&out[..cut]).count(), ends, "cut at {cut}");
        }
    }

    #[test]
    fn scan_stops_at_anything_else() {
        for junk in [
            &b"FOO\r\n"[..],
            b"\r\n",
            b"PUB a\r\n",
            b"PUB a 99999999999999999999999\r\n",
            b"PUB a 18446744073709551615\r\n",
            b"PUB a 1\r\nxyz\r\n",
            b"PING\n",
        ] {
            assert_eq!(scan(junk).count(), 0, "{junk:?}");
        }
    }
}
