//! What users hold: the client, its subscriptions and messages.

pub(crate) mod connect;
pub(crate) mod drain;
pub(crate) mod handle;
pub(crate) mod many;
pub(crate) mod message;
pub(crate) mod publish;
pub(crate) mod request;
pub(crate) mod subscription;
