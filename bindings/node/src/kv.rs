//! Buckets of keys as the scripts hold them.

use napi_derive::napi;
use nats_bridge::kv as options;
use nats_core::kv::{KeyValue, KvCache, KvOptions};
use nats_core::{Code, Error};

use crate::argument::{Payload, Text, duration};
use crate::connection::Connection;
use crate::entries::Entries;
use crate::error::{Result, raise};
use crate::jetstream::JetStream;
use crate::queue::{Operation, Value, begun, reply_timeout, start};

/// A bucket.
#[napi]
pub struct Bucket(KeyValue);

/// The values of a bucket in memory, until they are given up.
#[napi]
pub struct Cache(Option<KvCache>);

impl Bucket {
    pub(crate) fn new(kv: KeyValue) -> Bucket {
        Bucket(kv)
    }
}

#[napi]
impl Bucket {
    /// The same for reading alone.
    #[napi(catch_unwind)]
    pub fn read_only(&self) -> Bucket {
        Bucket(self.0.read_only())
    }
}

/// The options of what is done to a key.
fn change(options: Option<String>) -> Result<KvOptions> {
    let options = options.map(|json| options::change_options(&json)).transpose();
    Ok(options.map_err(raise)?.unwrap_or_default())
}

#[napi]
impl Connection {
    /// Finds a bucket; completes with a [`Bucket`].
    ///
    /// # Errors
    /// All come with the completion.
    #[napi(catch_unwind)]
    pub fn bucket(
        &self,
        token: f64,
        js: &JetStream,
        name: Text,
        options: String,
    ) -> Result<Operation> {
        self.cross();
        let (js, name) = (js.core().clone(), name.as_str()?.to_owned());
        start(&self.queue, token, async move {
            options::bind(&js, &name, &options).await.map(|kv| Value::Bucket(Box::new(kv)))
        })
    }

    /// Sends the records, then gives a key a value; completes with its revision. Without a time that
    /// of the JetStream applies.
    ///
    /// # Errors
    /// INVALID_OPTION, and those of a put that show at once; all others come with the completion.
    #[napi(catch_unwind)]
    pub fn kv_put(
        &self,
        token: f64,
        bucket: &Bucket,
        key: Text,
        value: Payload,
        timeout: u32,
        options: Option<String>,
    ) -> Result<()> {
        let options = change(options)?;
        let put = bucket.0.to_put(key.as_str()?, value.bytes(), &options);
        let mut put = put.map_err(raise)?;
        put.options.timeout = reply_timeout(timeout);
        self.cross();
        let put = self.queue.kv_change(token as u64, &bucket.0, &put, revision);
        begun(&self.queue, token, put).map(drop)
    }

    /// Gives a key that has no value one; completes with its revision.
    ///
    /// # Errors
    /// INVALID_OPTION; all others come with the completion.
    #[napi(catch_unwind)]
    pub fn kv_create(
        &self,
        token: f64,
        bucket: &Bucket,
        key: Text,
        value: Payload,
        options: Option<String>,
    ) -> Result<Operation> {
        let options = change(options)?;
        self.cross();
        let (kv, key, value) = (bucket.0.clone(), key.as_str()?.to_owned(), value.bytes().to_vec());
        start(&self.queue, token, async move {
            kv.create(&key, &value, options.ttl).await.map(revision)
        })
    }

    /// Deletes a key, with all that it had if it is to be purged; completes with its revision.
    ///
    /// # Errors
    /// As [`Connection::kv_put`].
    #[napi(catch_unwind)]
    pub fn kv_remove(
        &self,
        token: f64,
        bucket: &Bucket,
        key: Text,
        purge: bool,
        options: Option<String>,
    ) -> Result<()> {
        let (options, key) = (change(options)?, key.as_str()?);
        let kv = &bucket.0;
        let marker = if purge { kv.to_purge(key, &options) } else { kv.to_delete(key, &options) };
        let marker = marker.map_err(raise)?;
        self.cross();
        let removed = self.queue.kv_change(token as u64, kv, &marker, revision);
        begun(&self.queue, token, removed).map(drop)
    }

    /// Sends the records, then asks what was done to a key last; completes with entries, one in all,
    /// which, when it has no value, has the key as it is stored.
    ///
    /// # Errors
    /// INVALID_NAME, and those of a request that show at once; all others come with the completion.
    #[napi(catch_unwind)]
    pub fn kv_get(&self, token: f64, bucket: &Bucket, key: Text) -> Result<()> {
        self.cross();
        let kv = bucket.0.clone();
        let value = move |message| Value::Entries(vec![Entries::one(&kv, &message)]);
        let got = self.queue.kv_last(token as u64, &bucket.0, key.as_str()?, value);
        begun(&self.queue, token, got).map(drop)
    }

    /// What a key had at a revision; completes with entries, one in all.
    ///
    /// # Errors
    /// All come with the completion.
    #[napi(catch_unwind)]
    pub fn kv_get_revision(
        &self,
        token: f64,
        bucket: &Bucket,
        key: Text,
        revision: f64,
    ) -> Result<Operation> {
        self.cross();
        let (kv, key) = (bucket.0.clone(), key.as_str()?.to_owned());
        start(&self.queue, token, async move {
            let message = kv.get_revision_message(&key, revision as u64).await?;
            Ok(Value::Entries(vec![Entries::one(&kv, &message)]))
        })
    }

    /// The values of many keys; completes with entries, and with none where there is no value.
    ///
    /// # Errors
    /// All come with the completion.
    #[napi(catch_unwind)]
    pub fn kv_get_many(&self, token: f64, bucket: &Bucket, keys: Vec<String>) -> Result<Operation> {
        self.cross();
        let kv = bucket.0.clone();
        start(&self.queue, token, async move {
            let messages = kv.get_many_messages(&keys).await?;
            Entries::all(&kv, &messages).map(Value::Entries)
        })
    }

    /// Watches keys; completes with a [`Subscription`](crate::subscription::Subscription) that takes
    /// entries.
    ///
    /// # Errors
    /// INVALID_OPTION; all others come with the completion.
    #[napi(catch_unwind)]
    pub fn kv_watch(&self, token: f64, bucket: &Bucket, options: String) -> Result<Operation> {
        let parsed = options::watch_options(&options).map_err(raise)?;
        self.cross();
        let kv = bucket.0.clone();
        start(&self.queue, token, async move {
            let core = kv.subscribe(&parsed).await?;
            Ok(Value::Watch(Box::new((core, kv))))
        })
    }

    /// Takes values into memory; completes with a [`Cache`].
    ///
    /// # Errors
    /// As [`Connection::kv_watch`].
    #[napi(catch_unwind)]
    pub fn kv_cache(&self, token: f64, bucket: &Bucket, options: String) -> Result<Operation> {
        let parsed = options::watch_options(&options).map_err(raise)?;
        self.cross();
        let kv = bucket.0.clone();
        start(&self.queue, token, async move { kv.cache(&parsed).await.map(Value::Cache) })
    }

    /// Completes when the cache has seen a revision.
    ///
    /// # Errors
    /// SUBSCRIPTION_CLOSED; all others come with the completion.
    #[napi(catch_unwind)]
    pub fn kv_cache_wait(&self, token: f64, cache: &Cache, revision: f64) -> Result<Operation> {
        let cache = cache.get()?.clone();
        start(&self.queue, token, async move {
            cache.wait(revision as u64).await.map(|()| Value::Nothing)
        })
    }

    /// Removes what deleted keys have had, and markers that are older than so many milliseconds;
    /// completes with how many messages that were.
    ///
    /// # Errors
    /// All come with the completion.
    #[napi(catch_unwind)]
    pub fn kv_purge_deletes(
        &self,
        token: f64,
        bucket: &Bucket,
        older_than: f64,
    ) -> Result<Operation> {
        self.cross();
        let (kv, older_than) = (bucket.0.clone(), duration(older_than));
        start(&self.queue, token, async move { kv.purge_deletes(older_than).await.map(revision) })
    }
}

impl Cache {
    pub(crate) fn new(cache: KvCache) -> Cache {
        Cache(Some(cache))
    }

    fn get(&self) -> Result<&KvCache> {
        let stopped = || raise(Error::new(Code::SubscriptionClosed, "the cache was stopped"));
        self.0.as_ref().ok_or_else(stopped)
    }
}

#[napi]
impl Cache {
    /// The value of a key as entries, one in all; nothing without one.
    ///
    /// # Errors
    /// INVALID_NAME; why the bucket is followed no more.
    #[napi(catch_unwind)]
    pub fn entry(&self, key: Text) -> Result<Option<Entries>> {
        let cache = self.get()?;
        let message = cache.message(key.as_str()?).map_err(raise)?;
        Ok(message.map(|message| Entries::one(cache.bucket(), &message)))
    }

    /// The keys that have values.
    ///
    /// # Errors
    /// Why the bucket is followed no more.
    #[napi(catch_unwind)]
    pub fn keys(&self) -> Result<Vec<String>> {
        self.get()?.keys().map_err(raise)
    }

    /// Follows the bucket no more.
    #[napi(catch_unwind)]
    pub fn stop(&mut self) {
        self.0 = None;
    }
}

/// A number that fits a double until a bucket has seen 2^53 changes.
fn revision(number: u64) -> Value {
    Value::Number(number as f64)
}
