use std::time::Duration;

use nats_core::Code;

use super::kv::*;
use super::support::*;

fn value(cache: &KvCache, key: &str) -> Option<String> {
    cache.get(key).unwrap().map(|entry| text_of(&entry.value))
}

#[tokio::test]
async fn kv_40() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    for key in ["eu.1", "eu.2", "us.1"] {
        kv.put(key, key).await.unwrap();
    }
    kv.delete("eu.2", &KvOptions::default()).await.unwrap();
    let cache = kv.cache(&KvWatchOptions::of(["eu.>"])).await.unwrap();
    let sent = js.client().stats().out_messages;
    let entry = cache.get("eu.1").unwrap().unwrap();
    assert_eq!((short(&entry).as_str(), entry.revision), ("eu.1=eu.1", 1));
    assert_eq!((value(&cache, "eu.2"), value(&cache, "us.1")), (None, None));
    assert_eq!(cache.keys().unwrap(), ["eu.1"]);
    assert_eq!(js.client().stats().out_messages, sent, "nobody was asked");
    let revision = kv.put("eu.3", "3").await.unwrap();
    within("the revision", cache.wait(revision)).await.unwrap();
    assert_eq!(value(&cache, "eu.3").as_deref(), Some("3"));
    let revision = kv.purge("eu.1", &KvOptions::default()).await.unwrap();
    within("the revision", cache.wait(revision)).await.unwrap();
    assert_eq!(value(&cache, "eu.1"), None);
    assert_eq!(code(cache.get("a b")), Code::InvalidName);

    let short_lived = KvConfig { ttl: Duration::from_millis(500), ..in_memory("short") };
    let short_lived = js.create_key_value(&short_lived).await.unwrap();
    let cache = short_lived.cache(&KvWatchOptions::default()).await.unwrap();
    let revision = short_lived.put("k", "x").await.unwrap();
    within("the revision", cache.wait(revision)).await.unwrap();
    within("the end of its time", async {
        while cache.get("k").unwrap().is_some() {
            tokio::task::yield_now().await
        }
    })
    .await;
    assert!(cache.keys().unwrap().is_empty());
}

#[tokio::test]
async fn kv_41() {
    let (_server, js) = start().await;
    let kv = bucket(&js).await;
    kv.put("a", "1").await.unwrap();
    let cache = kv.cache(&KvWatchOptions::default()).await.unwrap();
    js.client().force_reconnect().unwrap();
    let put = async {
        loop {
            if let Ok(revision) = kv.put("a", "2").await {
                return revision;
            }
        }
    };
    let revision = within("a put", put).await;
    within("the revision", cache.wait(revision)).await.unwrap();
    assert_eq!(value(&cache, "a").as_deref(), Some("2"));
    js.delete_key_value("b").await.unwrap();
    assert_eq!(code(within("the end", cache.wait(u64::MAX)).await), Code::BucketNotFound);
    assert_eq!(code(cache.get("a")), Code::BucketNotFound);
    assert_eq!(code(kv.cache(&KvWatchOptions::default()).await), Code::BucketNotFound);
}
