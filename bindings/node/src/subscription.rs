//! A subscription as the scripts hold it: its messages are taken in packets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use napi::bindgen_prelude::Either;
use napi_derive::napi;
use nats_bridge::queue::Queue;
use nats_bridge::subscription::Subscription as Link;
use nats_bridge::sync::lock;
use nats_core::kv::KeyValue;
use nats_core::object::ObjectStore;
use nats_core::{Batch, Code};

use crate::argument::duration;
use crate::entries::Entries;
use crate::error::{Result, raise};
use crate::object;
use crate::packet::Packet;
use crate::queue::{Value, start};

/// How many messages are taken from the core at once.
const BATCH: usize = 512;

/// A subscription. Its end drops what it still holds.
#[napi]
pub struct Subscription {
    link: Arc<Link>,
    core: nats_core::Subscription,
    queue: Queue<Value>,
    /// Messages that were taken and have not crossed yet.
    taken: Mutex<VecDeque<Batch>>,
    /// The bucket whose entries its messages are, or whose objects they tell of.
    bucket: Option<Bucket>,
}

/// What is watched.
enum Bucket {
    Keys(KeyValue),
    Objects(ObjectStore),
}

/// Counters of a subscription.
#[napi(object, object_from_js = false)]
pub struct SubscriptionStats {
    /// Messages that wait natively.
    pub pending: f64,
    /// Messages that have crossed.
    pub delivered: f64,
    /// Messages dropped by the pending limits.
    pub dropped: f64,
}

impl Subscription {
    pub(crate) fn new(core: nats_core::Subscription, queue: Queue<Value>) -> Subscription {
        let link = Arc::new(Link::polled(core.clone()));
        Subscription { link, core, queue, taken: Mutex::default(), bucket: None }
    }

    /// One whose messages are entries of a bucket.
    pub(crate) fn watching(
        core: nats_core::Subscription,
        queue: Queue<Value>,
        bucket: KeyValue,
    ) -> Subscription {
        Subscription { bucket: Some(Bucket::Keys(bucket)), ..Subscription::new(core, queue) }
    }

    /// One whose messages tell of the objects of a bucket.
    pub(crate) fn watching_objects(
        core: nats_core::Subscription,
        queue: Queue<Value>,
        bucket: ObjectStore,
    ) -> Subscription {
        Subscription { bucket: Some(Bucket::Objects(bucket)), ..Subscription::new(core, queue) }
    }
}

#[napi]
impl Subscription {
    /// Reports under `token` when there are messages, or the end.
    ///
    /// # Errors
    /// None today.
    #[napi(catch_unwind)]
    pub fn watch(&self, token: f64) -> Result<()> {
        self.link.watch(&self.queue, token as u64).map_err(raise)
    }

    /// The messages that are there, up to a packet; nothing when there are none. The readiness is
    /// reported again once nothing was there or the packet says that there is no more.
    ///
    /// # Errors
    /// Why no more messages will come; PROTOCOL for what is no entry of the bucket.
    #[napi(catch_unwind)]
    pub fn take(&self) -> Result<Option<Either<Packet, Entries>>> {
        let mut taken = lock(&self.taken);
        // The readiness may have been reported while messages were held back: it is not reported
        // again before the core was found empty, so there is a look after these.
        let mut more = !taken.is_empty();
        if !more {
            let mut count = 0;
            let take = |batch: Batch| {
                count += batch.len();
                taken.push_back(batch);
            };
            match self.link.take_batches(BATCH, Duration::ZERO, take) {
                Ok(()) => more = count >= BATCH,
                Err(e) if e.code() == Code::Timeout => return Ok(None),
                Err(e) => return Err(raise(e)),
            }
        }
        Ok(Some(match &self.bucket {
            Some(Bucket::Keys(kv)) => {
                Either::B(Entries::fill(kv, &mut taken, more).map_err(raise)?)
            }
            Some(Bucket::Objects(store)) => {
                let mut told = VecDeque::new();
                for batch in taken.drain(..) {
                    told.extend(object::told(store, &batch).map_err(raise)?);
                }
                Either::A(Packet::new(told.into(), more))
            }
            None => Either::A(Packet::fill(&mut taken, more)),
        }))
    }

    /// Ends at once.
    ///
    /// # Errors
    /// None today.
    #[napi(catch_unwind)]
    pub fn unsubscribe(&self) -> Result<()> {
        lock(&self.taken).clear();
        self.link.unsubscribe().map_err(raise)
    }

    /// Ends after `max` messages, counted from the beginning.
    ///
    /// # Errors
    /// Why it has ended already.
    #[napi(catch_unwind)]
    pub fn unsubscribe_after(&self, max: f64) -> Result<()> {
        self.link.unsubscribe_after(max as u64).map_err(raise)
    }

    /// Ends gently; completes when everything was taken. Without a time the connection's
    /// `drain_timeout` applies.
    ///
    /// # Errors
    /// Those of the runtime.
    #[napi(catch_unwind)]
    pub fn drain(&self, token: f64, timeout: Option<f64>) -> Result<()> {
        let link = Arc::clone(&self.link);
        let timeout = timeout.map(duration);
        start(
            &self.queue,
            token,
            async move { link.drain(timeout).await.map(|()| Value::Nothing) },
        )?;
        Ok(())
    }

    /// Numbers.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> SubscriptionStats {
        let (stats, held) = (self.core.stats(), held(&lock(&self.taken)));
        SubscriptionStats {
            pending: (stats.pending_messages + held) as f64,
            delivered: stats.delivered.saturating_sub(held) as f64,
            dropped: stats.dropped as f64,
        }
    }

    /// The number under which the server knows it; 0 for the replies of a request.
    #[napi(getter, catch_unwind)]
    pub fn sid(&self) -> f64 {
        self.core.sid() as f64
    }

    /// The subject.
    #[napi(getter, catch_unwind)]
    pub fn subject(&self) -> String {
        self.core.subject().to_owned()
    }
}

/// How many messages there are.
fn held(batches: &VecDeque<Batch>) -> u64 {
    batches.iter().map(|batch| batch.len() as u64).sum()
}
