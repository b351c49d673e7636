use super::*;
use crate::goals;
use crate::results::{Goal, Machine, Mode, Op, Row, SCHEMA, Spread, Storage, Target};

fn row(client: &str, language: &str, op: Op, mode: Option<Mode>, cpu: f64) -> Row {
    Row {
        client: client.into(),
        language: language.into(),
        ours: client.starts_with("nats-ffi"),
        version: "1.2.3".into(),
        target: Target::Floor,
        op,
        mode,
        size: 16,
        subs: 1,
        conns: 1,
        headers: 0,
        inflight: 1,
        threads_used: 1,
        storage: Storage::Memory,
        fixed: false,
        count: 1000,
        messages_per_s: Spread::of(&[1e9 / cpu]),
        cpu_ns: Spread::of(&[cpu]),
        rss_peak_kib: Spread::of(&[4096.0]),
        rss_growth_kib: Spread::of(&[512.0]),
        rss_peak_growth_kib: Spread::of(&[600.0]),
        process_threads: Some(2),
        p50_us: None,
        p99_us: None,
        rounds: 1,
        disturbed: 0,
        error: None,
    }
}

fn rows() -> Vec<Row> {
    let callback = Some(Mode::Callback);
    vec![
        row("nats-ffi-c", "C", Op::Publish, None, 50.0),
        row("nats-ffi-c", "C", Op::Subscribe, callback, 100.0),
        row("nats-ffi-c", "C", Op::Subscribe, Some(Mode::Batch), 60.0),
        row("nats.c", "C", Op::Publish, None, 110.0),
        row("nats.zig", "Zig", Op::Publish, None, 80.0),
        row("nats.c", "C", Op::Subscribe, callback, 420.0),
        row("floor", "", Op::Publish, None, 10.0),
    ]
}

fn results(rows: Vec<Row>) -> Results {
    Results {
        schema: SCHEMA,
        date: "2026-01-02T03:04:05Z".into(),
        machine: Machine { cpu: "<x>".into(), cores: 2, kernel: "6".into(), memory_mib: 2048 },
        quick: true,
        rounds: 5,
        notes: vec!["a <note>".into()],
        goals: goals::evaluate(&rows),
        rows,
    }
}

/// Every element is closed by its own end tag, in order.
fn assert_balanced(markup: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in markup.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("no end of <{piece}"));
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed by </{name}>");
        } else if !tag.ends_with('/') && !["meta", "br", "!doctype"].contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

#[test]
fn a_run_becomes_two_files() {
    let directory = tempfile::tempdir().unwrap();
    write(&results(rows()), directory.path()).unwrap();
    let page = fs::read_to_string(directory.path().join("report.html")).unwrap();
    assert_balanced(&page);
    assert_balanced(&fs::read_to_string(directory.path().join("benchmark.svg")).unwrap());
    for part in
        ["&lt;x&gt;", "a &lt;note&gt;", "nats-ffi-c, batch", "id=\"receive\"", "floor 10 ns"]
    {
        assert!(page.contains(part), "{part} is missing");
    }
    assert!(!page.contains("<script") && !page.contains("http"), "it needs something else");
    assert!(!page.contains("id=\"flight\""), "a section without rows");
    let missing = directory.path().join("missing");
    assert!(write(&results(rows()), &missing).unwrap_err().to_string().contains("missing"));
}

#[test]
fn the_chart_has_ours_beside_the_best_peer() {
    let svg = card::svg(&rows());
    for part in ["nats.zig", "1.6×", ">nats.c<", "4.2×"] {
        assert!(svg.contains(part), "{part} is missing in {svg}");
    }
    let alone: Vec<Row> = rows().into_iter().filter(|row| row.ours).collect();
    let svg = card::svg(&alone);
    assert!(svg.contains("not measured") && !svg.contains("×"), "{svg}");
}

#[test]
fn goals_are_counted_and_shown() {
    let goal = |group: &str, value: Option<f64>, missing: Option<&str>| Goal {
        group: group.into(),
        name: "CPU against nats.c".into(),
        value,
        limit: 0.5,
        at_most: true,
        reached: missing.is_none() && value.is_some_and(|value| value <= 0.5),
        missing: missing.map(Into::into),
    };
    let goals = [
        goal("C publish 16-128 B", Some(0.48), None),
        goal("Memory", Some(0.51), None),
        goal("Memory", None, Some("nats.c: publish 16 B")),
    ];
    let html = summary::goals(&goals);
    assert_balanced(&html);
    for part in
        ["1 reached", "1 missed", "1 not fully measured", "<b>0.480</b>", "≤ 0.500", "Memory"]
    {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
}

#[test]
fn a_row_that_failed_shows_its_error() {
    let mut rows = rows();
    rows[3] = Row {
        messages_per_s: None,
        cpu_ns: None,
        error: Some("a <fault>".into()),
        ..rows[3].clone()
    };
    let page = page(&results(rows));
    assert_balanced(&page);
    assert!(page.matches("a &lt;fault&gt;").count() >= 3, "two bars and a table");
}
