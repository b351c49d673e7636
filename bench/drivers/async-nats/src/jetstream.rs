//! JetStream by async-nats.

use std::collections::VecDeque;

use async_nats::jetstream::consumer::pull::MessagesErrorKind;
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::{self, consumer::pull};
use futures_util::StreamExt;
use nats_bench_driver::{Batch, Consumer, Failure, JetStream, Mode, Result, Subscription};

use crate::Outgoing;
use crate::kv::Keys;
use crate::object::Store;

pub(crate) struct Streams(pub(crate) jetstream::Context);

pub(crate) struct Pulled(jetstream::consumer::Consumer<pull::Config>);

pub(crate) struct Endless(pull::Stream);

impl Streams {
    async fn send(&self, stream: &str, message: &Outgoing) -> Result<PublishAckFuture> {
        let (subject, payload) = (stream.to_owned(), message.payload.clone());
        let sent = match &message.headers {
            None => self.0.publish(subject, payload).await,
            Some(headers) => self.0.publish_with_headers(subject, headers.clone(), payload).await,
        };
        sent.map_err(|error| Failure::of("publish", error))
    }
}

async fn stored(ack: PublishAckFuture) -> Result<()> {
    ack.await.map(drop).map_err(|error| Failure::of("publish", error))
}

impl JetStream for Streams {
    type Message = Outgoing;
    type Consumer = Pulled;
    type Bucket = Keys;
    type Objects = Store;

    async fn publish(&self, stream: &str, message: &Outgoing) -> Result<()> {
        stored(self.send(stream, message).await?).await
    }

    async fn publish_all(
        &self,
        stream: &str,
        message: &Outgoing,
        count: usize,
        window: usize,
    ) -> Result<()> {
        let mut waiting = VecDeque::with_capacity(window);
        for _ in 0..count {
            if waiting.len() == window
                && let Some(oldest) = waiting.pop_front()
            {
                stored(oldest).await?;
            }
            waiting.push_back(self.send(stream, message).await?);
        }
        for ack in waiting {
            stored(ack).await?;
        }
        Ok(())
    }

    async fn consumer(&self, stream: &str, name: &str) -> Result<Pulled> {
        let consumer = self.0.get_consumer_from_stream(name, stream).await;
        consumer.map(Pulled).map_err(|error| Failure::of("consumer", error))
    }

    async fn bucket(&self, name: &str) -> Result<Keys> {
        let bucket = self.0.get_key_value(name).await;
        bucket.map(Keys).map_err(|error| Failure::of("bucket", error))
    }

    async fn objects(&self, name: &str) -> Result<Store> {
        let bucket = self.0.get_object_store(name).await;
        bucket.map(Store).map_err(|error| Failure::of("bucket", error))
    }
}

impl Consumer for Pulled {
    type Messages = Endless;

    async fn fetch(
        &mut self,
        max: usize,
        acknowledge: bool,
        batch: &mut impl Batch,
    ) -> Result<usize> {
        let fetched = self.0.fetch().max_messages(max).messages().await;
        let mut fetched = fetched.map_err(|error| Failure::of("fetch", error))?;
        let mut come = 0;
        while let Some(message) = fetched.next().await {
            let message = message.map_err(|error| Failure::of("fetch", error))?;
            batch.message(message.payload.len());
            if acknowledge {
                message.ack().await.map_err(|error| Failure::of("ack", error))?;
            }
            come += 1;
        }
        Ok(come)
    }

    async fn consume(&mut self, _mode: Mode) -> Result<Endless> {
        let messages = self.0.messages().await;
        messages.map(Endless).map_err(|error| Failure::of("consume", error))
    }
}

impl Subscription for Endless {
    async fn next(&mut self) -> Option<usize> {
        loop {
            match self.0.next().await? {
                Ok(message) => return Some(message.payload.len()),
                // Now and then nothing comes any more until this; then it goes on.
                Err(error) if error.kind() == MessagesErrorKind::MissingHeartbeat => {}
                Err(_) => return None,
            }
        }
    }
}
