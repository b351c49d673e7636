//! The NATS protocol without I/O: no socket, no clock, no randomness, no runtime.
//!
//! Everything here is a function of its inputs, so it is tested with byte strings and a clock that
//! the test owns. Order of the modules is layer order.

pub mod block;
pub mod encode;
pub mod header_block;
pub mod headers;
pub mod info;
pub mod message;
pub mod outbox;
pub mod parse;
pub mod read_buffer;
pub mod server_error;
pub mod session;
pub mod subject;
pub mod traceparent;

pub use header_block::HeaderBlock;
pub use headers::Headers;
pub use info::ServerInfo;
