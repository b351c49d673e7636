//! Publishes and receives one message: quickstart [URL]

#[tokio::main]
async fn main() -> nats_core::Result<()> {
    let url = nats_examples::url();
    // [quickstart]
    let client = nats_core::connect(&url).await?;
    let greetings = client.subscribe("greet.*")?;
    client.publish("greet.joe", "hello").await?;
    if let Some(message) = greetings.next().await {
        println!("{}: {}", message.subject(), String::from_utf8_lossy(message.payload()));
    }
    drop(greetings);
    client.drain().await
    // [/quickstart]
}
