//! Every row of the run, as tables.

use super::text::{Unit, escape, number};
use crate::case::name_of;
use crate::results::{Op, Row, Spread, Target};

const HEAD: [&str; 19] = [
    "Client",
    "Mode",
    "Size",
    "Subs",
    "Conns",
    "Headers",
    "In flight",
    "Threads",
    "Storage",
    "Messages/s",
    "CPU/message",
    "p50",
    "p99",
    "Peak memory",
    "Memory added",
    "At most added",
    "Process threads",
    "Runs",
    "Remark",
];

/// One table for each operation and target.
pub(super) fn tables(rows: &[Row]) -> String {
    let mut text = String::new();
    for target in [Target::Floor, Target::Server, Target::JetStream] {
        for op in Op::ALL {
            let picked: Vec<_> =
                rows.iter().filter(|row| row.target == target && row.op == op).collect();
            if !picked.is_empty() {
                text += &table(op, target, &picked);
            }
        }
    }
    text
}

fn table(op: Op, target: Target, rows: &[&Row]) -> String {
    let head: String = HEAD.iter().map(|name| format!("<th>{name}</th>")).collect();
    let body: String = rows.iter().map(|row| line(row)).collect();
    let target = match target {
        Target::Floor => "the floor program",
        Target::Server => "nats-server",
        Target::JetStream => "nats-server with JetStream",
    };
    format!(
        "<details><summary>{}, {target}: {} rows</summary><div class=\"wide\"><table><thead><tr>\
         {head}</tr></thead><tbody>{body}</tbody></table></div></details>\n",
        name_of(&op),
        rows.len()
    )
}

fn line(row: &Row) -> String {
    let texts = [
        escape(&row.client),
        row.mode.map_or(String::new(), |mode| name_of(&mode)),
        number(row.size as f64),
        number(row.subs as f64),
        number(row.conns as f64),
        number(row.headers as f64),
        number(row.inflight as f64),
        number(row.threads_used as f64),
        if row.target == Target::JetStream { name_of(&row.storage) } else { String::new() },
        figure(row.messages_per_s, Unit::PerSecond),
        figure(row.cpu_ns, Unit::Nanoseconds),
        figure(row.p50_us, Unit::Microseconds),
        figure(row.p99_us, Unit::Microseconds),
        figure(row.rss_peak_kib, Unit::Kibibytes),
        figure(row.rss_growth_kib, Unit::Kibibytes),
        figure(row.rss_peak_growth_kib, Unit::Kibibytes),
        row.process_threads.map_or(String::new(), |threads| number(threads as f64)),
        row.rounds.to_string(),
        remark(row),
    ];
    let cells: String = texts.iter().map(|text| format!("<td>{text}</td>")).collect();
    let class = if row.ours { " class=\"ours\"" } else { "" };
    format!("<tr{class}>{cells}</tr>")
}

fn figure(spread: Option<Spread>, unit: Unit) -> String {
    spread.map_or(String::new(), |spread| {
        format!("{}<br><small>{}</small>", unit.show(spread.median), unit.range(spread))
    })
}

fn remark(row: &Row) -> String {
    let disturbed = (row.disturbed > 0).then(|| format!("{} disturbed", row.disturbed));
    let error = row.error.as_deref().map(escape);
    [disturbed, error].into_iter().flatten().collect::<Vec<_>>().join("; ")
}
