//! Sends a message with headers and prints what arrives: headers [URL]

use nats_core::{Headers, Publish};

#[tokio::main]
async fn main() -> nats_core::Result<()> {
    let client = nats_core::connect(&nats_examples::url()).await?;
    let orders = client.subscribe("orders.new")?;
    let mut headers = Headers::new();
    headers.append("Trace-Id", "4711")?;
    headers.append("Tag", "express")?;
    headers.append("Tag", "gift")?;
    client.publish_with(&Publish::new("orders.new", b"{}").headers(&headers)).await?;
    if let Some(order) = orders.next().await {
        for (name, value) in order.headers().iter().flat_map(|block| block.iter()) {
            println!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value));
        }
    }
    Ok(())
}
