//! The command, as shell scripts and other languages use it.
#![allow(clippy::unwrap_used)] // Helper functions of tests are tests to us, not to the lint.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};

const HARNESS: &str = env!("CARGO_BIN_EXE_nats-harness");

fn run(arguments: &[&str]) -> Output {
    Command::new(HARNESS).arg("run").args(arguments).output().unwrap()
}

/// What a shell script prints that runs between these servers.
fn script(configs: &[&str], script: &str) -> String {
    let configs = configs.iter().flat_map(|config| ["--config", config]);
    let arguments: Vec<&str> = configs.chain(["--", "sh", "-c", script]).collect();
    let output = run(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// A running `nats-harness control`.
struct Control {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Control {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(HARNESS)
            .arg("control")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take(), child, output }
    }

    fn answer(&mut self) -> Value {
        serde_json::from_str(&self.output.next().unwrap().unwrap()).unwrap()
    }

    fn send(&mut self, line: impl ToString) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{}", line.to_string()).unwrap();
        self.answer()
    }

    /// A request that must succeed.
    fn ask(&mut self, request: Value) -> Value {
        let answer = self.send(&request);
        assert_eq!(answer["ok"], true, "{request} {answer}");
        answer
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.input = None;
        self.child.wait().unwrap();
    }
}

fn dial(answer: &Value) -> BufReader<TcpStream> {
    let port = u16::try_from(answer["port"].as_u64().unwrap()).unwrap();
    BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap())
}

fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line
}

#[test]
fn run_passes_status_and_environment() {
    assert_eq!(run(&["--", "sh", "-c", "exit 7"]).status.code(), Some(7));
    assert_eq!(run(&["--", "sh", "-c", "kill -TERM $$"]).status.code(), Some(128 + 15));
    assert_eq!(run(&["--", "/does/not/exist"]).status.code(), Some(127));
    assert_eq!(run(&["--config", "nothing", "--", "true"]).status.code(), Some(127));
    let text = script(&[], "echo $NATS_URL $NATS_PLAIN_URL; test -x $NATS_HARNESS");
    let (url, plain_url) = text.split_once(' ').unwrap();
    assert!(url.starts_with("nats://127.0.0.1:") && url == plain_url, "{text}");
}

#[test]
fn run_several_configurations() {
    let text =
        script(&["auth", "tls"], "echo $NATS_URL $NATS_TLS_URL $NATS_USER; cat $NATS_TLS_CA");
    assert!(text.starts_with("nats://") && text.contains("tls://127.0.0.1:"), "{text}");
    assert!(text.contains("alice\n-----BEGIN CERTIFICATE-----"), "{text}");
    let text = script(&["cluster"], "echo $NATS_URLS");
    assert_eq!(text.split(',').filter(|url| url.starts_with("nats://")).count(), 3, "{text}");
}

#[test]
fn run_stops_the_servers() {
    let pid = script(&[], "echo $NATS_SERVER_PID; kill -0 $NATS_SERVER_PID");
    assert!(!Path::new("/proc").join(pid).exists());
}

#[test]
fn control_real_server() {
    let mut control = Control::start(&["--config", "plain"]);
    let started = control.answer();
    assert_eq!(started["id"], 1);
    let pid = started["server_pid"].as_u64().unwrap();
    for op in ["pause", "resume", "kill"] {
        control.ask(json!({"op": op, "id": 1}));
    }
    assert_eq!(control.send(json!({"op": "pause", "id": 1}))["ok"], false);
    let restarted = control.ask(json!({"op": "restart", "id": 1}));
    assert_ne!(restarted["server_pid"], pid);
    let connected = dial(&started);
    let connections = control.ask(json!({"op": "monitor", "id": 1, "path": "/varz"}));
    assert!(connections["document"]["total_connections"].as_u64().unwrap() >= 1);
    control.ask(json!({"op": "reload", "id": 1, "extra": "max_payload: 2048"}));
    assert_eq!(control.ask(json!({"op": "info", "id": 1}))["info"]["max_payload"], 2048);
    let log = control.ask(json!({"op": "log", "id": 1}))["log"].to_string();
    assert_eq!(log.matches("Server is ready").count(), 2);
    control.ask(json!({"op": "wait_log", "id": 1, "text": "Reloaded"}));
    control.ask(json!({"op": "lame_duck", "id": 1}));
    drop(connected);
    control.ask(json!({"op": "stop", "id": 1}));
    control.ask(json!({"op": "remove", "id": 1}));
    assert_eq!(control.send(json!({"op": "kill", "id": 1}))["error"], "nothing has the id 1");
}

#[test]
fn control_cluster() {
    let mut control = Control::start(&[]);
    let started = control.ask(json!({"op": "start", "config": "cluster", "nodes": 2}));
    assert_eq!(started["urls"].as_str().unwrap().split(',').count(), 2);
    control.ask(json!({"op": "restart", "id": 1, "node": 1}));
    control.ask(json!({"op": "wait_ready", "id": 1}));
    let answer = control.send(json!({"op": "kill", "id": 1, "node": 2}));
    assert_eq!(answer["error"], "there is no node 2");
}

#[test]
fn control_fake_server() {
    let mut control = Control::start(&[]);
    let script = json!([
        {"send": "a"}, {"send": {"hex": "6200"}}, {"handshake": {"x": 1}},
        {"chunked": "cd", "sizes": [1]}, {"drip": "e", "gap_ms": 1}, {"delay_ms": 1},
        {"expect": "SUB"}, {"reply": "{-1}\r\n"}, "gate", {"send": "open\r\n"}, "read_line",
        "silence"
    ]);
    let fake = control.ask(json!({"op": "fake", "scripts": [script, ["reset"]]}));
    let mut client = dial(&fake);
    assert_eq!(line(&mut client), "ab\0INFO {\"x\":1}\r\n");
    client.get_mut().write_all(b"CONNECT {}\r\nPING\r\nSUB foo 9\r\n").unwrap();
    assert_eq!(line(&mut client), "PONG\r\n");
    assert_eq!(line(&mut client), "cde9\r\n");
    control.ask(json!({"op": "release", "id": 1}));
    assert_eq!(line(&mut client), "open\r\n");
    client.get_mut().write_all(b"\xff\r\n").unwrap();
    let received = control.ask(json!({"op": "wait_text", "id": 1, "text": "\u{fffd}"}));
    assert!(received["hex"].as_str().unwrap().ends_with("390d0aff0d0a"));
    control.ask(json!({"op": "send", "id": 1, "connection": 0, "data": "bye"}));
    control.ask(json!({"op": "close", "id": 1}));
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "bye");
    drop(client);
    control.ask(json!({"op": "wait_closed", "id": 1}));
    assert!(dial(&fake).read(&mut [0]).is_err());
    control.ask(json!({"op": "wait_connections", "id": 1, "count": 2}));
    assert_eq!(control.ask(json!({"op": "connections", "id": 1}))["connections"], 2);
}

#[test]
fn control_proxy() {
    let mut control = Control::start(&["--config", "plain"]);
    control.answer();
    let proxy = control.ask(json!({"op": "proxy", "target": 1}));
    let mut client = dial(&proxy);
    assert!(line(&mut client).starts_with("INFO {"));
    control.ask(json!({"op": "wait_bytes", "id": 2, "direction": "to_client", "count": 100}));
    for op in ["stall", "black_hole", "resume", "refuse", "accept"] {
        control.ask(json!({"op": op, "id": 2, "direction": "to_server"}));
    }
    control.ask(json!({"op": "drip", "id": 2, "bytes_per_second": 1000}));
    control.ask(json!({"op": "cut_after", "id": 2, "direction": "to_server", "count": 3}));
    client.get_mut().write_all(b"PING\r\n").unwrap();
    control.ask(json!({"op": "wait_active", "id": 2, "count": 0}));
    assert!(client.read(&mut [0]).is_err());
    let stats = control.ask(json!({"op": "stats", "id": 2}));
    assert_eq!((&stats["bytes_to_server"], &stats["connections"]), (&json!(3), &json!(1)));
    let mut client = dial(&proxy);
    control.ask(json!({"op": "wait_connections", "id": 2, "count": 2}));
    control.ask(json!({"op": "cut_now", "id": 2, "cut": "fin"}));
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    control.ask(json!({"op": "set_target", "id": 2, "target": "127.0.0.1:1"}));
    assert!(dial(&proxy).read(&mut [0]).is_err());
}

#[test]
fn a_tunnel_connects_or_is_in_no_mood_to() {
    let mut control = Control::start(&[]);
    let fake = control.ask(json!({"op": "fake", "script": ["handshake"]}));
    let tunnel = control.ask(json!({"op": "tunnel", "kind": "http"}));
    let target = fake["url"].as_str().unwrap().trim_start_matches("nats://").to_owned();
    let ask = |head: &[u8]| {
        let address = tunnel["url"].as_str().unwrap().trim_start_matches("http://");
        let mut client = TcpStream::connect(address).unwrap();
        write!(client, "CONNECT {target} HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = vec![0; head.len()];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), String::from_utf8_lossy(head));
    };
    ask(b"HTTP/1.1 200");
    control.ask(json!({"op": "mood", "id": 2, "mood": "refusing"}));
    ask(b"HTTP/1.1 403");
    let asked = control.ask(json!({"op": "asked", "id": 2}));
    assert_eq!(asked["asked"], format!("{target},{target}"));
    let answer = control.send(json!({"op": "mood", "id": 2, "mood": "odd"}));
    assert!(answer["error"].as_str().unwrap().contains("confused"), "{answer}");
}

#[test]
fn bad_requests_are_answered() {
    let mut control = Control::start(&[]);
    for (request, error) in [
        ("nonsense", "not a JSON document"),
        ("[1]", "a JSON object"),
        ("{}", "\"op\" is missing"),
        (r#"{"op":1}"#, "\"op\" must be a string"),
        (r#"{"op":"kill"}"#, "\"id\" is missing"),
        (r#"{"op":"kill","id":-1}"#, "\"id\" must be"),
        (r#"{"op":"kill","id":5}"#, "nothing has the id 5"),
        (r#"{"op":"start","config":"x"}"#, "unknown configuration"),
        (r#"{"op":"fake"}"#, "\"script\" is missing"),
        (r#"{"op":"fake","script":["x"]}"#, "no step"),
        (r#"{"op":"fake","script":[{"send":{"hex":"abc"}}]}"#, "hexadecimal"),
        (r#"{"op":"fake","script":[{"chunked":"a"}]}"#, "\"sizes\" is missing"),
        (r#"{"op":"proxy"}"#, "\"target\" is missing"),
        (r#"{"op":"tunnel","kind":"ftp"}"#, "http or socks5"),
        (r#"{"op":"tunnel","kind":"http","user":"me"}"#, "\"password\" is missing"),
    ] {
        let answer = control.send(request);
        assert_eq!(answer["ok"], false, "{request}");
        assert!(answer["error"].as_str().unwrap().contains(error), "{request} {answer}");
    }
    control.ask(json!({"op": "proxy", "target": "127.0.0.1:1"}));
    let answer = control.send(json!({"op": "dance", "id": 1}));
    assert_eq!(answer["error"], "no operation \"dance\" for a proxy");
}
