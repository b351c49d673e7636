//! Headers that the program adds to everything that a connection publishes.

use std::cell::Cell;

use super::handle::Client;
use crate::conn::options::Inject;
use crate::conn::shared::Shared;
use crate::proto::Headers;

thread_local! {
    /// Whether the thread is in such a function: what it publishes there is published as it is.
    static INJECTING: Cell<bool> = const { Cell::new(false) };
}

impl Client {
    /// The headers to send in place of `headers`, with those of the option `inject`; None:
    /// `headers` themselves. Whoever has to try more than once, or to send from another thread,
    /// asks first and sends what is returned here: nothing is added to it again.
    pub fn injected(&self, headers: Option<&Headers>) -> Option<Headers> {
        self.shared().injected(headers)
    }
}

impl Shared {
    /// As [`Client::injected`].
    #[inline]
    pub(crate) fn injected(&self, headers: Option<&Headers>) -> Option<Headers> {
        self.options.inject.as_ref().and_then(|inject| added(inject, headers))
    }

    /// Whether [`Shared::injected`] would have something to ask the program.
    #[inline]
    pub(crate) fn injects(&self, headers: Option<&Headers>) -> bool {
        self.options.inject.is_some() && !headers.is_some_and(Headers::is_complete)
    }
}

#[cold]
fn added(inject: &Inject, headers: Option<&Headers>) -> Option<Headers> {
    if headers.is_some_and(Headers::is_complete) || INJECTING.get() {
        return None;
    }
    let _within = Within::begin();
    let mut headers = headers.cloned().unwrap_or_default();
    inject(&mut headers);
    Some(headers.completed())
}

struct Within;

impl Within {
    fn begin() -> Within {
        INJECTING.set(true);
        Within
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        INJECTING.set(false);
    }
}
