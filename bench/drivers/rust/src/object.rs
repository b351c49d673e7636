//! Objects by nats-core.

use nats_bench_driver::{Content, Failure, OBJECT, Objects, Result};
use nats_core::object::{GetOptions, ObjectStore};

pub(crate) struct Store(pub(crate) ObjectStore);

impl Objects for Store {
    async fn put(&self, content: Content) -> Result<()> {
        let put = self.0.put(OBJECT, content).await;
        put.map(drop).map_err(|error| Failure::of("put", error))
    }

    async fn get(&self) -> Result<usize> {
        let failed = |error| Failure::of("get", error);
        let mut reader = self.0.get(OBJECT, &GetOptions::default()).await.map_err(failed)?;
        let mut size = 0;
        while let Some(chunk) = reader.next_chunk().await.map_err(failed)? {
            size += chunk.len();
        }
        Ok(size)
    }
}
