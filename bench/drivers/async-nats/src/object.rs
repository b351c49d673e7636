//! Objects by async-nats.

use async_nats::jetstream::object_store::ObjectStore;
use nats_bench_driver::{Content, Failure, OBJECT, Objects, Result};
use tokio::io::AsyncReadExt;

pub(crate) struct Store(pub(crate) ObjectStore);

impl Objects for Store {
    async fn put(&self, mut content: Content) -> Result<()> {
        let put = self.0.put(OBJECT, &mut content).await;
        put.map(drop).map_err(|error| Failure::of("put", error))
    }

    async fn get(&self) -> Result<usize> {
        let mut object =
            self.0.get(OBJECT).await.map_err(|error| Failure::of("get", error))?;
        let (mut buffer, mut size) = (vec![0; 128 << 10], 0);
        loop {
            match object.read(&mut buffer).await.map_err(|error| Failure::of("read", error))? {
                0 => return Ok(size),
                read => size += read,
            }
        }
    }
}
