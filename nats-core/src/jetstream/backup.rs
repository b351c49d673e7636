//! Snapshots of streams in folders, as the `nats` tool makes and reads them.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::fs;

use super::config::stream::StreamConfig;
use super::context::JetStream;
use super::snapshot::{Progress, SnapshotOptions};
use super::stream::{StreamInfo, StreamState};
use crate::error::{Code, Error, Result};

/// The file with configuration and state.
const TOLD: &str = "backup.json";
/// The file with the snapshot.
const DATA: &str = "stream.tar.s2";
/// Its name while it is not whole.
const PART: &str = "stream.tar.s2.part";

/// A stream as a folder keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Backup {
    /// Its configuration.
    pub config: StreamConfig,
    /// What it held.
    pub state: StreamState,
}

impl JetStream {
    /// Writes a snapshot of a stream into a folder, which is made if it is not there: the files
    /// `backup.json` and `stream.tar.s2`, that `nats stream restore` reads, too. The latter has this name
    /// only when the backup is whole. `progress` is told of each piece.
    ///
    /// # Errors
    /// [`Code::Io`] with the file; [`Code::InvalidArgument`] when the folder has a backup already;
    /// those of [`JetStream::snapshot_stream`] and [`super::Snapshot::next`].
    pub async fn backup_stream(
        &self,
        stream: &str,
        folder: &Path,
        options: &SnapshotOptions,
        progress: impl FnMut(&Progress),
    ) -> Result<(Backup, Progress)> {
        let (told, data, part) = (folder.join(TOLD), folder.join(DATA), folder.join(PART));
        if fs::try_exists(&data).await.map_err(|e| io(&data, &e))? {
            let text = format!("{}: expected a folder without a backup", folder.display());
            return Err(Error::new(Code::InvalidArgument, text));
        }
        fs::create_dir_all(folder).await.map_err(|e| io(folder, &e))?;
        // Before anything is written: most mistakes show here.
        let mut snapshot = self.snapshot_stream(stream, options).await?;
        let mut file = fs::File::create(&part).await.map_err(|e| io(&part, &e))?;
        let written = snapshot.write_to(&mut file, progress).await;
        let done = match written {
            Ok(done) => done,
            Err(error) => {
                drop(file);
                // The error that counts is the one before.
                let _ = fs::remove_file(&part).await;
                return Err(error);
            }
        };
        file.sync_all().await.map_err(|e| io(&part, &e))?;
        drop(file);
        let (config, state) = (snapshot.config().clone(), snapshot.state().clone());
        let backup = Backup { config, state };
        let text = serde_json::to_vec_pretty(&backup)
            .map_err(|e| Error::new(Code::Internal, e.to_string()))?;
        fs::write(&told, text).await.map_err(|e| io(&told, &e))?;
        fs::rename(&part, &data).await.map_err(|e| io(&data, &e))?;
        Ok((backup, done))
    }

    /// Restores a stream, which must not be there, from the folder of a backup. `config` may change
    /// all but the name; `progress` is told of what the server has.
    ///
    /// # Errors
    /// [`Code::Io`] with the file; [`Code::InvalidJson`] when `backup.json` is none; those of
    /// [`JetStream::restore_stream`] and [`super::Restore::finish`].
    pub async fn restore_backup(
        &self,
        folder: &Path,
        config: Option<&StreamConfig>,
        progress: impl FnMut(&Progress),
    ) -> Result<StreamInfo> {
        let (told, data) = (folder.join(TOLD), folder.join(DATA));
        let text = fs::read(&told).await.map_err(|e| io(&told, &e))?;
        let backup: Backup = serde_json::from_slice(&text)
            .map_err(|e| Error::new(Code::InvalidJson, format!("{}: {e}", told.display())))?;
        let mut file = fs::File::open(&data).await.map_err(|e| io(&data, &e))?;
        let config = config.unwrap_or(&backup.config);
        if config.name != backup.config.name {
            let text = format!("name: expected \"{}\", as it was", backup.config.name);
            return Err(Error::new(Code::InvalidArgument, text));
        }
        let restore = self.restore_stream(config, &backup.state).await?;
        restore.read_from(&mut file, progress).await
    }
}

fn io(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Code::Io, format!("{}: {error}", path.display()))
}
