//! The fake server against a raw socket.
#![allow(clippy::unwrap_used)] // Helper functions of tests are tests to us, not to the lint.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use nats_harness::{DEFAULT_INFO, FakeServer, Step};

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(100);

fn dial(server: &FakeServer) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads exactly this text.
fn read(stream: &mut TcpStream, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

fn write(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
}

#[test]
fn handshake_then_serve() {
    let server = FakeServer::start(vec![Step::Handshake]).unwrap();
    let mut stream = dial(&server);
    read(&mut stream, &format!("INFO {DEFAULT_INFO}\r\n"));
    write(&mut stream, "CONNECT {}\r\nPING\r\n");
    read(&mut stream, "PONG\r\n");
    // The payload is no operation.
    write(&mut stream, "PUB a 6\r\nPING\r\n\r\nPING\r\n");
    read(&mut stream, "PONG\r\n");
    stream.set_read_timeout(Some(SHORT)).unwrap();
    assert!(stream.read(&mut [0]).is_err(), "one PONG for one PING");
    assert!(server.received_text(0).ends_with("PUB a 6\r\nPING\r\n\r\nPING\r\n"));
    assert_eq!(server.url(), format!("nats://127.0.0.1:{}", server.port()));
}

#[test]
fn default_info_is_json() {
    let info: serde_json::Value = serde_json::from_str(DEFAULT_INFO).unwrap();
    assert_eq!(info["max_payload"], 1_048_576);
}

#[test]
fn replies_take_words_of_what_was_received() {
    let script = vec![
        Step::expect("SUB"),
        Step::expect("PUB"),
        Step::reply("MSG {1} {SUB.2} 2\r\n{x\r\n{-1}{9}{SUB.-3}\r\n"),
    ];
    let server = FakeServer::start(script).unwrap();
    let mut stream = dial(&server);
    write(&mut stream, "SUB foo q 42\r\nPUB bar 3\r\nabc\r\n");
    read(&mut stream, "MSG bar q 2\r\n{x\r\n3foo\r\n");
}

#[test]
fn one_script_a_connection_and_the_last_repeats() {
    let scripts = vec![vec![Step::send("one")], vec![Step::send("more")]];
    let server = FakeServer::start_with(scripts).unwrap();
    for text in ["one", "more", "more"] {
        read(&mut dial(&server), text);
    }
    server.wait_connections(3, PATIENCE).unwrap();
    assert!(server.wait_connections(4, SHORT).is_err());
    server.wait_closed(2, PATIENCE).unwrap();
    assert!(FakeServer::start_with(Vec::new()).is_err());
}

#[test]
fn close_is_an_end_and_reset_an_error() {
    let server = FakeServer::start_with(vec![vec![Step::Close], vec![Step::Reset]]).unwrap();
    let mut closed = dial(&server);
    // Bytes that nobody has read must not turn the end into an error.
    write(&mut closed, "CONNECT {}\r\n");
    assert_eq!(closed.read(&mut [0]).unwrap(), 0);
    server.wait_text(0, "CONNECT", PATIENCE).unwrap();
    drop(closed);
    server.wait_closed(0, PATIENCE).unwrap();
    let error = dial(&server).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn commands_beside_the_script() {
    let server = FakeServer::start(vec![Step::Silence]).unwrap();
    assert!(server.send(0, "x").is_err());
    let (mut first, mut second) = (dial(&server), dial(&server));
    write(&mut first, "PING\r\n");
    server.wait_text(0, "PING", PATIENCE).unwrap();
    server.wait_connections(2, PATIENCE).unwrap();
    server.send(0, "hello").unwrap();
    read(&mut first, "hello");
    server.close(0).unwrap();
    assert_eq!(first.read(&mut [0]).unwrap(), 0);
    server.reset(1).unwrap();
    assert_eq!(second.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn pieces_arrive_apart_and_complete() {
    // So many that not even a slow machine sees all of them at once.
    let text = "INFO {}\r\nPING\r\n".repeat(10);
    let script = vec![
        Step::Chunked(text.clone().into(), vec![3, 0, 1]),
        Step::Drip(b"PONG\r\n".to_vec(), Duration::from_millis(1)),
        Step::Delay(Duration::from_millis(1)),
        Step::send("."),
    ];
    let server = FakeServer::start(script).unwrap();
    let mut stream = dial(&server);
    let mut first = [0; 256];
    let count = stream.read(&mut first).unwrap();
    assert!(count < text.len(), "{count} bytes at once");
    read(&mut stream, &format!("{text}PONG\r\n.")[count..]);
}

#[test]
fn gates_hold_the_script_and_are_counted() {
    let script = vec![Step::Gate, Step::send("1"), Step::Gate, Step::send("2")];
    let server = FakeServer::start(script).unwrap();
    let mut stream = dial(&server);
    write(&mut stream, "read before the gate opens");
    server.wait_text(0, "opens", PATIENCE).unwrap();
    server.release();
    read(&mut stream, "1");
    stream.set_read_timeout(Some(SHORT)).unwrap();
    assert!(stream.read(&mut [0]).is_err());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    server.release();
    read(&mut stream, "2");
}

#[test]
fn stalled_connection_blocks_the_writer() {
    let server = FakeServer::start(vec![Step::Stall]).unwrap();
    let mut stream = dial(&server);
    stream.set_write_timeout(Some(SHORT)).unwrap();
    let block = vec![b'x'; 1 << 20];
    let stuck = (0..64).find_map(|_| stream.write_all(&block).err());
    assert_eq!(stuck.unwrap().kind(), ErrorKind::WouldBlock);
    assert!(server.received(0).is_empty());
    server.reset(0).unwrap();
    server.wait_closed(0, PATIENCE).unwrap();
}

#[test]
fn failed_waits_show_what_was_received() {
    let server = FakeServer::start(vec![Step::ReadLine, Step::Silence]).unwrap();
    let mut stream = dial(&server);
    write(&mut stream, "HELLO\r\n");
    server.wait_for(0, PATIENCE, |bytes| bytes.len() == 7).unwrap();
    let error = server.wait_text(0, "WORLD", SHORT).unwrap_err();
    assert!(error.to_string().contains("HELLO"), "{error}");
    assert!(server.wait_closed(0, SHORT).is_err());
}

#[test]
fn dropping_the_server_ends_its_connections() {
    let server = FakeServer::start(vec![Step::send("x"), Step::Silence]).unwrap();
    let mut stream = dial(&server);
    read(&mut stream, "x");
    let address = server.address();
    drop(server);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert!(TcpStream::connect(address).is_err());
}
