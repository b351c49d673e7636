//! Objects, against a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::time::Duration;

use nats_core::object::{
    GetOptions, ObjectInfo, ObjectMeta, ObjectStoreConfig, ObjectUpdate, ObjectWatchOptions,
    ObjectWatcher, PutOptions,
};
use nats_core::{Code, Headers, Publish};
use support::objects::*;
use support::*;

fn from(offset: u64, length: Option<u64>) -> GetOptions {
    GetOptions { offset, length, ..GetOptions::default() }
}

fn expecting(revision: u64) -> PutOptions {
    PutOptions { previous: Some(revision), ..PutOptions::default() }
}

#[tokio::test]
async fn buckets_are_made_changed_found_and_removed() {
    let (_server, js, _b) = start().await;
    assert_eq!(code(js.object_store("c").await), Code::BucketNotFound);
    assert_eq!(code(js.delete_object_store("c").await), Code::BucketNotFound);
    assert_eq!(code(js.update_object_store(&in_memory("c")).await), Code::BucketNotFound);
    for bad in ["", "a.b", "a b", "*", ">"] {
        assert_eq!(code(js.create_object_store(&in_memory(bad)).await), Code::InvalidName);
        assert_eq!(code(js.object_store(bad).await), Code::InvalidName, "{bad:?}");
    }
    js.create_object_store(&in_memory("b")).await.unwrap();
    let config = ObjectStoreConfig {
        description: "other".into(),
        ttl: Duration::from_secs(3600),
        max_bytes: 1 << 20,
        compression: true,
        metadata: [("owner".to_owned(), "infra".to_owned())].into(),
        ..in_memory("b")
    };
    assert_eq!(code(js.create_object_store(&config).await), Code::BucketExists);
    let store = js.update_object_store(&config).await.unwrap();
    store.put_bytes("x", "content").await.unwrap();
    let status = js.object_store("b").await.unwrap().status().await.unwrap();
    let metadata: Vec<_> = status.config.metadata.keys().cloned().collect();
    assert!(metadata.contains(&"owner".to_owned()), "{metadata:?}");
    let config = ObjectStoreConfig { metadata: status.config.metadata.clone(), ..config };
    assert_eq!((&status.config, status.sealed), (&config, false));
    assert!(status.bytes > 7 && status.stream.config.name == "OBJ_b");
    js.create_or_update_object_store(&in_memory("c")).await.unwrap();
    js.create_stream(&support::streams::stream("PLAIN", "plain")).await.unwrap();
    assert_eq!(js.object_store_names().await.unwrap(), ["b", "c"]);
    let all = js.object_stores().await.unwrap();
    assert_eq!(all.iter().map(|status| &*status.config.bucket).collect::<Vec<_>>(), ["b", "c"]);
    js.delete_object_store("b").await.unwrap();
    assert_eq!(code(store.info("x").await), Code::BucketNotFound);
    assert_eq!(code(store.status().await), Code::BucketNotFound);
    assert_eq!(code(store.list(false).await), Code::BucketNotFound);
    assert_eq!(code(store.get_bytes("x").await), Code::BucketNotFound);
    assert_eq!(code(store.put_bytes("x", "content").await), Code::BucketNotFound);
}

#[tokio::test]
async fn every_size_and_every_way_to_write_it_comes_back() {
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
    let text = store.put_bytes("text", "a text").await.unwrap();
    assert_eq!(text.options.max_chunk_size, 128 << 10);
    assert_eq!(store.get_string("text").await.unwrap(), "a text");
    store.put_bytes("binary", b"\xff").await.unwrap();
    assert_eq!(code(store.get_string("binary").await), Code::WrongType);
}

#[tokio::test]
async fn what_is_known_of_objects() {
    let (_server, _js, store) = start().await;
    assert_eq!(code(store.info("x").await), Code::ObjectNotFound);
    assert_eq!(store.entry("x").await.unwrap(), None);
    assert_eq!(code(store.get("x", &GetOptions::default()).await), Code::ObjectNotFound);
    assert_eq!(code(store.delete("x").await), Code::ObjectNotFound);
    assert!(store.list(true).await.unwrap().is_empty());
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

    store.put_bytes("y", "y").await.unwrap();
    let names = async |deleted: bool| -> Vec<String> {
        store.list(deleted).await.unwrap().into_iter().map(|info| info.name).collect()
    };
    assert_eq!(names(false).await, ["x", "y"]);
    let gone = store.delete("x").await.unwrap();
    assert!(gone.deleted && gone.size == 0 && gone.nuid == info.nuid, "{gone:?}");
    assert_eq!(messages(&store).await, 1 + 2, "no chunk of it is left");
    assert_eq!(names(false).await, ["y"]);
    assert_eq!(names(true).await, ["y", "x"]);
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
async fn many_objects_are_listed() {
    let (_server, _js, store) = start().await;
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
async fn any_text_is_a_name() {
    let (_server, js, store) = start().await;
    let long = "x".repeat(2048);
    for name in ["a b", ".", "*.>", "a\r\nb\0", "weiß/?~", "../../etc", &*long] {
        store.put_bytes(name, name).await.unwrap();
        assert_eq!(store.get_string(name).await.unwrap(), name);
        assert_eq!(store.info(name).await.unwrap().name, name);
        store.delete(name).await.unwrap();
    }
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
async fn objects_are_described_anew_and_renamed() {
    let (_server, _js, store) = start().await;
    let put = store.put_bytes(chunked("x", 2), "abcde").await.unwrap();
    let other = store.put_bytes("y", "y").await.unwrap();
    let meta = ObjectMeta { description: "new".into(), ..ObjectMeta::new("x") };
    let info = store.update_meta("x", &meta).await.unwrap();
    assert_eq!((&*info.description, &info.nuid, info.size), ("new", &put.nuid, 5));
    assert_eq!(store.info("x").await.unwrap().description, "new");
    assert_eq!(code(store.update_meta("x", &ObjectMeta::new("y")).await), Code::ObjectExists);
    assert_eq!(code(store.update_meta("z", &ObjectMeta::new("z")).await), Code::ObjectNotFound);
    assert_eq!(code(store.update_meta("z", &ObjectMeta::new("a")).await), Code::ObjectNotFound);

    let moved = store.update_meta("x", &ObjectMeta::new("z")).await.unwrap();
    assert_eq!((&*moved.name, &*moved.description), ("z", ""));
    assert_eq!(store.entry("x").await.unwrap(), None);
    assert_eq!(store.get_string("z").await.unwrap(), "abcde");
    settles(&store, &[&moved, &other]).await;
    store.delete("y").await.unwrap();
    assert_eq!(code(store.update_meta("y", &ObjectMeta::new("y")).await), Code::ObjectNotFound);
    store.update_meta("z", &ObjectMeta::new("y")).await.unwrap();
    assert_eq!(store.get_string("y").await.unwrap(), "abcde", "over one that was deleted");
}

#[tokio::test]
async fn links_lead_to_objects_and_no_further() {
    let (_server, js, store) = start().await;
    let other = js.create_object_store(&in_memory("other")).await.unwrap();
    let near = store.put_bytes("near", "near").await.unwrap();
    let far = other.put_bytes("far", "far").await.unwrap();
    let link = store.add_link("link", &near).await.unwrap();
    assert_eq!(link.link().map(|to| (&*to.bucket, &*to.name)), Some(("b", "near")));
    assert_eq!(store.get_string("link").await.unwrap(), "near");
    store.add_link("link", &far).await.unwrap();
    let reader = store.get("link", &GetOptions::default()).await.unwrap();
    assert_eq!((&*reader.info().name, &*reader.info().bucket), ("far", "other"));
    assert_eq!(store.get_string("link").await.unwrap(), "far", "over another link");
    assert_eq!(code(store.add_link("near", &far).await), Code::ObjectExists);
    assert_eq!(code(store.add_bucket_link("near", &other).await), Code::ObjectExists);
    let info = store.info("link").await.unwrap();
    assert_eq!(code(store.add_link("again", &info).await), Code::InvalidLink);
    let meta = ObjectMeta { description: "d".into(), ..ObjectMeta::new("renamed") };
    let renamed = store.update_meta("link", &meta).await.unwrap();
    assert_eq!(renamed.link().unwrap().name, "far");
    assert_eq!(store.get_string("renamed").await.unwrap(), "far");

    store.add_bucket_link("bucket", &other).await.unwrap();
    assert_eq!(store.info("bucket").await.unwrap().link().unwrap().bucket, "other");
    assert_eq!(code(store.get_bytes("bucket").await), Code::InvalidLink);

    // A loop, which is made of an object that becomes a link.
    let from = store.put_bytes("from", "").await.unwrap();
    store.add_link("to", &from).await.unwrap();
    store.delete("from").await.unwrap();
    assert_eq!(code(store.get_bytes("to").await), Code::ObjectNotFound);
    assert_eq!(
        code(store.add_link("x", &store.entry("from").await.unwrap().unwrap()).await),
        Code::InvalidLink
    );
    let mut to = store.put_bytes("elsewhere", "").await.unwrap();
    to.name = "to".into();
    store.add_link("from", &to).await.unwrap();
    assert_eq!(code(store.get_bytes("to").await), Code::InvalidLink);
    assert_eq!(code(store.get_bytes("from").await), Code::InvalidLink);
    store.delete("to").await.unwrap();
    assert_eq!(other.get_string("far").await.unwrap(), "far", "what a link led to stays");
    js.delete_object_store("other").await.unwrap();
    assert_eq!(code(store.get_bytes("renamed").await), Code::BucketNotFound);
}

#[tokio::test]
async fn a_sealed_bucket_stays_as_it_is() {
    let (_server, _js, store) = start().await;
    let info = store.put_bytes("x", "content").await.unwrap();
    assert!(store.seal().await.unwrap().sealed);
    assert!(store.status().await.unwrap().sealed);
    assert_eq!(code(store.put_bytes("y", "y").await), Code::JetStream);
    assert_eq!(code(store.delete("x").await), Code::JetStream);
    assert_eq!(code(store.add_link("y", &info).await), Code::JetStream);
    assert_eq!(store.get_string("x").await.unwrap(), "content");
    assert_eq!(store.list(true).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_expected_of_an_object_decides() {
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
async fn objects_of_other_clients_are_read() {
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

#[tokio::test]
async fn changes_are_watched_as_they_come() {
    let (_server, js, store) = start().await;
    let options = ObjectWatchOptions::default();
    let mut empty = store.watch(&options).await.unwrap();
    assert_eq!(within("the mark", empty.next()).await.unwrap(), Some(ObjectUpdate::CaughtUp));
    store.put_bytes("x", "1").await.unwrap();
    store.put_bytes("x", "two").await.unwrap();
    store.put_bytes("y", "y").await.unwrap();
    store.delete("y").await.unwrap();
    for (name, size, deleted) in [("x", 1, false), ("x", 3, false), ("y", 1, false), ("y", 0, true)]
    {
        let info = change(&mut empty).await.expect("a change");
        assert_eq!((&*info.name, info.size, info.deleted), (name, size, deleted));
    }
    let only = ObjectWatchOptions { ignore_deletes: true, ..options.clone() };
    let (mut all, mut kept) =
        (store.watch(&options).await.unwrap(), store.watch(&only).await.unwrap());
    let x = store.info("x").await.unwrap();
    assert_eq!(change(&mut all).await.unwrap(), x);
    assert!(change(&mut all).await.unwrap().deleted);
    assert_eq!(change(&mut kept).await.unwrap(), x);
    let updates = ObjectWatchOptions { updates_only: true, ..options.clone() };
    let mut updates = store.watch(&updates).await.unwrap();
    for watcher in [&mut all, &mut kept, &mut updates] {
        assert_eq!(change(watcher).await, None, "the mark");
    }
    js.publish("$O.b.M.YQ==", "{").await.unwrap();
    store.update_meta("x", &ObjectMeta::new("z")).await.unwrap();
    for watcher in [&mut all, &mut kept, &mut updates] {
        assert_eq!(code(within("an error", watcher.next()).await), Code::Protocol);
        assert_eq!(change(watcher).await.unwrap().name, "z", "it goes on");
    }
    all.stop();
    assert_eq!(within("the end", all.next()).await.unwrap(), None);
    let both = ObjectWatchOptions { updates_only: true, include_history: true, ..options.clone() };
    assert_eq!(code(store.watch(&both).await), Code::InvalidArgument);
    js.delete_object_store("b").await.unwrap();
    assert_eq!(code(within("the end", kept.next()).await), Code::BucketNotFound);
    assert_eq!(code(store.watch(&options).await), Code::BucketNotFound);
}

/// The next change; None: the mark behind what there was.
async fn change(watcher: &mut ObjectWatcher) -> Option<ObjectInfo> {
    match within("a change", watcher.next()).await.unwrap().expect("no end") {
        ObjectUpdate::Info(info) => Some(*info),
        ObjectUpdate::CaughtUp => None,
    }
}
