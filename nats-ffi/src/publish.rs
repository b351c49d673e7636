//! Publishing.

use std::mem::MaybeUninit;
use std::sync::Arc;

use nats_bridge::connection::Connection;
use nats_core::{Code, Publish};

use crate::connection::nats_connection;
use crate::error::nats_error;
use crate::guard::guard;
use crate::handle;
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
        let connection = handle::get::<Arc<Connection>>(nc)?;
        let subject = subject.text("subject", Code::InvalidSubject)?;
        connection.publish(&Publish::new(subject, payload.bytes("payload")?))
    })
}

/// Publishes a message with a reply subject and headers.
///
/// `reply`: empty for none; the same rules as for `subject`. `headers`: may be NULL; not consumed.
/// Header block and payload together count toward the server's max_payload.
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
        let connection = handle::get::<Arc<Connection>>(nc)?;
        let subject = subject.text("subject", Code::InvalidSubject)?;
        let reply = reply.optional("reply", Code::InvalidSubject)?;
        let payload = payload.bytes("payload")?;
        with_headers(headers, |headers| {
            connection.publish(&Publish { subject, reply, headers, payload })
        })
    })
}
