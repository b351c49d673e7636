use std::time::Duration;

use nats_core::{Code, Event};
use nats_harness::{Cluster, Config};

use super::kv::*;
use super::support::*;

async fn put(kv: &KeyValue, keys: &[&str]) {
    for key in keys {
        kv.put(key, *key).await.unwrap();
    }
}

async fn watch(kv: &KeyValue, options: KvWatchOptions) -> KvWatcher {
    kv.watch(&options).await.unwrap()
}

/// The only consumer of a bucket.
async fn consumer(js: &JetStream, stream: &str) -> String {
    let names = js.consumer_names(stream).unwrap().all().await.unwrap();
    let [name] = names.as_slice() else { panic!("{names:?}") };
    name.clone()
}

#[tokio::test]
async fn kv_20() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    put(&kv, &["a", "b", "a", "c"]).await;
    kv.delete("b", &KvOptions::default()).await.unwrap();
    let mut watcher = watch(&kv, KvWatchOptions::default()).await;
    let first = match within("an update", watcher.next()).await.unwrap() {
        Some(KvUpdate::Entry(entry)) => entry,
        other => panic!("{other:?}"),
    };
    assert_eq!((&*first.bucket, short(&first).as_str()), ("b", "a=a"));
    assert_eq!((first.revision, first.delta), (3, 2));
    expect(&mut watcher, &["c=c", "b Delete", "-"]).await;
    put(&kv, &["d", "a"]).await;
    kv.purge("c", &KvOptions::default()).await.unwrap();
    expect(&mut watcher, &["d=d", "a=a", "c Purge"]).await;
    for number in 0..5000 {
        kv.put(&format!("n.{number}"), "x").await.unwrap();
    }
    let mut all = watch(&kv, KvWatchOptions::of(["n.*"])).await;
    for number in 0..5000 {
        assert_eq!(told(&mut all).await, format!("n.{number}=x"));
    }
    expect(&mut all, &["-"]).await;
}

#[tokio::test]
async fn kv_21() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    let mut watcher = watch(&kv, KvWatchOptions::default()).await;
    expect(&mut watcher, &["-"]).await;
    put(&kv, &["a"]).await;
    let mut none = watch(&kv, KvWatchOptions::of(["other"])).await;
    expect(&mut none, &["-"]).await;
    expect(&mut watcher, &["a=a"]).await;
}

#[tokio::test]
async fn kv_22() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    kv.put("a", "1").await.unwrap();
    put(&kv, &["b"]).await;
    kv.put("a", "2").await.unwrap();
    kv.delete("a", &KvOptions::default()).await.unwrap();
    let options = KvWatchOptions { include_history: true, ..KvWatchOptions::default() };
    let mut watcher = watch(&kv, options.clone()).await;
    expect(&mut watcher, &["a=1", "b=b", "a=2", "a Delete", "-"]).await;
    let mut one = watch(&kv, KvWatchOptions { keys: vec!["a".into()], ..options }).await;
    expect(&mut one, &["a=1", "a=2", "a Delete", "-"]).await;
}

#[tokio::test]
async fn kv_23() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    put(&kv, &["a", "b", "c"]).await;
    for key in ["a", "c"] {
        kv.delete(key, &KvOptions::default()).await.unwrap();
    }
    let options = KvWatchOptions { ignore_deletes: true, ..KvWatchOptions::default() };
    let mut watcher = watch(&kv, options.clone()).await;
    expect(&mut watcher, &["b=b", "-"]).await;
    kv.purge("b", &KvOptions::default()).await.unwrap();
    put(&kv, &["d"]).await;
    expect(&mut watcher, &["d=d"]).await;
    let mut none = watch(&kv, KvWatchOptions { keys: vec!["a".into()], ..options }).await;
    expect(&mut none, &["-"]).await;
}

#[tokio::test]
async fn kv_24() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    kv.put("a", "a value").await.unwrap();
    kv.delete("b", &KvOptions::default()).await.unwrap();
    let options = KvWatchOptions { meta_only: true, ..KvWatchOptions::default() };
    let messages = kv.subscribe(&options).await.unwrap();
    let message = next(&messages).await;
    let entry = kv.read(message.as_ref()).unwrap().unwrap();
    assert_eq!((entry.key, entry.value, entry.revision), ("a", &b""[..], 1));
    assert_eq!((entry.operation, message.header("Nats-Msg-Size")), (KvOperation::Put, Some("7")));
    let message = next(&messages).await;
    let entry = kv.read(message.as_ref()).unwrap().unwrap();
    assert_eq!((entry.key, entry.operation), ("b", KvOperation::Delete));
    assert_eq!(kv.read(next(&messages).await.as_ref()).unwrap(), None, "the mark");
}

#[tokio::test]
async fn kv_25() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    put(&kv, &["a", "b"]).await;
    let options = KvWatchOptions { updates_only: true, ..KvWatchOptions::default() };
    let mut watcher = watch(&kv, options).await;
    put(&kv, &["c", "a"]).await;
    expect(&mut watcher, &["-", "c=c", "a=a"]).await;
}

#[tokio::test]
async fn kv_26() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    for value in ["1", "2", "3", "4"] {
        kv.put("a", value).await.unwrap();
    }
    let from =
        |revision| KvWatchOptions { resume_from: Some(revision), ..KvWatchOptions::default() };
    let mut watcher = watch(&kv, from(3)).await;
    expect(&mut watcher, &["a=3", "a=4", "-"]).await;
    let mut later = watch(&kv, from(5)).await;
    expect(&mut later, &["-"]).await;
    kv.put("a", "5").await.unwrap();
    expect(&mut later, &["a=5"]).await;
    expect(&mut watcher, &["a=5"]).await;
}

#[tokio::test]
async fn kv_27() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    put(&kv, &["eu.1", "eu.2.x", "us.1", "us.2", "asia"]).await;
    let mut watcher = watch(&kv, KvWatchOptions::of(["eu.>", "us.1", "af.*"])).await;
    expect(&mut watcher, &["eu.1=eu.1", "eu.2.x=eu.2.x", "us.1=us.1", "-"]).await;
    put(&kv, &["us.2", "af.7"]).await;
    expect(&mut watcher, &["af.7=af.7"]).await;
    for bad in ["", ".", "a..b", "a b", "a*", ">.a"] {
        assert_eq!(code(kv.watch(&KvWatchOptions::of([bad])).await), Code::InvalidName, "{bad:?}");
        assert_eq!(code(kv.keys(&[bad]).await), Code::InvalidName);
    }
}

#[tokio::test]
async fn kv_28() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    let new = KvWatchOptions { updates_only: true, ..KvWatchOptions::default() };
    for (options, part) in [
        (KvWatchOptions { include_history: true, ..new.clone() }, "updates_only"),
        (KvWatchOptions { resume_from: Some(1), ..new }, "updates_only"),
        (KvWatchOptions { resume_from: Some(0), ..KvWatchOptions::default() }, "resume_from"),
        (
            KvWatchOptions { heartbeat: Some(Duration::ZERO), ..KvWatchOptions::default() },
            "heartbeat",
        ),
    ] {
        let error = kv.watch(&options).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.text().starts_with(part), "{error}");
    }
}

#[tokio::test]
async fn kv_29() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    let mut events = js.client().events();
    put(&kv, &["a", "b"]).await;
    let heartbeat = Some(Duration::from_millis(300));
    let mut watcher = watch(&kv, KvWatchOptions { heartbeat, ..KvWatchOptions::default() }).await;
    expect(&mut watcher, &["a=a", "b=b", "-"]).await;
    for round in 0..3 {
        js.delete_consumer("KV_b", &consumer(&js, "KV_b").await).await.unwrap();
        let key = format!("k.{round}");
        put(&kv, &[&key]).await;
        expect(&mut watcher, &[&format!("{key}={key}")]).await;
    }
    within("an event", async {
        loop {
            if let Event::Consumer { consumer, event } = events.recv().await.unwrap()
                && event.name() == "reset"
            {
                return assert_eq!(consumer, "KV_b");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn kv_30() {
    let (server, js) = start().await;
    let kv = js.create_key_value(&KvConfig::new("b")).await.unwrap();
    put(&kv, &["a", "b"]).await;
    let mut read = watch(&kv, KvWatchOptions::default()).await;
    // Nobody reads it while the server is away.
    let mut unread = watch(&kv, KvWatchOptions::default()).await;
    expect(&mut read, &["a=a", "b=b", "-"]).await;
    let waiting = tokio::spawn(async move {
        expect(&mut read, &["c=c"]).await;
        // A put whose answer was lost is there twice.
        while told(&mut read).await != "a=a" {}
    });
    server.restart().unwrap();
    within("the server", async { while kv.put("c", "c").await.is_err() {} }).await;
    let last = kv.put("a", "a").await.unwrap();
    within("the watch", waiting).await.unwrap();
    // What there was may have come before the restart, or behind it.
    let (mut marks, mut revisions) = (0, Vec::new());
    while marks == 0 || revisions.last() != Some(&last) {
        match within("an update", unread.next()).await.unwrap() {
            Some(KvUpdate::Entry(entry)) => revisions.push(entry.revision),
            Some(KvUpdate::CaughtUp) => marks += 1,
            None => panic!("it has ended"),
        }
    }
    assert!(revisions.is_sorted_by(|a, b| a < b), "each once, in order: {revisions:?}");
    assert!(revisions.contains(&2) && revisions.contains(&(last - 1)), "{revisions:?}");
    assert_eq!(marks, 1);
}

#[tokio::test]
async fn kv_31() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    for number in 0..3000 {
        kv.put(&format!("n.{number}"), "x").await.unwrap();
    }
    let mut watcher = watch(&kv, KvWatchOptions::default()).await;
    for number in 0..100 {
        assert_eq!(told(&mut watcher).await, format!("n.{number}=x"));
    }
    js.client().force_reconnect().unwrap();
    for number in 100..3000 {
        assert_eq!(told(&mut watcher).await, format!("n.{number}=x"));
    }
    expect(&mut watcher, &["-"]).await;
    put(&kv, &["new"]).await;
    expect(&mut watcher, &["new=new"]).await;
}

#[tokio::test]
async fn kv_32() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    put(&kv, &["a"]).await;
    let mut watcher = watch(&kv, KvWatchOptions::default()).await;
    expect(&mut watcher, &["a=a", "-"]).await;
    let messages = kv.subscribe(&KvWatchOptions::default()).await.unwrap();
    js.delete_key_value("b").await.unwrap();
    assert_eq!(code(within("the end", watcher.next()).await), Code::BucketNotFound);
    within("the end", async { while messages.next().await.is_some() {} }).await;
    assert_eq!(messages.end_reason().unwrap().code(), Code::BucketNotFound);
    assert_eq!(code(kv.watch(&KvWatchOptions::default()).await), Code::BucketNotFound);
    assert_eq!(code(kv.keys::<&str>(&[]).await), Code::BucketNotFound);
    assert_eq!(code(kv.history("a").await), Code::BucketNotFound);
}

#[tokio::test]
async fn kv_33() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    let mut watcher = watch(&kv, KvWatchOptions::default()).await;
    expect(&mut watcher, &["-"]).await;
    watcher.stop();
    put(&kv, &["a"]).await;
    expect(&mut watcher, &["end"]).await;
    within("the end of the consumer", async {
        while !js.consumer_names("KV_b").unwrap().all().await.unwrap().is_empty() {}
    })
    .await;
}

#[tokio::test]
async fn kv_34() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    assert!(kv.keys::<&str>(&[]).await.unwrap().all().await.unwrap().is_empty());
    put(&kv, &["eu.1", "eu.2", "us.1", "us.2"]).await;
    kv.delete("eu.2", &KvOptions::default()).await.unwrap();
    kv.purge("us.2", &KvOptions::default()).await.unwrap();
    assert_eq!(kv.keys::<&str>(&[]).await.unwrap().all().await.unwrap(), ["eu.1", "us.1"]);
    let mut keys = kv.keys(&["eu.*", "asia"]).await.unwrap();
    assert_eq!(keys.next().await.unwrap().as_deref(), Some("eu.1"));
    assert_eq!(keys.next().await.unwrap(), None);
    assert_eq!(keys.next().await.unwrap(), None, "and stays so");
}

#[tokio::test]
async fn kv_35() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    assert!(kv.history("a").await.unwrap().is_empty());
    for value in ["1", "2", "3"] {
        kv.put("a", value).await.unwrap();
    }
    put(&kv, &["b"]).await;
    kv.delete("a", &KvOptions::default()).await.unwrap();
    let history = kv.history("a").await.unwrap();
    assert_eq!(history.iter().map(short).collect::<Vec<_>>(), ["a=1", "a=2", "a=3", "a Delete"]);
    assert_eq!(history.iter().map(|entry| entry.revision).collect::<Vec<_>>(), [1, 2, 3, 5]);
    assert_eq!(code(kv.history("a.*").await), Code::InvalidName);
}

#[tokio::test]
async fn kv_36() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    put(&kv, &["a", "a", "b", "c"]).await;
    for key in ["a", "b"] {
        kv.delete(key, &KvOptions::default()).await.unwrap();
    }
    assert_eq!(kv.purge_deletes(Duration::from_secs(1800)).await.unwrap(), 3, "the values alone");
    let history = kv.history("a").await.unwrap();
    assert_eq!(history.iter().map(short).collect::<Vec<_>>(), ["a Delete"]);
    assert_eq!(kv.purge_deletes(Duration::ZERO).await.unwrap(), 2);
    assert!(kv.history("a").await.unwrap().is_empty());
    assert_eq!(kv.keys::<&str>(&[]).await.unwrap().all().await.unwrap(), ["c"]);
}

#[tokio::test]
async fn kv_42() {
    let cluster = Cluster::start_with(3, Config::jetstream()).unwrap();
    let js = dial(&cluster.urls()[0]).await.jetstream();
    let config = KvConfig { num_replicas: 3, ..KvConfig::new("b") };
    let kv = js.create_key_value(&config).await.unwrap();
    let heartbeat = Some(Duration::from_millis(500));
    let mut watcher = watch(&kv, KvWatchOptions { heartbeat, ..KvWatchOptions::default() }).await;
    expect(&mut watcher, &["-"]).await;
    for round in 0..3 {
        let key = format!("k.{round}");
        within("a put", async { while kv.put(&key, key.as_str()).await.is_err() {} }).await;
        within("another leader", async {
            while js.stream_leader_step_down("KV_b", None).await.is_err() {}
        })
        .await;
        // A put whose answer was lost is there twice.
        while told(&mut watcher).await != format!("{key}={key}") {}
    }
}
