//! The benchmark driver of nats-core.
#![forbid(unsafe_code)]

mod jetstream;
mod kv;
mod object;

use std::process::ExitCode;

use nats_bench_driver::{Args, Batch, Client, Failure, Message, Mode, Result, Subscription, run};
use nats_core::service::{EndpointConfig, ServiceConfig};
use nats_core::{ConnectOptions, Headers, Publish};

use crate::jetstream::Streams;

/// The most messages that are taken at once.
const BATCH: usize = 256;

#[derive(Clone)]
struct Ours(nats_core::Client);

struct Outgoing {
    payload: Vec<u8>,
    headers: Option<Headers>,
}

struct Incoming {
    subscription: nats_core::Subscription,
    batch: Vec<nats_core::Message>,
}

impl Outgoing {
    fn publish<'a>(&'a self, subject: &'a str) -> Publish<'a> {
        let publish = Publish::new(subject, &self.payload);
        self.headers.as_ref().map_or(publish, |headers| publish.headers(headers))
    }
}

impl Incoming {
    fn new(subscription: nats_core::Subscription) -> Incoming {
        Incoming { subscription, batch: Vec::new() }
    }
}

impl Message for Outgoing {
    fn new(
        payload: Vec<u8>,
        headers: impl Iterator<Item = (String, &'static str)>,
    ) -> Result<Self> {
        let mut set = Headers::new();
        for (name, value) in headers {
            set.append(&name, value).map_err(|error| Failure::of("header", error))?;
        }
        Ok(Outgoing { payload, headers: Some(set).filter(|set| !set.is_empty()) })
    }
}

impl Client for Ours {
    type Message = Outgoing;
    type Subscription = Incoming;
    type JetStream = Streams;
    const MODES: &'static [Mode] = &[Mode::Iterator, Mode::Batch];

    fn name(args: &Args) -> &'static str {
        if args.multi { "nats-ffi-rust" } else { "nats-ffi-rust-1" }
    }

    fn version() -> String {
        // All packages of the workspace have one version.
        env!("CARGO_PKG_VERSION").to_owned()
    }

    async fn connect(args: &Args) -> Result<Self> {
        let options = ConnectOptions::new()
            .servers([args.url.as_str()])
            .reconnect(false)
            .pending_messages(0_usize)
            .pending_bytes(0_usize);
        options.connect().await.map(Ours).map_err(|error| Failure::of("connect", error))
    }

    async fn publish(&self, subject: &'static str, message: &Outgoing) -> Result<()> {
        let published = match &message.headers {
            None => self.0.publish(subject, &message.payload).await,
            Some(_) => self.0.publish_with(&message.publish(subject)).await,
        };
        published.map_err(|error| Failure::of("publish", error))
    }

    async fn flush(&self) -> Result<()> {
        self.0.flush().await.map_err(|error| Failure::of("flush", error))
    }

    async fn subscribe(&self, subject: &'static str) -> Result<Incoming> {
        let subscription = self.0.subscribe(subject);
        subscription.map(Incoming::new).map_err(|error| Failure::of("subscribe", error))
    }

    async fn request(&self, subject: &'static str, message: &Outgoing) -> Result<usize> {
        match self.0.request(subject, &message.payload).await {
            Ok(answer) => Ok(answer.payload().len()),
            Err(error) => Err(Failure::of("request", error)),
        }
    }

    async fn serve(&self, subject: &'static str) -> Result<()> {
        let failed = |error| Failure::of("service", error);
        let service = self.0.add_service(&ServiceConfig::new("bench", "1.0.0")).map_err(failed)?;
        let config = EndpointConfig { subject: Some(subject.into()), ..EndpointConfig::default() };
        let endpoint = service.endpoint("serve", &config).map_err(failed)?;
        tokio::spawn(async move {
            while let Some(mut request) = endpoint.next().await {
                let payload = request.message().payload_bytes();
                if let Err(error) = request.respond(payload).await {
                    eprintln!("respond: {error}");
                }
            }
        });
        Ok(())
    }

    fn jetstream(&self) -> Streams {
        Streams(self.0.jetstream())
    }
}

impl Subscription for Incoming {
    async fn next(&mut self) -> Option<usize> {
        self.subscription.next().await.map(|message| message.payload().len())
    }

    async fn batch(&mut self, batch: &mut impl Batch) -> Option<usize> {
        if !self.subscription.ready().await {
            return None;
        }
        let count = self.subscription.take(&mut self.batch, BATCH);
        for message in self.batch.drain(..) {
            batch.message(message.payload().len());
        }
        Some(count)
    }
}

fn main() -> ExitCode {
    run::<Ours>()
}
