use std::collections::BTreeMap;
use std::time::Duration;

use nats_core::Code;

use super::js::*;
use super::support::versions::{lacks, needs};
use super::support::*;

#[tokio::test]
async fn js_manage_39() {
    let (_server, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    let made = js.create_consumer("S", &consumer("c")).await.unwrap();
    assert_eq!((&*made.stream_name, &*made.name), ("S", "c"));
    js.create_consumer("S", &consumer("c")).await.unwrap();
    let other = ConsumerConfig { description: "other".into(), ..consumer("c") };
    assert_eq!(code(js.create_consumer("S", &other).await), Code::ConsumerExists);
    assert_eq!(js.update_consumer("S", &other).await.unwrap().config.description, "other");
    assert_eq!(code(js.update_consumer("S", &consumer("d")).await), Code::ConsumerNotFound);
    js.create_or_update_consumer("S", &consumer("d")).await.unwrap();
    let changed = ConsumerConfig { max_deliver: 3, ..consumer("d") };
    let changed = js.create_or_update_consumer("S", &changed).await.unwrap();
    assert_eq!(changed.config.max_deliver, 3);
}

#[tokio::test]
async fn js_manage_40() {
    let (_server, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    let second = Duration::from_secs(1);
    let pull = ConsumerConfig {
        description: "all of it".into(),
        deliver_policy: DeliverPolicy::ByStartTime,
        opt_start_time: "2030-01-01T00:00:00Z".into(),
        ack_policy: AckPolicy::All,
        ack_wait: second,
        backoff: vec![second, 2 * second],
        max_deliver: 4,
        filter_subjects: vec!["s.1".into(), "s.2".into()],
        replay_policy: ReplayPolicy::Original,
        sample_freq: "30%".into(),
        max_waiting: 7,
        max_ack_pending: 8,
        headers_only: true,
        max_batch: 9,
        max_expires: 10 * second,
        max_bytes: 11,
        inactive_threshold: 3600 * second,
        num_replicas: 1,
        mem_storage: true,
        pause_until: "2100-01-01T00:00:00Z".into(),
        priority_groups: vec!["g".into()],
        priority_policy: PriorityPolicy::PinnedClient,
        priority_timeout: 120 * second,
        metadata: BTreeMap::from([("k".into(), "v".into())]),
        ..consumer("pull")
    };
    let push = ConsumerConfig {
        deliver_subject: "deliver.here".into(),
        deliver_group: "group".into(),
        deliver_policy: DeliverPolicy::ByStartSequence,
        opt_start_seq: 5,
        filter_subject: "s.1".into(),
        rate_limit_bps: 1 << 20,
        flow_control: true,
        idle_heartbeat: 5 * second,
        ..consumer("push")
    };
    for (version, config) in [((2, 11), pull), ((2, 10), push)] {
        let made = js.create_consumer("S", &config).await;
        // Only the one that pulls has what is new.
        let Some(made) = needs(js.client(), version, made) else { continue };
        let made = made.config;
        let told = js.consumer_info("S", &config.durable_name).await.unwrap().config;
        assert_eq!(made, told);
        // What the server has added: its own metadata, and defaults in place of nothing.
        let metadata = told.metadata.into_iter().filter(|(key, _)| !key.starts_with("_nats."));
        let told = ConsumerConfig {
            name: config.name.clone(),
            metadata: metadata.collect(),
            ack_wait: if config.ack_wait.is_zero() { Duration::ZERO } else { told.ack_wait },
            max_deliver: if config.max_deliver == 0 { 0 } else { told.max_deliver },
            max_ack_pending: if config.max_ack_pending == 0 { 0 } else { told.max_ack_pending },
            ..told
        };
        assert_eq!(told, config);
    }
}

#[tokio::test]
async fn js_manage_41() {
    let (_server, js) = start().await;
    js.create_stream(&StreamConfig { max_consumers: 2000, ..stream("S", "s.>") }).await.unwrap();
    let expected: Vec<String> = (0..1100).map(|number| format!("c{number:04}")).collect();
    for name in &expected {
        let config = ConsumerConfig { mem_storage: true, ..consumer(name) };
        js.create_consumer("S", &config).await.unwrap();
    }
    let names = js.consumer_names("S").unwrap().all().await.unwrap();
    assert_eq!(names, expected);
    let infos = js.consumers("S").unwrap().all().await.unwrap();
    assert_eq!(infos.into_iter().map(|info| info.name).collect::<Vec<_>>(), expected);
    assert_eq!(code(js.consumer_names("NONE").unwrap().all().await), Code::StreamNotFound);
}

#[tokio::test]
async fn js_manage_42() {
    let (_server, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    js.create_consumer("S", &consumer("c")).await.unwrap();
    let day = Duration::from_secs(86_400);
    let paused = js.pause_consumer("S", "c", "2100-01-01T00:00:00Z").await;
    let Some(paused) = needs(js.client(), (2, 11), paused) else { return };
    assert!(paused.paused && paused.pause_remaining > day, "{paused:?}");
    let info = js.consumer_info("S", "c").await.unwrap();
    assert!(info.paused && info.pause_remaining > day, "{info:?}");
    assert!(!js.resume_consumer("S", "c").await.unwrap().paused);
    assert!(!js.consumer_info("S", "c").await.unwrap().paused);
    assert_eq!(
        code(js.pause_consumer("S", "d", "2100-01-01T00:00:00Z").await),
        Code::ConsumerNotFound
    );
}

#[tokio::test]
async fn js_manage_43() {
    let (_server, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    js.create_consumer("S", &consumer("c")).await.unwrap();
    store(&js, 1..=5, |_| "s.a".into()).await;
    let options = FetchOptions { max_messages: 3, ..FetchOptions::default() };
    let fetched = js.pull("S", "c").unwrap().fetch(&options).unwrap().all().await.unwrap();
    fetched[0].double_ack(PATIENCE).await.unwrap();
    let reset = js.reset_consumer("S", "c", None).await;
    let Some(reset) = needs(js.client(), (2, 14), reset) else { return };
    assert_eq!((reset.reset_seq, reset.num_pending, reset.num_ack_pending), (2, 4, 0));
    let again = js.reset_consumer("S", "c", Some(5)).await.unwrap();
    assert_eq!((again.reset_seq, again.num_pending), (5, 1));
    assert_eq!(code(js.reset_consumer("S", "d", None).await), Code::ConsumerNotFound);
}

#[tokio::test]
async fn js_manage_44() {
    let (_server, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    js.create_consumer("S", &consumer("c")).await.unwrap();
    js.delete_consumer("S", "c").await.unwrap();
    assert_eq!(code(js.consumer_info("S", "c").await), Code::ConsumerNotFound);
    assert_eq!(code(js.delete_consumer("S", "c").await), Code::ConsumerNotFound);
    assert_eq!(code(js.consumer_info("NONE", "c").await), Code::StreamNotFound);
    assert_eq!(code(js.create_consumer("NONE", &consumer("c")).await), Code::StreamNotFound);
    let unpinned = js.unpin_consumer("S", "c", "g").await;
    if !lacks(js.client(), (2, 11), &unpinned) {
        assert_eq!(code(unpinned), Code::ConsumerNotFound);
    }
}
