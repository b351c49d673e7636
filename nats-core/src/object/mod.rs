//! Objects of any size, kept by streams in chunks and checked by their digest (ADR-20).

pub(crate) mod change;
pub(crate) mod chunks;
pub(crate) mod config;
pub(crate) mod digest;
pub(crate) mod file;
pub(crate) mod get;
pub(crate) mod info;
pub(crate) mod link;
pub(crate) mod name;
pub(crate) mod put;
pub(crate) mod reader;
pub(crate) mod record;
pub(crate) mod remains;
pub(crate) mod store;
pub(crate) mod time;
pub(crate) mod watch;
pub(crate) mod writer;

pub use config::ObjectStoreConfig;
pub use get::GetOptions;
pub use info::{ObjectInfo, ObjectLink, ObjectMeta, ObjectOptions};
pub use put::PutOptions;
pub use reader::ObjectReader;
pub use store::{ObjectStore, ObjectStoreStatus};
pub use watch::{ObjectUpdate, ObjectWatchOptions, ObjectWatcher};
pub use writer::ObjectWriter;
