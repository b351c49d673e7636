//! Buckets, against a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nats_core::jetstream::{JetStream, JetStreamOptions, Storage, StreamSource, SubjectTransform};
use nats_core::kv::{KeyValue, KvConfig, KvOperation, KvOptions};
use nats_core::{Code, Publish};
use nats_harness::{Config, Server};
use support::versions::needs;
use support::*;

async fn start() -> (Server, JetStream) {
    let server = Server::start(Config::jetstream()).unwrap();
    let js = dial(&server.url()).await.jetstream();
    (server, js)
}

fn in_memory(bucket: &str) -> KvConfig {
    KvConfig { storage: Storage::Memory, ..KvConfig::new(bucket) }
}

async fn bucket(js: &JetStream) -> KeyValue {
    js.create_key_value(&KvConfig { history: 5, ..in_memory("b") }).await.unwrap()
}

fn source(name: &str) -> StreamSource {
    StreamSource { name: name.into(), ..StreamSource::default() }
}

fn expecting(revision: u64) -> KvOptions {
    KvOptions { expected_revision: Some(revision), ..KvOptions::default() }
}

/// The text of a key, once it has one.
async fn copied(kv: &KeyValue, key: &str) -> String {
    within("the copy", async {
        loop {
            if let Ok(entry) = kv.get(key).await {
                return String::from_utf8(entry.value.to_vec()).unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn buckets_are_made_changed_found_and_removed() {
    let (_server, js) = start().await;
    assert_eq!(code(js.key_value("b").await), Code::BucketNotFound);
    assert_eq!(code(js.delete_key_value("b").await), Code::BucketNotFound);
    assert_eq!(code(js.update_key_value(&in_memory("b")).await), Code::BucketNotFound);
    for bad in ["", "a.b", "a b", "*", ">"] {
        assert_eq!(code(js.create_key_value(&in_memory(bad)).await), Code::InvalidName, "{bad:?}");
        assert_eq!(code(js.key_value(bad).await), Code::InvalidName);
    }
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
    js.create_stream(&support::streams::stream("PLAIN", "plain")).await.unwrap();
    assert_eq!(js.key_value_names().await.unwrap(), ["b", "c"]);
    let all = js.key_values().await.unwrap();
    assert_eq!(all.iter().map(|status| &*status.config.bucket).collect::<Vec<_>>(), ["b", "c"]);
    js.delete_key_value("b").await.unwrap();
    assert_eq!(code(kv.get("k").await), Code::BucketNotFound);
    assert_eq!(code(kv.status().await), Code::BucketNotFound);
}

#[tokio::test]
async fn values_are_put_read_and_deleted() {
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
    assert_eq!(&kv.get_revision("k", 1).await.unwrap().value[..], b"one");
    assert_eq!(code(kv.get_revision("other", 1).await), Code::KeyNotFound);
    assert_eq!(code(kv.get_revision("k", 9).await), Code::KeyNotFound);
    assert_eq!(code(kv.get_revision("k", 0).await), Code::InvalidArgument);

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
    kv.put("empty", "").await.unwrap();
    assert!(kv.get("empty").await.unwrap().value.is_empty());
}

#[tokio::test]
async fn what_is_expected_of_a_key_decides() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    assert_eq!(kv.create("k", "1", None).await.unwrap(), 1);
    assert_eq!(code(kv.create("k", "2", None).await), Code::KeyExists);
    assert_eq!(kv.update("k", "2", 1).await.unwrap(), 2);
    assert_eq!(code(kv.update("k", "3", 1).await), Code::WrongLastSequence);
    assert_eq!(code(kv.delete("k", &expecting(1)).await), Code::WrongLastSequence);
    assert_eq!(kv.delete("k", &expecting(2)).await.unwrap(), 3);
    assert_eq!(kv.create("k", "4", None).await.unwrap(), 4, "over a marker");
    assert_eq!(code(kv.purge("k", &expecting(3)).await), Code::WrongLastSequence);
    kv.purge("k", &expecting(4)).await.unwrap();
    assert_eq!(kv.create("k", "6", None).await.unwrap(), 6);
    assert_eq!(kv.update("new", "7", 0).await.unwrap(), 7);
    assert_eq!(&kv.get("k").await.unwrap().value[..], b"6");
}

#[tokio::test]
async fn names_that_are_none_are_refused() {
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
    let large = vec![0; js.client().max_payload() + 1];
    assert_eq!(code(kv.put("k", large).await), Code::MaxPayload);
    let small = KvConfig { max_value_size: 10, ..in_memory("small") };
    let small = js.create_key_value(&small).await.unwrap();
    assert_eq!(code(small.put("k", [0; 100]).await), Code::JetStream);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_is_changed_by_many_at_once() {
    const EACH: u64 = 50;
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    let count = |entry: Option<&nats_core::kv::KvEntry>| -> u64 {
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
async fn many_keys_are_read_at_once() {
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

#[tokio::test]
async fn times_of_keys_come_to_an_end() {
    let (_server, js) = start().await;
    let second = Duration::from_secs(1);
    let config = KvConfig { limit_marker_ttl: 60 * second, ..in_memory("b") };
    let made = js.create_key_value(&config).await;
    let Some(kv) = needs(js.client(), (2, 11), made) else { return };
    kv.create("k", "x", Some(second)).await.unwrap();
    assert_eq!(&kv.get("k").await.unwrap().value[..], b"x");
    let marker = within("the end of its time", async {
        loop {
            if let Ok(Some(entry)) = kv.entry("k").await
                && !entry.is_put()
            {
                return entry;
            }
        }
    });
    assert_eq!(marker.await.operation, KvOperation::Purge);
    kv.create("k", "y", None).await.unwrap();
    let purge = KvOptions { ttl: Some(second), ..KvOptions::default() };
    kv.purge("k", &purge).await.unwrap();
    within("a marker that goes, too", async { while kv.entry("k").await.unwrap().is_some() {} })
        .await;
    let bad = Some(Duration::from_millis(10));
    assert_eq!(code(kv.create("k", "x", bad).await), Code::InvalidArgument);
}

#[tokio::test]
async fn keys_come_from_other_buckets() {
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
    assert_eq!(again.get("eu.2").await.unwrap().bucket, "mirror");

    let mut eu = source("KV_origin");
    eu.filter_subject = "eu.>".into();
    let some = KvConfig { sources: vec![eu], ..in_memory("some") };
    let some = js.create_key_value(&some).await.unwrap();
    assert_eq!(copied(&some, "eu.1").await, "one");
    assert_eq!(copied(&some, "eu.2").await, "three");
    assert_eq!(code(some.get("us.1").await), Code::KeyNotFound);
    some.put("own", "x").await.unwrap();
    assert_eq!(code(origin.get("own").await), Code::KeyNotFound);

    js.create_stream(&support::streams::stream("EVENTS", "events.>")).await.unwrap();
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
    assert_eq!(
        code(origin.read_only().delete("eu.1", &KvOptions::default()).await),
        Code::ReadOnly
    );
    assert_eq!(&origin.read_only().get("eu.1").await.unwrap().value[..], b"one");
    assert!(js.key_value("all").await.unwrap().status().await.unwrap().config.aggregate);
}

#[tokio::test]
async fn buckets_of_other_domains_are_written_and_read() {
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
}
