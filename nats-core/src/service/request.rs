//! Requests to a service.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::endpoint::Served;
use super::error::ServiceError;
use crate::client::message::Message;
use crate::error::{Error, Result};
use crate::proto::Headers;

/// A request that an endpoint has got. It counts as handled once it is answered, or when it is
/// dropped without an answer: nothing is sent then, except that a request which is dropped by a
/// panic is answered with an error of code 500.
pub struct Request {
    message: Message,
    served: Arc<Served>,
    begun: Instant,
    counted: bool,
    /// Why it could not be answered.
    failure: Option<Error>,
}

impl Request {
    pub(super) fn new(message: Message, served: &Arc<Served>) -> Request {
        let served = Arc::clone(served);
        Request { message, served, begun: Instant::now(), counted: false, failure: None }
    }

    /// The message. What is sent by its own `respond` does not count as the answer, so that an
    /// answer may come in parts: the last of them is for [`Request::respond`].
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Answers.
    ///
    /// # Errors
    /// As [`Message::respond`]; it can be tried again.
    pub async fn respond(&mut self, payload: impl AsRef<[u8]>) -> Result<()> {
        self.respond_with(None, payload).await
    }

    /// Answers with headers.
    ///
    /// # Errors
    /// As [`Request::respond`].
    pub async fn respond_with(
        &mut self,
        headers: Option<&Headers>,
        payload: impl AsRef<[u8]>,
    ) -> Result<()> {
        let sent = self.message.respond_with(headers, payload).await;
        self.answered(sent, None)
    }

    /// Answers with an error (code 1 to 65535, description not empty), and whatever else there is
    /// to say. It counts as one.
    ///
    /// # Errors
    /// Those of [`ServiceError::headers`] and [`Request::respond`]; it can be tried again.
    pub async fn respond_error(
        &mut self,
        code: u16,
        description: &str,
        payload: impl AsRef<[u8]>,
        headers: Option<&Headers>,
    ) -> Result<()> {
        let error = ServiceError::new(code, description);
        let sent = match error.headers(headers) {
            Ok(headers) => self.message.respond_with(Some(&headers), payload).await,
            Err(refused) => Err(refused),
        };
        self.answered(sent, Some(&error))
    }

    fn answered(&mut self, sent: Result<()>, error: Option<&ServiceError>) -> Result<()> {
        match &sent {
            Ok(()) => self.count(error.map(ServiceError::to_string).as_deref()),
            Err(failure) => self.failure = Some(failure.clone()),
        }
        sent
    }

    fn count(&mut self, error: Option<&str>) {
        if !std::mem::replace(&mut self.counted, true) {
            self.served.handled(self.begun.elapsed(), error);
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if self.counted {
            return;
        }
        if std::thread::panicking() {
            let error = ServiceError::internal("the handler panicked");
            // Who cannot be answered now finds out by its timeout.
            let _ = error
                .headers(None)
                .and_then(|headers| self.message.respond_now(Some(&headers), &[]));
            return self.count(Some(&error.to_string()));
        }
        let failure = self.failure.take().map(|failure| failure.to_string());
        self.count(failure.as_deref());
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("message", &self.message).finish_non_exhaustive()
    }
}
