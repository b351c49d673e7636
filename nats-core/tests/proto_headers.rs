//! The rows W-41 to W-53 of the catalogue of bad inputs, what headers keep on their way, and the
//! work that large blocks cost.

#![allow(clippy::unwrap_used)]

use nats_core::error::Code;
use nats_core::fuzzing;
use nats_core::proto::encode;
use nats_core::proto::header_block::{HeaderBlock, HeaderFault};
use nats_core::proto::headers::Headers;
use nats_core::proto::subject::Subject;
use proptest::prelude::*;

struct Row {
    name: &'static str,
    raw: &'static [u8],
    fault: Option<HeaderFault>,
    status: Option<u16>,
    /// The headers delivered, as `name=value;`.
    headers: &'static str,
}

const fn row(
    name: &'static str,
    raw: &'static [u8],
    fault: Option<HeaderFault>,
    status: Option<u16>,
    headers: &'static str,
) -> Row {
    Row { name, raw, fault, status, headers }
}

use HeaderFault::{BadName, BadStatus, BadVersion, MissingColon, TrailingBytes, Truncated};

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("W-39 0 bytes", b"", Some(Truncated), None, ""),
    row("W-41 1 byte", b"N", Some(Truncated), None, ""),
    row("W-41 2 bytes", b"\r\n", Some(BadVersion), None, ""),
    row("W-41 3 bytes", b"NAT", Some(Truncated), None, ""),
    row("W-41 8 bytes", b"NATS/1.0", Some(Truncated), None, ""),
    row("W-41 9 bytes", b"NATS/1.0\r", Some(Truncated), None, ""),
    row("W-41 9 other bytes", b"NATS/1.\r\n", Some(BadVersion), None, ""),
    row("W-41 10 bytes", b"NATS/1.0\r\n", None, None, ""),
    row("W-41 12 bytes", b"NATS/1.0\r\n\r\n", None, None, ""),
    row("W-42 space, no status", b"NATS/1.0 \r\na: 1\r\n\r\n", None, None, "a=1;"),
    row("W-43 1 digit", b"NATS/1.0 5\r\na: 1\r\n\r\n", Some(BadStatus), None, "a=1;"),
    row("W-43 2 digits", b"NATS/1.0 50\r\n\r\n", Some(BadStatus), None, ""),
    row("W-43 20 digits", b"NATS/1.0 50350350350350350350\r\n\r\n", Some(BadStatus), None, ""),
    row("W-43 abc", b"NATS/1.0 abc\r\n\r\n", Some(BadStatus), None, ""),
    row("W-43 65536", b"NATS/1.0 65536\r\n\r\n", Some(BadStatus), None, ""),
    row("W-43 -12", b"NATS/1.0 -12\r\n\r\n", Some(BadStatus), None, ""),
    row("W-43 status and text", b"NATS/1.0 408 Request Timeout\r\n\r\n", None, Some(408), ""),
    row("W-44 no space", b"NATS/1.0503\r\na: 1\r\n\r\n", Some(BadStatus), None, "a=1;"),
    row("W-45 NATS/2.0", b"NATS/2.0\r\na: 1\r\n\r\n", Some(BadVersion), None, "a=1;"),
    row("W-45 HTTP", b"HTTP/1.1 200 OK\r\na: 1\r\n\r\n", Some(BadVersion), None, "a=1;"),
    row("W-46 no colon", b"NATS/1.0\r\na: 1\r\nbc\r\nd: 2\r\n\r\n", Some(MissingColon), None,
        "a=1;d=2;"),
    row("W-47 empty key", b"NATS/1.0\r\n: 1\r\na: 2\r\n\r\n", None, None, "a=2;"),
    row("W-48 key with space", b"NATS/1.0\r\na b: 1\r\nc : 2\r\n\r\n", Some(BadName), None,
        "a b=1;c =2;"),
    row("W-48 key not ASCII", b"NATS/1.0\r\n\xc3\xa9: 1\r\n\r\n", Some(BadName), None,
        "\\xc3\\xa9=1;"),
    row("W-48 key not UTF-8", b"NATS/1.0\r\n\xff: 1\r\na: 2\r\n\r\n", Some(BadName), None,
        "\\xff=1;a=2;"),
    row("W-49 value with NUL", b"NATS/1.0\r\na: x\0y\r\n\r\n", None, None, "a=x\\x00y;"),
    row("W-49 value not UTF-8", b"NATS/1.0\r\na: \xff\r\n\r\n", None, None, "a=\\xff;"),
    row("W-49 CR in a value", b"NATS/1.0\r\na: x\ry\r\n\r\n", None, None, "a=x\\ry;"),
    row("W-51 no blank line", b"NATS/1.0\r\na: 1\r\n", None, None, "a=1;"),
    row("W-51 no line end", b"NATS/1.0\r\na: 1", None, None, "a=1;"),
    row("W-51 LF only", b"NATS/1.0 404 None\na: 1\nb: 2\n\n", None, Some(404), "a=1;b=2;"),
    row("W-51 more behind it", b"NATS/1.0\r\na: 1\r\n\r\nb: 2\r\n", Some(TrailingBytes), None,
        "a=1;"),
    row("W-53 keys in two cases", b"NATS/1.0\r\nKey: 1\r\nkey: 2\r\n\r\n", None, None,
        "Key=1;key=2;"),
];

#[test]
fn w_rows_are_delivered_and_flagged_as_the_table_says() {
    for Row { name, raw, fault, status, headers } in ROWS {
        let block = HeaderBlock::new(raw);
        let shown: String = block
            .iter()
            .map(|(name, value)| format!("{}={};", name.escape_ascii(), value.escape_ascii()))
            .collect();
        assert_eq!(shown, *headers, "{name}");
        assert_eq!(block.check().err(), *fault, "{name}");
        assert_eq!(block.status(), *status, "{name}");
        let owned = block.to_headers();
        if fault.is_some() {
            assert_eq!(owned.unwrap_err().code(), Code::MalformedMessage, "{name}");
        }
        fuzzing::headers(raw);
    }
}

#[test]
fn w_rows_cut_off_at_any_byte_are_read_without_a_panic() {
    for row in ROWS {
        for end in 0..row.raw.len() {
            fuzzing::headers(&row.raw[..end]);
        }
    }
}

#[test]
fn w50_folded_lines_are_joined_with_one_space() {
    let block = HeaderBlock::new(b"NATS/1.0\r\na: 1\r\n   2\r\nb: 3\r\n\r\n");
    assert_eq!(block.check(), Ok(()));
    let headers = block.to_headers().unwrap();
    assert_eq!(headers.iter().collect::<Vec<_>>(), [("a", "1 2"), ("b", "3")]);
}

#[test]
fn w53_case_is_preserved_and_kept_apart() {
    let headers = HeaderBlock::new(b"NATS/1.0\r\nKEY: 1\r\nkey: 2\r\n\r\n").to_headers().unwrap();
    assert_eq!(
        (headers.get("KEY"), headers.get("key"), headers.get("Key")),
        (Some("1"), Some("2"), None)
    );
}

/// Walks over a block and counts the bytes that the cursor passes: each exactly once.
fn walk(raw: &[u8]) -> (usize, usize) {
    let block = HeaderBlock::new(raw);
    let (mut cursor, mut calls, mut passed) = (0, 0, 0);
    loop {
        let before = cursor;
        let found = block.next_from(&mut cursor);
        calls += 1;
        passed += cursor - before;
        if found.is_none() {
            return (calls, passed);
        }
    }
}

#[test]
fn w52_a_walk_passes_every_byte_once() {
    for keys in [20_000, 60_000] {
        let lines: String = (0..keys).map(|n| format!("key-{n}: value\r\n")).collect();
        let raw = format!("NATS/1.0\r\n{lines}\r\n").into_bytes();
        assert_eq!(walk(&raw), (keys + 1, raw.len()));
        let block = HeaderBlock::new(&raw);
        assert_eq!(block.check(), Ok(()));
        let headers = block.to_headers().unwrap();
        assert_eq!((headers.len(), headers.encoded_len()), (keys, raw.len()));
        assert_eq!(block.get(&format!("key-{}", keys - 1)), Some(&b"value"[..]));
    }
}

#[test]
fn w52_one_key_100_000_times_and_one_value_of_1_mib() {
    let raw = format!("NATS/1.0\r\n{}\r\n", "k: v\r\n".repeat(100_000)).into_bytes();
    assert_eq!(walk(&raw), (100_001, raw.len()));
    assert_eq!(HeaderBlock::new(&raw).get_all("k").count(), 100_000);
    let value = "x".repeat(1 << 20);
    let raw = format!("NATS/1.0\r\nk: {value}\r\n\r\n").into_bytes();
    assert_eq!(walk(&raw), (2, raw.len()));
    assert_eq!(HeaderBlock::new(&raw).get("k"), Some(value.as_bytes()));
    let raw = format!("NATS/1.0\r\nk: v\r\n{}\r\n", " c\r\n".repeat(100_000)).into_bytes();
    assert_eq!(walk(&raw), (2, raw.len()));
    let headers = HeaderBlock::new(&raw).to_headers().unwrap();
    assert_eq!(headers.get("k").map(str::len), Some(1 + 2 * 100_000));
}

/// The block of `headers`, as a publish writes it.
fn block_of(headers: &Headers) -> Vec<u8> {
    let mut out = Vec::new();
    encode::publish(&mut out, Subject::new("a").unwrap(), None, Some(headers), b"");
    let line = out.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    out[line..out.len() - 2].to_vec()
}

fn name() -> impl Strategy<Value = String> {
    "[!-9;-~]{1,20}"
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof!["[^\r\n\0]{0,40}", "[ \t]{0,3}[a-z:]{0,5}[ \t]{0,3}"]
}

proptest! {
    #[test]
    fn what_is_appended_is_what_is_read(pairs in prop::collection::vec((name(), value()), 1..20)) {
        let mut headers = Headers::new();
        for (name, value) in &pairs {
            headers.append(name, value).unwrap();
        }
        let raw = block_of(&headers);
        prop_assert_eq!(raw.len(), headers.encoded_len());
        let block = HeaderBlock::new(&raw);
        prop_assert_eq!(block.check(), Ok(()));
        prop_assert!(block.iter().eq(pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()))));
        prop_assert_eq!(block.to_headers().unwrap(), headers);
    }

    #[test]
    fn set_and_remove_leave_a_block_as_if_built_anew(
        pairs in prop::collection::vec(("[ab]", value()), 0..8),
        new in value(),
    ) {
        let mut headers = Headers::new();
        for (name, value) in &pairs {
            headers.append(name, value).unwrap();
        }
        let mut set = headers.clone();
        set.set("a", &new).unwrap();
        prop_assert_eq!(set.get_all("a").collect::<Vec<_>>(), [&new]);
        prop_assert!(set.get_all("b").eq(headers.get_all("b")));
        let mut rebuilt = Headers::new();
        for (name, value) in set.iter() {
            rebuilt.append(name, value).unwrap();
        }
        prop_assert_eq!(&rebuilt, &set);
        let count = headers.get_all("a").count();
        prop_assert_eq!(headers.remove("a"), count);
        prop_assert!(headers.iter().all(|(name, _)| name == "b"));
        prop_assert_eq!(headers.is_empty(), headers.encoded_len() == 0);
    }

    #[test]
    fn nothing_appended_can_add_a_line(name in ".{0,8}", value in "(?s).{0,16}") {
        let mut headers = Headers::new();
        headers.append("first", "1").unwrap();
        let added = usize::from(headers.append(&name, &value).is_ok());
        let raw = block_of(&headers);
        prop_assert_eq!(raw.iter().filter(|&&byte| byte == b'\n').count(), 3 + added);
        prop_assert_eq!(HeaderBlock::new(&raw).iter().count(), 1 + added);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzzing::headers(&raw);
    }

    #[test]
    fn bytes_of_the_alphabet_of_headers_are_read_without_a_panic(
        raw in "(NATS/1.0)?( [0-9]{0,4})?[a-c: \t\r\n]{0,100}"
    ) {
        fuzzing::headers(raw.as_bytes());
    }
}
