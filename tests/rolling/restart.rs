//! `restart NAME=COMMAND...`: a cluster of three servers under rolling restart, ten rounds in which
//! servers leave gently and ten in which they are killed, while a client in each language publishes,
//! subscribes and requests through it. What the clients say at the end has to add up. The last line
//! is "N passed, N failed".

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nats_harness::{Cluster, Config, Guard, Result, Server};
use serde_json::Value;

const ROUNDS: usize = 10;
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What servers do between two looks of this test.
const LOOK: Duration = Duration::from_millis(20);
/// How long clients run undisturbed between two restarts.
const CALM: Duration = Duration::from_millis(300);

/// How a server goes.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// By lame-duck mode, until no client is left.
    Gentle,
    /// By SIGKILL.
    Sudden,
}

/// A time in which requests may fail, in milliseconds since the epoch.
struct Window {
    from: u64,
    to: u64,
}

/// One of the programs.
struct Talker {
    name: String,
    child: Child,
    guard: Option<Guard>,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Talker {
    fn start(name: &str, command: &str, urls: &str) -> Result<Talker> {
        let mut words = command.split_whitespace();
        let mut child = Command::new(words.next().unwrap_or_default())
            .args(words)
            .args([urls, name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (sender, lines) = channel();
        if let Some(output) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(|line| line.ok()) {
                    // Nobody reads any more when the test has failed already.
                    let _ = sender.send(line);
                }
            });
        }
        let input = child.stdin.take();
        let guard = Some(Guard::new(child.id())?);
        Ok(Talker { name: name.to_owned(), child, guard, input, lines })
    }

    /// The next line that it prints.
    fn line(&self) -> Option<String> {
        self.lines.recv_timeout(PATIENCE).ok()
    }

    fn stop(&mut self) {
        if let Some(mut input) = self.input.take() {
            // One that has ended already says so by its missing result.
            let _ = writeln!(input, "stop");
        }
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.guard = None;
        let _ = self.child.wait();
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Waits until `done` says so.
fn until(what: &str, mut done: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > PATIENCE {
            return Err(nats_harness::Error::new(format!("{what}: not within {PATIENCE:?}")));
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// How many clients it has; None: it does not answer.
fn clients(server: &Server) -> Option<u64> {
    server.monitor("/varz").ok()?["connections"].as_u64()
}

/// Restarts one server, and waits until the cluster is whole and all clients are somewhere.
fn restart(cluster: &Cluster, at: usize, end: End, talkers: u64) -> Result<Window> {
    let servers = cluster.servers();
    let server = &servers[at];
    let everybody = || servers.iter().map(clients).sum::<Option<u64>>() == Some(talkers);
    let from = now();
    match end {
        End::Gentle => {
            server.lame_duck()?;
            // One that has no clients ends at once.
            let left = || clients(server).is_none_or(|count| count == 0);
            until("clients leave a server in lame-duck mode", left)?;
            server.stop()?;
        }
        End::Sudden => server.kill()?,
    }
    server.restart()?;
    cluster.wait_ready()?;
    until("all clients are back", everybody)?;
    Ok(Window { from, to: now() })
}

fn number(result: &Value, key: &str) -> u64 {
    result[key].as_u64().unwrap_or(u64::MAX)
}

/// What is wrong with what a client says.
fn faults(result: &Value, end: End, windows: &[Window]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut expect = |right: bool, what: &str| {
        if !right {
            faults.push(what.to_owned());
        }
    };
    let count = |key| number(result, key);
    expect(count("published") > 500 && count("requests") > 50, "it has hardly run");
    expect(count("published") == count("delivered") + count("missing"), "the counts do not add up");
    expect(count("duplicates") == 0, "a message came twice");
    expect(count("out_of_order") == 0, "a message came out of order");
    expect(count("dropped_out") == 0 && count("discarded") == 0, "an accepted message was dropped");
    let failures = result["failures"].as_array().cloned().unwrap_or_default();
    // A request that was under way when the server went was sent before.
    let excused = |failure: &&Value| {
        let at = number(failure, "at_ms");
        windows.iter().any(|window| at + 2_500 >= window.from && at <= window.to)
    };
    match end {
        End::Gentle => {
            expect(count("missing") == 0, "a message was lost");
            expect(failures.is_empty(), "a request failed");
            expect(count("reconnects") == 0, "a connection was lost");
            expect(count("migrations") > 0, "it was never moved");
        }
        End::Sudden => {
            expect(count("reconnects") > 0, "it never lost its server");
            let unexcused = failures.iter().filter(|failure| !excused(failure)).count();
            expect(unexcused == 0, "a request failed while all servers were there");
            let lost = count("missing") as f64 / count("published") as f64;
            expect(lost < 0.2, "most of what was lost was lost for no reason");
        }
    }
    faults
}

fn rounds(programs: &[(String, String)], end: End) -> Result<(usize, usize)> {
    let grace = "lame_duck_grace_period: \"5s\"";
    let cluster = Cluster::start_with(3, Config::plain().with(grace))?;
    cluster.wait_ready()?;
    let urls = cluster.urls().join(",");
    let mut talkers = Vec::new();
    for (name, command) in programs {
        talkers.push(Talker::start(name, command, &urls)?);
    }
    for talker in &talkers {
        let line = talker.line();
        if line.as_deref() != Some("ready") {
            return Err(nats_harness::Error::new(format!(
                "{} is not ready: {line:?}",
                talker.name
            )));
        }
    }
    let mut windows = Vec::new();
    for round in 0..ROUNDS {
        thread::sleep(CALM);
        for at in 0..3 {
            // In each round another server is the first.
            windows.push(restart(&cluster, (round + at) % 3, end, talkers.len() as u64)?);
        }
    }
    thread::sleep(CALM);
    talkers.iter_mut().for_each(Talker::stop);
    let (mut passed, mut failed) = (0, 0);
    for talker in &talkers {
        let line = talker.line().unwrap_or_default();
        let result: Value = serde_json::from_str(&line).unwrap_or_default();
        let wrong = faults(&result, end, &windows);
        let how = if end == End::Gentle { "gently" } else { "suddenly" };
        if wrong.is_empty() {
            passed += 1;
            println!(
                "ok {} through {ROUNDS} rounds of servers that go {how}: {}",
                talker.name,
                summary(&result)
            );
        } else {
            failed += 1;
            println!("not ok {} ({how}): {}: {line}", talker.name, wrong.join("; "));
        }
    }
    let (shortest, longest) =
        windows.iter().map(|w| w.to - w.from).fold((u64::MAX, 0), |(a, b), w| (a.min(w), b.max(w)));
    println!(
        "   restarts took {shortest} to {longest} ms until the cluster was whole and all clients back"
    );
    Ok((passed, failed))
}

fn summary(result: &Value) -> String {
    let keys = ["published", "delivered", "missing", "requests", "reconnects", "migrations"];
    let mut shown: Vec<String> =
        keys.iter().map(|key| format!("{} {key}", number(result, key))).collect();
    let failures = result["failures"].as_array().map_or(0, Vec::len);
    shown.push(format!("{failures} requests failed"));
    shown.join(", ")
}

fn main() -> ExitCode {
    let programs: Vec<(String, String)> = std::env::args()
        .skip(1)
        .filter_map(|arg| arg.split_once('=').map(|(n, c)| (n.to_owned(), c.to_owned())))
        .collect();
    let (mut passed, mut failed) = (0, 0);
    for end in [End::Gentle, End::Sudden] {
        match rounds(&programs, end) {
            Ok((good, bad)) => {
                passed += good;
                failed += bad;
            }
            Err(error) => {
                println!("not ok: {error}");
                failed += 1;
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
