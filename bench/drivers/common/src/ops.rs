//! The operations, as a program would do them with any of the clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinSet};

use crate::args::{Args, Mode};
use crate::arrivals::Arrivals;
use crate::client::{Client, Message, Subscription};
use crate::failure::{Failure, Result};
use crate::latency::Latencies;
use crate::meter::{Measured, Meter};

const DATA: &str = "bench.data";
const GO: &str = "bench.go";
const LOOP: &str = "bench.loop";
const ECHO: &str = "bench.echo";

pub(crate) fn message<C: Client>(args: &Args) -> Result<C::Message> {
    C::Message::new(vec![b'x'; args.size], args.header_pairs())
}

fn lost(error: JoinError) -> Failure {
    Failure::of("a task ended", error)
}

async fn open<C: Client>(args: &Args, count: usize) -> Result<Vec<C>> {
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        clients.push(C::connect(args).await?);
    }
    Ok(clients)
}

/// Publishes and flushes.
pub(crate) async fn publish<C: Client>(args: &Args) -> Result<Measured> {
    let clients = open::<C>(args, args.conns).await?;
    let message = Arc::new(message::<C>(args)?);
    publish_all(&clients, args.threads, &message, args.warm_up()).await?;
    let meter = Meter::start();
    publish_all(&clients, args.threads, &message, args.count).await?;
    meter.stop()
}

async fn publish_all<C: Client>(
    clients: &[C],
    threads: usize,
    message: &Arc<C::Message>,
    count: usize,
) -> Result<()> {
    if threads == 1 {
        in_turn(clients, message, count).await?;
    } else if let Some(client) = clients.first() {
        publish_by_threads(client, threads, message, count).await?;
    }
    for client in clients {
        client.flush().await?;
    }
    Ok(())
}

async fn in_turn<C: Client>(clients: &[C], message: &C::Message, count: usize) -> Result<()> {
    let (rounds, rest) = (count / clients.len(), count % clients.len());
    for _ in 0..rounds {
        for client in clients {
            client.publish(DATA, message).await?;
        }
    }
    for client in clients.iter().take(rest) {
        client.publish(DATA, message).await?;
    }
    Ok(())
}

async fn publish_by_threads<C: Client>(
    client: &C,
    threads: usize,
    message: &Arc<C::Message>,
    count: usize,
) -> Result<()> {
    let mut set = JoinSet::new();
    for thread in 0..threads {
        let share = count / threads + usize::from(thread < count % threads);
        let (client, message) = (client.clone(), Arc::clone(message));
        set.spawn_blocking(move || {
            Handle::current().block_on(async {
                for _ in 0..share {
                    client.publish(DATA, &message).await?;
                }
                Ok(())
            })
        });
    }
    while let Some(done) = set.join_next().await {
        done.map_err(lost)??;
    }
    Ok(())
}

/// Receives what the source sends.
pub(crate) async fn subscribe<C: Client>(args: &Args, mode: Mode) -> Result<Measured> {
    let client = C::connect(args).await?;
    let arrivals = Arc::new(Arrivals::new(args.size));
    for _ in 0..args.subs {
        let subscription = client.subscribe(DATA).await?;
        tokio::spawn(receive(subscription, mode, Arc::clone(&arrivals)));
    }
    client.flush().await?;
    let order = |count: usize| {
        let text = format!("{count} {} {} {}", args.size, args.headers, args.subs);
        C::Message::new(text.into_bytes(), std::iter::empty())
    };
    let (warm_up, go) = (order(args.warm_up())?, order(args.count)?);
    arrivals.expect(args.warm_up());
    client.publish(GO, &warm_up).await?;
    arrivals.wait().await?;
    arrivals.expect(args.count);
    let meter = Meter::start();
    client.publish(GO, &go).await?;
    arrivals.wait().await?;
    meter.stop()
}

/// Publishes to itself.
pub(crate) async fn pubsub<C: Client>(args: &Args, mode: Mode) -> Result<Measured> {
    let client = C::connect(args).await?;
    let arrivals = Arc::new(Arrivals::new(args.size));
    let subscription = client.subscribe(LOOP).await?;
    tokio::spawn(receive(subscription, mode, Arc::clone(&arrivals)));
    client.flush().await?;
    let message = message::<C>(args)?;
    let round = async |count: usize| {
        arrivals.expect(count);
        for _ in 0..count {
            client.publish(LOOP, &message).await?;
        }
        arrivals.wait().await
    };
    round(args.warm_up()).await?;
    let meter = Meter::start();
    round(args.count).await?;
    meter.stop()
}

pub(crate) async fn receive(
    mut subscription: impl Subscription,
    mode: Mode,
    arrivals: Arc<Arrivals>,
) {
    if mode == Mode::Batch {
        let mut check = |size| arrivals.check(size);
        while let Some(count) = subscription.batch(&mut check).await {
            arrivals.add(count);
        }
    } else {
        while let Some(size) = subscription.next().await {
            arrivals.check(size);
            arrivals.add(1);
        }
    }
}

/// Sends requests and awaits the answers.
pub(crate) async fn request<C: Client>(args: &Args) -> Result<Measured> {
    let client = C::connect(args).await?;
    let message = Arc::new(message::<C>(args)?);
    if args.inflight == 1 {
        in_series(&client, args, &message, args.warm_up()).await?;
        let meter = Meter::start();
        let latencies = in_series(&client, args, &message, args.count).await?;
        return Ok(meter.stop()?.latencies(latencies));
    }
    in_flight(&client, args, &message, args.warm_up()).await?;
    let meter = Meter::start();
    in_flight(&client, args, &message, args.count).await?;
    meter.stop()
}

async fn in_series<C: Client>(
    client: &C,
    args: &Args,
    message: &C::Message,
    count: usize,
) -> Result<Latencies> {
    let mut latencies = Latencies::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        ask(client, ECHO, message, args.size).await?;
        latencies.add(began.elapsed());
    }
    Ok(latencies)
}

/// As many tasks as requests are to be under way; each sends its next one when it has an answer.
async fn in_flight<C: Client>(
    client: &C,
    args: &Args,
    message: &Arc<C::Message>,
    count: usize,
) -> Result<()> {
    let size = args.size;
    let sent = Arc::new(AtomicUsize::new(0));
    let mut set = JoinSet::new();
    for _ in 0..args.inflight {
        let (client, message, sent) = (client.clone(), Arc::clone(message), Arc::clone(&sent));
        set.spawn(async move {
            while sent.fetch_add(1, Ordering::Relaxed) < count {
                ask(&client, ECHO, &message, size).await?;
            }
            Ok(())
        });
    }
    while let Some(done) = set.join_next().await {
        done.map_err(lost)??;
    }
    Ok(())
}

/// Sends a request, whose answer is to have this size.
pub(crate) async fn ask<C: Client>(
    client: &C,
    subject: &'static str,
    message: &C::Message,
    size: usize,
) -> Result<()> {
    let answer = client.request(subject, message).await?;
    if answer != size {
        let text = format!("an answer of {answer} bytes arrived instead of {size}");
        return Err(Failure::Failed(text));
    }
    Ok(())
}

/// Opens connections in turn.
pub(crate) async fn connect<C: Client>(args: &Args) -> Result<Measured> {
    drop(open::<C>(args, 1).await?);
    let meter = Meter::start();
    let clients = open::<C>(args, args.conns).await?;
    let measured = meter.stop()?;
    drop(clients);
    Ok(measured)
}
