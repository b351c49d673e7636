//! Headers to send (ADR-4): ordered, repeatable names, case kept as given.

use std::ops::Range;

use super::subject::excerpt;
use crate::error::{Code, Error, Result};

/// The longest header name, in bytes.
pub const MAX_NAME_LEN: usize = 4096;

/// The largest header block, in bytes.
pub const MAX_BLOCK_LEN: usize = 64 << 20;

/// The first line of every block.
pub(crate) const VERSION: &str = "NATS/1.0";

const START: &str = "NATS/1.0\r\n";
const END: &str = "\r\n";

/// An owned, validated list of headers.
///
/// Names are compared case-sensitively, except where a function says otherwise. One space is
/// written between the colon and a value, and [`HeaderBlock`](super::header_block::HeaderBlock)
/// takes one blank away, so that values keep the spaces they begin and end with. Clients that trim
/// values lose them.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    /// The block as it is sent; empty when there are no headers.
    block: String,
    entries: Vec<Entry>,
    /// What the program adds to all messages of a connection was added.
    complete: bool,
}

impl PartialEq for Headers {
    fn eq(&self, other: &Headers) -> bool {
        self.block == other.block && self.entries == other.entries
    }
}

impl Eq for Headers {}

/// Where one header is in the block.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    name: Range<u32>,
    value: Range<u32>,
}

impl Headers {
    /// An empty list.
    pub fn new() -> Headers {
        Headers::default()
    }

    /// Adds a header at the end.
    ///
    /// # Errors
    /// [`Code::InvalidHeader`] when the name is not printable ASCII without a colon, when the value
    /// contains CR, LF or NUL, or when either is too long ([`MAX_NAME_LEN`], [`MAX_BLOCK_LEN`]).
    pub fn append(&mut self, name: &str, value: &str) -> Result<()> {
        check(name, value)?;
        // Before anything is copied: the version line, the separators and the blank line are 16.
        check_size(self.block.len().saturating_add(name.len() + value.len() + 16))?;
        self.push(name, value);
        Ok(())
    }

    /// Replaces all values of `name` by one, which stands where the first of them stood, or at the
    /// end.
    ///
    /// # Errors
    /// As [`append`](Headers::append); nothing is changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let Some(first) = self.iter().position(|(other, _)| other == name) else {
            return self.append(name, value);
        };
        check(name, value)?;
        check_size(self.block.len().saturating_add(value.len()))?;
        let mut headers = Headers::new();
        for (index, (other, kept)) in self.iter().enumerate() {
            if index == first {
                headers.push(name, value);
            } else if other != name {
                headers.push(other, kept);
            }
        }
        *self = headers;
        Ok(())
    }

    /// Removes all values of `name`; returns how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        let found = self.get_all(name).count();
        if found > 0 {
            let mut headers = Headers::new();
            for (other, value) in self.iter().filter(|(other, _)| *other != name) {
                headers.push(other, value);
            }
            *self = headers;
        }
        found
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The first value of any name that differs from `name` in ASCII case at most.
    pub fn get_ignore_case(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All values of `name`, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(other, _)| *other == name).map(|(_, value)| value)
    }

    /// All headers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| self.texts(entry))
    }

    /// The header with this index.
    pub fn at(&self, index: usize) -> Option<(&str, &str)> {
        self.entries.get(index).map(|entry| self.texts(entry))
    }

    /// How many headers there are; a name with two values counts twice.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes all headers.
    pub fn clear(&mut self) {
        self.block.clear();
        self.entries.clear();
    }

    /// The size of the header block in bytes, with its first line and its blank line. Zero when
    /// there are no headers: a block is not sent then. Counts toward the server's `max_payload`.
    pub fn encoded_len(&self) -> usize {
        self.block.len()
    }

    /// Whether nothing is to be added any more, however often they are sent.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// The same, with nothing to be added any more.
    pub(crate) fn completed(self) -> Headers {
        Headers { complete: true, ..self }
    }

    /// Appends the header block.
    #[inline]
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.block.as_bytes());
    }

    /// Adds a header that has been checked.
    fn push(&mut self, name: &str, value: &str) {
        if self.block.is_empty() {
            self.block.push_str(START);
        } else {
            self.block.truncate(self.block.len() - END.len());
        }
        let name = self.put(name);
        self.block.push_str(": ");
        let value = self.put(value);
        self.block.push_str("\r\n");
        self.block.push_str(END);
        self.entries.push(Entry { name, value });
    }

    fn put(&mut self, text: &str) -> Range<u32> {
        // MAX_BLOCK_LEN keeps every offset far below 2^32.
        let start = self.block.len() as u32;
        self.block.push_str(text);
        start..self.block.len() as u32
    }

    fn texts(&self, entry: &Entry) -> (&str, &str) {
        let text = |range: &Range<u32>| &self.block[range.start as usize..range.end as usize];
        (text(&entry.name), text(&entry.value))
    }
}

/// Whether `name` may name a header: printable ASCII, no colon, at least one byte.
pub(crate) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| is_name_byte(byte))
}

/// Whether a header name may have this byte.
#[inline]
pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b':'
}

fn check(name: &str, value: &str) -> Result<()> {
    let reason = if name.is_empty() {
        "name is empty"
    } else if name.len() > MAX_NAME_LEN {
        "name is longer than 4096 bytes"
    } else if !is_name(name.as_bytes()) {
        "name is not printable ASCII without a colon"
    } else if value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        "value contains CR, LF or NUL"
    } else {
        return Ok(());
    };
    // The value is not shown: headers carry credentials.
    let text = format!("header {reason}: \"{}\"", excerpt(name.as_bytes()));
    Err(Error::new(Code::InvalidHeader, text))
}

fn check_size(len: usize) -> Result<()> {
    if len <= MAX_BLOCK_LEN {
        return Ok(());
    }
    Err(Error::new(Code::InvalidHeader, "headers are larger than 64 MiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.append(name, value).unwrap();
        }
        headers
    }

    fn encoded(headers: &Headers) -> String {
        let mut out = Vec::new();
        headers.encode(&mut out);
        assert_eq!(out.len(), headers.encoded_len());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn encodes_in_order_one_line_a_value() {
        let headers = headers(&[("Header1", "X"), ("Header2", "Z"), ("Header1", "Y")]);
        let text = encoded(&headers);
        assert_eq!(text, "NATS/1.0\r\nHeader1: X\r\nHeader2: Z\r\nHeader1: Y\r\n\r\n");
    }

    #[test]
    fn an_empty_list_has_no_block() {
        let mut list = headers(&[("a", "b")]);
        list.clear();
        assert_eq!((encoded(&list), list.len(), list.is_empty()), (String::new(), 0, true));
        assert_eq!(list, Headers::new());
        list.append("a", "").unwrap();
        assert_eq!(encoded(&list), "NATS/1.0\r\na: \r\n\r\n");
    }

    #[test]
    fn names_are_case_sensitive_unless_asked() {
        let list = headers(&[("Key", "1"), ("key", "2"), ("Key", "3")]);
        assert_eq!(list.get("Key"), Some("1"));
        assert_eq!(list.get("key"), Some("2"));
        assert_eq!(list.get("KEY"), None);
        assert_eq!(list.get_ignore_case("KEY"), Some("1"));
        assert_eq!(list.get_all("Key").collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(list.at(1), Some(("key", "2")));
        assert_eq!(list.at(3), None);
    }

    #[test]
    fn set_replaces_in_place() {
        let mut list = headers(&[("a", "1"), ("b", "2"), ("a", "3"), ("A", "4")]);
        list.set("a", "new").unwrap();
        assert_eq!(list.iter().collect::<Vec<_>>(), [("a", "new"), ("b", "2"), ("A", "4")]);
        list.set("c", "last").unwrap();
        assert_eq!(list.at(3), Some(("c", "last")));
        assert_eq!(list, headers(&[("a", "new"), ("b", "2"), ("A", "4"), ("c", "last")]));
    }

    #[test]
    fn a_refused_set_changes_nothing() {
        let mut list = headers(&[("a", "1"), ("a", "2")]);
        let before = list.clone();
        assert_eq!(list.set("a", "x\r\ny").unwrap_err().code(), Code::InvalidHeader);
        assert_eq!(list, before);
    }

    #[test]
    fn remove_counts() {
        let mut list = headers(&[("a", "1"), ("b", "2"), ("a", "3")]);
        assert_eq!(list.remove("A"), 0);
        assert_eq!(list.remove("a"), 2);
        assert_eq!(list, headers(&[("b", "2")]));
        assert_eq!(list.remove("b"), 1);
        assert_eq!(encoded(&list), "");
    }

    #[test]
    fn bad_names_and_values_are_refused() {
        let long = "x".repeat(64 << 10);
        for name in ["", ":", "a:b", "a b", " a", "a\r", "a\n", "a\0", "a\t", "é", "\x7f", &long] {
            let error = Headers::new().append(name, "v").unwrap_err();
            assert_eq!(error.code(), Code::InvalidHeader, "{name:?}");
            assert!(error.text().len() < 200, "{error}");
        }
        for value in ["\r", "\n", "\0", "a\r\nb: c", "a\nb"] {
            let error = Headers::new().append("Authorization", value).unwrap_err();
            assert_eq!(error.code(), Code::InvalidHeader, "{value:?}");
            assert!(!error.text().contains("b: c"));
        }
        for value in ["", " ", " lead", "trail ", "\t", "a:b", "日本", "\x01"] {
            assert_eq!(headers(&[("n", value)]).get("n"), Some(value));
        }
    }

    #[test]
    fn the_block_size_is_limited() {
        let mut list = Headers::new();
        let value = "x".repeat(MAX_BLOCK_LEN);
        assert_eq!(list.append("a", &value).unwrap_err().code(), Code::InvalidHeader);
        list.append("a", &value[..MAX_BLOCK_LEN - 32]).unwrap();
        assert_eq!(list.append("a", &value[..64]).unwrap_err().code(), Code::InvalidHeader);
        assert!(list.encoded_len() <= MAX_BLOCK_LEN);
    }
}
