use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nats_core::jetstream::{
    Compression, Discard, JetStreamOptions, Republish, StreamSource, SubjectTransform,
};
use nats_core::{Code, Publish};
use nats_harness::{Config, Server};

use super::kv::*;
use super::support::versions::needs;
use super::support::*;

const SECOND: Duration = Duration::from_secs(1);

fn source(name: &str) -> StreamSource {
    StreamSource { name: name.into(), ..StreamSource::default() }
}

/// The text of a key, once it has one.
async fn copied(kv: &KeyValue, key: &str) -> String {
    within("the copy", async {
        loop {
            if let Ok(entry) = kv.get(key).await {
                return text_of(&entry.value);
            }
        }
    })
    .await
}

/// What was done to a key last, once it has no value any more.
async fn marker(kv: &KeyValue, key: &str) -> KvEntry {
    within("the end of its time", async {
        loop {
            if let Ok(Some(entry)) = kv.entry(key).await
                && !entry.is_put()
            {
                return entry;
            }
        }
    })
    .await
}

#[tokio::test]
async fn kv_01() {
    let (_server, js) = start().await;
    assert_eq!(code(js.key_value("b").await), Code::BucketNotFound);
    assert_eq!(code(js.delete_key_value("b").await), Code::BucketNotFound);
    assert_eq!(code(js.update_key_value(&in_memory("b")).await), Code::BucketNotFound);
    js.create_key_value(&in_memory("b")).await.unwrap();
    js.create_key_value(&in_memory("b")).await.unwrap();
    let other = KvConfig { history: 3, ..in_memory("b") };
    assert_eq!(code(js.create_key_value(&other).await), Code::BucketExists);
    js.update_key_value(&other).await.unwrap();
    let kv = js.create_or_update_key_value(&other).await.unwrap();
    kv.put("k", "v").await.unwrap();
    let status = js.key_value("b").await.unwrap().status().await.unwrap();
    assert_eq!((status.config.history, status.values, status.config.aggregate), (3, 1, false));
    assert_eq!(status.stream.config.name, "KV_b");
    js.create_or_update_key_value(&in_memory("c")).await.unwrap();
    js.create_stream(&super::support::streams::stream("PLAIN", "plain")).await.unwrap();
    assert_eq!(js.key_value_names().await.unwrap(), ["b", "c"]);
    let all = js.key_values().await.unwrap();
    assert_eq!(all.iter().map(|status| &*status.config.bucket).collect::<Vec<_>>(), ["b", "c"]);
    js.delete_key_value("b").await.unwrap();
    assert_eq!(code(kv.get("k").await), Code::BucketNotFound);
    assert_eq!(code(kv.status().await), Code::BucketNotFound);
}

#[tokio::test]
async fn kv_02() {
    let (_server, js) = start().await;
    let sent = js.client().stats().out_messages;
    for bad in ["", "a.b", "a b", "*", ">", "ä", "a\r\nb"] {
        assert_eq!(code(js.create_key_value(&in_memory(bad)).await), Code::InvalidName, "{bad:?}");
        assert_eq!(code(js.key_value(bad).await), Code::InvalidName);
        assert_eq!(code(js.delete_key_value(bad).await), Code::InvalidName);
    }
    for (config, part) in [
        (KvConfig { history: 65, ..in_memory("b") }, "history"),
        (KvConfig { history: 0, ..in_memory("b") }, "history"),
        (KvConfig { limit_marker_ttl: SECOND / 2, ..in_memory("b") }, "limit_marker_ttl"),
        (KvConfig { aggregate: true, ..in_memory("b") }, "aggregate"),
    ] {
        let error = js.create_key_value(&config).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.text().starts_with(part), "{error}");
    }
    assert_eq!(js.client().stats().out_messages, sent, "nothing was sent");
}

#[tokio::test]
async fn kv_03() {
    let (_server, js) = start().await;
    let config = KvConfig {
        description: "what for".into(),
        history: 7,
        ttl: 60 * SECOND,
        max_value_size: 1000,
        max_bytes: 1 << 20,
        compression: true,
        republish: Some(Republish {
            src: "$KV.b.>".into(),
            dest: "copies.>".into(),
            ..Republish::default()
        }),
        metadata: BTreeMap::from([("owner".to_owned(), "me".to_owned())]),
        ..KvConfig::new("b")
    };
    let kv = js.create_key_value(&config).await.unwrap();
    let status = kv.status().await.unwrap();
    let mut told = status.config.clone();
    // The server adds notes of its own.
    told.metadata.retain(|name, _| !name.starts_with("_nats."));
    assert_eq!(told, config);
    let stream = status.stream.config;
    assert_eq!(
        (stream.name.as_str(), stream.subjects.as_slice()),
        ("KV_b", &["$KV.b.>".to_owned()][..])
    );
    assert_eq!((stream.max_msgs_per_subject, stream.max_age), (7, 60 * SECOND));
    assert_eq!((stream.max_msg_size, stream.max_bytes), (1000, 1 << 20));
    assert_eq!((stream.duplicate_window, stream.discard), (60 * SECOND, Discard::New));
    assert_eq!((stream.storage, stream.compression), (Storage::File, Compression::S2));
    assert!(stream.allow_direct && stream.allow_rollup_hdrs && stream.deny_delete);
    let copies = js.client().subscribe("copies.>").unwrap();
    flush(js.client()).await;
    kv.put("k", "v").await.unwrap();
    assert_eq!(next(&copies).await.subject(), "copies.k");
}

#[tokio::test]
async fn kv_04() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    assert_eq!(code(kv.get("k").await), Code::KeyNotFound);
    assert_eq!(kv.entry("k").await.unwrap(), None);
    assert_eq!(kv.put("k", "one").await.unwrap(), 1);
    assert_eq!(kv.put("k", b"two\r\n\0").await.unwrap(), 2);
    let entry = kv.get("k").await.unwrap();
    assert_eq!((&*entry.bucket, &*entry.key, &entry.value[..]), ("b", "k", &b"two\r\n\0"[..]));
    assert_eq!((entry.revision, entry.delta, entry.operation), (2, 0, KvOperation::Put));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let age = now.as_nanos() as i64 - entry.created_nanos;
    assert!((0..60_000_000_000).contains(&age), "{age}");
    kv.put("empty", "").await.unwrap();
    assert!(kv.get("empty").await.unwrap().value.is_empty());
}

#[tokio::test]
async fn kv_05() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    kv.put("k", "one").await.unwrap();
    kv.put("k", "two").await.unwrap();
    kv.put("other", "three").await.unwrap();
    assert_eq!(&kv.get_revision("k", 1).await.unwrap().value[..], b"one");
    assert_eq!(code(kv.get_revision("other", 1).await), Code::KeyNotFound);
    assert_eq!(code(kv.get_revision("k", 9).await), Code::KeyNotFound);
    assert_eq!(code(kv.get_revision("k", 0).await), Code::InvalidArgument);
}

#[tokio::test]
async fn kv_06() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    kv.put("k", "one").await.unwrap();
    kv.put("k", "two").await.unwrap();
    assert_eq!(kv.delete("k", &KvOptions::default()).await.unwrap(), 3);
    assert_eq!(code(kv.get("k").await), Code::KeyNotFound);
    let marker = kv.entry("k").await.unwrap().unwrap();
    assert_eq!((marker.operation, marker.revision), (KvOperation::Delete, 3));
    assert_eq!(code(kv.get_revision("k", 3).await), Code::KeyNotFound);
    assert_eq!(&kv.get_revision("k", 1).await.unwrap().value[..], b"one", "what it had before");
    assert_eq!(kv.purge("k", &KvOptions::default()).await.unwrap(), 4);
    assert_eq!(kv.entry("k").await.unwrap().unwrap().operation, KvOperation::Purge);
    assert_eq!(code(kv.get_revision("k", 1).await), Code::KeyNotFound);
    assert_eq!(kv.status().await.unwrap().values, 1);
}

#[tokio::test]
async fn kv_07() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    assert_eq!(kv.create("k", "1", None).await.unwrap(), 1);
    assert_eq!(code(kv.create("k", "2", None).await), Code::KeyExists);
    kv.delete("k", &KvOptions::default()).await.unwrap();
    assert_eq!(kv.create("k", "3", None).await.unwrap(), 3, "over a marker");
    kv.purge("k", &KvOptions::default()).await.unwrap();
    assert_eq!(kv.create("k", "5", None).await.unwrap(), 5, "over a marker");
    assert_eq!(code(kv.create("k", "6", None).await), Code::KeyExists);
    assert_eq!(&kv.get("k").await.unwrap().value[..], b"5");
}

#[tokio::test]
async fn kv_08() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    assert_eq!(kv.update("k", "1", 0).await.unwrap(), 1, "0: there is to be none");
    assert_eq!(code(kv.update("k", "2", 0).await), Code::WrongLastSequence);
    assert_eq!(kv.update("k", "2", 1).await.unwrap(), 2);
    assert_eq!(code(kv.update("k", "3", 1).await), Code::WrongLastSequence);
    assert_eq!(kv.put_with("k", "3", &expecting(2)).await.unwrap(), 3);
    assert_eq!(&kv.get("k").await.unwrap().value[..], b"3");
}

#[tokio::test]
async fn kv_09() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    kv.put("k", "1").await.unwrap();
    kv.put("k", "2").await.unwrap();
    assert_eq!(code(kv.delete("k", &expecting(1)).await), Code::WrongLastSequence);
    assert_eq!(kv.delete("k", &expecting(2)).await.unwrap(), 3);
    assert_eq!(code(kv.purge("k", &expecting(2)).await), Code::WrongLastSequence);
    assert_eq!(kv.purge("k", &expecting(3)).await.unwrap(), 4);
    assert_eq!(kv.status().await.unwrap().values, 1);
}

#[tokio::test]
async fn kv_10() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    let sent = js.client().stats().out_messages;
    for bad in ["", ".", "a.", ".a", "a..b", "a b", "*", "a.>", "ä", "a\r\nb"] {
        assert_eq!(code(kv.put(bad, "x").await), Code::InvalidName, "{bad:?}");
        assert_eq!(code(kv.get(bad).await), Code::InvalidName);
        assert_eq!(code(kv.create(bad, "x", None).await), Code::InvalidName);
        assert_eq!(code(kv.delete(bad, &KvOptions::default()).await), Code::InvalidName);
        assert_eq!(code(kv.get_many(&["a", bad]).await), Code::InvalidName);
        assert_eq!(code(kv.modify(bad, |_| None).await), Code::InvalidName);
    }
    assert_eq!(js.client().stats().out_messages, sent, "nothing was sent");
}

#[tokio::test]
async fn kv_11() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    let large = vec![0; js.client().max_payload() + 1];
    assert_eq!(code(kv.put("k", large).await), Code::MaxPayload);
    let small = KvConfig { max_value_size: 10, ..in_memory("small") };
    let small = js.create_key_value(&small).await.unwrap();
    assert_eq!(code(small.put("k", [0; 100]).await), Code::JetStream);
    assert_eq!(small.put("k", "fits").await.unwrap(), 1);
}

#[tokio::test]
async fn kv_12() {
    let (_server, js) = start().await;
    let config = KvConfig { limit_marker_ttl: 60 * SECOND, ..in_memory("b") };
    let made = js.create_key_value(&config).await;
    let Some(kv) = needs(js.client(), (2, 11), made) else { return };
    kv.create("k", "x", Some(SECOND)).await.unwrap();
    assert_eq!(&kv.get("k").await.unwrap().value[..], b"x");
    assert_eq!(marker(&kv, "k").await.operation, KvOperation::Purge);
    kv.create("k", "y", None).await.unwrap();
    let purge = KvOptions { ttl: Some(SECOND), ..KvOptions::default() };
    kv.purge("k", &purge).await.unwrap();
    within("a marker that goes, too", async { while kv.entry("k").await.unwrap().is_some() {} })
        .await;
    let bad = Some(Duration::from_millis(10));
    assert_eq!(code(kv.create("k", "x", bad).await), Code::InvalidArgument);
}

#[tokio::test]
async fn kv_13() {
    let (_server, js) = start().await;
    let config = KvConfig { ttl: SECOND, limit_marker_ttl: 60 * SECOND, ..in_memory("b") };
    let made = js.create_key_value(&config).await;
    let Some(kv) = needs(js.client(), (2, 11), made) else { return };
    let mut watcher = kv.watch(&KvWatchOptions::default()).await.unwrap();
    kv.put("k", "x").await.unwrap();
    expect(&mut watcher, &["-", "k=x", "k Purge"]).await;
    assert_eq!(code(kv.get("k").await), Code::KeyNotFound);
    assert_eq!(kv.create("k", "y", None).await.unwrap(), 3);
}

#[tokio::test]
async fn kv_14() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    for number in 0..1500 {
        kv.put(&format!("k.{number}"), number.to_string()).await.unwrap();
    }
    kv.delete("k.7", &KvOptions::default()).await.unwrap();
    let keys: Vec<String> = (0..1501).rev().map(|number| format!("k.{number}")).collect();
    let requests = js.client().stats().out_messages;
    let got = kv.get_many(&keys).await;
    let Some(got) = needs(js.client(), (2, 11), got) else { return };
    assert_eq!(js.client().stats().out_messages - requests, 2, "1,024 at once");
    for (key, entry) in keys.iter().zip(&got) {
        match key.as_str() {
            "k.1500" | "k.7" => assert!(entry.is_none(), "{key}"),
            _ => {
                let entry = entry.as_ref().unwrap();
                assert_eq!(
                    (&entry.key, format!("k.{}", text_of(&entry.value))),
                    (key, key.clone())
                );
            }
        }
    }
    assert!(kv.get_many(&[""; 0]).await.unwrap().is_empty());
}

fn text_of(value: &[u8]) -> String {
    String::from_utf8(value.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kv_15() {
    const EACH: u64 = 50;
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    let count = |entry: Option<&KvEntry>| -> u64 {
        entry.map_or(0, |entry| String::from_utf8(entry.value.to_vec()).unwrap().parse().unwrap())
    };
    let tasks = (0..4).map(|_| {
        let kv = kv.clone();
        tokio::spawn(async move {
            for _ in 0..EACH {
                let add = |entry: Option<&_>| Some((count(entry) + 1).to_string().into_bytes());
                kv.modify("n", add).await.unwrap().unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        within("the task", task).await.unwrap();
    }
    assert_eq!(count(Some(&kv.get("n").await.unwrap())), 4 * EACH);
    let asked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&asked);
    let kept = kv.modify("n", move |entry| {
        seen.store(entry.is_some(), Ordering::Relaxed);
        None
    });
    assert_eq!(kept.await.unwrap(), None);
    assert!(asked.load(Ordering::Relaxed));
}

#[tokio::test]
async fn kv_16() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    kv.put("k", "x").await.unwrap();
    let reader = kv.read_only();
    assert_eq!(&reader.get("k").await.unwrap().value[..], b"x");
    let sent = js.client().stats().out_messages;
    assert_eq!(code(reader.put("k", "y").await), Code::ReadOnly);
    assert_eq!(code(reader.create("n", "y", None).await), Code::ReadOnly);
    assert_eq!(code(reader.update("k", "y", 1).await), Code::ReadOnly);
    assert_eq!(code(reader.delete("k", &KvOptions::default()).await), Code::ReadOnly);
    assert_eq!(code(reader.purge("k", &KvOptions::default()).await), Code::ReadOnly);
    assert_eq!(code(reader.purge_deletes(Duration::ZERO).await), Code::ReadOnly);
    assert_eq!(js.client().stats().out_messages, sent, "nothing was sent");
    assert_eq!(kv.put("k", "z").await.unwrap(), 2, "by the other handle");
}

#[tokio::test]
async fn kv_17() {
    let (_server, js) = start().await;
    let origin = js.create_key_value(&in_memory("origin")).await.unwrap();
    origin.put("eu.1", "one").await.unwrap();
    origin.put("us.1", "two").await.unwrap();

    let mirror = KvConfig { mirror: Some(source("origin")), ..in_memory("mirror") };
    let mirror = js.create_key_value(&mirror).await.unwrap();
    assert_eq!(copied(&mirror, "eu.1").await, "one");
    // What is put into it goes to the origin, and comes back.
    let revision = mirror.put("eu.2", "three").await.unwrap();
    assert_eq!(origin.get("eu.2").await.unwrap().revision, revision);
    assert_eq!(copied(&mirror, "eu.2").await, "three");
    let again = js.key_value("mirror").await.unwrap();
    assert_eq!(&*again.get("eu.2").await.unwrap().bucket, "mirror");
    let mut watcher = mirror.watch(&KvWatchOptions::of(["eu.2"])).await.unwrap();
    expect(&mut watcher, &["eu.2=three", "-"]).await;
}

#[tokio::test]
async fn kv_18() {
    let (_server, js) = start().await;
    let origin = js.create_key_value(&in_memory("origin")).await.unwrap();
    origin.put("eu.1", "one").await.unwrap();
    origin.put("us.1", "two").await.unwrap();
    origin.put("eu.2", "three").await.unwrap();
    let mut eu = source("KV_origin");
    eu.filter_subject = "eu.>".into();
    let some = KvConfig { sources: vec![eu], ..in_memory("some") };
    let some = js.create_key_value(&some).await.unwrap();
    assert_eq!(copied(&some, "eu.1").await, "one");
    assert_eq!(copied(&some, "eu.2").await, "three");
    assert_eq!(code(some.get("us.1").await), Code::KeyNotFound);
    some.put("own", "x").await.unwrap();
    assert_eq!(code(origin.get("own").await), Code::KeyNotFound);

    js.create_stream(&super::support::streams::stream("EVENTS", "events.>")).await.unwrap();
    js.publish_with(&Publish::new("events.a", b"told"), &Default::default()).await.unwrap();
    let mut events = source("EVENTS");
    let dest = "$KV.all.events.>".into();
    events.subject_transforms = vec![SubjectTransform { src: "events.>".into(), dest }];
    let sources = vec![source("origin"), events];
    let all = KvConfig { sources, aggregate: true, ..in_memory("all") };
    let all = js.create_key_value(&all).await.unwrap();
    assert_eq!(copied(&all, "us.1").await, "two");
    assert_eq!(copied(&all, "events.a").await, "told");
    assert_eq!(code(all.put("k", "x").await), Code::ReadOnly);
    assert!(js.key_value("all").await.unwrap().status().await.unwrap().config.aggregate);
}

#[tokio::test]
async fn kv_19() {
    let lines = "jetstream {domain: hub}";
    let server = Server::start(Config::plain().with(lines)).unwrap();
    let client = dial(&server.url()).await;
    let hub = JetStreamOptions { domain: Some("hub".into()), ..JetStreamOptions::default() };
    let there = client.jetstream_with(hub).unwrap();
    let kv = there.create_key_value(&in_memory("b")).await.unwrap();
    kv.put("k", "x").await.unwrap();
    assert_eq!(&kv.get("k").await.unwrap().value[..], b"x");
    let here = client.jetstream().key_value("b").await.unwrap();
    assert_eq!(here.get("k").await.unwrap().revision, 1);
    let mut watcher = kv.watch(&KvWatchOptions::default()).await.unwrap();
    expect(&mut watcher, &["k=x", "-"]).await;
    assert_eq!(kv.keys::<&str>(&[]).await.unwrap().all().await.unwrap(), ["k"]);
}
