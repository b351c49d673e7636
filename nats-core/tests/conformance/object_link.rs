use nats_core::Code;
use nats_core::object::{GetOptions, ObjectMeta};

use super::support::objects::*;
use super::support::*;

#[tokio::test]
async fn object_15() {
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
    let meta = ObjectMeta { description: "d".into(), ..ObjectMeta::new("renamed") };
    let renamed = store.update_meta("link", &meta).await.unwrap();
    assert_eq!(renamed.link().unwrap().name, "far");
    assert_eq!(store.get_string("renamed").await.unwrap(), "far");
    store.delete("renamed").await.unwrap();
    assert_eq!(code(store.get_bytes("renamed").await), Code::ObjectNotFound);
    assert_eq!(other.get_string("far").await.unwrap(), "far");
}

#[tokio::test]
async fn object_16() {
    let (_server, js, store) = start().await;
    let other = js.create_object_store(&in_memory("other")).await.unwrap();
    store.put_bytes("near", "near").await.unwrap();
    let far = other.put_bytes("far", "far").await.unwrap();
    let link = store.add_link("link", &far).await.unwrap();
    assert_eq!(code(store.add_link("near", &far).await), Code::ObjectExists);
    assert_eq!(code(store.add_bucket_link("near", &other).await), Code::ObjectExists);
    assert_eq!(code(store.add_link("again", &link).await), Code::InvalidLink);
    let gone = store.delete("near").await.unwrap();
    assert_eq!(code(store.add_link("x", &gone).await), Code::InvalidLink);
    store.add_bucket_link("bucket", &other).await.unwrap();
    assert_eq!(store.info("bucket").await.unwrap().link().unwrap().bucket, "other");
    assert_eq!(code(store.get_bytes("bucket").await), Code::InvalidLink);
}

#[tokio::test]
async fn object_17() {
    let (_server, js, store) = start().await;
    let other = js.create_object_store(&in_memory("other")).await.unwrap();
    let far = other.put_bytes("far", "far").await.unwrap();
    store.add_link("link", &far).await.unwrap();
    // A loop, which is made of an object that becomes a link.
    let from = store.put_bytes("from", "").await.unwrap();
    store.add_link("to", &from).await.unwrap();
    store.delete("from").await.unwrap();
    assert_eq!(code(store.get_bytes("to").await), Code::ObjectNotFound);
    let mut to = store.put_bytes("elsewhere", "").await.unwrap();
    to.name = "to".into();
    store.add_link("from", &to).await.unwrap();
    assert_eq!(code(store.get_bytes("to").await), Code::InvalidLink);
    assert_eq!(code(store.get_bytes("from").await), Code::InvalidLink);
    js.delete_object_store("other").await.unwrap();
    assert_eq!(code(store.get_bytes("link").await), Code::BucketNotFound);
}
