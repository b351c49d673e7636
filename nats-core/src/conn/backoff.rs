//! How long to wait between two rounds over the servers.

use std::time::Duration;

/// In the first seconds of an outage the wait stays short, because most outages are restarts.
const EARLY: Duration = Duration::from_secs(5);
const EARLY_CAP: Duration = Duration::from_millis(250);

/// Jittered exponential back-off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

impl Backoff {
    /// The wait before round `round` (0 is the first, at once), `elapsed` into the outage. `random`
    /// is uniform in 0..1: half of each wait is left to chance, so that clients do not return in
    /// step.
    pub(crate) fn delay(&self, round: u32, elapsed: Duration, random: f64) -> Duration {
        if round == 0 {
            return Duration::ZERO;
        }
        let doubled = 1u32.checked_shl(round - 1).and_then(|factor| self.min.checked_mul(factor));
        let cap = if elapsed < EARLY { self.max.min(EARLY_CAP) } else { self.max };
        doubled.unwrap_or(cap).min(cap).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff =
        Backoff { min: Duration::from_millis(10), max: Duration::from_secs(2) };

    #[test]
    fn first_at_once_then_doubling_up_to_the_caps() {
        let at =
            |round, elapsed| BACKOFF.delay(round, Duration::from_secs(elapsed), 1.0).as_millis();
        assert_eq!([at(0, 0), at(1, 0), at(2, 0), at(3, 0), at(9, 1)], [0, 10, 20, 40, 250]);
        assert_eq!([at(9, 6), at(40, 60), at(u32::MAX, 60)], [2000, 2000, 2000]);
    }

    #[test]
    fn half_of_the_wait_is_random() {
        let low = BACKOFF.delay(30, Duration::from_secs(60), 0.0);
        let high = BACKOFF.delay(30, Duration::from_secs(60), 1.0);
        assert_eq!((low.as_millis(), high.as_millis()), (1000, 2000));
    }
}
