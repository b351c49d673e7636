//! The safe half of every binding: what C, Python, Node and others need around `nats-core`.
//!
//! Nothing in here knows a foreign language. A binding supplies closures and takes events from a
//! [`queue::Queue`]; threads, waiting, ordering, documents and option checking are done here once.
//! Modules stand in layer order.
#![forbid(unsafe_code)]

pub mod sync;
pub mod fork;
pub mod runtime;
pub mod wait;
pub mod doc;
pub mod table;
pub mod options;
pub mod nkey;
pub mod claims;
pub mod event;
pub mod running;
pub mod queue;
mod driven;
mod ask;
pub mod store;
pub mod pool;
pub mod delivery;
pub mod question;
pub mod log;
pub mod connection;
mod watch;
pub mod handling;
pub mod subscription;
pub mod jetstream;
pub mod trace;
pub mod publisher;
pub mod batch;
pub mod kv;
pub mod service;
pub mod discover;
pub mod ops;
pub mod object;
