//! One voice of the conversation that `make demo` runs: converse NAME PEER,PEER,...
//!
//! The protocol is described at the head of examples/c/converse.c.

use std::time::{Duration, Instant};

use nats_core::{Client, Code, Headers, Message, Request, SubscribeOptions, Subscription};
use tokio::time::timeout;

const QUESTIONS: u32 = 20;
const MEET: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(5);
const DONE: Duration = Duration::from_secs(120);

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn answer(questions: Subscription, from: Headers) {
    while let Some(question) = questions.next().await {
        if let Err(error) = question.respond_with(Some(&from), question.payload()).await {
            eprintln!("converse: {error}");
        }
    }
}

async fn meet(client: &Client, peer: &str) -> Result<(), Failure> {
    let subject = format!("demo.hello.{peer}");
    let hello = Request::new(&subject, b"hello").timeout(Duration::from_secs(1));
    loop {
        match client.request_with(&hello).await {
            Ok(_) => return Ok(()),
            Err(error) if matches!(error.code(), Code::NoResponders | Code::Timeout) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_right(answer: &Message, peer: &str, payload: &[u8]) -> bool {
    answer.header("From") == Some(peer) && answer.payload() == payload
}

async fn ask(client: &Client, name: &str, peer: &str, from: &Headers) -> Result<(), Failure> {
    let subject = format!("demo.ask.{peer}");
    let mut times = Vec::new();
    for number in 0..QUESTIONS {
        let payload = format!("question {number} of {name} to {peer}");
        let question = Request::new(&subject, payload.as_bytes()).headers(from).timeout(PATIENCE);
        let start = Instant::now();
        if is_right(&client.request_with(&question).await?, peer, payload.as_bytes()) {
            times.push(start.elapsed().as_micros());
        }
    }
    times.sort_unstable();
    let p50 = times.get(times.len() / 2).copied().unwrap_or(0);
    let row = serde_json::json!({
        "from": name, "to": peer, "answered": times.len(), "p50_us": p50 as u64,
    });
    println!("{row}");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, peers] = arguments.as_slice() else {
        return Err("usage: converse NAME PEER,PEER,...".into());
    };
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let client = nats_core::connect(&url).await?;
    let mut from = Headers::new();
    from.append("From", name)?;
    let group = SubscribeOptions { queue: Some("demo".into()), ..SubscribeOptions::default() };
    for kind in ["hello", "ask"] {
        let questions = client.subscribe_with(&format!("demo.{kind}.{name}"), &group)?;
        tokio::spawn(answer(questions, from.clone()));
    }
    let done = client.subscribe("demo.done")?;
    client.flush().await?;
    timeout(MEET, async {
        for peer in peers.split(',') {
            meet(&client, peer).await?;
        }
        Ok::<(), Failure>(())
    })
    .await??;
    for peer in peers.split(',') {
        ask(&client, name, peer, &from).await?;
    }
    timeout(DONE, done.next()).await?;
    client.drain().await?;
    Ok(())
}
