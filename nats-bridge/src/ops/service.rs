//! Operations that find services.

use super::{Op, Run};
use crate::discover;

const INPUT: &str = "with the keys of \"Question to services\" in docs/options.md, or nothing";
const ERRORS: &[&str] = &[
    "INVALID_OPTION",
    "INVALID_NAME",
    "INVALID_ARGUMENT",
    "INVALID_SUBJECT",
    "PERMISSION",
    "CONNECTION_LOST",
    "CONNECTION_CLOSED",
];

/// Which services there are.
pub const SERVICES_PING: Op = Op {
    name: "services_ping",
    input: Some(INPUT),
    output: r#"{"services": [the answers of the services to PING (ADR-32)], "errors": [{"code": name, "text": text}, one for each answer that is none]}"#,
    errors: ERRORS,
    doc: "Which services there are, once no more of them answer.",
    run: Run::Connection(|connection, input| {
        Box::pin(async move { discover::ping(connection.client(), &input.to_json()).await })
    }),
};

/// What they are.
pub const SERVICES_INFO: Op = Op {
    name: "services_info",
    output: r#"{"services": [their answers to INFO], "errors": as services_ping}"#,
    doc: "What services are, and where they listen.",
    run: Run::Connection(|connection, input| {
        Box::pin(async move { discover::info(connection.client(), &input.to_json()).await })
    }),
    ..SERVICES_PING
};

/// What they have done.
pub const SERVICES_STATS: Op = Op {
    name: "services_stats",
    output: r#"{"services": [their answers to STATS], "errors": as services_ping}"#,
    doc: "What services have done.",
    run: Run::Connection(|connection, input| {
        Box::pin(async move { discover::stats(connection.client(), &input.to_json()).await })
    }),
    ..SERVICES_PING
};
