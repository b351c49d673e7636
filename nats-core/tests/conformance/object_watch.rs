use nats_core::Code;
use nats_core::object::{ObjectInfo, ObjectMeta, ObjectUpdate, ObjectWatchOptions, ObjectWatcher};
use nats_harness::{Cut, Proxy};

use super::support::objects::*;
use super::support::*;

/// The next change; None: the mark behind what there was.
async fn change(watcher: &mut ObjectWatcher) -> Option<ObjectInfo> {
    match within("a change", watcher.next()).await.unwrap().expect("no end") {
        ObjectUpdate::Info(info) => Some(*info),
        ObjectUpdate::CaughtUp => None,
    }
}

#[tokio::test]
async fn object_20() {
    let (_server, _js, store) = start().await;
    let options = ObjectWatchOptions::default();
    let mut empty = store.watch(&options).await.unwrap();
    assert_eq!(within("the mark", empty.next()).await.unwrap(), Some(ObjectUpdate::CaughtUp));
    // What is replaced before it was sent is not told any more, so each is awaited.
    for (name, content) in [("x", "1"), ("x", "two"), ("y", "y")] {
        store.put_bytes(name, content).await.unwrap();
        let info = change(&mut empty).await.expect("a change");
        assert_eq!((&*info.name, info.size, info.deleted), (name, content.len() as u64, false));
    }
    store.delete("y").await.unwrap();
    let info = change(&mut empty).await.expect("a change");
    assert_eq!((&*info.name, info.size, info.deleted), ("y", 0, true));
}

#[tokio::test]
async fn object_21() {
    let (_server, _js, store) = start().await;
    let options = ObjectWatchOptions::default();
    for name in ["x", "y", "x"] {
        store.put_bytes(name, "content").await.unwrap();
    }
    store.delete("y").await.unwrap();
    let only = ObjectWatchOptions { ignore_deletes: true, ..options.clone() };
    let (mut all, mut kept) =
        (store.watch(&options).await.unwrap(), store.watch(&only).await.unwrap());
    let x = store.info("x").await.unwrap();
    assert_eq!(change(&mut all).await.unwrap(), x);
    assert!(change(&mut all).await.unwrap().deleted);
    assert_eq!(change(&mut kept).await.unwrap(), x);
    let history = ObjectWatchOptions { include_history: true, ..options.clone() };
    let mut history = store.watch(&history).await.unwrap();
    assert_eq!(change(&mut history).await.unwrap(), x);
    assert!(change(&mut history).await.unwrap().deleted, "a bucket keeps one of each");
    let updates = ObjectWatchOptions { updates_only: true, ..options.clone() };
    let mut updates = store.watch(&updates).await.unwrap();
    for watcher in [&mut all, &mut kept, &mut history, &mut updates] {
        assert_eq!(change(watcher).await, None, "the mark");
    }
    store.delete("x").await.unwrap();
    store.put_bytes("z", "").await.unwrap();
    for watcher in [&mut all, &mut history, &mut updates] {
        assert!(change(watcher).await.unwrap().deleted);
    }
    for watcher in [&mut all, &mut kept, &mut history, &mut updates] {
        assert_eq!(change(watcher).await.unwrap().name, "z");
    }
    let both = ObjectWatchOptions { updates_only: true, include_history: true, ..options.clone() };
    assert_eq!(code(store.watch(&both).await), Code::InvalidArgument);
}

#[tokio::test]
async fn object_22() {
    let (_server, js, store) = start().await;
    store.put_bytes("x", "content").await.unwrap();
    let mut watcher = store.watch(&ObjectWatchOptions::default()).await.unwrap();
    assert_eq!(change(&mut watcher).await.unwrap().name, "x");
    assert_eq!(change(&mut watcher).await, None, "the mark");
    js.publish("$O.b.M.YQ==", "{").await.unwrap();
    store.update_meta("x", &ObjectMeta::new("z")).await.unwrap();
    assert_eq!(code(within("an error", watcher.next()).await), Code::Protocol);
    assert_eq!(change(&mut watcher).await.unwrap().name, "z", "it goes on");
}

#[tokio::test]
async fn object_23() {
    let (_server, js, store) = start().await;
    let options = ObjectWatchOptions::default();
    let mut stopped = store.watch(&options).await.unwrap();
    let mut kept = store.watch(&options).await.unwrap();
    for watcher in [&mut stopped, &mut kept] {
        assert_eq!(change(watcher).await, None, "the mark");
    }
    stopped.stop();
    assert_eq!(within("the end", stopped.next()).await.unwrap(), None);
    js.delete_object_store("b").await.unwrap();
    assert_eq!(code(within("the end", kept.next()).await), Code::BucketNotFound);
    assert_eq!(code(store.watch(&options).await), Code::BucketNotFound);
}

#[tokio::test]
async fn object_24() {
    let (server, _js, store) = start().await;
    let proxy = Proxy::start(&server.address()).unwrap();
    let (client, mut events) = dial_watched(options(&proxy.url())).await;
    let theirs = client.jetstream().object_store("b").await.unwrap();
    let mut watcher = theirs.watch(&ObjectWatchOptions::default()).await.unwrap();
    assert_eq!(change(&mut watcher).await, None, "the mark");
    for round in 0..3 {
        store.put_bytes(&*format!("before {round}"), "").await.unwrap();
        assert_eq!(change(&mut watcher).await.unwrap().name, format!("before {round}"));
        proxy.cut_now(Cut::Rst).unwrap();
        for number in 0..10 {
            store.put_bytes(&*format!("{round} {number}"), "").await.unwrap();
        }
        events.wait("reconnected").await;
        for number in 0..10 {
            assert_eq!(change(&mut watcher).await.unwrap().name, format!("{round} {number}"));
        }
    }
    client.close().await;
}
