//! Objects put from files, and read into files.

use std::path::{Path, PathBuf};

use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

use super::get::GetOptions;
use super::info::{ObjectInfo, ObjectMeta};
use super::put::{PutOptions, put_from};
use super::store::ObjectStore;
use crate::conn::nuid::nuid;
use crate::error::{Code, Error, Result};

impl ObjectStore {
    /// Puts the content of a file. `progress` is told of each block: the bytes so far, and those of
    /// the file.
    ///
    /// # Errors
    /// [`Code::Io`] when it cannot be read, or its size changes meanwhile: nothing was put then;
    /// otherwise as [`ObjectStore::put_with`].
    pub async fn put_file(
        &self,
        meta: impl Into<ObjectMeta>,
        path: &Path,
        options: &PutOptions,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<ObjectInfo> {
        let mut file = File::open(path).await.map_err(|error| io(path, &error))?;
        let about = file.metadata().await.map_err(|error| io(path, &error))?;
        let size = about.len();
        let mut writer = self.writer(meta, options).await?;
        let put = put_from(&mut writer, &mut file, |bytes| progress(bytes, size)).await;
        let put = put.map_err(|error| match error.code() {
            Code::Io => error.context(path.display()),
            _ => error,
        });
        let changed = about.is_file() && writer.written() != size;
        let put = put.and_then(|()| match changed {
            false => Ok(()),
            true => {
                let (path, read) = (path.display(), writer.written());
                let text = format!("{path}: it had {size} bytes, and {read} could be read");
                Err(Error::new(Code::Io, text))
            }
        });
        writer.end(put).await
    }

    /// Reads an object, or what a link leads to, into a file; what is known of the object. The file
    /// is there, in the place of one that was there before, only when all was right: until then its
    /// content is in a file beside it. `progress` is told of each chunk: the bytes so far, and all.
    ///
    /// # Errors
    /// [`Code::Io`] when it cannot be written; otherwise as [`ObjectStore::get`] and
    /// [`ObjectReader::next_chunk`](super::ObjectReader::next_chunk).
    pub async fn get_file(
        &self,
        name: &str,
        path: &Path,
        options: &GetOptions,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<ObjectInfo> {
        let mut reader = self.get(name, options).await?;
        let range = options.range(reader.info())?;
        let part = Part::beside(path)?;
        let place = &part.0;
        let create = fs::OpenOptions::new().write(true).create_new(true).open(place).await;
        let mut file = create.map_err(|error| io(place, &error))?;
        while let Some(chunk) = reader.next_chunk().await? {
            file.write_all(&chunk).await.map_err(|error| io(place, &error))?;
            progress(reader.position() - range.start, range.end - range.start);
        }
        // Errors of what was written last are told here.
        file.flush().await.map_err(|error| io(place, &error))?;
        file.sync_all().await.map_err(|error| io(place, &error))?;
        drop(file);
        fs::rename(place, path).await.map_err(|error| io(path, &error))?;
        Ok(reader.info().clone())
    }
}

/// A file that is not whole: it is removed, unless it has got another name.
struct Part(PathBuf);

impl Part {
    fn beside(path: &Path) -> Result<Part> {
        let Some(name) = path.file_name() else {
            return Err(Error::new(Code::InvalidArgument, "path: expected the name of a file"));
        };
        // Long names have no room for more.
        let name: String = name.to_string_lossy().chars().take(40).collect();
        Ok(Part(path.with_file_name(format!(".{name}.{}.part", nuid()?))))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It is not there when all was right, or when it could not be made.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn io(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Code::Io, format!("{}: {error}", path.display()))
}
