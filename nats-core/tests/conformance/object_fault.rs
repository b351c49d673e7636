use std::path::Path;

use nats_core::Code;
use nats_core::jetstream::{GetMessage, JetStream};
use nats_core::object::{GetOptions, ObjectInfo, ObjectStore};
use tokio::io::AsyncReadExt;

use super::support::objects::*;
use super::support::*;

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
async fn object_32() {
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
async fn object_33() {
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
async fn object_34() {
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
