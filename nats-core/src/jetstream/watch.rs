//! What those who keep consumers going wait for: a change, the loss of the socket, a time.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Instant;

use tokio::sync::Notify;

use crate::client::handle::Client;
use crate::conn::shared::State;
use crate::error::{Code, Error, Result};

/// A connection, watched.
pub(super) struct Watch {
    client: Client,
    /// A publish to it that is denied ends the watch.
    subject: String,
    /// Ends when the socket is lost: all requests are gone with it.
    lost: Pin<Box<dyn Future<Output = Error> + Send>>,
}

/// What a wait has come to.
pub(super) enum Woken {
    /// There is something to look at.
    Changed,
    /// The socket was lost.
    Lost(Error),
    /// There will be no other one, or what is asked for is denied.
    Ended(Error),
    /// It is time.
    Due,
}

impl Watch {
    /// # Errors
    /// [`Code::ConnectionClosed`].
    pub(super) fn new(client: &Client, subject: &str) -> Result<Watch> {
        let lost = Box::pin(client.watch_failure(subject)?);
        Ok(Watch { client: client.clone(), subject: subject.to_owned(), lost })
    }

    /// Waits for a change, for the loss of the socket, or until it is time.
    pub(super) async fn woken(&mut self, changed: &Notify, by: Instant) -> Woken {
        let lost = self.lost.as_mut();
        let reason = match tokio::time::timeout_at(by.into(), first(changed, lost)).await {
            Ok(None) => return Woken::Changed,
            Ok(Some(reason)) => reason,
            Err(_) => return Woken::Due,
        };
        if !matches!(reason.code(), Code::ConnectionLost | Code::Io) {
            return Woken::Ended(reason);
        }
        match self.renew() {
            Ok(()) => Woken::Lost(reason),
            Err(error) => Woken::Ended(error),
        }
    }

    /// Begins anew: what was lost before does not count.
    pub(super) fn renew(&mut self) -> Result<()> {
        self.lost = Box::pin(self.client.watch_failure(&self.subject)?);
        Ok(())
    }

    /// Waits until the connection is there; returns before when `is_enough` after a change.
    pub(super) async fn connected(&mut self, changed: &Notify, is_enough: impl Fn() -> bool) {
        let mut now = self.client.shared().state.subscribe();
        let down = |state: &State| matches!(state, State::Connecting | State::Reconnecting);
        let mut back = pin!(now.wait_for(|state| !down(state)));
        while !is_enough() && first(changed, back.as_mut()).await.is_none() {}
    }
}

/// What comes of `work`; None: there was a change before.
pub(super) async fn first<T>(
    changed: &Notify,
    mut work: Pin<&mut (impl Future<Output = T> + ?Sized)>,
) -> Option<T> {
    let mut changed = pin!(changed.notified());
    poll_fn(|cx| match changed.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => work.as_mut().poll(cx).map(Some),
    })
    .await
}
