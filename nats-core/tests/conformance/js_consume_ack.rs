use std::time::{Duration, Instant, SystemTime};

use nats_core::jetstream::{AckKind, ConsumerConfig, JsMessage};
use nats_core::{Client, Code, Publish};
use nats_harness::{Config, Server};

use super::support::streams::{many, now, one, start, store, stream, worker};
use super::support::versions::is_at_least;
use super::support::*;

const MOMENT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn js_consume_39() {
    let (_server, _client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    store(&js, 1..=4).await;
    let messages = pull.fetch(&many(4)).unwrap().all().await.unwrap();
    let [acked, refused, later, never] = messages.as_slice() else { panic!("four messages") };
    acked.ack().await.unwrap();
    never.ack_with(AckKind::Term(None)).await.unwrap();
    refused.ack_with(AckKind::Nak(None)).await.unwrap();
    let begin = Instant::now();
    later.ack_with(AckKind::Nak(Some(MOMENT * 2))).await.unwrap();
    for expected in ["2", "3"] {
        let again = within("the message", pull.next(PATIENCE)).await.unwrap().unwrap();
        assert_eq!(text(&again), expected);
        assert_eq!(again.metadata().unwrap().delivered, 2);
        again.double_ack(PATIENCE).await.unwrap();
    }
    assert!(begin.elapsed() >= MOMENT * 2 - MOMENT / 10, "{:?}", begin.elapsed());
    assert!(pull.fetch(&now()).unwrap().all().await.unwrap().is_empty());
    assert_eq!(pull.info().await.unwrap().num_ack_pending, 0);
}

#[tokio::test]
async fn js_consume_40() {
    let (_server, _client, js) = start().await;
    let ack_wait = MOMENT * 2;
    let pull = worker(&js, ConsumerConfig { ack_wait, ..Default::default() }).await;
    store(&js, 1..=1).await;
    let first = pull.next(PATIENCE).await.unwrap().unwrap();
    let begin = Instant::now();
    let mut pace = tokio::time::interval(MOMENT / 4);
    while begin.elapsed() < ack_wait * 3 {
        pace.tick().await;
        first.ack_with(AckKind::InProgress).await.unwrap();
    }
    let again = within("the message", pull.fetch(&one(PATIENCE)).unwrap().next()).await;
    let again = again.unwrap().unwrap();
    assert_eq!(again.metadata().unwrap().delivered, 2, "once more, when work has stopped");
    again.double_ack(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn js_consume_41() {
    let (_server, client, js) = start().await;
    let subject = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.S.worker";
    let advisories = client.subscribe(subject).unwrap();
    let pull = worker(&js, ConsumerConfig::default()).await;
    store(&js, 1..=1).await;
    let message = pull.next(PATIENCE).await.unwrap().unwrap();
    message.ack_with(AckKind::Term(Some("no such customer"))).await.unwrap();
    let advisory = next_text(&advisories).await;
    assert!(advisory.contains("\"reason\":\"no such customer\""), "{advisory}");
}

#[tokio::test]
async fn js_consume_42() {
    let (_server, _client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    store(&js, 1..=10).await;
    for message in pull.fetch(&many(10)).unwrap().all().await.unwrap() {
        let before = pull.info().await.unwrap().num_ack_pending;
        message.double_ack(PATIENCE).await.unwrap();
        assert_eq!(pull.info().await.unwrap().num_ack_pending, before - 1);
    }
}

#[tokio::test]
async fn js_consume_43() {
    let (_server, client, js) = start().await;
    let config = ConsumerConfig { max_ack_pending: -1, ..ConsumerConfig::default() };
    let pull = worker(&js, config).await;
    for _ in 0..1000 {
        publish(&client, "s.n", "").await;
    }
    let messages = within("all", pull.fetch(&many(1000)).unwrap().all()).await.unwrap();
    JsMessage::ack_all(&messages).await.unwrap();
    assert!(messages.iter().all(JsMessage::is_acked));
    let noted = async { while pull.info().await.unwrap().num_ack_pending > 0 {} };
    within("the acknowledgements", noted).await;
    assert_eq!(pull.info().await.unwrap().ack_floor.stream_seq, 1000);
}

#[tokio::test]
async fn js_consume_44() {
    let (_server, _client, js) = start().await;
    let pull = worker(&js, ConsumerConfig::default()).await;
    store(&js, 1..=2).await;
    let messages = pull.fetch(&many(2)).unwrap().all().await.unwrap();
    for _ in 0..3 {
        messages[0].ack_with(AckKind::InProgress).await.unwrap();
    }
    messages[0].ack().await.unwrap();
    messages[1].double_ack(PATIENCE).await.unwrap();
    for message in &messages {
        for kind in [AckKind::Ack, AckKind::Nak(None), AckKind::InProgress, AckKind::Term(None)] {
            assert_eq!(code(message.ack_with(kind).await), Code::AlreadyAcked);
        }
        assert_eq!(code(message.double_ack(PATIENCE).await), Code::AlreadyAcked);
    }
    assert_eq!(code(JsMessage::ack_all(&messages).await), Code::AlreadyAcked);
}

#[tokio::test]
async fn js_consume_45() {
    let (_server, client, _js) = start().await;
    let subscription = client.subscribe("plain").unwrap();
    let question = Publish::new("plain", b"x").reply("_INBOX.somewhere");
    client.publish_with(&question).await.unwrap();
    publish(&client, "plain", "without a reply subject").await;
    for _ in 0..2 {
        let message = next(&subscription).await;
        let message = JsMessage::new(message, &client);
        assert_eq!(code(message.metadata()), Code::NotJetStream);
        for kind in [AckKind::Ack, AckKind::Nak(None), AckKind::InProgress, AckKind::Term(None)] {
            assert_eq!(code(message.ack_with(kind).await), Code::NotJetStream);
        }
        assert_eq!(code(message.double_ack(PATIENCE).await), Code::NotJetStream);
    }
}

async fn check_metadata(js: &nats_core::jetstream::JetStream, domain: Option<&str>) {
    let before = SystemTime::now();
    store(js, 1..=2).await;
    // A consumer that is there hears of new messages with a delay, and counts them only then.
    let pull = worker(js, ConsumerConfig::default()).await;
    let first = pull.next(PATIENCE).await.unwrap().unwrap();
    assert_eq!(first.metadata().unwrap().pending, 1);
    first.double_ack(PATIENCE).await.unwrap();
    let second = pull.next(PATIENCE).await.unwrap().unwrap();
    second.ack_with(AckKind::Nak(None)).await.unwrap();
    let again = within("the message", pull.next(PATIENCE)).await.unwrap().unwrap();
    let metadata = again.metadata().unwrap();
    assert_eq!((metadata.stream, metadata.consumer), ("S", "worker"));
    assert_eq!((metadata.stream_sequence, metadata.consumer_sequence), (2, 3));
    assert_eq!((metadata.delivered, metadata.pending), (2, 0));
    assert!((before..=SystemTime::now()).contains(&metadata.timestamp()));
    assert_eq!(metadata.domain, domain);
    assert_eq!(metadata.account_hash.is_some(), domain.is_some());
    again.double_ack(PATIENCE).await.unwrap();
    let info = pull.info().await.unwrap();
    assert_eq!((info.ack_floor.stream_seq, info.num_ack_pending), (2, 0));
}

#[tokio::test]
async fn js_consume_46() {
    let (_server, _client, js) = start().await;
    check_metadata(&js, None).await;
}

#[tokio::test]
async fn js_consume_47() {
    let domain = "jetstream {domain: hub}";
    let server = Server::start(Config::plain().with(domain)).unwrap();
    let client: Client = dial(&server.url()).await;
    if !is_at_least(&client, (2, 14)) {
        println!("not supported: acknowledgements with the domain needs server 2.14");
        return;
    }
    drop(server);
    let lines = format!("{domain}\nfeature_flags {{js_ack_fc_v2: true}}");
    let server = Server::start(Config::plain().with(&lines)).unwrap();
    let client: Client = dial(&server.url()).await;
    let js = client.jetstream();
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    check_metadata(&js, Some("hub")).await;
}
