//! Streams and consumers: made, changed, looked at and removed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use nats_core::jetstream::{
    AckPolicy, Compression, ConsumerConfig, DeliverPolicy, GetMessage, InfoOptions, JetStream,
    JetStreamOptions, PurgeOptions, Republish, Storage, StreamConfig, StreamSource,
    SubjectTransform,
};
use nats_core::{Client, Code};
use nats_harness::{Config, Server};
use support::versions::{is_at_least, needs};
use support::*;

async fn start() -> (Server, Client, JetStream) {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    (server, client, js)
}

fn stream(name: &str, subject: &str) -> StreamConfig {
    let (name, subjects) = (name.to_owned(), vec![subject.to_owned()]);
    StreamConfig { name, subjects, storage: Storage::Memory, ..StreamConfig::default() }
}

#[tokio::test]
async fn streams_are_made_changed_listed_and_deleted() {
    let (_server, client, js) = start().await;
    let mut config = StreamConfig {
        description: "orders of customers".into(),
        max_msgs: 1000,
        max_age: Duration::from_secs(3600),
        duplicate_window: Duration::from_secs(60),
        compression: Compression::None,
        allow_direct: true,
        metadata: BTreeMap::from([("team".to_owned(), "sales".to_owned())]),
        ..stream("ORDERS", "orders.>")
    };
    let made = js.create_stream(&config).await.unwrap();
    assert_eq!((made.config.max_msgs, made.config.max_age), (1000, Duration::from_secs(3600)));
    assert_eq!(made.config.metadata["team"], "sales");
    assert_eq!(js.create_stream(&config).await.unwrap().config, made.config, "the same again");
    config.max_msgs = 2000;
    assert_eq!(code(js.create_stream(&config).await), Code::StreamExists);
    // As it came from the server, with all that it has added.
    let mut back = made.config.clone();
    back.max_msgs = 2000;
    assert_eq!(js.update_stream(&back).await.unwrap().config.max_msgs, 2000);
    assert_eq!(js.stream_info("ORDERS").await.unwrap().config.max_msgs, 2000);

    let other = stream("OTHER", "other");
    assert_eq!(code(js.update_stream(&other).await), Code::StreamNotFound);
    js.create_or_update_stream(&other).await.unwrap();
    js.create_or_update_stream(&StreamConfig { max_bytes: 1 << 20, ..other }).await.unwrap();
    let names = js.stream_names(None).unwrap().all().await.unwrap();
    assert_eq!(names, ["ORDERS", "OTHER"]);
    assert_eq!(js.stream_names(Some("orders.1")).unwrap().all().await.unwrap(), ["ORDERS"]);
    let infos = js.streams(Some("other")).unwrap().all().await.unwrap();
    assert_eq!((infos.len(), infos[0].config.max_bytes), (1, 1 << 20));
    assert_eq!(js.stream_by_subject("orders.9").await.unwrap(), "ORDERS");
    assert_eq!(code(js.stream_by_subject("nothing").await), Code::StreamNotFound);

    let account = js.account_info().await.unwrap();
    assert_eq!((account.tier.streams, account.tier.consumers), (2, 0));
    assert!(account.api.total > 5, "{account:?}");
    assert_eq!(account.api.level >= 1, is_at_least(&client, (2, 11)), "{account:?}");

    js.delete_stream("OTHER").await.unwrap();
    assert_eq!(code(js.stream_info("OTHER").await), Code::StreamNotFound);
    let error = js.delete_stream("OTHER").await.unwrap_err();
    assert_eq!(error.api().map(|api| (api.code, api.err_code)), Some((404, 10059)));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (_server, _client, js) = start().await;
    for number in 0..300 {
        js.create_stream(&stream(&format!("S{number:03}"), &format!("s.{number}"))).await.unwrap();
    }
    let names = js.stream_names(None).unwrap().all().await.unwrap();
    let expected: Vec<_> = (0..300).map(|number| format!("S{number:03}")).collect();
    assert_eq!(names, expected);
    let mut page = js.streams(None).unwrap();
    let mut count = 0;
    while let Some(info) = page.next().await.unwrap() {
        assert_eq!(info.config.name, expected[count]);
        count += 1;
    }
    assert_eq!(count, 300);
}

#[tokio::test]
async fn what_a_stream_holds_is_counted_purged_got_and_deleted() {
    let (_server, client, js) = start().await;
    let config = StreamConfig { allow_direct: true, ..stream("S", "s.>") };
    js.create_stream(&config).await.unwrap();
    for number in 1..=10 {
        js.publish(&format!("s.{}", number % 2), format!("{number}")).await.unwrap();
    }
    js.delete_message("S", 4, true).await.unwrap();
    js.delete_message("S", 5, false).await.unwrap();
    assert_eq!(code(js.delete_message("S", 5, true).await), Code::MessageNotFound);
    let all = InfoOptions { subjects_filter: Some(">".into()), deleted_details: true };
    let state = js.stream_info_with("S", &all).await.unwrap().state;
    assert_eq!((state.messages, state.num_deleted, state.deleted), (8, 2, vec![4, 5]));
    assert_eq!(state.subjects, BTreeMap::from([("s.0".to_owned(), 4), ("s.1".to_owned(), 4)]));

    for direct in [false, true] {
        let get = async |which: GetMessage| {
            let got = if direct {
                js.direct_get("S", &which).await
            } else {
                js.get_message("S", &which).await
            };
            got.map(|message| (message.sequence, message.subject, message.payload))
        };
        let is = |number: u64| (number, format!("s.{}", number % 2), number.to_string().into());
        assert_eq!(get(GetMessage::sequence(3)).await.unwrap(), is(3));
        assert_eq!(get(GetMessage::last_of("s.1")).await.unwrap(), is(9));
        assert_eq!(get(GetMessage::last_of("s.*")).await.unwrap(), is(10));
        assert_eq!(get(GetMessage::next_of("s.0", 3)).await.unwrap(), is(6));
        for missing in [GetMessage::sequence(4), GetMessage::last_of("s.7")] {
            assert_eq!(code(get(missing).await), Code::MessageNotFound, "direct: {direct}");
        }
        let both = GetMessage { sequence: Some(1), ..GetMessage::last_of("s.1") };
        assert_eq!(code(get(both).await), Code::InvalidArgument);
        assert_eq!(code(get(GetMessage::default()).await), Code::InvalidArgument);
        assert_eq!(code(get(GetMessage::last_of("s..1")).await), Code::InvalidSubject);
    }

    let filter = PurgeOptions { filter: Some("s.0".into()), ..PurgeOptions::default() };
    assert_eq!(js.purge_stream("S", &filter).await.unwrap(), 4);
    let before = PurgeOptions { before: Some(3), ..PurgeOptions::default() };
    assert_eq!(js.purge_stream("S", &before).await.unwrap(), 1);
    let keep = PurgeOptions { keep: Some(1), ..PurgeOptions::default() };
    // Servers before 2.14 keep the newest place, here that of a message which is gone.
    let kept = u64::from(is_at_least(&client, (2, 14)));
    assert_eq!(js.purge_stream("S", &keep).await.unwrap(), 3 - kept);
    let both = PurgeOptions { before: Some(3), ..keep };
    assert_eq!(code(js.purge_stream("S", &both).await), Code::InvalidArgument);
    assert_eq!(js.purge_stream("S", &PurgeOptions::default()).await.unwrap(), kept);
}

#[tokio::test]
async fn mirrors_sources_transforms_and_republishing() {
    let (_server, client, js) = start().await;
    let config = StreamConfig {
        subject_transform: Some(SubjectTransform { src: "in.*".into(), dest: "kept.$1".into() }),
        republish: Some(Republish { dest: "again.>".into(), ..Republish::default() }),
        ..stream("ORIGIN", "in.*")
    };
    js.create_stream(&config).await.unwrap();
    let source = StreamSource { name: "ORIGIN".into(), ..StreamSource::default() };
    let mirror =
        StreamConfig { subjects: vec![], mirror: Some(source.clone()), ..stream("MIRROR", "") };
    js.create_stream(&mirror).await.unwrap();
    let transformed = StreamSource {
        subject_transforms: vec![SubjectTransform { src: "kept.1".into(), dest: "one".into() }],
        ..source.clone()
    };
    let gathering =
        StreamConfig { subjects: vec![], sources: vec![transformed], ..stream("ALL", "") };
    js.create_stream(&gathering).await.unwrap();
    let again = client.subscribe("again.>").unwrap();
    flush(&client).await;
    for number in 1..=2 {
        js.publish(&format!("in.{number}"), "x").await.unwrap();
    }
    assert_eq!(next(&again).await.subject(), "again.kept.1");
    for (name, subject) in [("MIRROR", "kept.1"), ("ALL", "one")] {
        let arrived = async { while js.stream_info(name).await.unwrap().state.messages == 0 {} };
        within("the copy", arrived).await;
        assert_eq!(js.get_message(name, &GetMessage::sequence(1)).await.unwrap().subject, subject);
    }
    assert_eq!(js.stream_info("MIRROR").await.unwrap().mirror.unwrap().name, "ORIGIN");
    assert_eq!(js.stream_info("ALL").await.unwrap().sources[0].name, "ORIGIN");
    let twice = StreamSource { domain: "hub".into(), external: Some(Default::default()), ..source };
    let twice = StreamConfig { sources: vec![twice], ..stream("TWICE", "") };
    assert_eq!(code(js.create_stream(&twice).await), Code::InvalidArgument);
}

#[tokio::test]
async fn consumers_are_made_changed_listed_paused_and_deleted() {
    let (_server, client, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    let config = ConsumerConfig {
        durable_name: "worker".into(),
        description: "does it".into(),
        ack_wait: Duration::from_secs(5),
        backoff: vec![Duration::from_secs(5), Duration::from_secs(6)],
        max_deliver: 4,
        filter_subject: "s.1".into(),
        ..ConsumerConfig::default()
    };
    let made = js.create_consumer("S", &config).await.unwrap();
    assert_eq!((made.name.as_str(), made.stream_name.as_str()), ("worker", "S"));
    assert_eq!(made.config.ack_policy, AckPolicy::Explicit);
    assert_eq!(made.config.backoff, config.backoff);
    js.create_consumer("S", &config).await.unwrap();
    let changed = ConsumerConfig { description: "does it well".into(), ..config.clone() };
    assert_eq!(code(js.create_consumer("S", &changed).await), Code::ConsumerExists);
    let updated = js.update_consumer("S", &changed).await.unwrap();
    assert_eq!(updated.config.description, "does it well");
    let absent = ConsumerConfig { durable_name: "absent".into(), ..ConsumerConfig::default() };
    assert_eq!(code(js.update_consumer("S", &absent).await), Code::ConsumerNotFound);
    js.create_or_update_consumer("S", &absent).await.unwrap();
    let several = ConsumerConfig {
        filter_subjects: vec!["s.1".into(), "s.2".into()],
        deliver_policy: DeliverPolicy::LastPerSubject,
        ..ConsumerConfig::default()
    };
    let named = js.create_consumer("S", &several).await.unwrap();
    assert_eq!(named.config.filter_subjects, several.filter_subjects);
    assert!(named.name.len() > 8 && named.config.durable_name.is_empty());
    let names = js.consumer_names("S").unwrap().all().await.unwrap();
    assert_eq!(names.len(), 3);
    let infos = js.consumers("S").unwrap().all().await.unwrap();
    assert_eq!(
        infos.iter().map(|info| &info.name).collect::<Vec<_>>(),
        names.iter().collect::<Vec<_>>()
    );

    let paused = js.pause_consumer("S", "worker", "2100-01-01T00:00:00Z").await;
    if let Some(paused) = needs(&client, (2, 11), paused) {
        let long = Duration::from_secs(86_400);
        assert!(paused.paused && paused.pause_remaining > long, "{paused:?}");
        assert!(js.consumer_info("S", "worker").await.unwrap().paused);
        assert!(!js.resume_consumer("S", "worker").await.unwrap().paused);
    }
    for number in 1..=3 {
        js.publish("s.1", format!("{number}")).await.unwrap();
    }
    let reset = js.reset_consumer("S", "worker", Some(3)).await;
    if let Some(reset) = needs(&client, (2, 14), reset) {
        assert_eq!(reset.num_pending, 1);
    }

    js.delete_consumer("S", "worker").await.unwrap();
    assert_eq!(code(js.consumer_info("S", "worker").await), Code::ConsumerNotFound);
    assert_eq!(code(js.delete_consumer("S", "worker").await), Code::ConsumerNotFound);
    assert_eq!(code(js.consumer_info("NONE", "x").await), Code::StreamNotFound);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_it_is_sent() {
    let (_server, _client, js) = start().await;
    for bad in ["", "a.b", "a b", "a*", "a>", "a/b", &"x".repeat(256)] {
        assert_eq!(code(js.create_stream(&stream(bad, "s")).await), Code::InvalidName, "{bad}");
        assert_eq!(code(js.stream_info(bad).await), Code::InvalidName);
        assert_eq!(code(js.delete_stream(bad).await), Code::InvalidName);
        assert_eq!(code(js.consumer_info("S", bad).await), Code::InvalidName);
        assert_eq!(code(js.pull("S", bad)), Code::InvalidName);
        let named = ConsumerConfig { name: bad.into(), ..ConsumerConfig::default() };
        if !bad.is_empty() {
            assert_eq!(code(js.create_consumer("S", &named).await), Code::InvalidName);
        }
    }
    let base = ConsumerConfig { name: "c".into(), ..ConsumerConfig::default() };
    for config in [
        ConsumerConfig { durable_name: "d".into(), ..base.clone() },
        ConsumerConfig {
            filter_subject: "a".into(),
            filter_subjects: vec!["b".into()],
            ..base.clone()
        },
        ConsumerConfig { opt_start_seq: 5, ..base.clone() },
        ConsumerConfig { deliver_policy: DeliverPolicy::ByStartTime, ..base.clone() },
        ConsumerConfig { deliver_group: "g".into(), ..base.clone() },
    ] {
        assert_eq!(code(js.create_consumer("S", &config).await), Code::InvalidArgument);
    }
    let config = ConsumerConfig { filter_subject: "a b".into(), ..base };
    assert_eq!(code(js.create_consumer("S", &config).await), Code::InvalidSubject);
    assert_eq!(
        code(js.create_consumer("NONE", &ConsumerConfig::default()).await),
        Code::StreamNotFound
    );
}

#[tokio::test]
async fn ways_to_the_api() {
    let lines = "jetstream { domain: hub }";
    let server = Server::start(Config::jetstream().with(lines)).unwrap();
    let client = dial(&server.url()).await;
    let traced = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&traced);
    let options = JetStreamOptions {
        domain: Some("hub".into()),
        trace: Some(std::sync::Arc::new(move |subject, bytes| {
            seen.lock().unwrap().push((subject.to_owned(), bytes.len()));
        })),
        ..JetStreamOptions::default()
    };
    let js = client.jetstream_with(options).unwrap();
    assert_eq!(js.api_prefix(), "$JS.hub.API.");
    js.create_stream(&stream("S", "s")).await.unwrap();
    assert_eq!(js.account_info().await.unwrap().domain, "hub");
    let traced = traced.lock().unwrap().clone();
    assert_eq!(traced.len(), 4);
    assert_eq!(traced[0].0, "$JS.hub.API.STREAM.CREATE.S");
    let prefix = |api_prefix: &str| JetStreamOptions {
        api_prefix: api_prefix.into(),
        ..JetStreamOptions::default()
    };
    let js = client.jetstream_with(prefix("$JS.hub.API")).unwrap();
    assert_eq!(js.stream_info("S").await.unwrap().config.name, "S");
    for bad in ["", "a b", "a.*", "a..b"] {
        assert_eq!(code(client.jetstream_with(prefix(bad))), Code::InvalidOption, "{bad:?}");
    }
    let both = JetStreamOptions { domain: Some("d".into()), ..prefix("x") };
    assert_eq!(code(client.jetstream_with(both)), Code::InvalidOption);
    let elsewhere = JetStreamOptions { domain: Some("none".into()), ..JetStreamOptions::default() };
    let elsewhere = client.jetstream_with(elsewhere).unwrap();
    assert_eq!(code(elsewhere.account_info().await), Code::JetStreamNotEnabled);
}

#[tokio::test]
async fn servers_and_accounts_without_jetstream() {
    let server = plain();
    let js = dial(&server.url()).await.jetstream();
    assert_eq!(code(js.account_info().await), Code::JetStreamNotEnabled);
    assert_eq!(code(js.create_stream(&stream("S", "s")).await), Code::JetStreamNotEnabled);
    let lines = "accounts { A: { users: [{user: a, password: a}] } }";
    let server = Server::start(Config::jetstream().with(lines)).unwrap();
    let client = options(&server.url()).user_and_password("a", "a").connect().await.unwrap();
    assert_eq!(code(client.jetstream().account_info().await), Code::JetStreamNotEnabled);
}

/// Whether a file below the folder has these bytes.
fn is_on_disk(folder: &std::path::Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_on_disk(&path, bytes);
        }
        // Files may go meanwhile.
        let content = std::fs::read(path).unwrap_or_default();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[tokio::test]
async fn erased_messages_are_overwritten_on_disk() {
    let (server, _client, js) = start().await;
    js.create_stream(&StreamConfig { storage: Storage::File, ..stream("S", "s.>") }).await.unwrap();
    let folder = server.log_path().parent().unwrap().join("jetstream");
    for (text, erase) in [("planted-and-erased", true), ("planted-and-left", false)] {
        let sequence = js.publish("s.1", text).await.unwrap().seq;
        js.publish("s.2", "behind it").await.unwrap();
        let written = async {
            while !is_on_disk(&folder, text.as_bytes()) {
                tokio::task::yield_now().await;
            }
        };
        within("the message on disk", written).await;
        js.delete_message("S", sequence, erase).await.unwrap();
        assert_eq!(is_on_disk(&folder, text.as_bytes()), !erase, "{text}");
    }
}
