//! Bounds on what grows: with the payload, headers, subscriptions, connections and threads.

use super::contest::{self, Contest, best};
use super::trial::{OF_THE_FLOOR, Trial};
use crate::case::{Case, name_of};
use crate::matrix::MILLION;
use crate::results::{Goal, Mode, Op, Target};
use crate::table::{Figure, Table};

/// Payloads of which the cost is that of the bytes.
const LARGE: [usize; 2] = [1024, 65536];

/// Clients without a runtime of their language between them and the core.
const COMPILED: [&str; 2] = ["nats-ffi-c", "nats-ffi-rust"];

const SUBSCRIPTIONS: usize = 10_000;
const CONNECTIONS: usize = 1_000;

/// All of them.
pub(super) fn goals(table: Table<'_>) -> Vec<Goal> {
    let mut goals = Vec::new();
    for kind in [large_cpu, large_throughput, headers, subscriptions, subscription_memory] {
        for contest in &contest::ALL {
            goals.extend(cases(contest).into_iter().filter_map(|case| kind(table, contest, case)));
        }
    }
    for kind in [
        publisher_memory,
        consumer_memory,
        connection_memory,
        connection_threads,
        publishing_threads,
    ] {
        goals.extend(contest::ALL.iter().filter_map(|contest| kind(table, contest)));
    }
    goals
}

/// Publishing, and every way to receive.
fn cases(contest: &Contest) -> Vec<Case> {
    let receive = contest.receive.iter().map(|(mode, _, _)| receiving(Some(*mode)));
    std::iter::once(Case::new(Op::Publish)).chain(receive).collect()
}

fn receiving(mode: Option<Mode>) -> Case {
    Case { mode, ..Case::new(Op::Subscribe) }
}

/// The name of a goal: who, and doing what.
fn doing(contest: &Contest, case: Case) -> String {
    match case.mode {
        Some(mode) => format!("{}, receive, {}", contest.ours, name_of(&mode)),
        None => format!("{}, publish", contest.ours),
    }
}

fn large_cpu(table: Table<'_>, contest: &Contest, case: Case) -> Option<Goal> {
    let group = "1 and 64 KiB: CPU against the best peer";
    let mut trial = Trial::at_most(group, doing(contest, case), 1.0);
    for size in LARGE {
        let case = Case { size, ..case };
        let ways = contest::ways(case);
        let ours = trial.need(table, contest.ours, Target::Floor, case, Figure::Cpu);
        let peer = best(table, contest.rivals, Target::Floor, &ways, Figure::Cpu);
        if peer.is_none() {
            trial.lacks(&contest.rivals.join(" or "), Target::Floor, Case { mode: None, ..case });
        }
        if let (Some(ours), Some(peer)) = (ours, peer) {
            trial.add(ours / peer);
        }
    }
    Some(trial.judge())
}

fn large_throughput(table: Table<'_>, contest: &Contest, case: Case) -> Option<Goal> {
    if !COMPILED.contains(&contest.ours) {
        return None;
    }
    let group = "1 and 64 KiB: throughput against the floor";
    let mut trial = Trial::at_least(group, doing(contest, case), OF_THE_FLOOR);
    for size in LARGE {
        let case = Case { size, ..case };
        let ours = trial.need(table, contest.ours, Target::Floor, case, Figure::Throughput);
        let floor = table.floor(Target::Floor, case, Figure::Throughput);
        match (ours, floor) {
            (Some(ours), Some(floor)) => trial.add(ours / floor),
            (_, None) => trial.lacks("floor", Target::Floor, Case { mode: None, ..case }),
            (None, Some(_)) => {}
        }
    }
    Some(trial.judge())
}

fn headers(table: Table<'_>, contest: &Contest, case: Case) -> Option<Goal> {
    let group = "Three headers: CPU against none";
    let mut trial = Trial::at_most(group, doing(contest, case), 1.5);
    for size in [16, 128] {
        let without = Case { size, ..case };
        growth(table, &mut trial, contest.ours, without, Case { headers: 3, ..without });
    }
    Some(trial.judge())
}

fn subscriptions(table: Table<'_>, contest: &Contest, case: Case) -> Option<Goal> {
    if case.op != Op::Subscribe {
        return None;
    }
    let group = "100 and 10,000 subscriptions: CPU against one";
    let mut trial = Trial::at_most(group, doing(contest, case), 1.2);
    for subs in [100, SUBSCRIPTIONS] {
        growth(table, &mut trial, contest.ours, case, Case { subs, ..case });
    }
    Some(trial.judge())
}

/// Adds how many times the CPU time of one case the other takes.
fn growth(table: Table<'_>, trial: &mut Trial, client: &str, from: Case, to: Case) {
    let from = trial.need(table, client, Target::Floor, from, Figure::Cpu);
    let to = trial.need(table, client, Target::Floor, to, Figure::Cpu);
    if let (Some(from), Some(to)) = (from, to) {
        trial.add(to / from);
    }
}

fn subscription_memory(table: Table<'_>, contest: &Contest, case: Case) -> Option<Goal> {
    if case.op != Op::Subscribe || !COMPILED.contains(&contest.ours) {
        return None;
    }
    let group = "Memory of a subscription, in KiB";
    let mut trial = Trial::at_most(group, doing(contest, case), 1.0);
    let many = Case { subs: SUBSCRIPTIONS, ..case };
    slope(table, &mut trial, contest.ours, (case, many), SUBSCRIPTIONS - 1);
    Some(trial.judge())
}

/// The server is slower than who publishes: what waits for it has a bound, that of the outbound
/// buffer (8 MiB, and what is being written), and what the heap of a language takes when it likes
/// (V8's 17 MiB).
fn publisher_memory(table: Table<'_>, contest: &Contest) -> Option<Goal> {
    let group = "Memory of what waits for a slower server, in MiB";
    let mut trial = Trial::at_most(group, contest.ours, 32.0);
    let small = Case::new(Op::Publish);
    let large = Case { size: 65536, ..small };
    let [small, large] = [small, large]
        .map(|case| trial.need(table, contest.ours, Target::Server, case, Figure::Peak));
    if let (Some(small), Some(large)) = (small, large) {
        trial.add((large - small) / 1024.0);
    }
    Some(trial.judge())
}

/// A stream holds more than a client takes at a time: what waits in it has a bound, and what the heap
/// of a language takes when it likes.
fn consumer_memory(table: Table<'_>, contest: &Contest) -> Option<Goal> {
    let group = "Memory that consuming a million messages adds, in MiB";
    let mut trial = Trial::at_most(group, contest.ours, 32.0);
    let million = Case { size: 128, fixed: Some(MILLION), ..Case::new(Op::JsConsume) };
    let ways = contest::ways(million);
    let peaks: Vec<f64> = ways
        .into_iter()
        .filter_map(|case| table.figure(contest.ours, Target::JetStream, case, Figure::PeakGrowth))
        .collect();
    if peaks.is_empty() {
        trial.lacks(contest.ours, Target::JetStream, million);
    }
    peaks.into_iter().for_each(|peak| trial.add(peak / 1024.0));
    Some(trial.judge())
}

fn connection_memory(table: Table<'_>, contest: &Contest) -> Option<Goal> {
    let mut trial = Trial::at_most("Memory of a connection, in KiB", contest.ours, 150.0);
    let (one, many) = connecting();
    slope(table, &mut trial, contest.ours, (one, many), CONNECTIONS - 1);
    Some(trial.judge())
}

/// Adds the memory that one of `more` takes, by the difference between few and many.
fn slope(
    table: Table<'_>,
    trial: &mut Trial,
    client: &str,
    (few, many): (Case, Case),
    more: usize,
) {
    let few = trial.need(table, client, Target::Floor, few, Figure::Growth);
    let many = trial.need(table, client, Target::Floor, many, Figure::Growth);
    if let (Some(few), Some(many)) = (few, many) {
        trial.add((many - few) / more as f64);
    }
}

fn connecting() -> (Case, Case) {
    let one = Case::new(Op::Connect);
    (one, Case { conns: CONNECTIONS, ..one })
}

fn connection_threads(table: Table<'_>, contest: &Contest) -> Option<Goal> {
    let mut trial = Trial::at_most("Threads that 999 more connections add", contest.ours, 0.0);
    let (one, many) = connecting();
    let one = trial.need(table, contest.ours, Target::Floor, one, Figure::Threads);
    let many = trial.need(table, contest.ours, Target::Floor, many, Figure::Threads);
    if let (Some(one), Some(many)) = (one, many) {
        trial.add(many - one);
    }
    Some(trial.judge())
}

fn publishing_threads(table: Table<'_>, contest: &Contest) -> Option<Goal> {
    if !COMPILED.contains(&contest.ours) {
        return None;
    }
    let group = "8 threads publish: throughput against one";
    let mut trial = Trial::at_least(group, contest.ours, 1.0);
    let one = Case::new(Op::Publish);
    let eight = Case { threads: 8, ..one };
    let one = trial.need(table, contest.ours, Target::Floor, one, Figure::Throughput);
    let eight = trial.need(table, contest.ours, Target::Floor, eight, Figure::Throughput);
    if let (Some(one), Some(eight)) = (one, eight) {
        trial.add(eight / one);
    }
    Some(trial.judge())
}
