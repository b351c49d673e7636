//! Operations on counters.

use nats_core::jetstream::Increment;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Op, Run, api_errors, read, write};
use crate::doc::Doc;

const COUNT: &str = r#"{"subject": text, "val": its value as text, "incr": what was added last, "sources": {stream: {subject: value}}, "seq": n, "time": RFC 3339}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    subject: String,
    incr: Value,
}

/// Adds to a counter.
pub const COUNTER_ADD: Op = Op {
    name: "counter_add",
    input: Some(r#"{"subject": subject, "incr": a whole number, as text when it is large}"#),
    output: r#"{"val": the counter's new value as text}"#,
    errors: api_errors!("INVALID_ARGUMENT", "INVALID_SUBJECT", "NO_RESPONDERS", "UNSUPPORTED"),
    doc: "Adds to the counter of a subject, whose stream has \"allow_msg_counter\" (ADR-49, server \
          2.12). After TIMEOUT or CONNECTION_LOST nobody knows whether it was added.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Add { subject, incr } = read(input)?;
            let incr = match incr {
                Value::String(text) => text,
                other => other.to_string(),
            };
            let value = js.counter_add(&subject, Increment::parse(&incr)?).await?;
            Ok(Doc::from(json!({"val": value})))
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Get {
    stream: String,
    subject: String,
}

/// The value of a counter.
pub const COUNTER_GET: Op = Op {
    name: "counter_get",
    input: Some(r#"{"stream": name, "subject": subject}"#),
    output: COUNT,
    errors: api_errors!("INVALID_NAME", "INVALID_SUBJECT", "MESSAGE_NOT_FOUND", "NO_RESPONDERS"),
    doc: "The counter of a subject; its stream must have \"allow_direct\".",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Get { stream, subject } = read(input)?;
            write(&js.counter_get(&stream, &subject).await?)
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GetMany {
    stream: String,
    subjects: Vec<String>,
}

/// The values of many counters.
pub const COUNTER_GET_MANY: Op = Op {
    name: "counter_get_many",
    input: Some(r#"{"stream": name, "subjects": [subjects, wildcards allowed]}"#),
    output: r#"{"counters": [what nats_counter_get() tells of each]}"#,
    errors: api_errors!("INVALID_NAME", "INVALID_ARGUMENT", "INVALID_SUBJECT", "NO_RESPONDERS"),
    doc: "The counters of many subjects, at most 1024; their stream must have \"allow_direct\".",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let GetMany { stream, subjects } = read(input)?;
            let counts = js.counter_get_many(&stream, &subjects).await?.all().await?;
            write(&json!({"counters": counts}))
        })
    }),
};
