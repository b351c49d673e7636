//! Messages to streams, whose acknowledgement arrives on a queue.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use nats_core::jetstream::{JetStream, PubAck, PublishOptions, Stored};
use nats_core::{Code, Error, Headers, Publish, Result};
use tokio::task::JoinHandle;

use crate::queue::Queue;
use crate::running::Running;
use crate::runtime;

/// A message that outlives the call that publishes it.
struct Owned {
    js: JetStream,
    subject: String,
    headers: Option<Headers>,
    payload: Vec<u8>,
    options: PublishOptions,
}

impl Owned {
    fn new(js: &JetStream, publish: &Publish<'_>, options: PublishOptions) -> Owned {
        Owned {
            js: js.clone(),
            subject: publish.subject.to_owned(),
            headers: publish.headers.cloned(),
            payload: publish.payload.to_vec(),
            options,
        }
    }

    async fn publish(self) -> Result<PubAck> {
        let plain = Publish::new(&self.subject, &self.payload);
        let publish = Publish { headers: self.headers.as_ref(), ..plain };
        self.js.publish_with(&publish, &self.options).await
    }

    /// What is left of the attempts, once the first one has found no stream.
    async fn publish_again(mut self) -> Result<PubAck> {
        tokio::time::sleep(self.options.retry_wait).await;
        self.options.retries -= 1;
        self.publish().await
    }
}

/// A message under way, as a binding wants its acknowledgement.
struct Valued<F> {
    stage: Stage,
    /// To try again with; none: once is enough.
    again: Option<Owned>,
    value: Option<F>,
}

enum Stage {
    First(Stored),
    /// A task, because it waits by the clock of the runtime.
    Again(Task),
}

/// Ends with what waits for it.
struct Task(JoinHandle<Result<PubAck>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<V, F: FnOnce(PubAck) -> V + Unpin> Future for Valued<F> {
    type Output = Result<V>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<V>> {
        loop {
            let told = match &mut self.stage {
                Stage::First(stored) => ready!(Pin::new(stored).poll(cx)),
                Stage::Again(task) => match ready!(Pin::new(&mut task.0).poll(cx)) {
                    Ok(told) => told,
                    Err(error) if error.is_panic() => Err(Error::from(Code::Panic)),
                    Err(_) => Err(Error::from(Code::Cancelled)),
                },
            };
            match (told, self.again.take()) {
                (Err(error), Some(again)) if error.code() == Code::NoResponders => {
                    let task = runtime::handle()?.spawn(again.publish_again());
                    self.stage = Stage::Again(Task(task));
                }
                (told, _) => {
                    let value = self.value.take().ok_or(Code::Internal)?;
                    return Poll::Ready(told.map(value));
                }
            }
        }
    }
}

impl<V: Send + 'static> Queue<V> {
    /// Publishes a message to a stream; its acknowledgement, as `value` makes it, completes under
    /// `token`. `None` says that it has completed already.
    ///
    /// The message is sent in this call, unless it has to wait for room; see [`Queue::ask`].
    ///
    /// # Errors
    /// What is known of [`JetStream::publish_with`] at once, and then there is no completion.
    pub fn store(
        &self,
        token: u64,
        js: &JetStream,
        publish: &Publish<'_>,
        options: PublishOptions,
        value: impl FnOnce(PubAck) -> V + Unpin + Send + 'static,
    ) -> Result<Option<Running>> {
        let client = js.client();
        // Here, and not again: the program is asked on the thread that sends.
        let injected = client.injected(publish.headers);
        let publish = &Publish { headers: injected.as_ref().or(publish.headers), ..*publish };
        match js.publish_now(publish, &options, self.gathers(client)) {
            Err(full) if full.code() == Code::OutboundFull => {
                let owned = Owned::new(js, publish, options);
                self.start(token, async move { owned.publish().await.map(value) })
            }
            sent => {
                let stage = Stage::First(sent?);
                let again = (options.retries > 0).then(|| Owned::new(js, publish, options));
                self.drive(token, Valued { stage, again, value: Some(value) })
            }
        }
    }
}
