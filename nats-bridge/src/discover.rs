//! Questions to services.

use nats_core::service::{Answers, DiscoverOptions, ServiceClient};
use nats_core::{Client, Code, Error, Result, Subscription};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::doc::Doc;
use crate::ops::write;
use crate::table::{Row, Set, apply};

/// Which services a program asks, and how long it waits.
#[derive(Default)]
pub struct AskOptions {
    name: Option<String>,
    id: Option<String>,
    how: DiscoverOptions,
}

/// How services are asked.
pub const ASK: &[Row<AskOptions>] = &[
    Row {
        key: "name",
        unit: "",
        default: "all",
        since: "0.1",
        doc: "Services of this name.",
        set: Set::Text(|o, v| o.name = Some(v)),
    },
    Row {
        key: "id",
        unit: "",
        default: "all",
        since: "0.1",
        doc: "The instance with this id, of that name. Answers end with its own.",
        set: Set::Text(|o, v| o.id = Some(v)),
    },
    Row {
        key: "prefix",
        unit: "",
        default: "\"$SRV\"",
        since: "0.1",
        doc: "What the subjects that services listen to begin with, where those of another account \
              have another name.",
        set: Set::Text(|o, v| o.how.prefix = v),
    },
    Row {
        key: "max_messages",
        unit: "messages",
        default: "none",
        since: "0.1",
        doc: "End after this many answers.",
        set: Set::Integer(1, u64::MAX, |o, v| o.how.wait.max_messages = Some(v)),
    },
    Row {
        key: "max_wait_ms",
        unit: "ms",
        default: "2000",
        since: "0.1",
        doc: "End after this time.",
        set: Set::Millis(1, |o, v| o.how.wait.max_wait = v),
    },
    Row {
        key: "stall_ms",
        unit: "ms",
        default: "300",
        since: "0.1",
        doc: "End when no answer has come for this long since the last one.",
        set: Set::Millis(1, |o, v| o.how.wait.stall = Some(v)),
    },
];

/// Asks services for what `what` says, as a JSON object of [`ASK`] keys says, and yields their
/// answers unread: documents as payloads.
///
/// # Errors
/// Those of [`apply`] and of [`ServiceClient::ping`]; [`Code::InvalidArgument`] for `what`.
pub async fn ask(client: &Client, what: &str, json: &str) -> Result<Subscription> {
    let (found, AskOptions { name, id, .. }) = finder(client, json)?;
    let (name, id) = (name.as_deref(), id.as_deref());
    Ok(match what {
        "ping" => found.ping(name, id).await?.into_messages(),
        "info" => found.info(name, id).await?.into_messages(),
        "stats" => found.stats(name, id).await?.into_messages(),
        _ => {
            let text = "what: expected \"ping\", \"info\" or \"stats\"";
            return Err(Error::new(Code::InvalidArgument, text));
        }
    })
}

/// All PING answers: `{"services": [document], "errors": [{"code": name, "text": text}]}`.
///
/// # Errors
/// Those of [`apply`] and of [`ServiceClient::ping`], and those that end the answers.
pub async fn ping(client: &Client, json: &str) -> Result<Doc> {
    let (found, AskOptions { name, id, .. }) = finder(client, json)?;
    listed(found.ping(name.as_deref(), id.as_deref()).await?).await
}

/// All INFO answers, as [`ping`].
///
/// # Errors
/// Those of [`ping`].
pub async fn info(client: &Client, json: &str) -> Result<Doc> {
    let (found, AskOptions { name, id, .. }) = finder(client, json)?;
    listed(found.info(name.as_deref(), id.as_deref()).await?).await
}

/// All STATS answers, as [`ping`].
///
/// # Errors
/// Those of [`ping`].
pub async fn stats(client: &Client, json: &str) -> Result<Doc> {
    let (found, AskOptions { name, id, .. }) = finder(client, json)?;
    listed(found.stats(name.as_deref(), id.as_deref()).await?).await
}

fn finder(client: &Client, json: &str) -> Result<(ServiceClient, AskOptions)> {
    let mut options = AskOptions::default();
    apply(ASK, &mut options, json)?;
    Ok((client.discover_with(options.how.clone()), options))
}

async fn listed<T: Serialize + DeserializeOwned>(mut answers: Answers<T>) -> Result<Doc> {
    let (mut services, mut errors) = (Vec::new(), Vec::new());
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(document) => services.push(write(&document)?.value().clone()),
            Err(bad) if matches!(bad.code(), Code::InvalidJson | Code::ServiceError) => {
                errors.push(json!({"code": bad.code().name(), "text": bad.text()}));
            }
            Err(end) => return Err(end),
        }
    }
    Ok(Doc::from(json!({"services": services, "errors": errors})))
}
