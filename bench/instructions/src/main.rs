//! Publishes or receives in parts, as many as the command line says, for `scripts/instructions`.
//!
//! A part is small enough for one read or write of a socket, and the next one begins when it is
//! done. So every part takes the same way through the client, and the instructions of two runs with
//! different numbers of parts differ by those of the messages alone.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use nats_core::{Client, Code, ConnectOptions, Error, Result, Subscription};

/// Messages of a part.
const PART: usize = 256;

/// So many parts are published before they are flushed: what a flush costs is not to count.
const UNFLUSHED: usize = 16;

const USAGE: &str = "usage: nats-bench-instructions URL publish|iterator|batch SIZE PARTS";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(&words)),
        Err(error) => Err(Error::new(Code::Internal, error.to_string())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(words: &[String]) -> Result<()> {
    let usage = || Error::new(Code::InvalidArgument, USAGE);
    let [url, way, size, parts] = words else { return Err(usage()) };
    let (Ok(size), Ok(parts)) = (size.parse(), parts.parse()) else { return Err(usage()) };
    let client = ConnectOptions::new().servers([url.as_str()]).reconnect(false).connect().await?;
    match way.as_str() {
        "publish" => publish(&client, size, parts).await?,
        "iterator" => receive(&client, size, parts, one_by_one).await?,
        "batch" => receive(&client, size, parts, in_batches).await?,
        _ => return Err(usage()),
    }
    client.close().await;
    Ok(())
}

async fn publish(client: &Client, size: usize, parts: usize) -> Result<()> {
    let payload = vec![b'x'; size];
    for part in 1..=parts {
        for _ in 0..PART {
            client.publish("bench.data", &payload).await?;
        }
        if part % UNFLUSHED == 0 || part == parts {
            client.flush().await?;
        }
    }
    Ok(())
}

/// Asks the floor program for a part, takes all of it with `take`, and so on.
async fn receive(
    client: &Client,
    size: usize,
    parts: usize,
    take: impl AsyncFn(&Subscription, usize) -> Option<()>,
) -> Result<()> {
    let subscription = client.subscribe("bench.data")?;
    let order = format!("{PART} {size} 0 1");
    for _ in 0..parts {
        client.publish("bench.go", &order).await?;
        let ended = || Error::new(Code::ConnectionLost, "the messages end before their number");
        take(&subscription, size).await.ok_or_else(ended)?;
    }
    Ok(())
}

async fn one_by_one(subscription: &Subscription, size: usize) -> Option<()> {
    for _ in 0..PART {
        assert_eq!(subscription.next().await?.payload().len(), size);
    }
    Some(())
}

async fn in_batches(subscription: &Subscription, size: usize) -> Option<()> {
    let mut batch = Vec::with_capacity(PART);
    let mut left = PART;
    while left > 0 {
        if !subscription.ready().await {
            return None;
        }
        left -= subscription.take(&mut batch, left);
        for message in batch.drain(..) {
            assert_eq!(message.payload().len(), size);
        }
    }
    Some(())
}
