//! All objects of a bucket.

use std::time::Duration;

use super::info::ObjectInfo;
use super::store::ObjectStore;
use super::time::rfc3339;
use crate::error::Result;
use crate::jetstream::{AckPolicy, ConsumerConfig, DeliverPolicy, FetchOptions};

/// How many are asked for at once.
const AT_ONCE: usize = 256;
/// For how long the server keeps the consumer when nobody removes it.
const INACTIVE: Duration = Duration::from_secs(30);

impl ObjectStore {
    /// What is known of all objects and links, those that were deleted among them if they are wanted;
    /// in the order in which they were changed.
    ///
    /// # Errors
    /// [`Code::BucketNotFound`](crate::Code::BucketNotFound); those of [`JetStream::create_consumer`] and
    /// [`Fetch::next`]: it is to be asked again then.
    ///
    /// [`JetStream::create_consumer`]: crate::jetstream::JetStream::create_consumer
    /// [`Fetch::next`]: crate::jetstream::Fetch::next
    pub async fn list(&self, show_deleted: bool) -> Result<Vec<ObjectInfo>> {
        let stream = &self.place.stream;
        let config = ConsumerConfig {
            filter_subject: format!("$O.{}.M.>", self.name()),
            deliver_policy: DeliverPolicy::LastPerSubject,
            ack_policy: AckPolicy::None,
            inactive_threshold: INACTIVE,
            mem_storage: true,
            num_replicas: 1,
            ..ConsumerConfig::default()
        };
        let consumer = self.found(self.js.create_consumer(stream, &config).await)?;
        let listed = match consumer.num_pending {
            0 => Ok(Vec::new()),
            _ => self.taken(&consumer.name).await,
        };
        // The server does it by itself in the end.
        let _ = self.js.delete_consumer(stream, &consumer.name).await;
        let mut all = listed?;
        all.retain(|info| show_deleted || !info.deleted);
        Ok(all)
    }

    /// What a consumer has, to its end.
    async fn taken(&self, consumer: &str) -> Result<Vec<ObjectInfo>> {
        let pull = self.js.pull(&self.place.stream, consumer)?;
        let options =
            FetchOptions { max_messages: AT_ONCE, no_wait: true, ..FetchOptions::default() };
        let mut all = Vec::new();
        loop {
            let before = all.len();
            let mut messages = pull.fetch(&options)?;
            while let Some(message) = messages.next().await? {
                let metadata = message.metadata()?;
                let time = rfc3339(metadata.timestamp_nanos);
                all.push(self.read(message.payload(), metadata.stream_sequence, time)?);
                if metadata.pending == 0 {
                    return Ok(all);
                }
            }
            // The rest was replaced meanwhile.
            if all.len() == before {
                return Ok(all);
            }
        }
    }
}
