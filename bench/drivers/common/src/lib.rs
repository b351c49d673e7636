//! What the benchmark drivers of Rust clients share. A driver says how its client does things, by
//! [`Client`]; the operations are the same code for every client.
#![forbid(unsafe_code)]

mod args;
mod arrivals;
mod client;
mod failure;
mod jetstream;
mod kv;
mod latency;
mod meter;
mod object;
mod ops;
mod run;
mod service;

pub use args::{Args, KEYS, Mode, Op, STORED_WARM_UP, key, warm_up_stream};
pub use client::{Batch, Bucket, Client, Consumer, JetStream, Message, Objects, Subscription};
pub use failure::{Failure, Result};
pub use latency::Latencies;
pub use meter::{Measured, Meter};
pub use object::{Content, OBJECT, OBJECT_WARM_UP};
pub use run::{drive, run};
