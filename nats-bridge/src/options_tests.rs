//! Tests of the options tables.

use std::time::Duration;

use nats_core::OutboundPolicy;

use super::*;

fn refused(json: &str) -> String {
    let error = connect(&mut ConnectOptions::default(), json).unwrap_err();
    assert_eq!(error.code(), Code::InvalidOption, "{json}");
    error.text().to_owned()
}

#[test]
fn values_reach_their_fields() {
    let mut options = ConnectOptions::default();
    connect(
        &mut options,
        r#"{
        "servers": ["a:1", "b:2"], "name": "n", "echo": false, "ping_interval_ms": 1500,
        "max_reconnects": -1, "outbound_policy": "drop_oldest", "overflow": "error",
        "pending_messages": 0, "tls_ca_file": "/ca.pem"
    }"#,
    )
    .unwrap();
    assert_eq!(options.servers, ["a:1", "b:2"]);
    assert_eq!(options.name.as_deref(), Some("n"));
    assert!(!options.echo);
    assert_eq!(options.ping_interval, Duration::from_millis(1500));
    assert_eq!(options.max_reconnects, None);
    assert!(matches!(options.outbound_policy, OutboundPolicy::DropOldest));
    assert!(matches!(options.overflow, Overflow::Error));
    assert_eq!(options.pending_messages, 0);
    connect(&mut options, r#"{"max_reconnects": 7}"#).unwrap();
    assert_eq!(options.max_reconnects, Some(7));
    assert_eq!(options.name.as_deref(), Some("n"), "other keys keep their values");
    connect(&mut options, "").unwrap();
}

#[test]
fn unknown_keys_name_the_nearest() {
    assert!(refused(r#"{"ping_intervall_ms": 1}"#).contains("did you mean 'ping_interval_ms'"));
    assert!(refused(r#"{"Name": "x"}"#).contains("did you mean 'name'"));
    assert!(refused(r#"{"zzzzzzzzzzzzzzzzzzzzzzz": 1}"#).contains("nearest known option is"));
}

#[test]
fn wrong_values_name_key_expected_and_found() {
    for (json, parts) in [
        (r#"{"echo": 1}"#, ["'echo'", "true or false", "found 1"]),
        (r#"{"ping_interval_ms": -1}"#, ["'ping_interval_ms'", "milliseconds", "-1"]),
        (r#"{"ping_interval_ms": 0}"#, ["'ping_interval_ms'", "from 1", "found 0"]),
        (r#"{"ping_interval_ms": 1.5}"#, ["'ping_interval_ms'", "whole", "1.5"]),
        (r#"{"ping_interval_ms": 1e300}"#, ["'ping_interval_ms'", "whole", "1e+300"]),
        (r#"{"ping_interval_ms": "5s"}"#, ["'ping_interval_ms'", "whole", "a string"]),
        (r#"{"connect_timeout_ms": 31536000001}"#, ["'connect_timeout_ms'", "to", "31536000001"]),
        (r#"{"max_reconnects": -2}"#, ["'max_reconnects'", "-1 for no limit", "-2"]),
        (r#"{"servers": "a,b"}"#, ["'servers'", "a list of strings", "a string"]),
        (r#"{"servers": ["a", 5]}"#, ["'servers'", "a list of strings", "something else"]),
        (r#"{"overflow": "drop"}"#, ["'overflow'", "\"drop_newest\"", "\"drop\""]),
        (r#"{"name": null}"#, ["'name'", "a string", "null"]),
    ] {
        let text = refused(json);
        for part in parts {
            assert!(text.contains(part), "{json}: {text}");
        }
    }
    assert!(refused("[1]").contains("expected an object, found an array"));
}

#[test]
fn secrets_are_never_shown() {
    for json in [
        r#"{"password": ["canary-7341"]}"#,
        r#"{"token": {"x": "canary-7341"}}"#,
        r#"{"user": 7341}"#,
        r#"{"password": "canary-7341", "echo": "canary-7341"}"#,
        r#"{"password": "canary-7341", "token": 5}"#,
    ] {
        assert!(!refused(json).contains("7341"), "{json}");
    }
    let broken = connect(&mut ConnectOptions::default(), r#"{"password": "canary-7341"#);
    assert!(!broken.unwrap_err().text().contains("7341"));
}

#[test]
fn broken_json_says_where() {
    let error = connect(&mut ConnectOptions::default(), r#"{"name": }"#).unwrap_err();
    assert_eq!(error.code(), Code::InvalidJson);
    assert!(error.text().contains("column"), "{error}");
}

#[test]
fn the_smaller_tables_work_alike() {
    let mut sub = SubscribeOptions::default();
    let json = r#"{"queue":"q","max_messages":3,"pending_bytes":9,"overflow":"drop_oldest"}"#;
    subscribe(&mut sub, json).unwrap();
    assert_eq!(sub.queue.as_deref(), Some("q"));
    assert_eq!((sub.max_messages, sub.pending_bytes), (Some(3), Some(9)));
    assert!(matches!(sub.overflow, Some(Overflow::DropOldest)));
    assert!(subscribe(&mut sub, r#"{"queu":"q"}"#).unwrap_err().text().contains("'queue'"));
    assert!(subscribe(&mut sub, r#"{"max_messages":0}"#).is_err());

    let mut answers = ManyOptions::default();
    many(&mut answers, r#"{"max_wait_ms":50,"stall_ms":5,"sentinel":true}"#).unwrap();
    assert_eq!(answers.max_wait, Duration::from_millis(50));
    assert_eq!(answers.stall, Some(Duration::from_millis(5)));
    assert!(answers.sentinel);
}

#[test]
fn keys_are_unique() {
    let mut keys: Vec<_> = CONNECT.iter().map(|row| row.key).collect();
    keys.sort_unstable();
    let count = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), count);
}

#[test]
fn server_lists() {
    assert_eq!(server_list("a:1, b").unwrap(), ["a:1", "b"]);
    for bad in ["", ",", "a,,b", "a,"] {
        assert_eq!(server_list(bad).unwrap_err().code(), Code::InvalidUrl, "{bad}");
    }
}
