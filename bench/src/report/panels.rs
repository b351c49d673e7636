//! Rows side by side: one panel for each language that we have a client in.

use crate::case::Case;
use crate::goals::LANGUAGES;
use crate::results::{FLOOR, Row, Target};

/// The rows of one language.
#[derive(Debug)]
pub(super) struct Panel<'a> {
    pub(super) language: &'a str,
    /// Ours first.
    pub(super) rows: Vec<&'a Row>,
}

/// Sorts the rows that `wanted` picks into panels. A peer in a language that we have no client in
/// stands beside the first of ours, which is C.
pub(super) fn panels<'a>(rows: &'a [Row], wanted: impl Fn(&Row) -> bool) -> Vec<Panel<'a>> {
    let mut panels: Vec<Panel<'a>> = Vec::new();
    for row in rows.iter().filter(|row| row.ours) {
        if panels.iter().all(|panel| panel.language != row.language) {
            panels.push(Panel { language: &row.language, rows: Vec::new() });
        }
    }
    panels.sort_by_key(|panel| place(panel.language));
    if panels.is_empty() {
        panels.push(Panel { language: "Clients", rows: Vec::new() });
    }
    let mut picked: Vec<_> = rows.iter().filter(|row| row.client != FLOOR && wanted(row)).collect();
    // What one client does in one way stays together.
    let mut seen: Vec<String> = Vec::new();
    picked.sort_by_cached_key(|row| {
        let name = label(row);
        let known = seen.iter().position(|other| *other == name);
        let at = known.unwrap_or_else(|| {
            seen.push(name);
            seen.len() - 1
        });
        (!row.ours, at)
    });
    for row in picked {
        let own = panels.iter().position(|panel| panel.language == row.language);
        panels[own.unwrap_or(0)].rows.push(row);
    }
    panels.retain(|panel| !panel.rows.is_empty());
    panels
}

/// Where a language stands in the report.
fn place(language: &str) -> usize {
    let known = LANGUAGES.iter().position(|known| known.split(' ').next() == Some(language));
    known.unwrap_or(LANGUAGES.len())
}

/// Whether a row is this case, received in whatever way.
pub(super) fn is_case(row: &Row, target: Target, case: Case) -> bool {
    row.target == target && Case { mode: None, ..Case::from(row) } == case
}

/// The name of a client with the way that it receives, where there are several.
pub(super) fn label(row: &Row) -> String {
    match row.mode {
        Some(mode) => format!("{}, {}", row.client, crate::case::name_of(&mode)),
        None => row.client.clone(),
    }
}
