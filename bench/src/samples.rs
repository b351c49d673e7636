//! What the rounds of one row have measured.

use crate::case::Case;
use crate::clients::Client;
use crate::driver::Outcome;
use crate::results::{Row, Spread, Target};

/// One client in one case, with everything measured so far.
#[derive(Clone, Debug)]
pub(crate) struct Samples {
    /// Who.
    pub(crate) client: Client,
    /// With whom.
    pub(crate) target: Target,
    /// What.
    pub(crate) case: Case,
    /// How many messages.
    pub(crate) count: usize,
    /// The successful rounds.
    pub(crate) outcomes: Vec<Outcome>,
    /// How many of them were disturbed.
    pub(crate) disturbed: u32,
    /// Why the last failed run failed.
    pub(crate) error: Option<String>,
}

impl Samples {
    /// The row of the report.
    pub(crate) fn row(&self) -> Row {
        let Self { client, case, count, outcomes, .. } = self;
        let each = |figure: &dyn Fn(&Outcome) -> f64| {
            Spread::of(&outcomes.iter().map(figure).collect::<Vec<f64>>())
        };
        let maybe = |figure: &dyn Fn(&Outcome) -> Option<f64>| {
            Spread::of(&outcomes.iter().filter_map(figure).collect::<Vec<f64>>())
        };
        let messages = *count as f64;
        Row {
            client: client.name.clone(),
            language: client.language.clone(),
            ours: client.ours,
            version: outcomes.last().map_or(String::new(), |outcome| outcome.version.clone()),
            target: self.target,
            op: case.op,
            mode: case.mode,
            size: case.size,
            subs: case.subs,
            conns: case.conns,
            headers: case.headers,
            inflight: case.inflight,
            threads_used: case.threads,
            storage: case.storage,
            fixed: case.fixed.is_some(),
            count: *count,
            messages_per_s: each(&|outcome| messages / outcome.seconds),
            cpu_ns: each(&|outcome| outcome.cpu_seconds * 1e9 / messages),
            rss_peak_kib: each(&|outcome| outcome.rss_peak_kib),
            rss_growth_kib: each(&|outcome| outcome.rss_kib - outcome.rss_before_kib),
            rss_peak_growth_kib: each(&|outcome| outcome.rss_peak_kib - outcome.rss_before_kib),
            process_threads: outcomes.iter().map(|outcome| outcome.threads).max(),
            p50_us: maybe(&|outcome| outcome.p50_us),
            p99_us: maybe(&|outcome| outcome.p99_us),
            rounds: u32::try_from(outcomes.len()).unwrap_or(u32::MAX),
            disturbed: self.disturbed,
            error: self.error.clone(),
        }
    }
}

/// A client that has not been measured yet.
#[cfg(test)]
pub(crate) fn example(case: Case) -> Samples {
    Samples {
        client: crate::clients::example(),
        target: Target::Floor,
        case,
        count: 1000,
        outcomes: Vec::new(),
        disturbed: 0,
        error: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Op;

    fn outcome(seconds: f64, threads: u64) -> Outcome {
        Outcome {
            version: "1.2".into(),
            seconds,
            cpu_seconds: seconds / 2.0,
            rss_before_kib: 100.0,
            rss_peak_kib: 300.0,
            rss_kib: 250.0,
            threads,
            p50_us: None,
            p99_us: None,
        }
    }

    #[test]
    fn a_row_has_the_spread_of_all_rounds() {
        let mut samples = example(Case::new(Op::Publish));
        samples.outcomes = vec![outcome(1.0, 3), outcome(2.0, 5), outcome(4.0, 4)];
        samples.disturbed = 1;
        let row = samples.row();
        let speed = Spread { median: 500.0, min: 250.0, max: 1000.0 };
        assert_eq!(row.messages_per_s, Some(speed));
        assert_eq!(row.cpu_ns.map(|cpu| cpu.median), Some(1e6));
        assert_eq!(row.rss_growth_kib.map(|growth| growth.median), Some(150.0));
        assert_eq!(row.rss_peak_growth_kib.map(|growth| growth.median), Some(200.0));
        assert_eq!((row.process_threads, row.rounds, row.disturbed), (Some(5), 3, 1));
        assert_eq!((row.p50_us, row.version.as_str()), (None, "1.2"));

        samples.outcomes.clear();
        samples.error = Some("gone".into());
        let row = samples.row();
        assert_eq!((row.cpu_ns, row.rounds, row.error.as_deref()), (None, 0, Some("gone")));
    }
}
