//! JetStream by nats-core.

use std::future::poll_fn;

use nats_bench_driver::{Batch, Consumer, Failure, JetStream, Mode, Result, Subscription};
use nats_core::jetstream::{
    self, ConsumeOptions, FetchOptions, JsMessage, Messages, PublishOptions, Publisher,
    PublisherOptions, Pull,
};
use nats_core::{Code, Publish};

use crate::kv::Keys;
use crate::object::Store;
use crate::{Incoming, Outgoing};

pub(crate) struct Streams(pub(crate) jetstream::JetStream);

pub(crate) struct Pulled(Pull);

/// The messages of a consumer without end, one by one or many at once.
pub(crate) enum Endless {
    Single(Messages),
    Many(Incoming),
}

impl JetStream for Streams {
    type Message = Outgoing;
    type Consumer = Pulled;
    type Bucket = Keys;
    type Objects = Store;

    async fn publish(&self, stream: &str, message: &Outgoing) -> Result<()> {
        let publish = message.publish(stream);
        let published = self.0.publish_with(&publish, &PublishOptions::default()).await;
        published.map(drop).map_err(|error| Failure::of("publish", error))
    }

    async fn publish_all(
        &self,
        stream: &str,
        message: &Outgoing,
        count: usize,
        window: usize,
    ) -> Result<()> {
        let options = PublisherOptions { window, ..PublisherOptions::default() };
        let publisher =
            self.0.publisher(&options).map_err(|error| Failure::of("publisher", error))?;
        let published = publish_all(&publisher, &message.publish(stream), count, window).await;
        published.map_err(|error| Failure::of("publish", error))
    }

    async fn consumer(&self, stream: &str, name: &str) -> Result<Pulled> {
        self.0.pull(stream, name).map(Pulled).map_err(|error| Failure::of("consumer", error))
    }

    async fn bucket(&self, name: &str) -> Result<Keys> {
        let bucket = self.0.key_value(name).await;
        bucket.map(Keys).map_err(|error| Failure::of("bucket", error))
    }

    async fn objects(&self, name: &str) -> Result<Store> {
        let bucket = self.0.object_store(name).await;
        bucket.map(Store).map_err(|error| Failure::of("bucket", error))
    }
}

async fn publish_all(
    publisher: &Publisher,
    publish: &Publish<'_>,
    count: usize,
    window: usize,
) -> nats_core::Result<()> {
    let options = PublishOptions::default();
    let (mut sent, mut stored) = (0, 0);
    while stored < count {
        while sent < count {
            match publisher.publish_now(publish, &options, Some(sent as u64)) {
                Ok(()) => sent += 1,
                Err(error) if error.code() == Code::PublisherStalled => break,
                Err(error) => return Err(error),
            }
        }
        poll_fn(|cx| publisher.poll_outcomes(cx)).await?;
        for outcome in publisher.outcomes(window) {
            outcome.result?;
            stored += 1;
        }
    }
    Ok(())
}

impl Consumer for Pulled {
    type Messages = Endless;

    async fn fetch(
        &mut self,
        max: usize,
        acknowledge: bool,
        batch: &mut impl Batch,
    ) -> Result<usize> {
        let failed = |error| Failure::of("fetch", error);
        let options = FetchOptions { max_messages: max, ..FetchOptions::default() };
        let fetch = self.0.fetch(&options).map_err(failed)?;
        if acknowledge {
            let messages = fetch.all().await.map_err(failed)?;
            messages.iter().for_each(|message| batch.message(message.payload().len()));
            let acked = JsMessage::ack_all(&messages).await;
            acked.map_err(|error| Failure::of("ack", error))?;
            return Ok(messages.len());
        }
        let mut come = 0;
        for message in fetch.batches().await.map_err(failed)?.into_iter().flatten() {
            batch.message(message.payload().len());
            come += 1;
        }
        Ok(come)
    }

    async fn consume(&mut self, mode: Mode) -> Result<Endless> {
        let options = ConsumeOptions::default();
        let endless = if mode == Mode::Batch {
            self.0.subscribe(&options).map(Incoming::new).map(Endless::Many)
        } else {
            self.0.messages(&options).map(Endless::Single)
        };
        endless.map_err(|error| Failure::of("consume", error))
    }
}

impl Subscription for Endless {
    async fn next(&mut self) -> Option<usize> {
        match self {
            Endless::Single(messages) => {
                messages.next().await.ok().flatten().map(|message| message.payload().len())
            }
            Endless::Many(incoming) => incoming.next().await,
        }
    }

    async fn batch(&mut self, batch: &mut impl Batch) -> Option<usize> {
        match self {
            Endless::Single(_) => {
                batch.message(self.next().await?);
                Some(1)
            }
            Endless::Many(incoming) => incoming.batch(batch).await,
        }
    }
}
