//! What the tests of objects share: a server with the bucket `b` in memory.

use nats_core::jetstream::{JetStream, Storage};
use nats_core::object::{GetOptions, ObjectInfo, ObjectMeta, ObjectStore, ObjectStoreConfig};
use nats_harness::{Config, Server};

use super::{dial, within};

/// A server with JetStream, and a connection.
pub(crate) async fn start_empty() -> (Server, JetStream) {
    let server = Server::start(Config::jetstream()).unwrap();
    let js = dial(&server.url()).await.jetstream();
    (server, js)
}

/// A server, and the bucket.
pub(crate) async fn start() -> (Server, JetStream, ObjectStore) {
    let (server, js) = start_empty().await;
    let store = js.create_object_store(&in_memory("b")).await.unwrap();
    (server, js, store)
}

pub(crate) fn in_memory(bucket: &str) -> ObjectStoreConfig {
    ObjectStoreConfig { storage: Storage::Memory, ..ObjectStoreConfig::new(bucket) }
}

/// An object in chunks of this size.
pub(crate) fn chunked(name: &str, chunk_size: u32) -> ObjectMeta {
    ObjectMeta { chunk_size, ..ObjectMeta::new(name) }
}

/// A part of an object.
pub(crate) fn from(offset: u64, length: Option<u64>) -> GetOptions {
    GetOptions { offset, length, ..GetOptions::default() }
}

/// Content that tells its place.
pub(crate) fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at.wrapping_mul(31) ^ (at >> 8)) as u8).collect()
}

/// How many messages the bucket's stream has.
pub(crate) async fn messages(store: &ObjectStore) -> u64 {
    within("the status", store.status()).await.unwrap().stream.state.messages
}

/// Waits until the bucket has nothing but these objects, each whole.
pub(crate) async fn settles(store: &ObjectStore, objects: &[&ObjectInfo]) {
    let expected: u64 = objects.iter().map(|info| info.chunks + 1).sum();
    within("no chunks of others", async { while messages(store).await != expected {} }).await;
    for info in objects {
        assert_eq!(store.info(&info.name).await.unwrap().nuid, info.nuid);
    }
}
