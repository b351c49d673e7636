//! Answers that come as many messages, on a subject of their own.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use crate::client::handle::Client;
use crate::client::message::Message;
use crate::client::publish::Publish;
use crate::client::subscription::Subscription;
use crate::error::{Code, Error, Result};

/// Where the answers to one request arrive, one by one and in order. It ends when its connection is
/// lost: what the server sent meanwhile is gone.
pub(super) struct Inbox {
    replies: Subscription,
    line: Line,
    /// How long to wait for the next answer.
    patience: Duration,
}

/// What answers come by.
enum Line {
    /// Ends when it is lost.
    Up(Pin<Box<dyn Future<Output = Error> + Send + Sync>>),
    Lost(Error),
}

impl Line {
    fn poll_lost(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let error = match self {
            Line::Up(end) => ready!(end.as_mut().poll(cx)),
            Line::Lost(error) => return Poll::Ready(error.clone()),
        };
        *self = Line::Lost(error.clone());
        Poll::Ready(error)
    }
}

impl Inbox {
    /// An inbox for the answers to what will be published to `subject`.
    pub(super) fn open(client: &Client, subject: &str, patience: Duration) -> Result<Inbox> {
        let replies = client.subscribe(&client.new_inbox()?)?;
        let line = Line::Up(Box::pin(client.watch_failure(subject)?));
        Ok(Inbox { replies, line, patience })
    }

    /// Where answers are to go.
    pub(super) fn subject(&self) -> &str {
        self.replies.subject()
    }

    /// Publishes with the inbox as the reply subject.
    pub(super) async fn ask(&self, subject: &str, payload: &[u8]) -> Result<()> {
        let publish = Publish::new(subject, payload).reply(self.subject());
        self.replies.client().publish_with(&publish).await
    }

    /// Why answers may be missing, if the connection was lost meanwhile.
    pub(super) fn lost(&mut self) -> Option<Error> {
        match self.line.poll_lost(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(error) => Some(error),
            Poll::Pending => None,
        }
    }

    /// How long to wait for each answer from now on.
    pub(super) fn wait_at_most(&mut self, patience: Duration) {
        self.patience = self.patience.min(patience);
    }

    /// The next answer.
    ///
    /// # Errors
    /// [`Code::Timeout`], [`Code::NoResponders`], [`Code::ConnectionLost`],
    /// [`Code::ConnectionClosed`], [`Code::Permission`].
    pub(super) async fn next(&mut self) -> Result<Message> {
        let Inbox { replies, line, patience } = self;
        let mut next = std::pin::pin!(replies.next());
        let answer = poll_fn(|cx| {
            // What has come is taken before the connection is looked at.
            if let Poll::Ready(message) = next.as_mut().poll(cx) {
                let ended = || replies.end_reason().unwrap_or(Code::SubscriptionClosed.into());
                return Poll::Ready(message.ok_or_else(ended));
            }
            line.poll_lost(cx).map(Err)
        });
        let message = tokio::time::timeout(*patience, answer).await.map_err(|_| {
            Error::new(Code::Timeout, format!("no answer within {} ms", patience.as_millis()))
        })??;
        if message.is_no_responders() {
            return Err(Code::NoResponders.into());
        }
        Ok(message)
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("subject", &self.subject()).finish_non_exhaustive()
    }
}
