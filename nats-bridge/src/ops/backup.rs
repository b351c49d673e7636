//! Operations that write streams into folders and read them back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nats_core::Result;
use nats_core::jetstream::{JetStream, Progress, SnapshotOptions, StreamConfig};
use serde::Deserialize;
use serde_json::json;

use super::{Op, Run, api_errors, read, write};
use crate::doc::Doc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackUp {
    stream: String,
    folder: PathBuf,
    #[serde(default)]
    no_consumers: bool,
    #[serde(default)]
    check: bool,
    chunk_size: Option<u64>,
    window_size: Option<u64>,
    stall_ms: Option<u64>,
}

/// Writes a stream into a folder.
pub const STREAM_BACKUP: Op = Op {
    name: "stream_backup",
    input: Some(
        r#"{"stream": name, "folder": path, "no_consumers": bool, "check": bool, "chunk_size": bytes of a piece, by default 131072, "window_size": bytes on their way at most, by default 8388608 (server 2.14), "stall_ms": how long to wait for a piece, by default 30000}"#,
    ),
    output: r#"{"config": the stream's configuration, "state": what it held, "bytes": n, "chunks": n}"#,
    errors: api_errors!(
        "INVALID_NAME",
        "INVALID_ARGUMENT",
        "STREAM_NOT_FOUND",
        "UNSUPPORTED",
        "SLOW_CONSUMER",
        "IO"
    ),
    doc: "Writes a snapshot of a stream into a folder, which is made if it is not there: the files \
          backup.json and stream.tar.s2, that the nats tool reads, too. The latter has this name only \
          when the backup is whole; an interrupted one leaves none.",
    run: Run::JetStream(|js, input| Box::pin(back_up(js, input, |_| {}))),
};

/// Does it, telling of every piece that has come.
///
/// # Errors
/// Those of the operation.
pub async fn back_up(js: JetStream, input: Doc, progress: impl FnMut(&Progress)) -> Result<Doc> {
    let input: BackUp = read(input)?;
    let usual = SnapshotOptions::default();
    let options = SnapshotOptions {
        no_consumers: input.no_consumers,
        check: input.check,
        chunk_size: input.chunk_size.unwrap_or(usual.chunk_size),
        window_size: input.window_size.unwrap_or(usual.window_size),
        stall: input.stall_ms.map_or(usual.stall, Duration::from_millis),
    };
    let folder = Path::new(&input.folder);
    let (backup, done) = js.backup_stream(&input.stream, folder, &options, progress).await?;
    write(&json!({
        "config": backup.config,
        "state": backup.state,
        "bytes": done.bytes,
        "chunks": done.chunks,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restore {
    folder: PathBuf,
    config: Option<StreamConfig>,
}

/// Reads a stream from a folder.
pub const STREAM_RESTORE: Op = Op {
    name: "stream_restore",
    input: Some(
        r#"{"folder": path, "config": a configuration instead of the one that the stream had}"#,
    ),
    output: "what nats_stream_info() tells",
    errors: api_errors!("INVALID_NAME", "INVALID_ARGUMENT", "IO"),
    doc: "Restores a stream, which must not be there, from a folder that nats_stream_backup() or the \
          nats tool has written. The name stays.",
    run: Run::JetStream(|js, input| Box::pin(restore(js, input, |_| {}))),
};

/// Does it, telling of every piece that the server has.
///
/// # Errors
/// Those of the operation.
pub async fn restore(js: JetStream, input: Doc, progress: impl FnMut(&Progress)) -> Result<Doc> {
    let Restore { folder, config } = read(input)?;
    write(&js.restore_backup(&folder, config.as_ref(), progress).await?)
}
