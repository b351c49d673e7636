//! The fault proxy between raw sockets, and once before a real server.
#![allow(clippy::unwrap_used)] // Helper functions of tests are tests to us, not to the lint.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use nats_harness::Direction::{Both, ToClient, ToServer};
use nats_harness::{Config, Cut, Proxy, Server};

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(100);

/// A listener, a proxy before it, and connections through it.
struct Rig {
    listener: TcpListener,
    proxy: Proxy,
}

impl Rig {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::start(&listener.local_addr().unwrap().to_string()).unwrap();
        Self { listener, proxy }
    }

    /// The client's and the server's end of a new connection.
    fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.proxy.address()).unwrap();
        let (server, _) = self.listener.accept().unwrap();
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_nodelay(true).unwrap();
        }
        (client, server)
    }
}

fn pass(from: &mut TcpStream, to: &mut TcpStream, text: &str) {
    from.write_all(text.as_bytes()).unwrap();
    let mut bytes = vec![0; text.len()];
    to.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, text.as_bytes());
}

/// Nothing comes for a while.
fn silent(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(SHORT)).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
}

fn ended(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

fn reset(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn passes_and_counts() {
    let rig = Rig::new();
    let (mut client, mut server) = rig.connect();
    pass(&mut client, &mut server, "hello");
    pass(&mut server, &mut client, "world!");
    rig.proxy.wait_bytes(ToServer, 5, PATIENCE).unwrap();
    rig.proxy.wait_bytes(ToClient, 6, PATIENCE).unwrap();
    assert_eq!(rig.proxy.bytes(Both), 11);
    let _second = rig.connect();
    assert_eq!((rig.proxy.connections(), rig.proxy.active()), (2, 2));
    client.shutdown(Shutdown::Write).unwrap();
    ended(&mut server);
    pass(&mut server, &mut client, "half open");
    drop(server);
    ended(&mut client);
    rig.proxy.wait_active(1, PATIENCE).unwrap();
    assert!(rig.proxy.wait_connections(3, SHORT).is_err());
}

#[test]
fn stall_one_direction_and_resume() {
    let rig = Rig::new();
    let (mut client, mut server) = rig.connect();
    rig.proxy.stall(ToServer);
    client.write_all(b"late").unwrap();
    silent(&mut server);
    pass(&mut server, &mut client, "in time");
    rig.proxy.resume();
    pass(&mut client, &mut server, "");
    let mut bytes = [0; 4];
    server.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"late");
}

#[test]
fn stall_pushes_back_on_the_sender() {
    let rig = Rig::new();
    let (mut client, _server) = rig.connect();
    rig.proxy.stall(Both);
    client.set_write_timeout(Some(SHORT)).unwrap();
    let block = vec![b'x'; 1 << 20];
    let stuck = (0..64).find_map(|_| client.write_all(&block).err());
    assert_eq!(stuck.unwrap().kind(), ErrorKind::WouldBlock);
    rig.proxy.cut_now(Cut::Rst).unwrap();
}

#[test]
fn drip_is_slow_and_complete() {
    let rig = Rig::new();
    let (mut client, mut server) = rig.connect();
    rig.proxy.drip(ToServer, 200);
    let start = Instant::now();
    pass(&mut client, &mut server, &"x".repeat(60));
    // 60 bytes at 200 a second; the first portion goes at once. Slower is no fault.
    assert!(start.elapsed() > Duration::from_millis(200), "{:?}", start.elapsed());
    rig.proxy.resume();
    pass(&mut client, &mut server, "fast again");
}

#[test]
fn black_hole_swallows() {
    let rig = Rig::new();
    let (mut client, mut server) = rig.connect();
    rig.proxy.black_hole(ToServer);
    client.write_all(b"lost").unwrap();
    silent(&mut server);
    rig.proxy.resume();
    pass(&mut client, &mut server, "found");
    rig.proxy.black_hole(ToServer);
    drop(client);
    silent(&mut server);
}

#[test]
fn cut_at_every_byte() {
    for cut in [Cut::Fin, Cut::Rst] {
        for at in 0..4 {
            let rig = Rig::new();
            rig.proxy.cut_after(ToClient, at, cut);
            let (mut client, mut server) = rig.connect();
            // With nothing left to pass the connection may be cut before this.
            let _ = server.write_all(b"abcdefgh");
            let mut got = Vec::new();
            let end = client.read_to_end(&mut got);
            // A reset may overtake bytes that the client has not read yet.
            assert!("abcdefgh".as_bytes()[..at as usize].starts_with(&got), "{got:?} {at}");
            match cut {
                Cut::Fin => assert_eq!((end.unwrap(), at), (at as usize, got.len() as u64)),
                Cut::Rst => assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset),
            }
            assert_eq!(rig.proxy.bytes(ToClient), at);
            let (mut client, mut server) = rig.connect();
            pass(&mut server, &mut client, "a cut happens once");
        }
    }
}

#[test]
fn cut_now_ends_all_and_welcomes_new_ones() {
    let rig = Rig::new();
    let (mut a, mut b) = (rig.connect(), rig.connect());
    rig.proxy.cut_now(Cut::Rst).unwrap();
    assert_eq!(rig.proxy.active(), 0);
    for stream in [&mut a.0, &mut a.1, &mut b.0, &mut b.1] {
        reset(stream);
    }
    let (mut client, mut server) = rig.connect();
    pass(&mut client, &mut server, "new");
    rig.proxy.cut_now(Cut::Fin).unwrap();
    ended(&mut client);
    ended(&mut server);
}

#[test]
fn refuse_and_accept() {
    let rig = Rig::new();
    let (mut client, mut server) = rig.connect();
    rig.proxy.refuse().unwrap();
    let error = TcpStream::connect(rig.proxy.address()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    pass(&mut client, &mut server, "the old one lives");
    rig.proxy.accept().unwrap();
    let (mut client, mut server) = rig.connect();
    pass(&mut client, &mut server, "and a new one too");
}

#[test]
fn dead_target_resets_and_target_can_change() {
    let rig = Rig::new();
    rig.proxy.set_target("127.0.0.1:1");
    let mut client = TcpStream::connect(rig.proxy.address()).unwrap();
    reset(&mut client);
    rig.proxy.set_target(&rig.listener.local_addr().unwrap().to_string());
    let (mut client, mut server) = rig.connect();
    pass(&mut client, &mut server, "there");
}

#[test]
fn drop_ends_connections() {
    let rig = Rig::new();
    let (mut client, mut server) = rig.connect();
    rig.proxy.stall(Both);
    drop(rig.proxy);
    ended(&mut client);
    ended(&mut server);
}

#[test]
fn before_a_real_server() {
    let server = Server::start(Config::plain()).unwrap();
    let proxy = Proxy::start(&server.address()).unwrap();
    assert_eq!(proxy.url(), format!("nats://127.0.0.1:{}", proxy.port()));
    let mut client = BufReader::new(TcpStream::connect(proxy.address()).unwrap());
    client.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    assert!(line.starts_with("INFO {"));
    client.get_mut().write_all(b"CONNECT {\"verbose\":false}\r\nPING\r\n").unwrap();
    line.clear();
    client.read_line(&mut line).unwrap();
    assert_eq!(line, "PONG\r\n");
    server.kill().unwrap();
    line.clear();
    assert!(client.read_line(&mut line).map_or(true, |count| count == 0));
}
