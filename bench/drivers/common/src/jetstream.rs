//! The operations on streams, as a program would do them with any of the clients.

use std::sync::Arc;
use std::time::Instant;

use crate::args::{Args, Mode, STORED_WARM_UP, warm_up_stream};
use crate::arrivals::Arrivals;
use crate::client::{Client, Consumer, JetStream};
use crate::failure::{Failure, Result};
use crate::latency::Latencies;
use crate::meter::{Measured, Meter};
use crate::ops::{message, receive};

/// Publishes and waits for each acknowledgement.
pub(crate) async fn publish<C: Client>(args: &Args) -> Result<Measured> {
    let client = C::connect(args).await?;
    let (js, message) = (client.jetstream(), message::<C>(args)?);
    in_series::<C>(&js, &warm_up_stream(&args.stream), &message, args.warm_up()).await?;
    let meter = Meter::start();
    let latencies = in_series::<C>(&js, &args.stream, &message, args.count).await?;
    Ok(meter.stop()?.latencies(latencies))
}

async fn in_series<C: Client>(
    js: &C::JetStream,
    stream: &str,
    message: &C::Message,
    count: usize,
) -> Result<Latencies> {
    let mut latencies = Latencies::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        js.publish(stream, message).await?;
        latencies.add(began.elapsed());
    }
    Ok(latencies)
}

/// Publishes with many acknowledgements under way.
pub(crate) async fn publish_all<C: Client>(args: &Args) -> Result<Measured> {
    let client = C::connect(args).await?;
    let (js, message) = (client.jetstream(), message::<C>(args)?);
    let warm_up = warm_up_stream(&args.stream);
    js.publish_all(&warm_up, &message, args.warm_up(), args.inflight).await?;
    let meter = Meter::start();
    js.publish_all(&args.stream, &message, args.count, args.inflight).await?;
    meter.stop()
}

/// Asks a consumer again and again.
pub(crate) async fn fetch<C: Client>(args: &Args, acknowledge: bool) -> Result<Measured> {
    let client = C::connect(args).await?;
    let js = client.jetstream();
    let warm_up = warm_up_stream(&args.stream);
    let mut consumer = js.consumer(&warm_up, &args.consumer).await?;
    fetch_all(&client, &mut consumer, args, STORED_WARM_UP, acknowledge).await?;
    let mut consumer = js.consumer(&args.stream, &args.consumer).await?;
    let meter = Meter::start();
    fetch_all(&client, &mut consumer, args, args.count, acknowledge).await?;
    meter.stop()
}

async fn fetch_all<C: Client>(
    client: &C,
    consumer: &mut impl Consumer,
    args: &Args,
    count: usize,
    acknowledge: bool,
) -> Result<()> {
    let mut wrong = None;
    let mut check = |size| {
        if size != args.size {
            wrong = Some(size);
        }
    };
    let mut come = 0;
    while come < count {
        let more = consumer.fetch(args.batch.min(count - come), acknowledge, &mut check).await?;
        if more == 0 {
            return Err(Failure::Failed(format!("{come} of {count} messages came")));
        }
        come += more;
    }
    if acknowledge {
        client.flush().await?;
    }
    match wrong {
        None => Ok(()),
        Some(size) => {
            let text = format!("a payload of {size} bytes arrived instead of {}", args.size);
            Err(Failure::Failed(text))
        }
    }
}

/// Takes messages without end.
pub(crate) async fn consume<C: Client>(args: &Args, mode: Mode) -> Result<Measured> {
    let client = C::connect(args).await?;
    let js = client.jetstream();
    let warm_up = warm_up_stream(&args.stream);
    let mut consumer = js.consumer(&warm_up, &args.consumer).await?;
    consume_all(&mut consumer, args, mode, STORED_WARM_UP).await?;
    let mut consumer = js.consumer(&args.stream, &args.consumer).await?;
    let meter = Meter::start();
    consume_all(&mut consumer, args, mode, args.count).await?;
    meter.stop()
}

async fn consume_all(
    consumer: &mut impl Consumer,
    args: &Args,
    mode: Mode,
    count: usize,
) -> Result<()> {
    let arrivals = Arc::new(Arrivals::new(args.size));
    arrivals.expect(count);
    let messages = consumer.consume(mode).await?;
    tokio::spawn(receive(messages, mode, Arc::clone(&arrivals)));
    arrivals.wait().await
}
