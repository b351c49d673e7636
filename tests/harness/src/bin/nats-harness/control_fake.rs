//! Requests to fake servers, and scripts as JSON.
//!
//! A script is an array of steps: `"handshake"`, `"read_line"`, `"serve"`, `"silence"`, `"stall"`,
//! `"gate"`, `"close"`, `"reset"`, or an object `{"send": DATA}`, `{"reply": TEXT}`,
//! `{"expect": TEXT}`, `{"handshake": INFO}`, `{"chunked": DATA, "sizes": [..]}`,
//! `{"drip": DATA, "gap_ms": N}`, `{"delay_ms": N}`. DATA is a string or `{"hex": ".."}`.

use std::time::Duration;

use nats_harness::{Error, FakeServer, Result, Step};
use serde_json::{Value, json};

use crate::control::unknown;
use crate::json::{Request, data, done, missing, show, wrong};

/// `fake`: `script`, or `scripts` with one script a connection.
pub(crate) fn start(request: &Request) -> Result<FakeServer> {
    let one = request.0.get("script").map(|script| vec![script]);
    let all = || request.0.get("scripts")?.as_array().map(|scripts| scripts.iter().collect());
    let scripts: Vec<&Value> = one.or_else(all).ok_or_else(|| missing("script"))?;
    FakeServer::start_with(scripts.into_iter().map(script).collect::<Result<_>>()?)
}

pub(crate) fn handle(fake: &FakeServer, op: &str, request: &Request) -> Result<Value> {
    let connection = index(request, "connection")?;
    match op {
        "connections" => return Ok(json!({"connections": fake.connections()})),
        "received" => return Ok(show(&fake.received(connection))),
        "wait_connections" => {
            fake.wait_connections(index(request, "count")?, request.timeout()?)?;
        }
        "wait_text" => {
            fake.wait_text(connection, request.text("text")?, request.timeout()?)?;
            return Ok(show(&fake.received(connection)));
        }
        "wait_closed" => fake.wait_closed(connection, request.timeout()?)?,
        "send" => fake.send(connection, request.data("data")?)?,
        "close" => fake.close(connection)?,
        "reset" => fake.reset(connection)?,
        "release" => fake.release(),
        _ => return Err(unknown(op, "fake server")),
    }
    done()
}

fn index(request: &Request, key: &str) -> Result<usize> {
    Ok(usize::try_from(request.number_or(key, 0)?).unwrap_or(usize::MAX))
}

fn script(value: &Value) -> Result<Vec<Step>> {
    let steps = value.as_array().ok_or_else(|| wrong("script", "an array of steps"))?;
    steps.iter().map(step).collect()
}

fn step(value: &Value) -> Result<Step> {
    match value {
        Value::String(name) => named_step(name),
        Value::Object(fields) => object_step(&Request(fields.clone())),
        _ => Err(bad_step(value)),
    }
}

fn named_step(name: &str) -> Result<Step> {
    Ok(match name {
        "handshake" => Step::Handshake,
        "read_line" => Step::ReadLine,
        "serve" => Step::Serve,
        "silence" => Step::Silence,
        "stall" => Step::Stall,
        "gate" => Step::Gate,
        "close" => Step::Close,
        "reset" => Step::Reset,
        _ => return Err(bad_step(name)),
    })
}

fn object_step(fields: &Request) -> Result<Step> {
    let has = |key| fields.0.contains_key(key);
    Ok(if has("send") {
        Step::Send(fields.data("send")?)
    } else if has("reply") {
        Step::reply(fields.text("reply")?)
    } else if has("expect") {
        Step::expect(fields.text("expect")?)
    } else if let Some(info) = fields.0.get("handshake") {
        Step::HandshakeWith(info.as_str().map_or_else(|| info.to_string(), str::to_owned))
    } else if has("chunked") {
        Step::Chunked(fields.data("chunked")?, sizes(fields)?)
    } else if let Some(bytes) = fields.0.get("drip") {
        Step::Drip(data(bytes)?, Duration::from_millis(fields.number_or("gap_ms", 1)?))
    } else if has("delay_ms") {
        Step::Delay(Duration::from_millis(fields.number("delay_ms")?))
    } else {
        return Err(bad_step(Value::Object(fields.0.clone())));
    })
}

fn sizes(fields: &Request) -> Result<Vec<usize>> {
    let sizes = fields.0.get("sizes").and_then(Value::as_array).ok_or_else(|| missing("sizes"))?;
    let size = |value: &Value| value.as_u64().and_then(|size| usize::try_from(size).ok());
    sizes.iter().map(|value| size(value).ok_or_else(|| wrong("sizes", "numbers"))).collect()
}

fn bad_step(step: impl std::fmt::Display) -> Error {
    Error::new(format!("{step} is no step of a script"))
}
