//! Ours against the peers of a language.

use super::trial::{OF_THE_FLOOR, Trial};
use crate::case::{Case, name_of};
use crate::matrix;
use crate::results::{Goal, Mode, Op, Target};
use crate::table::{Figure, Table};

/// The languages in the order of the report.
pub const LANGUAGES: [&str; 5] = ["C", "Rust", "Python asyncio", "Node", "Tcl"];

/// What is compared in each language, in the order of the report.
pub const COLUMNS: [&str; 5] = [PUBLISH, RECEIVE, P50, INFLIGHT, JETSTREAM];

const PUBLISH: &str = "publish 16-128 B";
const RECEIVE: &str = "receive 16-128 B";
const P50: &str = "request p50";
const INFLIGHT: &str = "64 in flight";
const JETSTREAM: &str = "JetStream 128 B";

/// The small payloads.
const SMALL: [usize; 2] = [16, 128];

/// The peers of all compiled languages.
const COMPILED: &[&str] = &["nats.c", "async-nats", "async-nats-1", "nats.go", "nats.zig"];
const NATS_PY: &[&str] = &["nats-py", "nats-py-uvloop"];

/// A client of ours and the peers that it is compared with.
type Pair = (&'static str, &'static [&'static str]);

/// What one client of ours has to reach.
#[derive(Debug)]
pub(super) struct Contest {
    language: &'static str,
    pub(super) ours: &'static str,
    peer: &'static str,
    /// At most this part of the peer's CPU time, and its inverse in throughput.
    publish: f64,
    /// The same for each way to receive: ours, the peer's.
    pub(super) receive: &'static [(Mode, Mode, f64)],
    /// At most this part of the peer's p50, with the clients that are compared.
    p50: (&'static str, &'static str, f64),
    /// At least so many times the throughput of the best of the peers with 64 requests in flight,
    /// for each pair of a client of ours and its peers.
    inflight: Option<(&'static [Pair], f64)>,
    /// With each operation of JetStream, by its best way to receive, against the best of these
    /// peers.
    jetstream: (Stored, &'static [&'static str]),
    /// The clients of which the best is the measure for larger payloads.
    pub(super) rivals: &'static [&'static str],
}

/// What is to be reached with JetStream.
#[derive(Debug)]
enum Stored {
    /// At most this part of the CPU time, and no less throughput.
    Cpu(f64),
    /// At least so many times the throughput.
    Throughput(f64),
}

/// All of them.
pub(super) const ALL: [Contest; 5] = [
    Contest {
        language: "C",
        ours: "nats-ffi-c",
        peer: "nats.c",
        publish: 0.5,
        receive: &[(Mode::Callback, Mode::Callback, 0.4), (Mode::Batch, Mode::Callback, 0.25)],
        p50: ("nats-ffi-c", "nats.c", 0.8),
        inflight: Some((&[("nats-ffi-c", COMPILED)], 1.3)),
        jetstream: (Stored::Cpu(0.6), COMPILED),
        rivals: COMPILED,
    },
    Contest {
        language: "Rust",
        ours: "nats-ffi-rust",
        peer: "async-nats",
        publish: 0.2,
        receive: &[(Mode::Iterator, Mode::Iterator, 0.3)],
        p50: ("nats-ffi-rust-1", "async-nats-1", 1.0),
        // A program has one runtime or the other.
        inflight: Some((
            &[("nats-ffi-rust", &["async-nats"]), ("nats-ffi-rust-1", &["async-nats-1"])],
            1.3,
        )),
        jetstream: (Stored::Cpu(0.6), COMPILED),
        rivals: COMPILED,
    },
    Contest {
        language: "Python asyncio",
        ours: "nats-ffi-python-asyncio",
        peer: "nats-py",
        publish: 1.0 / 5.0,
        receive: &[
            (Mode::Callback, Mode::Callback, 1.0 / 10.0),
            (Mode::Iterator, Mode::Iterator, 1.0 / 10.0),
        ],
        p50: ("nats-ffi-python-asyncio", "nats-py", 0.7),
        inflight: Some((&[("nats-ffi-python-asyncio", &["nats-py"])], 4.0)),
        jetstream: (Stored::Throughput(4.0), &["nats-py"]),
        rivals: NATS_PY,
    },
    Contest {
        language: "Node",
        ours: "nats-ffi-node",
        peer: "nats.js",
        publish: 1.0 / 3.0,
        receive: &[
            (Mode::Callback, Mode::Callback, 1.0 / 2.5),
            (Mode::Iterator, Mode::Iterator, 1.0 / 2.5),
        ],
        p50: ("nats-ffi-node", "nats.js", 0.7),
        inflight: Some((&[("nats-ffi-node", &["nats.js"])], 3.0)),
        jetstream: (Stored::Throughput(1.5), &["nats.js"]),
        rivals: &["nats.js"],
    },
    Contest {
        language: "Tcl",
        ours: "nats-ffi-tcl",
        peer: "nats-tcl",
        publish: 1.0 / 6.0,
        receive: &[(Mode::Callback, Mode::Callback, 1.0 / 15.0)],
        p50: ("nats-ffi-tcl", "nats-tcl", 0.5),
        inflight: None,
        jetstream: (Stored::Throughput(4.0), &["nats-tcl"]),
        rivals: &["nats-tcl"],
    },
];

/// The client of ours that stands for a language.
#[derive(Clone, Copy, Debug)]
pub struct Champion {
    /// One of [`LANGUAGES`].
    pub language: &'static str,
    /// Its name in the rows.
    pub client: &'static str,
    /// How it receives, in the way that peers have too.
    pub mode: Mode,
}

/// One for each language, in the order of the report.
pub fn champions() -> impl Iterator<Item = Champion> {
    let receiving = |contest: &Contest| contest.receive.first().map(|(mode, _, _)| *mode);
    ALL.iter().filter_map(move |contest| {
        let mode = receiving(contest)?;
        Some(Champion { language: contest.language, client: contest.ours, mode })
    })
}

impl Contest {
    /// The row of the table, cell by cell.
    pub(super) fn goals(&self, table: Table<'_>) -> Vec<Goal> {
        let mut goals = self.publish(table);
        for (ours, theirs, part) in self.receive {
            goals.extend(self.receive(table, *ours, *theirs, *part));
        }
        goals.push(self.p50(table));
        if let Some((pairs, factor)) = self.inflight {
            for target in [Target::Floor, Target::Server] {
                for pair in pairs {
                    goals.extend(self.inflight(table, target, *pair, factor));
                }
            }
        }
        for case in matrix::stored(128) {
            goals.extend(self.stored(table, case));
        }
        goals
    }

    /// An operation of JetStream, each client in the way of receiving that suits it best.
    fn stored(&self, table: Table<'_>, case: Case) -> Vec<Goal> {
        let (aim, peers) = &self.jetstream;
        let group = self.group(JETSTREAM);
        let goal = |figure, limit: f64| {
            let name = |what| format!("{}: {what} against {}", name_of(&case.op), against(peers));
            let mut trial = match figure {
                Figure::Cpu => Trial::at_most(&group, name("CPU"), limit),
                _ => Trial::at_least(&group, name("throughput"), limit),
            };
            let target = Target::JetStream;
            let ways = ways(case);
            let ours = best(table, &[self.ours], target, &ways, figure);
            let peer = best(table, peers, target, &ways, figure);
            for (found, clients) in [(ours, self.ours), (peer, &peers.join(" or "))] {
                if found.is_none() {
                    trial.lacks(clients, target, case);
                }
            }
            if let (Some(ours), Some(peer)) = (ours, peer) {
                let limit = match figure {
                    Figure::Cpu => limit,
                    _ => possible(table, target, case, peer).clamp(1.0, limit),
                };
                trial.add_with(ours / peer, limit);
            }
            trial.judge()
        };
        match *aim {
            Stored::Cpu(part) => vec![goal(Figure::Cpu, part), goal(Figure::Throughput, 1.0)],
            Stored::Throughput(factor) => vec![goal(Figure::Throughput, factor)],
        }
    }

    fn publish(&self, table: Table<'_>) -> Vec<Goal> {
        let sides = sides(Case::new(Op::Publish), Case::new(Op::Publish), &SMALL);
        let names = (PUBLISH, "");
        let mut goals = self.faster(table, names, &sides, (&[self.peer], self.publish));
        if self.language == "C" {
            goals.extend(self.faster(table, names, &sides, (&["nats.zig"], 1.0)));
        }
        goals
    }

    fn receive(&self, table: Table<'_>, ours: Mode, theirs: Mode, part: f64) -> Vec<Goal> {
        let case = |mode| Case { mode: Some(mode), ..Case::new(Op::Subscribe) };
        let sides = sides(case(ours), case(theirs), &SMALL);
        let prefix = format!("{}, ", name_of(&ours));
        self.faster(table, (RECEIVE, &prefix), &sides, (&[self.peer], part))
    }

    fn p50(&self, table: Table<'_>) -> Goal {
        let (ours, peer, limit) = self.p50;
        let name = format!("{ours} against {peer}");
        let mut trial = Trial::at_most(&self.group(P50), name, limit);
        let case = Case::new(Op::Request);
        let ours = trial.need(table, ours, Target::Floor, case, Figure::P50);
        let peer = trial.need(table, peer, Target::Floor, case, Figure::P50);
        if let (Some(ours), Some(peer)) = (ours, peer) {
            trial.add(ours / peer);
        }
        trial.judge()
    }

    fn inflight(
        &self,
        table: Table<'_>,
        target: Target,
        (ours, peers): Pair,
        factor: f64,
    ) -> Vec<Goal> {
        let case = Case { inflight: 64, ..Case::new(Op::Request) };
        let prefix = match target {
            Target::Floor => "",
            Target::Server | Target::JetStream => "nats-server, ",
        };
        let sides = [Side { target, ours: case, theirs: case }];
        self.faster_as(table, ours, (INFLIGHT, prefix), &sides, (peers, 1.0 / factor))
    }

    fn group(&self, column: &str) -> String {
        format!("{} {column}", self.language)
    }

    /// At most this part of the CPU time of the best peer; and the inverse of it in throughput, as
    /// far as the machine allows.
    fn faster(
        &self,
        table: Table<'_>,
        names: (&str, &str),
        sides: &[Side],
        peers: (&[&str], f64),
    ) -> Vec<Goal> {
        self.faster_as(table, self.ours, names, sides, peers)
    }

    /// The same for another client of ours.
    fn faster_as(
        &self,
        table: Table<'_>,
        ours: &str,
        (column, prefix): (&str, &str),
        sides: &[Side],
        (peers, part): (&[&str], f64),
    ) -> Vec<Goal> {
        let name = |what| format!("{prefix}{what} against {}", against(peers));
        let group = self.group(column);
        let mut cpu = Trial::at_most(&group, name("CPU"), part);
        let mut throughput = Trial::at_least(&group, name("throughput"), 1.0 / part);
        for side in sides {
            side.compare(table, &mut cpu, (ours, peers), Figure::Cpu, |_| part);
            side.compare(table, &mut throughput, (ours, peers), Figure::Throughput, |peer| {
                let possible = possible(table, side.target, side.theirs, peer);
                possible.clamp(1.0, (1.0 / part).max(1.0))
            });
        }
        vec![cpu.judge(), throughput.judge()]
    }
}

/// The name of who is compared with.
fn against(peers: &[&str]) -> String {
    match peers {
        [peer] => (*peer).to_owned(),
        _ => "the best peer".to_owned(),
    }
}

/// How many times the throughput of a peer the machine allows.
fn possible(table: Table<'_>, target: Target, case: Case, peer: f64) -> f64 {
    let floor = table.floor(target, case, Figure::Throughput);
    floor.map_or(f64::INFINITY, |floor| OF_THE_FLOOR * floor / peer)
}

/// A case in every way to receive, if it has any.
pub(super) fn ways(case: Case) -> Vec<Case> {
    if !case.op.has_modes() {
        return vec![case];
    }
    let modes = [Mode::Callback, Mode::Iterator, Mode::Batch];
    modes.map(|mode| Case { mode: Some(mode), ..case }).to_vec()
}

/// Two cases that are compared.
#[derive(Clone, Copy, Debug)]
struct Side {
    target: Target,
    ours: Case,
    theirs: Case,
}

impl Side {
    /// Adds the ratio of ours to the best of the peers.
    fn compare(
        &self,
        table: Table<'_>,
        trial: &mut Trial,
        (ours, peers): (&str, &[&str]),
        figure: Figure,
        limit: impl Fn(f64) -> f64,
    ) {
        let value = trial.need(table, ours, self.target, self.ours, figure);
        let peer = best(table, peers, self.target, &[self.theirs], figure);
        if peer.is_none() {
            trial.lacks(&peers.join(" or "), self.target, self.theirs);
        }
        if let (Some(value), Some(peer)) = (value, peer) {
            trial.add_with(value / peer, limit(peer));
        }
    }
}

/// The same pair of cases with each of these sizes, against the floor program.
fn sides(ours: Case, theirs: Case, sizes: &[usize]) -> Vec<Side> {
    let with = |case: Case, size| Case { size, ..case };
    let side =
        |size| Side { target: Target::Floor, ours: with(ours, size), theirs: with(theirs, size) };
    sizes.iter().map(|size| side(*size)).collect()
}

/// The best figure that any of these clients has in any of these cases.
pub(super) fn best(
    table: Table<'_>,
    clients: &[&str],
    target: Target,
    cases: &[Case],
    figure: Figure,
) -> Option<f64> {
    let figures = clients
        .iter()
        .flat_map(|client| cases.iter().map(move |case| (client, case)))
        .filter_map(|(client, case)| table.figure(client, target, *case, figure));
    match figure {
        Figure::Throughput => figures.max_by(f64::total_cmp),
        _ => figures.min_by(f64::total_cmp),
    }
}
