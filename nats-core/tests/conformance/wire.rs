use nats_core::{Client, Code, Event, Subscription};
use nats_harness::{DEFAULT_INFO, FakeServer, Step};

use super::support::*;

/// A connection to a fake server that does what the test says, with one subscription.
struct Wire {
    fake: FakeServer,
    client: Client,
    events: Events,
    subscription: Subscription,
}

impl Wire {
    async fn start() -> Wire {
        let fake = fake(vec![]);
        let (client, events) = dial_watched(options(&fake.url())).await;
        let subscription = client.subscribe("x").unwrap();
        flush(&client).await;
        Wire { fake, client, events, subscription }
    }

    fn send(&self, connection: usize, bytes: impl AsRef<[u8]>) {
        self.fake.send(connection, bytes).unwrap();
    }

    fn sid(&self) -> u64 {
        self.subscription.sid()
    }

    /// These bytes break the protocol: the socket is left, and the next one works.
    async fn expect_left(bytes: impl AsRef<[u8]>) {
        let mut wire = Wire::start().await;
        let shown: String = bytes.as_ref().iter().take(80).map(|b| char::from(*b)).collect();
        wire.send(0, msg(wire.sid(), "x", "before"));
        wire.send(0, &bytes);
        let Event::Disconnected { reason } = wire.events.wait("disconnected").await else {
            unreachable!()
        };
        assert_eq!(reason.code(), Code::Protocol, "{shown:?}: {reason}");
        wire.events.wait("reconnected").await;
        wire.fake.wait_closed(0, PATIENCE).unwrap();
        wire.fake.wait_text(1, "SUB x ", PATIENCE).unwrap();
        wire.send(1, msg(wire.sid(), "x", "after"));
        assert_eq!(next_text(&wire.subscription).await, "before", "{shown:?}");
        assert_eq!(next_text(&wire.subscription).await, "after", "{shown:?}");
    }

    /// The connection goes on as if nothing had been.
    async fn expect_alive(&mut self) {
        self.send(0, msg(self.sid(), "x", "still here"));
        assert_eq!(next_text(&self.subscription).await, "still here");
        flush(&self.client).await;
        assert_eq!(self.fake.connections(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wire_01() {
    for size in [
        "-1",
        "+5",
        "abc",
        "5x",
        "0x10",
        "2147483647",
        "4294967301",
        "9223372036854775807",
        "18446744073709551615",
        "18446744073709551616",
        "1234567890123456789012345678901234567890",
    ] {
        Wire::expect_left(format!("MSG x 1 {size}\r\nhello\r\n")).await;
        Wire::expect_left(format!("HMSG x 1 {size} {size}\r\nNATS/1.0\r\n\r\n\r\n")).await;
        Wire::expect_left(format!("HMSG x 1 12 {size}\r\nNATS/1.0\r\n\r\n\r\n")).await;
    }
    Wire::expect_left("HMSG x 1 13 12\r\nNATS/1.0\r\n\r\n\r\n").await;
    for sid in ["-1", "abc", "18446744073709551616"] {
        Wire::expect_left(format!("MSG x {sid} 5\r\nhello\r\n")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wire_02() {
    for broken in [
        "MSG x 1 5\r\nhelloPING\r\n",
        "MSG x 1 4\r\nhello\r\n",
        "MSG x 1 6\r\nhello\r\n\r\n",
        "MSG x 1 5\r\nhello\n\r",
        "FOO bar\r\n",
        "\r\n",
        "\n",
        "\u{ff}\u{fe}\u{fd}\r\n",
        "HTTP/1.1 200 OK\r\n",
        "MSG\r\n",
        "MSG x\r\n",
        "MSG x 1\r\n",
        "MSG x 1 r 5 6 7\r\nhello\r\n",
    ] {
        Wire::expect_left(broken).await;
    }
    Wire::expect_left("A".repeat(10_000)).await;
    Wire::expect_left(format!("MSG {} 1 5\r\nhello\r\n", "x".repeat(10_000))).await;
    Wire::expect_left(format!("PING {}", " ".repeat(100_000))).await;
    Wire::expect_left([&b"\x15\x03\x01\x00\x02\x02\x28"[..], &[0x80; 64]].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wire_03() {
    let mut wire = Wire::start().await;
    let sid = wire.sid();
    let garbage = "abcdefghijkl";
    let mut blocks: Vec<String> = (1..=12).map(|len| garbage[..len].to_owned()).collect();
    blocks.extend((1..=9).map(|len| "NATS/1.0\r\n"[..len].to_owned()));
    let lines = [
        "NATS/1.0 5",
        "NATS/1.0 50",
        "NATS/1.0 abc",
        "NATS/1.0 65536",
        "NATS/1.0503",
        "NATS/1.0 00000000000000000503",
        "NATS/2.0",
        "HTTP/1.1 200",
        "nats/1.0",
    ];
    blocks.extend(lines.map(|line| format!("{line}\r\nGood: value\r\n\r\n")));
    blocks.push("NATS/1.0\r\nno colon\r\nGood: value\r\n\r\n".into());
    blocks.push("NATS/1.0\r\nna me: x\r\nGood: value\r\n\r\n".into());
    for block in &blocks {
        wire.send(0, hmsg(sid, "x", block.as_bytes(), "payload"));
        let message = next(&wire.subscription).await;
        let error = message.decode_error().unwrap_or_else(|| panic!("{block:?} is malformed"));
        assert_eq!(error.code(), Code::MalformedMessage);
        assert_eq!((message.subject(), message.payload()), ("x", &b"payload"[..]), "{block:?}");
        assert_eq!(message.status(), None, "{block:?}");
        if block.contains("NATS/1.0\r\n") && block.contains("Good") {
            assert_eq!(message.header("Good"), Some("value"), "{block:?}");
        }
    }
    for block in ["", "NATS/1.0\r\n", "NATS/1.0\r\n\r", "NATS/1.0\r\n\r\n", "NATS/1.0 \r\n\r\n"] {
        wire.send(0, hmsg(sid, "x", block.as_bytes(), "payload"));
        let message = next(&wire.subscription).await;
        assert!(message.decode_error().is_none(), "{block:?}");
        assert_eq!(message.headers().map_or(0, |block| block.iter().count()), 0, "{block:?}");
        assert_eq!(message.payload(), b"payload", "{block:?}");
    }
    wire.events.wait("malformed_message").await;
    wire.expect_alive().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wire_04() {
    let mut wire = Wire::start().await;
    let mut block = String::from("NATS/1.0\r\n");
    for n in 0..20_000 {
        block.push_str(&format!("Key-{n}: value {n}\r\n"));
    }
    block.push_str("\r\n");
    wire.send(0, hmsg(wire.sid(), "x", block.as_bytes(), "payload"));
    let message = next(&wire.subscription).await;
    assert!(message.decode_error().is_none());
    assert_eq!(message.header("Key-19999"), Some("value 19999"));
    let mut count = 0;
    for (n, (name, value)) in message.headers().unwrap().iter().enumerate() {
        assert_eq!(name, format!("Key-{n}").as_bytes());
        assert_eq!(value, format!("value {n}").as_bytes());
        count += 1;
    }
    assert_eq!(count, 20_000);
    assert_eq!(message.payload(), b"payload");
    wire.expect_alive().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wire_05() {
    let mut wire = Wire::start().await;
    for (line, text) in [
        ("-ERR", "without a text"),
        ("-ERR ", "without a text"),
        ("-ERR ''", "without a text"),
        ("-ERR '", ""),
        ("-ERR 'Some Future Error'", "Some Future Error"),
        ("-ERR no quotes", "no quotes"),
        ("-err 'lower case'", "lower case"),
    ] {
        wire.send(0, format!("{line}\r\n"));
        let Event::ServerError(error) = wire.events.next().await else { panic!("{line}") };
        assert_eq!(error.code(), Code::ServerError, "{line}");
        assert!(error.text().contains(text), "{line}: {error}");
    }
    wire.send(0, b"-ERR '\xff\xfe'\r\n");
    wire.events.wait("server_error").await;
    let long = "y".repeat(5000);
    wire.send(0, format!("-ERR '{long}'\r\n"));
    let Event::ServerError(error) = wire.events.next().await else { panic!("a long text") };
    assert!(error.text().len() < 2000, "the text is cut");
    wire.expect_alive().await;
    assert_eq!(wire.client.stats().errors, 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wire_06() {
    let mut wire = Wire::start().await;
    wire.send(0, b"MSG \xff\xfe.x 1 2\r\nok\r\n");
    let message = next(&wire.subscription).await;
    assert_eq!(message.subject_bytes(), b"\xff\xfe.x");
    assert_eq!((message.subject(), message.payload()), ("", &b"ok"[..]));
    assert_eq!(message.decode_error().unwrap().code(), Code::MalformedMessage);
    let heard = wire.events.next().await;
    let Event::MalformedMessage { sid, subject } = &heard else { panic!("{heard:?}") };
    assert_eq!((*sid, subject.as_str()), (wire.sid(), "x"));
    wire.send(0, b"MSG x 1 \xff\xfe 2\r\nok\r\n");
    let message = next(&wire.subscription).await;
    assert_eq!((message.subject(), message.reply()), ("x", None));
    assert_eq!(message.decode_error().unwrap().code(), Code::MalformedMessage);
    wire.expect_alive().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wire_07() {
    let start = DEFAULT_INFO.trim_end_matches('}');
    let padding = (1 << 20) - start.len() - r#"INFO ,"unknown":""}"#.len() - 2;
    let info = format!(r#"{start},"unknown":"{}"}}"#, "x".repeat(padding));
    assert_eq!(format!("INFO {info}\r\n").len(), 1 << 20);
    let fake = FakeServer::start(vec![Step::HandshakeWith(info)]).unwrap();
    let client = dial(&fake.url()).await;
    assert_eq!(client.server_info().server_id, "FAKE");
    flush(&client).await;

    let mut wire = Wire::start().await;
    let nested = "[".repeat(20_000);
    for bad in [
        "",
        "null",
        "[]",
        "{",
        "nonsense",
        "{\"max_payload\":-1}",
        "{\"server_id\":7}",
        "{\"max_payload\":\"many\"}",
        "{\"connect_urls\":7}",
        "{\"max_payload\":1e30}",
        &nested,
    ] {
        wire.send(0, format!("INFO {bad}\r\n"));
        let Event::ServerError(error) = wire.events.next().await else { panic!("{bad}") };
        assert_eq!(error.code(), Code::Protocol, "{bad}");
        assert_eq!(wire.client.server_info().server_id, "FAKE", "{bad}");
        assert_eq!(wire.client.max_payload(), 1 << 20, "{bad}");
    }
    wire.expect_alive().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wire_08() {
    let stream = [
        &msg(1, "x", "plain")[..],
        b"PING\r\n",
        &hmsg(1, "x", b"NATS/1.0\r\nA: 1\r\nA: 2\r\n\r\n", "with headers"),
        b"+OK\r\n",
        b"MSG x 1 reply 7\r\nMSG x 1\r\n",
        b"-ERR 'ignored'\r\n",
        &msg(1, "x", ""),
    ]
    .concat();
    let whole = stream.len();
    let mut steps: Vec<_> =
        (1..whole).map(|at| Step::Chunked(stream.clone(), vec![at, whole - at])).collect();
    steps.push(Step::Chunked(stream.clone(), vec![1]));
    let copies = steps.len();
    let info = format!("INFO {DEFAULT_INFO}\r\n").into_bytes();
    let handshake = [
        Step::Chunked(info, vec![1, 3, 100, 7]),
        Step::expect("PING"),
        Step::Chunked(b"PONG\r\n".to_vec(), vec![1]),
        Step::expect("SUB"),
    ];
    let fake = FakeServer::start([handshake.to_vec(), steps].concat()).unwrap();
    let (client, mut events) = dial_watched(options(&fake.url())).await;
    let subscription = client.subscribe("x").unwrap();
    for copy in 0..copies {
        let mut seen = Vec::new();
        for _ in 0..4 {
            let message = next(&subscription).await;
            let values = message.headers().map(|block| block.get_all("A").count());
            seen.push((text(&message), message.reply().map(str::to_owned), values));
        }
        let expected = [
            ("plain".to_owned(), None, None),
            ("with headers".to_owned(), None, Some(2)),
            ("MSG x 1".to_owned(), Some("reply".to_owned()), None),
            (String::new(), None, None),
        ];
        assert_eq!(seen, expected, "split {copy}");
    }
    flush(&client).await;
    assert_eq!(fake.received_text(0).matches("PONG\r\n").count(), copies);
    assert_eq!(events.count("server_error"), copies);
    assert_eq!(fake.connections(), 1);
}
