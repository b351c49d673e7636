//! The behaviours of tests/conformance/behaviours.toml in Rust: one test for each id, named after
//! it. `process-03`, `process-04` and `object-31` measure the whole process and stand alone in
//! resources.rs and object_memory.rs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod arguments;
mod connect;
mod drain;
mod events;
mod headers;
mod js;
mod js_backup;
mod js_batch;
mod js_cluster;
mod js_config;
mod js_consume;
mod js_consume_ack;
mod js_consume_fetch;
mod js_consume_group;
mod js_consume_ordered;
mod js_consume_push;
mod js_consumers;
mod js_publish;
mod js_publisher;
mod js_stored;
mod js_streams;
mod js_answers;
mod js_fault;
mod js_gone;
mod keys;
mod kv;
mod kv_cache;
mod kv_codec;
mod kv_store;
mod kv_watch;
mod limits;
mod object_fault;
mod object_known;
mod object_link;
mod object_outage;
mod object_put;
mod object_read;
mod object_store;
mod object_watch;
mod process;
mod pubsub;
mod reconnect;
mod request;
mod service;
mod service_discover;
mod service_end;
mod service_endpoints;
mod service_faults;
mod service_requests;
mod service_stats;
mod wire;

#[path = "../support/mod.rs"]
mod support;
