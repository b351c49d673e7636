//! The operations on buckets of keys, as a program would do them with any of the clients.

use std::time::Instant;

use crate::args::{Args, KEYS, STORED_WARM_UP, key, warm_up_stream};
use crate::client::{Bucket, Client, JetStream};
use crate::failure::{Failure, Result};
use crate::latency::Latencies;
use crate::meter::{Measured, Meter};
use crate::ops::message;

/// Gives keys values, one after the other.
pub(crate) async fn put<C: Client>(args: &Args) -> Result<Measured> {
    let message = message::<C>(args)?;
    let [warm_up, bucket] = buckets::<C>(args).await?;
    put_all(&warm_up, &message, args.warm_up()).await?;
    let meter = Meter::start();
    let latencies = put_all(&bucket, &message, args.count).await?;
    Ok(meter.stop()?.latencies(latencies))
}

async fn put_all<B: Bucket>(bucket: &B, message: &B::Message, count: usize) -> Result<Latencies> {
    let (keys, mut latencies) = (keys(), Latencies::with_capacity(count));
    for key in keys.iter().cycle().take(count) {
        let began = Instant::now();
        bucket.put(key, message).await?;
        latencies.add(began.elapsed());
    }
    Ok(latencies)
}

/// Gets values, one after the other.
pub(crate) async fn get<C: Client>(args: &Args) -> Result<Measured> {
    let [warm_up, bucket] = buckets::<C>(args).await?;
    get_all(&warm_up, args.size, args.warm_up()).await?;
    let meter = Meter::start();
    let latencies = get_all(&bucket, args.size, args.count).await?;
    Ok(meter.stop()?.latencies(latencies))
}

async fn get_all(bucket: &impl Bucket, size: usize, count: usize) -> Result<Latencies> {
    let (keys, mut latencies) = (keys(), Latencies::with_capacity(count));
    for key in keys.iter().cycle().take(count) {
        let began = Instant::now();
        let got = bucket.get(key).await?;
        latencies.add(began.elapsed());
        check(got, size)?;
    }
    Ok(latencies)
}

/// Watches until all that there was has come.
pub(crate) async fn watch<C: Client>(args: &Args) -> Result<Measured> {
    let [warm_up, bucket] = buckets::<C>(args).await?;
    watch_all(&warm_up, args.size, STORED_WARM_UP).await?;
    let meter = Meter::start();
    watch_all(&bucket, args.size, args.count).await?;
    meter.stop()
}

async fn watch_all(bucket: &impl Bucket, size: usize, count: usize) -> Result<()> {
    let mut wrong = None;
    let mut note = |found| {
        if found != size {
            wrong = Some(found);
        }
    };
    let come = bucket.watch(&mut note).await?;
    if come != count {
        return Err(Failure::Failed(format!("{come} of {count} entries came")));
    }
    wrong.map_or(Ok(()), |found| check(found, size))
}

/// The bucket of the warm-up, and the one that is measured.
async fn buckets<C: Client>(args: &Args) -> Result<[<C::JetStream as JetStream>::Bucket; 2]> {
    let js = C::connect(args).await?.jetstream();
    Ok([js.bucket(&warm_up_stream(&args.stream)).await?, js.bucket(&args.stream).await?])
}

fn keys() -> Vec<String> {
    (0..KEYS).map(key).collect()
}

fn check(found: usize, size: usize) -> Result<()> {
    if found == size {
        return Ok(());
    }
    Err(Failure::Failed(format!("a value of {found} bytes came instead of {size}")))
}
