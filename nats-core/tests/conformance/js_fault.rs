//! What JetStream refuses, and what is refused before it is asked.

use std::time::Duration;

use nats_core::jetstream::{
    AckKind, ConsumeOptions, ConsumerConfig, DeliverPolicy, Discard, FetchOptions, GetMessage,
    InfoOptions, JetStream, JetStreamOptions, JsMessage, PublishOptions, PurgeOptions, Storage,
    StreamConfig, StreamSource,
};
use nats_core::{Client, Code, Publish};
use nats_harness::{Config, Server};

use super::support::fake_js::*;
use super::support::*;

pub(super) async fn start() -> (Server, Client, JetStream) {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    (server, client, js)
}

pub(super) fn stream(name: &str, subject: &str) -> StreamConfig {
    let (name, subjects) = (name.to_owned(), vec![subject.to_owned()]);
    StreamConfig { name, subjects, storage: Storage::Memory, ..StreamConfig::default() }
}

pub(super) fn worker() -> ConsumerConfig {
    ConsumerConfig { durable_name: "worker".into(), ..ConsumerConfig::default() }
}

/// A server with a stream in memory, two messages in it, and a consumer.
pub(super) async fn filled() -> (Server, Client, JetStream) {
    let (server, client, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    js.create_consumer("S", &worker()).await.unwrap();
    for text in ["1", "2"] {
        js.publish("s.a", text).await.unwrap();
    }
    (server, client, js)
}

#[tokio::test]
async fn js_fault_01() {
    // A fake server, to see that nothing is sent.
    let fake = FakeJs::start(vec![]).await;
    let js = &fake.js;
    let long = "x".repeat(256);
    for bad in [
        "", "a.b", ".", "a b", "a\tb", "a\r\nb", "a\0b", "a*", "*", "a>", ">", "a/b", "a\\b", &long,
    ] {
        let named = ConsumerConfig { name: bad.into(), ..ConsumerConfig::default() };
        let durable = ConsumerConfig { durable_name: bad.into(), ..ConsumerConfig::default() };
        let mut refused = vec![
            js.create_stream(&stream(bad, "s")).await.unwrap_err(),
            js.update_stream(&stream(bad, "s")).await.unwrap_err(),
            js.stream_info(bad).await.unwrap_err(),
            js.purge_stream(bad, &PurgeOptions::default()).await.unwrap_err(),
            js.get_message(bad, &GetMessage::sequence(1)).await.unwrap_err(),
            js.direct_get(bad, &GetMessage::sequence(1)).await.unwrap_err(),
            js.delete_message(bad, 1, true).await.unwrap_err(),
            js.delete_stream(bad).await.unwrap_err(),
            js.create_consumer(bad, &worker()).await.unwrap_err(),
            js.consumer_info(bad, "c").await.unwrap_err(),
            js.consumer_info("S", bad).await.unwrap_err(),
            js.delete_consumer("S", bad).await.unwrap_err(),
            js.pull(bad, "c").unwrap_err(),
            js.pull("S", bad).unwrap_err(),
            js.consumer_names(bad).unwrap_err(),
        ];
        // Without a name a consumer gets one.
        if !bad.is_empty() {
            refused.push(js.create_consumer("S", &named).await.unwrap_err());
            refused.push(js.create_consumer("S", &durable).await.unwrap_err());
        }
        for error in refused {
            assert_eq!(error.code(), Code::InvalidName, "{bad:?}: {error}");
            let shown: String = bad.escape_debug().take(64).collect();
            assert!(error.text().contains(&shown) && error.text().len() < 200, "{error}");
            assert!(!error.text().contains(['\r', '\n', '\0']), "{error:?}");
        }
    }
    fake.expect_alive().await;
    assert_eq!(fake.requests(), 0);
}

#[tokio::test]
async fn js_fault_02() {
    let fake = FakeJs::start(vec![]).await;
    let js = &fake.js;
    for bad in ["a..b", ".a", "a.", "a b", "a\r\nPUB x 0"] {
        let filter = Some(bad.to_owned());
        let purge = PurgeOptions { filter: filter.clone(), ..PurgeOptions::default() };
        let info = InfoOptions { subjects_filter: filter, deleted_details: false };
        let consumer = ConsumerConfig { filter_subject: bad.into(), ..ConsumerConfig::default() };
        let several = ConsumerConfig { filter_subjects: vec!["ok".into(), bad.into()], ..worker() };
        for error in [
            js.publish(bad, "x").await.unwrap_err(),
            js.purge_stream("S", &purge).await.unwrap_err(),
            js.stream_info_with("S", &info).await.unwrap_err(),
            js.create_consumer("S", &consumer).await.unwrap_err(),
            js.create_consumer("S", &several).await.unwrap_err(),
            js.stream_names(Some(bad)).unwrap_err(),
            js.streams(Some(bad)).unwrap_err(),
            js.stream_by_subject(bad).await.unwrap_err(),
            js.get_message("S", &GetMessage::last_of(bad)).await.unwrap_err(),
            js.direct_get("S", &GetMessage::next_of(bad, 1)).await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::InvalidSubject, "{bad:?}: {error}");
        }
    }
    for bad in ["a.*", ">"] {
        assert_eq!(code(js.publish(bad, "x").await), Code::InvalidSubject, "{bad}: no wildcards");
    }
    fake.expect_alive().await;
    assert_eq!(fake.requests(), 0);
}

#[tokio::test]
async fn js_fault_04() {
    let fake = FakeJs::start(vec![]).await;
    let js = &fake.js;
    let both = PurgeOptions { before: Some(1), keep: Some(1), ..PurgeOptions::default() };
    let error = js.purge_stream("S", &both).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.text().contains("before and keep"), "{error}");
    let base = ConsumerConfig { name: "c".into(), ..ConsumerConfig::default() };
    let by_sequence = DeliverPolicy::ByStartSequence;
    for (config, named) in [
        (ConsumerConfig { durable_name: "d".into(), ..base.clone() }, "durable_name"),
        (
            ConsumerConfig {
                filter_subject: "a".into(),
                filter_subjects: vec!["b".into()],
                ..base.clone()
            },
            "filter_subjects",
        ),
        (ConsumerConfig { opt_start_seq: 5, ..base.clone() }, "opt_start_seq"),
        (ConsumerConfig { deliver_policy: by_sequence, ..base.clone() }, "opt_start_seq"),
        (
            ConsumerConfig { deliver_policy: DeliverPolicy::ByStartTime, ..base.clone() },
            "opt_start_time",
        ),
        (ConsumerConfig { deliver_group: "g".into(), ..base.clone() }, "deliver_group"),
    ] {
        let error = js.create_consumer("S", &config).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert!(error.text().contains(named), "{error}");
    }
    let source = StreamSource { name: "T".into(), domain: "hub".into(), ..StreamSource::default() };
    let twice = StreamSource { external: Some(Default::default()), ..source };
    let config = StreamConfig { sources: vec![twice], ..stream("S", "s") };
    assert_eq!(code(js.create_stream(&config).await), Code::InvalidArgument);
    let several = GetMessage { sequence: Some(1), ..GetMessage::last_of("s") };
    assert_eq!(code(js.get_message("S", &several).await), Code::InvalidArgument);
    assert_eq!(code(js.get_message("S", &GetMessage::default()).await), Code::InvalidArgument);
    let ttl = PublishOptions { ttl: Some(SHORT), ..PublishOptions::default() };
    let error = js.publish_with(&Publish::new("s", b""), &ttl).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    let both = JetStreamOptions {
        domain: Some("hub".into()),
        api_prefix: "$JS.other.API".into(),
        ..JetStreamOptions::default()
    };
    assert_eq!(code(fake.client.jetstream_with(both)), Code::InvalidOption);
    let pull = js.pull("S", "c").unwrap();
    for (options, named) in [
        (FetchOptions { max_messages: 0, ..FetchOptions::default() }, "max_messages"),
        (FetchOptions { expires: Duration::ZERO, ..FetchOptions::default() }, "expires"),
        (FetchOptions { heartbeat: Some(FOREVER), ..FetchOptions::default() }, "heartbeat"),
        (FetchOptions { priority: 10, ..FetchOptions::default() }, "priority"),
    ] {
        let error = pull.fetch(&options).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert!(error.text().contains(named), "{error}");
    }
    let options = ConsumeOptions { threshold: Some(500), ..ConsumeOptions::default() };
    assert_eq!(code(pull.messages(&options).map(drop)), Code::InvalidArgument);
    fake.expect_alive().await;
    assert_eq!(fake.requests(), 0);
}

#[tokio::test]
async fn js_fault_06() {
    let server = plain();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    assert_eq!(code(js.account_info().await), Code::JetStreamNotEnabled);
    let error = js.create_stream(&stream("S", "s")).await.unwrap_err();
    assert_eq!(error.code(), Code::JetStreamNotEnabled);
    assert!(error.text().contains("$JS.API.STREAM.CREATE.S"), "{error}");
    assert_eq!(code(js.stream_names(None).unwrap().all().await), Code::JetStreamNotEnabled);
    let once = PublishOptions { retries: 0, ..PublishOptions::default() };
    let publish = Publish::new("s.a", b"x");
    assert_eq!(code(js.publish_with(&publish, &once).await), Code::NoResponders);
    let fetch = js.pull("S", "worker").unwrap().fetch(&FetchOptions::default()).unwrap();
    assert_eq!(code(within("the end", fetch.all()).await), Code::NoResponders);
    flush(&client).await;
}

#[tokio::test]
async fn js_fault_07() {
    let accounts = "accounts { A: {users: [{user: a, password: a}]}, \
                    B: {jetstream: enabled, users: [{user: b, password: b}]} }";
    let server = Server::start(Config::jetstream().with(accounts)).unwrap();
    let with = async |user: &str| dial(&format!("nats://{user}:{user}@{}", server.address())).await;
    let (without, enabled) = (with("a").await, with("b").await);
    let error = without.jetstream().account_info().await.unwrap_err();
    assert_eq!(error.code(), Code::JetStreamNotEnabled, "{error}");
    assert_eq!(error.api().map(|api| api.err_code), Some(10039), "{error}");
    let error = without.jetstream().create_stream(&stream("S", "s")).await.unwrap_err();
    assert_eq!(error.code(), Code::JetStreamNotEnabled, "{error}");
    enabled.jetstream().create_stream(&stream("S", "s")).await.unwrap();
}

#[tokio::test]
async fn js_fault_13() {
    let (_server, _client, js) = filled().await;
    let mirror = StreamSource { name: "S".into(), ..StreamSource::default() };
    let with_subjects = StreamConfig { mirror: Some(mirror), ..stream("M", "m") };
    let moved = StreamConfig { storage: Storage::File, ..stream("S", "s.>") };
    let pushed = ConsumerConfig { max_waiting: 5, deliver_subject: "p".into(), ..worker() };
    for (what, error, expected, name) in [
        ("missing", js.stream_info("NONE").await.unwrap_err(), 404, "STREAM_NOT_FOUND"),
        ("missing", js.consumer_info("S", "none").await.unwrap_err(), 404, "CONSUMER_NOT_FOUND"),
        (
            "missing",
            js.get_message("S", &GetMessage::sequence(99)).await.unwrap_err(),
            404,
            "NO_MESSAGE_FOUND",
        ),
        (
            "overlap",
            js.create_stream(&stream("T", "s.a")).await.unwrap_err(),
            400,
            "STREAM_SUBJECT_OVERLAP",
        ),
        (
            "another configuration",
            js.create_stream(&stream("S", "other")).await.unwrap_err(),
            400,
            "STREAM_NAME_EXIST",
        ),
        (
            "a mirror with subjects",
            js.create_stream(&with_subjects).await.unwrap_err(),
            400,
            "MIRROR_WITH_SUBJECTS",
        ),
        (
            "what cannot be changed",
            js.update_stream(&moved).await.unwrap_err(),
            500,
            "STREAM_INVALID_CONFIG",
        ),
        (
            "push with max_waiting",
            js.create_consumer("S", &pushed).await.unwrap_err(),
            400,
            "CONSUMER_PUSH_MAX_WAITING",
        ),
        (
            "cannot be replicated",
            js.create_stream(&StreamConfig { num_replicas: 3, ..stream("R", "r") })
                .await
                .unwrap_err(),
            500,
            "STREAM_REPLICAS_NOT_SUPPORTED",
        ),
    ] {
        let api = error.api().unwrap_or_else(|| panic!("{what}: {error}"));
        assert_eq!(api.code, expected, "{what}: {error}");
        let named = nats_core::jetstream::err_code_name(api.err_code);
        assert_eq!(named, Some(name), "{what}: {error}");
        assert!(!api.description.is_empty() && error.text().contains(&api.description), "{error}");
        assert!(error.text().contains(name), "{error}");
    }
}

#[tokio::test]
async fn js_fault_16() {
    let (_server, client, js) = filled().await;
    // The first try and two more; who listens on it sees them.
    let others = client.subscribe("$JS.EVENT.ADVISORY.>").unwrap();
    let hasty = PublishOptions { retry_wait: Duration::from_millis(1), ..Default::default() };
    let before = client.stats().out_messages;
    let error = js.publish_with(&Publish::new("nobody", b"x"), &hasty).await.unwrap_err();
    assert_eq!(error.code(), Code::NoResponders);
    assert!(error.text().contains("nobody"), "{error}");
    assert_eq!(client.stats().out_messages - before, 3);
    // One that somebody else answers is none that a stream has stored.
    let answering = client.subscribe("plain").unwrap();
    let asking = tokio::spawn(async move { js.publish("plain", "x").await });
    let asked = next(&answering).await;
    asked.respond("thank you").await.unwrap();
    assert_eq!(code(within("the publish", asking).await.unwrap()), Code::Protocol);
    drop(others);
}

#[tokio::test]
async fn js_fault_17() {
    let (_server, _client, js) = start().await;
    let full = StreamConfig {
        max_msgs: 1,
        max_msg_size: 100,
        discard: Discard::New,
        ..stream("FULL", "full")
    };
    js.create_stream(&full).await.unwrap();
    js.publish("full", "x").await.unwrap();
    let error = js.publish("full", "y").await.unwrap_err();
    assert_eq!(error.code(), Code::JetStream, "{error}");
    assert_eq!(error.api().map(|api| api.err_code), Some(10077), "{error}");
    let error = js.publish("full", "x".repeat(101)).await.unwrap_err();
    assert_eq!(error.api().map(|api| api.err_code), Some(10054), "{error}");
    let expecting = PublishOptions { expected_stream: Some("OTHER".into()), ..Default::default() };
    let error = js.publish_with(&Publish::new("full", b"z"), &expecting).await.unwrap_err();
    assert_eq!(error.api().map(|api| api.err_code), Some(10060), "{error}");
    let sealed = StreamConfig { sealed: true, ..full };
    js.update_stream(&sealed).await.unwrap();
    let error = js.publish("full", "y").await.unwrap_err();
    assert_eq!(error.api().map(|api| api.err_code), Some(10109), "{error}");
    assert_eq!(js.stream_info("FULL").await.unwrap().state.messages, 1);
}

#[tokio::test]
async fn js_fault_20() {
    let (_server, client, js) = filled().await;
    let message = js.pull("S", "worker").unwrap().next(PATIENCE).await.unwrap().unwrap();
    message.double_ack(PATIENCE).await.unwrap();
    for kind in [AckKind::Ack, AckKind::Nak(None), AckKind::InProgress, AckKind::Term(None)] {
        assert_eq!(code(message.ack_with(kind).await), Code::AlreadyAcked);
        assert_eq!(code(message.ack_now(kind)), Code::AlreadyAcked);
    }
    assert_eq!(code(message.double_ack(PATIENCE).await), Code::AlreadyAcked);
    assert_eq!(code(JsMessage::ack_all([&message]).await), Code::AlreadyAcked);
    assert_eq!(js.consumer_info("S", "worker").await.unwrap().ack_floor.stream_seq, 1);
    let plain = client.subscribe("plain").unwrap();
    publish(&client, "plain", "x").await;
    let reply = next(&plain).await.reply().unwrap_or_default().to_owned();
    let parsed = nats_core::jetstream::Metadata::parse(&reply);
    assert_eq!(code(parsed), Code::NotJetStream);
}
