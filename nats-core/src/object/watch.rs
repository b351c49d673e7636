//! What is done to objects, as it is done, and all that there are.

use std::collections::HashSet;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use serde::Deserialize;

use super::info::ObjectInfo;
use super::store::{ObjectStore, gone};
use super::time::rfc3339;
use crate::client::message::{Batch, MessageRef};
use crate::client::subscription::Subscription;
use crate::error::{Code, Error, Result};
use crate::jetstream::ordering::Extra;
use crate::jetstream::{ConsumeOptions, DeliverPolicy, Metadata, OrderedOptions};

/// How many messages are taken at once.
const BATCH: usize = 64;
/// How often the server says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectWatchOptions {
    /// Begins with all that the bucket's stream has of objects; otherwise with what is known of
    /// each.
    pub include_history: bool,
    /// Begins with what comes from now on.
    pub updates_only: bool,
    /// Leaves out that objects were deleted.
    pub ignore_deletes: bool,
    /// How often the server says that it is there. None: every 5 s.
    pub heartbeat: Option<Duration>,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectUpdate {
    /// An object or a link was put, changed or deleted.
    Info(Box<ObjectInfo>),
    /// All that there was when the watch began has come. Told once, also when there was nothing.
    CaughtUp,
}

/// What is done to objects: each change once and in order. Dropping it ends the watch.
pub struct ObjectWatcher {
    store: ObjectStore,
    subscription: Subscription,
    batch: Option<Batch>,
}

impl ObjectStore {
    /// Watches the objects and links. When a consumer, its server or the connection is lost, the
    /// watch goes on behind the last change that was taken, which [`Event::Consumer`](crate::Event)
    /// tells.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for options that exclude each other, and outside a tokio runtime;
    /// [`Code::BucketNotFound`]; those of
    /// [`JetStream::ordered`](crate::jetstream::JetStream::ordered).
    pub async fn watch(&self, options: &ObjectWatchOptions) -> Result<ObjectWatcher> {
        let subscription = self.subscribe(options).await?;
        Ok(ObjectWatcher { store: self.clone(), subscription, batch: None })
    }

    /// The same as a subscription, of whose messages [`ObjectStore::update_of`] tells what they
    /// say.
    ///
    /// # Errors
    /// As [`ObjectStore::watch`].
    pub async fn subscribe(&self, options: &ObjectWatchOptions) -> Result<Subscription> {
        let deliver_policy = match (options.updates_only, options.include_history) {
            (true, true) => {
                let text = "updates_only: expected without include_history";
                return Err(Error::new(Code::InvalidArgument, text));
            }
            (true, false) => DeliverPolicy::New,
            (false, true) => DeliverPolicy::All,
            (false, false) => DeliverPolicy::LastPerSubject,
        };
        let heartbeat = options.heartbeat.unwrap_or(HEARTBEAT);
        let ordered = OrderedOptions {
            filter_subjects: vec![format!("$O.{}.M.>", self.name())],
            deliver_policy,
            consume: ConsumeOptions {
                heartbeat: Some(heartbeat),
                expires: ConsumeOptions::default().expires.max(heartbeat * 2),
                ..ConsumeOptions::default()
            },
            ..OrderedOptions::default()
        };
        let skip = options.ignore_deletes.then_some(is_deleted as fn(MessageRef<'_>) -> bool);
        let bucket = self.name().to_owned();
        let extra = Extra {
            mark: true,
            skip,
            why: Some(Arc::new(move |reason| gone(&bucket, reason))),
            ..Extra::default()
        };
        self.found(self.js.subscribe_in_order(&self.place.stream, &ordered, extra).await)
    }

    /// What a message tells that has come by [`ObjectStore::subscribe`].
    ///
    /// # Errors
    /// [`Code::Protocol`] for what no client would have stored; [`Code::NotJetStream`] for any
    /// other message.
    pub fn update_of(&self, message: MessageRef<'_>) -> Result<ObjectUpdate> {
        if message.subject_bytes().is_empty() {
            return Ok(ObjectUpdate::CaughtUp);
        }
        let metadata = Metadata::parse(message.reply().unwrap_or_default())?;
        let time = rfc3339(metadata.timestamp_nanos);
        let info = self.read(message.payload(), metadata.stream_sequence, time)?;
        Ok(ObjectUpdate::Info(Box::new(info)))
    }

    /// What is known of all objects and links, those that were deleted among them if they are
    /// wanted; in the order in which they were changed.
    ///
    /// # Errors
    /// As [`ObjectStore::watch`] and [`ObjectWatcher::next`].
    pub async fn list(&self, show_deleted: bool) -> Result<Vec<ObjectInfo>> {
        let mut watcher = self.watch(&ObjectWatchOptions::default()).await?;
        let mut all = Vec::new();
        while let Some(ObjectUpdate::Info(info)) = watcher.next().await? {
            all.push(*info);
        }
        // One that was changed meanwhile may have come twice: the later word counts.
        let mut seen = HashSet::with_capacity(all.len());
        all.reverse();
        all.retain(|info| seen.insert(info.name.clone()) && (show_deleted || !info.deleted));
        all.reverse();
        Ok(all)
    }
}

impl ObjectWatcher {
    /// What comes next; None: the watch was stopped. It may be called again after a future of it
    /// was dropped: nothing is lost.
    ///
    /// # Errors
    /// [`Code::Protocol`] for what no client would have stored; the watch goes on behind it. No
    /// more will come: [`Code::BucketNotFound`] when the bucket was deleted; [`Code::Permission`];
    /// [`Code::ConnectionClosed`].
    pub async fn next(&mut self) -> Result<Option<ObjectUpdate>> {
        poll_fn(|cx| self.poll_update(cx)).await
    }

    /// What is watched.
    pub fn bucket(&self) -> &ObjectStore {
        &self.store
    }

    /// Ends the watch.
    pub fn stop(&self) {
        // It never fails.
        let _ = self.subscription.unsubscribe();
    }

    fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<ObjectUpdate>>> {
        loop {
            if let Some(message) = self.batch.as_mut().and_then(Batch::next) {
                return Poll::Ready(self.store.update_of(message.as_ref()).map(Some));
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

impl Stream for ObjectWatcher {
    type Item = Result<ObjectUpdate>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_update(cx).map(Result::transpose)
    }
}

impl fmt::Debug for ObjectWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectWatcher").field("bucket", &self.store.name()).finish_non_exhaustive()
    }
}

/// Whether a message tells that an object was deleted.
fn is_deleted(message: MessageRef<'_>) -> bool {
    #[derive(Deserialize)]
    struct Told {
        deleted: Option<bool>,
    }
    let told = serde_json::from_slice::<Told>(message.payload());
    told.is_ok_and(|told| told.deleted == Some(true))
}
