//! Operations on streams.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nats_core::jetstream::{
    GetMessage, InfoOptions, JetStream, PurgeOptions, StoredMessage, StreamConfig,
};
use nats_core::{HeaderBlock, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Op, Run, Running, api_errors, read, write};
use crate::doc::Doc;

const CONFIG: &str = "a stream's configuration under the server's own names, as `nats stream info \
                      --json` shows it; what is not known is sent as it is; \"pedantic\": true has the \
                      server refuse what it would adapt (server 2.11)";
const INFO: &str = "configuration, state, and what else the server tells, under its own names";

/// The name of a stream alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    stream: String,
}

/// Makes a stream.
pub const STREAM_CREATE: Op = Op {
    name: "stream_create",
    input: Some(CONFIG),
    output: INFO,
    errors: api_errors!("INVALID_NAME", "INVALID_ARGUMENT", "STREAM_EXISTS", "UNSUPPORTED"),
    doc: "Makes a stream. One that is there with the same configuration is as good.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move { write(&js.create_stream(&read::<StreamConfig>(input)?).await?) })
    }),
};

/// Changes a stream.
pub const STREAM_UPDATE: Op = Op {
    name: "stream_update",
    input: Some(CONFIG),
    output: INFO,
    errors: api_errors!("INVALID_NAME", "INVALID_ARGUMENT", "STREAM_NOT_FOUND", "UNSUPPORTED"),
    doc: "Changes the configuration of a stream. Not everything can be changed.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move { write(&js.update_stream(&read::<StreamConfig>(input)?).await?) })
    }),
};

/// Makes a stream or changes it.
pub const STREAM_CREATE_OR_UPDATE: Op = Op {
    name: "stream_create_or_update",
    input: Some(CONFIG),
    output: INFO,
    errors: api_errors!("INVALID_NAME", "INVALID_ARGUMENT", "UNSUPPORTED"),
    doc: "Changes a stream, or makes it when it is not there.",
    run: Run::JetStream(|js, input| {
        Box::pin(
            async move { write(&js.create_or_update_stream(&read::<StreamConfig>(input)?).await?) },
        )
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Info {
    stream: String,
    subjects_filter: Option<String>,
    #[serde(default)]
    deleted_details: bool,
}

/// A stream as it is.
pub const STREAM_INFO: Op = Op {
    name: "stream_info",
    input: Some(
        r#"{"stream": name, "subjects_filter": subjects to count, "deleted_details": bool}"#,
    ),
    output: INFO,
    errors: api_errors!("INVALID_NAME", "INVALID_SUBJECT", "STREAM_NOT_FOUND"),
    doc: "A stream as it is; with how many messages each subject of a filter has, and which \
          sequences are gone, if that is asked for.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Info { stream, subjects_filter, deleted_details } = read(input)?;
            let options = InfoOptions { subjects_filter, deleted_details };
            write(&js.stream_info_with(&stream, &options).await?)
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BySubject {
    subject: Option<String>,
}

/// The names of streams.
pub const STREAM_NAMES: Op = Op {
    name: "stream_names",
    input: Some(r#"{"subject": only those that have it}"#),
    output: r#"{"streams": [names]}"#,
    errors: api_errors!("INVALID_SUBJECT"),
    doc: "The names of all streams, or of those with a subject; in as many requests as it takes.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let BySubject { subject } = read(input)?;
            let names = js.stream_names(subject.as_deref())?.all().await?;
            Ok(Doc::from(json!({"streams": names})))
        })
    }),
};

/// All streams.
pub const STREAM_LIST: Op = Op {
    name: "stream_list",
    input: Some(r#"{"subject": only those that have it}"#),
    output: r#"{"streams": [what nats_stream_info() tells of each], "missing": [names of those whose servers did not answer], "offline": {name of one that no server runs: reason}}"#,
    errors: api_errors!("INVALID_SUBJECT"),
    doc: "All streams, or those with a subject; in as many requests as it takes.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let BySubject { subject } = read(input)?;
            let mut page = js.streams(subject.as_deref())?;
            let streams = page.all().await?;
            let (missing, offline) = (page.missing(), page.offline());
            write(&json!({"streams": streams, "missing": missing, "offline": offline}))
        })
    }),
};

/// The stream that has a subject.
pub const STREAM_BY_SUBJECT: Op = Op {
    name: "stream_by_subject",
    input: Some(r#"{"subject": subject}"#),
    output: r#"{"stream": name}"#,
    errors: api_errors!("INVALID_SUBJECT", "STREAM_NOT_FOUND"),
    doc: "The name of the stream that keeps the messages of a subject.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let BySubject { subject } = read(input)?;
            let stream = js.stream_by_subject(&subject.unwrap_or_default()).await?;
            Ok(Doc::from(json!({"stream": stream})))
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Purge {
    stream: String,
    filter: Option<String>,
    seq: Option<u64>,
    keep: Option<u64>,
}

/// Empties a stream.
pub const STREAM_PURGE: Op = Op {
    name: "stream_purge",
    input: Some(
        r#"{"stream": name, "filter": subjects, "seq": only those before it, "keep": how many stay}"#,
    ),
    output: r#"{"purged": n}"#,
    errors: api_errors!("INVALID_NAME", "INVALID_SUBJECT", "INVALID_ARGUMENT", "STREAM_NOT_FOUND"),
    doc: "Removes messages of a stream: all, or those of subjects, before a sequence, or but the newest.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Purge { stream, filter, seq: before, keep } = read(input)?;
            let options = PurgeOptions { filter, before, keep };
            Ok(Doc::from(json!({"purged": js.purge_stream(&stream, &options).await?})))
        })
    }),
};

/// Removes a stream.
pub const STREAM_DELETE: Op = Op {
    name: "stream_delete",
    input: Some(r#"{"stream": name}"#),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND"),
    doc: "Removes a stream with its messages and consumers.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            js.delete_stream(&read::<Named>(input)?.stream).await?;
            Ok(Doc::new())
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Get {
    stream: String,
    seq: Option<u64>,
    last_by_subj: Option<String>,
    next_by_subj: Option<String>,
    #[serde(default)]
    no_hdr: bool,
    #[serde(default)]
    direct: bool,
}

/// A message of a stream.
pub const STREAM_GET_MESSAGE: Op = Op {
    name: "stream_get_message",
    input: Some(
        r#"{"stream": name, "seq": n, "last_by_subj": subject, "next_by_subj": subject, "no_hdr": bool, "direct": bool}"#,
    ),
    output: r#"{"subject": text, "seq": n, "time": RFC 3339, "data": base64, "hdrs": {name: [values]}}"#,
    errors: api_errors!(
        "INVALID_NAME",
        "INVALID_ARGUMENT",
        "INVALID_SUBJECT",
        "STREAM_NOT_FOUND",
        "MESSAGE_NOT_FOUND",
        "NO_RESPONDERS",
        "UNSUPPORTED"
    ),
    doc: "A message of a stream: by its sequence, the last one of a subject, or the first one of a \
          subject from a sequence on. Direct: from any server that has it (ADR-31), faster and perhaps \
          not the newest.",
    run: Run::JetStream(get_message),
};

fn get_message(js: JetStream, input: Doc) -> Running {
    Box::pin(async move { Ok(Doc::from(stored(&get_stored(&js, input).await?))) })
}

/// The message that a document asks for.
///
/// # Errors
/// Those of the operation.
pub async fn get_stored(js: &JetStream, input: Doc) -> Result<StoredMessage> {
    let Get { stream, seq, last_by_subj, next_by_subj, no_hdr, direct } = read(input)?;
    let which = GetMessage {
        sequence: seq,
        last_by_subject: last_by_subj,
        next_by_subject: next_by_subj,
        no_headers: no_hdr,
    };
    if direct {
        js.direct_get(&stream, &which).await
    } else {
        js.get_message(&stream, &which).await
    }
}

/// A message as operations tell it.
pub(super) fn stored(message: &StoredMessage) -> Value {
    let mut headers = serde_json::Map::new();
    for (name, value) in message.headers().iter().flat_map(HeaderBlock::iter) {
        let [name, value] = [name, value].map(|text| String::from_utf8_lossy(text).into_owned());
        let values = headers.entry(name).or_insert_with(|| json!([]));
        if let Some(values) = values.as_array_mut() {
            values.push(value.into());
        }
    }
    json!({
        "subject": message.subject,
        "seq": message.sequence,
        "time": message.time,
        "data": STANDARD.encode(&message.payload),
        "hdrs": headers,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteMessage {
    stream: String,
    seq: u64,
    #[serde(default)]
    no_erase: bool,
}

/// Deletes a message.
pub const STREAM_DELETE_MESSAGE: Op = Op {
    name: "stream_delete_message",
    input: Some(r#"{"stream": name, "seq": n, "no_erase": bool}"#),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND", "MESSAGE_NOT_FOUND"),
    doc: "Deletes a message of a stream. What it held is overwritten, unless \"no_erase\" is true.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let DeleteMessage { stream, seq, no_erase } = read(input)?;
            js.delete_message(&stream, seq, !no_erase).await?;
            Ok(Doc::new())
        })
    }),
};
