//! Two members of a queue group share the work, each job going to one of them: queue_group [URL]

use nats_core::{SubscribeOptions, Subscription};

async fn work(jobs: Subscription) -> usize {
    let mut done = 0;
    while jobs.next().await.is_some() {
        done += 1;
    }
    done
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = nats_core::connect(&nats_examples::url()).await?;
    let group = SubscribeOptions { queue: Some("workers".into()), ..SubscribeOptions::default() };
    let first = tokio::spawn(work(client.subscribe_with("jobs.*", &group)?));
    let second = tokio::spawn(work(client.subscribe_with("jobs.*", &group)?));
    for _ in 0..100 {
        client.publish("jobs.clean", "").await?;
    }
    // When the drain returns, everything that was published has been taken.
    client.flush().await?;
    client.drain().await?;
    let (first, second) = (first.await?, second.await?);
    println!("first: {first}, second: {second}, together: {}", first + second);
    assert_eq!(first + second, 100);
    Ok(())
}
