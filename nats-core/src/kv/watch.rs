//! What is done to keys, as it is done.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use super::bucket::{KeyValue, found, gone};
use super::entry::{KvEntry, is_marker};
use super::name::check_filter;
use crate::client::message::Batch;
use crate::client::subscription::Subscription;
use crate::error::{Code, Error, Result};
use crate::jetstream::ordering::{Extra, Map};
use crate::jetstream::{ConsumeOptions, DeliverPolicy, OrderedOptions};

/// How many messages are taken at once.
const BATCH: usize = 256;
/// How many bytes may be under way: servers drop who lets 64 MiB wait.
const UNDER_WAY: usize = 8 << 20;
/// How often the server says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What is watched.
#[derive(Clone, Debug, Default)]
pub struct KvWatchOptions {
    /// Keys, of which words may be wildcards; empty: all.
    pub keys: Vec<String>,
    /// Begins with all that the bucket has of them; otherwise with what was done to each of them last.
    pub include_history: bool,
    /// Begins with what comes from now on.
    pub updates_only: bool,
    /// Begins with this revision.
    pub resume_from: Option<u64>,
    /// Leaves out that keys were deleted, or have come to the end of their time.
    pub ignore_deletes: bool,
    /// Without values. The header `Nats-Msg-Size` tells how long they are.
    pub meta_only: bool,
    /// How often the server says that it is there. None: every 5 s.
    pub heartbeat: Option<Duration>,
}

impl KvWatchOptions {
    /// Watches these keys.
    pub fn of<S: Into<String>>(keys: impl IntoIterator<Item = S>) -> KvWatchOptions {
        KvWatchOptions { keys: keys.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// What the consumers begin with.
    fn begin(&self) -> Result<(DeliverPolicy, u64)> {
        let bad = |text: &'static str| Err(Error::new(Code::InvalidArgument, text));
        match (self.updates_only, self.resume_from) {
            (true, Some(_)) => bad("updates_only: expected without resume_from"),
            (true, None) if self.include_history => {
                bad("updates_only: expected without include_history")
            }
            (true, None) => Ok((DeliverPolicy::New, 0)),
            (false, Some(0)) => bad("resume_from: expected a revision from 1 on"),
            (false, Some(revision)) => Ok((DeliverPolicy::ByStartSequence, revision)),
            (false, None) if self.include_history => Ok((DeliverPolicy::All, 0)),
            (false, None) => Ok((DeliverPolicy::LastPerSubject, 0)),
        }
    }
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KvUpdate {
    /// What was done to a key.
    Entry(KvEntry),
    /// All that there was when the watch began has come. Told once, also when there was nothing.
    CaughtUp,
}

/// What is done to keys: each entry once and in order. Dropping it ends the watch.
pub struct KvWatcher {
    kv: KeyValue,
    subscription: Subscription,
    batch: Option<Batch>,
}

impl KeyValue {
    /// Watches keys. When a consumer, its server or the connection is lost, the watch goes on behind
    /// the last entry that was taken, which [`Event::Consumer`](crate::Event) tells.
    ///
    /// # Errors
    /// [`Code::InvalidName`] for a key; [`Code::InvalidArgument`] for options that exclude each other,
    /// and outside a tokio runtime; [`Code::BucketNotFound`]; those of
    /// [`JetStream::ordered`](crate::jetstream::JetStream::ordered).
    pub async fn watch(&self, options: &KvWatchOptions) -> Result<KvWatcher> {
        let subscription = self.subscribe(options).await?;
        Ok(KvWatcher { kv: self.clone(), subscription, batch: None })
    }

    /// The same as a subscription, whose messages [`KeyValue::read`] makes entries of. The one behind
    /// all that there was has no subject. It ends as [`KvWatcher::next`] does.
    ///
    /// # Errors
    /// As [`KeyValue::watch`].
    pub async fn subscribe(&self, options: &KvWatchOptions) -> Result<Subscription> {
        let (deliver_policy, opt_start_seq) = options.begin()?;
        let filters = match options.keys.as_slice() {
            [] => vec![format!("{}>", self.place.stored)],
            keys => keys.iter().map(|key| self.filter(key)).collect::<Result<_>>()?,
        };
        let heartbeat = options.heartbeat.unwrap_or(HEARTBEAT);
        let ordered = OrderedOptions {
            filter_subjects: filters,
            deliver_policy,
            opt_start_seq,
            headers_only: options.meta_only,
            consume: ConsumeOptions {
                // A request for less than half of it would never bring the largest value.
                max_bytes: UNDER_WAY.max(4 * self.js.client().max_payload()),
                heartbeat: Some(heartbeat),
                expires: ConsumeOptions::default().expires.max(heartbeat * 2),
                ..ConsumeOptions::default()
            },
            ..OrderedOptions::default()
        };
        let kv = self.clone();
        let decode: Map = Arc::new(move |message| kv.decoded(message).ok());
        let bucket = Arc::clone(&self.place.bucket);
        let extra = Extra {
            why: Some(Arc::new(move |reason| gone(&bucket, reason))),
            mark: true,
            skip: options.ignore_deletes.then_some(is_marker),
            map: self.has_codecs().then_some(decode),
        };
        let made = self.js.subscribe_in_order(&self.place.stream, &ordered, extra).await;
        found(self.name(), made)
    }

    /// The subjects of keys with wildcards.
    pub(super) fn filter(&self, keys: &str) -> Result<String> {
        let prefix = &self.place.stored;
        let Some(codec) = &self.codecs.keys else {
            check_filter(keys)?;
            return Ok(format!("{prefix}{keys}"));
        };
        let is_plain = !keys.split(['.', '/']).any(|word| matches!(word, "*" | ">"));
        let encoded = if is_plain { codec.encode(keys) } else { codec.encode_filter(keys) }?;
        check_filter(&encoded)?;
        Ok(format!("{prefix}{encoded}"))
    }
}

impl KvWatcher {
    /// What comes next; None: the watch was stopped. It may be called again after a future of it was
    /// dropped: nothing is lost.
    ///
    /// # Errors
    /// No more will come: [`Code::BucketNotFound`] when the bucket was deleted; [`Code::Permission`];
    /// [`Code::ConnectionClosed`].
    pub async fn next(&mut self) -> Result<Option<KvUpdate>> {
        poll_fn(|cx| self.poll_update(cx)).await
    }

    /// What is watched.
    pub fn bucket(&self) -> &KeyValue {
        &self.kv
    }

    /// Ends the watch.
    pub fn stop(&self) {
        // It never fails.
        let _ = self.subscription.unsubscribe();
    }

    fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<KvUpdate>>> {
        loop {
            if let Some(message) = self.batch.as_mut().and_then(Batch::next) {
                let entry = self.kv.entry_of(&message)?;
                return Poll::Ready(Ok(Some(entry.map_or(KvUpdate::CaughtUp, KvUpdate::Entry))));
            }
            self.batch = self.subscription.take_batch(BATCH);
            if self.batch.is_none() && !ready!(self.subscription.poll_ready(cx)) {
                return Poll::Ready(match self.subscription.end_reason() {
                    Some(reason) if reason.code() != Code::SubscriptionClosed => Err(reason),
                    _ => Ok(None),
                });
            }
        }
    }
}

impl Stream for KvWatcher {
    type Item = Result<KvUpdate>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_update(cx).map(Result::transpose)
    }
}

impl fmt::Debug for KvWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvWatcher").field("bucket", &self.kv.name()).finish_non_exhaustive()
    }
}
