//! Request and reply.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::handle::Client;
use super::message::Message;
use super::publish::{How, Publish};
use crate::conn::requests::Reply;
use crate::conn::shared::{State, lock};
use crate::error::{Code, Error, Result};
use crate::proto::Headers;
use crate::proto::subject::Filter;

/// A request to send.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Where to.
    pub subject: &'a str,
    /// Headers; an empty set counts as none.
    pub headers: Option<&'a Headers>,
    /// The payload.
    pub payload: &'a [u8],
    /// How long to wait for the reply; None: the connection's `request_timeout`.
    pub timeout: Option<Duration>,
    /// Wait on an inbox of this request's own instead of the one that all requests share (the old
    /// style, for responders or permissions that expect it).
    pub own_inbox: bool,
}

impl<'a> Request<'a> {
    /// A request with the connection's timeout.
    pub fn new(subject: &'a str, payload: &'a [u8]) -> Request<'a> {
        Request { subject, headers: None, payload, timeout: None, own_inbox: false }
    }

    /// The same with headers.
    #[must_use]
    pub fn headers(self, headers: &'a Headers) -> Request<'a> {
        Request { headers: Some(headers), ..self }
    }

    /// The same with a timeout.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Request<'a> {
        Request { timeout: Some(timeout), ..self }
    }

    /// The same with an inbox of its own.
    #[must_use]
    pub fn own_inbox(self) -> Request<'a> {
        Request { own_inbox: true, ..self }
    }

    pub(crate) fn publish<'b>(&self, reply: &'b str) -> Publish<'b>
    where
        'a: 'b,
    {
        let Request { subject, headers, payload, .. } = *self;
        Publish { reply: Some(reply), headers, ..Publish::new(subject, payload) }
    }
}

impl Client {
    /// Sends a request and waits for its reply, for at most the connection's `request_timeout`.
    ///
    /// # Errors
    /// As [`Client::request_with`].
    pub async fn request(&self, subject: &str, payload: impl AsRef<[u8]>) -> Result<Message> {
        self.request_with(&Request::new(subject, payload.as_ref())).await
    }

    /// Sends a request and waits for its reply. Dropping the future forgets the request.
    ///
    /// # Errors
    /// [`Code::NoResponders`] at once when nobody is subscribed; [`Code::Timeout`];
    /// [`Code::ConnectionLost`] when the socket dies while the request is in flight (it may or may
    /// not have been processed); [`Code::Permission`]; [`Code::ConnectionClosed`]; and those of
    /// [`Client::publish_with`].
    pub async fn request_with(&self, request: &Request<'_>) -> Result<Message> {
        self.request_as(request, How::default()).await
    }

    /// The same to a subject whose wildcards stand for themselves, as those of the JetStream API do.
    pub(crate) async fn request_wild(&self, request: &Request<'_>) -> Result<Message> {
        self.request_as(request, How { wild: true, ..How::default() }).await
    }

    async fn request_as(&self, request: &Request<'_>, how: How) -> Result<Message> {
        if self.shared().injects(request.headers) {
            let headers = self.injected(request.headers);
            // Boxed, so that a request without it is a small future.
            return Box::pin(async move {
                let request = Request { headers: headers.as_ref().or(request.headers), ..*request };
                self.request_as_is(&request, how).await
            })
            .await;
        }
        self.request_as_is(request, how).await
    }

    async fn request_as_is(&self, request: &Request<'_>, how: How) -> Result<Message> {
        let timeout = self.timeout(request);
        let explain = |error| explained(error, request.subject, timeout);
        if request.own_inbox {
            let reply = within(timeout, self.request_on_own_inbox(request, how)).await;
            return reply.map_err(explain);
        }
        let opened = self.open_request(request)?;
        match self.send(request, &opened, how) {
            Err(error) if error.code() == Code::OutboundFull => {
                let publish = request.publish(&opened.inbox);
                let sent = self.shared().publish_with(&publish, how);
                within(timeout, sent).await.map_err(explain)?;
            }
            sent => sent?,
        }
        opened.answer.await
    }

    /// Sends a request on the shared inbox without ever waiting for room in the outbound buffer;
    /// the future waits for the reply. One that is `gathered` may be sent together with others: by
    /// [`WeakClient::send`](super::handle::WeakClient::send), as soon as something else is sent, or
    /// a fifth of a millisecond later.
    ///
    /// # Errors
    /// [`Code::OutboundFull`] (under every policy but `DropOldest`); [`Code::InvalidArgument`] for
    /// a request with an inbox of its own; otherwise as [`Client::request_with`].
    pub fn request_now(&self, request: &Request<'_>, gathered: bool) -> Result<Answer> {
        if request.own_inbox {
            let text = "own_inbox: not without waiting";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        let opened = self.open_request(request)?;
        let how = How { gathered, ..How::default() };
        if let Some(headers) = self.injected(request.headers) {
            self.send(&request.headers(&headers), &opened, how)?;
        } else {
            self.send(request, &opened, how)?;
        }
        Ok(opened.answer)
    }

    fn send(&self, request: &Request<'_>, opened: &Opened, how: How) -> Result<()> {
        let publish = request.publish(&opened.inbox);
        // Several at a time share the driver's writes; a single one need not wait for the driver.
        let how = How { alone: opened.answer.reply.is_alone(), ..how };
        self.shared().publish_now(&publish, how)
    }

    fn timeout(&self, request: &Request<'_>) -> Duration {
        request.timeout.unwrap_or(self.options().request_timeout)
    }

    /// Prepares for the reply to a request that is about to be sent.
    fn open_request(&self, request: &Request<'_>) -> Result<Opened> {
        let timeout = self.timeout(request);
        // A deadline beyond what a clock can tell is none.
        let deadline = Instant::now().checked_add(timeout);
        let (reply, inbox) = self.open_reply(request.subject, deadline)?;
        let (client, subject) = (self.clone(), request.subject.into());
        Ok(Opened { answer: Answer { reply, client, subject, timeout }, inbox })
    }

    async fn request_on_own_inbox(&self, request: &Request<'_>, how: How) -> Result<Message> {
        let inbox = self.new_inbox()?;
        // Without a maximum of one: a server does not count its own 503, and would keep the inbox.
        let subscription = self.subscribe(&inbox)?;
        let failure = self.watch_failure(request.subject)?;
        self.shared().publish_with(&request.publish(&inbox), how).await?;
        let (mut next, mut failure) = (pin!(subscription.next()), pin!(failure));
        let message = poll_fn(|cx| match next.as_mut().poll(cx) {
            Poll::Ready(message) => Poll::Ready(message.ok_or_else(|| {
                subscription.end_reason().unwrap_or_else(|| Code::SubscriptionClosed.into())
            })),
            Poll::Pending => failure.as_mut().poll(cx).map(Err),
        })
        .await?;
        if message.is_no_responders() {
            return Err(Code::NoResponders.into());
        }
        Ok(message)
    }

    /// Ends with the error when a request with an inbox of its own can have no reply any more: the
    /// socket is lost, the publish denied, the connection closed.
    pub(crate) fn watch_failure(
        &self,
        subject: &str,
    ) -> Result<impl Future<Output = Error> + use<>> {
        // A slot like those of the shared inbox, whose token is never told to anybody.
        let slot = self.shared().requests.open(subject, &mut String::new(), None)?;
        Ok(async { slot.await.err().unwrap_or(Code::Internal.into()) })
    }

    /// Takes a slot for a reply; the first request subscribes to the inbox of all.
    fn open_reply(&self, subject: &str, deadline: Option<Instant>) -> Result<(Reply, String)> {
        let shared = self.shared();
        let mut inbox = String::with_capacity(shared.request_inbox.len() + 11);
        inbox.push_str(&shared.request_inbox);
        if let Some(reply) = shared.requests.open_listening(subject, &mut inbox, deadline) {
            return reply.map(|reply| (reply, inbox));
        }
        shared
            .with_registry(|registry| {
                if registry.is_closed() {
                    return Err(Error::from(Code::ConnectionClosed));
                }
                if self.state() == State::DrainingPubs {
                    return Err(Code::ConnectionDraining.into());
                }
                if registry.mux.is_none() {
                    let all = format!("{}*", shared.request_inbox);
                    let filter = Filter::new(&all)?;
                    let sid = registry.add_mux(filter);
                    lock(&shared.outbox).subscribe(sid, filter, None).wake();
                    shared.requests.listen(true);
                }
                shared.requests.open(subject, &mut inbox, deadline)
            })
            .map(|reply| (reply, inbox))
    }
}

/// A request on the shared inbox that has a place for its reply.
struct Opened {
    answer: Answer,
    inbox: String,
}

/// The reply that a request on the shared inbox will get. Dropping it forgets the request.
pub struct Answer {
    reply: Reply,
    client: Client,
    subject: Box<str>,
    timeout: Duration,
}

impl Future for Answer {
    type Output = Result<Message>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Message>> {
        Poll::Ready(match ready!(Pin::new(&mut self.reply).poll(cx)) {
            Ok(reply) => Ok(Message::first(reply, self.client.shared())),
            Err(error) => Err(explained(error, &self.subject, self.timeout)),
        })
    }
}

/// The error of a request, with what the request was.
fn explained(error: Error, subject: &str, timeout: Duration) -> Error {
    let (code, subject) = (error.code(), subject.escape_debug());
    match code {
        Code::NoResponders => Error::new(code, format!("nobody is subscribed to \"{subject}\"")),
        Code::Timeout => {
            let text = format!("no reply from \"{subject}\" within {} ms", timeout.as_millis());
            Error::new(code, text)
        }
        _ => error,
    }
}

/// The result of `work`, or [`Code::Timeout`].
async fn within<T>(timeout: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| Err(Code::Timeout.into()))
}
