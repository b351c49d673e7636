//! The report: one HTML file that needs nothing else, and a chart for the README.

mod bars;
mod card;
mod lines;
mod panels;
mod rows;
mod sections;
mod summary;
mod text;

use std::fs;
use std::path::Path;

use nats_harness::{Error, Result};

use crate::results::Results;

const STYLE: &str = include_str!("report/style.css");

const LEGEND: &str = "<p class=\"legend\"><span class=\"ours\">ours</span> \
    <span class=\"peer\">peers</span> <span class=\"floor\">floor: raw frames, the limit of the \
    machine</span> <span class=\"spread\">smallest to largest of the rounds</span></p>\n";

const GOALS: &str = "<p>Ratios of medians in this run, of 16 and 128 bytes the worse. CPU is user \
    and system time of the client's process. A factor in throughput is asked for as far as the \
    machine allows: 70 % of the floor's throughput is enough.</p>\n";

/// Writes `report.html` and `benchmark.svg` into a directory.
///
/// # Errors
/// A file cannot be written.
pub fn write(results: &Results, directory: &Path) -> Result<()> {
    let files = [("report.html", page(results)), ("benchmark.svg", card::svg(&results.rows))];
    for (name, text) in files {
        let path = directory.join(name);
        fs::write(&path, text).map_err(|error| Error::because(path.display(), error))?;
    }
    Ok(())
}

fn page(results: &Results) -> String {
    let sections = sections::sections(&results.rows);
    let link = |(id, title): (&str, &str)| format!("<a href=\"#{id}\">{title}</a> ");
    let titles = sections.iter().map(|section| (section.id, section.title));
    let links: String = [("goals", "Goals")]
        .into_iter()
        .chain(titles)
        .chain([("rows", "All rows")])
        .map(link)
        .collect();
    let body: String = sections.iter().map(section).collect();
    [
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>NATS clients: benchmark</title>\n<style>\n",
        STYLE,
        "</style></head>\n<body><main>\n<h1>NATS clients, measured side by side</h1>\n",
        &summary::machine(results),
        &summary::notes(results),
        &summary::clients(results),
        &format!("<nav>{links}</nav>\n<section id=\"goals\"><h2>Goals</h2>\n{GOALS}"),
        &summary::goals(&results.goals),
        "</section>\n",
        LEGEND,
        &body,
        "<section id=\"rows\"><h2>All rows</h2>\n",
        &rows::tables(&results.rows),
        "</section>\n</main></body></html>\n",
    ]
    .concat()
}

fn section(section: &sections::Section) -> String {
    format!(
        "<section id=\"{}\"><h2>{}</h2><p>{}</p>\n{}</section>\n",
        section.id, section.title, section.text, section.body
    )
}

#[cfg(test)]
mod tests;
