//! The benchmark of NATS clients: a floor program that costs next to nothing, a raw client that is
//! the limit of the machine, and the runner that measures every client's driver against them.
#![forbid(unsafe_code)]

mod asker;
mod blast;
mod clients;
mod compare;
mod count;
mod driver;
mod frame;
mod link;
mod load;
mod machine;
mod matrix;
mod options;
mod progress;
mod samples;
mod service;
mod stage;
mod store;

pub mod case;
pub mod feed;
pub mod goals;
pub mod raw;
pub mod report;
pub mod results;
pub mod run;
pub mod serve;
pub mod table;
