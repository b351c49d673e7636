use std::time::Duration;

use nats_core::Code;
use nats_core::object::{GetOptions, PutOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::objects::*;
use super::support::*;

#[tokio::test]
async fn object_25() {
    let (_server, _js, store) = start().await;
    let bytes = content(95);
    // Two at once, so that their chunks take turns.
    let mut one = store.writer(chunked("one", 10), &PutOptions::default()).await.unwrap();
    let mut two = store.writer(chunked("two", 7), &PutOptions::default()).await.unwrap();
    for piece in bytes.chunks(10) {
        one.write(piece).await.unwrap();
        two.write(piece).await.unwrap();
    }
    two.finish().await.unwrap();
    one.finish().await.unwrap();
    for name in ["one", "two"] {
        for offset in [0, 1, 9, 10, 11, 49, 50, 90, 94, 95] {
            for length in [None, Some(0), Some(1), Some(10), Some(31), Some(u64::MAX)] {
                let mut reader = store.get(name, &from(offset, length)).await.unwrap();
                let mut got = Vec::new();
                within("the range", reader.read_to_end(&mut got)).await.unwrap();
                let end = length.map_or(95, |length| offset.saturating_add(length).min(95));
                let expected = &bytes[offset as usize..end as usize];
                assert!(got == expected, "{name}: {offset}, {length:?}");
                assert_eq!(reader.position(), end);
            }
        }
    }
    assert_eq!(code(store.get("one", &from(96, None)).await), Code::InvalidArgument);
}

#[tokio::test]
async fn object_26() {
    let (_server, js, store) = start().await;
    let bytes = content(8 << 20);
    store.put_bytes("x", &bytes).await.unwrap();
    let before = js.client().stats().in_bytes;
    let mut reader = store.get("x", &from(7_000_000, Some(10))).await.unwrap();
    let chunk = within("the chunk", reader.next_chunk()).await.unwrap().unwrap();
    assert_eq!(&chunk[..], &bytes[7_000_000..7_000_010]);
    assert_eq!(reader.next_chunk().await.unwrap(), None);
    let read = js.client().stats().in_bytes - before;
    assert!(read < 3 << 20, "{read} bytes were received, of {} that lie before", 7_000_000);
}

#[tokio::test]
async fn object_27() {
    let (_server, _js, store) = start().await;
    let bytes = content(100);
    let info = store.put_bytes(chunked("x", 9), &bytes).await.unwrap();
    let mut reader = store.get("x", &GetOptions::default()).await.unwrap();
    let mut got = reader.next_chunk().await.unwrap().unwrap().to_vec();
    got.extend_from_slice(&reader.next_chunk().await.unwrap().unwrap());
    let offset = reader.position();
    drop(reader);
    assert_eq!(offset, 18);
    let resume = GetOptions { offset, nuid: info.nuid, ..GetOptions::default() };
    let mut reader = store.get("x", &resume).await.unwrap();
    within("the rest", reader.read_to_end(&mut got)).await.unwrap();
    assert_eq!(got, bytes);
    store.put_bytes(chunked("x", 9), &bytes).await.unwrap();
    assert_eq!(code(store.get("x", &resume).await), Code::ObjectChanged);
}

#[tokio::test]
async fn object_28() {
    let (_server, _js, store) = start().await;
    let bytes = content(300_000);
    let (mut sender, receiver) = tokio::io::duplex(1000);
    let sent = bytes.clone();
    let sending = tokio::spawn(async move { sender.write_all(&sent).await.unwrap() });
    let info = within("the put", store.put("x", receiver)).await.unwrap();
    sending.await.unwrap();
    assert_eq!(info.chunks, 3, "whole chunks");
    let mut reader = store.get("x", &GetOptions::default()).await.unwrap();
    let mut got = vec![0; 1000];
    reader.read_exact(&mut got).await.unwrap();
    assert_eq!(reader.position(), 1000);
    // What is left of the chunk, and the rest; futures that are dropped lose nothing.
    while let Some(chunk) = {
        let _ = tokio::time::timeout(Duration::ZERO, std::future::pending::<()>()).await;
        let dropped = tokio::time::timeout(Duration::ZERO, reader.next_chunk()).await;
        match dropped {
            Ok(chunk) => chunk.unwrap(),
            Err(_) => within("a chunk", reader.next_chunk()).await.unwrap(),
        }
    } {
        got.extend_from_slice(&chunk);
    }
    assert!(got == bytes);
    assert_eq!(reader.next_chunk().await.unwrap(), None, "it stays at its end");
    store.put("empty", tokio::io::empty()).await.unwrap();
    assert!(store.get_bytes("empty").await.unwrap().is_empty());
}

#[tokio::test]
async fn object_29() {
    let (_server, _js, store) = start().await;
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    let bytes = content(300_000);
    std::fs::write(&source, &bytes).unwrap();
    let mut told = Vec::new();
    let options = PutOptions::default();
    store.put_with("r", &*bytes, &options, |bytes| told.push(bytes)).await.unwrap();
    assert_eq!(told, [131_072, 262_144, 300_000]);
    let mut told = Vec::new();
    let progress = |bytes, total| told.push((bytes, total));
    let put = store.put_file("x", &source, &PutOptions::default(), progress).await.unwrap();
    let expected = [(131_072, 300_000), (262_144, 300_000), (300_000, 300_000)];
    assert_eq!(told, expected);
    told = Vec::new();
    let progress = |bytes, total| told.push((bytes, total));
    let got = store.get_file("x", &target, &GetOptions::default(), progress).await.unwrap();
    assert_eq!((told, &got.nuid), (expected.to_vec(), &put.nuid));
    told = Vec::new();
    let progress = |bytes, total| told.push((bytes, total));
    store.get_file("x", &target, &from(200_000, Some(100)), progress).await.unwrap();
    assert_eq!(told, [(100, 100)]);
}

#[tokio::test]
async fn object_30() {
    let (_server, _js, store) = start().await;
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    let bytes = content(300_000);
    std::fs::write(&source, &bytes).unwrap();
    std::fs::write(&target, "old").unwrap();
    let put = store.put_file("x", &source, &PutOptions::default(), |_, _| {}).await.unwrap();
    let got = store.get_file("x", &target, &GetOptions::default(), |_, _| {}).await.unwrap();
    assert_eq!(got.nuid, put.nuid);
    assert!(std::fs::read(&target).unwrap() == bytes);
    store.get_file("x", &target, &from(299_990, Some(5)), |_, _| {}).await.unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), &bytes[299_990..299_995]);
    let missing = folder.path().join("missing");
    let put = store.put_file("y", &missing, &PutOptions::default(), |_, _| {}).await;
    assert_eq!(code(put), Code::Io);
    let into = folder.path().join("no folder/target");
    let got = store.get_file("x", &into, &GetOptions::default(), |_, _| {}).await;
    assert_eq!(code(got), Code::Io);
    let got = store.get_file("x", folder.path(), &GetOptions::default(), |_, _| {}).await;
    assert_eq!(code(got), Code::Io, "over a folder");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
}
