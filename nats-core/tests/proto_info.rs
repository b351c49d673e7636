//! The rows W-63 and W-64 of the catalogue of bad inputs: what an INFO may be and may not be.

use nats_core::error::Code;
use nats_core::fuzzing;
use nats_core::proto::ServerInfo;
use nats_core::proto::info::MAX_URLS;
use proptest::prelude::*;

const ACCEPTED: &[(&str, &[u8])] = &[
    ("W-63 empty object", b"{}"),
    ("W-63 blanks around it", b" \t{ } \r\n"),
    ("W-63 unknown fields", br#"{"x":1,"y":{"z":[null,true,1e30,"s"]},"max_payload":100}"#),
    ("W-63 unknown field twice", br#"{"x":1,"x":2}"#),
    ("W-63 nested 64 deep", &nested::<{ 5 + 63 * 2 + 1 }>()),
    (
        "W-65 bad entries are the caller's",
        br#"{"connect_urls":["",":","[::1","a:99999","\u0000\r\n"]}"#,
    ),
];

const REFUSED: &[(&str, &[u8])] = &[
    ("W-64 nothing", b""),
    ("W-64 not JSON", b"hello"),
    ("W-64 truncated", br#"{"server_id":"a","port":42"#),
    ("W-64 truncated in a string", br#"{"server_id":"a"#),
    ("W-64 more behind it", b"{} {}"),
    ("W-64 array", b"[]"),
    ("W-64 array of values", br#"["id","name","2.11.0"]"#),
    ("W-64 null", b"null"),
    ("W-64 number", b"1"),
    ("W-64 string", br#""{}""#),
    ("W-64 text for a number", br#"{"port":"4222"}"#),
    ("W-64 number for a text", br#"{"server_id":1}"#),
    ("W-64 number for a flag", br#"{"headers":1}"#),
    ("W-64 object for a list", br#"{"connect_urls":{}}"#),
    ("W-64 list of numbers", br#"{"connect_urls":[1]}"#),
    ("W-64 port 99999", br#"{"port":99999}"#),
    ("W-64 field twice", br#"{"max_payload":1,"max_payload":2}"#),
    ("W-64 max_payload 1e30", br#"{"max_payload":1e30}"#),
    ("W-64 max_payload negative", br#"{"max_payload":-1}"#),
    ("W-64 max_payload 2^64", br#"{"max_payload":18446744073709551616}"#),
    ("W-64 value not UTF-8", b"{\"server_id\":\"\xff\"}"),
    ("W-64 unknown value not UTF-8", b"{\"x\":\"\xff\"}"),
    ("W-64 nested 65 deep", &nested::<{ 5 + 64 * 2 + 1 }>()),
];

/// `{"x":[[[...]]]}` in `N` bytes.
const fn nested<const N: usize>() -> [u8; N] {
    let mut text = [b']'; N];
    let head = b"{\"x\":";
    let mut at = 0;
    while at < N / 2 + 2 {
        text[at] = if at < head.len() { head[at] } else { b'[' };
        at += 1;
    }
    text[N - 1] = b'}';
    text
}

#[test]
fn w63_accepted() {
    for (name, json) in ACCEPTED {
        let info = ServerInfo::parse(json).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(info.server_id.is_empty(), "{name}");
        fuzzing::info(json);
    }
    let info = ServerInfo::parse(b"{}").unwrap();
    assert_eq!((info.max_payload, info.headers, info.proto), (1 << 20, false, 0));
}

#[test]
fn w64_refused() {
    for (name, json) in REFUSED {
        match ServerInfo::parse(json) {
            Ok(info) => panic!("{name}: {info:?}"),
            Err(error) => assert_eq!(error.code(), Code::Protocol, "{name}"),
        }
    }
}

#[test]
fn w64_refused_when_cut_off_anywhere() {
    let json = br#"{"server_id":"a","connect_urls":["b:1","c:2"],"max_payload":10}"#;
    assert!(ServerInfo::parse(json).is_ok());
    for end in 0..json.len() {
        assert!(ServerInfo::parse(&json[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn w64_nested_20_000_deep() {
    for open in ["[", "{\"a\":"] {
        let json = format!("{{\"x\":{}", open.repeat(20_000));
        assert_eq!(ServerInfo::parse(json.as_bytes()).unwrap_err().code(), Code::Protocol);
    }
}

#[test]
fn w63_64_kib_1_mib_and_10_000_urls() {
    for len in [64 << 10, 1 << 20] {
        let json = format!("{{\"x\":\"{}\",\"port\":7}}", "y".repeat(len));
        assert_eq!(ServerInfo::parse(json.as_bytes()).unwrap().port, 7);
    }
    let urls: Vec<String> = (0..10_000).map(|n| format!("\"10.0.0.1:{n}\"")).collect();
    let json = format!("{{\"connect_urls\":[{}],\"port\":7}}", urls.join(","));
    let info = ServerInfo::parse(json.as_bytes()).unwrap();
    assert_eq!((info.connect_urls.len(), info.port), (MAX_URLS, 7));
    assert_eq!(info.connect_urls[MAX_URLS - 1], "10.0.0.1:1023");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(json in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzzing::info(&json);
    }

    #[test]
    fn nearly_json_is_read_without_a_panic(
        json in r#"\{("(port|max_payload|ldm|x)":[-0-9a-z"\[\]{}.]{0,6},?){0,4}\}?"#
    ) {
        fuzzing::info(json.as_bytes());
    }
}
