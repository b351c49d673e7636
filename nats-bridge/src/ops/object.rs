//! Operations on objects.

use nats_core::object::ObjectInfo;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Op, Run, api_errors, read, write};
use crate::object;

const INFO: &str = r#"what is known of it, as ADR-20 has it, without what is empty: {"name", "description", "headers": {name: [text]}, "metadata": {name: text}, "options": {"link": {"bucket", "name"}, "max_chunk_size": bytes}, "bucket", "nuid": id of its content, "size": bytes, "mtime": RFC 3339, "chunks": n, "digest": "SHA-256=" and the digest, "deleted": true, "revision": n}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    bucket: String,
    name: String,
    #[serde(default)]
    show_deleted: bool,
}

/// What is known of an object.
pub const OBJECT_INFO: Op = Op {
    name: "object_info",
    input: Some(r#"{"bucket": name, "name": name, "show_deleted": also when it was deleted}"#),
    output: INFO,
    errors: api_errors!("INVALID_NAME", "BUCKET_NOT_FOUND", "OBJECT_NOT_FOUND"),
    doc: "What is known of an object, or of a link.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Named { bucket, name, show_deleted } = read(input)?;
            let store = js.object_store_unasked(&bucket)?;
            let entry = if show_deleted { store.entry(&name).await? } else { None };
            write(&match entry {
                Some(info) => info,
                None => store.info(&name).await?,
            })
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    bucket: String,
    #[serde(default)]
    show_deleted: bool,
}

/// What is known of all objects.
pub const OBJECT_LIST: Op = Op {
    name: "object_list",
    input: Some(r#"{"bucket": name, "show_deleted": also those that were deleted}"#),
    output: r#"{"objects": [what nats_object_info() tells of each]}"#,
    errors: api_errors!("INVALID_NAME", "BUCKET_NOT_FOUND"),
    doc: "What is known of all objects and links, in the order in which they were changed.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let List { bucket, show_deleted } = read(input)?;
            let objects = js.object_store_unasked(&bucket)?.list(show_deleted).await?;
            write(&json!({"objects": objects}))
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateMeta {
    bucket: String,
    name: String,
    meta: Value,
}

/// Describes an object anew.
pub const OBJECT_UPDATE_META: Op = Op {
    name: "object_update_meta",
    input: Some(
        r#"{"bucket": name, "name": name, "meta": {"name": its name from now on, "description": text, "headers": {name: [text]}, "metadata": {name: text}}}"#,
    ),
    output: INFO,
    errors: api_errors!(
        "INVALID_NAME",
        "BUCKET_NOT_FOUND",
        "OBJECT_NOT_FOUND",
        "OBJECT_EXISTS",
        "OBJECT_CHANGED"
    ),
    doc: "Gives an object, or a link, another description, headers, metadata and name. What is left out is \
          empty then, but for the name.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let UpdateMeta { bucket, name, meta } = read(input)?;
            let meta = object::meta(&name, &meta.to_string())?;
            write(&js.object_store_unasked(&bucket)?.update_meta(&name, &meta).await?)
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddLink {
    bucket: String,
    name: String,
    to_bucket: Option<String>,
    to: String,
}

/// Adds a link to an object.
pub const OBJECT_ADD_LINK: Op = Op {
    name: "object_add_link",
    input: Some(
        r#"{"bucket": name, "name": name of the link, "to": name of the object, "to_bucket": the bucket that has it, by default the same}"#,
    ),
    output: INFO,
    errors: api_errors!(
        "INVALID_NAME",
        "BUCKET_NOT_FOUND",
        "OBJECT_NOT_FOUND",
        "OBJECT_EXISTS",
        "INVALID_LINK"
    ),
    doc: "Adds a link to an object, which is no link itself. A link that has the name leads there from now \
          on.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let AddLink { bucket, name, to_bucket, to } = read(input)?;
            let store = js.object_store_unasked(&bucket)?;
            let target: ObjectInfo = match to_bucket {
                Some(other) => js.object_store(&other).await?.info(&to).await?,
                None => store.info(&to).await?,
            };
            write(&store.add_link(&name, &target).await?)
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddBucketLink {
    bucket: String,
    name: String,
    to_bucket: String,
}

/// Adds a link to a bucket.
pub const OBJECT_ADD_BUCKET_LINK: Op = Op {
    name: "object_add_bucket_link",
    input: Some(r#"{"bucket": name, "name": name of the link, "to_bucket": the bucket}"#),
    output: INFO,
    errors: api_errors!("INVALID_NAME", "BUCKET_NOT_FOUND", "OBJECT_EXISTS"),
    doc: "Adds a link to a bucket of objects as a whole. A link that has the name leads there from now on.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let AddBucketLink { bucket, name, to_bucket } = read(input)?;
            let to = js.object_store(&to_bucket).await?;
            write(&js.object_store_unasked(&bucket)?.add_bucket_link(&name, &to).await?)
        })
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delete {
    bucket: String,
    name: String,
}

/// Deletes an object.
pub const OBJECT_DELETE: Op = Op {
    name: "object_delete",
    input: Some(r#"{"bucket": name, "name": name}"#),
    output: INFO,
    errors: api_errors!("INVALID_NAME", "BUCKET_NOT_FOUND", "OBJECT_NOT_FOUND"),
    doc: "Deletes an object, or a link and not what it leads to. One that was deleted before is as good.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Delete { bucket, name } = read(input)?;
            write(&js.object_store_unasked(&bucket)?.delete(&name).await?)
        })
    }),
};
