//! Operations on schedules.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nats_core::jetstream::{JetStream, PublishOptions, Schedule};
use nats_core::{Code, Error, Headers, Publish, Result};
use serde::Deserialize;
use serde_json::json;

use super::{Op, Run, Running, api_errors, read, write};
use crate::doc::Doc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    subject: String,
    schedule: String,
    target: String,
    source: Option<String>,
    ttl_ms: Option<u64>,
    time_zone: Option<String>,
    #[serde(default)]
    rollup: bool,
    data: Option<String>,
    text: Option<String>,
    #[serde(default)]
    hdrs: BTreeMap<String, Vec<String>>,
}

/// Has a message published later.
pub const SCHEDULE_CREATE: Op = Op {
    name: "schedule_create",
    input: Some(
        r#"{"subject": the schedule's own, "schedule": "@at ...", "@every ...", "@hourly" or six fields of a cron table, "target": subject to publish to, "text": payload, "data": payload in base64 instead, "hdrs": {name: [values]}, "source": subject whose last message is published instead of the payload, "ttl_ms": how long what is published is kept, "time_zone": of cron fields, "rollup": bool}"#,
    ),
    output: "what the stream says of the message that it keeps: \"stream\", \"seq\", ...",
    errors: api_errors!(
        "INVALID_ARGUMENT",
        "INVALID_SUBJECT",
        "INVALID_HEADER",
        "NO_RESPONDERS",
        "UNSUPPORTED"
    ),
    doc: "Stores a message that is published again later, once or again and again (ADR-51, server 2.12; \
          what repeats, \"source\", \"time_zone\" and \"rollup\" 2.14). The stream must have \
          \"allow_msg_schedules\". An earlier schedule of the same subject is replaced.",
    run: Run::JetStream(create),
};

fn create(js: JetStream, input: Doc) -> Running {
    Box::pin(async move {
        let input: Create = read(input)?;
        let payload = payload(input.data, input.text)?;
        let mut headers = Headers::new();
        for (name, values) in &input.hdrs {
            for value in values {
                headers.append(name, value)?;
            }
        }
        let schedule = Schedule {
            when: input.schedule,
            target: input.target,
            source: input.source,
            ttl: input.ttl_ms.map(Duration::from_millis),
            time_zone: input.time_zone,
            rollup: input.rollup,
        };
        let publish = Publish::new(&input.subject, &payload).headers(&headers);
        write(&js.schedule(&publish, &schedule, &PublishOptions::default()).await?)
    })
}

fn payload(data: Option<String>, text: Option<String>) -> Result<Vec<u8>> {
    match (data, text) {
        (Some(_), Some(_)) => {
            Err(Error::new(Code::InvalidArgument, "data and text: expected one of them"))
        }
        (Some(data), None) => STANDARD
            .decode(data)
            .map_err(|error| Error::new(Code::InvalidArgument, format!("data: {error}"))),
        (None, text) => Ok(text.unwrap_or_default().into_bytes()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    stream: String,
    subject: String,
}

/// Removes a schedule.
pub const SCHEDULE_CANCEL: Op = Op {
    name: "schedule_cancel",
    input: Some(r#"{"stream": name, "subject": the schedule's own}"#),
    output: r#"{"cancelled": whether there was one}"#,
    errors: api_errors!("INVALID_NAME", "INVALID_SUBJECT", "STREAM_NOT_FOUND"),
    doc: "Removes the schedule of a subject.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Cancel { stream, subject } = read(input)?;
            let cancelled = js.cancel_schedule(&stream, &subject).await?;
            Ok(Doc::from(json!({"cancelled": cancelled})))
        })
    }),
};
