//! Requests whose reply arrives on a queue.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nats_core::{Answer, Client, Code, Headers, Message, Request, Result};

use crate::queue::Queue;
use crate::running::Running;

/// A request that outlives the call that makes it.
#[derive(Clone)]
pub(crate) struct Owned {
    pub(crate) subject: String,
    headers: Option<Headers>,
    payload: Vec<u8>,
    timeout: Option<Duration>,
    own_inbox: bool,
}

impl Owned {
    pub(crate) fn new(request: &Request<'_>) -> Owned {
        Owned {
            subject: request.subject.to_owned(),
            headers: request.headers.cloned(),
            payload: request.payload.to_vec(),
            timeout: request.timeout,
            own_inbox: request.own_inbox,
        }
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            subject: &self.subject,
            headers: self.headers.as_ref(),
            payload: &self.payload,
            timeout: self.timeout,
            own_inbox: self.own_inbox,
        }
    }
}

/// An answer as a binding wants it.
struct Valued<F> {
    answer: Answer,
    value: Option<F>,
}

impl<V, F: FnOnce(Message) -> V + Unpin> Future for Valued<F> {
    type Output = Result<V>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<V>> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx))?;
        let value = self.value.take().ok_or(Code::Internal)?;
        Poll::Ready(Ok(value(answer)))
    }
}

impl<V: Send + 'static> Queue<V> {
    /// Sends a request; its reply, as `value` makes it, completes under `token`. `None` says that it
    /// has completed already.
    ///
    /// The request is sent in this call, unless it has to wait for room or wants an inbox of its
    /// own: then it is copied. A thread that has polled several completions and makes as many
    /// requests sends them together when it polls again, or a fifth of a millisecond later.
    ///
    /// # Errors
    /// What is known of [`Client::request_with`] at once, and then there is no completion.
    pub fn ask(
        &self,
        token: u64,
        client: &Client,
        request: &Request<'_>,
        value: impl FnOnce(Message) -> V + Unpin + Send + 'static,
    ) -> Result<Option<Running>> {
        // Here, and not again: the program is asked on the thread that sends.
        let injected = client.injected(request.headers);
        let request = &Request { headers: injected.as_ref().or(request.headers), ..*request };
        if !request.own_inbox {
            match client.request_now(request, self.gathers(client)) {
                Err(full) if full.code() == Code::OutboundFull => {}
                sent => {
                    return self.drive(token, Valued { answer: sent?, value: Some(value) });
                }
            }
        }
        let (client, owned) = (client.clone(), Owned::new(request));
        self.start(token, async move { client.request_with(&owned.request()).await.map(value) })
    }
}
