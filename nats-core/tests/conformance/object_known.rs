use nats_core::object::{GetOptions, ObjectMeta, PutOptions};
use nats_core::{Code, Headers, Publish};

use super::support::objects::*;
use super::support::*;

fn expecting(revision: u64) -> PutOptions {
    PutOptions { previous: Some(revision), ..PutOptions::default() }
}

#[tokio::test]
async fn object_06() {
    let (_server, _js, store) = start().await;
    let whole = content(1000);
    for size in [0, 1, 99, 100, 101, 200, 250, 1000] {
        let bytes = &whole[..size];
        for piece in [1, 37, 100, 130, 1000] {
            let meta = chunked("x", 100);
            let mut writer = store.writer(meta, &PutOptions::default()).await.unwrap();
            for piece in bytes.chunks(piece) {
                writer.write(piece).await.unwrap();
            }
            assert_eq!(writer.written(), size as u64);
            let info = writer.finish().await.unwrap();
            assert_eq!((info.size, info.chunks), (size as u64, size.div_ceil(100) as u64));
            assert_eq!(info.options.max_chunk_size, 100);
            let got = within("the object", store.get_bytes("x")).await.unwrap();
            assert!(got == bytes, "{size} bytes in pieces of {piece}");
            // What it has replaced is gone.
            assert_eq!(messages(&store).await, info.chunks + 1);
        }
    }
}

#[tokio::test]
async fn object_07() {
    let (_server, _js, store) = start().await;
    let text = store.put_bytes("text", "a text").await.unwrap();
    assert_eq!(text.options.max_chunk_size, 128 << 10);
    assert_eq!(store.get_string("text").await.unwrap(), "a text");
    store.put_bytes("binary", b"\xff").await.unwrap();
    assert_eq!(code(store.get_string("binary").await), Code::WrongType);
}

#[tokio::test]
async fn object_08() {
    let (_server, _js, store) = start().await;
    assert_eq!(code(store.info("x").await), Code::ObjectNotFound);
    assert_eq!(store.entry("x").await.unwrap(), None);
    let meta = ObjectMeta {
        description: "letters".into(),
        headers: [("Kind".to_owned(), vec!["a".to_owned(), "b".to_owned()])].into(),
        metadata: [("owner".to_owned(), "me".to_owned())].into(),
        ..chunked("x", 2)
    };
    let put = store.put_bytes(meta, "abc").await.unwrap();
    let info = store.info("x").await.unwrap();
    assert_eq!((&*info.bucket, &*info.name, info.size, info.chunks), ("b", "x", 3, 2));
    assert_eq!(info.digest, "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=");
    assert_eq!(
        (&*info.description, &info.headers["Kind"][..]),
        ("letters", &["a", "b"].map(String::from)[..])
    );
    assert_eq!((&*info.metadata["owner"], info.revision), ("me", 3));
    assert_eq!(info.mtime[..16], put.mtime[..16], "within this minute, or nearly");
    let mut same = info.clone();
    same.mtime.clone_from(&put.mtime);
    assert_eq!(same, put);
}

#[tokio::test]
async fn object_09() {
    let (_server, _js, store) = start().await;
    assert!(store.list(true).await.unwrap().is_empty());
    store.put_bytes("x", "x").await.unwrap();
    store.put_bytes("y", "y").await.unwrap();
    let names = async |deleted: bool| -> Vec<String> {
        store.list(deleted).await.unwrap().into_iter().map(|info| info.name).collect()
    };
    assert_eq!(names(false).await, ["x", "y"]);
    store.delete("x").await.unwrap();
    assert_eq!(names(false).await, ["y"]);
    assert_eq!(names(true).await, ["y", "x"]);
    store.delete("y").await.unwrap();
    for number in 0..600 {
        store.put_bytes(&*format!("n{number}"), "").await.unwrap();
    }
    store.put_bytes("n0", "changed").await.unwrap();
    let all = store.list(false).await.unwrap();
    let names: Vec<_> = all.iter().map(|info| info.name.clone()).collect();
    let expected: Vec<_> = (1..600).chain([0]).map(|number| format!("n{number}")).collect();
    assert_eq!(names, expected);
    assert_eq!(all[5], store.info("n6").await.unwrap());
}

#[tokio::test]
async fn object_10() {
    let (_server, _js, store) = start().await;
    for name in ["x", "*"] {
        assert_eq!(code(store.get_bytes(name).await), Code::ObjectNotFound);
        assert_eq!(code(store.delete(name).await), Code::ObjectNotFound);
    }
    let info = store.put_bytes(chunked("x", 2), "abc").await.unwrap();
    store.put_bytes("y", "y").await.unwrap();
    let gone = store.delete("x").await.unwrap();
    assert!(gone.deleted && gone.size == 0 && gone.nuid == info.nuid, "{gone:?}");
    assert_eq!(messages(&store).await, 1 + 2, "no chunk of it is left");
    assert_eq!(code(store.info("x").await), Code::ObjectNotFound);
    assert_eq!(code(store.get_bytes("x").await), Code::ObjectNotFound);
    assert!(store.entry("x").await.unwrap().unwrap().deleted);
    assert_eq!(store.delete("x").await.unwrap().revision, gone.revision, "again");
    let shown = GetOptions { show_deleted: true, ..GetOptions::default() };
    let mut reader = store.get("x", &shown).await.unwrap();
    assert!(reader.info().deleted);
    assert_eq!(reader.next_chunk().await.unwrap(), None);
    store.put_bytes("x", "again").await.unwrap();
    assert_eq!(store.get_string("x").await.unwrap(), "again");
}

#[tokio::test]
async fn object_11() {
    let (_server, _js, store) = start().await;
    let long = "x".repeat(2048);
    for name in ["a b", ".", "*.>", "a\r\nb\0", "weiß/?~", "../../etc", &*long] {
        store.put_bytes(name, name).await.unwrap();
        assert_eq!(store.get_string(name).await.unwrap(), name);
        assert_eq!(store.info(name).await.unwrap().name, name);
        store.delete(name).await.unwrap();
    }
}

#[tokio::test]
async fn object_12() {
    let (_server, js, store) = start().await;
    let sent = js.client().stats().out_messages;
    for bad in ["", &"x".repeat(2049), &"x".repeat(1 << 20)] {
        assert_eq!(code(store.put_bytes(bad, "x").await), Code::InvalidName);
        assert_eq!(code(store.get_bytes(bad).await), Code::InvalidName);
        assert_eq!(code(store.delete(bad).await), Code::InvalidName);
        assert_eq!(code(store.update_meta("x", &ObjectMeta::new(bad)).await), Code::InvalidName);
        assert_eq!(code(store.add_bucket_link(bad, &store).await), Code::InvalidName);
    }
    let large = chunked("x", u32::MAX);
    assert_eq!(code(store.put_bytes(large, "x").await), Code::InvalidArgument);
    let none = PutOptions { window_bytes: 0, ..PutOptions::default() };
    assert_eq!(code(store.put_bytes_with("x", "x", &none).await), Code::InvalidArgument);
    assert_eq!(js.client().stats().out_messages, sent, "nothing was sent");
}

#[tokio::test]
async fn object_13() {
    let (_server, _js, store) = start().await;
    let put = store.put_bytes(chunked("x", 2), "abcde").await.unwrap();
    let meta = ObjectMeta { description: "new".into(), ..ObjectMeta::new("x") };
    let info = store.update_meta("x", &meta).await.unwrap();
    assert_eq!((&*info.description, &info.nuid, info.size), ("new", &put.nuid, 5));
    assert_eq!(store.info("x").await.unwrap().description, "new");
    assert_eq!(store.get_string("x").await.unwrap(), "abcde");
    assert_eq!(code(store.update_meta("z", &ObjectMeta::new("z")).await), Code::ObjectNotFound);
    store.delete("x").await.unwrap();
    assert_eq!(code(store.update_meta("x", &meta).await), Code::ObjectNotFound);
}

#[tokio::test]
async fn object_14() {
    let (_server, _js, store) = start().await;
    store.put_bytes(chunked("x", 2), "abcde").await.unwrap();
    let other = store.put_bytes("y", "y").await.unwrap();
    assert_eq!(code(store.update_meta("x", &ObjectMeta::new("y")).await), Code::ObjectExists);
    assert_eq!(code(store.update_meta("z", &ObjectMeta::new("a")).await), Code::ObjectNotFound);
    let moved = store.update_meta("x", &ObjectMeta::new("z")).await.unwrap();
    assert_eq!((&*moved.name, &*moved.description), ("z", ""));
    assert_eq!(store.entry("x").await.unwrap(), None);
    assert_eq!(store.get_string("z").await.unwrap(), "abcde");
    settles(&store, &[&moved, &other]).await;
    store.delete("y").await.unwrap();
    store.update_meta("z", &ObjectMeta::new("y")).await.unwrap();
    assert_eq!(store.get_string("y").await.unwrap(), "abcde", "over one that was deleted");
}

#[tokio::test]
async fn object_18() {
    let (_server, _js, store) = start().await;
    let first = store.put_bytes_with("x", "1", &expecting(0)).await.unwrap();
    assert_eq!(code(store.put_bytes_with("x", "2", &expecting(0)).await), Code::WrongLastSequence);
    let second = store.put_bytes_with("x", "2", &expecting(first.revision)).await.unwrap();
    let stale = store.put_bytes_with("x", "3", &expecting(first.revision)).await;
    assert_eq!(code(stale), Code::WrongLastSequence);
    // It is replaced while another one is put.
    let expected = expecting(second.revision);
    let mut writer = store.writer("x", &expected).await.unwrap();
    writer.write(b"late").await.unwrap();
    let third = store.put_bytes("x", "3").await.unwrap();
    assert_eq!(code(writer.finish().await), Code::WrongLastSequence);
    settles(&store, &[&third]).await;
    assert_eq!(store.get_string("x").await.unwrap(), "3");
    store.delete("x").await.unwrap();
    store.put_bytes_with("x", "4", &expecting(0)).await.unwrap();
    assert_eq!(store.get_string("x").await.unwrap(), "4", "over one that was deleted");
}

#[tokio::test]
async fn object_19() {
    let (_server, js, store) = start().await;
    // As some write them: with null for nothing, chunks of any size, an algorithm in small letters.
    for chunk in ["ab", "c"] {
        js.publish("$O.b.C.theirs", chunk).await.unwrap();
    }
    let told = r#"{"name":"t","description":null,"headers":null,"metadata":null,"bucket":"b",
        "options":{"link":null,"max_chunk_size":131072},"nuid":"theirs","size":3,"chunks":2,
        "digest":"sha-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0","deleted":false,
        "mtime":"0001-01-01T00:00:00Z","own":{"a":1}}"#;
    let mut headers = Headers::new();
    headers.set("Nats-Rollup", "sub").unwrap();
    let publish = Publish::new("$O.b.M.dA==", told.as_bytes()).headers(&headers);
    js.publish_with(&publish, &Default::default()).await.unwrap();
    assert_eq!(store.get_string("t").await.unwrap(), "abc");
    let mut reader = store.get("t", &from(2, None)).await.unwrap();
    assert_eq!(&reader.next_chunk().await.unwrap().unwrap()[..], b"c");
    assert!(store.info("t").await.unwrap().mtime.starts_with("20"));
    store.update_meta("t", &ObjectMeta::new("t")).await.unwrap();
    let stored = js
        .get_message("OBJ_b", &nats_core::jetstream::GetMessage::last_of("$O.b.M.dA=="))
        .await
        .unwrap();
    let stored: serde_json::Value = serde_json::from_slice(&stored.payload).unwrap();
    assert_eq!(stored["own"]["a"], 1, "what is not known is kept");
    assert!(stored.get("mtime").is_none() && stored.get("revision").is_none());
    // An id that would match other objects is none.
    let bad = told.replace("theirs", ">");
    js.publish("$O.b.M.YQ==", bad).await.unwrap();
    assert_eq!(code(store.delete("a").await), Code::Protocol);
    assert_eq!(store.get_string("t").await.unwrap(), "abc");
}
