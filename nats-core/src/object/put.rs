//! Objects put: from readers and from memory.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::info::{ObjectInfo, ObjectMeta};
use super::store::ObjectStore;
use super::writer::ObjectWriter;
use crate::error::{Code, Error, Result};

/// How an object is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOptions {
    /// The revision that what is known of the object is to have; 0: there is to be none, or it was
    /// deleted. None: whatever it has. What is there is replaced only then.
    pub previous: Option<u64>,
    /// How many bytes may wait for their acknowledgement. Default 4 MiB. A single chunk may be
    /// larger.
    pub window_bytes: usize,
    /// How long to wait for the next acknowledgement of a chunk. Default 10 s.
    pub timeout: Duration,
}

impl Default for PutOptions {
    fn default() -> Self {
        PutOptions { previous: None, window_bytes: 4 << 20, timeout: Duration::from_secs(10) }
    }
}

impl ObjectStore {
    /// Puts what a reader gives, until its end.
    ///
    /// # Errors
    /// As [`ObjectStore::put_with`].
    pub async fn put(
        &self,
        meta: impl Into<ObjectMeta>,
        reader: impl AsyncRead + Unpin,
    ) -> Result<ObjectInfo> {
        self.put_with(meta, reader, &PutOptions::default(), |_| {}).await
    }

    /// Puts what a reader gives, until its end. `progress` is told of the bytes so far, after each
    /// block.
    ///
    /// # Errors
    /// [`Code::Io`] when it cannot be read; otherwise those of [`ObjectStore::writer`],
    /// [`ObjectWriter::write`] and [`ObjectWriter::finish`].
    pub async fn put_with(
        &self,
        meta: impl Into<ObjectMeta>,
        mut reader: impl AsyncRead + Unpin,
        options: &PutOptions,
        progress: impl FnMut(u64),
    ) -> Result<ObjectInfo> {
        let mut writer = self.writer(meta, options).await?;
        let put = put_from(&mut writer, &mut reader, progress).await;
        writer.end(put).await
    }

    /// Puts bytes, or a text.
    ///
    /// # Errors
    /// Those of [`ObjectStore::writer`], [`ObjectWriter::write`] and [`ObjectWriter::finish`].
    pub async fn put_bytes(
        &self,
        meta: impl Into<ObjectMeta>,
        bytes: impl AsRef<[u8]>,
    ) -> Result<ObjectInfo> {
        self.put_bytes_with(meta, bytes, &PutOptions::default()).await
    }

    /// Puts bytes, or a text, with options.
    ///
    /// # Errors
    /// As [`ObjectStore::put_bytes`].
    pub async fn put_bytes_with(
        &self,
        meta: impl Into<ObjectMeta>,
        bytes: impl AsRef<[u8]>,
        options: &PutOptions,
    ) -> Result<ObjectInfo> {
        let mut writer = self.writer(meta, options).await?;
        let put = writer.write(bytes.as_ref()).await;
        writer.end(put).await
    }
}

impl ObjectWriter {
    /// Finishes an object whose content was written, or takes it back.
    pub(super) async fn end(self, written: Result<()>) -> Result<ObjectInfo> {
        match written {
            Ok(()) => self.finish().await,
            Err(error) => {
                // The error that counts is the one before.
                let _ = self.abort().await;
                Err(error)
            }
        }
    }
}

/// Writes what a reader gives, in whole chunks.
pub(super) async fn put_from(
    writer: &mut ObjectWriter,
    reader: &mut (impl AsyncRead + Unpin),
    mut progress: impl FnMut(u64),
) -> Result<()> {
    let mut block = Vec::with_capacity(writer.chunk_size());
    loop {
        block.clear();
        while block.len() < writer.chunk_size() {
            let left = (writer.chunk_size() - block.len()) as u64;
            let read = (&mut *reader).take(left).read_buf(&mut block).await;
            if read.map_err(|error| Error::new(Code::Io, error.to_string()))? == 0 {
                break;
            }
        }
        if block.is_empty() {
            return Ok(());
        }
        writer.write(&block).await?;
        progress(writer.written());
    }
}
