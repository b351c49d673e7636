//! Buckets of keys by nats-core.

use nats_bench_driver::{Batch, Bucket, Failure, Result};
use nats_core::kv::{KeyValue, KvUpdate, KvWatchOptions};

use crate::Outgoing;

pub(crate) struct Keys(pub(crate) KeyValue);

impl Bucket for Keys {
    type Message = Outgoing;

    async fn put(&self, key: &str, message: &Outgoing) -> Result<()> {
        let put = self.0.put(key, &message.payload).await;
        put.map(drop).map_err(|error| Failure::of("put", error))
    }

    async fn get(&self, key: &str) -> Result<usize> {
        let entry = self.0.get(key).await;
        entry.map(|entry| entry.value.len()).map_err(|error| Failure::of("get", error))
    }

    async fn watch(&self, batch: &mut impl Batch) -> Result<usize> {
        let failed = |error| Failure::of("watch", error);
        let mut watcher = self.0.watch(&KvWatchOptions::default()).await.map_err(failed)?;
        let mut come = 0;
        while let Some(KvUpdate::Entry(entry)) = watcher.next().await.map_err(failed)? {
            batch.message(entry.value.len());
            come += 1;
        }
        Ok(come)
    }
}
