//! The operation that gets many messages at once.

use nats_core::jetstream::{DirectBatch, DirectBatchOptions, JetStream, StoredMessage};
use nats_core::{Code, Error, Result};
use serde_json::{Value, json};

use super::stream::stored;
use super::{Op, Run, Running, api_errors, read};
use crate::doc::Doc;

/// Many messages of a stream.
pub const STREAM_GET_BATCH: Op = Op {
    name: "stream_get_batch",
    input: Some(
        r#"{"stream": name, "batch": the most messages, "max_bytes": n, and either "seq": first sequence or "start_time": first time, "next_by_subj": only these subjects; or "multi_last": [subjects whose last message is meant], "up_to_seq": as it was at this sequence, or "up_to_time": at this time; "no_hdr": without the messages' own headers}"#,
    ),
    output: r#"{"messages": [what nats_stream_get_message() tells of each], "pending": how many more there would be, "last_seq": sequence behind which another batch begins, "up_to_seq": of "multi_last" the sequence at which the stream was read}"#,
    errors: api_errors!(
        "INVALID_NAME",
        "INVALID_ARGUMENT",
        "INVALID_SUBJECT",
        "NO_RESPONDERS",
        "SLOW_CONSUMER",
        "UNSUPPORTED"
    ),
    doc: "Many messages of a stream at once, from any server that keeps it (ADR-31, server 2.11); they \
          may not be the newest. The stream must have \"allow_direct\", or be a mirror with \
          \"mirror_direct\".",
    run: Run::JetStream(get),
};

fn get(js: JetStream, input: Doc) -> Running {
    Box::pin(async move {
        let mut which = input.value().clone();
        let stream = match which.as_object_mut().and_then(|members| members.remove("stream")) {
            Some(Value::String(stream)) => stream,
            _ => return Err(Error::new(Code::InvalidJson, "stream: expected a name")),
        };
        let (messages, end) = get_batch(&js, &stream, Doc::from(which), None).await?;
        let mut told = batch_end(&end).value().clone();
        told["messages"] = messages.iter().map(stored).collect();
        Ok(Doc::from(told))
    })
}

/// The messages that a document asks for, at most so many, and the batch as it is then.
///
/// # Errors
/// Those of the operation.
pub async fn get_batch(
    js: &JetStream,
    stream: &str,
    input: Doc,
    most: Option<u64>,
) -> Result<(Vec<StoredMessage>, DirectBatch)> {
    let mut options: DirectBatchOptions = read(input)?;
    if let Some(most) = most {
        options.batch = if options.batch == 0 { most } else { options.batch.min(most) };
    }
    let mut batch = js.direct_batch(stream, &options).await?;
    let messages = batch.all().await?;
    Ok((messages, batch))
}

/// What the server told at the end of a batch.
pub fn batch_end(batch: &DirectBatch) -> Doc {
    Doc::from(json!({
        "pending": batch.pending(),
        "last_seq": batch.last_sequence(),
        "up_to_seq": batch.up_to_sequence(),
    }))
}
