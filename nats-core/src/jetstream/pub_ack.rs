//! Acknowledgements of published messages.

use serde::{Deserialize, Serialize};

use super::api::read;
use super::config::{Extra, is_default};
use crate::error::{Code, Error, Result};

/// The word of a stream that it has stored a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PubAck {
    /// The stream.
    pub stream: String,
    /// The message's sequence.
    pub seq: u64,
    /// The message was there before, by its id: this is its sequence.
    #[serde(skip_serializing_if = "is_default")]
    pub duplicate: bool,
    /// The stream's domain.
    #[serde(skip_serializing_if = "is_default")]
    pub domain: String,
    /// The counter's new value (ADR-49, server 2.12).
    #[serde(rename = "val", skip_serializing_if = "is_default")]
    pub value: String,
    /// The batch that was stored (ADR-50, server 2.12).
    #[serde(rename = "batch", skip_serializing_if = "is_default")]
    pub batch_id: String,
    /// How many messages it had.
    #[serde(rename = "count", skip_serializing_if = "is_default")]
    pub batch_count: u64,
    /// What this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl PubAck {
    /// Whether the answer to what was published under `subject` is the word of a stream, mostly
    /// without reading all of it.
    ///
    /// # Errors
    /// [`Code::WrongLastSequence`], [`Code::JetStream`] and its like when the stream has refused;
    /// [`Code::Protocol`] when it is something else.
    pub fn check(subject: &str, payload: &[u8]) -> Result<()> {
        match glance(payload) {
            Some(_) => Ok(()),
            None => acknowledged(subject, payload).map(drop),
        }
    }

    /// The message's sequence in an answer that was checked; 0 in anything else.
    pub fn sequence(payload: &[u8]) -> u64 {
        let whole = || acknowledged("", payload).map_or(0, |ack| ack.seq);
        glance(payload).map_or_else(whole, |glance| glance.sequence)
    }
}

/// Reads the answer to a message.
pub(crate) fn acknowledged(subject: &str, payload: &[u8]) -> Result<PubAck> {
    let ack = answer(subject, payload)?;
    // Old servers tell of a duplicate that is not stored yet with the sequence 0.
    if ack.seq == 0 {
        let text = format!("{subject}: the answer does not tell of a message that is stored");
        return Err(Error::new(Code::Protocol, text));
    }
    Ok(ack)
}

/// Reads the answer to a batch, of which perhaps nothing is stored.
pub(super) fn answer(subject: &str, payload: &[u8]) -> Result<PubAck> {
    let ack: PubAck = read(subject, payload)?;
    if ack.stream.is_empty() {
        let text = format!("{subject}: the answer is no acknowledgement of a stream");
        return Err(Error::new(Code::Protocol, text));
    }
    Ok(ack)
}

/// What nearly every acknowledgement is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance {
    pub(super) sequence: u64,
    pub(super) duplicate: bool,
}

/// Reads an acknowledgement of the usual form, which is several times as fast as reading it whole;
/// None: it is of another form, or none.
pub(super) fn glance(payload: &[u8]) -> Option<Glance> {
    let mut rest = payload.trim_ascii().strip_prefix(b"{")?.strip_suffix(b"}")?;
    let (mut named, mut sequence, mut duplicate) = (false, None, false);
    loop {
        let (key, behind) = string(rest)?;
        let value = behind.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        rest = if key == b"seq" {
            let (number, behind) = number(value)?;
            sequence = Some(number);
            behind
        } else if value.starts_with(b"\"") {
            let (text, behind) = string(value)?;
            named |= key == b"stream" && !text.is_empty();
            behind
        } else if key == b"duplicate" {
            duplicate = value.starts_with(b"true");
            value.strip_prefix(b"true").or(value.strip_prefix(b"false"))?
        } else if key == b"count" {
            number(value)?.1
        } else {
            return None;
        };
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            break;
        }
        rest = rest.strip_prefix(b",")?.trim_ascii_start();
    }
    let sequence = sequence.filter(|sequence| named && *sequence > 0)?;
    Some(Glance { sequence, duplicate })
}

/// A string without escapes, and what is behind it.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let end = text.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    (text[end] == b'"').then(|| (&text[..end], &text[end + 1..]))
}

/// A whole number, and what is behind it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let digits = std::str::from_utf8(&text[..end]).ok()?;
    Some((digits.parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_are_read_whole() {
        let full = br#"{"stream":"S","seq":7,"duplicate":true,"domain":"hub","val":"12","batch":"b","count":3,"new":1}"#;
        let ack = acknowledged("a", full).unwrap();
        assert_eq!((ack.stream.as_str(), ack.seq, ack.duplicate), ("S", 7, true));
        assert_eq!((ack.value.as_str(), ack.batch_id.as_str(), ack.batch_count), ("12", "b", 3));
        assert_eq!(ack.extra["new"], 1);
        assert_eq!(acknowledged("a", b"{}").unwrap_err().code(), Code::Protocol);
        assert_eq!(acknowledged("a", b"+OK").unwrap_err().code(), Code::Protocol);
    }

    #[test]
    fn an_answer_is_checked() {
        for good in [&br#"{"stream":"S","seq":7}"#[..], br#"{"stream":"a\"b","seq":7,"new":[1]}"#] {
            assert_eq!(PubAck::check("a", good), Ok(()));
        }
        for bad in [&b"{}"[..], b"+OK", b"", br#"{"stream":"","seq":1}"#, br#"{"stream":5}"#] {
            assert_eq!(PubAck::check("a", bad).unwrap_err().code(), Code::Protocol);
        }
        let refused = br#"{"stream":"S","seq":0,"error":{"code":400,"err_code":10071,"description":"wrong"}}"#;
        let error = PubAck::check("a", refused).unwrap_err();
        assert_eq!(error.code(), Code::WrongLastSequence);
        assert_eq!(error.api().unwrap().err_code, 10071);
    }

    #[test]
    fn a_glance_sees_what_a_reader_sees() {
        for payload in [
            &br#"{"stream":"S", "seq":17}"#[..],
            br#"{"stream":"S", "domain":"hub", "seq":18446744073709551615}"#,
            br#"{"stream":"S","seq":3,"duplicate": true}"#,
            br#"{"stream":"S","seq":3,"duplicate":false,"val":"12"}"#,
            br#" {"seq":9 , "stream":"S","batch":"b","count":3} "#,
        ] {
            let seen = glance(payload).unwrap();
            let ack = acknowledged("a", payload).unwrap();
            assert_eq!((seen.sequence, seen.duplicate), (ack.seq, ack.duplicate));
        }
        for other in [
            &b""[..],
            b"{}",
            br#"{"stream":"","seq":1}"#,
            br#"{"stream":"S"}"#,
            br#"{"stream":"S","seq":0,"duplicate":true}"#,
            br#"{"stream":"S\"","seq":1}"#,
            br#"{"stream":"S","seq":-1}"#,
            br#"{"stream":"S","seq":1"#,
            br#"{"stream":"S","seq":99999999999999999999}"#,
            br#"{"stream":"S","seq":1,}"#,
            br#"{"stream":"S","seq":1 "val":"1"}"#,
            br#"{"error":{"code":503,"err_code":10077},"stream":"S","seq":0}"#,
        ] {
            assert_eq!(glance(other), None, "{}", String::from_utf8_lossy(other));
        }
    }
}
