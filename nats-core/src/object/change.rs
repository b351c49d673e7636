//! Objects deleted, described anew and renamed.

use super::info::{ObjectInfo, ObjectMeta};
use super::name::meta_subject;
use super::store::ObjectStore;
use crate::error::{Code, Error, Result};

impl ObjectStore {
    /// Deletes an object, or a link and not what it leads to; what is known of it then. One that
    /// was deleted before is as good.
    ///
    /// # Errors
    /// [`Code::ObjectNotFound`] when there was never one; [`Code::JetStream`] when the bucket is
    /// sealed; otherwise as [`ObjectStore::info`]. When its chunks cannot be removed it is deleted
    /// nevertheless, and can be deleted again.
    pub async fn delete(&self, name: &str) -> Result<ObjectInfo> {
        let changed = self.change(name, |before| match before {
            None => Err(self.missing(name)),
            Some(before) if before.deleted => Ok(None),
            Some(before) => Ok(Some(ObjectInfo {
                deleted: true,
                size: 0,
                chunks: 0,
                digest: String::new(),
                ..before.clone()
            })),
        });
        let changed = changed.await?;
        let Some(now) = changed.after.or(changed.before) else { return Err(self.missing(name)) };
        self.purge_chunks(&now.nuid).await?;
        Ok(now)
    }

    /// Gives an object, or a link, another description, headers, metadata and name; its content
    /// stays as it is, and the chunk size of `meta` is not used.
    ///
    /// # Errors
    /// [`Code::ObjectExists`] when another object or link has the new name; [`Code::ObjectChanged`]
    /// when somebody else has changed it while it was renamed; otherwise as [`ObjectStore::info`].
    pub async fn update_meta(&self, name: &str, meta: &ObjectMeta) -> Result<ObjectInfo> {
        meta_subject(self.name(), &meta.name)?;
        if name != meta.name {
            return self.rename(name, meta).await;
        }
        let changed = self.change(name, |before| match before {
            Some(before) if !before.deleted => Ok(Some(before.clone().described(meta))),
            _ => Err(self.missing(name)),
        });
        changed.await?.after.ok_or_else(|| self.missing(name))
    }

    async fn rename(&self, name: &str, meta: &ObjectMeta) -> Result<ObjectInfo> {
        let old = self.entry_for_sure(name).await?.filter(|info| !info.deleted);
        let old = old.ok_or_else(|| self.missing(name))?;
        let revision = old.revision;
        let new = old.described(meta);
        let changed = self.change(&meta.name, |before| match before {
            Some(before) if !before.deleted => Err(self.exists(&meta.name)),
            _ => Ok(Some(new.clone())),
        });
        let now = changed.await?.after.ok_or_else(|| self.missing(name))?;
        if self.forget(name, revision).await? {
            return Ok(now);
        }
        // Somebody else was faster: what is there under the old name counts.
        self.forget(&now.name, now.revision).await?;
        let name = name.escape_debug();
        let text = format!("bucket {}: \"{name}\" was changed while it was renamed", self.name());
        Err(Error::new(Code::ObjectChanged, text))
    }
}
