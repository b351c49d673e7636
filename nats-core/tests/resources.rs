//! What connections cost: descriptors, threads, memory, processor time. Measured on this process,
//! so these tests run one after the other and nothing else runs beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nats_core::{Client, Code, Event};
use nats_harness::{DEFAULT_INFO, Step};
use support::*;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Runs one test at a time, with a runtime that begins and ends with it.
fn alone(test: impl Future<Output = ()>) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(test);
}

/// A line of /proc/self/status that is a number, in KiB where it is a size.
fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap()
}

fn resident() -> u64 {
    status("VmRSS") * KIB
}

fn threads() -> u64 {
    status("Threads")
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Processor time of the process so far, in ticks of 10 ms.
fn ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, behind_the_name) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = behind_the_name.split_whitespace().collect();
    // utime and stime are the fields 14 and 15; the first one behind the name is the third.
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// The most memory that `work` needs above what is there now.
async fn peak_growth<T>(work: impl Future<Output = T>) -> (u64, T) {
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = resident();
    let result = work.await;
    ((status("VmHWM") * KIB).saturating_sub(before), result)
}

/// Threads that end, end soon after the connection: looks again until the deadline.
fn settles(what: &str, fits: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !fits() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

async fn cycle(url: &str, number: usize) {
    let client = dial(url).await;
    let subscription = client.subscribe("x").unwrap();
    if number.is_multiple_of(2) {
        publish(&client, "x", "hello").await;
        next(&subscription).await;
        within("close", client.close()).await;
    } else if number % 4 == 1 {
        within("drain", client.drain()).await.unwrap();
    } else {
        // Nobody holds the connection any more: it closes by itself.
        let mut events = client.events();
        drop((client, subscription));
        within("closed", async {
            while !matches!(events.recv().await, Ok(Event::Closed { .. })) {}
        })
        .await;
    }
}

#[test]
fn process_03() {
    alone(ten_thousand_cycles());
}

async fn ten_thousand_cycles() {
    const WARM_UP: usize = 1_000;
    const CYCLES: usize = 10_000;
    /// Less than half a KiB for each cycle after the warm-up: what leaks a struct exceeds it.
    const GROWTH: u64 = 4 * MIB;
    let server = plain();
    for number in 0..WARM_UP {
        cycle(&server.url(), number).await;
    }
    let before = (descriptors(), threads(), resident());
    for number in WARM_UP..CYCLES {
        cycle(&server.url(), number).await;
    }
    settles("descriptors are left open", || descriptors() <= before.0);
    settles("threads are left", || threads() <= before.1);
    let growth = resident().saturating_sub(before.2);
    assert!(growth < GROWTH, "{} KiB more after {CYCLES} cycles", growth / KIB);
    assert_eq!(server.monitor("/connz").unwrap()["num_connections"], 0);
}

#[test]
fn process_04() {
    alone(idle_connections());
}

async fn idle_connections() {
    const CONNECTIONS: u64 = 200;
    let server = plain();
    // What the first one brings along for all, the runtime's buffers among them, is not counted.
    let first = dial(&server.url()).await;
    let (threads_before, before) = (threads(), resident());
    let mut idle = Vec::new();
    for number in 0..CONNECTIONS {
        let client = dial(&server.url()).await;
        let subscription = client.subscribe(&format!("idle.{number}")).unwrap();
        flush(&client).await;
        idle.push((client, subscription));
    }
    let each = resident().saturating_sub(before) / CONNECTIONS;
    assert!(each < MIB, "{} KiB for a connection", each / KIB);
    settles("connections have threads of their own", || threads() <= threads_before);

    let start = ticks();
    // Not a wait for anything: the time over which nothing may happen.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = ticks() - start;
    assert!(used <= 1, "{used} ticks of the processor for {CONNECTIONS} idle connections");
    for (number, (_, subscription)) in idle.iter().enumerate() {
        publish(&first, &format!("idle.{number}"), "awake").await;
        assert_eq!(next_text(subscription).await, "awake");
    }
}

/// A connection whose server sends `flood`, and goes on as told.
async fn flooded(steps: Vec<Step>) -> (nats_harness::FakeServer, Client, Events) {
    let script = [vec![Step::Handshake, Step::Gate], steps].concat();
    let fake = nats_harness::FakeServer::start_with(vec![script, vec![Step::Handshake]]).unwrap();
    let (client, events) = dial_watched(options(&fake.url())).await;
    (fake, client, events)
}

#[test]
fn a_line_without_an_end_is_left_at_once() {
    alone(endless_lines());
}

async fn endless_lines() {
    const ENDLESS: usize = 32 << 20;
    for start in ["", "MSG ", "INFO ", "-ERR '"] {
        let mut line = start.as_bytes().to_vec();
        line.resize(ENDLESS, b'x');
        let (fake, _client, mut events) = flooded(vec![Step::Send(line)]).await;
        let (growth, event) = peak_growth(async {
            fake.release();
            events.wait("disconnected").await
        })
        .await;
        let Event::Disconnected { reason } = event else { unreachable!() };
        assert_eq!(reason.code(), Code::Protocol, "{start:?}");
        assert!(growth < 8 * MIB, "{start:?}: {} KiB", growth / KIB);
        events.wait("reconnected").await;
    }
}

#[test]
fn a_size_that_is_only_announced_takes_no_memory() {
    alone(announced_size());
}

async fn announced_size() {
    let (fake, client, _events) = flooded(vec![Step::send("MSG x 1 60000000\r\nsome")]).await;
    let subscription = client.subscribe("x").unwrap();
    let (growth, waited) = peak_growth(async {
        fake.release();
        // The fake answers behind what it sent, but nothing can come behind it.
        (client.flush_timeout(SHORT).await, subscription.try_next())
    })
    .await;
    assert_eq!(code(waited.0), Code::Timeout);
    assert!(waited.1.is_none());
    assert!(growth < 8 * MIB, "{} KiB", growth / KIB);
}

#[test]
fn floods_of_control_lines_take_no_memory() {
    alone(control_floods());
}

async fn control_floods() {
    let info = format!("INFO {DEFAULT_INFO}\r\n");
    for line in ["PING\r\n", "PONG\r\n", "+OK\r\n", &info] {
        let flood = line.repeat((32 << 20) / line.len());
        // It does not read either, so that no answer can leave.
        let steps = vec![Step::Send(flood.into()), Step::Send(msg(1, "x", "end")), Step::Stall];
        let (fake, client, _events) = flooded(steps).await;
        let subscription = client.subscribe("x").unwrap();
        let (growth, last) = peak_growth(async {
            fake.release();
            next_text(&subscription).await
        })
        .await;
        assert_eq!(last, "end");
        assert!(growth < 8 * MIB, "{line:?}: {} KiB", growth / KIB);
    }
}
