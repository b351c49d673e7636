//! Keys with values, kept by streams (ADR-8).

pub(crate) mod bucket;
pub(crate) mod config;
pub(crate) mod entry;
pub(crate) mod name;
pub(crate) mod store;
pub(crate) mod time;

pub use bucket::{KeyValue, KvStatus};
pub use config::KvConfig;
pub use entry::{KvEntry, KvOperation};
pub use store::KvOptions;
