//! What has to be reached: ratios between clients in one run, and bounds on growth.
//!
//! Goals of one group belong together: a cell of the table of languages and operations, whose group
//! is the names of its row and its column, or one bound for several clients.

mod bounds;
mod contest;
mod trial;

use crate::results::{Goal, Row};
use crate::table::Table;

pub use contest::{COLUMNS, Champion, LANGUAGES, champions};

/// Everything that has to be reached, judged by these rows.
pub fn evaluate(rows: &[Row]) -> Vec<Goal> {
    let table = Table(rows);
    let mut goals: Vec<Goal> = contest::ALL.iter().flat_map(|one| one.goals(table)).collect();
    goals.extend(bounds::goals(table));
    goals
}

#[cfg(test)]
mod tests;
