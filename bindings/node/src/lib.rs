//! The native addon of the npm package `nats-ffi`: the bridge as JavaScript objects.
//!
//! Internal to the package: the scripts in `lib/` call it with arguments whose types they have
//! checked. Everything asynchronous arrives on the environment's one [`queue::Queue`]; messages
//! cross in [`packet::Packet`]s, never one by one.

pub mod argument;
pub mod batch;
pub mod block;
pub mod connection;
pub mod entries;
pub mod error;
pub mod header;
pub mod jetstream;
pub mod jwt;
pub mod kv;
pub mod nkey;
pub mod object;
pub mod option;
pub mod outbox;
pub mod packet;
pub mod queue;
pub mod service;
pub mod subscription;
