//! Puts objects into a bucket and gets them, whole, in part and by files: object [URL]

use std::path::Path;

use nats_core::jetstream::Storage;
use nats_core::object::{GetOptions, ObjectMeta, ObjectStoreConfig, PutOptions};

fn show(bytes: u64, total: u64) {
    println!("{bytes} of {total} bytes");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let js = nats_core::connect(&nats_examples::url()).await?.jetstream();
    let config = ObjectStoreConfig { storage: Storage::Memory, ..ObjectStoreConfig::new("FILES") };
    let store = js.create_object_store(&config).await?;

    let meta = ObjectMeta { description: "a letter".into(), ..ObjectMeta::new("letter") };
    let letter = store.put_bytes(meta, "Dear all, hello!").await?;
    println!("{}: {} bytes, {}", letter.name, letter.size, letter.digest);
    println!("{}", store.get_string("letter").await?);
    let part = GetOptions { offset: 10, length: Some(5), ..GetOptions::default() };
    let part = store.get("letter", &part).await?.read_all().await?;
    println!("{}", String::from_utf8_lossy(&part));

    let path = Path::new("object.txt");
    std::fs::write(path, "x".repeat(200_000))?;
    store.put_file("large", path, &PutOptions::default(), show).await?;
    store.get_file("large", path, &GetOptions::default(), show).await?;
    std::fs::remove_file(path)?;

    store.add_link("link", &letter).await?;
    println!("by the link: {}", store.get_string("link").await?);

    store.delete("large").await?;
    for info in store.list(false).await? {
        println!("there is {}", info.name);
    }
    js.delete_object_store("FILES").await?;
    println!("bucket deleted");
    Ok(())
}
