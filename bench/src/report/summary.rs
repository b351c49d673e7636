//! The head of the report: the machine, the goals, what has to be known.

use super::text::{Unit, escape, number};
use crate::goals::{COLUMNS, LANGUAGES};
use crate::results::{Goal, Results};

/// Where, when and how it was measured.
pub(super) fn machine(results: &Results) -> String {
    let machine = &results.machine;
    let facts = [
        ("Date", results.date.clone()),
        ("Processor", format!("{}, {} cores", machine.cpu, machine.cores)),
        ("Memory", Unit::Kibibytes.show(machine.memory_mib as f64 * 1024.0)),
        ("Kernel", machine.kernel.clone()),
        ("Rounds", format!("{}, medians; clients interleaved", results.rounds)),
        ("Selection", if results.quick { "quick" } else { "full" }.to_owned()),
        ("Disturbed runs", disturbed(results)),
    ];
    let fact = |(name, value): &(&str, String)| {
        format!("<div><dt>{name}</dt><dd>{}</dd></div>", escape(value))
    };
    format!("<dl>{}</dl>\n", facts.iter().map(fact).collect::<String>())
}

fn disturbed(results: &Results) -> String {
    let runs: u32 = results.rows.iter().map(|row| row.rounds).sum();
    let disturbed: u32 = results.rows.iter().map(|row| row.disturbed).sum();
    format!("{disturbed} of {runs}")
}

/// The clients with their versions.
pub(super) fn clients(results: &Results) -> String {
    let mut seen: Vec<(&str, &str, &str)> = Vec::new();
    for row in &results.rows {
        let client = (row.client.as_str(), row.language.as_str(), row.version.as_str());
        if !row.version.is_empty() && !seen.contains(&client) {
            seen.push(client);
        }
    }
    let line = |(client, language, version): &(&str, &str, &str)| {
        let (client, language, version) = (escape(client), escape(language), escape(version));
        format!("<tr><td>{client}</td><td>{version}</td><td>{language}</td></tr>")
    };
    format!(
        "<details><summary>{} clients and their versions</summary><table><thead><tr><th>Client</th>\
         <th>Version</th><th>Language</th></tr></thead><tbody>{}</tbody></table></details>\n",
        seen.len(),
        seen.iter().map(line).collect::<String>()
    )
}

/// What a reader has to know.
pub(super) fn notes(results: &Results) -> String {
    if results.notes.is_empty() {
        return String::new();
    }
    let items: String =
        results.notes.iter().map(|note| format!("<li>{}</li>", escape(note))).collect();
    format!(
        "<details open class=\"notes\"><summary>Notes of this run</summary>\
         <ul>{items}</ul></details>\n"
    )
}

/// Every goal: the cells of the table, then the bounds.
pub(super) fn goals(goals: &[Goal]) -> String {
    let reached = goals.iter().filter(|goal| goal.reached).count();
    let open = goals.iter().filter(|goal| goal.missing.is_some()).count();
    let count = |class, number: usize, what| format!("<b class=\"{class}\">{number} {what}</b>");
    format!(
        "<p class=\"count\">{} {} {}</p>\n{}{}",
        count("reached", reached, "reached"),
        count("missed", goals.len() - reached - open, "missed"),
        count("open", open, "not fully measured"),
        cells(goals),
        bounds(goals)
    )
}

/// The table of languages and operations.
fn cells(goals: &[Goal]) -> String {
    let head: String = COLUMNS.iter().map(|column| format!("<th>{column}</th>")).collect();
    let mut body = String::new();
    for language in LANGUAGES {
        body += &format!("<tr><th>{language}</th>");
        for column in COLUMNS {
            let group = format!("{language} {column}");
            let items = list(goals.iter().filter(|goal| goal.group == group));
            body += &format!("<td data-column=\"{column}\">{items}</td>");
        }
        body += "</tr>";
    }
    format!(
        "<table class=\"cells\"><thead><tr><th></th>{head}</tr></thead>\
         <tbody>{body}</tbody></table>\n"
    )
}

/// All other goals, group by group.
fn bounds(goals: &[Goal]) -> String {
    let is_cell =
        |group: &str| LANGUAGES.iter().any(|l| COLUMNS.iter().any(|c| group == format!("{l} {c}")));
    let mut groups: Vec<&str> = Vec::new();
    for goal in goals.iter().filter(|goal| !is_cell(&goal.group)) {
        if !groups.contains(&goal.group.as_str()) {
            groups.push(&goal.group);
        }
    }
    let card = |group: &&str| {
        let items = list(goals.iter().filter(|goal| goal.group == *group));
        format!("<div><h4>{}</h4>{items}</div>", escape(group))
    };
    format!("<div class=\"bounds\">{}</div>\n", groups.iter().map(card).collect::<String>())
}

fn list<'a>(goals: impl Iterator<Item = &'a Goal>) -> String {
    let items: String = goals.map(item).collect();
    if items.is_empty() { "–".to_owned() } else { format!("<ul>{items}</ul>") }
}

/// A ratio with as many digits as decide whether it is within its limit.
fn ratio(value: f64) -> String {
    if value.abs() < 1.0 && value != 0.0 { format!("{value:.3}") } else { number(value) }
}

fn item(goal: &Goal) -> String {
    let (class, mark) = match (&goal.missing, goal.reached) {
        (Some(_), _) => ("open", "○"),
        (None, true) => ("reached", "✓"),
        (None, false) => ("missed", "✗"),
    };
    let sign = if goal.at_most { "≤" } else { "≥" };
    let value = goal.value.map_or("–".to_owned(), ratio);
    let missing = goal.missing.as_ref().map_or(String::new(), |missing| {
        let rows: String =
            missing.split("; ").map(|row| format!("<div>{}</div>", escape(row))).collect();
        format!("<details class=\"missing\"><summary>not fully measured</summary>{rows}</details>")
    });
    format!(
        "<li class=\"{class}\"><span>{mark}</span><div>{}{missing}</div>\
         <div class=\"value\"><b>{value}</b> <small>{sign} {}</small></div></li>",
        escape(&goal.name),
        ratio(goal.limit)
    )
}
