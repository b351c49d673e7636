//! Keys with values, kept by streams (ADR-8).

pub(crate) mod bucket;
pub(crate) mod cache;
pub(crate) mod codec;
pub(crate) mod config;
pub(crate) mod entry;
pub(crate) mod get;
pub(crate) mod keys;
pub(crate) mod name;
pub(crate) mod store;
pub(crate) mod time;
pub(crate) mod watch;

pub use bucket::{KeyValue, KvStatus};
pub use cache::KvCache;
pub use codec::{Base64Codec, Chain, KeyCodec, PathCodec, ValueCodec};
pub use config::KvConfig;
pub use entry::{KvEntry, KvOperation, KvRef};
pub use keys::KvKeys;
pub use store::{KvOptions, KvPublish};
pub use watch::{KvUpdate, KvWatchOptions, KvWatcher};
