//! How long single requests took.

use std::time::Duration;

/// The duration of each request.
pub struct Latencies {
    nanoseconds: Vec<u64>,
}

impl Latencies {
    /// Has room for `count` durations, so that measuring does not allocate.
    pub fn with_capacity(count: usize) -> Latencies {
        Latencies { nanoseconds: Vec::with_capacity(count) }
    }

    /// Adds one.
    pub fn add(&mut self, duration: Duration) {
        self.nanoseconds.push(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// The microseconds within which `percent` of the requests were answered.
    pub fn percentile(&mut self, percent: usize) -> Option<f64> {
        let last = self.nanoseconds.len().checked_sub(1)?;
        let index = last * percent / 100;
        let (_, value, _) = self.nanoseconds.select_nth_unstable(index);
        Some(*value as f64 / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let mut latencies = Latencies::with_capacity(101);
        assert_eq!(latencies.percentile(50), None);
        for microseconds in (0..=100).rev() {
            latencies.add(Duration::from_micros(microseconds));
        }
        assert_eq!(latencies.percentile(50), Some(50.0));
        assert_eq!(latencies.percentile(99), Some(99.0));
    }
}
