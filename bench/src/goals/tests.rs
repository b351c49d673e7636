use super::*;
use crate::case::Case;
use crate::results::{FLOOR, Mode, Op, Spread, Target};

fn spread(figure: f64) -> Option<Spread> {
    Spread::of(&[figure])
}

/// A row with this throughput (per second) and CPU time (ns).
fn row(client: &str, target: Target, case: Case, throughput: f64, cpu: f64) -> Row {
    Row {
        client: client.into(),
        language: "any".into(),
        ours: client.starts_with("nats-ffi"),
        version: "1".into(),
        target,
        op: case.op,
        mode: case.mode,
        size: case.size,
        subs: case.subs,
        conns: case.conns,
        headers: case.headers,
        inflight: case.inflight,
        threads_used: case.threads,
        storage: case.storage,
        fixed: case.fixed.is_some(),
        count: case.fixed.unwrap_or(1),
        messages_per_s: spread(throughput),
        cpu_ns: spread(cpu),
        rss_peak_kib: spread(1.0),
        rss_growth_kib: spread(1.0),
        rss_peak_growth_kib: spread(1.0),
        process_threads: Some(2),
        p50_us: spread(1.0),
        p99_us: spread(1.0),
        rounds: 1,
        disturbed: 0,
        error: None,
    }
}

fn goal(rows: &[Row], group: &str, name: &str) -> Goal {
    let goals = evaluate(rows);
    let found = goals.iter().find(|goal| goal.group == group && goal.name == name);
    found.unwrap_or_else(|| panic!("no goal {name:?} of {group:?}")).clone()
}

/// Publishing 16 and 128 bytes, with one pair of throughput and CPU time each.
fn publishing(client: &str, figures: [(f64, f64); 2]) -> Vec<Row> {
    let case = |size| Case { size, ..Case::new(Op::Publish) };
    let one = |(size, (throughput, cpu))| row(client, Target::Floor, case(size), throughput, cpu);
    [16, 128].into_iter().zip(figures).map(one).collect()
}

#[test]
fn without_rows_every_goal_says_what_is_missing() {
    let goals = evaluate(&[]);
    for goal in &goals {
        assert!(goal.missing.is_some() && goal.value.is_none() && !goal.reached, "{goal:?}");
    }
    let mut names: Vec<_> = goals.iter().map(|goal| (&goal.group, &goal.name)).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), goals.len(), "two goals of one name");
    for language in LANGUAGES {
        for column in COLUMNS.iter().filter(|column| language != "Tcl" || **column != COLUMNS[3]) {
            let cell = format!("{language} {column}");
            assert!(goals.iter().any(|goal| goal.group == cell), "{cell}");
        }
    }
    let tcl = goal(&[], "Tcl request p50", "nats-ffi-tcl against nats-tcl").missing.unwrap();
    assert_eq!(tcl, "nats-ffi-tcl: request 16 B; nats-tcl: request 16 B");
}

#[test]
fn the_worse_of_two_sizes_counts() {
    let (group, name) = ("C publish 16-128 B", "CPU against nats.c");
    let mut rows = publishing("nats.c", [(1e6, 100.0), (1e6, 120.0)]);
    rows.extend(publishing("nats-ffi-c", [(3e6, 40.0), (3e6, 60.0)]));
    let reached = goal(&rows, group, name);
    assert!(reached.reached && reached.missing.is_none(), "{reached:?}");
    assert_eq!((reached.value, reached.limit), (Some(0.5), 0.5));

    rows.pop();
    let partly = goal(&rows, group, name);
    assert!(!partly.reached && partly.value == Some(0.4), "{partly:?}");
    assert_eq!(partly.missing.as_deref(), Some("nats-ffi-c: publish 128 B"));

    rows.extend(publishing("nats-ffi-c", [(3e6, 40.0), (3e6, 61.0)]).pop());
    assert!(!goal(&rows, group, name).reached);
}

#[test]
fn the_machine_bounds_the_throughput_that_is_asked_for() {
    let (group, name) = ("Rust publish 16-128 B", "throughput against async-nats");
    let mut rows = publishing("async-nats", [(1e6, 100.0); 2]);
    rows.extend(publishing("nats-ffi-rust", [(4e6, 20.0); 2]));
    let free = goal(&rows, group, name);
    assert!(!free.reached && free.limit == 5.0 && free.value == Some(4.0), "{free:?}");

    rows.extend(publishing(FLOOR, [(5e6, 10.0); 2]));
    let bounded = goal(&rows, group, name);
    assert!(bounded.reached && bounded.limit == 3.5, "{bounded:?}");
}

#[test]
fn the_best_peer_is_the_measure() {
    let case = Case { inflight: 64, ..Case::new(Op::Request) };
    let server = |client, throughput| row(client, Target::Server, case, throughput, 10.0);
    let rows = [server("nats-ffi-c", 130.0), server("nats.c", 70.0), server("async-nats", 100.0)];
    let name = "nats-server, throughput against the best peer";
    let goal = goal(&rows, "C 64 in flight", name);
    assert!(goal.reached && goal.value == Some(1.3), "{goal:?}");
}

#[test]
fn memory_is_counted_by_the_difference() {
    let connect = |conns, growth| {
        let case = Case { conns, ..Case::new(Op::Connect) };
        let row = row("nats-ffi-c", Target::Floor, case, 1.0, 1.0);
        Row { rss_growth_kib: spread(growth), process_threads: Some(conns as u64), ..row }
    };
    let rows = [connect(1, 5_000.0), connect(1_000, 5_000.0 + 999.0 * 150.0)];
    let memory = goal(&rows, "Memory of a connection, in KiB", "nats-ffi-c");
    assert!(memory.reached && memory.value == Some(150.0), "{memory:?}");
    let threads = goal(&rows, "Threads that 999 more connections add", "nats-ffi-c");
    assert!(!threads.reached && threads.value == Some(999.0), "{threads:?}");
}

#[test]
fn memory_that_grows_with_what_waits_is_seen() {
    let publish = |size, peak| {
        let case = Case { size, ..Case::new(Op::Publish) };
        let row = row("nats-ffi-c", Target::Server, case, 1.0, 1.0);
        Row { rss_peak_kib: spread(peak), ..row }
    };
    let group = "Memory of what waits for a slower server, in MiB";
    let bounded = [publish(16, 5_000.0), publish(65536, 5_000.0 + 8.0 * 1024.0)];
    let memory = goal(&bounded, group, "nats-ffi-c");
    assert!(memory.reached && memory.value == Some(8.0), "{memory:?}");
    let unbounded = [publish(16, 5_000.0), publish(65536, 505_000.0)];
    assert!(!goal(&unbounded, group, "nats-ffi-c").reached);
}

#[test]
fn streams_are_compared_by_the_best_way_to_receive() {
    let consume = |client, mode, throughput, cpu| {
        let case = Case { mode: Some(mode), size: 128, ..Case::new(Op::JsConsume) };
        row(client, Target::JetStream, case, throughput, cpu)
    };
    let mut rows = vec![
        consume("nats-ffi-c", Mode::Callback, 300.0, 90.0),
        consume("nats-ffi-c", Mode::Batch, 400.0, 60.0),
        consume("nats.c", Mode::Callback, 400.0, 100.0),
        consume("async-nats", Mode::Iterator, 100.0, 400.0),
    ];
    let group = "C JetStream 128 B";
    let cpu = goal(&rows, group, "js-consume: CPU against the best peer");
    assert!(cpu.reached && (cpu.value, cpu.limit) == (Some(0.6), 0.6), "{cpu:?}");
    let throughput = goal(&rows, group, "js-consume: throughput against the best peer");
    assert!(throughput.reached && throughput.value == Some(1.0), "{throughput:?}");

    let name = "js-consume: throughput against nats.js";
    rows.push(consume("nats.js", Mode::Callback, 100.0, 10.0));
    let missing = goal(&rows, "Node JetStream 128 B", name);
    assert!(!missing.reached && missing.limit == 1.5, "{missing:?}");
    let text = missing.missing.unwrap();
    assert_eq!(text, "nats-ffi-node: js-consume 128 B through the server with JetStream");
    // The machine allows no more.
    let floor = Case { size: 128, ..Case::new(Op::JsConsume) };
    rows.push(consume("nats-ffi-node", Mode::Callback, 120.0, 10.0));
    rows.push(row(FLOOR, Target::JetStream, floor, 160.0, 1.0));
    let bounded = goal(&rows, "Node JetStream 128 B", name);
    assert!(bounded.reached && (bounded.limit * 100.0).round() == 112.0, "{bounded:?}");
}

#[test]
fn memory_that_grows_with_what_a_stream_holds_is_seen() {
    let consume = |mode, peak| {
        let (mode, fixed) = (Some(mode), Some(1_000_000));
        let case = Case { mode, size: 128, fixed, ..Case::new(Op::JsConsume) };
        let row = row("nats-ffi-c", Target::JetStream, case, 1.0, 1.0);
        Row { rss_peak_growth_kib: spread(peak), ..row }
    };
    let group = "Memory that consuming a million messages adds, in MiB";
    let mut rows = vec![consume(Mode::Callback, 4096.0)];
    let flat = goal(&rows, group, "nats-ffi-c");
    assert!(flat.reached && flat.value == Some(4.0), "{flat:?}");
    rows.push(consume(Mode::Batch, 200.0 * 1024.0));
    assert!(!goal(&rows, group, "nats-ffi-c").reached);
}

#[test]
fn cost_that_grows_with_subscriptions_is_seen() {
    let receive = |subs, cpu| {
        let case = Case { mode: Some(Mode::Batch), subs, ..Case::new(Op::Subscribe) };
        row("nats-ffi-c", Target::Floor, case, 1.0, cpu)
    };
    let group = "100 and 10,000 subscriptions: CPU against one";
    let name = "nats-ffi-c, receive, batch";
    let flat = [receive(1, 100.0), receive(100, 90.0), receive(10_000, 120.0)];
    assert!(goal(&flat, group, name).reached);
    let steep = [receive(1, 100.0), receive(100, 121.0), receive(10_000, 90.0)];
    assert_eq!(goal(&steep, group, name).value, Some(1.21));
    assert!(!goal(&steep, group, name).reached);
}
