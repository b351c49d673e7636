//! The benchmark of NATS clients: a floor program that costs next to nothing, a raw client that is
//! the limit of the machine, and the runner that measures every client's driver against them.

pub mod results;
