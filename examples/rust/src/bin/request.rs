//! Asks the service of reply.rs and prints the answer: request [URL]

use std::time::Duration;

use nats_core::Request;

#[tokio::main]
async fn main() -> nats_core::Result<()> {
    let client = nats_core::connect(&nats_examples::url()).await?;
    // With nobody listening this ends at once with NO_RESPONDERS.
    let question = Request::new("service.upper", b"hello").timeout(Duration::from_secs(2));
    let answer = client.request_with(&question).await?;
    println!("{}", String::from_utf8_lossy(answer.payload()));
    Ok(())
}
