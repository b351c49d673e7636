//! What an endpoint has done.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;

use super::document::EndpointStats;
use crate::conn::mailbox::Mailbox;
use crate::conn::shared::lock;

/// Counters of one endpoint.
#[derive(Default)]
pub(super) struct Counts {
    totals: Mutex<Totals>,
    settled: Notify,
}

#[derive(Default)]
struct Totals {
    requests: u64,
    errors: u64,
    nanos: u64,
    last_error: String,
    /// Requests since the endpoint was made, whatever was reset.
    handled: u64,
    /// Somebody waits for the last of them.
    awaited: bool,
}

impl Counts {
    /// A request was handled.
    pub(super) fn handled(&self, took: Duration, error: Option<&str>) {
        let mut totals = lock(&self.totals);
        totals.handled += 1;
        totals.requests += 1;
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        totals.nanos = totals.nanos.saturating_add(nanos);
        if let Some(error) = error {
            totals.errors += 1;
            totals.last_error.clear();
            totals.last_error.push_str(error);
        }
        let awaited = totals.awaited;
        drop(totals);
        if awaited {
            self.settled.notify_one();
        }
    }

    /// Counts from zero.
    pub(super) fn reset(&self) {
        let mut totals = lock(&self.totals);
        let Totals { handled, awaited, .. } = *totals;
        *totals = Totals { handled, awaited, ..Totals::default() };
    }

    /// Puts the counters into a document.
    pub(super) fn tell(&self, stats: &mut EndpointStats) {
        let totals = lock(&self.totals);
        stats.num_requests = totals.requests;
        stats.num_errors = totals.errors;
        stats.last_error.clone_from(&totals.last_error);
        stats.processing_time = totals.nanos;
        stats.average_processing_time = totals.nanos.checked_div(totals.requests).unwrap_or(0);
    }

    /// How many requests wait to be taken, or were taken and not handled yet.
    pub(super) fn unsettled(&self, mailbox: &Mailbox) -> u64 {
        let stats = mailbox.stats();
        let taken = stats.delivered.saturating_sub(lock(&self.totals).handled);
        stats.pending_messages + taken
    }

    /// Waits until everything that was taken is handled.
    pub(super) async fn settle(&self, mailbox: &Mailbox) {
        lock(&self.totals).awaited = true;
        while mailbox.stats().delivered > lock(&self.totals).handled {
            self.settled.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_whole_and_resets_begin_anew() {
        let counts = Counts::default();
        let told = || {
            let mut stats = EndpointStats::default();
            counts.tell(&mut stats);
            stats
        };
        assert_eq!(told(), EndpointStats::default());
        counts.handled(Duration::from_nanos(4), None);
        counts.handled(Duration::from_nanos(3), Some("400:a"));
        counts.handled(Duration::from_nanos(4), Some("b"));
        let stats = told();
        assert_eq!((stats.num_requests, stats.num_errors, &*stats.last_error), (3, 2, "b"));
        assert_eq!((stats.processing_time, stats.average_processing_time), (11, 3));
        counts.handled(Duration::MAX, None);
        assert_eq!(told().processing_time, u64::MAX);
        counts.reset();
        assert_eq!(told(), EndpointStats::default());
        assert_eq!(lock(&counts.totals).handled, 4, "what was taken is not forgotten");
    }
}
