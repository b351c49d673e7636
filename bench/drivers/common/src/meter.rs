//! What the timed part has cost.

use std::fs;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

use crate::failure::{Failure, Result};
use crate::latency::Latencies;

/// Runs from the beginning of the timed part to its end.
pub struct Meter {
    wall: Instant,
    cpu: f64,
}

/// The cost of the timed part.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Seconds that passed.
    pub seconds: f64,
    /// Seconds of processor time of the whole process, in user and kernel mode.
    pub cpu_seconds: f64,
    /// Resident memory.
    pub rss_kib: u64,
    /// The most resident memory so far.
    pub rss_peak_kib: u64,
    /// Threads of the process.
    pub threads: u64,
    /// Half of the requests were faster.
    pub p50_us: Option<f64>,
    /// One in a hundred was slower.
    pub p99_us: Option<f64>,
}

impl Meter {
    /// Begins.
    pub fn start() -> Meter {
        Meter { cpu: cpu_seconds(), wall: Instant::now() }
    }

    /// Ends.
    ///
    /// # Errors
    /// When the system does not tell of the process.
    pub fn stop(self) -> Result<Measured> {
        let seconds = self.wall.elapsed().as_secs_f64();
        let cpu_seconds = cpu_seconds() - self.cpu;
        let status = status()?;
        Ok(Measured {
            seconds,
            cpu_seconds,
            rss_kib: number(&status, "VmRSS:")?,
            rss_peak_kib: number(&status, "VmHWM:")?,
            threads: number(&status, "Threads:")?,
            p50_us: None,
            p99_us: None,
        })
    }
}

impl Measured {
    /// With the percentiles of these latencies.
    pub fn latencies(self, mut latencies: Latencies) -> Measured {
        Measured { p50_us: latencies.percentile(50), p99_us: latencies.percentile(99), ..self }
    }
}

/// Resident memory now.
pub(crate) fn rss_kib() -> Result<u64> {
    number(&status()?, "VmRSS:")
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn status() -> Result<String> {
    const PATH: &str = "/proc/self/status";
    fs::read_to_string(PATH).map_err(|error| Failure::of(PATH, error))
}

fn number(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| Failure::Failed(format!("the system does not tell {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_time() {
        let meter = Meter::start();
        let began = cpu_seconds();
        while cpu_seconds() - began < 0.01 {}
        let measured = meter.stop().unwrap();
        assert!(measured.cpu_seconds >= 0.01 && measured.seconds > 0.0, "{measured:?}");
        assert!(measured.rss_peak_kib >= measured.rss_kib && measured.threads >= 1);
    }
}
