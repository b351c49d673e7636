//! Rows, found by what was measured.

use crate::case::Case;
use crate::results::{FLOOR, Row, Target};

/// The rows of one run.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a>(pub &'a [Row]);

/// Which of a row's figures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Figure {
    /// Messages in a second.
    Throughput,
    /// CPU time for one message, in nanoseconds.
    Cpu,
    /// Half of the requests took no longer, in microseconds.
    P50,
    /// Resident memory gained, in KiB.
    Growth,
    /// The most resident memory at any time, in KiB.
    Peak,
    /// What resident memory grew by at its largest, in KiB.
    PeakGrowth,
    /// Threads of the process.
    Threads,
}

impl<'a> Table<'a> {
    /// The row of this client in this case.
    pub fn find(self, client: &str, target: Target, case: Case) -> Option<&'a Row> {
        self.0
            .iter()
            .find(|row| row.client == client && row.target == target && Case::from(*row) == case)
    }

    /// A figure of the row of this client in this case.
    pub fn figure(self, client: &str, target: Target, case: Case, figure: Figure) -> Option<f64> {
        self.find(client, target, case).and_then(|row| figure.of(row))
    }

    /// The same of the physical limit of the machine, which knows no modes.
    pub fn floor(self, target: Target, case: Case, figure: Figure) -> Option<f64> {
        self.figure(FLOOR, target, Case { mode: None, ..case }, figure)
    }
}

impl Figure {
    /// The median in a row; none when no run succeeded.
    pub fn of(self, row: &Row) -> Option<f64> {
        let spread = match self {
            Self::Throughput => row.messages_per_s,
            Self::Cpu => row.cpu_ns,
            Self::P50 => row.p50_us,
            Self::Growth => row.rss_growth_kib,
            Self::Peak => row.rss_peak_kib,
            Self::PeakGrowth => row.rss_peak_growth_kib,
            Self::Threads => return row.process_threads.map(|threads| threads as f64),
        };
        spread.map(|spread| spread.median)
    }
}

impl From<&Row> for Case {
    fn from(row: &Row) -> Self {
        Self {
            op: row.op,
            mode: row.mode,
            size: row.size,
            subs: row.subs,
            conns: row.conns,
            headers: row.headers,
            inflight: row.inflight,
            threads: row.threads_used,
            storage: row.storage,
            fixed: row.fixed.then_some(row.count),
        }
    }
}
