//! Services: requests answered under a name, with statistics, found by whoever asks (ADR-32).
//!
//! ```no_run
//! # async fn example(client: nats_core::Client) -> nats_core::Result<()> {
//! use nats_core::service::{EndpointConfig, ServiceConfig};
//!
//! let service = client.add_service(&ServiceConfig::new("echo", "1.0.0"))?;
//! let endpoint = service.endpoint("say", &EndpointConfig::default())?;
//! while let Some(mut request) = endpoint.next().await {
//!     let payload = request.message().payload_bytes();
//!     request.respond(payload).await?;
//! }
//! service.stop().await
//! # }
//! ```

pub(crate) mod config;
pub(crate) mod counts;
pub(crate) mod discover;
pub(crate) mod document;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod group;
pub(crate) mod handle;
pub(crate) mod instance;
pub(crate) mod monitor;
pub(crate) mod name;
pub(crate) mod request;
pub(crate) mod time;

pub use config::{EndpointConfig, Queue, ServiceConfig, StatsData};
pub use discover::{Answers, DiscoverOptions, ServiceClient};
pub use document::{
    EndpointInfo, EndpointStats, ServiceIdentity, ServiceInfo, ServicePing, ServiceStats,
};
pub use endpoint::Endpoint;
pub use error::ServiceError;
pub use group::Group;
pub use handle::Service;
pub use request::Request;
