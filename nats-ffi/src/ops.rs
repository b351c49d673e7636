//! Runs rows of the operations table for the generated functions.

use std::mem::MaybeUninit;
use std::sync::Arc;

use nats_bridge::connection::Connection;
use nats_bridge::doc::Doc;
use nats_bridge::ops::Op;
use nats_bridge::wait;
use nats_core::{Code, Result};

use crate::connection::nats_connection;
use crate::doc::{Document, nats_doc};
use crate::guard::{ErrorOut, guard, guard_out};
use crate::handle;
use crate::queue::{Value, nats_queue, start};
use crate::types::{nats_status, nats_str};

/// Runs `op` to its end; its answer becomes a document.
pub(crate) fn blocking(
    op: &'static Op,
    nc: *mut nats_connection,
    input: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: ErrorOut<'_>,
) -> nats_status {
    guard_out(out, err, || {
        let (connection, input) = arguments(nc, &input)?;
        handle::insert(Document::new(wait::block_on((op.run)(connection, input))??))
    })
}

/// Starts `op`; its answer arrives on `queue`.
pub(crate) fn asynchronous(
    op: &'static Op,
    nc: *mut nats_connection,
    input: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: ErrorOut<'_>,
) -> nats_status {
    guard(err, || {
        let (connection, input) = arguments(nc, &input)?;
        start(queue, token, async move { (op.run)(connection, input).await.map(Value::Doc) })
    })
}

fn arguments(nc: *mut nats_connection, input: &nats_str) -> Result<(Arc<Connection>, Doc)> {
    let connection = Arc::clone(&*handle::get::<Arc<Connection>>(nc)?);
    let input = match input.optional("input", Code::InvalidJson)? {
        Some(json) => Doc::parse(json)?,
        None => Doc::new(),
    };
    Ok((connection, input))
}
