//! Test harness: everything a NATS client has to be tested against.
//!
//! - [`Server`] and [`Cluster`] run real nats-server processes on free ports in a temporary
//!   directory; they stop when the value is dropped, and also when the test process is killed.
//! - [`FakeServer`] plays a script, for faults that no real server produces.
//! - [`Tunnel`] is an HTTP or SOCKS 5 proxy.
//! - [`Proxy`] sits before any server and stalls, slows, cuts or swallows its traffic.
//!
//! The API blocks and needs no runtime, so that it serves synchronous and asynchronous tests alike.
//! All values may be shared between threads. The `nats-harness` command offers the same to tests
//! in other languages.

mod background;
mod certs;
mod cluster;
mod config;
mod error;
mod fake;
mod fake_conn;
mod find;
mod log;
mod ports;
mod process;
mod proxy;
mod proxy_conn;
mod server;
mod tunnel;

pub use certs::Certificates;
pub use cluster::Cluster;
pub use config::{Auth, Config, TlsMode, User};
pub use error::{Error, Result};
pub use fake::{DEFAULT_INFO, FakeServer, Step};
pub use find::find_server;
pub use process::Guard;
pub use proxy::{Cut, Direction, Proxy};
pub use server::Server;
pub use tunnel::{Mood, Tunnel};
