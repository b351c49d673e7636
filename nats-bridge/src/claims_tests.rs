//! Tests of the tables of claims.

use nats_core::Code;
use nats_core::auth::KeyKind;
use serde_json::{Value, json};

use super::*;

fn pair(kind: KeyKind) -> KeyPair {
    KeyPair::generate(kind).unwrap()
}

fn public(pair: &KeyPair) -> String {
    pair.public_key().to_string()
}

fn user(json: &str) -> Result<Doc> {
    let token = encode_user(json, &public(&pair(KeyKind::User)), &pair(KeyKind::Account))?;
    decode(&token)
}

fn account(json: &str) -> Result<Doc> {
    let token = encode_account(json, &public(&pair(KeyKind::Account)), &pair(KeyKind::Operator))?;
    decode(&token)
}

#[test]
fn every_claim_of_a_user_reaches_the_token() {
    let issuer = public(&pair(KeyKind::Account));
    let claims = json!({
        "name": "joe", "expires": 2_000_000_000, "not_before": 1_000_000_000,
        "issuer_account": issuer, "publish_allow": ["a.>"], "publish_deny": ["a.b"],
        "subscribe_allow": ["c"], "subscribe_deny": ["d"], "responses": 3,
        "response_ttl_ms": 1500, "subscriptions": 4, "data": 5, "payload": 6, "bearer": true,
        "source_networks": ["10.0.0.0/8"], "connection_types": ["STANDARD"], "tags": ["t"],
    });
    let doc = user(&claims.to_string()).unwrap();
    let members = claims.as_object().unwrap();
    assert_eq!(members.len(), USER.len(), "a claim has no test");
    for (key, at) in [("name", "name"), ("expires", "exp"), ("not_before", "nbf")] {
        assert_eq!(doc.value()[at], claims[key]);
    }
    let expected = json!({
        "pub": {"allow": ["a.>"], "deny": ["a.b"]}, "sub": {"allow": ["c"], "deny": ["d"]},
        "subs": 4, "data": 5, "payload": 6, "type": "user", "version": 2,
        "resp": {"max": 3, "ttl": 1_500_000_000_i64}, "bearer_token": true,
        "issuer_account": issuer, "src": ["10.0.0.0/8"],
        "allowed_connection_types": ["STANDARD"], "tags": ["t"],
    });
    assert_eq!(doc.value()["nats"], expected);
}

#[test]
fn every_claim_of_an_account_reaches_the_token() {
    let key = public(&pair(KeyKind::Account));
    let claims = json!({
        "name": "app", "expires": 2_000_000_000, "not_before": 1_000_000_000,
        "signing_keys": [key], "subscriptions": 1, "connections": 2, "leaf_nodes": 3, "data": 4,
        "payload": 5, "imports": 6, "exports": 7, "wildcards": false, "memory_storage": 8,
        "disk_storage": 9, "streams": 10, "consumers": u64::MAX, "tags": ["t"],
    });
    assert_eq!(claims.as_object().unwrap().len(), ACCOUNT.len(), "a claim has no test");
    let doc = account(&claims.to_string()).unwrap();
    assert_eq!(doc.get_int("exp").unwrap(), 2_000_000_000);
    let nats = &doc.value()["nats"];
    let limits = json!({
        "subs": 1, "conn": 2, "leaf": 3, "data": 4, "payload": 5, "imports": 6, "exports": 7,
        "wildcards": false, "mem_storage": 8, "disk_storage": 9, "streams": 10,
        "consumer": i64::MAX,
    });
    assert_eq!(nats["limits"], limits);
    assert_eq!((&nats["signing_keys"], &nats["tags"]), (&json!([key]), &json!(["t"])));
}

#[test]
fn nothing_given_limits_nothing() {
    let doc = user("").unwrap();
    let nats = &doc.value()["nats"];
    assert_eq!(nats["pub"], json!({}));
    assert_eq!((&nats["subs"], &nats["resp"]), (&json!(-1), &Value::Null));
    let doc = user(r#"{"response_ttl_ms": 2000}"#).unwrap();
    assert_eq!(doc.value()["nats"]["resp"], json!({"max": 0, "ttl": 2_000_000_000_i64}));
    assert_eq!(account("{}").unwrap().get_int("nats.limits.conn").unwrap(), -1);
}

#[test]
fn what_is_no_claim_is_named_with_the_nearest() {
    for (result, parts) in [
        (user(r#"{"publish_alow": []}"#), ["unknown claim", "did you mean 'publish_allow'"]),
        (account(r#"{"conections": 1}"#), ["unknown claim", "did you mean 'connections'"]),
        (user(r#"{"publish_allow": "a"}"#), ["claim 'publish_allow'", "a list of strings"]),
        (user(r#"{"expires": 1764150000000}"#), ["claim 'expires'", "seconds since 1970"]),
        (user(r#"{"expires": 0}"#), ["claim 'expires'", "found 0"]),
        (user(r#"{"subscriptions": -2}"#), ["claim 'subscriptions'", "-1 for no limit"]),
        (user("[]"), ["claims:", "an object"]),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.code(), Code::InvalidOption, "{error}");
        assert!(parts.iter().all(|part| error.text().contains(part)), "{error}");
    }
    assert_eq!(user("{").unwrap_err().code(), Code::InvalidJson);
}

#[test]
fn keys_that_do_not_fit_are_named() {
    let (operator, one) = (pair(KeyKind::Operator), pair(KeyKind::User));
    let code = |result: Result<String>| result.unwrap_err().code();
    assert_eq!(code(encode_user("", &public(&one), &operator)), Code::InvalidArgument);
    assert_eq!(code(encode_user("", "", &operator)), Code::InvalidKey);
    assert_eq!(code(encode_account("", &public(&one), &operator)), Code::InvalidArgument);
    let seed = one.seed();
    let error = encode_account("", seed.expose(), &operator).unwrap_err();
    assert_eq!(error.code(), Code::InvalidKey);
    assert!(!error.text().contains(seed.expose()));
    assert_eq!(decode("a.b.c").unwrap_err().code(), Code::InvalidCredentials);
}
