//! A run beside an earlier one.

use std::fmt::Write;

use crate::case::{Case, name_of};
use crate::results::{Results, Row, Target};

/// A table of the rows that both have: processor time and throughput, the new by the old.
pub(crate) fn table(old: &Results, new: &Results) -> String {
    let mut text = format!("compared with {} ({})\n", old.date, old.machine.cpu);
    let mut lines = 0;
    for row in &new.rows {
        let Some(before) = old.rows.iter().find(|before| key(before) == key(row)) else { continue };
        let cpu = ratio(before, row, |row| Some(row.cpu_ns?.median));
        let speed = ratio(before, row, |row| Some(row.messages_per_s?.median));
        if let (Some(cpu), Some(speed)) = (cpu, speed) {
            let (_, target, case) = key(row);
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "{:26} {:7} CPU x {cpu:4.2}, throughput x {speed:4.2}  {case}",
                row.client,
                name_of(&target),
            );
            lines += 1;
        }
    }
    if lines == 0 {
        text.push_str("no row is in both\n");
    }
    text
}

fn key(row: &Row) -> (&str, Target, Case) {
    (&row.client, row.target, Case::from(row))
}

fn ratio(old: &Row, new: &Row, figure: fn(&Row) -> Option<f64>) -> Option<f64> {
    Some(figure(new)? / figure(old)?).filter(|ratio| ratio.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Machine, Op, SCHEMA, Spread};

    fn results(cpu: Option<f64>, size: usize) -> Results {
        let spread = |median: f64| Spread { median, min: median, max: median };
        let row = Row {
            cpu_ns: cpu.map(spread),
            messages_per_s: cpu.map(|cpu| spread(1e9 / cpu)),
            size,
            ..crate::samples::example(Case::new(Op::Publish)).row()
        };
        Results {
            schema: SCHEMA,
            date: "yesterday".into(),
            machine: Machine { cpu: "x".into(), cores: 1, kernel: "6".into(), memory_mib: 1 },
            quick: false,
            rounds: 5,
            notes: Vec::new(),
            rows: vec![row],
            goals: Vec::new(),
        }
    }

    #[test]
    fn rows_of_both_are_compared() {
        let text = table(&results(Some(100.0), 16), &results(Some(50.0), 16));
        assert!(text.starts_with("compared with yesterday (x)\n"), "{text}");
        assert!(text.contains("CPU x 0.50, throughput x 2.00  publish 16 B"), "{text}");
        for other in [results(Some(1.0), 128), results(None, 16)] {
            assert!(table(&results(Some(1.0), 16), &other).contains("no row is in both"));
        }
    }
}
