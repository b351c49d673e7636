//! One goal in the making: values from several cases, of which the worst counts.

use crate::case::Case;
use crate::results::{Goal, Target};
use crate::table::{Figure, Table};

/// Where the machine is the limit, this part of the floor's throughput is enough.
pub(super) const OF_THE_FLOOR: f64 = 0.7;

/// A goal that is not yet judged.
#[derive(Debug)]
pub(super) struct Trial {
    group: String,
    name: String,
    at_most: bool,
    limit: f64,
    /// The value that is the furthest beyond its limit, with that limit.
    worst: Option<(f64, f64)>,
    missing: Vec<String>,
}

impl Trial {
    /// A value of at most `limit` is wanted.
    pub(super) fn at_most(group: &str, name: impl Into<String>, limit: f64) -> Self {
        let (group, name) = (group.to_owned(), name.into());
        Self { group, name, at_most: true, limit, worst: None, missing: Vec::new() }
    }

    /// A value of at least `limit` is wanted.
    pub(super) fn at_least(group: &str, name: impl Into<String>, limit: f64) -> Self {
        Self { at_most: false, ..Self::at_most(group, name, limit) }
    }

    /// A figure that the goal needs; noted as missing when there is none.
    pub(super) fn need(
        &mut self,
        table: Table<'_>,
        client: &str,
        target: Target,
        case: Case,
        figure: Figure,
    ) -> Option<f64> {
        let found = table.figure(client, target, case, figure);
        if found.is_none() {
            self.lacks(client, target, case);
        }
        found
    }

    /// Notes that the row of this client is missing.
    pub(super) fn lacks(&mut self, client: &str, target: Target, case: Case) {
        let at = match target {
            Target::Floor => "",
            Target::Server => " through the server",
            Target::JetStream => " through the server with JetStream",
        };
        self.missing.push(format!("{client}: {case}{at}"));
    }

    /// A value with the goal's own limit.
    pub(super) fn add(&mut self, value: f64) {
        self.add_with(value, self.limit);
    }

    /// A value with a limit of its own.
    pub(super) fn add_with(&mut self, value: f64, limit: f64) {
        let beyond =
            |(value, limit): (f64, f64)| if self.at_most { value - limit } else { limit - value };
        if self.worst.is_none_or(|worst| beyond((value, limit)) > beyond(worst)) {
            self.worst = Some((value, limit));
        }
    }

    /// The goal: reached only when nothing is missing.
    pub(super) fn judge(self) -> Goal {
        let within = |(value, limit)| if self.at_most { value <= limit } else { value >= limit };
        Goal {
            reached: self.missing.is_empty() && self.worst.is_some_and(within),
            value: self.worst.map(|(value, _)| value),
            limit: self.worst.map_or(self.limit, |(_, limit)| limit),
            at_most: self.at_most,
            missing: (!self.missing.is_empty()).then(|| self.missing.join("; ")),
            group: self.group,
            name: self.name,
        }
    }
}
