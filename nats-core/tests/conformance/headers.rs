use nats_core::{Code, Headers, Message, Publish};
use nats_harness::{DEFAULT_INFO, FakeServer, Step};

use super::support::*;

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in pairs {
        headers.append(name, value).unwrap();
    }
    headers
}

fn pairs(message: &Message) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let block = message.headers().expect("a message with headers");
    block.iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// The headers and payload after a journey over a real server.
async fn journey(headers: &Headers, payload: &[u8]) -> Message {
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = client.subscribe("x").unwrap();
    let message = Publish::new("x", payload).headers(headers);
    within("publish", client.publish_with(&message)).await.unwrap();
    next(&subscription).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_01() {
    let sent = [("B", "1"), ("a", "2"), ("B", "3"), ("A", "4"), ("b", "5"), ("B", "1")];
    let message = journey(&headers(&sent), b"payload").await;
    assert_eq!(pairs(&message), sent.map(|(n, v)| (n.to_owned(), v.to_owned())));
    let values: Vec<_> = message.headers().unwrap().get_all("B").collect();
    assert_eq!(values, [b"1", b"3", b"1"]);
    assert_eq!(message.payload(), b"payload");
    assert_eq!(message.headers().unwrap().to_headers().unwrap(), headers(&sent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_02() {
    let message = journey(&headers(&[("Key", "first"), ("KEY", "second")]), b"").await;
    let block = message.headers().unwrap();
    assert_eq!(message.header("Key"), Some("first"));
    assert_eq!(message.header("KEY"), Some("second"));
    assert_eq!(message.header("key"), None);
    assert_eq!(block.get_ignore_case("key"), Some(&b"first"[..]));
    assert_eq!(block.get_ignore_case("kEY"), Some(&b"first"[..]));
    assert_eq!(block.get_ignore_case("Ke"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_03() {
    let values =
        ["  two in front", "two behind  ", "", " ", "a:b: c", "žluťoučký kůň 🐎", "\t", ":"];
    let mut sent = Headers::new();
    for value in values {
        sent.append("Value", value).unwrap();
    }
    let message = journey(&sent, b"").await;
    let back: Vec<_> = pairs(&message).into_iter().map(|(_, value)| value).collect();
    assert_eq!(back, values);
    assert!(message.decode_error().is_none());
}

#[test]
fn headers_04() {
    let mut headers = headers(&[("Good", "value")]);
    for name in ["", "a b", " a", "a:", ":", "a\rb", "a\nb", "a\r\nInjected", "a\0", "a\tb", "ä"] {
        assert_eq!(code(headers.append(name, "value")), Code::InvalidHeader, "{name:?}");
        assert_eq!(code(headers.set(name, "value")), Code::InvalidHeader, "{name:?}");
    }
    for value in ["a\rb", "a\nb", "a\r\nInjected: 1", "a\0b", "\r", "\n", "\0"] {
        assert_eq!(code(headers.append("Name", value)), Code::InvalidHeader, "{value:?}");
        assert_eq!(code(headers.set("Good", value)), Code::InvalidHeader, "{value:?}");
    }
    assert_eq!(headers.iter().collect::<Vec<_>>(), [("Good", "value")], "nothing has changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_05() {
    let mut h = headers(&[("A", "1"), ("B", "2"), ("A", "3"), ("C", "4")]);
    assert_eq!(h.len(), 4);
    h.set("A", "5").unwrap();
    assert_eq!(h.iter().collect::<Vec<_>>(), [("A", "5"), ("B", "2"), ("C", "4")]);
    h.set("D", "6").unwrap();
    h.append("B", "7").unwrap();
    assert_eq!((h.get("B"), h.get("b"), h.get_ignore_case("b")), (Some("2"), None, Some("2")));
    assert_eq!((h.remove("B"), h.remove("B"), h.remove("a")), (2, 0, 0));
    assert_eq!(h.iter().collect::<Vec<_>>(), [("A", "5"), ("C", "4"), ("D", "6")]);
    assert_eq!((h.at(2), h.at(3)), (Some(("D", "6")), None));
    let message = journey(&h, b"").await;
    let expected = [("A", "5"), ("C", "4"), ("D", "6")];
    assert_eq!(pairs(&message), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    h.clear();
    assert!(h.is_empty());
    assert!(journey(&h, b"").await.headers().is_none(), "no headers are no block");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_06() {
    let message = journey(&headers(&[("Only", "headers")]), b"").await;
    assert_eq!(message.header("Only"), Some("headers"));
    assert_eq!(message.payload(), b"");

    let mut many = Headers::new();
    for n in 0..1000 {
        many.append(&format!("Name-{n}"), &format!("value {n}")).unwrap();
    }
    let message = journey(&many, b"payload").await;
    assert_eq!(pairs(&message).len(), 1000);
    for n in 0..1000 {
        assert_eq!(message.header(&format!("Name-{n}")), Some(format!("value {n}").as_str()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_07() {
    let fake = fake(vec![]);
    let client = dial(&fake.url()).await;
    let subscription = client.subscribe("x").unwrap();
    let sid = subscription.sid();
    for (line, status, description) in [
        ("NATS/1.0 100 Idle Heartbeat", Some(100), Some("Idle Heartbeat")),
        ("NATS/1.0 503", Some(503), None),
        ("NATS/1.0  404  No Messages ", Some(404), Some("No Messages")),
        ("NATS/1.0", None, None),
    ] {
        let block = format!("{line}\r\nName: value\r\n\r\n");
        fake.send(0, hmsg(sid, "x", block.as_bytes(), "payload")).unwrap();
        let message = next(&subscription).await;
        assert_eq!(message.status(), status, "{line}");
        assert_eq!(message.description(), description, "{line}");
        assert_eq!(message.header("Name"), Some("value"), "{line}");
        assert!(message.decode_error().is_none(), "{line}");
    }
    fake.send(0, msg(sid, "x", "no headers")).unwrap();
    let message = next(&subscription).await;
    assert_eq!((message.status(), message.description()), (None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_08() {
    let info = DEFAULT_INFO.replace("\"headers\":true", "\"headers\":false");
    let fake = FakeServer::start(vec![Step::HandshakeWith(info)]).unwrap();
    let client = dial(&fake.url()).await;
    let headers = headers(&[("Name", "value")]);
    let message = Publish::new("x", b"payload").headers(&headers);
    assert_eq!(code(client.publish_with(&message).await), Code::HeadersUnsupported);
    assert_eq!(code(client.publish_now(&message)), Code::HeadersUnsupported);
    publish(&client, "x", "plain").await;
    flush(&client).await;
    let received = fake.received_text(0);
    assert!(received.contains("PUB x 5\r\nplain\r\n"), "{received}");
    assert!(!received.contains("HPUB"), "{received}");
}
