//! An asynchronous NATS client, and the core of every nats-ffi binding.
//!
//! ```no_run
//! # async fn example() -> nats_core::Result<()> {
//! let client = nats_core::connect("nats://127.0.0.1:4222").await?;
//! let subscription = client.subscribe("greet.*")?;
//! client.publish("greet.joe", "hello").await?;
//! if let Some(message) = subscription.next().await {
//!     println!("{}: {:?}", message.subject(), message.payload());
//! }
//! client.drain().await
//! # }
//! ```
//!
//! [`connect`] must run inside a tokio runtime, on which the connection's one task then lives. All
//! other calls work from every thread; those with a timeout need the runtime's context when polled.
#![forbid(unsafe_code)]

pub mod auth;
pub mod error;
pub mod proto;

pub mod jetstream;
pub mod kv;
pub mod object;
pub mod service;

mod client;
mod conn;

/// Signatures and hashes.
#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as crypto;
#[cfg(not(feature = "aws-lc-rs"))]
use ring as crypto;

#[doc(hidden)]
pub mod fuzzing;

pub use client::connect::connect;
pub use client::handle::{Client, WeakClient};
pub use client::many::ManyOptions;
pub use client::message::{Batch, Message, MessageRef};
pub use client::publish::Publish;
pub use client::request::{Answer, Request};
pub use client::subscription::{SubscribeOptions, Subscription};
pub use conn::bell::Bell;
pub use conn::event::{Event, EventCallback};
pub use conn::lead::Lead;
pub use conn::login::{Authenticator, Challenge, Login};
pub use conn::mailbox::{Overflow, SubscriptionStats};
pub use conn::options::{ConnectOptions, Inject, ReconnectDelay};
pub use conn::secret::Secret;
pub use conn::servers::{Pick, PickServer, PoolServer};
pub use conn::shared::{State, Stats};
pub use conn::tls::{Identity, IdentityCallback, TlsVersion};
pub use conn::transport::{ByteStream, DialTarget, Dialer};
pub use conn::wakes::{behind_wakes, is_waking};
pub use conn::ws::{HeadersCallback, UpgradeHeaders};
pub use error::{Code, Error, Result};
pub use proto::outbox::{OutboundPolicy, Room};
pub use proto::traceparent::TraceParent;
pub use proto::{HeaderBlock, Headers, ServerInfo};
