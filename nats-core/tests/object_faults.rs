//! What goes wrong with objects, against a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use nats_core::Code;
use nats_core::jetstream::{GetMessage, JetStream};
use nats_core::object::{GetOptions, ObjectInfo, ObjectStore, ObjectStoreConfig, PutOptions};
use support::objects::*;
use support::*;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

const CHUNK: u32 = 10;

/// Does something to the chunks of an object.
type Harm = (&'static str, fn(&mut Vec<Vec<u8>>));

/// Puts the object, and then chunks that were harmed in the place of its own.
async fn harmed(js: &JetStream, store: &ObjectStore, harm: fn(&mut Vec<Vec<u8>>)) -> ObjectInfo {
    let bytes = content(45);
    let info = store.put_bytes(chunked("x", CHUNK), &bytes).await.unwrap();
    let subject = format!("$O.b.C.{}", info.nuid);
    let mut chunks: Vec<Vec<u8>> = bytes.chunks(CHUNK as usize).map(<[u8]>::to_vec).collect();
    harm(&mut chunks);
    let which =
        nats_core::jetstream::PurgeOptions { filter: Some(subject.clone()), ..Default::default() };
    js.purge_stream("OBJ_b", &which).await.unwrap();
    for chunk in chunks {
        js.publish(&subject, chunk).await.unwrap();
    }
    info
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[tokio::test]
async fn chunks_that_are_not_those_that_were_put_are_noticed() {
    let harms: [Harm; 9] = [
        ("the first is missing", |chunks| drop(chunks.remove(0))),
        ("one is missing", |chunks| drop(chunks.remove(2))),
        ("the last is missing", |chunks| drop(chunks.pop())),
        ("all are missing", |chunks| chunks.clear()),
        ("one is there twice", |chunks| chunks.insert(1, chunks[1].clone())),
        ("one more", |chunks| chunks.push(b"more".to_vec())),
        ("another order", |chunks| chunks.swap(0, 1)),
        ("another byte", |chunks| chunks[4][4] ^= 1),
        ("one is shorter", |chunks| chunks[1].truncate(9)),
    ];
    let (_server, js, store) = start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for (what, harm) in harms {
        harmed(&js, &store, harm).await;
        let got = within(what, store.get_bytes("x")).await;
        assert_eq!(code(got), Code::DigestMismatch, "{what}");
        let whole = GetOptions::default();
        let got = store.get_file("x", &path, &whole, |_, _| {});
        assert_eq!(code(within(what, got).await), Code::DigestMismatch, "{what}");
        assert!(is_empty(folder.path()), "{what}");
        let mut reader = store.get("x", &GetOptions::default()).await.unwrap();
        let mut got = Vec::new();
        let error = within(what, reader.read_to_end(&mut got)).await.unwrap_err();
        assert!(error.to_string().contains("DIGEST_MISMATCH"), "{what}: {error}");
        assert_eq!(code(reader.next_chunk().await), Code::DigestMismatch, "it stays so");
        // A range has no digest, but chunks and lengths.
        if !["another order", "another byte"].contains(&what) {
            for offset in [5, 25] {
                let range = GetOptions { offset, ..GetOptions::default() };
                let got = match within(what, store.get("x", &range)).await {
                    Ok(mut reader) => loop {
                        match within(what, reader.next_chunk()).await {
                            Ok(Some(_)) => {}
                            end => break end.map(drop),
                        }
                    },
                    Err(error) => Err(error),
                };
                assert_eq!(code(got), Code::DigestMismatch, "{what}, from {offset} on");
            }
        }
    }
    harmed(&js, &store, |_| {}).await;
    assert_eq!(store.get_bytes("x").await.unwrap(), content(45));
}

#[tokio::test]
async fn what_is_noted_wrongly_is_noticed() {
    let (_server, js, store) = start().await;
    for (name, size) in [("x", 45), ("empty", 0)] {
        store.put_bytes(chunked(name, CHUNK), content(size)).await.unwrap();
        let subject = format!("$O.b.M.{}", if name == "x" { "eA==" } else { "ZW1wdHk=" });
        let noted = js.get_message("OBJ_b", &GetMessage::last_of(&*subject)).await.unwrap();
        let noted: serde_json::Value = serde_json::from_slice(&noted.payload).unwrap();
        let wrong = if size == 0 { "abc" } else { "" };
        for (member, value) in [
            ("digest", serde_json::Value::from("SHA-512=abc")),
            ("digest", "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=".into()),
            ("digest", wrong.into()),
            ("size", (size + 1).into()),
            ("size", u64::MAX.into()),
        ] {
            let mut wrong = noted.clone();
            wrong[member] = value;
            js.publish(&subject, wrong.to_string()).await.unwrap();
            let got = within("the object", store.get_bytes(name)).await;
            assert_eq!(code(got), Code::DigestMismatch, "{wrong}");
        }
    }
    for bad in ["", "{", "[]", r#"{"size":"x"}"#, r#"{"nuid":"*"}"#] {
        js.publish("$O.b.M.YQ==", bad).await.unwrap();
        assert_eq!(code(store.info("a").await), Code::Protocol, "{bad:?}");
        assert_eq!(code(store.list(false).await), Code::Protocol);
    }
}

#[tokio::test]
async fn what_is_replaced_while_it_is_read_is_no_mixture() {
    let (_server, _js, store) = start().await;
    // More than is asked for at once.
    let bytes = content(2_000_000);
    for delete in [false, true] {
        store.put_bytes(chunked("x", 1000), &bytes).await.unwrap();
        let mut reader = store.get("x", &GetOptions::default()).await.unwrap();
        let first = within("a chunk", reader.next_chunk()).await.unwrap().unwrap();
        assert_eq!(&first[..], &bytes[..1000]);
        if delete {
            store.delete("x").await.unwrap();
        } else {
            store.put_bytes("x", "other").await.unwrap();
        }
        let end = loop {
            match within("a chunk", reader.next_chunk()).await {
                Ok(Some(_)) => {}
                end => break end,
            }
        };
        assert_eq!(code(end), Code::ObjectChanged);
    }
}

/// Gives some bytes, and then an error.
struct Fails(usize);

impl AsyncRead for Fails {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0 == 0 {
            return Poll::Ready(Err(io::Error::other("no more")));
        }
        let size = self.0.min(buf.remaining()).min(4000);
        buf.put_slice(&vec![b'x'; size]);
        self.0 -= size;
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn puts_that_fail_leave_nothing_and_what_was_there_stays() {
    let (_server, js, store) = start().await;
    let old = store.put_bytes("x", "old").await.unwrap();
    for size in [0, 1, 131_072, 1_000_000] {
        let put = store.put("x", Fails(size)).await;
        let error = put.unwrap_err();
        assert_eq!((error.code(), error.text()), (Code::Io, "no more"));
        assert_eq!(messages(&store).await, 2, "{size}");
    }
    let begun = async || {
        let mut writer = store.writer(chunked("x", 1000), &PutOptions::default()).await.unwrap();
        writer.write(&content(100_500)).await.unwrap();
        writer
    };
    begun().await.abort().await.unwrap();
    assert_eq!(messages(&store).await, 2, "at once");
    drop(begun().await);
    settles(&store, &[&old]).await;
    // A write that nobody waits for to its end.
    let tiny = PutOptions { window_bytes: 1, ..PutOptions::default() };
    let mut writer = store.writer(chunked("x", 1000), &tiny).await.unwrap();
    let all = content(100_000);
    let write = tokio::time::timeout(Duration::ZERO, writer.write(&all)).await;
    assert!(write.is_err(), "it has to wait");
    assert_eq!(code(writer.write(b"more").await), Code::Cancelled);
    assert_eq!(code(writer.finish().await), Code::Cancelled);
    settles(&store, &[&old]).await;
    // A bucket that is full.
    let config = ObjectStoreConfig { max_bytes: 100_000, ..in_memory("small") };
    let small = js.create_object_store(&config).await.unwrap();
    assert_eq!(code(small.put_bytes(chunked("x", 1000), content(200_000)).await), Code::JetStream);
    settles(&small, &[]).await;
    small.put_bytes(chunked("x", 1000), content(50_000)).await.unwrap();
    assert_eq!(store.get_string("x").await.unwrap(), "old");
}

#[tokio::test]
async fn files_that_change_while_they_are_read_are_not_put() {
    let (_server, _js, store) = start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for size in [200_000, 1_000_000] {
        std::fs::write(&path, content(500_000)).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let change = |bytes, _| {
            if bytes == 131_072 {
                file.set_len(size).unwrap();
            }
        };
        let put = store.put_file("x", &path, &PutOptions::default(), change).await;
        assert_eq!(code(put), Code::Io);
        assert_eq!(messages(&store).await, 0, "{size}");
    }
    assert_eq!(
        code(store.put_file("x", folder.path(), &PutOptions::default(), |_, _| {}).await),
        Code::Io
    );
}

const FULL: &str = "NATS_CORE_TEST_FULL";

/// The process that may write no more than this into a file is another one: this test itself.
#[tokio::test]
async fn a_disk_that_is_full_has_no_part_of_the_object() {
    if let Ok(told) = std::env::var(FULL) {
        let (url, folder) = told.split_once(' ').unwrap();
        let store = dial(url).await.jetstream().object_store("b").await.unwrap();
        let path = Path::new(folder).join("file");
        let got = store.get_file("x", &path, &GetOptions::default(), |_, _| {}).await;
        assert_eq!(code(got), Code::Io);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
        println!("it was full");
        return;
    }
    let (server, _js, store) = start().await;
    store.put_bytes("x", content(3_000_000)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "old").unwrap();
    let name = "a_disk_that_is_full_has_no_part_of_the_object";
    let script = "trap '' XFSZ; ulimit -f 1000; exec \"$0\" --exact \"$1\" --nocapture";
    let mut child = std::process::Command::new("sh");
    child.args(["-c", script, std::env::current_exe().unwrap().to_str().unwrap(), name]);
    child.env(FULL, format!("{} {}", server.url(), folder.path().display()));
    let output = tokio::task::spawn_blocking(move || child.output());
    let output = within("the other process", output).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("it was full"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_are_put_at_once_are_whole_and_leave_nothing() {
    let (_server, js, store) = start().await;
    let tasks: Vec<_> = (0..4)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                for round in 0..10 {
                    let bytes = vec![number; 5000 + round];
                    store.put_bytes(chunked("x", 1000), bytes).await.unwrap();
                }
            })
        })
        .collect();
    let reading = async {
        let mut read = 0;
        while tasks.iter().any(|task| !task.is_finished()) {
            match store.get_bytes("x").await {
                Ok(bytes) => {
                    assert!(bytes.len() >= 5000 && bytes.iter().all(|byte| *byte == bytes[0]));
                    read += 1;
                }
                Err(error) => {
                    let fine = [Code::ObjectChanged, Code::ObjectNotFound];
                    assert!(fine.contains(&error.code()), "{error}");
                }
            }
        }
        read
    };
    within("the puts", reading).await;
    for task in tasks {
        task.await.unwrap();
    }
    let info = store.info("x").await.unwrap();
    settles(&store, &[&info]).await;
    let bytes = store.get_bytes("x").await.unwrap();
    assert_eq!(bytes.len() as u64, info.size);
    // Names that are wanted by many at once go to one of them.
    store.put_bytes("a", "a").await.unwrap();
    store.put_bytes("b", "b").await.unwrap();
    let (other, wanted) = (js.object_store("b").await.unwrap(), chunked("c", 0));
    let (a, b) = tokio::join!(store.update_meta("a", &wanted), other.update_meta("b", &wanted));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    assert_eq!(code(a.and(b)), Code::ObjectExists);
}
