//! Runs rows of the operations table for the generated functions.

use std::mem::MaybeUninit;
use std::sync::Arc;

use nats_bridge::connection::Connection;
use nats_bridge::doc::Doc;
use nats_bridge::ops::{Op, Run, Running};
use nats_bridge::wait;
use nats_core::{Code, Error, Result};

use crate::doc::{Document, nats_doc};
use crate::guard::{ErrorOut, guard, guard_out};
use crate::handle::{self, Handle};
use crate::jetstream::Context;
use crate::queue::{Value, nats_queue, start};
use crate::types::{nats_status, nats_str};

/// What an operation works on.
pub(crate) trait Target: Handle {
    /// The operation on it, under way.
    fn begin(&self, op: &Op, input: Doc) -> Result<Running>;
}

impl Target for Arc<Connection> {
    fn begin(&self, op: &Op, input: Doc) -> Result<Running> {
        match op.run {
            Run::Connection(run) => Ok(run(Arc::clone(self), input)),
            Run::JetStream(_) => Err(Error::from(Code::Internal)),
        }
    }
}

impl Target for Context {
    fn begin(&self, op: &Op, input: Doc) -> Result<Running> {
        match op.run {
            Run::JetStream(run) => Ok(run(self.js().clone(), input)),
            Run::Connection(_) => Err(Error::from(Code::Internal)),
        }
    }
}

/// Runs `op` to its end; its answer becomes a document.
pub(crate) fn blocking<O: OpaqueOf>(
    op: &'static Op,
    target: *mut O,
    input: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: ErrorOut<'_>,
) -> nats_status {
    guard_out(out, err, || {
        let running = begin(op, target, &input)?;
        handle::insert(Document::new(wait::block_on(running)??))
    })
}

/// Starts `op`; its answer arrives on `queue`.
pub(crate) fn asynchronous<O: OpaqueOf>(
    op: &'static Op,
    target: *mut O,
    input: nats_str,
    queue: *mut nats_queue,
    token: u64,
    err: ErrorOut<'_>,
) -> nats_status {
    guard(err, || {
        let running = begin(op, target, &input)?;
        start(queue, token, async move { running.await.map(Value::Doc) })
    })
}

/// The object behind an opaque C type that operations work on.
pub(crate) trait OpaqueOf {
    /// The object.
    type Object: Target<Opaque = Self>;
}

impl OpaqueOf for crate::connection::nats_connection {
    type Object = Arc<Connection>;
}

impl OpaqueOf for crate::jetstream::nats_jetstream {
    type Object = Context;
}

fn begin<O: OpaqueOf>(op: &'static Op, target: *mut O, input: &nats_str) -> Result<Running> {
    let input = match input.optional("input", Code::InvalidJson)? {
        Some(json) => Doc::parse(json)?,
        None => Doc::new(),
    };
    handle::get::<O::Object>(target)?.begin(op, input)
}
