//! Batches of messages to a stream as bindings hold them: of both kinds, for one caller at a time.

use std::mem;

use nats_core::jetstream::{
    AtomicBatch, AtomicBatchOptions, FastBatch, FastBatchEvent, FastBatchOptions, JetStream,
    PubAck, PublishOptions,
};
use nats_core::{Code, Publish, Result};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::doc::Doc;
use crate::table::{Row, Set, apply};
use crate::wait;

/// What a batch is to be.
#[derive(Debug, Default)]
pub struct BatchOptions {
    fast: bool,
    atomic: AtomicBatchOptions,
    flow: FastBatchOptions,
}

/// The options of a batch.
pub const BATCH: &[Row<BatchOptions>] = &[
    Row {
        key: "kind",
        unit: "",
        default: "atomic",
        since: "0.1",
        doc: "\"atomic\": stored together or not at all (server 2.12); \"fast\": stored as they come, \
              with one acknowledgement for many (server 2.14).",
        set: Set::Choice(&["atomic", "fast"], |o, v| o.fast = v == 1),
    },
    Row {
        key: "ack_every",
        unit: "messages",
        default: "0",
        since: "0.1",
        doc: "Of an atomic batch: ask after so many messages whether the server has got them; 0 for \
              only at the first and the last one.",
        set: Set::Integer(0, u64::MAX, |o, v| o.atomic.ack_every = v),
    },
    Row {
        key: "flow",
        unit: "messages",
        default: "100",
        since: "0.1",
        doc: "Of a fast batch: the server acknowledges after so many messages, or more often.",
        set: Set::Integer(1, 65535, |o, v| o.flow.flow = v as u16),
    },
    Row {
        key: "outstanding_acks",
        unit: "acknowledgements",
        default: "2",
        since: "0.1",
        doc: "Of a fast batch: so many may be missing before adding a message waits.",
        set: Set::Integer(1, 65535, |o, v| o.flow.outstanding_acks = v as u16),
    },
    Row {
        key: "gaps",
        unit: "",
        default: "false",
        since: "0.1",
        doc: "Of a fast batch: go on when messages were lost or refused on the way.",
        set: Set::Bool(|o, v| o.flow.gaps = v),
    },
    Row {
        key: "timeout_ms",
        unit: "ms",
        default: "the JetStream's",
        since: "0.1",
        doc: "How long to wait for the server's word.",
        set: Set::Millis(1, |o, v| (o.atomic.timeout, o.flow.timeout) = (Some(v), Some(v))),
    },
];

/// A batch. One call at a time; others wait for it, those first that came first.
pub struct Batch {
    js: JetStream,
    kind: Mutex<Kind>,
}

enum Kind {
    Atomic(AtomicBatch),
    Fast(Box<FastBatch>),
    Over,
}

impl Batch {
    /// A batch with options from a JSON object.
    ///
    /// # Errors
    /// Those of [`apply`], [`JetStream::atomic_batch`] and [`JetStream::fast_batch`].
    pub fn new(js: &JetStream, options: &str) -> Result<Batch> {
        let mut wanted = BatchOptions::default();
        apply(BATCH, &mut wanted, options)?;
        let kind = if wanted.fast {
            Kind::Fast(Box::new(js.fast_batch(&wanted.flow)?))
        } else {
            Kind::Atomic(js.atomic_batch(&wanted.atomic)?)
        };
        Ok(Batch { js: js.clone(), kind: Mutex::new(kind) })
    }

    /// Adds a message. Given up while the server is asked, it ends the batch: nobody knows whether the
    /// server has got the message.
    ///
    /// # Errors
    /// Those of [`AtomicBatch::add`] and [`FastBatch::add`]; [`Code::BatchOver`].
    pub async fn add(&self, publish: &Publish<'_>, options: &PublishOptions) -> Result<()> {
        let mut place = self.kind.lock().await;
        let mut kind = mem::replace(&mut *place, Kind::Over);
        let added = match &mut kind {
            Kind::Atomic(batch) => batch.add(publish, options).await,
            Kind::Fast(batch) => batch.add(publish, options).await.map(drop),
            Kind::Over => Err(Code::BatchOver.into()),
        };
        *place = kind;
        added
    }

    /// Adds the last message and ends the batch; without one it ends with what was added.
    ///
    /// # Errors
    /// Those of [`AtomicBatch::commit`] and its kin; [`Code::BatchOver`].
    pub async fn commit(&self, last: Option<(&Publish<'_>, &PublishOptions)>) -> Result<PubAck> {
        let kind = mem::replace(&mut *self.kind.lock().await, Kind::Over);
        match (kind, last) {
            (Kind::Atomic(batch), Some((publish, options))) => batch.commit(publish, options).await,
            (Kind::Atomic(batch), None) => batch.close().await,
            (Kind::Fast(batch), Some((publish, options))) => batch.commit(publish, options).await,
            (Kind::Fast(batch), None) => batch.close().await,
            (Kind::Over, _) => Err(Code::BatchOver.into()),
        }
    }

    /// How far it is: `added`; of a fast batch `acknowledged` and `events`, which are told once.
    pub async fn state(&self) -> Doc {
        match &mut *self.kind.lock().await {
            Kind::Atomic(batch) => json!({"kind": "atomic", "added": batch.len()}),
            Kind::Fast(batch) => {
                let events: Vec<Value> = batch.take_events().iter().map(event).collect();
                let (added, acknowledged) = (batch.len(), batch.acknowledged());
                json!({
                    "kind": "fast", "added": added, "acknowledged": acknowledged, "events": events,
                })
            }
            Kind::Over => json!({"kind": "over"}),
        }
        .into()
    }

    /// [`Batch::add`] for a thread that may wait.
    ///
    /// # Errors
    /// As [`Batch::add`]; those of [`wait::read_for`].
    pub fn add_blocking(&self, publish: &Publish<'_>, options: &PublishOptions) -> Result<()> {
        wait::read_for(self.js.client(), self.add(publish, options))?
    }

    /// [`Batch::commit`] for a thread that may wait.
    ///
    /// # Errors
    /// As [`Batch::commit`]; those of [`wait::read_for`].
    pub fn commit_blocking(&self, last: Option<(&Publish<'_>, &PublishOptions)>) -> Result<PubAck> {
        wait::read_for(self.js.client(), self.commit(last))?
    }

    /// [`Batch::state`] for a thread that may wait.
    ///
    /// # Errors
    /// Those of [`wait::read_for`].
    pub fn state_blocking(&self) -> Result<Doc> {
        wait::read_for(self.js.client(), self.state())
    }
}

fn event(event: &FastBatchEvent) -> Value {
    match event {
        FastBatchEvent::Gap { expected, got } => {
            json!({"event": "gap", "expected": expected, "got": got})
        }
        FastBatchEvent::Refused { sequence, error } => {
            let (code, text) = (error.code(), error.text());
            json!({
                "event": "refused", "sequence": sequence,
                "code": code.number(), "name": code.name(), "error": text,
            })
        }
        _ => json!({"event": "other"}),
    }
}
