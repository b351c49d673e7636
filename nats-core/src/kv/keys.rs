//! What a bucket has now: its keys, what was done to them, and markers that are old.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::bucket::KeyValue;
use super::entry::KvEntry;
use super::watch::{KvUpdate, KvWatchOptions, KvWatcher};
use crate::client::message::Batch;
use crate::error::{Code, Error, Result};
use crate::jetstream::PurgeOptions;

/// How many messages are taken at once.
const BATCH: usize = 256;

/// The keys of a bucket that have values, as they come.
#[derive(Debug)]
pub struct KvKeys(Current);

/// What there is when it is asked for.
#[derive(Debug)]
struct Current {
    watcher: KvWatcher,
    /// For how long nothing may come.
    patience: Duration,
}

impl KeyValue {
    /// The keys that have values; `filters` may have wildcards, and none means all.
    ///
    /// # Errors
    /// As [`KeyValue::watch`].
    pub async fn keys<S: AsRef<str>>(&self, filters: &[S]) -> Result<KvKeys> {
        let options = KvWatchOptions {
            ignore_deletes: true,
            meta_only: true,
            ..KvWatchOptions::of(filters.iter().map(AsRef::as_ref))
        };
        self.current(&options).await.map(KvKeys)
    }

    /// All that the bucket has of a key, the oldest first; empty: nothing.
    ///
    /// # Errors
    /// As [`KeyValue::watch`]; [`Code::Timeout`] when the server falls silent.
    pub async fn history(&self, key: &str) -> Result<Vec<KvEntry>> {
        let batches = self.history_messages(key).await?;
        let entries = batches.into_iter().flatten().map(|message| self.entry_of(&message));
        entries.filter_map(Result::transpose).collect()
    }

    /// The messages of a key's history, of which [`KeyValue::read`] makes entries.
    ///
    /// # Errors
    /// As [`KeyValue::history`].
    pub async fn history_messages(&self, key: &str) -> Result<Vec<Batch>> {
        self.stored(key)?;
        let options = KvWatchOptions { include_history: true, ..KvWatchOptions::of([key]) };
        self.gather(&options).await
    }

    /// Removes what deleted keys have had, and their markers when they are older than that; zero: all
    /// of them. How many messages were removed. Usual is half an hour, by which all who watch the
    /// bucket have seen the markers.
    ///
    /// # Errors
    /// As [`KeyValue::history`]; [`Code::ReadOnly`]; those of
    /// [`JetStream::purge_stream`](crate::jetstream::JetStream::purge_stream).
    pub async fn purge_deletes(&self, older_than: Duration) -> Result<u64> {
        if self.place.written.is_none() {
            let text = format!("bucket {}: it is for reading alone", self.name());
            return Err(Error::new(Code::ReadOnly, text));
        }
        let options = KvWatchOptions { meta_only: true, ..KvWatchOptions::default() };
        let mut current = self.current(&options).await?;
        let mut markers = Vec::new();
        while let Some(entry) = current.next().await? {
            if !entry.is_put() {
                markers.push(entry);
            }
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut removed = 0;
        for marker in markers {
            let created = Duration::from_nanos(u64::try_from(marker.created_nanos).unwrap_or(0));
            let is_old = older_than.is_zero() || created + older_than < now;
            // A value that was put meanwhile stays.
            let options = PurgeOptions {
                filter: Some(self.stored(&marker.key)?),
                before: Some(marker.revision + u64::from(is_old)),
                ..PurgeOptions::default()
            };
            removed += self.js.purge_stream(&self.place.stream, &options).await?;
        }
        Ok(removed)
    }

    /// The messages of all that there is when it is asked for.
    async fn gather(&self, options: &KvWatchOptions) -> Result<Vec<Batch>> {
        let subscription = self.subscribe(options).await?;
        let mut batches = Vec::new();
        loop {
            while let Some(batch) = subscription.take_batch(BATCH) {
                // The mark is in a batch of its own.
                if batch.get(0).subject_bytes().is_empty() {
                    return Ok(batches);
                }
                batches.push(batch);
            }
            let ready = tokio::time::timeout(self.js.timeout(), subscription.ready()).await;
            if !ready.map_err(|_| self.silent())? {
                let reason = subscription.end_reason();
                return Err(reason.unwrap_or(Code::SubscriptionClosed.into()));
            }
        }
    }

    async fn current(&self, options: &KvWatchOptions) -> Result<Current> {
        let watcher = self.watch(options).await?;
        Ok(Current { watcher, patience: self.js.timeout() })
    }

    pub(super) fn silent(&self) -> Error {
        let text = format!("bucket {}: the server has fallen silent", self.name());
        Error::new(Code::Timeout, text)
    }
}

impl KvKeys {
    /// The next key; None: these were all.
    ///
    /// # Errors
    /// Those of [`KvWatcher::next`]; [`Code::Timeout`] when the server falls silent.
    pub async fn next(&mut self) -> Result<Option<String>> {
        Ok(self.0.next().await?.map(|entry| entry.key))
    }

    /// The keys that are left.
    ///
    /// # Errors
    /// As [`KvKeys::next`].
    pub async fn all(&mut self) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        while let Some(key) = self.next().await? {
            keys.push(key);
        }
        Ok(keys)
    }
}

impl Current {
    async fn next(&mut self) -> Result<Option<KvEntry>> {
        let Ok(update) = tokio::time::timeout(self.patience, self.watcher.next()).await else {
            return Err(self.watcher.bucket().silent());
        };
        Ok(match update? {
            Some(KvUpdate::Entry(entry)) => Some(entry),
            Some(KvUpdate::CaughtUp) => {
                self.watcher.stop();
                None
            }
            None => None,
        })
    }
}
