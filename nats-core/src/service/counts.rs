//! What an endpoint has done.

use std::sync::Mutex;
use std::time::Duration;

use super::document::EndpointStats;
use crate::conn::shared::lock;

/// Counters of one endpoint.
#[derive(Default)]
pub(super) struct Counts {
    totals: Mutex<Totals>,
}

#[derive(Default)]
struct Totals {
    requests: u64,
    errors: u64,
    nanos: u64,
    last_error: String,
}

impl Counts {
    /// A request was handled.
    pub(super) fn handled(&self, took: Duration, error: Option<&str>) {
        let mut totals = lock(&self.totals);
        totals.requests += 1;
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        totals.nanos = totals.nanos.saturating_add(nanos);
        if let Some(error) = error {
            totals.errors += 1;
            totals.last_error.clear();
            totals.last_error.push_str(error);
        }
    }

    /// Counts from zero.
    pub(super) fn reset(&self) {
        *lock(&self.totals) = Totals::default();
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
    }
}
