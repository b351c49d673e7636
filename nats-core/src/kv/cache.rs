//! The values of a bucket in memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::bucket::KeyValue;
use super::entry::KvEntry;
use super::watch::KvWatchOptions;
use crate::client::message::Message;
use crate::client::subscription::Subscription;
use crate::error::{Code, Error, Result};

/// How many messages are taken at once.
const BATCH: usize = 256;

/// The values of a bucket in memory, which follow it. Cheap to clone; dropping the last one ends it.
///
/// Reads ask nobody, so they are behind the bucket by what is under way: [`KvCache::wait`] waits for a
/// revision. A value that is removed in another way than by the bucket's operations, as by a purge of its
/// stream, stays.
#[derive(Clone)]
pub struct KvCache {
    inner: Arc<Inner>,
}

struct Inner {
    kv: KeyValue,
    values: Arc<RwLock<Values>>,
    /// The revision that was seen last.
    seen: watch::Receiver<u64>,
    /// How long the bucket keeps a value.
    ttl: Option<Duration>,
    follower: AbortHandle,
}

#[derive(Default)]
struct Values {
    of: HashMap<Box<str>, Message>,
    /// Why they are followed no more.
    end: Option<Error>,
}

/// Follows the bucket.
struct Follower {
    kv: KeyValue,
    values: Arc<RwLock<Values>>,
    tell: watch::Sender<u64>,
}

impl KeyValue {
    /// The values of keys in memory, which follow the bucket from now on; waits until all that there is
    /// has come. Of the options keys and heartbeat count.
    ///
    /// # Errors
    /// As [`KeyValue::watch`]; [`Code::Timeout`] when the server falls silent.
    pub async fn cache(&self, options: &KvWatchOptions) -> Result<KvCache> {
        let options = KvWatchOptions {
            keys: options.keys.clone(),
            heartbeat: options.heartbeat,
            ..KvWatchOptions::default()
        };
        let ttl = Some(self.status().await?.config.ttl).filter(|ttl| !ttl.is_zero());
        let subscription = self.subscribe(&options).await?;
        let values = Arc::new(RwLock::default());
        let (tell, seen) = watch::channel(0);
        let follower = Follower { kv: self.clone(), values: Arc::clone(&values), tell };
        while !follower.follow(&subscription) {
            let ready = tokio::time::timeout(self.js.timeout(), subscription.ready()).await;
            if !ready.map_err(|_| self.silent())? {
                return Err(end(&subscription));
            }
        }
        let follower = tokio::spawn(follower.run(subscription)).abort_handle();
        let inner = Inner { kv: self.clone(), values, seen, ttl, follower };
        Ok(KvCache { inner: Arc::new(inner) })
    }
}

impl KvCache {
    /// The value of a key; None: it has none, or is not followed.
    ///
    /// # Errors
    /// [`Code::InvalidName`] for the key; why the bucket is followed no more.
    pub fn get(&self, key: &str) -> Result<Option<KvEntry>> {
        match self.message(key)? {
            Some(message) => self.inner.kv.entry_of(&message),
            None => Ok(None),
        }
    }

    /// The message of a key's value, of which [`KeyValue::read`] makes an entry.
    ///
    /// # Errors
    /// As [`KvCache::get`].
    pub fn message(&self, key: &str) -> Result<Option<Message>> {
        self.inner.kv.stored(key)?;
        let values = self.values()?;
        Ok(values.of.get(key).filter(|message| self.is_valid(message)).cloned())
    }

    /// The keys that have values, in no order.
    ///
    /// # Errors
    /// Why the bucket is followed no more.
    pub fn keys(&self) -> Result<Vec<String>> {
        let values = self.values()?;
        let valid = values.of.iter().filter(|(_, message)| self.is_valid(message));
        Ok(valid.map(|(key, _)| key.to_string()).collect())
    }

    /// Waits until a revision was seen, of a key that is followed: what a put has told, for example.
    ///
    /// # Errors
    /// Why the bucket is followed no more.
    pub async fn wait(&self, revision: u64) -> Result<()> {
        let mut seen = self.inner.seen.clone();
        if seen.wait_for(|seen| *seen >= revision).await.is_ok() {
            return Ok(());
        }
        self.values().map(drop).and(Err(Code::Cancelled.into()))
    }

    /// The bucket.
    pub fn bucket(&self) -> &KeyValue {
        &self.inner.kv
    }

    /// Whether the bucket still keeps the value. It tells nobody when it does not any more.
    fn is_valid(&self, message: &Message) -> bool {
        let Some(ttl) = self.inner.ttl else { return true };
        let created = match self.inner.kv.read(message.as_ref()) {
            Ok(Some(entry)) => u64::try_from(entry.created_nanos).unwrap_or(0),
            _ => return false,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Duration::from_nanos(created) + ttl > now
    }

    fn values(&self) -> Result<RwLockReadGuard<'_, Values>> {
        let values = self.inner.values.read().unwrap_or_else(PoisonError::into_inner);
        match &values.end {
            Some(reason) => Err(reason.clone()),
            None => Ok(values),
        }
    }
}

impl Follower {
    async fn run(self, subscription: Subscription) {
        while subscription.ready().await {
            self.follow(&subscription);
        }
        self.write().end = Some(end(&subscription));
    }

    /// Takes what has come; true: all that there was at the beginning has.
    fn follow(&self, subscription: &Subscription) -> bool {
        let mut is_current = false;
        while let Some(batch) = subscription.take_batch(BATCH) {
            let mut last = None;
            let mut values = self.write();
            for message in batch {
                match self.kv.read(message.as_ref()) {
                    Ok(Some(entry)) => {
                        last = Some(entry.revision);
                        if entry.is_put() {
                            // What it came with is not kept with it.
                            values.of.insert(entry.key.into(), message.detached());
                        } else {
                            values.of.remove(entry.key);
                        }
                    }
                    Ok(None) => is_current = true,
                    Err(_) => {}
                }
            }
            drop(values);
            if let Some(revision) = last {
                self.tell.send_replace(revision);
            }
        }
        is_current
    }

    fn write(&self) -> RwLockWriteGuard<'_, Values> {
        self.values.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why no more will come.
fn end(subscription: &Subscription) -> Error {
    subscription.end_reason().unwrap_or(Code::SubscriptionClosed.into())
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl fmt::Debug for KvCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvCache").field("bucket", &self.inner.kv.name()).finish_non_exhaustive()
    }
}
