//! Prints the next three messages on updates.>: subscribe [URL]

use nats_core::SubscribeOptions;

#[tokio::main]
async fn main() -> nats_core::Result<()> {
    let client = nats_core::connect(&nats_examples::url()).await?;
    let three = SubscribeOptions { max_messages: Some(3), ..SubscribeOptions::default() };
    let updates = client.subscribe_with("updates.>", &three)?;
    client.flush().await?;
    println!("subscribed");
    while let Some(message) = updates.next().await {
        println!("{}: {}", message.subject(), String::from_utf8_lossy(message.payload()));
    }
    Ok(())
}
