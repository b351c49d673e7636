//! Further subjects whose messages come to one subscription.

use std::sync::Arc;

use super::handle::Client;
use crate::conn::mailbox::Mailbox;
use crate::conn::shared::{Shared, lock};
use crate::error::{Code, Error, Result};
use crate::proto::subject::Filter;

/// Brings the messages of a subject to a mailbox until it is dropped. The mailbox ends with the
/// connection.
pub(crate) struct Inlet {
    shared: Arc<Shared>,
    sid: u64,
}

impl Inlet {
    /// # Errors
    /// [`Code::InvalidSubject`], [`Code::ConnectionClosed`].
    pub(crate) fn new(client: &Client, subject: &str, mailbox: &Arc<Mailbox>) -> Result<Inlet> {
        let filter = Filter::new(subject)?;
        let shared = Arc::clone(client.shared());
        let (sid, wake) = shared.with_registry(|registry| {
            if registry.is_closed() {
                return Err(Error::from(Code::ConnectionClosed));
            }
            let (sid, _) = registry.add(filter, None, Arc::clone(mailbox));
            Ok((sid, lock(&shared.outbox).subscribe(sid, filter, None)))
        })?;
        wake.wake();
        Ok(Inlet { shared, sid })
    }

    /// The subscription id on the wire.
    pub(crate) fn sid(&self) -> u64 {
        self.sid
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        let shared = &self.shared;
        let wake = shared.with_registry(|registry| {
            registry.remove(self.sid).then(|| lock(&shared.outbox).unsubscribe(self.sid, None))
        });
        if let Some(wake) = wake {
            wake.wake();
        }
    }
}
