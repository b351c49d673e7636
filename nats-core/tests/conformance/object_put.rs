use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use nats_core::Code;
use nats_core::object::{GetOptions, ObjectStoreConfig, PutOptions};
use nats_harness::{Auth, Config, Server, User};
use tokio::io::{AsyncRead, ReadBuf};

use super::support::objects::*;
use super::support::*;

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
async fn object_35() {
    let (_server, _js, store) = start().await;
    let (bytes, next) = (content(100_500), content(300));
    let old = store.put_bytes(chunked("x", 1000), &bytes).await.unwrap();
    let mut writer = store.writer(chunked("x", 100), &PutOptions::default()).await.unwrap();
    let mut unseen = store.writer(chunked("y", 100), &PutOptions::default()).await.unwrap();
    writer.write(&next).await.unwrap();
    unseen.write(&next).await.unwrap();
    store.jetstream().client().flush().await.unwrap();
    assert!(store.get_bytes("x").await.unwrap() == bytes);
    assert_eq!(store.info("x").await.unwrap(), store.list(true).await.unwrap()[0]);
    assert_eq!(code(store.get_bytes("y").await), Code::ObjectNotFound);
    assert_eq!(store.list(true).await.unwrap().len(), 1);
    assert_eq!(messages(&store).await, old.chunks + 1 + 6, "they are there, but nobody knows");
    let new = writer.finish().await.unwrap();
    assert_eq!(store.get_bytes("x").await.unwrap(), next);
    assert_eq!(messages(&store).await, new.chunks + 1 + 3);
    let other = unseen.finish().await.unwrap();
    assert_eq!(store.get_bytes("y").await.unwrap(), next);
    settles(&store, &[&new, &other]).await;
}

#[tokio::test]
async fn object_36() {
    let (_server, _js, store) = start().await;
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
    assert_eq!(store.get_string("x").await.unwrap(), "old");
}

#[tokio::test]
async fn object_37() {
    let all = User::new("all", "x");
    let none = User::new("none", "x").deny_publish("$O.b.C.>");
    let meta = User::new("meta", "x").deny_publish("$O.b.M.>");
    let auth = Auth::Users(vec![all, none, meta]);
    let server = Server::start(Config::jetstream().with_auth(auth)).unwrap();
    let connect = async |name: &str| {
        let options = options(&server.url()).user_and_password(name, "x");
        within("connect", options.connect()).await.unwrap().jetstream()
    };
    let js = connect("all").await;
    let store = js.create_object_store(&in_memory("b")).await.unwrap();
    for name in ["none", "meta"] {
        let theirs = connect(name).await.object_store("b").await.unwrap();
        let put = within("the put", theirs.put_bytes("x", content(300_000))).await;
        assert_eq!(code(put), Code::Permission, "{name}");
        settles(&store, &[]).await;
    }
    let config = ObjectStoreConfig { max_bytes: 100_000, ..in_memory("small") };
    let small = js.create_object_store(&config).await.unwrap();
    assert_eq!(code(small.put_bytes(chunked("x", 1000), content(200_000)).await), Code::JetStream);
    settles(&small, &[]).await;
    small.put_bytes(chunked("x", 1000), content(50_000)).await.unwrap();
}

#[tokio::test]
async fn object_38() {
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
async fn object_39() {
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
    let name = "object_put::object_39";
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
async fn object_40() {
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
