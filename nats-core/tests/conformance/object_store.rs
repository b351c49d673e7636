use std::time::Duration;

use nats_core::Code;
use nats_core::jetstream::{Compression, Discard};
use nats_core::object::ObjectStoreConfig;

use super::support::objects::*;
use super::support::*;

#[tokio::test]
async fn object_01() {
    let (_server, js) = start_empty().await;
    assert_eq!(code(js.object_store("c").await), Code::BucketNotFound);
    assert_eq!(code(js.delete_object_store("c").await), Code::BucketNotFound);
    assert_eq!(code(js.update_object_store(&in_memory("c")).await), Code::BucketNotFound);
    js.create_object_store(&in_memory("b")).await.unwrap();
    js.create_object_store(&in_memory("b")).await.unwrap();
    let other = ObjectStoreConfig { description: "other".into(), ..in_memory("b") };
    assert_eq!(code(js.create_object_store(&other).await), Code::BucketExists);
    js.update_object_store(&other).await.unwrap();
    let status = js.object_store("b").await.unwrap().status().await.unwrap();
    assert_eq!(status.config.description, "other");
    js.create_or_update_object_store(&in_memory("c")).await.unwrap();
    js.create_stream(&super::support::streams::stream("PLAIN", "plain")).await.unwrap();
    assert_eq!(js.object_store_names().await.unwrap(), ["b", "c"]);
    let all = js.object_stores().await.unwrap();
    assert_eq!(all.iter().map(|status| &*status.config.bucket).collect::<Vec<_>>(), ["b", "c"]);
    js.delete_object_store("b").await.unwrap();
    assert_eq!(js.object_store_names().await.unwrap(), ["c"]);
}

#[tokio::test]
async fn object_02() {
    let (_server, js) = start_empty().await;
    let sent = js.client().stats().out_messages;
    for bad in ["", "a.b", "a b", "*", ">", "ä", "a\r\nb"] {
        assert_eq!(code(js.create_object_store(&in_memory(bad)).await), Code::InvalidName);
        assert_eq!(code(js.update_object_store(&in_memory(bad)).await), Code::InvalidName);
        assert_eq!(code(js.object_store(bad).await), Code::InvalidName, "{bad:?}");
        assert_eq!(code(js.delete_object_store(bad).await), Code::InvalidName, "{bad:?}");
    }
    assert_eq!(js.client().stats().out_messages, sent, "nothing was sent");
}

#[tokio::test]
async fn object_03() {
    let (_server, js, _store) = start().await;
    let config = ObjectStoreConfig {
        description: "other".into(),
        ttl: Duration::from_secs(3600),
        max_bytes: 1 << 20,
        compression: true,
        metadata: [("owner".to_owned(), "infra".to_owned())].into(),
        ..in_memory("b")
    };
    let store = js.update_object_store(&config).await.unwrap();
    store.put_bytes("x", "content").await.unwrap();
    let status = js.object_store("b").await.unwrap().status().await.unwrap();
    let metadata: Vec<_> = status.config.metadata.keys().cloned().collect();
    assert!(metadata.contains(&"owner".to_owned()), "{metadata:?}");
    let config = ObjectStoreConfig { metadata: status.config.metadata.clone(), ..config };
    assert_eq!((&status.config, status.sealed), (&config, false));
    assert!(status.bytes > 7 && status.stream.config.name == "OBJ_b");
    let stream = &status.stream.config;
    assert_eq!(stream.subjects, ["$O.b.C.>", "$O.b.M.>"]);
    assert!(stream.allow_rollup_hdrs && stream.allow_direct && stream.discard == Discard::New);
    assert_eq!((&stream.compression, stream.max_age), (&Compression::S2, config.ttl));
}

#[tokio::test]
async fn object_04() {
    let (_server, js, store) = start().await;
    store.put_bytes("x", "content").await.unwrap();
    js.delete_object_store("b").await.unwrap();
    assert_eq!(code(store.info("x").await), Code::BucketNotFound);
    assert_eq!(code(store.status().await), Code::BucketNotFound);
    assert_eq!(code(store.list(false).await), Code::BucketNotFound);
    assert_eq!(code(store.get_bytes("x").await), Code::BucketNotFound);
    assert_eq!(code(store.put_bytes("x", "content").await), Code::BucketNotFound);
    assert_eq!(code(store.delete("x").await), Code::BucketNotFound);
    assert_eq!(code(store.seal().await), Code::BucketNotFound);
}

#[tokio::test]
async fn object_05() {
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
