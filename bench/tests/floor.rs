//! Drivers against the floor and against a real server.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use nats_core::jetstream::{AckPolicy, ConsumerConfig, StreamConfig};
use nats_harness::{Config, Server};
use serde_json::Value;

const BENCH: &str = env!("CARGO_BIN_EXE_nats-bench");

/// Every operation with few messages.
const OPS: [&str; 9] = [
    "publish --count 3000",
    "publish --count 3000 --conns 10 --headers 3",
    "subscribe --mode batch --count 3000 --headers 3",
    "subscribe --mode batch --count 4000 --subs 1000",
    "subscribe --mode batch --count 60 --size 65536",
    "pubsub --mode batch --count 3000 --size 1024",
    "request --count 200 --headers 3",
    "request --count 500 --inflight 64",
    "connect --conns 20",
];

/// What a service needs somebody for who asks it, whom the floor does not have.
const SERVICE: [&str; 2] = ["service --count 200", "service --count 500 --inflight 64 --size 100"];

/// A helper that ends with the test.
struct Helper {
    child: Child,
    line: String,
}

impl Helper {
    fn start(words: &[&str]) -> Self {
        let mut child = Command::new(BENCH)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, line: line.trim().to_owned() }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn drive(program: &str, first: &[&str], url: &str, words: &str) -> Output {
    let mut command = Command::new(program);
    command.args(first).args(["--url", url, "--op"]).args(words.split(' '));
    command.output().unwrap()
}

fn measured(program: &str, first: &[&str], url: &str, words: &str) -> Value {
    let output = drive(program, first, url, words);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}: {complaint}");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(line["seconds"].as_f64().unwrap() > 0.0, "{words}: {line}");
    assert!(line["cpu_seconds"].as_f64().unwrap() >= 0.0, "{words}: {line}");
    assert!(line["rss_peak_kib"].as_u64() >= line["rss_kib"].as_u64(), "{words}: {line}");
    assert!(line["threads"].as_u64().unwrap() > 0, "{words}: {line}");
    line
}

#[test]
fn the_raw_client_does_every_operation_on_the_floor() {
    let floor = Helper::start(&["serve"]);
    for words in OPS {
        let line = measured(BENCH, &["raw"], &floor.line, words);
        assert_eq!(line["client"], "floor");
        let in_series = words == "request --count 200 --headers 3";
        assert_eq!(line["p50_us"].is_f64() && line["p99_us"].is_f64(), in_series, "{words}");
    }
    let output = drive(BENCH, &["raw"], &floor.line, "publish --count 8 --threads 2");
    assert_eq!(output.status.code(), Some(3));
    assert!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["unsupported"].is_string());
}

#[test]
fn the_raw_client_does_every_operation_on_a_real_server() {
    let server = Server::start(Config::plain()).unwrap();
    let feeder = Helper::start(&["feed", "--url", &server.url()]);
    assert_eq!(feeder.line, "ready");
    for words in OPS.into_iter().chain(SERVICE) {
        measured(BENCH, &["raw"], &server.url(), words);
    }
}

#[test]
fn the_raw_client_does_every_operation_with_streams() {
    let server = Server::start(Config::jetstream()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let js = runtime.block_on(nats_core::connect(&server.url())).unwrap().jetstream();
    let make = |stream: &str, count, ack_policy| {
        let (name, subjects) = (stream.to_owned(), vec![stream.to_owned()]);
        let config = StreamConfig { name, subjects, ..StreamConfig::default() };
        runtime.block_on(js.create_stream(&config)).unwrap();
        for _ in 0..count {
            runtime.block_on(js.client().publish(stream, [b'x'; 16])).unwrap();
        }
        runtime.block_on(js.client().flush()).unwrap();
        let durable_name = "c".to_owned();
        let config = ConsumerConfig { durable_name, ack_policy, ..ConsumerConfig::default() };
        runtime.block_on(js.create_consumer(stream, &config)).unwrap();
    };
    for stream in ["a", "b", "c", "d", "e"] {
        let explicit = stream == "d";
        let ack = || if explicit { AckPolicy::Explicit } else { AckPolicy::None };
        let count = if stream < "c" { 0 } else { 1500 };
        make(stream, count, ack());
        make(&format!("{stream}-warm-up"), count.min(1000), ack());
    }
    for words in [
        "js-publish --count 50 --stream a",
        "js-publish-async --count 3000 --inflight 256 --stream b",
        "js-fetch --count 1500 --batch 400 --stream c --consumer c",
        "js-fetch-ack --count 1500 --batch 400 --stream d --consumer c",
        "js-consume --mode batch --count 1500 --stream e --consumer c",
    ] {
        let line = measured(BENCH, &["raw"], &server.url(), words);
        assert_eq!(line["p50_us"].is_f64(), words.starts_with("js-publish "), "{words}");
    }
    for (stream, stored) in [("a", 50), ("b", 3000), ("a-warm-up", 100), ("b-warm-up", 1000)] {
        let info = runtime.block_on(js.stream_info(stream)).unwrap();
        assert_eq!(info.state.messages, stored, "{stream}");
    }
    for stream in ["c", "d", "e"] {
        let info = runtime.block_on(js.consumer_info(stream, "c")).unwrap();
        assert_eq!((info.delivered.stream_seq, info.num_redelivered), (1500, 0), "{stream}");
    }
}

#[test]
fn a_run_does_not_believe_that_messages_are_stored() {
    let out = tempfile::tempdir().unwrap();
    let (liar, results) = (out.path().join("liar"), out.path().join("bench.json"));
    let line = r#"{"client":"l","version":"1","seconds":1,"cpu_seconds":1,"rss_before_kib":1,
        "rss_peak_kib":1,"rss_kib":1,"threads":1,"p50_us":null,"p99_us":null}"#;
    std::fs::write(&liar, format!("#!/bin/sh\necho '{line}'\n")).unwrap();
    std::fs::set_permissions(&liar, PermissionsExt::from_mode(0o755)).unwrap();
    let output = Command::new(BENCH)
        .args(["run", "--quick", "--rounds", "1", "--op", "js-publish", "--client", "floor"])
        .args(["--client", "liar", "--peer", &format!("liar={}", liar.display())])
        .args(["--out", out.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = nats_bench::results::Results::load(&results).unwrap().rows;
    let of = |client: &str| rows.iter().find(|row| row.client == client).unwrap();
    assert_eq!((of("floor").rounds, of("floor").error.as_deref()), (1, None));
    assert_eq!(of("liar").error.as_deref(), Some("0 of 300 messages are stored"));
}

#[test]
fn our_client_does_every_operation_on_the_floor() {
    let driver = Path::new(BENCH).with_file_name("nats-bench-rust");
    if !driver.exists() {
        eprintln!("{} is not built: left out", driver.display());
        return;
    }
    let floor = Helper::start(&["serve"]);
    for words in OPS {
        measured(driver.to_str().unwrap(), &[], &floor.line, words);
    }
}

#[test]
fn the_floor_cuts_off_who_breaks_the_protocol() {
    let floor = Helper::start(&["serve"]);
    for (sent, reason) in [
        ("GET / HTTP/1.1\r\n", "not the NATS protocol: GET / HTTP/1.1"),
        ("PUB a 9999999\r\n", "PUB a 9999999"),
        ("PUB bench.echo 1\r\nx\r\n", "a request without a reply subject"),
        ("PUB bench.echo r 1\r\nx\r\n", "nobody waits for the reply"),
        ("PUB bench.go 8\r\n2 1 0 1x\r\n", "is not COUNT SIZE HEADERS SUBS"),
        ("PUB bench.go 7\r\n2 1 0 2\r\n", "0 subscriptions instead of 2"),
        ("CONNECT {\"verbose\":true}\r\n", "the floor is never verbose"),
    ] {
        let mut socket = TcpStream::connect(floor.line.trim_start_matches("nats://")).unwrap();
        socket.write_all(sent.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // The socket may be reset once everything has come.
        let _ = socket.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("INFO ") && answer.contains(reason), "{sent}: {answer}");
    }
}

#[test]
fn a_run_writes_its_results_and_the_report() {
    let out = tempfile::tempdir().unwrap();
    let directory = out.path().to_str().unwrap();
    let words = "run --quick --rounds 2 --target floor --op connect --client floor --client mine \
                 --peer mine=/is/not/there --out";
    let run = |more: &[&str]| {
        let mut command = Command::new(BENCH);
        command.args(words.split_whitespace()).arg(directory).args(more);
        command.output().unwrap()
    };
    let output = run(&[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let json = out.path().join("bench.json");
    let results = nats_bench::results::Results::load(&json).unwrap();
    let clients: Vec<&str> = results.rows.iter().map(|row| row.client.as_str()).collect();
    assert_eq!(clients, ["floor", "mine"]);
    assert_eq!((results.rows[0].rounds, results.rows[0].error.as_deref()), (2, None));
    assert!(results.rows[0].cpu_ns.is_some_and(|cpu| cpu.min <= cpu.median));
    let error = results.rows[1].error.as_deref().unwrap();
    assert!(error.starts_with("/is/not/there: "), "{error}");
    assert!(out.path().join("report.html").exists());

    let compared = run(&["--compare", json.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&compared.stdout);
    assert!(text.contains("floor                      floor   CPU x "), "{text}");
}
