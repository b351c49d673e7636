//! THE options tables: every key that a program may set on a connection, a subscription or a
//! request for many answers. The reference page is generated from them.

use nats_core::{
    Code, ConnectOptions, Error, ManyOptions, OutboundPolicy, Overflow, Result, SubscribeOptions,
    TlsVersion,
};

use crate::table::{Row, Set, apply};

const OVERFLOW: &[&str] = &["drop_newest", "drop_oldest", "error"];
const TLS_VERSIONS: &[&str] = &["1.2", "1.3"];
const OUTBOUND: &[&str] = &["wait", "error", "drop_oldest"];

/// The options of a connection.
pub const CONNECT: &[Row<ConnectOptions>] = &[
    Row {
        key: "servers",
        default: r#"["nats://127.0.0.1:4222"]"#,
        doc: "The servers to try, as URLs (nats://, tls://) or host:port.",
        set: Set::Texts(|o, v| o.servers = v),
    },
    Row {
        key: "randomize",
        default: "true",
        doc: "Try the servers in random order.",
        set: Set::Bool(|o, v| o.randomize = v),
    },
    Row {
        key: "name",
        default: "none",
        doc: "A name for the connection that the server shows in its monitoring.",
        set: Set::Text(|o, v| o.name = Some(v)),
    },
    Row {
        key: "user",
        default: "none",
        doc: "The user name. Credentials in a server's URL go before these.",
        set: Set::Secret(|o, v| o.user = Some(v)),
    },
    Row {
        key: "password",
        default: "none",
        doc: "The password that belongs to user.",
        set: Set::Secret(|o, v| o.password = Some(v.into())),
    },
    Row {
        key: "token",
        default: "none",
        doc: "An authentication token, instead of user and password.",
        set: Set::Secret(|o, v| o.token = Some(v.into())),
    },
    Row {
        key: "nkey_seed",
        default: "none",
        doc: "The seed of the user's NKey, which signs what the server asks to sign.",
        set: Set::Secret(|o, v| o.nkey_seed = Some(v.into())),
    },
    Row {
        key: "nkey_seed_file",
        default: "none",
        doc: "A file that holds such a seed. It is read anew for each attempt to connect.",
        set: Set::Text(|o, v| o.nkey_seed_file = Some(v.into())),
    },
    Row {
        key: "jwt",
        default: "none",
        doc: "The user's JWT, to go with an NKey.",
        set: Set::Secret(|o, v| o.jwt = Some(v.into())),
    },
    Row {
        key: "creds",
        default: "none",
        doc: "The content of a credentials file: a user's JWT and the seed that belongs to it.",
        set: Set::Secret(|o, v| o.creds = Some(v.into())),
    },
    Row {
        key: "creds_file",
        default: "none",
        doc: "A credentials file. It is read anew for each attempt to connect.",
        set: Set::Text(|o, v| o.creds_file = Some(v.into())),
    },
    Row {
        key: "verbose",
        default: "false",
        doc: "Ask the server to acknowledge every operation with +OK.",
        set: Set::Bool(|o, v| o.verbose = v),
    },
    Row {
        key: "pedantic",
        default: "false",
        doc: "Ask the server for additional checks.",
        set: Set::Bool(|o, v| o.pedantic = v),
    },
    Row {
        key: "echo",
        default: "true",
        doc: "Receive messages that the connection itself published.",
        set: Set::Bool(|o, v| o.echo = v),
    },
    Row {
        key: "tls_required",
        default: "false",
        doc: "Connect by TLS only, even where URL and server do not ask for it.",
        set: Set::Bool(|o, v| o.tls_required = v),
    },
    Row {
        key: "tls_ca_file",
        default: "system roots",
        doc: "A PEM file with the certificate authorities to trust.",
        set: Set::Text(|o, v| o.tls_ca_file = Some(v.into())),
    },
    Row {
        key: "tls_ca",
        default: "system roots",
        doc: "Certificate authorities to trust, in PEM.",
        set: Set::Text(|o, v| o.tls_ca = Some(v)),
    },
    Row {
        key: "tls_cert_file",
        default: "none",
        doc: "A PEM file with the client certificate, and with its key where tls_key_file is not \
              given. Both are read anew for each attempt to connect.",
        set: Set::Text(|o, v| o.tls_cert_file = Some(v.into())),
    },
    Row {
        key: "tls_key_file",
        default: "none",
        doc: "A PEM file with the key of the client certificate.",
        set: Set::Text(|o, v| o.tls_key_file = Some(v.into())),
    },
    Row {
        key: "tls_cert",
        default: "none",
        doc: "The client certificate, in PEM.",
        set: Set::Text(|o, v| o.tls_cert = Some(v)),
    },
    Row {
        key: "tls_key",
        default: "none",
        doc: "The key of the client certificate, in PEM.",
        set: Set::Secret(|o, v| o.tls_key = Some(v.into())),
    },
    Row {
        key: "tls_server_name",
        default: "the name in the URL",
        doc: "The name that the server's certificate must have.",
        set: Set::Text(|o, v| o.tls_server_name = Some(v)),
    },
    Row {
        key: "tls_first",
        default: "false",
        doc: "Begin with TLS, before the server says anything (handshake_first of the server).",
        set: Set::Bool(|o, v| o.tls_first = v),
    },
    Row {
        key: "tls_min_version",
        default: "1.2",
        doc: "The oldest version of TLS that is spoken.",
        set: Set::Choice(TLS_VERSIONS, |o, v| {
            o.tls_min_version = if v == 0 { TlsVersion::Tls12 } else { TlsVersion::Tls13 };
        }),
    },
    Row {
        key: "tls_insecure",
        default: "false",
        doc: "Believe every certificate: whoever is between here and the server can read and \
              change everything.",
        set: Set::Bool(|o, v| o.tls_insecure = v),
    },
    Row {
        key: "connect_timeout_ms",
        default: "5000",
        doc: "How long one attempt to connect to one server may take.",
        set: Set::Millis(1, |o, v| o.connect_timeout = v),
    },
    Row {
        key: "publish_timeout_ms",
        default: "5000",
        doc: "How long a publish waits for room in the outbound buffer (policy \"wait\").",
        set: Set::Millis(0, |o, v| o.publish_timeout = v),
    },
    Row {
        key: "flush_timeout_ms",
        default: "10000",
        doc: "How long a flush or round-trip measurement waits by default.",
        set: Set::Millis(1, |o, v| o.flush_timeout = v),
    },
    Row {
        key: "drain_timeout_ms",
        default: "30000",
        doc: "How long a drain takes at most by default.",
        set: Set::Millis(1, |o, v| o.drain_timeout = v),
    },
    Row {
        key: "request_timeout_ms",
        default: "10000",
        doc: "How long a request waits for its answer by default.",
        set: Set::Millis(1, |o, v| o.request_timeout = v),
    },
    Row {
        key: "ping_interval_ms",
        default: "120000",
        doc: "How long the connection may be silent before a PING is sent.",
        set: Set::Millis(1, |o, v| o.ping_interval = v),
    },
    Row {
        key: "max_pings_out",
        default: "2",
        doc: "How many PINGs may be unanswered before the connection counts as stale.",
        set: Set::Integer(1, 1000, |o, v| o.max_pings_out = v as _),
    },
    Row {
        key: "inbox_prefix",
        default: "_INBOX",
        doc: "What the subjects for answers begin with.",
        set: Set::Text(|o, v| o.inbox_prefix = v),
    },
    Row {
        key: "reconnect",
        default: "true",
        doc: "Connect again when the connection is lost.",
        set: Set::Bool(|o, v| o.reconnect = v),
    },
    Row {
        key: "max_reconnects",
        default: "-1",
        doc: "How many attempts in a row may fail per server before it is given up; -1: no limit.",
        set: Set::Limit(|o, v| o.max_reconnects = v),
    },
    Row {
        key: "reconnect_delay_min_ms",
        default: "10",
        doc: "The pause after the first failed round of attempts; it doubles each time, up to \
              reconnect_delay_max_ms.",
        set: Set::Millis(0, |o, v| o.reconnect_delay_min = v),
    },
    Row {
        key: "reconnect_delay_max_ms",
        default: "2000",
        doc: "The longest pause between rounds of attempts.",
        set: Set::Millis(0, |o, v| o.reconnect_delay_max = v),
    },
    Row {
        key: "retry_on_failed_connect",
        default: "false",
        doc: "When the first attempts fail, return a connection all the same and keep trying.",
        set: Set::Bool(|o, v| o.retry_on_failed_connect = v),
    },
    Row {
        key: "connect_in_background",
        default: "false",
        doc: "Return before the first attempt; the connection closes when the first round fails.",
        set: Set::Bool(|o, v| o.connect_in_background = v),
    },
    Row {
        key: "ignore_discovered",
        default: "false",
        doc: "Do not connect to servers that the cluster told of.",
        set: Set::Bool(|o, v| o.ignore_discovered = v),
    },
    Row {
        key: "outbound_bytes",
        default: "8388608",
        doc: "The size of the buffer for what was published and not yet sent, in bytes.",
        set: Set::Integer(1024, 1 << 40, |o, v| o.outbound_bytes = v as usize),
    },
    Row {
        key: "outbound_policy",
        default: "wait",
        doc: "What a publish does when that buffer is full.",
        set: Set::Choice(OUTBOUND, |o, v| {
            o.outbound_policy = match v {
                0 => OutboundPolicy::Wait,
                1 => OutboundPolicy::Error,
                _ => OutboundPolicy::DropOldest,
            };
        }),
    },
    Row {
        key: "pending_messages",
        default: "65536",
        doc: "How many messages may wait in one subscription; 0 for no bound.",
        set: Set::Integer(0, 1 << 40, |o, v| o.pending_messages = v as usize),
    },
    Row {
        key: "pending_bytes",
        default: "67108864",
        doc: "How many bytes of messages may wait in one subscription; 0 for no bound.",
        set: Set::Integer(0, 1 << 50, |o, v| o.pending_bytes = v as usize),
    },
    Row {
        key: "overflow",
        default: "drop_newest",
        doc: "What happens to messages that exceed those bounds.",
        set: Set::Choice(OVERFLOW, |o, v| o.overflow = overflow(v)),
    },
    Row {
        key: "max_message_bytes",
        default: "67108864",
        doc: "The largest message that is received, in bytes; a larger one ends the connection.",
        set: Set::Integer(1024, 1 << 30, |o, v| o.max_message_bytes = v as usize),
    },
    Row {
        key: "lenient_subjects",
        default: "false",
        doc: "Allow wildcards and empty tokens in the subjects of published messages.",
        set: Set::Bool(|o, v| o.lenient_subjects = v),
    },
];

/// The options of a subscription.
pub const SUBSCRIBE: &[Row<SubscribeOptions>] = &[
    Row {
        key: "queue",
        default: "none",
        doc: "The queue group: of its members, one receives each message.",
        set: Set::Text(|o, v| o.queue = Some(v)),
    },
    Row {
        key: "max_messages",
        default: "none",
        doc: "End after this many messages.",
        set: Set::Integer(1, u64::MAX, |o, v| o.max_messages = Some(v)),
    },
    Row {
        key: "pending_messages",
        default: "the connection's",
        doc: "How many messages may wait; 0 for no bound.",
        set: Set::Integer(0, 1 << 40, |o, v| o.pending_messages = Some(v as usize)),
    },
    Row {
        key: "pending_bytes",
        default: "the connection's",
        doc: "How many bytes of messages may wait; 0 for no bound.",
        set: Set::Integer(0, 1 << 50, |o, v| o.pending_bytes = Some(v as usize)),
    },
    Row {
        key: "overflow",
        default: "the connection's",
        doc: "What happens to messages that exceed those bounds.",
        set: Set::Choice(OVERFLOW, |o, v| o.overflow = Some(overflow(v))),
    },
];

/// The options of a request for many answers (ADR-47). Whichever rule is met first ends it.
pub const MANY: &[Row<ManyOptions>] = &[
    Row {
        key: "max_messages",
        default: "none",
        doc: "End after this many answers.",
        set: Set::Integer(1, u64::MAX, |o, v| o.max_messages = Some(v)),
    },
    Row {
        key: "max_wait_ms",
        default: "10000",
        doc: "End after this time.",
        set: Set::Millis(1, |o, v| o.max_wait = v),
    },
    Row {
        key: "stall_ms",
        default: "none",
        doc: "End when no answer has come for this long since the last one.",
        set: Set::Millis(1, |o, v| o.stall = Some(v)),
    },
    Row {
        key: "sentinel",
        default: "false",
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

fn overflow(position: usize) -> Overflow {
    match position {
        0 => Overflow::DropNewest,
        1 => Overflow::DropOldest,
        _ => Overflow::Error,
    }
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
