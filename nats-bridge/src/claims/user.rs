//! The claims of users.

use std::time::Duration;

use nats_core::auth::UserClaims;

use super::{Row, Set, limit};

/// The claims of a user. Limits of -1 are none.
pub const USER: &[Row<UserClaims>] = &[
    Row {
        key: "name",
        unit: "",
        default: "no name",
        since: "0.1",
        doc: "The user's name.",
        set: Set::Text(|c, v| c.name = v),
    },
    Row {
        key: "expires",
        unit: "s",
        default: "no end",
        since: "0.1",
        doc: "When the token ends, in seconds since 1970.",
        set: Set::Moment(|c, v| c.expires = Some(v)),
    },
    Row {
        key: "not_before",
        unit: "s",
        default: "at once",
        since: "0.1",
        doc: "From when on the token is valid, in seconds since 1970.",
        set: Set::Moment(|c, v| c.not_before = Some(v)),
    },
    Row {
        key: "issuer_account",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "The public key of the account, where one of its signing keys signs.",
        set: Set::Text(|c, v| c.issuer_account = Some(v)),
    },
    Row {
        key: "publish_allow",
        unit: "",
        default: "all subjects",
        since: "0.1",
        doc: "The subjects that the user may publish to, and no others.",
        set: Set::Texts(|c, v| c.publish.allow = v),
    },
    Row {
        key: "publish_deny",
        unit: "",
        default: "no subjects",
        since: "0.1",
        doc: "Subjects that the user may not publish to.",
        set: Set::Texts(|c, v| c.publish.deny = v),
    },
    Row {
        key: "subscribe_allow",
        unit: "",
        default: "all subjects",
        since: "0.1",
        doc: "The subjects that the user may subscribe to, and no others.",
        set: Set::Texts(|c, v| c.subscribe.allow = v),
    },
    Row {
        key: "subscribe_deny",
        unit: "",
        default: "no subjects",
        since: "0.1",
        doc: "Subjects that the user may not subscribe to.",
        set: Set::Texts(|c, v| c.subscribe.deny = v),
    },
    Row {
        key: "responses",
        unit: "messages",
        default: "none",
        since: "0.1",
        doc: "How many answers to a request that was received may be published beyond \
              publish_allow, -1 for any number; without publish_allow nothing else may be.",
        set: Set::Limit(|c, v| c.responses = Some(limit(v))),
    },
    Row {
        key: "response_ttl_ms",
        unit: "ms",
        default: "120000",
        since: "0.1",
        doc: "For how long such answers may be published.",
        set: Set::Millis(1, response_ttl),
    },
    Row {
        key: "subscriptions",
        unit: "subscriptions",
        default: "-1",
        since: "0.1",
        doc: "How many subscriptions the user may have at a time.",
        set: Set::Limit(|c, v| c.subscriptions = limit(v)),
    },
    Row {
        key: "data",
        unit: "bytes",
        default: "-1",
        since: "0.1",
        doc: "How many bytes the user may send and receive.",
        set: Set::Limit(|c, v| c.data = limit(v)),
    },
    Row {
        key: "payload",
        unit: "bytes",
        default: "-1",
        since: "0.1",
        doc: "How large a message may be.",
        set: Set::Limit(|c, v| c.payload = limit(v)),
    },
    Row {
        key: "bearer",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "The token alone suffices to connect, without a signature: whoever has it is the \
              user.",
        set: Set::Bool(|c, v| c.bearer = v),
    },
    Row {
        key: "source_networks",
        unit: "",
        default: "all networks",
        since: "0.1",
        doc: "Networks that the user may come from, for example 10.0.0.0/8.",
        set: Set::Texts(|c, v| c.source_networks = v),
    },
    Row {
        key: "connection_types",
        unit: "",
        default: "all kinds",
        since: "0.1",
        doc: "Kinds of connections that the user may make, for example STANDARD, WEBSOCKET, \
              LEAFNODE, MQTT.",
        set: Set::Texts(|c, v| c.connection_types = v),
    },
    Row {
        key: "tags",
        unit: "",
        default: "none",
        since: "0.1",
        doc: "Tags.",
        set: Set::Texts(|c, v| c.tags = v),
    },
];

/// Of use with a number of answers only: without one it is the server's default.
fn response_ttl(claims: &mut UserClaims, ttl: Duration) {
    claims.responses.get_or_insert(0);
    // Bounded by the longest duration of the table.
    claims.response_millis = ttl.as_millis() as i64;
}
