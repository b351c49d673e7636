//! The chart for the README: client CPU for one message of 16 bytes, ours beside the best peer.

use super::panels::{is_case, panels};
use super::text::{Unit, escape};
use crate::case::Case;
use crate::goals::{Champion, champions};
use crate::results::{Op, Row, Target};
use crate::table::{Figure, Table};

const WIDTH: f64 = 920.0;
const HEAD: f64 = 86.0;
const ROW: f64 = 58.0;
const FOOT: f64 = 30.0;
/// Where the two columns begin.
const COLUMNS: [f64; 2] = [156.0, 544.0];
/// Names stand before the bars.
const NAME: f64 = 112.0;
/// The longest bar.
const BAR: f64 = 112.0;

const STYLE: &str = "\
  svg { color-scheme: light dark; }
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; fill: #1c2128; }
  .back { fill: #ffffff; stroke: #d5dbe1; } .dim { fill: #5c6670; font-size: 12px; }
  .title { font-size: 17px; font-weight: 600; }
  .head, .language { font-size: 14px; font-weight: 600; }
  .ratio { font-size: 19px; font-weight: 700; fill: #2563eb; }
  rect.ours { fill: #2563eb; } rect.peer { fill: #e08a3c; } line { stroke: #d5dbe1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e9ee; } .back { fill: #0f141a; stroke: #303a44; } .dim { fill: #98a3ae; }
    .ratio, rect.ours { fill: #60a5fa; } rect.peer { fill: #d98a45; } line { stroke: #303a44; }
  }
";

/// The whole chart.
pub(super) fn svg(rows: &[Row]) -> String {
    let champions: Vec<Champion> = champions()
        .filter(|champion| rows.iter().any(|row| row.client == champion.client))
        .collect();
    let height = HEAD + ROW * champions.len() as f64 + FOOT;
    let lines: String = champions
        .iter()
        .enumerate()
        .map(|(index, champion)| line(rows, champion, ROW.mul_add(index as f64, HEAD)))
        .collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Client CPU for a message of 16 bytes: nats-ffi beside the best peer of each \
         language\">\n<style>\n{STYLE}</style>\n\
         <rect class=\"back\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"10\"/>\n\
         <text class=\"title\" x=\"24\" y=\"32\">Client CPU for a message of 16 bytes</text>\n\
         <text class=\"dim\" x=\"24\" y=\"50\">User and system time of the client's process; \
         shorter is better.</text>\n\
         <text class=\"head\" x=\"{2}\" y=\"74\">Publish</text>\
         <text class=\"head\" x=\"{3}\" y=\"74\">Receive, one by one</text>\n{lines}\
         <text class=\"dim\" x=\"24\" y=\"{4}\">Each pair of bars has its own scale. \
         Medians of one run against a program that costs next to nothing.</text>\n</svg>\n",
        WIDTH - 1.0,
        height - 1.0,
        COLUMNS[0],
        COLUMNS[1],
        height - 14.0
    )
}

/// One language.
fn line(rows: &[Row], champion: &Champion, top: f64) -> String {
    let receive = Case { mode: Some(champion.mode), ..Case::new(Op::Subscribe) };
    let pairs = [Case::new(Op::Publish), receive].map(|case| pair(rows, champion.client, case));
    let drawn: String =
        pairs.iter().zip(COLUMNS).map(|(pair, left)| pair.draw(left, top)).collect();
    format!(
        "<line x1=\"24\" x2=\"{}\" y1=\"{top}\" y2=\"{top}\"/>\
         <text class=\"language\" x=\"24\" y=\"{}\">{}</text>{drawn}\n",
        WIDTH - 24.0,
        top + 34.0,
        escape(champion.language)
    )
}

/// What two clients need for the same.
struct Pair {
    ours: Option<(String, f64)>,
    peer: Option<(String, f64)>,
}

/// Ours in this case, and the peer of its language that needs the least, in whatever way.
fn pair(rows: &[Row], client: &str, case: Case) -> Pair {
    let ours = Table(rows).figure(client, Target::Floor, case, Figure::Cpu);
    let named = |row: &Row| Figure::Cpu.of(row).map(|cpu| (row.client.clone(), cpu));
    let any = Case { mode: None, ..case };
    let beside = panels(rows, |row| is_case(row, Target::Floor, any))
        .into_iter()
        .find(|panel| panel.rows.iter().any(|row| row.client == client));
    let peer = beside
        .iter()
        .flat_map(|panel| &panel.rows)
        .filter(|row| !row.ours)
        .filter_map(|row| named(row))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    Pair { ours: ours.map(|cpu| ("nats-ffi".to_owned(), cpu)), peer }
}

impl Pair {
    fn draw(&self, left: f64, top: f64) -> String {
        let figures = [&self.ours, &self.peer].map(|one| one.as_ref().map_or(0.0, |one| one.1));
        let full = figures[0].max(figures[1]);
        let bars = [("ours", &self.ours, top + 9.0), ("peer", &self.peer, top + 32.0)];
        let drawn: String = bars
            .iter()
            .map(|(class, one, y)| match one {
                Some((name, cpu)) => bar(class, name, *cpu, full, (left, *y)),
                None => format!(
                    "<text class=\"dim\" x=\"{left}\" y=\"{}\">not measured</text>",
                    y + 13.0
                ),
            })
            .collect();
        let ratio = match (&self.ours, &self.peer) {
            (Some(ours), Some(peer)) => {
                let (x, y) = (left + 352.0, top + 36.0);
                let ratio = peer.1 / ours.1;
                format!(
                    "<text class=\"ratio\" text-anchor=\"end\" x=\"{x}\" y=\"{y}\">\
                     {ratio:.1}×</text>"
                )
            }
            _ => String::new(),
        };
        drawn + &ratio
    }
}

fn bar(class: &str, name: &str, cpu: f64, full: f64, (left, y): (f64, f64)) -> String {
    let width = (BAR * cpu / full).max(2.0);
    let (start, base) = (left + NAME, y + 13.0);
    format!(
        "<text class=\"dim\" x=\"{left}\" y=\"{base}\">{}</text>\
         <rect class=\"{class}\" x=\"{start}\" y=\"{y}\" width=\"{width:.1}\" height=\"17\" \
         rx=\"2\"/>\
         <text x=\"{:.1}\" y=\"{base}\">{}</text>",
        escape(name),
        start + width + 7.0,
        Unit::Nanoseconds.show(cpu)
    )
}
