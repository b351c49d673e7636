//! What is left of an object that was not put to its end: its chunks are removed.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::info::ObjectInfo;
use super::name::chunk_subject;
use super::store::ObjectStore;
use crate::client::publish::Publish;
use crate::error::{Code, Error, Result};
use crate::jetstream::PublishOptions;

/// The waits between attempts, doubling.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// For how long it is tried in the background.
const PATIENCE: Duration = Duration::from_secs(120);
/// A name that no stream has: what expects it is refused, behind all that was published before.
const NO_STREAM: &str = ".";

/// Chunks that are to be removed. Dropped, they are removed in the background.
pub(super) struct Remains {
    runtime: Handle,
    /// None: there is nothing to remove.
    what: Option<What>,
}

struct What {
    store: ObjectStore,
    name: String,
    nuid: String,
    /// The content in whose place it may be.
    replaced: String,
    /// There may be something to remove.
    begun: bool,
    /// It is in its place; otherwise that is to be found out.
    visible: bool,
}

impl Remains {
    /// # Errors
    /// [`Code::InvalidArgument`] outside a tokio runtime.
    pub(super) fn new(store: &ObjectStore, info: &ObjectInfo) -> Result<Remains> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::new(Code::InvalidArgument, "a put needs a tokio runtime"))?;
        let what = What {
            store: store.clone(),
            name: info.name.clone(),
            nuid: info.nuid.clone(),
            replaced: String::new(),
            begun: false,
            visible: false,
        };
        Ok(Remains { runtime, what: Some(what) })
    }

    /// There may be something to remove from now on.
    pub(super) fn begun(&mut self) {
        if let Some(what) = &mut self.what {
            what.begun = true;
        }
    }

    /// It is about to become visible in the place of this.
    pub(super) fn replaces(&mut self, before: Option<&ObjectInfo>) {
        if let Some(what) = &mut self.what {
            what.begun = true;
            what.replaced = before.map(|before| before.nuid.clone()).unwrap_or_default();
        }
    }

    /// It is visible: what it has replaced is to be removed.
    pub(super) fn committed(&mut self) {
        if let Some(what) = &mut self.what {
            what.visible = true;
        }
    }

    /// Nothing is to be removed any more.
    pub(super) fn keep(&mut self) {
        self.what = None;
    }

    /// Removes it now.
    pub(super) async fn remove(&self) -> Result<()> {
        match &self.what {
            Some(what) if what.begun => what.remove().await,
            _ => Ok(()),
        }
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        if let Some(what) = self.what.take().filter(|what| what.begun) {
            self.runtime.spawn(what.remove_patiently());
        }
    }
}

impl What {
    /// Removes the chunks, unless the object has become visible after all: then those that it has
    /// replaced.
    async fn remove(&self) -> Result<()> {
        if self.visible || self.is_visible().await? {
            return self.store.purge_chunks(&self.replaced).await;
        }
        self.store.purge_chunks(&self.nuid).await
    }

    async fn is_visible(&self) -> Result<bool> {
        self.pass().await?;
        let entry = self.store.entry_for_sure(&self.name).await?;
        Ok(entry.is_some_and(|now| now.nuid == self.nuid))
    }

    /// Waits until the server has handled what was published before.
    async fn pass(&self) -> Result<()> {
        let subject = chunk_subject(self.store.name(), &self.nuid);
        let options = PublishOptions {
            expected_stream: Some(NO_STREAM.to_owned()),
            ..PublishOptions::default()
        };
        match self.store.js.publish_with(&Publish::new(&subject, b""), &options).await {
            Err(error) if error.api().is_some() => Ok(()),
            Err(error) if error.code() == Code::NoResponders => Err(self.store.silent(error).await),
            passed => passed.map(drop),
        }
    }

    async fn remove_patiently(self) {
        let until = Instant::now() + PATIENCE;
        let mut pause = PAUSE;
        while let Err(error) = self.remove().await {
            if is_final(&error) || Instant::now() >= until {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Whether trying again changes nothing.
fn is_final(error: &Error) -> bool {
    use Code::*;
    matches!(error.code(), ConnectionClosed | ConnectionDraining | Permission)
        || matches!(error.code(), BucketNotFound | JetStream)
}
