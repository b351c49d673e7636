//! Operations on connections.

use nats_core::{Code, Error};
use serde_json::json;

use super::{Op, Run, write};
use crate::doc::Doc;
use crate::question;
use crate::table::unknown;

/// The server's description of itself.
pub const CONNECTION_SERVER_INFO: Op = Op {
    name: "connection_server_info",
    input: None,
    output: "the members of the server's INFO, under the server's own names",
    errors: &[],
    doc: "What the server told of itself when the connection was made, or last since then.",
    run: Run::Connection(|connection, _| {
        Box::pin(async move { write(&*connection.client().server_info()) })
    }),
};

/// The servers of the pool.
pub const CONNECTION_SERVERS: Op = Op {
    name: "connection_servers",
    input: None,
    output: r#"{"connected": url or null, "known": [urls], "discovered": [urls], "pool": [{"url": url, "discovered": bool, "failures": n, "error": text}]}"#,
    errors: &[],
    doc: "The server that the connection uses, those that it knows, those of them that the cluster \
          told of, and of each how often and why it could not be connected to since it was last.",
    run: Run::Connection(|connection, _| {
        Box::pin(async move {
            let client = connection.client();
            Ok(Doc::from(json!({
                "connected": client.connected_url(),
                "known": client.servers(),
                "discovered": client.discovered_servers(),
                "pool": question::servers(&client.server_pool()),
            })))
        })
    }),
};

/// Other servers.
pub const CONNECTION_SET_SERVERS: Op = Op {
    name: "connection_set_servers",
    input: Some(r#"{"servers": [urls]}"#),
    output: "{}",
    errors: &["INVALID_ARGUMENT", "INVALID_JSON", "INVALID_URL"],
    doc: "Replaces the servers that the connection knows, those that the cluster told of, too. It \
          stays where it is: they count from the next reconnect on, and what the cluster tells \
          from now on is added (ADR-40).",
    run: Run::Connection(|connection, input| {
        Box::pin(async move {
            let expected = || {
                let text = "servers: expected a list of URLs";
                Error::new(Code::InvalidArgument, text)
            };
            let members = input.value().as_object().ok_or_else(expected)?;
            if let Some(name) = members.keys().find(|name| *name != "servers") {
                return Err(unknown(["servers"], name));
            }
            let urls = members.get("servers").and_then(|list| list.as_array());
            let urls: Option<Vec<&str>> =
                urls.ok_or_else(expected)?.iter().map(|url| url.as_str()).collect();
            connection.client().set_servers(urls.ok_or_else(expected)?)?;
            Ok(Doc::new())
        })
    }),
};

/// The statistics, state and subscriptions of a connection.
pub const CONNECTION_STATS_DOC: Op = Op {
    name: "connection_stats_doc",
    input: None,
    output: "{\"state\": name, \"in_messages\": n, \"in_bytes\": n, \"out_messages\": n, \
             \"out_bytes\": n, \"reconnects\": n, \"dropped_in\": n, \"dropped_out\": n, \
             \"errors\": n, \"outbound_pending\": bytes}",
    errors: &[],
    doc: "The numbers of nats_connection_stats() and the state as one document.",
    run: Run::Connection(|connection, _| {
        Box::pin(async move {
            let (client, stats) = (connection.client(), connection.client().stats());
            Ok(Doc::from(json!({
                "state": connection.state().name(),
                "in_messages": stats.in_messages,
                "in_bytes": stats.in_bytes,
                "out_messages": stats.out_messages,
                "out_bytes": stats.out_bytes,
                "reconnects": stats.reconnects,
                "dropped_in": stats.dropped_in,
                "dropped_out": stats.dropped_out,
                "errors": stats.errors,
                "outbound_pending": client.outbound_pending(),
            })))
        })
    }),
};
