//! The benchmark of NATS clients: a floor program that costs next to nothing, a raw client that is
//! the limit of the machine, and the runner that measures every client's driver against them.
#![forbid(unsafe_code)]

mod blast;
mod frame;
mod link;
mod service;

pub mod case;
pub mod feed;
pub mod goals;
pub mod raw;
pub mod results;
pub mod serve;
pub mod table;
