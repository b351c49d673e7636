//! What the report shows, in its order: which rows stand beside each other in which chart.

use super::bars::{Bar, bars};
use super::lines::{Curve, lines};
use super::panels::{is_case, label, panels};
use super::text::{Unit, escape};
use crate::case::{Case, name_of};
use crate::matrix::{self, KEY_VALUE, MILLION, OBJECTS};
use crate::results::{FLOOR, Op, Row, Spread, Target};
use crate::table::{Figure, Table};

/// A part of the page with a heading.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) text: &'static str,
    pub(super) body: String,
}

/// A figure in a chart.
#[derive(Clone, Copy)]
struct Metric {
    title: &'static str,
    unit: Unit,
    of: fn(&Row) -> Option<Spread>,
    /// The same of the floor, where that is a limit.
    floor: Option<Figure>,
}

const CPU: Metric = Metric {
    title: "Client CPU per message, less is better",
    unit: Unit::Nanoseconds,
    of: |row| row.cpu_ns,
    floor: Some(Figure::Cpu),
};
const THROUGHPUT: Metric = Metric {
    title: "Messages per second, more is better",
    unit: Unit::PerSecond,
    of: |row| row.messages_per_s,
    floor: Some(Figure::Throughput),
};
const P50: Metric = Metric {
    title: "Half of the requests took at most (p50), less is better",
    unit: Unit::Microseconds,
    of: |row| row.p50_us,
    floor: Some(Figure::P50),
};
const P99: Metric = Metric {
    title: "99 % of the requests took at most (p99), less is better",
    unit: Unit::Microseconds,
    of: |row| row.p99_us,
    floor: None,
};
const PEAK: Metric = Metric {
    title: "Peak memory of the process, less is better",
    unit: Unit::Kibibytes,
    of: |row| row.rss_peak_kib,
    floor: None,
};
const MILLION_ADDED: Metric = Metric {
    title: "Memory that consuming a million messages of 128 bytes adds at most",
    unit: Unit::Kibibytes,
    of: |row| row.rss_peak_growth_kib,
    floor: None,
};
const GROWTH: Metric = Metric {
    title: "Memory that the connections add",
    unit: Unit::Kibibytes,
    of: |row| row.rss_growth_kib,
    floor: None,
};
const THREADS: Metric = Metric {
    title: "Threads of the process",
    unit: Unit::Count,
    of: |row| row.process_threads.and_then(|threads| Spread::of(&[threads as f64])),
    floor: None,
};

/// All sections for which there are rows.
pub(super) fn sections(rows: &[Row]) -> Vec<Section> {
    let flight = Case { inflight: 64, ..Case::new(Op::Request) };
    let serve = Case { inflight: 64, ..Case::new(Op::Service) };
    let pair = [CPU, THROUGHPUT];
    let all = [
        Section {
            id: "publish",
            title: "Publish, 16 bytes",
            text: "Messages into one connection, then a flush, which is timed too.",
            body: operation(rows, Case::new(Op::Publish), pair),
        },
        Section {
            id: "receive",
            title: "Receive, 16 bytes",
            text: "From the request to send until the last message is in the hands of the program.",
            body: operation(rows, Case::new(Op::Subscribe), pair),
        },
        Section {
            id: "loop",
            title: "Publish and receive on one connection, 16 bytes",
            text: "A client receives what it publishes.",
            body: operation(rows, Case::new(Op::Pubsub), pair),
        },
        Section {
            id: "request",
            title: "Requests in series",
            text: "One request after the other, 16 bytes and the same bytes back.",
            body: operation(rows, Case::new(Op::Request), [P50, P99]),
        },
        Section {
            id: "flight",
            title: "64 requests in flight",
            text: "64 at all times, by the natural means of each client.",
            body: operation(rows, flight, [THROUGHPUT, CPU]),
        },
        Section {
            id: "service",
            title: "A service that is asked",
            text: "16 bytes and the same bytes back, 64 requests of somebody else at all times.",
            body: operation(rows, serve, [THROUGHPUT, CPU]),
        },
        Section {
            id: "jetstream-publish",
            title: "JetStream: publish",
            text: "128 bytes into a stream in memory: each message when the one before it is \
                   acknowledged, then with 256 acknowledgements under way.",
            body: stored(rows, &[Op::JsPublish, Op::JsPublishAsync]),
        },
        Section {
            id: "jetstream-receive",
            title: "JetStream: receive",
            text: "A stream of messages of 128 bytes: asked for in pieces of 500 without and with \
                   acknowledgement of each, and taken without end.",
            body: stored(rows, &[Op::JsFetch, Op::JsFetchAck, Op::JsConsume]),
        },
        Section {
            id: "key-value",
            title: "JetStream: buckets of keys",
            text: "Values of 128 bytes are put, and got, one after the other; 100,000 keys are \
                   watched until all has come.",
            body: by_case(rows, KEY_VALUE.into_iter()),
        },
        Section {
            id: "objects",
            title: "JetStream: objects",
            text: "An object of 64 MiB is put, and got, in chunks of 128 KiB: a message is a chunk.",
            body: by_case(rows, OBJECTS.into_iter()),
        },
        Section {
            id: "headers",
            title: "Headers",
            text: "Three headers against none, 16 bytes of payload.",
            body: headers(rows),
        },
        Section {
            id: "size",
            title: "Cost against size",
            text: "Client CPU per message; both axes are logarithmic.",
            body: sizes(rows),
        },
        Section {
            id: "subscriptions",
            title: "Cost against subscriptions",
            text: "Client CPU per received message of 16 bytes, spread over the subscriptions.",
            body: subscriptions(rows),
        },
        Section {
            id: "connections",
            title: "Connections in one process",
            text: "Idle connections: memory and threads, and what it takes to open one. Then \
                   publishing over all of them in turn.",
            body: connections(rows),
        },
        Section {
            id: "threads",
            title: "Threads that publish over one connection",
            text: "16 bytes, from one thread and from eight.",
            body: threads(rows),
        },
        Section {
            id: "memory",
            title: "Peak memory",
            text: "The whole process, its runtime included, while it is as fast as it can.",
            body: memory(rows),
        },
    ];
    all.into_iter().filter(|section| !section.body.is_empty()).collect()
}

/// Two charts against the floor program, and two through a real server.
fn operation(rows: &[Row], case: Case, metrics: [Metric; 2]) -> String {
    let targets =
        [(Target::Floor, "Against the floor program"), (Target::Server, "Through nats-server")];
    let part = |(target, title)| {
        let charts = beside(metrics.map(|metric| {
            let floor = metric.floor.and_then(|figure| Table(rows).floor(target, case, figure));
            chart(rows, metric, floor, label, |row| is_case(row, target, case))
        }));
        if charts.is_empty() { charts } else { format!("<h3>{title}</h3>{charts}") }
    };
    targets.into_iter().map(part).collect()
}

/// Operations with a stream.
fn stored(rows: &[Row], ops: &[Op]) -> String {
    by_case(rows, matrix::stored(128).into_iter().filter(|case| ops.contains(&case.op)))
}

/// Cases with JetStream, two charts each.
fn by_case(rows: &[Row], cases: impl Iterator<Item = Case>) -> String {
    let part = |case: Case| {
        let charts = beside([THROUGHPUT, CPU].map(|metric| {
            let floor =
                metric.floor.and_then(|figure| Table(rows).floor(Target::JetStream, case, figure));
            chart(rows, metric, floor, label, |row| is_case(row, Target::JetStream, case))
        }));
        if charts.is_empty() { charts } else { format!("<h3>{}</h3>{charts}", name_of(&case.op)) }
    };
    cases.map(part).collect()
}

fn headers(rows: &[Row]) -> String {
    let name = |row: &Row| match row.headers {
        0 => label(row),
        some => format!("{}, {some} headers", label(row)),
    };
    let titles = [
        (Op::Publish, "Publish: client CPU per message"),
        (Op::Subscribe, "Receive: client CPU per message"),
    ];
    beside(titles.map(|(op, title)| {
        chart(rows, Metric { title, ..CPU }, None, name, |row| {
            let case = Case::new(op);
            let either = [case, Case { headers: 3, ..case }];
            either.into_iter().any(|case| is_case(row, Target::Floor, case))
                && twin(rows, row, |other| other.headers != row.headers)
        })
    }))
}

fn threads(rows: &[Row]) -> String {
    let name = |row: &Row| match row.threads_used {
        1 => format!("{}, 1 thread", label(row)),
        many => format!("{}, {many} threads", label(row)),
    };
    beside([THROUGHPUT, CPU].map(|metric| {
        chart(rows, metric, None, name, |row| {
            let case = Case { threads: row.threads_used, ..Case::new(Op::Publish) };
            is_case(row, Target::Floor, case)
                && twin(rows, row, |other| other.threads_used != row.threads_used)
        })
    }))
}

/// Whether there is a row to compare this one with.
fn twin(rows: &[Row], row: &Row, differs: impl Fn(&Row) -> bool) -> bool {
    rows.iter().any(|other| {
        let same = Case { headers: row.headers, threads: row.threads_used, ..Case::from(other) };
        other.client == row.client
            && other.target == row.target
            && same == Case::from(row)
            && differs(other)
    })
}

fn memory(rows: &[Row]) -> String {
    let large = Case { size: 65536, ..Case::new(Op::Publish) };
    let cases = [
        (Case::new(Op::Publish), "Publishing 16 bytes"),
        (large, "Publishing 64 KiB"),
        (Case::new(Op::Subscribe), "Receiving 16 bytes"),
    ];
    let usual = beside(cases.map(|(case, title)| {
        chart(rows, Metric { title, ..PEAK }, None, label, |row| is_case(row, Target::Floor, case))
    }));
    let consume = Case { size: 128, fixed: Some(MILLION), ..Case::new(Op::JsConsume) };
    usual
        + &beside([chart(rows, MILLION_ADDED, None, label, |row| {
            is_case(row, Target::JetStream, consume)
        })])
}

fn sizes(rows: &[Row]) -> String {
    let part = |op, title| {
        let like = |row: &Row| Case { size: row.size, ..Case::new(op) };
        curves(rows, Metric { title, ..CPU }, "bytes of payload", like, |row| row.size)
    };
    part(Op::Publish, "Publish") + &part(Op::Subscribe, "Receive")
}

fn subscriptions(rows: &[Row]) -> String {
    let like = |row: &Row| Case { subs: row.subs, ..Case::new(Op::Subscribe) };
    curves(rows, Metric { title: "", ..CPU }, "subscriptions", like, |row| row.subs)
}

fn connections(rows: &[Row]) -> String {
    let part = |metric, op| {
        let like = move |row: &Row| Case { conns: row.conns, ..Case::new(op) };
        curves(rows, metric, "connections", like, |row| row.conns)
    };
    let opening = Metric { title: "Client CPU to open a connection", floor: None, ..CPU };
    let publishing = Metric { title: "Client CPU per published message", ..CPU };
    [part(GROWTH, Op::Connect), part(THREADS, Op::Connect), part(opening, Op::Connect)].concat()
        + &part(publishing, Op::Publish)
}

/// The bars of one metric, language by language.
fn chart(
    rows: &[Row],
    metric: Metric,
    floor: Option<f64>,
    name: impl Fn(&Row) -> String,
    wanted: impl Fn(&Row) -> bool,
) -> String {
    let bar = |row: &&Row| Bar {
        label: name(row),
        ours: row.ours,
        spread: (metric.of)(row),
        remark: row.error.clone().unwrap_or_else(|| "not measured".to_owned()),
    };
    let body: String = panels(rows, wanted)
        .iter()
        .map(|panel| {
            let all: Vec<Bar> = panel.rows.iter().map(bar).collect();
            bars(panel.language, metric.unit, &all, floor)
        })
        .collect();
    if body.is_empty() {
        return body;
    }
    format!("<div class=\"chart\"><h4>{}</h4>{body}</div>\n", escape(metric.title))
}

fn beside<const N: usize>(charts: [String; N]) -> String {
    let charts = charts.concat();
    if charts.is_empty() { charts } else { format!("<div class=\"beside\">{charts}</div>\n") }
}

/// The curves of one metric, language by language. `like` makes the case that a row must be, apart
/// from what `across` takes from it. One point is no curve.
fn curves(
    rows: &[Row],
    metric: Metric,
    across_title: &str,
    like: impl Fn(&Row) -> Case,
    across: impl Fn(&Row) -> usize,
) -> String {
    let wanted = |row: &Row| is_case(row, Target::Floor, like(row));
    let point = |row: &Row| Some((across(row) as f64, (metric.of)(row)?.median));
    let limit: Vec<_> = rows
        .iter()
        .filter(|row| metric.floor.is_some() && row.client == FLOOR && wanted(row))
        .filter_map(point)
        .collect();
    let mut body = String::new();
    for panel in panels(rows, wanted) {
        let mut all: Vec<Curve> = Vec::new();
        for row in panel.rows {
            let name = label(row);
            let known = all.iter().position(|curve| curve.label == name);
            let at = known.unwrap_or_else(|| {
                let side = if row.ours { 'o' } else { 'p' };
                let same = all.iter().filter(|curve| curve.class.starts_with(side)).count();
                let class = format!("{side}{}", same % 5);
                all.push(Curve { label: name, class, points: Vec::new() });
                all.len() - 1
            });
            all[at].points.extend(point(row));
        }
        let class = "floor".to_owned();
        all.push(Curve { label: FLOOR.to_owned(), class, points: limit.clone() });
        for curve in &mut all {
            curve.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        if all.iter().any(|curve| curve.class != "floor" && curve.points.len() > 1) {
            body += &lines(panel.language, across_title, metric.unit, &all);
        }
    }
    let heading = match metric.title {
        "" => String::new(),
        title => format!("<h3>{}</h3>", escape(title)),
    };
    if body.is_empty() { body } else { format!("{heading}<div class=\"beside\">{body}</div>\n") }
}
