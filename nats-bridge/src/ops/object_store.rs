//! Operations on buckets of objects.

use nats_core::object::ObjectStoreConfig;
use serde::Deserialize;
use serde_json::json;

use super::{Op, Run, api_errors, read, write};
use crate::doc::Doc;

const CONFIG: &str = r#"a bucket's configuration: {"bucket": name, "description": text, "ttl": ns, "max_bytes": bytes, "storage": "file" or "memory", "num_replicas": n, "placement": {"cluster": name, "tags": [text]}, "compression": bool, "metadata": {name: text}}"#;
const STATUS: &str = r#"the configuration, with "size": bytes, "sealed": nothing can be changed any more, "stream": the stream that keeps it, as nats_stream_info() tells it"#;

/// The name of a bucket alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    bucket: String,
}

/// Makes a bucket of objects.
pub const OBJECT_STORE_CREATE: Op = Op {
    name: "object_store_create",
    input: Some(CONFIG),
    output: STATUS,
    errors: api_errors!("INVALID_NAME", "BUCKET_EXISTS", "UNSUPPORTED"),
    doc: "Makes a bucket of objects (ADR-20). One that is there with the same configuration is as good.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let store = js.create_object_store(&read::<ObjectStoreConfig>(input)?).await?;
            write(&store.status().await?)
        })
    }),
};

/// Changes a bucket of objects.
pub const OBJECT_STORE_UPDATE: Op = Op {
    name: "object_store_update",
    input: Some(CONFIG),
    output: STATUS,
    errors: api_errors!("INVALID_NAME", "BUCKET_NOT_FOUND", "UNSUPPORTED"),
    doc: "Changes the configuration of a bucket of objects. Not everything can be changed.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let store = js.update_object_store(&read::<ObjectStoreConfig>(input)?).await?;
            write(&store.status().await?)
        })
    }),
};

/// Makes a bucket of objects or changes it.
pub const OBJECT_STORE_CREATE_OR_UPDATE: Op = Op {
    name: "object_store_create_or_update",
    input: Some(CONFIG),
    output: STATUS,
    errors: api_errors!("INVALID_NAME", "UNSUPPORTED"),
    doc: "Changes a bucket of objects, or makes it when it is not there.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let config = read::<ObjectStoreConfig>(input)?;
            write(&js.create_or_update_object_store(&config).await?.status().await?)
        })
    }),
};

/// A bucket of objects as it is.
pub const OBJECT_STORE_STATUS: Op = Op {
    name: "object_store_status",
    input: Some(r#"{"bucket": name}"#),
    output: STATUS,
    errors: api_errors!("INVALID_NAME", "BUCKET_NOT_FOUND"),
    doc: "A bucket of objects as it is.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Named { bucket } = read(input)?;
            write(&js.object_store_unasked(&bucket)?.status().await?)
        })
    }),
};

/// The names of buckets of objects.
pub const OBJECT_STORE_NAMES: Op = Op {
    name: "object_store_names",
    input: None,
    output: r#"{"buckets": [name]}"#,
    errors: api_errors!(),
    doc: "The names of all buckets of objects.",
    run: Run::JetStream(|js, _| {
        Box::pin(async move { Ok(Doc::from(json!({"buckets": js.object_store_names().await?}))) })
    }),
};

/// All buckets of objects.
pub const OBJECT_STORE_LIST: Op = Op {
    name: "object_store_list",
    input: None,
    output: r#"{"buckets": [what nats_object_store_status() tells of each]}"#,
    errors: api_errors!(),
    doc: "All buckets of objects as they are.",
    run: Run::JetStream(|js, _| {
        Box::pin(async move { write(&json!({"buckets": js.object_stores().await?})) })
    }),
};

/// Seals a bucket of objects.
pub const OBJECT_STORE_SEAL: Op = Op {
    name: "object_store_seal",
    input: Some(r#"{"bucket": name}"#),
    output: STATUS,
    errors: api_errors!("INVALID_NAME", "BUCKET_NOT_FOUND"),
    doc: "Seals a bucket of objects: nothing in it can be changed any more.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Named { bucket } = read(input)?;
            write(&js.object_store_unasked(&bucket)?.seal().await?)
        })
    }),
};

/// Removes a bucket of objects.
pub const OBJECT_STORE_DELETE: Op = Op {
    name: "object_store_delete",
    input: Some(r#"{"bucket": name}"#),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "BUCKET_NOT_FOUND"),
    doc: "Removes a bucket of objects with all it has.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Named { bucket } = read(input)?;
            js.delete_object_store(&bucket).await?;
            Ok(Doc::new())
        })
    }),
};
