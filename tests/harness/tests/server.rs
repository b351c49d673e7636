//! Real servers: every configuration starts, and every control does what it says.
#![allow(clippy::unwrap_used)] // Helper functions of tests are tests to us, not to the lint.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nats_harness::{Certificates, Cluster, Config, Server, TlsMode, User, find_server};

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection with the server's greeting read.
fn dial(server: &Server) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(TcpStream::connect(server.address()).unwrap());
    stream.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(line(&mut stream).starts_with("INFO {"));
    stream
}

fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line
}

/// What the server says to this CONNECT document and a PING.
fn answer(server: &Server, connect: &str) -> String {
    let mut stream = dial(server);
    // Servers answer +OK to everything unless they are told not to.
    let connect = connect.replacen('{', "{\"verbose\":false,", 1).replace(",}", "}");
    write!(stream.get_mut(), "CONNECT {connect}\r\nPING\r\n").unwrap();
    line(&mut stream)
}

#[test]
fn plain_server_answers() {
    let server = Server::start(Config::plain()).unwrap();
    assert_eq!(server.url(), format!("nats://127.0.0.1:{}", server.port()));
    assert_eq!(answer(&server, "{}"), "PONG\r\n");
    assert_eq!(server.info().unwrap()["port"], server.port());
    assert!(server.monitor("/varz").unwrap()["server_id"].is_string());
}

#[test]
fn ports_survive_restarts() {
    let server = Server::start(Config::plain()).unwrap();
    let (port, pid) = (server.port(), server.pid().unwrap());
    for _ in 0..3 {
        server.restart().unwrap();
        assert_eq!(server.port(), port);
        assert_eq!(answer(&server, "{}"), "PONG\r\n");
    }
    assert_ne!(server.pid().unwrap(), pid);
}

#[test]
fn kill_and_stop_end_the_process() {
    let server = Server::start(Config::plain()).unwrap();
    server.kill().unwrap();
    assert_eq!(server.pid(), None);
    assert!(TcpStream::connect(server.address()).is_err());
    server.kill().unwrap();
    server.restart().unwrap();
    server.pause().unwrap();
    server.stop().unwrap();
    assert!(TcpStream::connect(server.address()).is_err());
    assert!(server.log().contains("Server Exiting"));
    assert!(server.pause().is_err());
}

#[test]
fn paused_server_is_silent_until_resumed() {
    let server = Server::start(Config::plain()).unwrap();
    let mut stream = dial(&server);
    server.pause().unwrap();
    stream.get_mut().write_all(b"CONNECT {\"verbose\":false}\r\nPING\r\n").unwrap();
    stream.get_ref().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(stream.read(&mut [0; 16]).is_err());
    server.resume().unwrap();
    stream.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(line(&mut stream), "PONG\r\n");
}

#[test]
fn lame_duck_is_announced() {
    let server = Server::start(Config::plain()).unwrap();
    let mut stream = dial(&server);
    stream.get_mut().write_all(b"CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n").unwrap();
    assert_eq!(line(&mut stream), "PONG\r\n");
    server.lame_duck().unwrap();
    // Servers may send further INFO lines before the one that matters.
    while !line(&mut stream).contains("\"ldm\":true") {}
}

#[test]
fn user_password_and_token() {
    let users = Server::start(Config::user("ann", "p\"w")).unwrap();
    assert_eq!(answer(&users, r#"{"user":"ann","pass":"p\"w"}"#), "PONG\r\n");
    assert!(answer(&users, r#"{"user":"ann","pass":"x"}"#).starts_with("-ERR 'Authorization"));
    let token = Server::start(Config::token("t0k")).unwrap();
    assert_eq!(answer(&token, r#"{"auth_token":"t0k"}"#), "PONG\r\n");
    assert!(answer(&token, "{}").starts_with("-ERR 'Authorization"));
}

#[test]
fn permissions_are_in_force_and_reload_changes_them() {
    let config = |subject: &str| {
        let user = User::new("ann", "pw").allow_publish(subject).deny_subscribe("secret.>");
        Config::users(vec![user, User::new("bob", "pw")])
    };
    let server = Server::start(config("a")).unwrap();
    let mut stream = dial(&server);
    let out = b"CONNECT {\"verbose\":false,\"user\":\"ann\",\"pass\":\"pw\"}\r\nPUB b 0\r\n\r\nSUB secret.x 1\r\n";
    stream.get_mut().write_all(out).unwrap();
    assert!(line(&mut stream).contains("Permissions Violation for Publish to \"b\""));
    assert!(line(&mut stream).contains("Permissions Violation for Subscription to \"secret.x\""));
    server.reload(config("b")).unwrap();
    let mut stream = dial(&server);
    stream.get_mut().write_all(out).unwrap();
    assert!(line(&mut stream).contains("Permissions Violation for Subscription"));
    let error = server.reload(Config::plain().with("nonsense: {")).unwrap_err();
    assert!(error.to_string().contains("Failed to reload"), "{error}");
}

#[test]
fn extra_lines_reach_the_server() {
    let server = Server::start(Config::plain().with("max_payload: 1024")).unwrap();
    assert_eq!(server.info().unwrap()["max_payload"], 1024);
    let error = Server::start(Config::plain().with("max_payload: {")).err().unwrap();
    assert!(error.to_string().contains("Parse error"), "{error}");
}

#[test]
fn ipv6_server() {
    let server = Server::start(Config::plain().with_host("::1")).unwrap();
    assert_eq!(server.url(), format!("nats://[::1]:{}", server.port()));
    assert_eq!(answer(&server, "{}"), "PONG\r\n");
}

#[test]
fn tls_modes_show_in_info() {
    let certificates = Certificates::generate().unwrap();
    for (mode, scheme, keys) in [
        (TlsMode::Required, "tls", ["tls_required"].as_slice()),
        (TlsMode::Verify, "tls", &["tls_required", "tls_verify"]),
        (TlsMode::Available, "nats", &["tls_available"]),
    ] {
        let config = Config::plain().with_tls(mode, certificates.clone());
        let server = Server::start(config).unwrap();
        assert!(server.url().starts_with(&format!("{scheme}://")));
        let info = server.info().unwrap();
        for key in ["tls_required", "tls_verify", "tls_available"] {
            assert_eq!(info[key] == true, keys.contains(&key), "{mode:?} {key} {info}");
        }
    }
    let first = Config::tls(TlsMode::Required).unwrap();
    let paths = [first.certificates().unwrap().server_cert(), certificates.foreign_ca()];
    assert!(paths.iter().all(|path| path.is_file()));
}

#[test]
fn jetstream_server() {
    let server = Server::start(Config::jetstream()).unwrap();
    assert_eq!(server.info().unwrap()["jetstream"], true);
    server.restart().unwrap();
    assert_eq!(server.monitor("/healthz").unwrap()["status"], "ok");
}

#[test]
fn cluster_of_three_survives_a_death() {
    let cluster = Cluster::start(3).unwrap();
    let [first, _, third] = cluster.servers() else { panic!("three servers") };
    assert_eq!(cluster.urls().len(), 3);
    let mut subscriber = dial(third);
    subscriber
        .get_mut()
        .write_all(b"CONNECT {\"verbose\":false}\r\nSUB foo 7\r\nPING\r\n")
        .unwrap();
    assert_eq!(line(&mut subscriber), "PONG\r\n");
    // Interest travels to the other servers by itself; nothing tells when it is there.
    eventually("interest on the first server", || {
        first.monitor("/routez?subs=1").unwrap().to_string().contains("foo")
    });
    dial(first)
        .get_mut()
        .write_all(b"CONNECT {\"verbose\":false}\r\nPUB foo 2\r\nhi\r\nPING\r\n")
        .unwrap();
    assert_eq!(line(&mut subscriber), "MSG foo 7 2\r\n");
    third.kill().unwrap();
    third.restart().unwrap();
    cluster.wait_ready().unwrap();
}

#[test]
fn jetstream_cluster_has_a_leader() {
    let cluster = Cluster::start_with(3, Config::jetstream()).unwrap();
    let leader = cluster.servers()[0].monitor("/jsz").unwrap()["meta_cluster"]["leader"].clone();
    assert!(leader.as_str().unwrap().starts_with("harness-"));
}

#[test]
fn named_configurations() {
    let open = ["plain", "tls", "tls-verify", "tls-available", "jetstream"];
    for name in open {
        assert!(Config::named(name).unwrap().credentials().is_none(), "{name}");
    }
    assert_eq!(Config::named("auth").unwrap().credentials(), Some(("alice", "secret")));
    assert_eq!(Config::named("users").unwrap().credentials(), Some(("alice", "secret")));
    assert_eq!(Config::named("token").unwrap().auth_token(), Some("s3cr3t"));
    assert!(Config::named("nothing").is_err());
}

#[test]
fn directory_is_removed_and_process_is_gone_after_drop() {
    let server = Server::start(Config::plain()).unwrap();
    let (pid, log) = (server.pid().unwrap(), server.log_path());
    assert!(log.is_file());
    drop(server);
    assert!(!log.exists());
    assert!(!alive(pid));
}

#[test]
fn panic_keeps_the_log_and_stops_the_server() {
    let (send, receive) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        let server = Server::start(Config::plain()).unwrap();
        send.send((server.pid().unwrap(), server.log_path())).unwrap();
        panic!("on purpose");
    });
    assert!(thread.join().is_err());
    let (pid, log) = receive.recv().unwrap();
    assert!(!alive(pid));
    assert!(std::fs::read_to_string(&log).unwrap().contains("Server is ready"));
    std::fs::remove_dir_all(log.parent().unwrap()).unwrap();
}

/// Servers and the command die with a harness that is killed with SIGKILL.
#[test]
fn server_dies_with_its_owner() {
    let scratch = tempfile::tempdir().unwrap();
    let mut owner = Command::new(env!("CARGO_BIN_EXE_nats-harness"))
        .args(["run", "--", "sh", "-c", "echo $NATS_SERVER_PID $$; exec cat >/dev/null"])
        .env("TMPDIR", scratch.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pids: Vec<u32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| alive(*pid)), "{line}");
    // The guard of the command starts right after the command.
    eventually("guards", || pids.iter().all(|pid| guarded(*pid)));
    owner.kill().unwrap();
    eventually("end of server and command", || !pids.iter().any(|pid| alive(*pid)));
    owner.wait().unwrap();
}

#[test]
fn find_server_finds_a_file() {
    assert!(find_server().unwrap().is_file());
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::yield_now();
    }
}

/// True when a guard watches over the process.
fn guarded(pid: u32) -> bool {
    let wanted = format!("\0harness-guard\0{pid}\0");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok())
        .any(|command_line| command_line.contains(&wanted))
}

/// True while the process exists and is no zombie.
fn alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    status.is_ok_and(|text| !text.contains(") Z ") && !text.contains(") X "))
}
