//! One logical connection: servers, sockets, and everything that survives a change of socket.

pub(crate) mod backoff;
pub(crate) mod bell;
pub(crate) mod dial;
pub(crate) mod driver;
pub(crate) mod event;
pub(crate) mod inbound;
pub(crate) mod lead;
pub(crate) mod link;
pub(crate) mod login;
pub(crate) mod mailbox;
pub(crate) mod nuid;
pub(crate) mod options;
pub(crate) mod pump;
pub(crate) mod registry;
pub(crate) mod requests;
mod rest;
pub(crate) mod secret;
pub(crate) mod server_addr;
pub(crate) mod servers;
pub(crate) mod shared;
pub(crate) mod sids;
mod socket;
pub(crate) mod stream;
pub(crate) mod supervise;
pub(crate) mod tls;
pub(crate) mod wakes;
