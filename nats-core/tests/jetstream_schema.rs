//! The types of documents and requests have a place of its own for every field (`schema/`).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use nats_core::jetstream::*;
use nats_harness::{Cluster, Config, Server};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use support::versions::is_at_least;
use support::*;

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Where two documents differ, and how.
fn differences(at: &str, from: &Value, to: &Value, out: &mut Vec<String>) {
    match (from, to) {
        (Value::Object(from), Value::Object(to)) => {
            let names: BTreeSet<_> = from.keys().chain(to.keys()).collect();
            for name in names {
                let [a, b] = [from, to].map(|object| object.get(name).unwrap_or(&Value::Null));
                differences(&format!("{at}.{name}"), a, b, out);
            }
        }
        (Value::Array(from), Value::Array(to)) if from.len() == to.len() => {
            for (index, (a, b)) in from.iter().zip(to).enumerate() {
                differences(&format!("{at}[{index}]"), a, b, out);
            }
        }
        _ if from == to => {}
        _ => out.push(format!("{at}: {from} becomes {to}")),
    }
}

/// Every field of a document is kept by the type, and by one of its own: a member of another type is
/// refused or replaced, while one that is only passed on would come back.
fn has_places<T: DeserializeOwned + Serialize>(name: &str, document: &Value) {
    let read: T =
        serde_json::from_value(document.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut faults = Vec::new();
    differences(name, document, &serde_json::to_value(read).unwrap(), &mut faults);
    passed_on::<T>(name, document, &mut Vec::new(), document, &mut faults);
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Puts something that no field takes in the place of each, and sees whether it is minded.
fn passed_on<T: DeserializeOwned + Serialize>(
    at: &str,
    whole: &Value,
    way: &mut Vec<String>,
    part: &Value,
    faults: &mut Vec<String>,
) {
    let inner: Vec<(String, &Value)> = match part {
        Value::Object(members) => members.iter().map(|(name, v)| (name.clone(), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        _ => Vec::new(),
    };
    for (name, value) in inner {
        let at = format!("{at}.{name}");
        way.push(name);
        let mut changed = whole.clone();
        let place = format!("/{}", way.join("/"));
        let strange = serde_json::json!([{"no": {"such": ["value"]}}]);
        *changed.pointer_mut(&place).unwrap() = strange.clone();
        if let Ok(read) = serde_json::from_value::<T>(changed) {
            let back = serde_json::to_value(read).unwrap();
            if back.pointer(&place) == Some(&strange) {
                faults.push(format!("{at} has no place of its own"));
            }
        }
        passed_on::<T>(&at, whole, way, value, faults);
        way.pop();
    }
}

/// Checks a document of one type, given its name.
type Check = fn(&str, &Value);

#[test]
fn every_field_of_every_document_has_a_place() {
    let documents = schema("documents.json");
    let all: &[(&str, Check)] = &[
        ("stream_configuration", has_places::<StreamConfig>),
        ("stream_info", has_places::<StreamInfo>),
        ("consumer_configuration", has_places::<ConsumerConfig>),
        ("consumer_info", has_places::<ConsumerInfo>),
        ("account_info", has_places::<AccountInfo>),
        ("pub_ack", has_places::<PubAck>),
        ("pause_state", has_places::<PauseState>),
        ("rescue", has_places::<Rescue>),
    ];
    let names: Vec<_> = documents.as_object().unwrap().keys().map(String::as_str).collect();
    let known: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, known, "every document is checked");
    for (name, check) in all {
        check(name, &documents[name]);
    }
}

/// Fields that a test's own document lacks are found, so that the test above can fail.
#[test]
fn fields_without_a_place_are_found() {
    let document = serde_json::json!({"stream": "S", "seq": 1, "brand_new": 5});
    let fault = std::panic::catch_unwind(|| has_places::<PubAck>("pub_ack", &document));
    let text = fault.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("pub_ack.brand_new has no place of its own"), "{text}");
}

/// Makes every request with all that it may have; what comes of it does not matter.
async fn ask_everything(js: &JetStream) {
    let text = || Some("s.x".to_owned());
    let placement = Placement { preferred: "n".into(), ..Placement::default() };
    let config = StreamConfig { pedantic: true, ..stream("S") };
    let _ = js.create_stream(&config).await;
    let _ = js.update_stream(&config).await;
    let info = InfoOptions { subjects_filter: text(), deleted_details: true };
    let _ = js.stream_info_with("S", &info).await;
    let purge = PurgeOptions { filter: text(), before: Some(5), keep: None };
    let _ = js.purge_stream("S", &purge).await;
    let _ = js.purge_stream("S", &PurgeOptions { before: None, keep: Some(1), ..purge }).await;
    let _ = js.stream_names(Some("s.x")).unwrap().all().await;
    let _ = js.streams(Some("s.x")).unwrap().all().await;
    let _ = js.delete_message("S", 1, false).await;
    for which in [GetMessage::last_of("s.x"), GetMessage::next_of("s.x", 1)] {
        let which = GetMessage { no_headers: true, ..which };
        let _ = js.get_message("S", &which).await;
        let _ = js.direct_get("S", &which).await;
    }
    let part = |options: DirectBatchOptions| async move {
        let options = DirectBatchOptions { batch: 2, max_bytes: 9, no_headers: true, ..options };
        let _ = js.direct_batch("S", &options).await;
    };
    let now = || "2030-01-01T00:00:00Z".to_owned();
    let multi_last = || vec!["s.x".to_owned()];
    part(DirectBatchOptions { start_time: now(), ..Default::default() }).await;
    part(DirectBatchOptions { multi_last: multi_last(), up_to_time: now(), ..Default::default() })
        .await;
    part(DirectBatchOptions { multi_last: multi_last(), up_to_sequence: 1, ..Default::default() })
        .await;
    let snapshot = SnapshotOptions {
        no_consumers: true,
        check: true,
        window_size: 1 << 20,
        ..SnapshotOptions::default()
    };
    let _ = js.snapshot_stream("S", &snapshot).await;
    let _ = js.restore_stream(&config, &StreamState::default()).await;
    let _ = js.stream_leader_step_down("S", Some(&placement)).await;
    let _ = js.remove_stream_peer("S", "n").await;
    let _ = js.evacuate_stream_peer("S", "n").await;
    let consumer = ConsumerConfig { name: "c".into(), pedantic: true, ..ConsumerConfig::default() };
    let _ = js.create_consumer("S", &consumer).await;
    let _ = js.consumer_names("S").unwrap().all().await;
    let _ = js.consumers("S").unwrap().all().await;
    let _ = js.pause_consumer("S", "c", &now()).await;
    let _ = js.unpin_consumer("S", "c", "g").await;
    let _ = js.reset_consumer("S", "c", Some(1)).await;
    let _ = js.consumer_leader_step_down("S", "c", Some(&placement)).await;
    let _ = js.evacuate_consumer_peer("S", "c", "n").await;
    let fetch = FetchOptions {
        max_bytes: 9,
        expires: Duration::from_secs(1),
        no_wait: false,
        heartbeat: Some(SHORT),
        group: "g".into(),
        min_pending: 1,
        min_ack_pending: 1,
        priority: 1,
        id: "i".into(),
        ..FetchOptions::default()
    };
    let pull = js.pull("S", "c").unwrap();
    let _ = pull.fetch(&fetch).unwrap().all().await;
    let _ = pull.fetch(&FetchOptions { no_wait: true, ..fetch }).unwrap().all().await;
    let server = ServerPeer { name: "n".into(), id: "i".into() };
    let place = StreamMove {
        server: "n".into(),
        cluster: "c".into(),
        domain: "d".into(),
        tags: vec!["t".into()],
    };
    let _ = js.move_stream("A", "S", &place).await;
    let _ = js.meta_leader_step_down(Some(&placement)).await;
    let _ = js.remove_server(&server).await;
    let _ = js.evacuate_server(&server).await;
    let _ = js.rescue_meta(1).await;
}

fn stream(name: &str) -> StreamConfig {
    let (name, subjects) = (name.to_owned(), vec!["s.>".to_owned()]);
    StreamConfig { name, subjects, storage: Storage::Memory, ..StreamConfig::default() }
}

#[tokio::test]
async fn every_field_of_every_request_can_be_sent() {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    // Of older servers much is not asked, as jetstream_levels.rs shows.
    if !is_at_least(&client, (2, 15)) {
        return;
    }
    let watcher = dial(&server.url()).await;
    let requests = watcher.subscribe("$JS.API.>").unwrap();
    flush(&watcher).await;
    // Nobody answers those of the system account.
    let options = JetStreamOptions { timeout: SHORT, ..JetStreamOptions::default() };
    ask_everything(&client.jetstream_with(options).unwrap()).await;
    flush(&client).await;
    flush(&watcher).await;
    let mut sent: Vec<(String, Map<String, Value>)> = Vec::new();
    while let Some(message) = requests.try_next() {
        let body = serde_json::from_slice(message.payload()).unwrap_or_default();
        sent.push((message.subject().trim_start_matches("$JS.API.").to_owned(), body));
    }
    let wanted: BTreeMap<String, BTreeSet<String>> =
        serde_json::from_value(schema("requests.json")).unwrap();
    let mut faults = Vec::new();
    for (request, fields) in &wanted {
        let of = |(subject, _): &&(String, _)| {
            subject
                .strip_prefix(request.as_str())
                .is_some_and(|t| t.is_empty() || t.starts_with('.'))
        };
        let seen: BTreeSet<String> =
            sent.iter().filter(of).flat_map(|(_, body)| body.keys().cloned()).collect();
        faults.extend(
            fields.difference(&seen).map(|field| format!("{request}: {field} is not sent")),
        );
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Whatever a real server tells has a place of its own, but for what pages and types of answers are.
#[tokio::test]
async fn what_servers_tell_has_places() {
    let cluster = Cluster::start_with(3, Config::jetstream()).unwrap();
    let js = dial(&cluster.urls()[0]).await.jetstream();
    let config = StreamConfig { num_replicas: 3, ..stream("S") };
    let made = js.create_stream(&config).await.unwrap();
    let mirror = StreamSource { name: "S".into(), ..StreamSource::default() };
    let copy = StreamConfig { mirror: Some(mirror), subjects: vec![], ..stream("COPY") };
    js.create_stream(&copy).await.unwrap();
    let ack = js.publish("s.x", "x").await.unwrap();
    let told = js.stream_info("S").await.unwrap();
    let copied = js.stream_info("COPY").await.unwrap();
    let consumer = ConsumerConfig { durable_name: "c".into(), ..ConsumerConfig::default() };
    let consumer = js.create_consumer("S", &consumer).await.unwrap();
    let account = js.account_info().await.unwrap();
    let clusters = [&made.cluster, &told.cluster, &consumer.cluster].map(|c| c.as_ref().unwrap());
    let peers = clusters.iter().flat_map(|cluster| &cluster.replicas).map(|peer| &peer.extra);
    let extras = [
        &made.extra,
        &made.config.extra,
        &made.state.extra,
        &told.extra,
        &copied.mirror.as_ref().unwrap().extra,
        &copied.config.mirror.as_ref().unwrap().extra,
        &consumer.extra,
        &consumer.config.extra,
        &account.tier.extra,
        &account.tier.limits.extra,
        &account.api.extra,
        &ack.extra,
    ];
    let extras = extras.into_iter().chain(clusters.iter().map(|cluster| &cluster.extra));
    let answers = ["type", "total", "offset", "limit"];
    let unknown: Vec<&String> = extras
        .chain(peers)
        .flat_map(Map::keys)
        .filter(|name| !answers.contains(&name.as_str()))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
