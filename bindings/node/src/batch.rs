//! Batches of messages to a stream.

use std::sync::Arc;

use napi_derive::napi;
use nats_bridge::{batch, jetstream as options, ops};
use nats_core::jetstream::{PubAck, PublishOptions};
use nats_core::{Headers, Publish};

use crate::argument::{Pairs, Payload, Text, headers};
use crate::connection::Connection;
use crate::error::{Result, raise};
use crate::jetstream::JetStream;
use crate::queue::{Operation, Value, start};

/// Messages that a stream stores as one, or as they come.
#[napi]
pub struct Batch(Arc<batch::Batch>);

/// A message that outlives the call that adds it.
struct Kept {
    subject: String,
    headers: Option<Headers>,
    payload: Vec<u8>,
    options: PublishOptions,
}

impl Kept {
    fn new(
        subject: &Text,
        payload: &Payload,
        pairs: Option<Pairs>,
        options: Option<String>,
    ) -> Result<Kept> {
        let options = options.map(|json| options::publish_options(&json)).transpose();
        Ok(Kept {
            subject: subject.as_str()?.to_owned(),
            headers: headers(pairs)?,
            payload: payload.bytes().to_vec(),
            options: options.map_err(raise)?.unwrap_or_default(),
        })
    }

    fn publish(&self) -> Publish<'_> {
        let publish = Publish::new(&self.subject, &self.payload);
        Publish { headers: self.headers.as_ref(), ..publish }
    }
}

#[napi]
impl JetStream {
    /// A batch.
    ///
    /// # Errors
    /// UNSUPPORTED, INVALID_OPTION, and those of `Client::subscribe`.
    #[napi(catch_unwind)]
    pub fn batch(&self, options: String) -> Result<Batch> {
        batch::Batch::new(self.core(), &options).map(|batch| Batch(Arc::new(batch))).map_err(raise)
    }
}

#[napi]
impl Connection {
    /// Adds a message to a batch.
    ///
    /// # Errors
    /// INVALID_OPTION, INVALID_HEADER; all others may come with the completion, too.
    #[napi(catch_unwind)]
    pub fn batch_add(
        &self,
        token: f64,
        batch: &Batch,
        subject: Text,
        payload: Payload,
        pairs: Option<Pairs>,
        options: Option<String>,
    ) -> Result<Operation> {
        self.cross();
        let (batch, kept) = (Arc::clone(&batch.0), Kept::new(&subject, &payload, pairs, options)?);
        start(&self.queue, token, async move {
            batch.add(&kept.publish(), &kept.options).await.map(|()| Value::Nothing)
        })
    }

    /// Adds the last message to a batch; completes with the acknowledgement as JSON.
    ///
    /// # Errors
    /// As [`Connection::batch_add`].
    #[napi(catch_unwind)]
    pub fn batch_commit(
        &self,
        token: f64,
        batch: &Batch,
        subject: Text,
        payload: Payload,
        pairs: Option<Pairs>,
        options: Option<String>,
    ) -> Result<Operation> {
        self.cross();
        let (batch, kept) = (Arc::clone(&batch.0), Kept::new(&subject, &payload, pairs, options)?);
        start(&self.queue, token, async move {
            told(&batch.commit(Some((&kept.publish(), &kept.options))).await?)
        })
    }

    /// Ends a batch with what was added; completes with the acknowledgement as JSON.
    ///
    /// # Errors
    /// All may come with the completion, too.
    #[napi(catch_unwind)]
    pub fn batch_close(&self, token: f64, batch: &Batch) -> Result<Operation> {
        self.cross();
        let batch = Arc::clone(&batch.0);
        start(&self.queue, token, async move { told(&batch.commit(None).await?) })
    }

    /// How far a batch is; completes with a document as JSON.
    ///
    /// # Errors
    /// None today.
    #[napi(catch_unwind)]
    pub fn batch_state(&self, token: f64, batch: &Batch) -> Result<Operation> {
        let batch = Arc::clone(&batch.0);
        start(&self.queue, token, async move { Ok(Value::Text(batch.state().await.to_json())) })
    }
}

fn told(ack: &PubAck) -> nats_core::Result<Value> {
    Ok(Value::Text(ops::write(ack)?.to_json()))
}
