//! Requests on their way.

use std::sync::Arc;
use std::time::Duration;

use nats_bridge::connection::Connection as Link;
use nats_bridge::queue::Queue;
use nats_core::{Code, Headers, Request, Result};

use crate::queue::Value;

/// What a request consists of, which outlives the call that made it.
pub(crate) struct Sent {
    pub(crate) subject: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) headers: Option<Arc<Headers>>,
}

impl Sent {
    /// Sends it on the inbox that all requests share; the reply completes `token`. `millis` is the
    /// time to wait, 0 for the connection's `request_timeout`.
    ///
    /// # Errors
    /// Those of a request that show at once; there is no completion then.
    pub(crate) fn ask(
        self,
        link: &Link,
        queue: &Queue<Value>,
        token: u64,
        millis: u32,
    ) -> Result<()> {
        let timeout = Some(Duration::from_millis(millis.into())).filter(|time| !time.is_zero());
        match link.client().request_now(&Request { timeout, ..self.request() }) {
            Err(full) if full.code() == Code::OutboundFull => {
                let client = link.client().clone();
                queue.start(token, async move {
                    let request = Request { timeout, ..self.request() };
                    client.request_with(&request).await.map(Value::Message)
                })?;
            }
            sent => {
                let reply = sent?;
                queue.drive(token, async { reply.await.map(Value::Message) })?;
            }
        }
        Ok(())
    }

    /// The request, with the connection's timeout.
    pub(crate) fn request(&self) -> Request<'_> {
        let request = Request::new(&self.subject, &self.payload);
        Request { headers: self.headers.as_deref(), ..request }
    }
}
