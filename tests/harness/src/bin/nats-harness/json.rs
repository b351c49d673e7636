//! Fields of a request.

use std::time::Duration;

use nats_harness::{Error, Result};
use serde_json::{Map, Value, json};

pub(crate) type Object = Map<String, Value>;

/// One request of the `control` protocol.
pub(crate) struct Request(pub(crate) Object);

impl Request {
    pub(crate) fn text(&self, key: &str) -> Result<&str> {
        self.optional_text(key)?.ok_or_else(|| missing(key))
    }

    pub(crate) fn optional_text(&self, key: &str) -> Result<Option<&str>> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| wrong(key, "a string")),
        }
    }

    pub(crate) fn number(&self, key: &str) -> Result<u64> {
        let value = self.0.get(key).ok_or_else(|| missing(key))?;
        value.as_u64().ok_or_else(|| wrong(key, "a non-negative number"))
    }

    pub(crate) fn number_or(&self, key: &str, default: u64) -> Result<u64> {
        if self.0.contains_key(key) { self.number(key) } else { Ok(default) }
    }

    pub(crate) fn data(&self, key: &str) -> Result<Vec<u8>> {
        data(self.0.get(key).ok_or_else(|| missing(key))?)
    }

    /// `timeout_ms`, 10 seconds when it is missing.
    pub(crate) fn timeout(&self) -> Result<Duration> {
        self.number_or("timeout_ms", 10_000).map(Duration::from_millis)
    }
}

/// Bytes: a string, or `{"hex": "0aff"}`.
pub(crate) fn data(value: &Value) -> Result<Vec<u8>> {
    match (value.as_str(), value.get("hex").and_then(Value::as_str)) {
        (Some(text), _) => Ok(text.as_bytes().to_vec()),
        (_, Some(hex)) => from_hex(hex).ok_or_else(|| wrong("hex", "pairs of hexadecimal digits")),
        _ => Err(Error::new(format!("{value} is neither a string nor {{\"hex\": ...}}"))),
    }
}

/// Received bytes, readable and exact.
pub(crate) fn show(bytes: &[u8]) -> Value {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"text": String::from_utf8_lossy(bytes), "hex": hex})
}

pub(crate) fn missing(key: &str) -> Error {
    Error::new(format!("field {key:?} is missing"))
}

pub(crate) fn wrong(key: &str, wanted: &str) -> Error {
    Error::new(format!("field {key:?} must be {wanted}"))
}

/// An answer without values.
pub(crate) fn done() -> Result<Value> {
    Ok(json!({}))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
