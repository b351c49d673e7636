//! Operations on buckets of keys.

use std::time::Duration;

use nats_core::kv::KvConfig;
use serde::Deserialize;
use serde_json::json;

use super::{Op, Run, api_errors, read, write};
use crate::doc::Doc;

const CONFIG: &str = r#"a bucket's configuration: {"bucket": name, "description": text, "history": values of a key, 1 to 64, "ttl": ns, "limit_marker_ttl": ns, for how long markers tell of keys whose time is over (server 2.11), "max_value_size": bytes, "max_bytes": bytes, "storage": "file" or "memory", "num_replicas": n, "placement": {"cluster": name, "tags": [text]}, "republish": {"src": subjects, "dest": subjects, "headers_only": bool}, "mirror": {"name": bucket, ...}, "sources": [{"name": bucket, "filter_subject": keys, "subject_transforms": [{"src": subjects, "dest": subjects}], ...}], "aggregate": it has what its sources have and nothing else, "compression": bool, "metadata": {name: text}}"#;
const STATUS: &str = r#"the configuration, with "values": how many, older ones and markers included, "bytes": n, "stream": the stream that keeps it, as nats_stream_info() tells it"#;

/// The name of a bucket alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    bucket: String,
}

/// Makes a bucket.
pub const KV_BUCKET_CREATE: Op = Op {
    name: "kv_bucket_create",
    input: Some(CONFIG),
    output: STATUS,
    errors: api_errors!("INVALID_NAME", "INVALID_ARGUMENT", "BUCKET_EXISTS", "UNSUPPORTED"),
    doc: "Makes a bucket (ADR-8). One that is there with the same configuration is as good.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let kv = js.create_key_value(&read::<KvConfig>(input)?).await?;
            write(&kv.status().await?)
        })
    }),
};

/// Changes a bucket.
pub const KV_BUCKET_UPDATE: Op = Op {
    name: "kv_bucket_update",
    input: Some(CONFIG),
    output: STATUS,
    errors: api_errors!("INVALID_NAME", "INVALID_ARGUMENT", "BUCKET_NOT_FOUND", "UNSUPPORTED"),
    doc: "Changes the configuration of a bucket. Not everything can be changed.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let kv = js.update_key_value(&read::<KvConfig>(input)?).await?;
            write(&kv.status().await?)
        })
    }),
};

/// Makes a bucket or changes it.
pub const KV_BUCKET_CREATE_OR_UPDATE: Op = Op {
    name: "kv_bucket_create_or_update",
    input: Some(CONFIG),
    output: STATUS,
    errors: api_errors!("INVALID_NAME", "INVALID_ARGUMENT", "UNSUPPORTED"),
    doc: "Changes a bucket, or makes it when it is not there.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let kv = js.create_or_update_key_value(&read::<KvConfig>(input)?).await?;
            write(&kv.status().await?)
        })
    }),
};

/// A bucket as it is.
pub const KV_BUCKET_STATUS: Op = Op {
    name: "kv_bucket_status",
    input: Some(r#"{"bucket": name}"#),
    output: STATUS,
    errors: api_errors!("INVALID_NAME", "BUCKET_NOT_FOUND"),
    doc: "A bucket as it is.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Named { bucket } = read(input)?;
            write(&js.key_value_status(&bucket).await?)
        })
    }),
};

/// The names of buckets.
pub const KV_BUCKET_NAMES: Op = Op {
    name: "kv_bucket_names",
    input: None,
    output: r#"{"buckets": [name]}"#,
    errors: api_errors!(),
    doc: "The names of all buckets.",
    run: Run::JetStream(|js, _| {
        Box::pin(async move { Ok(Doc::from(json!({"buckets": js.key_value_names().await?}))) })
    }),
};

/// All buckets.
pub const KV_BUCKET_LIST: Op = Op {
    name: "kv_bucket_list",
    input: None,
    output: r#"{"buckets": [what nats_kv_bucket_status() tells of each]}"#,
    errors: api_errors!(),
    doc: "All buckets as they are.",
    run: Run::JetStream(|js, _| {
        Box::pin(async move { write(&json!({"buckets": js.key_values().await?})) })
    }),
};

/// Removes a bucket.
pub const KV_BUCKET_DELETE: Op = Op {
    name: "kv_bucket_delete",
    input: Some(r#"{"bucket": name}"#),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "BUCKET_NOT_FOUND"),
    doc: "Removes a bucket with all it has.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Named { bucket } = read(input)?;
            js.delete_key_value(&bucket).await?;
            Ok(Doc::new())
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Purge {
    bucket: String,
    older_than_ms: Option<u64>,
}

/// For how long markers stay at least, so that all who watch the bucket see them.
const MARKERS_MS: u64 = 30 * 60 * 1000;

/// Removes old markers.
pub const KV_BUCKET_PURGE_DELETES: Op = Op {
    name: "kv_bucket_purge_deletes",
    input: Some(r#"{"bucket": name, "older_than_ms": 1800000 by default; 0 for all}"#),
    output: r#"{"purged": how many messages were removed}"#,
    errors: api_errors!("INVALID_NAME", "BUCKET_NOT_FOUND", "READ_ONLY"),
    doc: "Removes what deleted keys have had, and the markers that tell of them when they are older than \
          that.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Purge { bucket, older_than_ms } = read(input)?;
            let older_than = Duration::from_millis(older_than_ms.unwrap_or(MARKERS_MS));
            let purged = js.key_value(&bucket).await?.purge_deletes(older_than).await?;
            Ok(Doc::from(json!({"purged": purged})))
        })
    }),
};
