//! Publishing.

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::sync::Arc;

use nats_bridge::connection::Connection;
use nats_bridge::fork::Held;
use nats_bridge::wait;
use nats_core::{Client, Code, Publish, Result};

use crate::connection::nats_connection;
use crate::error::nats_error;
use crate::guard::guard;
use crate::handle::{self, Pulse};
use crate::headers::{nats_headers, with_headers};
use crate::types::{nats_bytes, nats_status, nats_str};

/// Publishes a message. It is accepted into the connection's outbound buffer, from which it is
/// sent in order, after a reconnect too; use nats_connection_flush() to know that the server has
/// it. When the buffer is full the option "outbound_policy" decides: wait for room for at most
/// "publish_timeout_ms" (the default), fail at once, or drop the oldest messages.
///
/// `subject`: no wildcards, spaces or empty tokens (ADR-6). `payload`: copied; may be empty.
///
/// Errors: `INVALID_SUBJECT`; `MAX_PAYLOAD` when the message is larger than the server allows;
/// `OUTBOUND_FULL` or `TIMEOUT` when there is no room; `CONNECTION_DRAINING`; `CONNECTION_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_publish(
    nc: *mut nats_connection,
    subject: nats_str,
    payload: nats_bytes,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let subject = subject.text("subject", Code::InvalidSubject)?;
        publish(nc, &Publish::new(subject, payload.bytes("payload")?))
    })
}

/// Publishes a message with a reply subject and headers.
///
/// `reply`: empty for none; the same rules as for `subject`. `headers`: may be NULL; not consumed.
/// Header block and payload together count toward the server's max_payload.
///
/// Message tracing (ADR-41) is asked for by headers: "Nats-Trace-Dest", a subject, has each server
/// on the way publish there what it does with the message; "Nats-Trace-Only" with "true" besides
/// has it not delivered. A "traceparent" of a trace that is sampled does the same where the account
/// has a destination. nats_options_on_inject() adds such headers to all messages of a connection.
///
/// Errors: those of nats_publish(), and `HEADERS_UNSUPPORTED` when the server has no headers
/// (servers before 2.2).
#[unsafe(no_mangle)]
pub extern "C" fn nats_publish_msg(
    nc: *mut nats_connection,
    subject: nats_str,
    reply: nats_str,
    headers: *const nats_headers,
    payload: nats_bytes,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let subject = subject.text("subject", Code::InvalidSubject)?;
        let reply = reply.optional("reply", Code::InvalidSubject)?;
        let payload = payload.bytes("payload")?;
        with_headers(headers, |headers| {
            publish(nc, &Publish { reply, headers, ..Publish::new(subject, payload) })
        })
    })
}

/// What a thread published over last. It holds the client, so that the next publish over the same
/// connection counts no reference: one look at the handle tells that it still stands for it.
struct Last {
    pulse: Pulse,
    client: Held<Client>,
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

fn publish(nc: *mut nats_connection, publish: &Publish<'_>) -> Result<()> {
    let again = LAST.try_with(|last| {
        let last = last.borrow();
        let last = last.as_ref().filter(|last| last.pulse.beats_for(nc))?;
        Some(last.client.get().and_then(|client| client.try_publish(publish)))
    });
    match again {
        Ok(Some(Err(full))) if full.code() == Code::OutboundFull => {}
        Ok(Some(result)) => return result,
        // Another connection than before, or the thread is ending.
        _ => remember(nc)?,
    }
    let connection = handle::get::<Arc<Connection>>(nc)?;
    // Before the wait, within which the program could not call what blocks.
    let injected = connection.client().injected(publish.headers);
    let publish = Publish { headers: injected.as_ref().or(publish.headers), ..*publish };
    wait::block_on(connection.client().publish_with(&publish))?
}

#[cold]
fn remember(nc: *mut nats_connection) -> Result<()> {
    let pulse = Pulse::of::<Arc<Connection>>(nc)?;
    let client = handle::get::<Arc<Connection>>(nc)?.client().clone();
    let next = Last { pulse, client: Held::new(client) };
    // The last reference to a client closes its connection: not while the place is borrowed.
    let before = LAST.try_with(|last| last.replace(Some(next)));
    drop(before);
    Ok(())
}
