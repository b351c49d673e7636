//! Keeps settings in a bucket: put, got, watched, listed and deleted: kv [URL]

use nats_core::jetstream::Storage;
use nats_core::kv::{KvConfig, KvEntry, KvOptions, KvUpdate, KvWatchOptions, KvWatcher};

#[tokio::main]
async fn main() -> nats_core::Result<()> {
    let js = nats_core::connect(&nats_examples::url()).await?.jetstream();
    let config = KvConfig { history: 5, storage: Storage::Memory, ..KvConfig::new("settings") };
    let kv = js.create_key_value(&config).await?;

    let revision = kv.put("color", "red").await?;
    show("got", &kv.get("color").await?);
    if let Err(error) = kv.create("color", "blue", None).await {
        println!("create: {}", error.code().name());
    }

    let mut watcher = kv.watch(&KvWatchOptions::default()).await?;
    show_next(&mut watcher).await?;
    show_next(&mut watcher).await?;
    // Only while nobody else has changed it.
    kv.update("color", "green", revision).await?;
    show_next(&mut watcher).await?;
    watcher.stop();

    kv.put("size", "large").await?;
    let keys = kv.keys::<&str>(&[]).await?.all().await?;
    println!("keys: {}", keys.join(" "));

    kv.delete("color", &KvOptions::default()).await?;
    for entry in kv.history("color").await? {
        show("history", &entry);
    }

    js.delete_key_value("settings").await?;
    println!("bucket deleted");
    Ok(())
}

async fn show_next(watcher: &mut KvWatcher) -> nats_core::Result<()> {
    match watcher.next().await? {
        Some(KvUpdate::Entry(entry)) => show("watched", &entry),
        Some(KvUpdate::CaughtUp) => println!("watched: this was all"),
        None => println!("watched: it was stopped"),
    }
    Ok(())
}

fn show(how: &str, entry: &KvEntry) {
    let KvEntry { key, revision, .. } = entry;
    if entry.is_put() {
        let value = String::from_utf8_lossy(&entry.value);
        println!("{how}: {key} is {value} (revision {revision})");
    } else {
        println!("{how}: {key} is deleted");
    }
}
