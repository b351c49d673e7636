//! Publishes to streams, whose acknowledgement arrives on a queue.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nats_core::jetstream::{PubAck, PublishOptions};
use nats_core::{Answer, Client, Code, Message, Request, Result};
use tokio::task::JoinHandle;

use crate::ask::Owned;
use crate::queue::Queue;
use crate::running::Running;
use crate::runtime;

/// How hard a publish is tried when no stream answers (ADR-22).
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// How often again.
    pub times: u32,
    /// How long to wait before.
    pub wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Retry::from(&PublishOptions::default())
    }
}

impl From<&PublishOptions> for Retry {
    fn from(options: &PublishOptions) -> Retry {
        Retry { times: options.retries, wait: options.retry_wait }
    }
}

/// A message under way to a stream.
struct Stored<F> {
    step: Step,
    client: Client,
    message: Owned,
    retry: Retry,
    value: Option<F>,
}

enum Step {
    First(Answer),
    Again(Task),
}

/// A task that ends with this.
struct Task(JoinHandle<Result<Message>>);

impl<F> Stored<F> {
    /// The answer that counts.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message>> {
        loop {
            match &mut self.step {
                Step::First(answer) => match ready!(Pin::new(answer).poll(cx)) {
                    Err(error) if error.code() == Code::NoResponders && self.retry.times > 0 => {
                        let (client, message) = (self.client.clone(), self.message.clone());
                        let left = Retry { times: self.retry.times - 1, ..self.retry };
                        let again = async move {
                            tokio::time::sleep(left.wait).await;
                            persist(&client, &message, left).await
                        };
                        self.step = Step::Again(Task(runtime::handle()?.spawn(again)));
                    }
                    answer => return Poll::Ready(answer),
                },
                Step::Again(Task(task)) => {
                    let ended = ready!(Pin::new(task).poll(cx));
                    let code = |lost: tokio::task::JoinError| {
                        if lost.is_panic() { Code::Panic } else { Code::Cancelled }
                    };
                    return Poll::Ready(ended.unwrap_or_else(|lost| Err(code(lost).into())));
                }
            }
        }
    }
}

impl<V, F: FnOnce(Message) -> V + Unpin> Future for Stored<F> {
    type Output = Result<V>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<V>> {
        let answer = ready!(self.poll_answer(cx))?;
        PubAck::check(&self.message.subject, answer.payload())?;
        let value = self.value.take().ok_or(Code::Internal)?;
        Poll::Ready(Ok(value(answer)))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends a message until a stream answers.
async fn persist(client: &Client, message: &Owned, mut retry: Retry) -> Result<Message> {
    loop {
        match client.request_with(&message.request()).await {
            Err(error) if error.code() == Code::NoResponders && retry.times > 0 => {
                retry.times -= 1;
                tokio::time::sleep(retry.wait).await;
            }
            answer => return answer,
        }
    }
}

impl<V: Send + 'static> Queue<V> {
    /// Publishes a message to whatever stream has its subject; the answer, once it has been found to
    /// be that of a stream that has stored it ([`PubAck`]), completes under `token`, as `value`
    /// makes it. `request` is the message with the headers of its options
    /// ([`PublishOptions::headers`]), and how long to wait. `None` says that it has completed
    /// already.
    ///
    /// Sent as [`Queue::ask`] sends requests.
    ///
    /// # Errors
    /// Those of a publish that show at once, and then there is no completion. What a stream says is
    /// always one.
    pub fn store(
        &self,
        token: u64,
        client: &Client,
        request: &Request<'_>,
        retry: Retry,
        value: impl FnOnce(Message) -> V + Unpin + Send + 'static,
    ) -> Result<Option<Running>> {
        // Here, and not again: the program is asked on the thread that sends.
        let injected = client.injected(request.headers);
        let request = &Request { headers: injected.as_ref().or(request.headers), ..*request };
        let (client, message) = (client.clone(), Owned::new(request));
        match client.request_now(request, self.gathers(&client)) {
            Err(full) if full.code() == Code::OutboundFull => self.start(token, async move {
                let answer = persist(&client, &message, retry).await?;
                PubAck::check(&message.subject, answer.payload()).map(|()| value(answer))
            }),
            sent => {
                let step = Step::First(sent?);
                let stored = Stored { step, client, message, retry, value: Some(value) };
                // A stream may have answered already.
                self.drive(token, stored).or_else(|refused| {
                    self.ticket(token).complete(Err(refused));
                    Ok(None)
                })
            }
        }
    }
}
