//! What a server is too old for is refused, with the version that it takes; what it knows arrives.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::fmt::Debug;
use std::time::Duration;

use nats_core::jetstream::{
    AckPolicy, ConsumeOptions, ConsumerConfig, FetchOptions, GetMessage, JetStream, PersistMode,
    Placement, PriorityPolicy, PublishOptions, StreamConfig, StreamSource,
};
use nats_core::{Client, Code, Publish, Result};
use nats_harness::{Config, Server};
use serde_json::{Value, json};
use support::fake_js::FakeJs;
use support::versions::{is_at_least, needs};
use support::*;

/// Members of a stream's configuration, with the version that knows them first.
fn stream_members() -> Vec<(&'static str, (u32, u32), Value)> {
    vec![
        ("allow_msg_ttl", (2, 11), json!(true)),
        ("subject_delete_marker_ttl", (2, 11), json!(1_000_000_000_u64)),
        ("allow_msg_counter", (2, 12), json!(true)),
        ("allow_atomic", (2, 12), json!(true)),
        ("allow_msg_schedules", (2, 12), json!(true)),
        ("persist_mode", (2, 12), json!("async")),
        ("allow_batched", (2, 14), json!(true)),
    ]
}

/// The same of a consumer's configuration.
fn consumer_members() -> Vec<(&'static str, (u32, u32), Value)> {
    let groups = json!({"priority_groups": ["g"], "priority_policy": "overflow"});
    let pinned = json!({"priority_groups": ["g"], "priority_policy": "pinned_client",
        "priority_timeout": 5_000_000_000_u64});
    vec![
        ("pause_until", (2, 11), json!({"pause_until": "2100-01-01T00:00:00Z"})),
        ("priority_groups", (2, 11), groups),
        ("priority_groups", (2, 11), pinned),
    ]
}

fn stream_with(member: &str, value: &Value) -> StreamConfig {
    let mut config = json!({"name": "S", "subjects": ["s.>"], "storage": "file"});
    config[member] = value.clone();
    serde_json::from_value(config).unwrap()
}

fn consumer_with(members: &Value) -> ConsumerConfig {
    let mut config = members.clone();
    config["durable_name"] = "worker".into();
    serde_json::from_value(config).unwrap()
}

#[tokio::test]
async fn members_of_streams_are_known_or_refused() {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    for (member, version, value) in stream_members() {
        // Servers may not have removed a stream of the same name from their disks yet.
        let config = StreamConfig { name: member.into(), ..stream_with(member, &value) };
        let made = js.create_stream(&config).await;
        let Some(made) = needs(&client, version, made) else {
            assert_eq!(
                code(js.stream_info(member).await),
                Code::StreamNotFound,
                "nothing was made"
            );
            assert_eq!(code(js.update_stream(&config).await), Code::Unsupported);
            continue;
        };
        let told = serde_json::to_value(&made.config).unwrap();
        assert_eq!(told[member], value, "{member} was not dropped");
        js.delete_stream(member).await.unwrap();
    }
}

#[tokio::test]
async fn members_of_consumers_are_known_or_refused() {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    js.create_stream(&stream_with("max_msgs", &json!(10))).await.unwrap();
    for (_, version, members) in consumer_members() {
        let config = consumer_with(&members);
        let made = js.create_consumer("S", &config).await;
        let Some(made) = needs(&client, version, made) else {
            let info = js.consumer_info("S", "worker").await;
            assert_eq!(code(info), Code::ConsumerNotFound, "nothing was made");
            assert_eq!(code(js.update_consumer("S", &config).await), Code::Unsupported);
            continue;
        };
        let told = serde_json::to_value(&made.config).unwrap();
        for (name, value) in members.as_object().unwrap() {
            assert_eq!(told[name], *value, "{name} was not dropped");
        }
        js.delete_consumer("S", "worker").await.unwrap();
    }
}

#[tokio::test]
async fn operations_are_known_or_refused() {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    let config = StreamConfig { allow_direct: true, ..stream_with("max_msgs", &json!(10)) };
    js.create_stream(&config).await.unwrap();
    js.create_consumer("S", &consumer_with(&json!({}))).await.unwrap();
    js.publish("s.a", "x").await.unwrap();
    let pause = js.pause_consumer("S", "worker", "2100-01-01T00:00:00Z").await;
    if let Some(pause) = needs(&client, (2, 11), pause) {
        assert!(pause.paused);
    }
    let resumed = js.resume_consumer("S", "worker").await;
    if let Some(resumed) = needs(&client, (2, 11), resumed) {
        assert!(!resumed.paused);
    }
    let reset = js.reset_consumer("S", "worker", Some(1)).await;
    if let Some(info) = needs(&client, (2, 14), reset) {
        assert_eq!(info.num_pending, 1);
    }
    let which = GetMessage { no_headers: true, ..GetMessage::sequence(1) };
    let got = js.get_message("S", &which).await;
    needs(&client, (2, 12), got);
    let got = js.direct_get("S", &which).await;
    if let Some(got) = needs(&client, (2, 12), got) {
        assert_eq!((got.sequence, &got.payload[..], got.headers().is_none()), (1, &b"x"[..], true));
    }
    let elsewhere = PublishOptions {
        expected_last_subject_sequence: Some(0),
        expected_last_subject: Some("s.b".into()),
        ..PublishOptions::default()
    };
    let published = js.publish_with(&Publish::new("s.a", b"x"), &elsewhere).await;
    needs(&client, (2, 11), published);
    assert_eq!(js.stream_info("S").await.unwrap().state.messages, stored(&client));
}

/// One that every server stores, and one that new ones do.
fn stored(client: &Client) -> u64 {
    1 + u64::from(is_at_least(client, (2, 11)))
}

#[tokio::test]
async fn groups_of_those_who_pull_are_known_or_refused() {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    js.create_stream(&stream_with("max_msgs", &json!(10))).await.unwrap();
    js.publish("s.a", "x").await.unwrap();
    let groups = json!({"priority_groups": ["g"], "priority_policy": "overflow"});
    let made = js.create_consumer("S", &consumer_with(&groups)).await;
    if needs(&client, (2, 11), made).is_none() {
        js.create_consumer("S", &consumer_with(&json!({}))).await.unwrap();
    }
    let fetch = async |options: FetchOptions| {
        let fetch = js.pull("S", "worker").unwrap().fetch(&options)?;
        within("the end", fetch.all()).await
    };
    let group = FetchOptions { group: "g".into(), max_messages: 1, ..FetchOptions::default() };
    let got = fetch(group.clone()).await;
    if let Some(got) = needs(&client, (2, 11), got) {
        assert_eq!(got.len(), 1);
    }
    let short = FetchOptions { expires: Duration::from_millis(200), ..group };
    let got = fetch(FetchOptions { min_pending: 5, ..short.clone() }).await;
    if let Some(got) = needs(&client, (2, 11), got) {
        assert!(got.is_empty(), "there is less than that");
    }
    let got = fetch(FetchOptions { min_ack_pending: 5, ..short }).await;
    needs(&client, (2, 11), got);
    // Of a group that it has made.
    if !is_at_least(&client, (2, 11)) {
        return;
    }
    let prioritized = json!({"priority_groups": ["g"], "priority_policy": "prioritized"});
    let config = ConsumerConfig { durable_name: "first".into(), ..consumer_with(&prioritized) };
    let made = js.create_consumer("S", &config).await;
    if let Some(made) = needs(&client, (2, 12), made) {
        assert_eq!(made.config.priority_policy, PriorityPolicy::Prioritized);
    }
}

/// Every need, on a server that is too old for all of them and must not be asked anything.
#[tokio::test]
async fn js_fault_05() {
    for version in ["2.10.26", "2.9.0", "1.4.1", "unknown"] {
        let fake = FakeJs::of_version(version).await;
        let js = &fake.js;
        for (member, needed, value) in stream_members() {
            let made = js.create_stream(&stream_with(member, &value)).await;
            refused(member, needed, version, made);
            refused(member, needed, version, js.update_stream(&stream_with(member, &value)).await);
        }
        for (member, needed, members) in consumer_members() {
            let config = consumer_with(&members);
            refused(member, needed, version, js.create_consumer("S", &config).await);
        }
        all_else_is_refused(js, version).await;
        flush(&fake.client).await;
        let sent = fake.fake.received_text(0);
        assert!(!sent.contains("$JS.API") && !sent.contains("s.a"), "{sent}");
    }
    // One of these is enough for the one, and too old for the other.
    let fake = FakeJs::of_version("2.12.8").await;
    let config = stream_with("allow_batched", &json!(true));
    refused("allow_batched", (2, 14), "2.12.8", fake.js.create_stream(&config).await);
    assert_eq!(fake.requests(), 0);
}

async fn all_else_is_refused(js: &JetStream, version: &str) {
    let config = StreamConfig {
        placement: Some(Placement { preferred: "n".into(), ..Placement::default() }),
        ..stream_with("max_msgs", &json!(1))
    };
    refused("placement.preferred", (2, 11), version, js.create_stream(&config).await);
    let next = config.placement.as_ref();
    refused("placement", (2, 11), version, js.stream_leader_step_down("S", next).await);
    refused("placement", (2, 11), version, js.consumer_leader_step_down("S", "c", next).await);
    refused("placement.preferred", (2, 11), version, js.meta_leader_step_down(next).await);
    let source = StreamSource {
        name: "T".into(),
        consumer: Some(Default::default()),
        ..StreamSource::default()
    };
    let config = StreamConfig { sources: vec![source], ..stream_with("max_msgs", &json!(1)) };
    refused("consumer of a source", (2, 14), version, js.create_stream(&config).await);
    let config = StreamConfig { persist_mode: PersistMode::Async, ..config };
    refused("persist_mode", (2, 12), version, js.create_stream(&config).await);
    let flow = ConsumerConfig { ack_policy: AckPolicy::FlowControl, ..Default::default() };
    refused("ack_policy flow_control", (2, 14), version, js.create_consumer("S", &flow).await);
    let policy =
        ConsumerConfig { priority_policy: PriorityPolicy::PinnedClient, ..Default::default() };
    refused("priority_policy", (2, 11), version, js.create_consumer("S", &policy).await);
    let timeout = ConsumerConfig { priority_timeout: FOREVER, ..Default::default() };
    refused("priority_timeout", (2, 11), version, js.create_consumer("S", &timeout).await);
    let until = "2100-01-01T00:00:00Z";
    refused("a pause", (2, 11), version, js.pause_consumer("S", "c", until).await);
    refused("a pause", (2, 11), version, js.resume_consumer("S", "c").await);
    refused("an unpin", (2, 11), version, js.unpin_consumer("S", "c", "g").await);
    refused("a reset", (2, 14), version, js.reset_consumer("S", "c", None).await);
    let which = GetMessage { no_headers: true, ..GetMessage::sequence(1) };
    refused("no_headers", (2, 12), version, js.get_message("S", &which).await);
    refused("no_headers", (2, 12), version, js.direct_get("S", &which).await);
    let publish = Publish::new("s.a", b"x");
    let ttl = PublishOptions { ttl: Some(FOREVER), ..PublishOptions::default() };
    refused("ttl", (2, 11), version, js.publish_with(&publish, &ttl).await);
    let other =
        PublishOptions { expected_last_subject: Some("s.b".into()), ..PublishOptions::default() };
    refused("expected_last_subject", (2, 11), version, js.publish_with(&publish, &other).await);
    let pull = js.pull("S", "c").unwrap();
    let base = FetchOptions::default();
    for (member, needed, options) in [
        ("group", (2, 11), FetchOptions { group: "g".into(), ..base.clone() }),
        ("min_pending", (2, 11), FetchOptions { min_pending: 1, ..base.clone() }),
        ("min_ack_pending", (2, 11), FetchOptions { min_ack_pending: 1, ..base.clone() }),
        ("id", (2, 11), FetchOptions { id: "i".into(), ..base.clone() }),
        ("priority", (2, 12), FetchOptions { priority: 1, ..base.clone() }),
    ] {
        refused(member, needed, version, pull.fetch(&options));
    }
    let options = ConsumeOptions { group: "g".into(), ..ConsumeOptions::default() };
    refused("group", (2, 11), version, pull.messages(&options).unwrap().next().await);
}

#[track_caller]
fn refused<T: Debug>(member: &str, (major, minor): (u32, u32), version: &str, result: Result<T>) {
    let error = result.expect_err(member);
    assert_eq!(error.code(), Code::Unsupported, "{member}: {error}");
    let text = format!("{member} needs server {major}.{minor}, the connection is with {version}");
    assert_eq!(error.text(), text);
}
