//! THE options tables: every key that a program may set on a connection, a subscription or a
//! request for many answers. The reference page is generated from them.

use nats_core::{Code, ConnectOptions, Error, ManyOptions, Overflow, Result, SubscribeOptions};

mod connect;

pub use connect::CONNECT;

use crate::table::{Row, Set, apply};

pub(crate) const OVERFLOW: &[&str] = &["drop_newest", "drop_oldest", "error"];

/// The options of a subscription.
pub const SUBSCRIBE: &[Row<SubscribeOptions>] = &[
    Row {
        key: "queue",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "The queue group: of its members, one receives each message.",
        set: Set::Text(|o, v| o.queue = Some(v)),
    },
    Row {
        key: "max_messages",
        unit: "messages",
        default: "none",
        since: "0.1",
        doc: "End after this many messages.",
        set: Set::Integer(1, u64::MAX, |o, v| o.max_messages = Some(v)),
    },
    Row {
        key: "pending_messages",
        unit: "messages",
        default: "the connection's",
        since: "0.1",
        doc: "How many messages may wait; 0 for no bound.",
        set: Set::Integer(0, 1 << 40, |o, v| o.pending_messages = Some(v as usize)),
    },
    Row {
        key: "pending_bytes",
        unit: "bytes",
        default: "the connection's",
        since: "0.1",
        doc: "How many bytes of messages may wait; 0 for no bound.",
        set: Set::Integer(0, 1 << 50, |o, v| o.pending_bytes = Some(v as usize)),
    },
    Row {
        key: "overflow",
        unit: "",
        default: "the connection's",
        since: "0.1",
        doc: "What happens to messages that exceed those bounds.",
        set: Set::Choice(OVERFLOW, |o, v| o.overflow = Some(overflow(v))),
    },
];

/// The options of a request for many answers (ADR-47). Whichever rule is met first ends it.
pub const MANY: &[Row<ManyOptions>] = &[
    Row {
        key: "max_messages",
        unit: "messages",
        default: "none",
        since: "0.1",
        doc: "End after this many answers.",
        set: Set::Integer(1, u64::MAX, |o, v| o.max_messages = Some(v)),
    },
    Row {
        key: "max_wait_ms",
        unit: "ms",
        default: "10000",
        since: "0.1",
        doc: "End after this time.",
        set: Set::Millis(1, |o, v| o.max_wait = v),
    },
    Row {
        key: "stall_ms",
        unit: "ms",
        default: "none",
        since: "0.1",
        doc: "End when no answer has come for this long since the last one.",
        set: Set::Millis(1, |o, v| o.stall = Some(v)),
    },
    Row {
        key: "sentinel",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "End with an answer whose payload is empty; that one is not delivered.",
        set: Set::Bool(|o, v| o.sentinel = v),
    },
];

/// Applies a JSON object of [`CONNECT`] keys.
///
/// # Errors
/// Those of [`apply`]; so for all three.
pub fn connect(options: &mut ConnectOptions, json: &str) -> Result<()> {
    apply(CONNECT, options, json)
}

/// Applies a JSON object of [`SUBSCRIBE`] keys.
pub fn subscribe(options: &mut SubscribeOptions, json: &str) -> Result<()> {
    apply(SUBSCRIBE, options, json)
}

/// Applies a JSON object of [`MANY`] keys.
pub fn many(options: &mut ManyOptions, json: &str) -> Result<()> {
    apply(MANY, options, json)
}

/// Splits a list of URLs with commas between them.
///
/// # Errors
/// [`Code::InvalidUrl`] when the list names no server, or has an empty place.
pub fn server_list(urls: &str) -> Result<Vec<String>> {
    let servers: Vec<String> = urls.split(',').map(|url| url.trim().to_owned()).collect();
    if servers.iter().any(String::is_empty) {
        return Err(Error::new(Code::InvalidUrl, "the list of servers has an empty place"));
    }
    Ok(servers)
}

pub(crate) fn overflow(position: usize) -> Overflow {
    match position {
        0 => Overflow::DropNewest,
        1 => Overflow::DropOldest,
        _ => Overflow::Error,
    }
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
