use nats_core::{Code, ConnectOptions, State, connect};
use nats_harness::{Certificates, Config, DEFAULT_INFO, FakeServer, Server, Step, TlsMode};

use super::support::*;

/// The address of a server that is down, and stays so as long as the value lives.
fn down() -> Server {
    let server = plain();
    server.kill().unwrap();
    server
}

/// The error of an attempt that must fail.
async fn refused(options: ConnectOptions) -> nats_core::Error {
    within("the refusal", options.connect()).await.expect_err("the attempt must fail")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_01() {
    let server = Server::start(Config::user("alice", "s3cret")).unwrap();
    let place = server.address();
    for url in [format!("alice:s3cret@{place}"), format!("nats://alice:s3cret@{place}")] {
        let client = dial(&url).await;
        assert_eq!(client.connected_url().unwrap(), format!("nats://{place}"));
        assert_eq!(client.servers(), [format!("nats://{place}")]);
        assert_eq!(client.state(), State::Connected);
    }
    let server = Server::start(Config::plain().with_host("::1")).unwrap();
    let client = dial(&server.url()).await;
    assert_eq!(client.connected_url().unwrap(), format!("nats://[::1]:{}", server.port()));
    flush(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_02() {
    let (first, second, server) = (down(), down(), plain());
    let urls = [first.url(), second.url(), server.url()];
    for randomize in [false, true] {
        let options = ConnectOptions::new().servers(urls.clone()).randomize(randomize);
        let client = within("connect", options.connect()).await.unwrap();
        assert_eq!(client.connected_url().unwrap(), server.url());
    }
    let client = dial(&urls.join(",")).await;
    assert_eq!(client.connected_url().unwrap(), server.url());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_03() {
    let password = "p@ss:w/rd%?#";
    let server = Server::start(Config::user("alice", password)).unwrap();
    let place = server.address();
    flush(&dial(&format!("nats://alice:p%40ss%3Aw%2Frd%25%3F%23@{place}")).await).await;
    let with_options = options(&server.url()).user_and_password("alice", password);
    flush(&within("connect", with_options.connect()).await.unwrap()).await;

    let in_url = ConnectOptions::new().servers([format!("nats://alice:wr0ng@{place}")]);
    let as_option = options(&server.url()).user_and_password("alice", "wr0ng");
    for wrong in [in_url, as_option] {
        let error = refused(wrong).await;
        assert_eq!(error.code(), Code::Authorization);
        assert!(!format!("{error} {error:?}").contains("wr0ng"), "{error}");
        assert!(error.text().contains(&place), "{error}");
    }
    assert_eq!(refused(options(&server.url())).await.code(), Code::Authorization);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_04() {
    let server = Server::start(Config::token("t0ken")).unwrap();
    let place = server.address();
    flush(&dial(&format!("nats://t0ken@{place}")).await).await;
    let with_option = options(&server.url()).token("t0ken");
    flush(&within("connect", with_option.connect()).await.unwrap()).await;

    let in_url = ConnectOptions::new().servers([format!("nats://wr0ng@{place}")]);
    for wrong in [in_url, options(&server.url()).token("wr0ng")] {
        let error = refused(wrong).await;
        assert_eq!(error.code(), Code::Authorization);
        assert!(!error.text().contains("wr0ng"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_05() {
    let name = "a \"name\" with\r\nlines";
    let told = |url: &str| options(url).name(name).verbose(true).pedantic(true);
    let fake = fake(vec![]);
    let _client = within("connect", told(&fake.url()).connect()).await.unwrap();
    let received = fake.received_text(0);
    let json = received.lines().next().unwrap().strip_prefix("CONNECT ").unwrap();
    let connect: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(connect["name"], name);
    assert_eq!((&connect["verbose"], &connect["pedantic"]), (&true.into(), &true.into()));
    assert_eq!((&connect["headers"], &connect["no_responders"]), (&true.into(), &true.into()));

    let server = plain();
    let (client, mut events) = dial_watched(told(&server.url())).await;
    assert_eq!(server.monitor("/connz").unwrap()["connections"][0]["name"], name);
    let subscription = client.subscribe("verbose").unwrap();
    publish_numbers(&client, "verbose", 0..100).await;
    expect_numbers(&subscription, 0..100).await;
    flush(&client).await;
    assert_eq!(events.so_far().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_06() {
    let server = plain();
    let deaf = within("connect", options(&server.url()).echo(false).connect()).await.unwrap();
    let subscription = deaf.subscribe("echo").unwrap();
    publish(&deaf, "echo", "my own").await;
    flush(&deaf).await;
    publish(&dial(&server.url()).await, "echo", "another's").await;
    assert_eq!(next_text(&subscription).await, "another's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_07() {
    let (first, second) = (down(), down());
    let both = ConnectOptions::new().servers([first.url(), second.url()]);
    let error = refused(both.connect_timeout(FOREVER)).await;
    assert_eq!(error.code(), Code::NoServers);
    for server in [&first, &second] {
        assert!(error.text().contains(&server.address()), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_08() {
    let info = format!("INFO {DEFAULT_INFO}\r\n");
    let half = &info[..info.len() / 2];
    for script in [
        vec![Step::Silence],
        vec![Step::send(half), Step::Silence],
        vec![Step::send(&info), Step::expect("PING"), Step::Silence],
        vec![Step::Drip(info.clone().into(), PATIENCE)],
    ] {
        let fake = FakeServer::start(script).unwrap();
        let error = refused(options(&fake.url()).connect_timeout(SHORT)).await;
        assert_eq!(error.code(), Code::NoServers);
        assert!(error.text().contains("TIMEOUT"), "{error}");
        assert!(error.text().contains("100 ms"), "{error}");
        fake.wait_closed(0, PATIENCE).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_09() {
    let info = format!("INFO {DEFAULT_INFO}\r\n");
    for (script, seen) in [
        (vec![Step::Close], "closed the connection"),
        (vec![Step::send(&info), Step::Close], "closed the connection"),
        (vec![Step::send(&info), Step::expect("CONNECT"), Step::Close], "closed the connection"),
        (vec![Step::send(&info), Step::expect("CONNECT"), Step::Reset], "reset"),
        (vec![Step::send("HTTP/1.1 400 Bad Request\r\n\r\n")], "HTTP/1.1"),
        (vec![Step::send("SSH-2.0-OpenSSH_9.2\r\n")], "SSH-2.0-OpenSSH_9.2"),
        (vec![Step::send("PING\r\n")], "PING"),
        (vec![Step::send("+OK\r\n")], "+OK"),
        (vec![Step::send(b"\xff\xfe\x00\x01\r\n")], "\\xff\\xfe"),
        (vec![Step::send("INFO [1,2]\r\n")], "INFO"),
    ] {
        let fake = FakeServer::start(script).unwrap();
        let error = refused(options(&fake.url()).connect_timeout(FOREVER)).await;
        assert_eq!(error.code(), Code::NoServers);
        assert!(error.text().contains(seen), "{seen}: {error}");
        assert!(error.text().contains(&fake.address()), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_10() {
    let server = down();
    let (late, mut events) = watched(options(&server.url()).retry_on_failed_connect(true));
    let client = within("connect", late.connect()).await.unwrap();
    assert_eq!(client.state(), State::Reconnecting);
    let subscription = client.subscribe("later").unwrap();
    publish_numbers(&client, "later", 0..100).await;
    server.restart().unwrap();
    events.wait("connected").await;
    expect_numbers(&subscription, 0..100).await;
    assert_eq!(client.state(), State::Connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_16() {
    let fake = FakeServer::start([Step::Gate, Step::Handshake, Step::Serve].to_vec()).unwrap();
    let (late, mut events) = watched(options(&fake.url()).connect_in_background(true));
    let client = within("connect", late.connect()).await.unwrap();
    assert_eq!(client.state(), State::Connecting);
    client.publish("early", "kept").await.unwrap();
    fake.release();
    events.wait("connected").await;
    fake.wait_text(0, "PUB early 4\r\nkept", PATIENCE).unwrap();

    let server = down();
    let (lost, mut events) = watched(options(&server.url()).connect_in_background(true));
    let client = within("connect", lost.connect()).await.unwrap();
    events.wait("closed").await;
    assert_eq!(client.state(), State::Closed);
    assert_eq!(client.last_error().unwrap().code(), Code::NoServers);
    assert_eq!(client.publish("late", "").await.unwrap_err().code(), Code::ConnectionClosed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_11() {
    let certificates = Certificates::generate().unwrap();
    let start = |mode| Server::start(Config::plain().with_tls(mode, certificates.clone())).unwrap();
    let (required, available) = (start(TlsMode::Required), start(TlsMode::Available));
    for (server, url) in [
        (&required, format!("tls://127.0.0.1:{}", required.port())),
        (&required, format!("tls://localhost:{}", required.port())),
        (&required, format!("nats://127.0.0.1:{}", required.port())),
        (&available, format!("tls://127.0.0.1:{}", available.port())),
    ] {
        let trusting = options(&url).tls_ca_file(certificates.ca());
        let client = within("connect", trusting.connect()).await.unwrap();
        let connections = server.monitor("/connz").unwrap()["connections"].clone();
        let last = connections.as_array().unwrap().last().unwrap().clone();
        assert!(last["tls_version"].as_str().is_some_and(|v| !v.is_empty()), "{url}: {last}");
        let subscription = client.subscribe("secure").unwrap();
        publish(&client, "secure", vec![b'x'; 300_000]).await;
        assert_eq!(next(&subscription).await.payload().len(), 300_000);
        within("close", client.close()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_12() {
    let server = Server::start(Config::tls(TlsMode::Required).unwrap()).unwrap();
    let certificates = server.config().certificates().unwrap().clone();
    let foreign = options(&server.url()).tls_ca_file(certificates.foreign_ca());
    assert_eq!(refused(foreign).await.code(), Code::Tls);
    // The roots of the system, if it has any, do not know the test's authority.
    assert_eq!(refused(options(&server.url())).await.code(), Code::Tls);
    let no_file = options(&server.url()).tls_ca_file("/nowhere/ca.pem");
    assert_eq!(refused(no_file).await.code(), Code::Tls);

    let elsewhere = Config::tls(TlsMode::Required).unwrap().with_host("127.0.0.2");
    let ca = elsewhere.certificates().unwrap().ca();
    let elsewhere = Server::start(elsewhere).unwrap();
    let error = refused(options(&elsewhere.url()).tls_ca_file(ca)).await;
    assert_eq!(error.code(), Code::Tls, "the certificate is not for 127.0.0.2");

    let clear = FakeServer::start(vec![Step::send(format!("INFO {DEFAULT_INFO}\r\n"))]).unwrap();
    for insistent in [
        options(&format!("tls://{}", clear.address())),
        options(&clear.url()).tls_required(true),
        options(&clear.url()).tls_ca_file(certificates.ca()),
    ] {
        assert_eq!(refused(insistent).await.code(), Code::Tls);
    }
    for connection in 0..3 {
        clear.wait_closed(connection, PATIENCE).unwrap();
        assert_eq!(clear.received_text(connection), "", "nothing is said in the clear");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_13() {
    let server = Server::start(Config::plain().with("max_payload: 54321")).unwrap();
    let client = dial(&server.url()).await;
    let info = client.server_info();
    assert_eq!(server.info().unwrap()["server_id"], info.server_id.as_str());
    assert_eq!(server.info().unwrap()["version"], info.version.as_str());
    assert!(info.version_at_least(2, 2, 0));
    assert!(info.headers);
    assert_eq!((info.max_payload, client.max_payload()), (54321, 54321));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_14() {
    for url in [
        "nats://",
        "http://example.com",
        "nats://alice:s3cret@",
        "nats://alice:s3cret@host:0",
        "nats://alice:s3cret@host:65536",
        "nats://alice:s3cret@host:x",
        "nats://alice:s3cret@[::1",
        "nats://alice:s3cret%zz@host",
        "ftp://alice:s3cret@host",
        "nats://ho st",
        "nats://host\r\nPUB x 0",
    ] {
        let error = refused(ConnectOptions::new().servers([url])).await;
        assert_eq!(error.code(), Code::InvalidUrl, "{url}");
        assert!(!error.text().contains("s3cret"), "{url}: {error}");
        assert!(!error.text().contains("\r\n"), "{url}: {error}");
    }
    let none: [&str; 0] = [];
    assert_eq!(refused(ConnectOptions::new().servers(none)).await.code(), Code::InvalidUrl);
    assert_eq!(code(within("refusal", connect("")).await), Code::InvalidUrl);
    assert_eq!(code(within("refusal", connect(" , ")).await), Code::InvalidUrl);
}

/// The options are typed: what is left to get wrong are values.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_15() {
    let server = plain();
    let with = |change: fn(ConnectOptions) -> ConnectOptions| change(options(&server.url()));
    for (wrong, key) in [
        (with(|o| o.connect_timeout(std::time::Duration::ZERO)), "connect_timeout"),
        (with(|o| o.max_pings_out(0)), "max_pings_out"),
        (with(|o| o.outbound_bytes(0)), "outbound_bytes"),
        (with(|o| o.name("x".repeat(1 << 20))), "name"),
        (with(|o| o.inbox_prefix("a b")), "inbox prefix"),
    ] {
        let error = refused(wrong).await;
        assert_eq!(error.code(), Code::InvalidOption, "{key}");
        assert!(error.text().contains(key), "{key}: {error}");
    }
}
