//! Requests of services that a program has taken, each counted once.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use nats_core::Result;
use nats_core::service::{Endpoint, ServiceError};

use crate::sync::lock;

/// A request that was taken of an endpoint. It is counted when it is answered first, or fails, or
/// else when this is dropped: as given up, or, when an answer could not be sent, as an error. A
/// binding keeps it with the message.
pub struct Handling {
    endpoint: Arc<Endpoint>,
    progress: Mutex<Progress>,
}

struct Progress {
    begun: Instant,
    counted: bool,
    /// Why it could not be answered.
    failure: Option<String>,
}

impl Handling {
    /// Its time begins now.
    pub fn new(endpoint: &Arc<Endpoint>) -> Handling {
        let progress = Progress { begun: Instant::now(), counted: false, failure: None };
        Handling { endpoint: Arc::clone(endpoint), progress: Mutex::new(progress) }
    }

    /// Its time begins only now.
    pub fn begin(&self) {
        lock(&self.progress).begun = Instant::now();
    }

    /// An answer was sent, which says that there was an `error`, or could not be sent.
    pub fn answered(&self, sent: &Result<()>, error: Option<&ServiceError>) {
        match sent {
            Ok(()) => self.count(error.map(ServiceError::to_string)),
            Err(failure) => lock(&self.progress).failure = Some(failure.to_string()),
        }
    }

    /// The handler has failed. It is up to the caller to tell who has asked, unless it
    /// [was counted](Handling::is_counted).
    pub fn failed(&self, error: &ServiceError) {
        self.count(Some(error.to_string()));
    }

    /// The program is done with it.
    pub fn end(&self) {
        let failure = lock(&self.progress).failure.take();
        self.count(failure);
    }

    /// Whether it was answered, or has failed or ended.
    pub fn is_counted(&self) -> bool {
        lock(&self.progress).counted
    }

    fn count(&self, error: Option<String>) {
        let mut progress = lock(&self.progress);
        if !std::mem::replace(&mut progress.counted, true) {
            self.endpoint.handled(progress.begun.elapsed(), error.as_deref());
        }
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.end();
    }
}
