//! Operations on consumers.

use nats_core::jetstream::ConsumerConfig;
use serde::Deserialize;
use serde_json::json;

use super::{Op, Run, api_errors, read, write};
use crate::doc::Doc;

const CONFIG: &str = r#"{"stream": name, "config": a consumer's configuration under the server's own names; "pedantic": true in it has the server refuse what it would adapt (server 2.11)}"#;
const NAMED: &str = r#"{"stream": name, "consumer": name}"#;
const INFO: &str = "configuration, state, and what else the server tells, under its own names";
const PAUSED: &str = r#"{"paused": bool, "pause_until": RFC 3339, "pause_remaining": nanoseconds}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configured {
    stream: String,
    config: ConsumerConfig,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    stream: String,
    consumer: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfStream {
    stream: String,
}

/// Makes a consumer.
pub const CONSUMER_CREATE: Op = Op {
    name: "consumer_create",
    input: Some(CONFIG),
    output: INFO,
    errors: api_errors!(
        "INVALID_NAME",
        "INVALID_ARGUMENT",
        "INVALID_SUBJECT",
        "STREAM_NOT_FOUND",
        "CONSUMER_EXISTS",
        "UNSUPPORTED"
    ),
    doc: "Makes a consumer. One that is there with the same configuration is as good. Without a name \
          it has one that is made up, and goes when it is unused.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Configured { stream, config } = read(input)?;
            write(&js.create_consumer(&stream, &config).await?)
        })
    }),
};

/// Changes a consumer.
pub const CONSUMER_UPDATE: Op = Op {
    name: "consumer_update",
    input: Some(CONFIG),
    output: INFO,
    errors: api_errors!(
        "INVALID_NAME",
        "INVALID_ARGUMENT",
        "INVALID_SUBJECT",
        "STREAM_NOT_FOUND",
        "CONSUMER_NOT_FOUND",
        "UNSUPPORTED"
    ),
    doc: "Changes a consumer. Not everything can be changed.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Configured { stream, config } = read(input)?;
            write(&js.update_consumer(&stream, &config).await?)
        })
    }),
};

/// Makes a consumer or changes it.
pub const CONSUMER_CREATE_OR_UPDATE: Op = Op {
    name: "consumer_create_or_update",
    input: Some(CONFIG),
    output: INFO,
    errors: api_errors!(
        "INVALID_NAME",
        "INVALID_ARGUMENT",
        "INVALID_SUBJECT",
        "STREAM_NOT_FOUND",
        "UNSUPPORTED"
    ),
    doc: "Changes a consumer, or makes it when it is not there.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Configured { stream, config } = read(input)?;
            write(&js.create_or_update_consumer(&stream, &config).await?)
        })
    }),
};

/// A consumer as it is.
pub const CONSUMER_INFO: Op = Op {
    name: "consumer_info",
    input: Some(NAMED),
    output: INFO,
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND", "CONSUMER_NOT_FOUND"),
    doc: "A consumer as it is.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Named { stream, consumer } = read(input)?;
            write(&js.consumer_info(&stream, &consumer).await?)
        })
    }),
};

/// The names of consumers.
pub const CONSUMER_NAMES: Op = Op {
    name: "consumer_names",
    input: Some(r#"{"stream": name}"#),
    output: r#"{"consumers": [names]}"#,
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND"),
    doc: "The names of a stream's consumers; in as many requests as it takes.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let names = js.consumer_names(&read::<OfStream>(input)?.stream)?.all().await?;
            Ok(Doc::from(json!({"consumers": names})))
        })
    }),
};

/// All consumers.
pub const CONSUMER_LIST: Op = Op {
    name: "consumer_list",
    input: Some(r#"{"stream": name}"#),
    output: r#"{"consumers": [what nats_consumer_info() tells of each], "missing": [names of those whose servers did not answer], "offline": {name of one that no server runs: reason}}"#,
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND"),
    doc: "A stream's consumers; in as many requests as it takes.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let mut page = js.consumers(&read::<OfStream>(input)?.stream)?;
            let consumers = page.all().await?;
            let (missing, offline) = (page.missing(), page.offline());
            write(&json!({"consumers": consumers, "missing": missing, "offline": offline}))
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    stream: String,
    consumer: String,
    pause_until: String,
}

/// Pauses a consumer.
pub const CONSUMER_PAUSE: Op = Op {
    name: "consumer_pause",
    input: Some(r#"{"stream": name, "consumer": name, "pause_until": RFC 3339}"#),
    output: PAUSED,
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND", "CONSUMER_NOT_FOUND", "UNSUPPORTED"),
    doc: "Has a consumer deliver nothing until then (server 2.11).",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Pause { stream, consumer, pause_until } = read(input)?;
            write(&js.pause_consumer(&stream, &consumer, &pause_until).await?)
        })
    }),
};

/// Resumes a consumer.
pub const CONSUMER_RESUME: Op = Op {
    name: "consumer_resume",
    input: Some(NAMED),
    output: PAUSED,
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND", "CONSUMER_NOT_FOUND", "UNSUPPORTED"),
    doc: "Has a paused consumer deliver again (server 2.11).",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Named { stream, consumer } = read(input)?;
            write(&js.resume_consumer(&stream, &consumer).await?)
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    stream: String,
    consumer: String,
    seq: Option<u64>,
}

/// Resets a consumer.
pub const CONSUMER_RESET: Op = Op {
    name: "consumer_reset",
    input: Some(r#"{"stream": name, "consumer": name, "seq": n}"#),
    output: INFO,
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND", "CONSUMER_NOT_FOUND", "UNSUPPORTED"),
    doc: "Has a consumer begin anew: behind its acknowledged messages, or at a sequence (ADR-60, \
          server 2.14).",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Reset { stream, consumer, seq } = read(input)?;
            write(&js.reset_consumer(&stream, &consumer, seq).await?)
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unpin {
    stream: String,
    consumer: String,
    group: String,
}

/// Unpins a client.
pub const CONSUMER_UNPIN: Op = Op {
    name: "consumer_unpin",
    input: Some(r#"{"stream": name, "consumer": name, "group": name}"#),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND", "CONSUMER_NOT_FOUND", "UNSUPPORTED"),
    doc: "Lets go of the client that is pinned in a group (ADR-42, server 2.11).",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Unpin { stream, consumer, group } = read(input)?;
            js.unpin_consumer(&stream, &consumer, &group).await?;
            Ok(Doc::new())
        })
    }),
};

/// Removes a consumer.
pub const CONSUMER_DELETE: Op = Op {
    name: "consumer_delete",
    input: Some(NAMED),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND", "CONSUMER_NOT_FOUND"),
    doc: "Removes a consumer.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Named { stream, consumer } = read(input)?;
            js.delete_consumer(&stream, &consumer).await?;
            Ok(Doc::new())
        })
    }),
};
