//! Operations on partitioned groups of consumers.

use nats_core::jetstream::GroupConfig;
use serde::Deserialize;
use serde_json::json;

use super::{Op, Run, api_errors, read, write};
use crate::doc::Doc;

const NAMED: &str = r#"{"stream": name, "group": name}"#;
const CONFIG: &str = r#"{"max_members": n, "filter": text, "members": [name], "member_mappings": [{"member", "partitions": [n]}]}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configured {
    stream: String,
    group: String,
    config: GroupConfig,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    stream: String,
    group: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfMember {
    stream: String,
    group: String,
    member: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfStream {
    stream: String,
}

/// Makes a group.
pub const GROUP_CREATE: Op = Op {
    name: "group_create",
    input: Some(
        r#"{"stream": name, "group": name, "config": {"max_members": n, "filter": text, "members": [name], "member_mappings": [{"member", "partitions": [n]}]}}"#,
    ),
    output: "{}",
    errors: api_errors!(
        "INVALID_NAME",
        "INVALID_ARGUMENT",
        "STREAM_NOT_FOUND",
        "WRONG_LAST_SEQUENCE"
    ),
    doc: "Makes a group whose members share the messages of a stream by partitions: those subjects of the \
          stream must begin with the number of the partition, as a subject transform makes them. The \
          documents are those of the clients' extensions (Orbit), which take part in the same groups.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Configured { stream, group, config } = read(input)?;
            js.create_group(&stream, &group, &config).await?;
            Ok(Doc::new())
        })
    }),
};

/// A group's configuration.
pub const GROUP_INFO: Op = Op {
    name: "group_info",
    input: Some(NAMED),
    output: CONFIG,
    errors: api_errors!("INVALID_NAME", "NOT_FOUND"),
    doc: "The configuration of a group.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Named { stream, group } = read(input)?;
            write(&js.group_config(&stream, &group).await?)
        })
    }),
};

/// The groups of a stream.
pub const GROUP_NAMES: Op = Op {
    name: "group_names",
    input: Some(r#"{"stream": name}"#),
    output: r#"{"groups": [name]}"#,
    errors: api_errors!("INVALID_NAME"),
    doc: "The names of a stream's groups.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let OfStream { stream } = read(input)?;
            Ok(json!({"groups": js.groups(&stream).await?}).into())
        })
    }),
};

/// The members that take messages.
pub const GROUP_MEMBERS: Op = Op {
    name: "group_members",
    input: Some(NAMED),
    output: r#"{"members": [name]}"#,
    errors: api_errors!("INVALID_NAME", "NOT_FOUND", "STREAM_NOT_FOUND"),
    doc: "The members of a group for which a program waits for messages.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Named { stream, group } = read(input)?;
            Ok(json!({"members": js.active_members(&stream, &group).await?}).into())
        })
    }),
};

/// Lets another program take a member's place.
pub const GROUP_STEP_DOWN: Op = Op {
    name: "group_step_down",
    input: Some(r#"{"stream": name, "group": name, "member": name}"#),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "STREAM_NOT_FOUND", "CONSUMER_NOT_FOUND"),
    doc: "Has the program that takes a member's messages give way to another one that waits for them.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let OfMember { stream, group, member } = read(input)?;
            js.step_down_member(&stream, &group, &member).await?;
            Ok(Doc::new())
        })
    }),
};

/// Removes a group.
pub const GROUP_DELETE: Op = Op {
    name: "group_delete",
    input: Some(NAMED),
    output: "{}",
    errors: api_errors!("INVALID_NAME", "NOT_FOUND", "STREAM_NOT_FOUND"),
    doc: "Removes a group and its consumers; the messages of its members end.",
    run: Run::JetStream(|js, input| {
        Box::pin(async move {
            let Named { stream, group } = read(input)?;
            js.delete_group(&stream, &group).await?;
            Ok(Doc::new())
        })
    }),
};
