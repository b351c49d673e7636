//! Answers requests on service.upper until SIGINT or SIGTERM: reply [URL]

use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = nats_core::connect(&nats_examples::url()).await?;
    let questions = client.subscribe("service.upper")?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    client.flush().await?;
    println!("answering on service.upper");
    loop {
        tokio::select! {
            Some(question) = questions.next() => {
                question.respond(question.payload().to_ascii_uppercase()).await?;
            }
            _ = interrupted.recv() => break,
            _ = terminated.recv() => break,
        }
    }
    drop(questions);
    client.drain().await?;
    Ok(())
}
