//! Stores ten messages in a stream, takes them from it and acknowledges them: jetstream [URL]

use nats_core::jetstream::{ConsumerConfig, FetchOptions, JsMessage, Storage, StreamConfig};

#[tokio::main]
async fn main() -> nats_core::Result<()> {
    let js = nats_core::connect(&nats_examples::url()).await?.jetstream();
    let stream = StreamConfig {
        name: "ORDERS".into(),
        subjects: vec!["orders.>".into()],
        storage: Storage::Memory,
        ..StreamConfig::default()
    };
    js.create_stream(&stream).await?;
    let worker = ConsumerConfig { durable_name: "worker".into(), ..ConsumerConfig::default() };
    js.create_consumer("ORDERS", &worker).await?;

    for number in 1..=10 {
        let ack = js.publish("orders.new", format!("order {number}")).await?;
        println!("stored {number} as {}", ack.seq);
    }

    // Five, each acknowledged by itself; then what is left, acknowledged together.
    let pull = js.pull("ORDERS", "worker")?;
    let five = FetchOptions { max_messages: 5, ..FetchOptions::default() };
    for message in pull.fetch(&five)?.all().await? {
        show(&message)?;
        message.ack().await?;
    }
    let rest = FetchOptions { no_wait: true, ..FetchOptions::default() };
    let rest = pull.fetch(&rest)?.all().await?;
    for message in &rest {
        show(message)?;
    }
    JsMessage::ack_all(&rest).await?;

    js.delete_stream("ORDERS").await?;
    println!("stream deleted");
    Ok(())
}

fn show(message: &JsMessage) -> nats_core::Result<()> {
    let text = String::from_utf8_lossy(message.payload());
    let sequence = message.metadata()?.stream_sequence;
    println!("got {}: {text} (sequence {sequence})", message.subject());
    Ok(())
}
