#[tokio::main]
async fn main() -> nats_core::Result<()> {
    let url = std::env::args().nth(1).unwrap_or("nats://127.0.0.1:4222".into());
    let client = nats_core::connect(&url).await?;
    let greetings = client.subscribe("greet.*")?;
    client.publish("greet.joe", "hello").await?;
    let message = greetings.next().await.ok_or(nats_core::Code::SubscriptionEnded)?;
    println!("{}: {}", message.subject(), String::from_utf8_lossy(message.payload()));
    client.drain().await
}
