//! JetStream: streams, consumers, publishing with acknowledgement, and taking messages.
//!
//! ```no_run
//! # async fn example(client: nats_core::Client) -> nats_core::Result<()> {
//! use nats_core::jetstream::{ConsumerConfig, FetchOptions, StreamConfig};
//!
//! let js = client.jetstream();
//! let subjects = vec!["orders.>".to_owned()];
//! js.create_stream(&StreamConfig { name: "ORDERS".into(), subjects, ..Default::default() }).await?;
//! js.publish("orders.1", "two of them").await?;
//! let config = ConsumerConfig { durable_name: "worker".into(), ..Default::default() };
//! let consumer = js.create_consumer("ORDERS", &config).await?;
//! let mut messages = js.pull("ORDERS", &consumer.name)?.fetch(&FetchOptions::default())?;
//! while let Some(message) = messages.next().await? {
//!     message.ack().await?;
//! }
//! # Ok(())
//! # }
//! ```

pub(crate) mod account;
pub(crate) mod ack;
pub(crate) mod advisory;
pub(crate) mod api;
pub(crate) mod atomic_batch;
pub(crate) mod backup;
pub(crate) mod config;
pub(crate) mod consume;
pub(crate) mod consumer;
pub(crate) mod consumption;
pub(crate) mod context;
pub(crate) mod counter;
pub(crate) mod demand;
pub(crate) mod direct;
pub(crate) mod err_code;
pub(crate) mod fast_batch;
pub(crate) mod group;
pub(crate) mod inbox;
pub(crate) mod level;
pub(crate) mod metadata;
pub(crate) mod name;
pub(crate) mod ordered;
pub(crate) mod ordering;
pub(crate) mod page;
pub(crate) mod partition;
pub(crate) mod peers;
pub(crate) mod pub_ack;
pub(crate) mod publish;
pub(crate) mod publisher;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod pushing;
pub(crate) mod restore;
pub(crate) mod s2;
pub(crate) mod schedule;
pub(crate) mod sequence;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod stored;
pub(crate) mod stream;
pub(crate) mod system;
pub(crate) mod watch;
pub(crate) mod window;

pub use account::{AccountInfo, AccountLimits, ApiStats, Tier};
pub use ack::{AckKind, JsMessage};
pub use atomic_batch::{AtomicBatch, AtomicBatchOptions};

pub use advisory::{
    Advisories, Advisory, AdvisoryEvent, OfBatch, OfConsumer, OfMessage, OfRequest, OfServer,
    OfSnapshot, OfStream,
};
pub use backup::Backup;
pub use config::cluster::{
    ClusterInfo, DesiredCluster, DesiredOrigin, DesiredPeer, DesiredStatus, PeerInfo,
};
pub use config::consumer::{
    AckPolicy, ConsumerConfig, DeliverPolicy, PriorityPolicy, ReplayPolicy,
};
pub use config::source::{External, SourceConsumer, SourceInfo, StreamSource, SubjectTransform};
pub use config::stream::{
    Compression, ConsumerLimits, Discard, PersistMode, Placement, Republish, Retention, Storage,
    StreamConfig,
};
pub use consume::{ConsumeEvent, ConsumeEvents, ConsumeOptions, Messages, Stopper};
pub use consumer::{ConsumerInfo, PauseState, PriorityGroupState, SequencePair};
pub use context::{ApiTrace, JetStream, JetStreamOptions};
pub use counter::{Count, Counts, Increment};
pub use direct::{DirectBatch, DirectBatchOptions};
pub use err_code::{ERR_CODES, err_code_name};
pub use fast_batch::{FastBatch, FastBatchEvent, FastBatchOptions};
pub use group::{GroupMessage, GroupMessages};
pub use metadata::Metadata;
pub use ordered::OrderedOptions;
pub use page::Page;
pub use partition::{GroupConfig, MemberMapping};
pub use pub_ack::PubAck;
pub use publish::PublishOptions;
pub use publisher::{PendingAck, PublishFailed, Publisher, PublisherOptions};
pub use pull::{Fetch, FetchOptions, Pull};
pub use push::{Push, PushOptions};
pub use restore::Restore;
pub use schedule::Schedule;
pub use snapshot::{Progress, Snapshot, SnapshotOptions};
pub use stored::{GetMessage, StoredMessage};
pub use stream::{Alternate, InfoOptions, LostData, PurgeOptions, StreamInfo, StreamState};
pub use system::{Rescue, ServerPeer, StreamMove};
pub use window::{Outcome, Stored};
