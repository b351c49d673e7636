//! The C API. Every exported function is declared in `include/nats_ffi.h`, which is generated from
//! the signatures and comments in these files; one file holds one noun.
//!
//! Exported functions are safe to call from Rust because the only ways to make a `nats_str`, a
//! `nats_bytes` or a message pointer are `unsafe` and state what the pointer must be; handles are
//! numbers that are looked up and never dereferenced.
#![allow(non_camel_case_types)]

mod types;
mod user;
mod guard;
mod handle;
mod library;
mod error;
mod fetched;
mod doc;
mod text;
mod nkey;
mod jwt;
mod creds;
mod options;
mod event;
mod log;
mod question;
mod headers;
mod inject;
mod message;
mod queue;
mod connection;
mod jetstream;
mod consume;
mod batch;
mod kv;
mod kv_codec;
mod kv_get;
mod kv_watch;
mod object;
mod object_stream;
mod ops;
mod ops_gen;
mod publish;
mod publisher;
mod request;
mod service;
mod stored;
mod subscription;

pub use batch::*;
pub use connection::*;
pub use consume::*;
pub use creds::*;
pub use doc::*;
pub use error::*;
pub use event::*;
pub use fetched::*;
pub use headers::*;
pub use inject::*;
pub use jetstream::*;
pub use jwt::*;
pub use kv::*;
pub use kv_codec::*;
pub use kv_get::*;
pub use kv_watch::*;
pub use library::*;
pub use log::*;
pub use message::*;
pub use nkey::*;
pub use object::*;
pub use object_stream::*;
pub use ops_gen::*;
pub use options::*;
pub use publish::*;
pub use publisher::*;
pub use question::*;
pub use queue::*;
pub use request::*;
pub use service::*;
pub use stored::*;
pub use subscription::*;
pub use text::*;
pub use types::*;
