//! Buckets of keys by async-nats.

use async_nats::jetstream::kv::Store;
use futures_util::StreamExt;
use nats_bench_driver::{Batch, Bucket, Failure, Result};

use crate::Outgoing;

pub(crate) struct Keys(pub(crate) Store);

impl Bucket for Keys {
    type Message = Outgoing;

    async fn put(&self, key: &str, message: &Outgoing) -> Result<()> {
        let put = self.0.put(key, message.payload.clone()).await;
        put.map(drop).map_err(|error| Failure::of("put", error))
    }

    async fn get(&self, key: &str) -> Result<usize> {
        match self.0.get(key).await {
            Ok(Some(value)) => Ok(value.len()),
            Ok(None) => Err(Failure::Failed(format!("key {key} has no value"))),
            Err(error) => Err(Failure::of("get", error)),
        }
    }

    async fn watch(&self, batch: &mut impl Batch) -> Result<usize> {
        let mut watch =
            self.0.watch_with_history(">").await.map_err(|error| Failure::of("watch", error))?;
        let mut come = 0;
        while let Some(entry) = watch.next().await {
            let entry = entry.map_err(|error| Failure::of("watch", error))?;
            batch.message(entry.value.len());
            come += 1;
            if entry.delta == 0 {
                break;
            }
        }
        Ok(come)
    }
}
