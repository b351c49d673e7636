//! The behaviours of tests/conformance/behaviours.toml in Rust: one test for each id, named after
//! it. `process-03` and `process-04` measure the whole process and stand alone in resources.rs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod arguments;
mod connect;
mod drain;
mod events;
mod headers;
mod js_answers;
mod js_fault;
mod js_gone;
mod keys;
mod limits;
mod process;
mod pubsub;
mod reconnect;
mod request;
mod wire;

#[path = "../support/mod.rs"]
mod support;
