//! Links to objects and to buckets.

use super::info::{ObjectInfo, ObjectLink, ObjectMeta};
use super::name::meta_subject;
use super::store::ObjectStore;
use crate::conn::nuid::nuid;
use crate::error::{Code, Error, Result};

impl ObjectStore {
    /// Adds a link to an object, of this bucket or of another one. A link that has the name leads
    /// there from now on.
    ///
    /// # Errors
    /// [`Code::InvalidLink`] when `to` was deleted, or is a link itself; [`Code::ObjectExists`]
    /// when an object has the name; otherwise as [`ObjectStore::info`].
    pub async fn add_link(&self, name: &str, to: &ObjectInfo) -> Result<ObjectInfo> {
        let bad = |why: &str| {
            let text = format!("to: \"{}\" {why}", to.name.escape_debug());
            Err(Error::new(Code::InvalidLink, text))
        };
        if to.deleted {
            return bad("was deleted");
        }
        if to.link().is_some() {
            return bad("is a link itself");
        }
        super::name::stream_of(&to.bucket)?;
        meta_subject(&to.bucket, &to.name)?;
        self.link(name, ObjectLink { bucket: to.bucket.clone(), name: to.name.clone() }).await
    }

    /// Adds a link to a bucket as a whole. A link that has the name leads there from now on.
    ///
    /// # Errors
    /// [`Code::ObjectExists`] when an object has the name; otherwise as [`ObjectStore::info`].
    pub async fn add_bucket_link(&self, name: &str, to: &ObjectStore) -> Result<ObjectInfo> {
        self.link(name, ObjectLink { bucket: to.name().to_owned(), name: String::new() }).await
    }

    async fn link(&self, name: &str, to: ObjectLink) -> Result<ObjectInfo> {
        let mut new = ObjectInfo::new(self.name(), nuid()?, &ObjectMeta::new(name));
        new.options.link = Some(to);
        let changed = self.change(name, |before| match before {
            Some(before) if !before.deleted && before.link().is_none() => Err(self.exists(name)),
            _ => Ok(Some(new.clone())),
        });
        changed.await?.after.ok_or_else(|| self.missing(name))
    }

    /// The object of this name, or the one that the link of this name leads to, and its bucket.
    pub(super) async fn resolve(
        &self,
        name: &str,
        show_deleted: bool,
    ) -> Result<(ObjectStore, ObjectInfo)> {
        let seen = |store: &ObjectStore, name: &str, entry: Option<ObjectInfo>| {
            let entry = entry.filter(|info| show_deleted || !info.deleted);
            entry.ok_or_else(|| store.missing(name))
        };
        let info = seen(self, name, self.entry(name).await?)?;
        let Some(link) = info.link() else { return Ok((self.clone(), info)) };
        let bad = |why: String| {
            let text =
                format!("bucket {}: the link \"{}\" {why}", self.name(), name.escape_debug());
            Error::new(Code::InvalidLink, text)
        };
        if link.name.is_empty() {
            return Err(bad(format!("leads to the bucket {} as a whole", link.bucket)));
        }
        let store = match link.bucket == self.name() {
            true => self.clone(),
            false => self.js.object_store(&link.bucket).await?,
        };
        let target = seen(&store, &link.name, store.entry(&link.name).await?)?;
        if target.link().is_some() {
            return Err(bad(format!("leads to another link, \"{}\"", link.name.escape_debug())));
        }
        Ok((store, target))
    }
}
