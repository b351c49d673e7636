use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nats_core::Code;
use nats_harness::{Config, Cut, Proxy, Server, Step};

use super::js::*;
use super::support::versions::is_at_least;
use super::support::*;

/// A stream with messages that do not compress, and a consumer.
async fn filled(js: &JetStream, messages: u64) -> StreamConfig {
    let config = StreamConfig { storage: Storage::File, ..stream("S", "s.>") };
    let made = js.create_stream(&config).await.unwrap();
    let mut state = 88_172_645_463_325_252_u64;
    for number in 0..messages {
        let payload: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .take(2000)
        .collect();
        js.publish(&format!("s.{number}"), payload).await.unwrap();
    }
    js.create_consumer("S", &consumer("c")).await.unwrap();
    made.config
}

/// As much under way, where the server can be told (js-manage-38).
fn window(js: &JetStream, bytes: u64) -> u64 {
    if is_at_least(js.client(), (2, 14)) { bytes } else { 0 }
}

#[tokio::test]
async fn js_manage_47() {
    let (_server, js) = start().await;
    let config = filled(&js, 500).await;
    let told = js.advisories(Some("$JS.EVENT.ADVISORY.STREAM.>")).unwrap();
    flush(js.client()).await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("deep/S");
    let (pieces, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let options = SnapshotOptions {
        chunk_size: 16 << 10,
        window_size: window(&js, 64 << 10),
        check: true,
        ..SnapshotOptions::default()
    };
    let count = |progress: &Progress| {
        pieces.fetch_add(1, Ordering::Relaxed);
        bytes.store(progress.bytes, Ordering::Relaxed);
    };
    let (backup, done) = js.backup_stream("S", &folder, &options, count).await.unwrap();
    assert_eq!((&*backup.config.name, backup.state.messages), ("S", 500));
    assert!(done.chunks > 50 && done.bytes > 1_000_000, "{done:?}");
    assert_eq!((pieces.into_inner(), bytes.into_inner()), (done.chunks, done.bytes));
    let size = std::fs::metadata(folder.join("stream.tar.s2")).unwrap().len();
    assert_eq!(size, done.bytes);
    let again = js.backup_stream("S", &folder, &options, |_| {}).await;
    assert_eq!(code(again), Code::InvalidArgument, "a backup is not written over");

    let there = js.restore_backup(&folder, None, |_| {}).await;
    assert_eq!(code(there), Code::JetStream, "the stream is there");
    js.delete_stream("S").await.unwrap();
    let other = StreamConfig { name: "T".into(), ..config.clone() };
    assert_eq!(code(js.restore_backup(&folder, Some(&other), |_| {}).await), Code::InvalidArgument);
    let changed = StreamConfig { description: "restored".into(), ..config };
    let last = AtomicU64::new(0);
    let seen = |progress: &Progress| {
        assert!(progress.bytes > last.swap(progress.bytes, Ordering::Relaxed));
    };
    let restored = js.restore_backup(&folder, Some(&changed), seen).await.unwrap();
    assert_eq!(last.into_inner(), done.bytes, "told to the end");
    assert_eq!((restored.state.messages, restored.config.description), (500, "restored".into()));
    assert!(js.consumer_info("S", "c").await.is_ok(), "with its consumer");
    let message = js.get_message("S", &GetMessage::last_of("s.499")).await.unwrap();
    assert_eq!((message.sequence, message.payload.len()), (500, 2000));

    let mut kinds = Vec::new();
    while kinds.len() < 4 {
        let event = within("advisories", told.next()).await.unwrap().unwrap().event;
        match event {
            AdvisoryEvent::SnapshotCreate(of) => kinds.push((of.stream, of.state.messages)),
            AdvisoryEvent::SnapshotComplete(of) | AdvisoryEvent::RestoreCreate(of) => {
                kinds.push((of.stream, 0));
            }
            AdvisoryEvent::RestoreComplete(of) => kinds.push((of.stream, of.bytes)),
            _ => {}
        }
    }
    let expected = [500, 0, 0, done.bytes].map(|number| ("S".to_owned(), number));
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn js_manage_48() {
    let (_server, js) = start().await;
    let config = filled(&js, 50).await;
    let options = SnapshotOptions { no_consumers: true, ..SnapshotOptions::default() };
    let mut snapshot = js.snapshot_stream("S", &options).await.unwrap();
    let (state, mut whole) = (snapshot.state().clone(), Vec::new());
    let done = snapshot.write_to(&mut whole, |_| {}).await.unwrap();
    assert_eq!(whole.len() as u64, done.bytes);
    assert_eq!(snapshot.next().await.unwrap(), None, "the end stays the end");
    js.delete_stream("S").await.unwrap();

    // Not all of it, something else, nothing: there is no stream.
    for bad in [&whole[..whole.len() / 2], b"something else", b""] {
        let mut restore = js.restore_stream(&config, &state).await.unwrap();
        restore.send(bad).await.unwrap();
        assert_eq!(code(restore.finish().await), Code::JetStream, "{} bytes", bad.len());
        assert_eq!(code(js.stream_info("S").await), Code::StreamNotFound);
    }
    let mut restore = js.restore_stream(&config, &state).await.unwrap();
    for piece in whole.chunks(999) {
        restore.send(piece).await.unwrap();
    }
    let restored = restore.finish().await.unwrap();
    assert_eq!((restored.state.messages, restored.state.consumer_count), (50, 0));
}

#[tokio::test]
async fn what_cannot_be_taken_or_restored() {
    let (_server, js) = start().await;
    filled(&js, 1).await;
    let sizes = |chunk_size, window_size| SnapshotOptions {
        chunk_size,
        window_size,
        ..SnapshotOptions::default()
    };
    for bad in [sizes(1023, 0), sizes(4096, 1023), sizes(4096, 33 << 20), sizes(4096, 2048)] {
        assert_eq!(code(js.snapshot_stream("S", &bad).await), Code::InvalidArgument, "{bad:?}");
    }
    let options = SnapshotOptions::default();
    assert_eq!(code(js.snapshot_stream("NONE", &options).await), Code::StreamNotFound);
    assert_eq!(code(js.snapshot_stream("a b", &options).await), Code::InvalidName);
    let folder = tempfile::tempdir().unwrap();
    let error = js.restore_backup(folder.path(), None, |_| {}).await.unwrap_err();
    assert!(error.code() == Code::Io && error.text().contains("backup.json"), "{error}");
    std::fs::write(folder.path().join("backup.json"), "{}").unwrap();
    assert_eq!(code(js.restore_backup(folder.path(), None, |_| {}).await), Code::InvalidJson);
    let error = js.backup_stream("NONE", &folder.path().join("none"), &options, |_| {}).await;
    assert_eq!(code(error), Code::StreamNotFound);
    let file = folder.path().join("backup.json");
    assert_eq!(code(js.backup_stream("S", &file, &options, |_| {}).await), Code::Io);
}

/// The server gives up when nobody takes the pieces.
async fn server_gives_up(server: &Arc<Server>, js: &JetStream, options: &SnapshotOptions) {
    let mut snapshot = js.snapshot_stream("S", options).await.unwrap();
    let broken = within("the server gives up", async {
        // It waits for an answer to one of the pieces that the client has already.
        let waiting = Arc::clone(server);
        let gives_up = move || waiting.wait_log("no flow response", PATIENCE).unwrap();
        tokio::task::spawn_blocking(gives_up).await.unwrap();
        loop {
            match snapshot.next().await {
                Ok(Some(_)) => {}
                other => return other,
            }
        }
    })
    .await
    .unwrap_err();
    assert_eq!(broken.code(), Code::JetStream);
    assert!(broken.text().contains("broken off: 408"), "{broken}");
}

#[tokio::test]
async fn js_manage_49() {
    let server = Arc::new(Server::start(Config::jetstream()).unwrap());
    let proxy = Proxy::start(&server.address()).unwrap();
    filled(&dial(&server.url()).await.jetstream(), 500).await;
    let client = within("connect", options(&proxy.url()).connect()).await.unwrap();
    let js = client.jetstream();
    let small = SnapshotOptions {
        chunk_size: 4096,
        window_size: window(&js, 8192),
        stall: Duration::from_secs(10),
        ..SnapshotOptions::default()
    };
    let mut snapshot = js.snapshot_stream("S", &small).await.unwrap();
    assert!(within("a piece", snapshot.next()).await.unwrap().is_some());
    proxy.cut_now(Cut::Rst).unwrap();
    let error = within("the end", async {
        loop {
            if let Err(error) = snapshot.next().await {
                return error;
            }
        }
    })
    .await;
    assert_eq!(error.code(), Code::ConnectionLost, "{error}");
    assert_eq!(code(snapshot.next().await), Code::ConnectionLost, "and stays so");

    // Others have more under way than this stream has: there is no middle to cut it in.
    if !is_at_least(&client, (2, 14)) {
        return;
    }
    // Others do not log that they give up.
    if is_at_least(&client, (2, 15)) {
        server_gives_up(&server, &js, &small).await;
    }

    // A folder has nothing of it, and can be used again.
    let folder = tempfile::tempdir().unwrap();
    let cut = Arc::new(proxy);
    let cutter = Arc::clone(&cut);
    let failed = js
        .backup_stream("S", folder.path(), &small, move |progress| {
            if progress.chunks == 3 {
                cutter.cut_now(Cut::Rst).unwrap();
            }
        })
        .await;
    assert_eq!(code(failed), Code::ConnectionLost);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let (_, done) = js.backup_stream("S", folder.path(), &small, |_| {}).await.unwrap();
    assert!(done.bytes > 1_000_000);
}

/// A server that answers a request for a snapshot with these pieces, given as number and payload.
async fn pieces(pieces: &[(Option<u64>, &str)], end: &str) -> (Code, String) {
    let told = r#"{"type":"io.nats.jetstream.api.v1.stream_snapshot_response","config":{"name":"S"},"state":{}}"#;
    let mut answer = format!("MSG {{2}} 2 {}\r\n{told}\r\n", told.len());
    for (number, payload) in pieces {
        let len = payload.len();
        let reply = number.map(|number| format!("$JS.SNAPSHOT.ACK.S.x.{len}.{number} "));
        answer += &format!("MSG x 1 {}{len}\r\n{payload}\r\n", reply.unwrap_or_default());
    }
    answer += end;
    let script = vec![Step::expect("PUB $JS.API.STREAM.SNAPSHOT.S"), Step::reply(&answer)];
    let server = fake(script);
    let js = dial(&server.url()).await.jetstream();
    let mut snapshot = js.snapshot_stream("S", &SnapshotOptions::default()).await.unwrap();
    let mut whole = Vec::new();
    match within("the end", snapshot.write_to(&mut whole, |_| {})).await {
        Ok(_) => panic!("a snapshot of {whole:?}"),
        Err(error) => (error.code(), error.text().to_owned()),
    }
}

#[tokio::test]
async fn pieces_that_are_lost_are_missed() {
    let done = "HMSG x 1 16 16\r\nNATS/1.0 204\r\n\r\n\r\n";
    let failed = "HMSG x 1 28 28\r\nNATS/1.0 500 disk failed\r\n\r\n\r\n";
    let begin = (Some(1), "\u{7f}any bytes");
    for lost in [
        vec![begin, (Some(3), "b")],
        vec![(Some(2), "b")],
        vec![begin, (None, "b"), (Some(2), "c")],
        vec![begin, (None, "b"), (None, "c")],
        vec![begin, (Some(1), "a")],
        vec![],
    ] {
        let (code, text) = pieces(&lost, done).await;
        assert_eq!(code, Code::SlowConsumer, "{lost:?}: {text}");
    }
    let (code, text) = pieces(&[begin], failed).await;
    assert_eq!((code, text.contains("500 disk failed")), (Code::JetStream, true), "{text}");
}
