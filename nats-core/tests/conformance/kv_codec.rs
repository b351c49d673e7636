use std::sync::Arc;

use nats_core::{Code, Error, Result};

use super::kv::*;
use super::support::*;

/// Upper case in the bucket, and values with a sign before them.
struct Loud;

impl KeyCodec for Loud {
    fn encode(&self, key: &str) -> Result<String> {
        Ok(key.to_uppercase())
    }

    fn decode(&self, stored: &str) -> Result<String> {
        Ok(stored.to_lowercase())
    }
}

impl ValueCodec for Loud {
    fn encode(&self, value: &[u8]) -> Result<Vec<u8>> {
        Ok([b"!", value].concat())
    }

    fn decode(&self, stored: &[u8]) -> Result<Vec<u8>> {
        let value = stored.strip_prefix(b"!");
        value.map(<[u8]>::to_vec).ok_or_else(|| Error::new(Code::InvalidArgument, "no sign"))
    }
}

#[tokio::test]
async fn kv_37() {
    let (_server, js) = start().await;
    let plain = bucket(&js).await;
    let kv = plain.with_codecs(Some(Arc::new(Base64Codec)), Some(Arc::new(Base64Codec)));
    assert_eq!(kv.put("Acme Inc.contact", "info@acme.com").await.unwrap(), 1);
    let stored = plain.get("QWNtZSBJbmM.Y29udGFjdA").await.unwrap();
    assert_eq!(text_of(&stored.value), "aW5mb0BhY21lLmNvbQ");
    let entry = kv.get("Acme Inc.contact").await.unwrap();
    assert_eq!(short(&entry), "Acme Inc.contact=info@acme.com");
    assert_eq!((entry.revision, &*entry.bucket), (1, "b"));
    assert_eq!(kv.get_revision("Acme Inc.contact", 1).await.unwrap(), entry);
    kv.update("Acme Inc.contact", "2", 1).await.unwrap();
    assert_eq!(code(kv.create("Acme Inc.contact", "3", None).await), Code::KeyExists);
    kv.put("Ünder.ä", "4").await.unwrap();
    let mut watcher = kv.watch(&KvWatchOptions::of(["Acme Inc.*", "Ünder.ä"])).await.unwrap();
    expect(&mut watcher, &["Acme Inc.contact=2", "Ünder.ä=4", "-"]).await;
    kv.delete("Ünder.ä", &KvOptions::default()).await.unwrap();
    expect(&mut watcher, &["Ünder.ä Delete"]).await;
    assert_eq!(kv.keys::<&str>(&[]).await.unwrap().all().await.unwrap(), ["Acme Inc.contact"]);
    let history = kv.history("Acme Inc.contact").await.unwrap();
    assert_eq!(
        history.iter().map(|entry| text_of(&entry.value)).collect::<Vec<_>>(),
        ["info@acme.com", "2"]
    );
}

#[tokio::test]
async fn kv_38() {
    let (_server, js) = start().await;
    let plain = bucket(&js).await;
    let kv = plain.with_codecs(Some(Arc::new(PathCodec)), None);
    kv.put("/etc/hosts", "1").await.unwrap();
    kv.put("home/me/", "2").await.unwrap();
    assert_eq!(short(&plain.get("_root_.etc.hosts").await.unwrap()), "_root_.etc.hosts=1");
    assert_eq!(short(&kv.get("/etc/hosts").await.unwrap()), "/etc/hosts=1");
    assert_eq!(short(&kv.get("home/me").await.unwrap()), "home/me=2");
    let mut watcher = kv.watch(&KvWatchOptions::of(["/etc/*"])).await.unwrap();
    expect(&mut watcher, &["/etc/hosts=1", "-"]).await;
    assert_eq!(kv.keys(&["home/>"]).await.unwrap().all().await.unwrap(), ["home/me"]);
}

#[tokio::test]
async fn kv_39() {
    let (_server, js) = start().await;
    let plain = bucket(&js).await;
    let kv = plain.with_codecs(Some(Arc::new(Loud)), Some(Arc::new(Loud)));
    kv.put("a", "1").await.unwrap();
    assert_eq!(short(&plain.get("A").await.unwrap()), "A=!1");
    assert_eq!(short(&kv.get("a").await.unwrap()), "a=1");
    // It was stored in another way.
    plain.put("B", "2").await.unwrap();
    assert_eq!(code(kv.get("b").await), Code::InvalidArgument);
    let mut watcher = kv.watch(&KvWatchOptions::default()).await.unwrap();
    expect(&mut watcher, &["a=1", "-"]).await;
    assert_eq!(code(kv.watch(&KvWatchOptions::of(["a.*"])).await), Code::Unsupported);
    assert_eq!(code(kv.put("a b", "1").await), Code::InvalidName, "encoded, it is no key");
}
