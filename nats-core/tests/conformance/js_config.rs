use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nats_core::Code;
use nats_core::auth::{AccountClaims, Credentials, KeyKind, KeyPair, UserClaims};
use nats_harness::{Config, Server};
use serde_json::{Value, json};

use super::js::*;
use super::support::versions::{lacks, needs};
use super::support::*;

/// Makes a stream, and compares what the server tells of it with what was sent.
async fn comes_back(js: &JetStream, config: &StreamConfig) {
    let made = js.create_stream(config).await.unwrap();
    compare(js, config, &made).await;
}

/// The same with what only servers of this version have.
async fn newer_comes_back(js: &JetStream, version: (u32, u32), config: &StreamConfig) {
    if let Some(made) = needs(js.client(), version, js.create_stream(config).await) {
        compare(js, config, &made).await;
    }
}

async fn compare(js: &JetStream, config: &StreamConfig, made: &StreamInfo) {
    let told = js.stream_info(&config.name).await.unwrap();
    assert_eq!(made.config, told.config);
    assert!(told.config.extra.is_empty(), "{:?}", told.config.extra);
    let mut told = told.config;
    // What the server has added: its own metadata, and defaults in place of nothing.
    told.metadata.retain(|key, _| !key.starts_with("_nats."));
    for (limit, sent) in [
        (&mut told.max_consumers, config.max_consumers),
        (&mut told.max_msgs, config.max_msgs),
        (&mut told.max_bytes, config.max_bytes),
        (&mut told.max_msgs_per_subject, config.max_msgs_per_subject),
        (&mut told.max_msg_size, config.max_msg_size),
    ] {
        assert_eq!(*limit, if sent == 0 { -1 } else { sent });
        *limit = sent;
    }
    if config.duplicate_window.is_zero() {
        told.duplicate_window = Duration::ZERO;
    }
    told.num_replicas = told.num_replicas.min(config.num_replicas);
    assert_eq!(&told, config);
}

#[tokio::test]
async fn js_manage_30() {
    let lines = "server_tags: [\"ssd\"]";
    let server = Server::start(Config::jetstream().with(lines)).unwrap();
    let js = dial(&server.url()).await.jetstream();
    let second = Duration::from_secs(1);
    let config = StreamConfig {
        description: "all of it".into(),
        retention: Retention::Interest,
        max_consumers: 10,
        max_msgs: 1000,
        max_bytes: 1 << 20,
        discard: Discard::New,
        discard_new_per_subject: true,
        max_age: 3600 * second,
        max_msgs_per_subject: 20,
        max_msg_size: 4096,
        storage: Storage::File,
        num_replicas: 1,
        no_ack: true,
        duplicate_window: 60 * second,
        placement: Some(Placement { tags: vec!["ssd".into()], ..Placement::default() }),
        deny_delete: true,
        deny_purge: true,
        compression: Compression::S2,
        first_seq: 100,
        consumer_limits: Some(ConsumerLimits {
            inactive_threshold: 600 * second,
            max_ack_pending: 50,
        }),
        metadata: BTreeMap::from([("team".into(), "sales".into())]),
        ..stream("S", "s.>")
    };
    comes_back(&js, &config).await;
    let queue = StreamConfig { retention: Retention::WorkQueue, ..stream("Q", "q.>") };
    comes_back(&js, &queue).await;
    let sealed = StreamConfig { sealed: true, ..js.stream_info("Q").await.unwrap().config };
    assert!(js.update_stream(&sealed).await.unwrap().config.sealed);
}

#[tokio::test]
async fn js_manage_31() {
    let (_server, js) = start().await;
    let ttl = StreamConfig {
        allow_msg_ttl: true,
        subject_delete_marker_ttl: Duration::from_secs(60),
        allow_rollup_hdrs: true,
        deny_purge: false,
        ..stream("TTL", "ttl.>")
    };
    newer_comes_back(&js, (2, 11), &ttl).await;
    let all = StreamConfig {
        allow_msg_schedules: true,
        allow_atomic: true,
        allow_batched: true,
        ..StreamConfig { name: "ALL".into(), subjects: vec!["all.>".into()], ..ttl }
    };
    newer_comes_back(&js, (2, 14), &all).await;
    let count = StreamConfig { allow_msg_counter: true, ..stream("COUNT", "c.>") };
    newer_comes_back(&js, (2, 12), &count).await;
    let fast = StreamConfig {
        persist_mode: PersistMode::Async,
        storage: Storage::File,
        ..stream("FAST", "fast.>")
    };
    newer_comes_back(&js, (2, 12), &fast).await;
}

fn source(name: &str) -> StreamSource {
    StreamSource { name: name.into(), ..StreamSource::default() }
}

#[tokio::test]
async fn js_manage_32() {
    let (_server, js) = start().await;
    js.create_stream(&stream("ORIGIN", "o.>")).await.unwrap();
    store(&js, 1..=5, |_| "o.a".into()).await;
    let mirror = StreamConfig {
        subjects: vec![],
        mirror: Some(StreamSource { opt_start_seq: 3, ..source("ORIGIN") }),
        mirror_direct: true,
        ..stream("MIRROR", "")
    };
    comes_back(&js, &mirror).await;
    let info = || js.stream_info("MIRROR");
    let info = until("the copy", info, |info| info.state.messages == 3).await;
    let told = info.mirror.unwrap();
    assert_eq!((&*told.name, told.lag, told.error), ("ORIGIN", 0, None));
    let message = js.get_message("MIRROR", &GetMessage::sequence(3)).await.unwrap();
    assert_eq!((&*message.subject, &message.payload[..]), ("o.a", &b"3"[..]));
}

#[tokio::test]
async fn js_manage_33() {
    let (_server, js) = start().await;
    js.create_stream(&stream("A", "a.>")).await.unwrap();
    js.create_stream(&stream("B", "b.>")).await.unwrap();
    let transform = |src: &str, dest: &str| SubjectTransform { src: src.into(), dest: dest.into() };
    let far = StreamSource {
        external: Some(External { api: "$JS.far.API".into(), deliver: "deliver.far".into() }),
        opt_start_time: "2030-01-01T00:00:00Z".into(),
        ..source("FAR")
    };
    let transformed = StreamSource {
        subject_transforms: vec![transform("a.*", "all.a.$1"), transform("a.x.>", "all.x.>")],
        ..source("A")
    };
    let filtered = StreamSource { filter_subject: "b.1".into(), ..source("B") };
    let all = StreamConfig {
        subjects: vec![],
        sources: vec![transformed, filtered, far],
        ..stream("ALL", "")
    };
    comes_back(&js, &all).await;
    for subject in ["a.1", "a.x.y", "b.1", "b.2", "a.y.z"] {
        js.publish(subject, subject).await.unwrap();
    }
    let options = InfoOptions { subjects_filter: Some(">".into()), ..InfoOptions::default() };
    let info = || js.stream_info_with("ALL", &options);
    let info = until("what was gathered", info, |info| info.state.messages == 3).await;
    let subjects: Vec<_> = info.state.subjects.keys().map(String::as_str).collect();
    assert_eq!(subjects, ["all.a.1", "all.x.y", "b.1"]);
    // In any order.
    let of = |name: &str| info.sources.iter().find(|source| source.name == name).unwrap();
    assert_eq!(info.sources.len(), 3);
    assert_eq!(of("A").subject_transforms.len(), 2);
    assert_eq!(of("B").filter_subject, "b.1");
    assert_eq!(of("FAR").external.as_ref().unwrap().api, "$JS.far.API");
    let domain = StreamSource { domain: "hub".into(), ..source("X") };
    let domain = StreamConfig { subjects: vec![], sources: vec![domain], ..stream("D", "") };
    let made = js.create_stream(&domain).await.unwrap().config;
    assert_eq!(made.sources[0].external.as_ref().unwrap().api, "$JS.hub.API");
}

#[tokio::test]
async fn js_manage_34() {
    let (_server, js) = start().await;
    js.create_stream(&stream("ORIGIN", "o.>")).await.unwrap();
    let reader = ConsumerConfig {
        deliver_subject: "gather.here".into(),
        ack_policy: AckPolicy::FlowControl,
        flow_control: true,
        idle_heartbeat: Duration::from_secs(1),
        max_ack_pending: 100,
        ..consumer("reader")
    };
    let made = js.create_consumer("ORIGIN", &reader).await;
    let Some(made) = needs(js.client(), (2, 14), made) else { return };
    assert_eq!(made.config.ack_policy, AckPolicy::FlowControl);
    let by = SourceConsumer {
        name: "reader".into(),
        deliver_subject: "gather.here".into(),
        ..SourceConsumer::default()
    };
    let sources = vec![StreamSource { consumer: Some(by), ..source("ORIGIN") }];
    let config = StreamConfig { subjects: vec![], sources, ..stream("ALL", "") };
    comes_back(&js, &config).await;
    store(&js, 1..=200, |_| "o.a".into()).await;
    let info = || js.stream_info("ALL");
    until("what was gathered", info, |info| info.state.messages == 200).await;
    let floor = || js.consumer_info("ORIGIN", "reader");
    until("its acknowledgement", floor, |info| info.ack_floor.stream_seq > 0).await;
}

#[tokio::test]
async fn js_manage_35() {
    // Servers tell alternates in clusters only.
    let cluster = nats_harness::Cluster::start_with(3, Config::jetstream()).unwrap();
    let js = dial(&cluster.urls()[0]).await.jetstream();
    js.create_stream(&stream("ORIGIN", "o.>")).await.unwrap();
    let mirror = Some(source("ORIGIN"));
    let mirror = StreamConfig { subjects: vec![], mirror, ..stream("MIRROR", "") };
    js.create_stream(&mirror).await.unwrap();
    let info = || js.stream_info("ORIGIN");
    let info = until("the alternates", info, |info| info.alternates.len() == 2).await;
    let mut names: Vec<_> = info.alternates.iter().map(|a| &*a.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["MIRROR", "ORIGIN"]);
    assert!(info.alternates.iter().all(|a| a.cluster == "harness" && a.extra.is_empty()));
}

#[tokio::test]
async fn js_manage_36() {
    let (_server, js) = start().await;
    let transform = SubjectTransform { src: "in.*".into(), dest: "kept.$1".into() };
    let republish = Republish { src: "kept.>".into(), dest: "again.>".into(), headers_only: true };
    let config = StreamConfig {
        subject_transform: Some(transform),
        republish: Some(republish),
        ..stream("S", "in.*")
    };
    comes_back(&js, &config).await;
    let again = js.client().subscribe("again.>").unwrap();
    flush(js.client()).await;
    js.publish("in.1", "payload").await.unwrap();
    let message = next(&again).await;
    assert_eq!((message.subject(), message.payload()), ("again.1", &b""[..]));
    assert_eq!(message.header("Nats-Sequence"), Some("1"));
    let kept = js.get_message("S", &GetMessage::sequence(1)).await.unwrap();
    assert_eq!((&*kept.subject, &kept.payload[..]), ("kept.1", &b"payload"[..]));
}

#[tokio::test]
async fn js_manage_37() {
    let (_server, js) = start().await;
    // A window for duplicates that is longer than the age of messages is shortened, otherwise.
    let config = StreamConfig {
        max_age: Duration::from_secs(60),
        duplicate_window: Duration::from_secs(600),
        consumer_limits: Some(ConsumerLimits { max_ack_pending: 10, ..Default::default() }),
        ..stream("S", "s.>")
    };
    let strict = StreamConfig { pedantic: true, ..config.clone() };
    let refused = js.create_stream(&strict).await;
    if lacks(js.client(), (2, 11), &refused) {
        return;
    }
    let error = refused.unwrap_err();
    assert!(error.code() == Code::JetStream && error.api().is_some(), "{error}");
    let config = StreamConfig { duplicate_window: Duration::ZERO, ..config };
    js.create_stream(&config).await.unwrap();
    assert_eq!(code(js.update_stream(&strict).await), Code::JetStream);
    // The limit of the stream is taken by a consumer that has none, otherwise.
    let loose = consumer("loose");
    let strict = ConsumerConfig { pedantic: true, ..consumer("strict") };
    let made = js.create_consumer("S", &loose).await.unwrap();
    assert_eq!(made.config.max_ack_pending, 10);
    assert_eq!(code(js.create_consumer("S", &strict).await), Code::JetStream);
}

#[tokio::test]
async fn js_manage_38() {
    let info = concat!(
        r#"{"server_id":"F","server_name":"f","version":"2.10.26","proto":1,"go":"none","#,
        r#""host":"127.0.0.1","port":4222,"headers":true,"max_payload":1048576}"#
    );
    let (server, client) = answering(Some(info), &[]).await;
    let js = client.jetstream();
    let error = js
        .create_stream(&StreamConfig { allow_msg_ttl: true, ..stream("S", "s") })
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
    assert!(error.text().contains("allow_msg_ttl needs server 2.11"), "{error}");
    let group = ConsumerConfig { priority_groups: vec!["g".into()], ..consumer("c") };
    assert_eq!(code(js.create_consumer("S", &group).await), Code::Unsupported);
    let pedantic = ConsumerConfig { pedantic: true, ..consumer("c") };
    assert_eq!(code(js.create_consumer("S", &pedantic).await), Code::Unsupported);
    let batch = js.direct_batch("S", &DirectBatchOptions::default()).await;
    assert_eq!(code(batch), Code::Unsupported);
    let window = SnapshotOptions { window_size: 1 << 20, ..SnapshotOptions::default() };
    assert_eq!(code(js.snapshot_stream("S", &window).await), Code::Unsupported);
    for refused in [
        js.evacuate_stream_peer("S", "n").await,
        js.evacuate_consumer_peer("S", "c", "n").await,
        js.cancel_stream_move("S").await,
        js.evacuate_server(&ServerPeer { name: "n".into(), ..ServerPeer::default() }).await,
        js.rescue_meta(1).await.map(drop),
    ] {
        assert_eq!(code(refused), Code::Unsupported);
    }
    assert!(!server.received_text(0).contains("$JS.API"));
}

/// A token with other claims, signed again.
fn with_tiers(token: &str, operator: &KeyPair, tiers: &Value) -> String {
    let mut parts = token.split('.');
    let (header, body) = (parts.next().unwrap(), parts.next().unwrap());
    let mut body: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
    body["nats"]["limits"]["tiered_limits"] = tiers.clone();
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(body.to_string()));
    let signature = operator.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn js_manage_46() {
    let pair = |kind| KeyPair::generate(kind).unwrap();
    let (operator, account) = (pair(KeyKind::Operator), pair(KeyKind::Account));
    let (system, user) = (pair(KeyKind::Account), pair(KeyKind::User));
    let none = AccountClaims { memory_storage: 0, disk_storage: 0, ..AccountClaims::default() };
    let tiers = json!({
        "R1": {"mem_storage": 1 << 20, "disk_storage": 1 << 21, "streams": 3, "consumer": 4},
        "R3": {"mem_storage": 0, "disk_storage": 1 << 22, "streams": 1, "consumer": 1},
    });
    let token = none.sign(&account.public_key(), &operator).unwrap();
    let lines = format!(
        "trusted: [{}]\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {}: {} }}",
        operator.public_key(),
        system.public_key(),
        account.public_key(),
        with_tiers(&token, &operator, &tiers),
        system.public_key(),
        none.sign(&system.public_key(), &operator).unwrap(),
    );
    let server = Server::start(Config::jetstream().with(&lines)).unwrap();
    let token = UserClaims::default().sign(&user.public_key(), &account).unwrap();
    let creds = Credentials::new(&token, user.seed().expose()).unwrap();
    let options = options(&server.url()).creds(creds.to_file().as_str());
    let js = within("connect", options.connect()).await.unwrap().jetstream();
    js.create_stream(&StreamConfig { storage: Storage::File, ..stream("S", "s.>") }).await.unwrap();
    store(&js, 1..=1, |_| "s.a".into()).await;
    let info = js.account_info().await.unwrap();
    let [small, large] = [&info.tiers["R1"], &info.tiers["R3"]];
    assert_eq!((small.streams, small.limits.max_streams, small.limits.max_consumers), (1, 3, 4));
    assert_eq!((small.limits.max_memory, small.limits.max_storage), (1 << 20, 1 << 21));
    assert_eq!((large.streams, large.limits.max_storage), (0, 1 << 22));
    assert!(small.storage > 0 && info.tier.streams == 1, "{info:?}");
}
