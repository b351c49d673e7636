//! The operations table: the control plane, one row per operation. `cargo xtask gen` writes the C
//! functions (blocking and asynchronous) and the reference page from it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use nats_core::jetstream::JetStream;
use nats_core::{Code, Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connection::Connection;
use crate::doc::Doc;

mod account;
mod backup;
mod cluster;
mod connection;
mod consumer;
mod group;
mod counter;
mod direct;
mod kv_bucket;
mod object;
mod object_store;
mod schedule;
mod service;
mod stream;

pub use account::ACCOUNT_INFO;
pub use backup::*;
pub use cluster::*;
pub use connection::*;
pub use consumer::*;
pub use counter::*;
pub use direct::*;
pub use group::*;
pub use kv_bucket::*;
pub use object::*;
pub use object_store::*;
pub use schedule::*;
pub use service::*;
pub use stream::*;

/// One operation.
pub struct Op {
    /// The name behind `nats_`, noun first.
    pub name: &'static str,
    /// The document it takes, as text for the reference; `None` when it takes none.
    pub input: Option<&'static str>,
    /// The document it yields.
    pub output: &'static str,
    /// The names of codes that it may fail with besides `INVALID_HANDLE` and `FORKED`.
    pub errors: &'static [&'static str],
    /// What it does, in sentences.
    pub doc: &'static str,
    /// Does it.
    pub run: Run,
}

/// What an operation works on.
#[derive(Clone, Copy)]
pub enum Run {
    /// A connection.
    Connection(fn(Arc<Connection>, Doc) -> Running),
    /// The JetStream of an account.
    JetStream(fn(JetStream, Doc) -> Running),
}

/// An operation under way.
pub type Running = Pin<Box<dyn Future<Output = Result<Doc>> + Send>>;

/// Every operation.
pub const ALL: &[&Op] = &[
    &CONNECTION_SERVER_INFO,
    &CONNECTION_SERVERS,
    &CONNECTION_SET_SERVERS,
    &CONNECTION_STATS_DOC,
    &SERVICES_PING,
    &SERVICES_INFO,
    &SERVICES_STATS,
    &ACCOUNT_INFO,
    &STREAM_CREATE,
    &STREAM_UPDATE,
    &STREAM_CREATE_OR_UPDATE,
    &STREAM_INFO,
    &STREAM_NAMES,
    &STREAM_LIST,
    &STREAM_BY_SUBJECT,
    &STREAM_PURGE,
    &STREAM_DELETE,
    &STREAM_GET_MESSAGE,
    &STREAM_DELETE_MESSAGE,
    &CONSUMER_CREATE,
    &CONSUMER_UPDATE,
    &CONSUMER_CREATE_OR_UPDATE,
    &CONSUMER_INFO,
    &CONSUMER_NAMES,
    &CONSUMER_LIST,
    &CONSUMER_PAUSE,
    &CONSUMER_RESUME,
    &CONSUMER_RESET,
    &CONSUMER_UNPIN,
    &CONSUMER_DELETE,
    &GROUP_CREATE,
    &GROUP_INFO,
    &GROUP_NAMES,
    &GROUP_MEMBERS,
    &GROUP_STEP_DOWN,
    &GROUP_DELETE,
    &STREAM_GET_BATCH,
    &STREAM_BACKUP,
    &STREAM_RESTORE,
    &STREAM_LEADER_STEPDOWN,
    &STREAM_PEER_REMOVE,
    &STREAM_PEER_EVACUATE,
    &STREAM_CANCEL_MOVE,
    &CONSUMER_LEADER_STEPDOWN,
    &CONSUMER_PEER_EVACUATE,
    &COUNTER_ADD,
    &COUNTER_GET,
    &COUNTER_GET_MANY,
    &SCHEDULE_CREATE,
    &SCHEDULE_CANCEL,
    &META_LEADER_STEPDOWN,
    &META_RESCUE,
    &SERVER_REMOVE,
    &SERVER_EVACUATE,
    &ACCOUNT_PURGE,
    &ACCOUNT_STREAM_MOVE,
    &ACCOUNT_STREAM_CANCEL_MOVE,
    &KV_BUCKET_CREATE,
    &KV_BUCKET_UPDATE,
    &KV_BUCKET_CREATE_OR_UPDATE,
    &KV_BUCKET_STATUS,
    &KV_BUCKET_NAMES,
    &KV_BUCKET_LIST,
    &KV_BUCKET_DELETE,
    &KV_BUCKET_PURGE_DELETES,
    &OBJECT_STORE_CREATE,
    &OBJECT_STORE_UPDATE,
    &OBJECT_STORE_CREATE_OR_UPDATE,
    &OBJECT_STORE_STATUS,
    &OBJECT_STORE_NAMES,
    &OBJECT_STORE_LIST,
    &OBJECT_STORE_SEAL,
    &OBJECT_STORE_DELETE,
    &OBJECT_INFO,
    &OBJECT_LIST,
    &OBJECT_UPDATE_META,
    &OBJECT_ADD_LINK,
    &OBJECT_ADD_BUCKET_LINK,
    &OBJECT_DELETE,
];

/// The document as a type of the core.
///
/// # Errors
/// [`Code::InvalidJson`] with the path of what is wrong.
pub(crate) fn read<T: DeserializeOwned>(document: Doc) -> Result<T> {
    serde_path_to_error::deserialize(document.value().clone()).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { String::new() } else { format!("{path}: ") };
        Error::new(Code::InvalidJson, format!("{place}{}", error.inner()))
    })
}

/// A type of the core as a document.
///
/// # Errors
/// [`Code::Internal`]: it cannot be one.
pub fn write(value: &impl Serialize) -> Result<Doc> {
    serde_json::to_value(value)
        .map(Doc::from)
        .map_err(|error| Error::new(Code::Internal, error.to_string()))
}

/// Errors of every request to the JetStream API.
macro_rules! api_errors {
    ($($more:literal),*) => {
        &[
            "INVALID_JSON",
            $($more,)*
            "JETSTREAM",
            "JETSTREAM_NOT_ENABLED",
            "TIMEOUT",
            "PERMISSION",
            "CONNECTION_LOST",
            "CONNECTION_CLOSED",
            "PROTOCOL",
        ]
    };
}
use api_errors;
