//! Publishes three messages and waits until the server has them: publish [URL]

#[tokio::main]
async fn main() -> nats_core::Result<()> {
    let client = nats_core::connect(&nats_examples::url()).await?;
    for update in ["one", "two", "three"] {
        client.publish("updates.count", update).await?;
    }
    // A publish returns when the message is buffered; a drain when the server has everything.
    client.drain().await?;
    println!("published 3 messages");
    Ok(())
}
