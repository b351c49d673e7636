//! The ways to a server: addresses, proxies, WebSocket, and streams of the program's own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nats_core::{ByteStream, Client, Code, ConnectOptions, Error, Result};
use nats_harness::{Certificates, Cluster, Config, Mood, Server, TlsMode, Tunnel};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Messages of many sizes there and back, and a request.
async fn converse(client: &Client) {
    let subscription = client.subscribe("echo.*").unwrap();
    let sizes = [0, 1, 125, 126, 4096, 65_535, 65_536, 300_000];
    for size in sizes {
        let payload: Vec<u8> = (0..size).map(|n: u32| (n % 253) as u8).collect();
        publish(client, &format!("echo.{size}"), &payload).await;
        let message = next(&subscription).await;
        assert_eq!(message.subject(), format!("echo.{size}"));
        assert!(*message.payload() == payload[..], "{size}");
    }
    for n in 0..2_000 {
        publish(client, "echo.many", n.to_string()).await;
    }
    for n in 0..2_000 {
        assert_eq!(next_text(&subscription).await, n.to_string());
    }
    within("rtt", client.rtt()).await.unwrap();
}

async fn connected(options: ConnectOptions) -> Client {
    within("connect", options.connect()).await.unwrap()
}

async fn failed(options: ConnectOptions) -> Error {
    within("connect", options.connect()).await.unwrap_err()
}

#[tokio::test]
async fn life_05() {
    for compression in [false, true] {
        let server = Server::start(Config::plain().with_websocket(compression)).unwrap();
        for wanted in [false, true] {
            let client = connected(options(&server.ws_url()).ws_compression(wanted)).await;
            assert_eq!(client.connected_url(), Some(server.ws_url()));
            converse(&client).await;
            let shown = server.monitor("/connz").unwrap();
            assert_eq!(shown["connections"][0]["type"], "websocket", "{shown}");
            client.close().await;
        }
    }
}

#[tokio::test]
async fn websocket_over_tls_and_through_a_restart() {
    let certificates = Certificates::generate().unwrap();
    let config = Config::user("alice", "secret")
        .with_tls(TlsMode::Required, certificates.clone())
        .with_websocket(true);
    let server = Server::start(config).unwrap();
    let options =
        options(&server.ws_url()).user_and_password("alice", "secret").ws_compression(true);
    let trusting = options.clone().tls_ca_file(certificates.ca());
    let (client, mut events) = dial_watched(trusting.clone()).await;
    converse(&client).await;
    let subscription = client.subscribe("after").unwrap();
    server.restart().unwrap();
    events.wait("reconnected").await;
    publish(&client, "after", "the restart").await;
    assert_eq!(next_text(&subscription).await, "the restart");
    let error = failed(options).await;
    assert!(error.text().contains("not trusted"), "{error}");
    let error = failed(trusting.servers([server.ws_url().replace("wss", "ws")])).await;
    assert!(error.text().contains("wss://"), "{error}");
}

#[tokio::test]
async fn websocket_servers_are_discovered_as_such() {
    let cluster = Cluster::start_with(3, Config::plain().with_websocket(false)).unwrap();
    cluster.wait_ready().unwrap();
    let servers = cluster.servers();
    let (client, mut events) = dial_watched(options(&servers[0].ws_url())).await;
    let known = || {
        let mut urls: Vec<_> = client.server_pool().into_iter().map(|server| server.url).collect();
        urls.sort();
        urls
    };
    let mut expected: Vec<_> = servers.iter().map(Server::ws_url).collect();
    expected.sort();
    if known() != expected {
        events.wait("discovered_servers").await;
    }
    assert_eq!(known(), expected);
    servers[0].kill().unwrap();
    events.wait("reconnected").await;
    converse(&client).await;
}

/// Takes one connection, reads the request up to its end, answers and keeps what was asked.
async fn web_server(answer: &'static [u8]) -> (String, tokio::task::JoinHandle<String>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/nats/in?key=s3cr3t", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer).await.unwrap();
        // The end of the stream is no answer's business where the client has left already.
        let _ = stream.shutdown().await;
        String::from_utf8(head).unwrap()
    });
    (url, asked)
}

#[tokio::test]
async fn the_upgrade_carries_headers_and_a_wrong_answer_is_told() {
    let switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: bm9ib2R5\r\n\r\n";
    for (answer, code, text) in [
        (&b"HTTP/1.1 404 Not Found\r\n\r\n"[..], Code::NoServers, "404 Not Found"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", Code::NoServers, "302"),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", Code::Authorization, "401"),
        (switching, Code::NoServers, "another question"),
        (b"HTTP/1.1 101 Fine\r\n\r\n", Code::NoServers, "changes over"),
        (b"INFO {}\r\n\r\n", Code::NoServers, "expected an HTTP answer"),
        (b"HTTP/1.1 101 Sw", Code::NoServers, "closed within"),
    ] {
        let (url, asked) = web_server(answer).await;
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let options = options(&url).ws_header("X-Static", "s").ws_headers_callback(move |url| {
            counted.fetch_add(1, Ordering::Relaxed);
            assert!(!url.contains("s3cr3t"), "{url}");
            async { Ok(vec![("X-Fresh".to_owned(), "f".into())]) }
        });
        let error = failed(options).await;
        assert_eq!(error.code(), code, "{error}");
        assert!(error.text().contains(text) && !error.text().contains("s3cr3t"), "{error}");
        let asked = within("the request", asked).await.unwrap();
        assert!(asked.starts_with("GET /nats/in?key=s3cr3t HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("\r\nX-Static: s\r\n") && asked.contains("\r\nX-Fresh: f\r\n"));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }
    let error = failed(options("ws://127.0.0.1:1").ws_header("Host", "h")).await;
    assert_eq!(error.code(), Code::InvalidOption);
}

#[tokio::test]
async fn a_head_without_an_end_and_a_silent_web_server() {
    let endless = Box::leak(vec![b'x'; 20_000].into_boxed_slice());
    let (url, _asked) = web_server(endless).await;
    let error = failed(options(&url)).await;
    assert!(error.text().contains("more than"), "{error}");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let error = failed(options(&url).connect_timeout(SHORT)).await;
    assert!(error.text().contains("no handshake within"), "{error}");
}

#[tokio::test]
async fn life_06() {
    let server = Server::start(Config::plain().with_websocket(true)).unwrap();
    for tunnel in
        [Tunnel::http(Some(("me", "p@ss"))).unwrap(), Tunnel::socks5(Some(("me", "p@ss"))).unwrap()]
    {
        let through = |proxy: String, url: &str| options(url).proxy(proxy);
        let known = tunnel.url_for("me", "p%40ss");
        let client = connected(through(known.clone(), &server.url())).await;
        converse(&client).await;
        let client = connected(through(known.clone(), &server.ws_url())).await;
        converse(&client).await;
        // The proxy resolves the name.
        let named = format!("localhost:{}", server.port());
        connected(through(known.clone(), &named)).await.close().await;
        assert_eq!(tunnel.asked(), [server.address(), server.ws_address(), named]);

        let error = failed(through(tunnel.url_for("me", "s3cr3t"), &server.url())).await;
        assert_eq!(error.code(), Code::Authorization, "{error}");
        assert!(!error.text().contains("s3cr3t"), "{error}");
        let error = failed(through(tunnel.url(), &server.url())).await;
        assert_eq!(error.code(), Code::Authorization, "{error}");
        for (mood, text) in [
            (Mood::Refusing, "it refuses"),
            (Mood::Confused, "proxy"),
            (Mood::Silent, "no handshake within"),
        ] {
            tunnel.set_mood(mood);
            let options = through(known.clone(), &server.url()).connect_timeout(SHORT * 3);
            let error = failed(options).await;
            assert!(error.text().contains(text), "{mood:?}: {error}");
        }
    }
    let open = Tunnel::socks5(None).unwrap();
    let client = connected(options(&server.url()).proxy(open.url())).await;
    converse(&client).await;
    for url in ["ftp://h", "http://", "socks5://u:s3cr3t@:1"] {
        let error = failed(options(&server.url()).proxy(url)).await;
        assert_eq!(error.code(), Code::InvalidOption, "{error}");
        assert!(!error.text().contains("s3cr3t"), "{error}");
    }
    let nobody = options(&server.url()).proxy("http://127.0.0.1:1");
    assert!(failed(nobody).await.text().contains("proxy"));
}

#[tokio::test]
async fn tls_through_a_proxy_is_checked_against_the_servers_name() {
    let certificates = Certificates::generate().unwrap();
    let config = Config::plain().with_tls(TlsMode::Required, certificates.clone());
    let server = Server::start(config).unwrap();
    let tunnel = Tunnel::http(None).unwrap();
    let options = options(&server.url()).proxy(tunnel.url()).tls_ca_file(certificates.ca());
    converse(&connected(options).await).await;
}

#[tokio::test]
async fn a_local_address_is_bound() {
    let server = plain();
    let from = |address: &str| {
        let address: SocketAddr = address.parse().unwrap();
        options(&server.url()).local_address(address)
    };
    let client = connected(from("127.0.0.2:0")).await;
    let shown = server.monitor("/connz").unwrap();
    assert_eq!(shown["connections"][0]["ip"], "127.0.0.2");
    client.close().await;
    // An address of nobody here, and one of another family.
    for address in ["192.0.2.1:0", "[::1]:0"] {
        assert_eq!(failed(from(address)).await.code(), Code::NoServers, "{address}");
    }
}

#[tokio::test]
async fn a_name_is_resolved_for_each_attempt() {
    let server = plain();
    let client = connected(options(&format!("localhost:{}", server.port()))).await;
    flush(&client).await;
    let error = failed(options("no-such-host.invalid:4222")).await;
    assert!(error.text().contains("resolving"), "{error}");
}

#[tokio::test]
async fn a_dialer_of_the_programs_own_is_asked_each_time() {
    let server = plain();
    let address = server.address();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let options = options("nats://nowhere.invalid:1").dialer(move |target| {
        counted.fetch_add(1, Ordering::Relaxed);
        assert_eq!((target.host.as_str(), target.port), ("nowhere.invalid", 1));
        let address = address.clone();
        async move {
            let stream = tokio::net::TcpStream::connect(address).await?;
            Ok::<Box<dyn ByteStream>, _>(Box::new(stream))
        }
    });
    let (client, mut events) = dial_watched(options).await;
    converse(&client).await;
    client.force_reconnect().unwrap();
    events.wait("reconnected").await;
    converse(&client).await;
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

/// A Unix-domain socket that leads to the server.
async fn unix(server: &Server) -> tokio::net::UnixStream {
    let (ours, mut theirs) = tokio::net::UnixStream::pair().unwrap();
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    tokio::spawn(async move {
        // It ends with either side.
        let _ = tokio::io::copy_bidirectional(&mut theirs, &mut stream).await;
    });
    ours
}

#[tokio::test]
async fn a_stream_that_is_there_already() -> Result<()> {
    let server = plain();
    let (options, mut events) = watched(options("nats://within.invalid"));
    let client = options.connect_stream(unix(&server).await).await?;
    converse(&client).await;
    server.kill().unwrap();
    events.wait("closed").await;
    let nobody = ConnectOptions::new().connect_stream(tokio::io::empty()).await;
    assert_eq!(nobody.unwrap_err().code(), Code::NoServers);
    Ok(())
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_left_in_time() {
    let server = plain();
    let limit = Duration::from_millis(400);
    let options = options(&server.url())
        .write_timeout(limit)
        .outbound_policy(nats_core::OutboundPolicy::DropOldest);
    let (client, mut events) = dial_watched(options).await;
    server.pause().unwrap();
    let full = async {
        // Until the sockets are full and the driver waits.
        loop {
            publish(&client, "a", vec![0; 256 * 1024]).await;
            if let Some(error) = client.last_error() {
                return error;
            }
            tokio::task::yield_now().await;
        }
    };
    let error = within("the write deadline", full).await;
    assert_eq!(error.code(), Code::StaleConnection, "{error}");
    assert!(error.text().contains("takes nothing"), "{error}");
    events.wait("disconnected").await;
    server.resume().unwrap();
    events.wait("reconnected").await;
}
