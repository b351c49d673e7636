//! What the tests of buckets share.

pub(crate) use nats_core::jetstream::{JetStream, Storage};
pub(crate) use nats_core::kv::*;
use nats_harness::{Config, Server};

use super::support::*;

/// A server with JetStream, and a connection.
pub(crate) async fn start() -> (Server, JetStream) {
    let server = Server::start(Config::jetstream()).unwrap();
    let js = dial(&server.url()).await.jetstream();
    (server, js)
}

pub(crate) fn in_memory(bucket: &str) -> KvConfig {
    KvConfig { storage: Storage::Memory, ..KvConfig::new(bucket) }
}

/// The bucket `b`, which keeps five values of a key.
pub(crate) async fn bucket(js: &JetStream) -> KeyValue {
    js.create_key_value(&KvConfig { history: 5, ..in_memory("b") }).await.unwrap()
}

pub(crate) fn expecting(revision: u64) -> KvOptions {
    KvOptions { expected_revision: Some(revision), ..KvOptions::default() }
}

/// The next entry of a watch, in short: key, value and what was done; `-` for the mark.
pub(crate) async fn told(watcher: &mut KvWatcher) -> String {
    match within("an update", watcher.next()).await.unwrap() {
        Some(KvUpdate::Entry(entry)) => short(&entry),
        Some(KvUpdate::CaughtUp) => "-".into(),
        None => "end".into(),
    }
}

/// Key and value, or what was done to the key.
pub(crate) fn short(entry: &KvEntry) -> String {
    match entry.operation {
        KvOperation::Put => format!("{}={}", entry.key, text_of(&entry.value)),
        operation => format!("{} {operation:?}", entry.key),
    }
}

pub(crate) async fn expect(watcher: &mut KvWatcher, expected: &[&str]) {
    for expected in expected {
        assert_eq!(told(watcher).await, *expected);
    }
}

pub(crate) fn text_of(value: &[u8]) -> String {
    String::from_utf8(value.to_vec()).unwrap()
}
