//! Publishing to streams, each message with its acknowledgement.

use std::time::Duration;

use nats_core::{Client, Code, Headers, Publish};
use nats_harness::{Config, Cut, Direction, Proxy, Server};

use super::js::*;
use super::support::versions::{is_at_least, needs};
use super::support::*;

fn usual() -> PublishOptions {
    PublishOptions::default()
}

/// A server, and its stream S with the subjects `s.>`.
pub(crate) async fn with_stream(config: StreamConfig) -> (Server, JetStream) {
    let (server, js) = start().await;
    js.create_stream(&config).await.unwrap();
    (server, js)
}

/// The same with what only servers of this version have; None: this one is older.
pub(crate) async fn with_newer(
    version: (u32, u32),
    config: StreamConfig,
) -> Option<(Server, JetStream)> {
    let (server, js) = start().await;
    needs(js.client(), version, js.create_stream(&config).await)?;
    Some((server, js))
}

pub(crate) async fn stored(js: &JetStream) -> u64 {
    js.stream_info("S").await.unwrap().state.messages
}

async fn publish(js: &JetStream, options: &PublishOptions) -> nats_core::Result<PubAck> {
    within("the publish", js.publish_with(&Publish::new("s.a", b"x"), options)).await
}

/// Publishes to a subject that somebody reads who gives this answer, or none.
async fn answered(client: &Client, answer: Option<&'static str>) -> Code {
    let asked = client.subscribe("plain").unwrap();
    flush(client).await;
    let answering = tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            if let Some(answer) = answer {
                message.respond(answer).await.unwrap();
            }
        }
    });
    let timeout = Some(SHORT);
    let options = PublishOptions { timeout, ..usual() };
    let js = client.jetstream();
    let publish = Publish::new("plain", b"x");
    let failed = code(within("the publish", js.publish_with(&publish, &options)).await);
    answering.abort();
    failed
}

#[tokio::test]
async fn js_publish_01() {
    let (_server, js) = with_stream(stream("S", "s.>")).await;
    let mut headers = Headers::new();
    headers.set("Own", "kept").unwrap();
    let publish = Publish::new("s.a", b"one\r\n\0two").headers(&headers);
    let ack = js.publish_with(&publish, &usual()).await.unwrap();
    assert_eq!((ack.stream.as_str(), ack.seq, ack.duplicate), ("S", 1, false));
    let message = js.get_message("S", &GetMessage::sequence(1)).await.unwrap();
    assert_eq!((message.subject.as_str(), &message.payload[..]), ("s.a", &b"one\r\n\0two"[..]));
    assert_eq!(message.headers().unwrap().get("Own"), Some(&b"kept"[..]));
}

#[tokio::test]
async fn js_publish_02() {
    let (_server, js) = with_stream(stream("S", "s.>")).await;
    let id = PublishOptions { msg_id: Some("id".into()), ..usual() };
    publish(&js, &usual()).await.unwrap();
    let first = publish(&js, &id).await.unwrap();
    publish(&js, &usual()).await.unwrap();
    let again = publish(&js, &id).await.unwrap();
    assert_eq!((first.seq, first.duplicate, again.seq, again.duplicate), (2, false, 2, true));
    assert_eq!(stored(&js).await, 3);
}

#[tokio::test]
async fn js_publish_03() {
    let (_server, js) = with_stream(stream("S", "s.>")).await;
    let id = PublishOptions { msg_id: Some("last".into()), ..usual() };
    let mut last = publish(&js, &id).await.unwrap().seq;
    let expected = |sequence: u64| {
        let of_subject = |subject: Option<&str>, expected_last_subject_sequence| PublishOptions {
            expected_last_subject_sequence: Some(expected_last_subject_sequence),
            expected_last_subject: subject.map(str::to_owned),
            ..usual()
        };
        let mut all = vec![
            PublishOptions { expected_stream: Some("S".into()), ..usual() },
            PublishOptions { expected_last_sequence: Some(sequence), ..usual() },
            of_subject(None, sequence),
        ];
        // Others are refused, which js-fault-05 shows.
        if is_at_least(js.client(), (2, 11)) {
            all.extend([of_subject(Some("s.never"), 0), of_subject(Some("s.>"), sequence)]);
        }
        all
    };
    let of_id = PublishOptions { expected_last_msg_id: Some("last".into()), ..usual() };
    last = last.max(publish(&js, &of_id).await.unwrap().seq);
    for nth in 0..expected(last).len() {
        last = publish(&js, &expected(last)[nth]).await.unwrap().seq;
    }
    let before = stored(&js).await;
    for wrong in expected(last + 7)
        .iter()
        .skip(1)
        .filter(|o| o.expected_last_subject.as_deref() != Some("s.never"))
    {
        assert_eq!(code(publish(&js, wrong).await), Code::WrongLastSequence, "{wrong:?}");
    }
    let other = PublishOptions { expected_stream: Some("T".into()), ..usual() };
    let error = publish(&js, &other).await.unwrap_err();
    assert_eq!((error.code(), error.api().unwrap().err_code), (Code::JetStream, 10060));
    let error = publish(&js, &of_id).await.unwrap_err();
    assert_eq!(error.api().unwrap().err_code, 10070);
    assert_eq!(stored(&js).await, before);
}

#[tokio::test]
async fn js_publish_04() {
    let config = StreamConfig { allow_msg_ttl: true, ..stream("S", "s.>") };
    let Some((_server, js)) = with_newer((2, 11), config).await else { return };
    let lasting = |ttl| PublishOptions { ttl: Some(ttl), ..usual() };
    let seq = publish(&js, &lasting(Duration::from_secs(3600))).await.unwrap().seq;
    let message = js.get_message("S", &GetMessage::sequence(seq)).await.unwrap();
    assert_eq!(message.headers().unwrap().get("Nats-TTL"), Some(&b"3600s"[..]));
    let short = publish(&js, &lasting(Duration::from_millis(999))).await;
    assert_eq!(code(short), Code::InvalidArgument);
    publish(&js, &lasting(Duration::from_secs(1))).await.unwrap();
    until("the end of its time", || js.stream_info("S"), |info| info.state.messages == 1).await;
}

#[tokio::test]
async fn js_publish_05() {
    let (_server, js) = start().await;
    let retry_wait = Duration::from_millis(10);
    let twice = PublishOptions { retries: 1, retry_wait, ..usual() };
    let tries = js.client().stats().out_messages;
    assert_eq!(code(publish(&js, &twice).await), Code::NoResponders);
    assert_eq!(js.client().stats().out_messages - tries, 2);
    let patient = PublishOptions { retries: 1000, retry_wait, ..usual() };
    let publisher = js.clone();
    let publishing = tokio::spawn(async move { publish(&publisher, &patient).await });
    until("a try", async || Ok(js.client().stats().out_messages - tries), |tries| *tries > 2).await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    assert_eq!(within("the publish", publishing).await.unwrap().unwrap().seq, 1);
}

#[tokio::test]
async fn js_publish_06() {
    let (_server, js) = with_stream(StreamConfig { max_msg_size: 100, ..stream("S", "s.>") }).await;
    let error = js.publish("s.a", vec![0; 101]).await.unwrap_err();
    assert_eq!(error.code(), Code::JetStream);
    let api = error.api().unwrap();
    assert_eq!((api.code, api.err_code), (400, 10054));
    assert!(error.text().contains("STREAM_MESSAGE_EXCEEDS_MAXIMUM"), "{error}");
    assert_eq!(stored(&js).await, 0);
}

#[tokio::test]
async fn js_publish_07() {
    let server = plain();
    let client = dial(&server.url()).await;
    assert_eq!(answered(&client, None).await, Code::Timeout);
}

#[tokio::test]
async fn js_publish_08() {
    let (server, js) = with_stream(stream("S", "s.>")).await;
    let proxy = Proxy::start(&server.address()).unwrap();
    let client = within("connect", options(&proxy.url()).connect()).await.unwrap();
    let lossy = client.jetstream();
    let id = PublishOptions { msg_id: Some("id".into()), ..usual() };
    // What the server says is swallowed: nobody knows whether the message is stored.
    proxy.black_hole(Direction::ToClient);
    let (publisher, same) = (lossy.clone(), id.clone());
    let publishing = tokio::spawn(async move { publish(&publisher, &same).await });
    until("the message", || js.stream_info("S"), |info| info.state.messages == 1).await;
    proxy.cut_now(Cut::Rst).unwrap();
    proxy.resume();
    assert_eq!(code(within("the loss", publishing).await.unwrap()), Code::ConnectionLost);
    let again = publish(&lossy, &id).await.unwrap();
    assert_eq!((again.seq, again.duplicate, stored(&js).await), (1, true, 1));
}

#[tokio::test]
async fn js_publish_09() {
    let (_server, js) = with_stream(stream("S", "s.>")).await;
    let sent = js.client().stats().out_messages;
    for subject in ["", "s..a", "s.*", "s.>", "s. a", "s.\r\n"] {
        assert_eq!(code(js.publish(subject, "x").await), Code::InvalidSubject, "{subject:?}");
    }
    for id in ["a\r\nb", "a\0b"] {
        let bad = PublishOptions { msg_id: Some(id.into()), ..usual() };
        assert_eq!(code(publish(&js, &bad).await), Code::InvalidHeader);
    }
    let large = vec![0; js.client().max_payload() + 1];
    assert_eq!(code(js.publish("s.a", large).await), Code::MaxPayload);
    assert_eq!(js.client().stats().out_messages, sent, "nothing was sent");
    js.client().close().await;
    assert_eq!(code(publish(&js, &usual()).await), Code::ConnectionClosed);
}

#[tokio::test]
async fn js_publish_10() {
    let server = Server::start(Config::plain()).unwrap();
    let client = dial(&server.url()).await;
    for answer in
        ["", "+OK", "{", "[]", "{}", r#"{"stream":"","seq":1}"#, r#"{"stream":"S","seq":-1}"#]
    {
        assert_eq!(answered(&client, Some(answer)).await, Code::Protocol, "{answer}");
    }
}
