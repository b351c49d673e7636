use std::time::Duration;

use nats_core::Code;
use nats_harness::{Config, Server};

use super::js::*;
use super::support::versions::is_at_least;
use super::support::*;

#[tokio::test]
async fn js_manage_01() {
    let (_server, js) = start().await;
    let config = StreamConfig { max_msgs: 1000, ..stream("S", "s.>") };
    let made = js.create_stream(&config).await.unwrap();
    assert!(made.did_create);
    assert_eq!((made.config.max_msgs, &made.config.subjects), (1000, &config.subjects));
    assert_eq!(js.create_stream(&config).await.unwrap().config, made.config, "the same again");
    let other = StreamConfig { max_msgs: 2000, ..config };
    assert_eq!(code(js.create_stream(&other).await), Code::StreamExists);
}

#[tokio::test]
async fn js_manage_02() {
    let (_server, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    let mut config = js.stream_info("S").await.unwrap().config;
    config.max_age = Duration::from_secs(3600);
    let changed = js.update_stream(&config).await.unwrap();
    assert_eq!(changed.config.max_age, Duration::from_secs(3600));
    assert_eq!(js.stream_info("S").await.unwrap().config, changed.config);
    assert_eq!(code(js.update_stream(&stream("T", "t")).await), Code::StreamNotFound);
}

#[tokio::test]
async fn js_manage_03() {
    let told = r#"{"type":"io.nats.jetstream.api.v1.stream_info_response","config":{"name":"S","storage":"file","brand_new":{"deep":[1]},"retention":"novel"},"state":{},"also_new":1}"#;
    let (server, client) = answering(None, &[told, told]).await;
    let js = client.jetstream();
    let info = js.stream_info("S").await.unwrap();
    assert_eq!(info.extra["also_new"], 1);
    js.update_stream(&StreamConfig { max_msgs: 5, ..info.config }).await.unwrap();
    let sent = server.received_text(0);
    let sent = sent.split("$JS.API.STREAM.UPDATE.S").nth(1).unwrap();
    for part in [r#""brand_new":{"deep":[1]}"#, r#""retention":"novel""#, r#""max_msgs":5"#] {
        assert!(sent.contains(part), "{sent}");
    }
}

#[tokio::test]
async fn js_manage_04() {
    let (_server, js) = start().await;
    let config = stream("S", "s.>");
    js.create_or_update_stream(&config).await.unwrap();
    let changed = StreamConfig { max_bytes: 1 << 20, ..config };
    js.create_or_update_stream(&changed).await.unwrap();
    assert_eq!(js.stream_info("S").await.unwrap().config.max_bytes, 1 << 20);
}

#[tokio::test]
async fn js_manage_05() {
    let (_server, js) = start().await;
    let error = js.stream_info("NONE").await.unwrap_err();
    assert_eq!(error.code(), Code::StreamNotFound);
    let api = error.api().unwrap();
    assert_eq!((api.code, api.err_code, &*api.description), (404, 10059, "stream not found"));
    assert_eq!(err_code_name(api.err_code), Some("STREAM_NOT_FOUND"));
}

#[tokio::test]
async fn js_manage_06() {
    let (_server, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    js.create_consumer("S", &consumer("c")).await.unwrap();
    store(&js, 1..=3, |_| "s.a".into()).await;
    js.delete_stream("S").await.unwrap();
    assert_eq!(code(js.stream_info("S").await), Code::StreamNotFound);
    assert_eq!(code(js.delete_stream("S").await), Code::StreamNotFound);
    let again = js.create_stream(&stream("S", "s.>")).await.unwrap();
    assert_eq!((again.state.messages, again.state.consumer_count), (0, 0));
}

#[tokio::test]
async fn js_manage_07() {
    let (server, client) = answering(None, &[]).await;
    let js = client.jetstream();
    for bad in ["", "a.b", "a b", "a*", ">", "a/b", "a\\b", "a\tb", &"x".repeat(256)] {
        assert_eq!(code(js.create_stream(&stream(bad, "s")).await), Code::InvalidName, "{bad}");
        assert_eq!(code(js.stream_info(bad).await), Code::InvalidName);
        assert_eq!(code(js.delete_stream(bad).await), Code::InvalidName);
        assert_eq!(code(js.consumer_info("S", bad).await), Code::InvalidName);
        let backup = js.snapshot_stream(bad, &SnapshotOptions::default()).await;
        assert_eq!(code(backup), Code::InvalidName);
    }
    assert!(!server.received_text(0).contains("$JS.API"));
}

#[tokio::test]
async fn js_manage_08() {
    let (_server, js) = start().await;
    let expected: Vec<String> = (0..1100).map(|number| format!("S{number:04}")).collect();
    for name in &expected {
        js.create_stream(&stream(name, name)).await.unwrap();
    }
    let names = js.stream_names(None).unwrap().all().await.unwrap();
    assert_eq!(names, expected);
    let mut infos = js.streams(None).unwrap();
    let mut found = Vec::new();
    while let Some(info) = infos.next().await.unwrap() {
        found.push(info.config.name);
    }
    assert_eq!(found, expected);
    assert!(infos.missing().is_empty() && infos.offline().is_empty());
}

#[tokio::test]
async fn js_manage_09() {
    let (_server, js) = start().await;
    js.create_stream(&stream("A", "a.>")).await.unwrap();
    js.create_stream(&stream("B", "b.*")).await.unwrap();
    assert_eq!(js.stream_names(Some("a.1.2")).unwrap().all().await.unwrap(), ["A"]);
    let infos = js.streams(Some("b.1")).unwrap().all().await.unwrap();
    assert_eq!(infos.iter().map(|info| &info.config.name).collect::<Vec<_>>(), ["B"]);
    assert!(js.stream_names(Some("c")).unwrap().all().await.unwrap().is_empty());
    assert_eq!(js.stream_by_subject("b.1").await.unwrap(), "B");
    assert_eq!(code(js.stream_by_subject("c").await), Code::StreamNotFound);
    assert_eq!(code(js.stream_by_subject("a b").await), Code::InvalidSubject);
}

#[tokio::test]
async fn js_manage_10() {
    const SUBJECTS: u64 = 100_100;
    let (_server, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    // One after the other: servers take only so many at once.
    let options = PublisherOptions { stall: PATIENCE, ..PublisherOptions::default() };
    let publisher = js.publisher(&options).unwrap();
    for subject in (0..SUBJECTS).chain([7]).map(|number| format!("s.{number}")) {
        drop(publisher.publish(&subject, "").await.unwrap());
    }
    within("all messages", publisher.complete(PATIENCE)).await.unwrap();
    let options = InfoOptions { subjects_filter: Some(">".into()), ..InfoOptions::default() };
    let count = |info: &StreamInfo| info.state.subjects.len() as u64;
    let info = js.stream_info_with("S", &options).await.unwrap();
    assert_eq!((count(&info), info.state.num_subjects), (SUBJECTS, SUBJECTS));
    assert_eq!((info.state.subjects["s.7"], info.state.subjects["s.100099"]), (2, 1));
    let one = InfoOptions { subjects_filter: Some("s.7".into()), ..InfoOptions::default() };
    assert_eq!(count(&js.stream_info_with("S", &one).await.unwrap()), 1);
    assert_eq!(count(&js.stream_info("S").await.unwrap()), 0);
}

#[tokio::test]
async fn js_manage_11() {
    let (_server, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    store(&js, 1..=6, |_| "s.a".into()).await;
    for gone in [2, 3, 5] {
        js.delete_message("S", gone, false).await.unwrap();
    }
    let options = InfoOptions { deleted_details: true, ..InfoOptions::default() };
    let state = js.stream_info_with("S", &options).await.unwrap().state;
    assert_eq!((state.num_deleted, state.deleted), (3, vec![2, 3, 5]));
    assert!(js.stream_info("S").await.unwrap().state.deleted.is_empty());
}

#[tokio::test]
async fn js_manage_12() {
    let (_server, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    store(&js, 1..=10, |number| format!("s.{}", number % 2)).await;
    let purge = async |filter: Option<&str>, before, keep| {
        let options = PurgeOptions { filter: filter.map(Into::into), before, keep };
        js.purge_stream("S", &options).await
    };
    assert_eq!(code(purge(None, Some(3), Some(1)).await), Code::InvalidArgument);
    assert_eq!(purge(Some("s.0"), None, None).await.unwrap(), 5);
    assert_eq!(purge(None, Some(4), None).await.unwrap(), 2);
    // Of 5, 7 and 9; servers before 2.14 count back from the last sequence.
    let (gone, kept) = if is_at_least(js.client(), (2, 14)) { (1, 2) } else { (2, 1) };
    assert_eq!(purge(None, None, Some(2)).await.unwrap(), gone);
    assert_eq!(purge(None, None, None).await.unwrap(), kept);
    assert_eq!(js.stream_info("S").await.unwrap().state.messages, 0);
}

#[tokio::test]
async fn js_manage_45() {
    let (_server, js) = start().await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    js.create_consumer("S", &consumer("c")).await.unwrap();
    store(&js, 1..=3, |_| "s.a".into()).await;
    let account = js.account_info().await.unwrap();
    assert_eq!((account.tier.streams, account.tier.consumers), (1, 1));
    assert!(account.tier.memory > 0 && account.tier.limits.max_streams == -1, "{account:?}");
    assert!(account.api.total >= 2, "{account:?}");
    // Older servers do not tell it.
    assert_eq!(account.api.level >= 1, is_at_least(js.client(), (2, 11)));
    assert!(account.tiers.is_empty());
}

#[tokio::test]
async fn js_manage_50() {
    let (_server, js) = start().await;
    let told = js.advisories(None).unwrap();
    flush(js.client()).await;
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    js.create_consumer("S", &consumer("c")).await.unwrap();
    js.delete_consumer("S", "c").await.unwrap();
    js.delete_stream("S").await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let advisory = within("an advisory", told.next()).await.unwrap().unwrap();
        assert!(!advisory.id.is_empty() && !advisory.timestamp.is_empty(), "{advisory:?}");
        match advisory.event {
            AdvisoryEvent::StreamAction(of) => seen.push((of.stream, of.action)),
            AdvisoryEvent::ConsumerAction(of) => seen.push((of.consumer, of.action)),
            AdvisoryEvent::ApiAudit(of) => assert!(of.subject.starts_with("$JS.API")),
            other => panic!("{other:?}"),
        }
    }
    let expected = [("S", "create"), ("c", "create"), ("c", "delete"), ("S", "delete")];
    assert_eq!(seen, expected.map(|(name, action)| (name.to_owned(), action.to_owned())));
    // What comes under such a subject, but is none, and one that is of a newer server.
    let client = js.client();
    publish(client, "$JS.EVENT.ADVISORY.X", "no JSON").await;
    publish(client, "$JS.EVENT.ADVISORY.X", r#"{"type":"io.nats.novel","a":1}"#).await;
    let other = async || loop {
        match within("an advisory", told.next()).await.map(Option::unwrap) {
            Ok(Advisory { event: AdvisoryEvent::ApiAudit(_), .. }) => {}
            other => return other,
        }
    };
    assert_eq!(code(other().await), Code::Protocol);
    let novel = other().await.unwrap();
    assert_eq!(novel.event, AdvisoryEvent::Other("io.nats.novel".into()));
    assert_eq!(novel.document["a"], 1);
}

#[tokio::test]
async fn js_manage_56() {
    for bad in ["", "{", "[]", r#"{"state":5}"#, r#"{"config":{"name":{}},"state":{}}"#] {
        let (_server, client) = answering(None, &[bad]).await;
        let error = client.jetstream().stream_info("S").await.unwrap_err();
        assert_eq!(error.code(), Code::Protocol, "{bad}: {error}");
    }
    let novel = r#"{"error":{"code":418,"err_code":19999,"description":"a teapot"}}"#;
    let (_server, client) = answering(None, &[novel]).await;
    let error = client.jetstream().stream_info("S").await.unwrap_err();
    let api = error.api().unwrap();
    assert_eq!((error.code(), api.code, api.err_code), (Code::JetStream, 418, 19999));
    assert_eq!(api.description, "a teapot");
}

#[tokio::test]
async fn js_manage_57() {
    let (_server, client) = answering(None, &[]).await;
    let options = JetStreamOptions { timeout: SHORT, ..JetStreamOptions::default() };
    let js = client.jetstream_with(options).unwrap();
    assert_eq!(code(within("the timeout", js.account_info()).await), Code::Timeout);
    let plain = Server::start(Config::plain()).unwrap();
    let js = dial(&plain.url()).await.jetstream();
    assert_eq!(code(js.account_info().await), Code::JetStreamNotEnabled);
    assert_eq!(code(js.stream_info("S").await), Code::JetStreamNotEnabled);
}
