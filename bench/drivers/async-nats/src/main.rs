//! The benchmark driver of async-nats.

mod jetstream;
mod kv;
mod object;

use std::process::ExitCode;

use async_nats::service::ServiceExt;
use async_nats::{ConnectOptions, HeaderMap};
use futures_util::StreamExt;
use nats_bench_driver::{Args, Client, Failure, Message, Mode, Result, Subscription, run};

use crate::jetstream::Streams;

#[derive(Clone)]
struct Peer(async_nats::Client);

struct Outgoing {
    payload: bytes::Bytes,
    headers: Option<HeaderMap>,
}

struct Incoming(async_nats::Subscriber);

impl Message for Outgoing {
    fn new(
        payload: Vec<u8>,
        headers: impl Iterator<Item = (String, &'static str)>,
    ) -> Result<Self> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name, value);
        }
        Ok(Outgoing { payload: payload.into(), headers: Some(map).filter(|map| !map.is_empty()) })
    }
}

impl Client for Peer {
    type Message = Outgoing;
    type Subscription = Incoming;
    type JetStream = Streams;
    const MODES: &'static [Mode] = &[Mode::Iterator];

    fn name(args: &Args) -> &'static str {
        if args.multi { "async-nats" } else { "async-nats-1" }
    }

    fn version() -> String {
        locked_version(include_str!("../Cargo.lock")).unwrap_or("unknown").to_owned()
    }

    async fn connect(args: &Args) -> Result<Self> {
        let options = ConnectOptions::new()
            // The least there is: 0 stands for no limit.
            .max_reconnects(1)
            // Warm-up and measured messages together are fewer.
            .subscription_capacity(2 * args.count.max(args.warm_up()));
        options
            .connect(args.url.as_str())
            .await
            .map(Peer)
            .map_err(|error| Failure::of("connect", error))
    }

    async fn publish(&self, subject: &'static str, message: &Outgoing) -> Result<()> {
        let payload = message.payload.clone();
        let published = match &message.headers {
            None => self.0.publish(subject, payload).await,
            Some(headers) => self.0.publish_with_headers(subject, headers.clone(), payload).await,
        };
        published.map_err(|error| Failure::of("publish", error))
    }

    async fn flush(&self) -> Result<()> {
        self.0.flush().await.map_err(|error| Failure::of("flush", error))
    }

    async fn subscribe(&self, subject: &'static str) -> Result<Incoming> {
        let subscriber = self.0.subscribe(subject).await;
        subscriber.map(Incoming).map_err(|error| Failure::of("subscribe", error))
    }

    async fn request(&self, subject: &'static str, message: &Outgoing) -> Result<usize> {
        match self.0.request(subject, message.payload.clone()).await {
            Ok(answer) => Ok(answer.payload.len()),
            Err(error) => Err(Failure::of("request", error)),
        }
    }

    async fn serve(&self, subject: &'static str) -> Result<()> {
        let failed = |error| Failure::of("service", error);
        let service = self.0.service_builder().start("bench", "1.0.0").await.map_err(failed)?;
        let endpoint = service.endpoint_builder().name("serve").add(subject).await;
        let mut endpoint = endpoint.map_err(failed)?;
        tokio::spawn(async move {
            while let Some(request) = endpoint.next().await {
                let payload = request.message.payload.clone();
                if let Err(error) = request.respond(Ok(payload)).await {
                    eprintln!("respond: {error}");
                }
            }
            // Dropped, it would stop the endpoint.
            drop(service);
        });
        Ok(())
    }

    fn jetstream(&self) -> Streams {
        Streams(async_nats::jetstream::new(self.0.clone()))
    }
}

impl Subscription for Incoming {
    async fn next(&mut self) -> Option<usize> {
        self.0.next().await.map(|message| message.payload.len())
    }
}

/// The client has no function that tells its version.
fn locked_version(lock: &str) -> Option<&str> {
    let (_, package) = lock.split_once("name = \"async-nats\"\nversion = \"")?;
    package.split('"').next()
}

fn main() -> ExitCode {
    run::<Peer>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_pinned_one() {
        let pin = format!("async-nats = \"={}\"", Peer::version());
        assert!(include_str!("../Cargo.toml").contains(&pin), "{pin}");
    }
}
