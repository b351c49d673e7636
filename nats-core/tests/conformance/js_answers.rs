//! Answers that no real server gives: a fake one gives them.

use std::time::Duration;

use nats_core::jetstream::{
    AckKind, ConsumeEvent, ConsumeOptions, ConsumerConfig, ERR_CODES, FetchOptions, GetMessage,
    InfoOptions, JetStream, PublishOptions, PurgeOptions, StreamConfig,
};
use nats_core::{Code, Error, Publish, Result};
use nats_harness::Step;

use super::support::fake_js::*;
use super::support::*;

const OPERATIONS: [&str; 17] = [
    "account_info",
    "create_stream",
    "update_stream",
    "stream_info",
    "stream_info_with",
    "delete_stream",
    "purge_stream",
    "stream_names",
    "streams",
    "create_consumer",
    "consumer_info",
    "delete_consumer",
    "pause_consumer",
    "consumer_names",
    "consumers",
    "get_message",
    "delete_message",
];

/// Asks the API for one thing, once.
async fn ask(js: &JetStream, operation: &str) -> Result<()> {
    let stream = StreamConfig { name: "S".into(), ..StreamConfig::default() };
    let consumer = ConsumerConfig { name: "C".into(), ..ConsumerConfig::default() };
    let subjects = InfoOptions { subjects_filter: Some(">".into()), deleted_details: true };
    match operation {
        "account_info" => js.account_info().await.map(drop),
        "create_stream" => js.create_stream(&stream).await.map(drop),
        "update_stream" => js.update_stream(&stream).await.map(drop),
        "stream_info" => js.stream_info("S").await.map(drop),
        "stream_info_with" => js.stream_info_with("S", &subjects).await.map(drop),
        "delete_stream" => js.delete_stream("S").await,
        "purge_stream" => js.purge_stream("S", &PurgeOptions::default()).await.map(drop),
        "stream_names" => js.stream_names(None)?.all().await.map(drop),
        "streams" => js.streams(None)?.all().await.map(drop),
        "create_consumer" => js.create_consumer("S", &consumer).await.map(drop),
        "consumer_info" => js.consumer_info("S", "C").await.map(drop),
        "delete_consumer" => js.delete_consumer("S", "C").await,
        "pause_consumer" => js.pause_consumer("S", "C", "2100-01-01T00:00:00Z").await.map(drop),
        "consumer_names" => js.consumer_names("S")?.all().await.map(drop),
        "consumers" => js.consumers("S")?.all().await.map(drop),
        "get_message" => js.get_message("S", &GetMessage::sequence(1)).await.map(drop),
        "delete_message" => js.delete_message("S", 1, true).await,
        _ => unreachable!("{operation}"),
    }
}

/// Every operation gives PROTOCOL for each of these answers, and the connection goes on.
async fn expect_protocol(answers: &[&[u8]]) {
    for operation in OPERATIONS {
        let fake = FakeJs::answering(answers).await;
        for answer in answers {
            let shown = String::from_utf8_lossy(&answer[..answer.len().min(80)]);
            let error = within(operation, ask(&fake.js, operation)).await.expect_err(&shown);
            assert_eq!(error.code(), Code::Protocol, "{operation}: {shown}: {error}");
            assert!(error.text().contains("cannot be read"), "{error}");
        }
        fake.expect_alive().await;
        assert_eq!(fake.requests(), answers.len(), "{operation}: asked once each");
    }
}

#[tokio::test]
async fn js_fault_09() {
    let deep = "[".repeat(100_000);
    let huge = "x".repeat(1_000_000);
    let long = format!("{{\"type\":\"{huge}");
    expect_protocol(&[
        b"",
        b"+OK",
        b"-ERR 'no'",
        b"hello",
        b"\xff\xfe\x00",
        b"{",
        br#"{"type":"io.nats.jetstream.api.v1.stream_info_response","config":{"name":"S"#,
        b"null",
        b"7",
        b"[]",
        b"\"text\"",
        b"{}{}",
        deep.as_bytes(),
        huge.as_bytes(),
        long.as_bytes(),
    ])
    .await;
}

#[tokio::test]
async fn js_fault_10() {
    expect_protocol(&[b"{}", br#"{"type":5}"#, br#"{"config":{"name":"S"},"name":"C","total":0}"#])
        .await;
    // With a type, and without all that is to be there; an account may have nothing of all.
    for operation in OPERATIONS.iter().filter(|operation| **operation != "account_info") {
        let fake = FakeJs::answering([r#"{"type":"t"}"#]).await;
        let error = ask(&fake.js, operation).await.unwrap_err();
        assert_eq!(error.code(), Code::Protocol, "{operation}: {error}");
    }
    for (operation, answer, member) in [
        ("account_info", r#"{"type":"t","api":{"total":"x"}}"#, "api.total"),
        ("account_info", r#"{"type":"t","api":7}"#, "api"),
        ("stream_info", r#"{"type":"t","config":{"name":"S","max_msgs":"x"}}"#, "config.max_msgs"),
        (
            "stream_info",
            r#"{"type":"t","config":{"name":"S"},"state":{"messages":-1}}"#,
            "messages",
        ),
        ("stream_info", r#"{"type":"t","config":{"name":"OTHER"}}"#, "OTHER"),
        ("stream_info_with", r#"{"type":"t","config":[]}"#, "config"),
        ("create_stream", r#"{"type":"t","config":{"name":["S"]}}"#, "config.name"),
        ("delete_stream", r#"{"type":"t","success":"yes"}"#, "success"),
        ("delete_stream", r#"{"type":"t","success":false}"#, "success"),
        ("purge_stream", r#"{"type":"t","success":true,"purged":"all"}"#, "purged"),
        ("stream_names", r#"{"type":"t","total":1,"streams":"S"}"#, "streams"),
        ("stream_names", r#"{"type":"t","total":"1","streams":["S"]}"#, "total"),
        ("streams", r#"{"type":"t","total":1,"streams":[7]}"#, "type"),
        ("consumer_info", r#"{"type":"t","name":"C","num_pending":1.5}"#, "num_pending"),
        ("consumer_info", r#"{"type":"t","name":"D"}"#, "D"),
        ("consumers", r#"{"type":"t","total":1,"consumers":[{"name":{}}]}"#, "name"),
        ("pause_consumer", r#"{"type":"t","paused":"no"}"#, "paused"),
        ("get_message", r#"{"type":"t","message":{"seq":1,"data":"%%"}}"#, "message"),
        ("get_message", r#"{"type":"t","message":{"subject":"a"}}"#, "message.seq"),
    ] {
        let fake = FakeJs::answering([answer]).await;
        let error = ask(&fake.js, operation).await.expect_err(answer);
        assert_eq!(error.code(), Code::Protocol, "{operation}: {answer}: {error}");
        assert!(error.text().contains(member), "{operation}: {answer}: {error}");
        fake.expect_alive().await;
    }
}

#[tokio::test]
async fn js_fault_11() {
    expect_protocol(&[
        br#"{"error":5}"#,
        br#"{"type":"t","error":"no"}"#,
        br#"{"type":"t","error":[]}"#,
        br#"{"type":"t","error":{"code":"404"}}"#,
        br#"{"type":"t","error":{"code":-1}}"#,
        br#"{"type":"t","error":{"code":404,"err_code":1000059}}"#,
        br#"{"type":"t","error":{"description":{"text":"no"}}}"#,
    ])
    .await;
    let fake = FakeJs::answering([r#"{"type":"t","error":{}}"#]).await;
    let error = fake.js.stream_info("S").await.unwrap_err();
    assert_eq!(error.code(), Code::JetStream, "nothing is said of why");
    assert_eq!(error.api().map(|api| (api.code, api.err_code)), Some((0, 0)));
}

#[tokio::test]
async fn js_fault_12() {
    let unknown = [(10_001, ""), (19_999, ""), (1, ""), (u16::MAX, "")];
    let codes: Vec<_> = ERR_CODES.iter().chain(&unknown).collect();
    let refusal = |(err_code, _): &&(u16, &str)| {
        format!(
            r#"{{"type":"t","error":{{"code":400,"err_code":{err_code},"description":"why"}}}}"#
        )
    };
    let fake = FakeJs::answering(codes.iter().map(refusal)).await;
    for (err_code, name) in codes {
        let error = fake.js.account_info().await.unwrap_err();
        let api = error.api().expect("what the server said");
        assert_eq!((api.code, api.err_code, api.description.as_str()), (400, *err_code, "why"));
        let named = nats_core::jetstream::err_code_name(*err_code);
        assert_eq!(named.unwrap_or_default(), *name);
        let expected = if name.is_empty() { "an unknown code" } else { name };
        assert_eq!(error.text(), format!("INFO: why ({expected}, {err_code})"));
    }
    assert!(ERR_CODES.len() > 200);
}

#[tokio::test]
async fn js_fault_14() {
    let page = |names: &[&str], total: u64| {
        let names = names.join("\",\"");
        format!(r#"{{"type":"t","total":{total},"offset":0,"limit":1024,"streams":["{names}"]}}"#)
    };
    // The same page again and again.
    let fake = FakeJs::answering(vec![page(&["A", "B"], 1000); 10]).await;
    let mut names = fake.js.stream_names(None).unwrap();
    assert_eq!(names.next().await.unwrap().as_deref(), Some("A"));
    assert_eq!(names.next().await.unwrap().as_deref(), Some("B"));
    assert_eq!(code(within("the end", names.next()).await), Code::Protocol);
    assert_eq!(fake.requests(), 2);
    // Of descriptions that differ in what changes all the time.
    let list = |number: u64| {
        format!(
            r#"{{"type":"t","total":999,"streams":[{{"config":{{"name":"A"}},"ts":"{number}"}}]}}"#
        )
    };
    let fake = FakeJs::answering((0..10).map(list)).await;
    assert_eq!(code(fake.js.streams(None).unwrap().all().await), Code::Protocol);
    assert_eq!(fake.requests(), 2);
    // A total that is never reached: a page without items is the last one.
    let endless = [page(&["A"], u64::MAX), page(&["B"], u64::MAX), page(&["C"], u64::MAX)];
    let last = r#"{"type":"t","total":18446744073709551615,"streams":null}"#.to_owned();
    let fake = FakeJs::answering(endless.into_iter().chain([last])).await;
    assert_eq!(fake.js.stream_names(None).unwrap().all().await.unwrap(), ["A", "B", "C"]);
    // Subjects of a stream.
    let subjects =
        r#"{"type":"t","total":1000,"config":{"name":"S"},"state":{"subjects":{"a":1}}}"#;
    let fake = FakeJs::answering([subjects; 10]).await;
    assert_eq!(code(ask(&fake.js, "stream_info_with").await), Code::Protocol);
    assert_eq!(fake.requests(), 2);
}

#[tokio::test]
async fn js_fault_15() {
    let bad: [&[u8]; 13] = [
        b"",
        b"+OK",
        b"{}",
        b"[]",
        b"null",
        b"{\"stream\":\"S\"",
        br#"{"stream":"S"}"#,
        br#"{"seq":1}"#,
        br#"{"stream":"S","seq":0}"#,
        br#"{"stream":"S","seq":-1}"#,
        br#"{"stream":"S","seq":"1"}"#,
        br#"{"stream":7,"seq":1}"#,
        br#"{"stream":"S","seq":1,"duplicate":"yes"}"#,
    ];
    let fake = FakeJs::answering(bad).await;
    for answer in bad {
        let error = fake.js.publish("s.a", "x").await.unwrap_err();
        assert_eq!(error.code(), Code::Protocol, "{:?}: {error}", String::from_utf8_lossy(answer));
        assert!(error.text().contains("s.a"), "{error}");
    }
    fake.expect_alive().await;
}

#[tokio::test]
async fn js_fault_18() {
    // The acknowledgement is lost: the first of the two publishes is answered by nobody.
    let stored = br#"{"stream":"S","seq":1,"duplicate":true}"#;
    let [_, line, payload] = answer(stored);
    let fake =
        FakeJs::start(vec![Step::expect("HPUB "), Step::expect("HPUB "), line, payload]).await;
    let options = PublishOptions {
        msg_id: Some("one".into()),
        timeout: Some(SHORT),
        ..PublishOptions::default()
    };
    let publish = Publish::new("s.a", b"x");
    let error = fake.js.publish_with(&publish, &options).await.unwrap_err();
    assert_eq!(error.code(), Code::Timeout);
    assert!(error.text().contains("s.a"), "{error}");
    let options = PublishOptions { timeout: None, ..options };
    let ack = fake.js.publish_with(&publish, &options).await.unwrap();
    assert_eq!((ack.seq, ack.duplicate), (1, true));
    let sent = fake.fake.received_text(0);
    assert_eq!(sent.matches("Nats-Msg-Id: one\r\n").count(), 2, "{sent}");
}

#[tokio::test]
async fn js_fault_19() {
    let replies = [
        "_INBOX.else",
        "$JS.ACK",
        "$JS.ACK.S.C.1.2.3.4",
        "$JS.ACK.S.C.1.2.3.4.5.6",
        "$JS.ACK.S.C.one.2.3.4.5",
        "$JS.ACK.S.C.1.2.3.4.-5",
        "$JS.ACK.S.C.1.99999999999999999999999.3.4.5",
        "$JS.ACK.S.C.1.2.3.99999999999999999999.5",
        "$JS.ACK.........",
        "$JS.ACK._.H.S.C.1.2.3.4.x",
    ];
    let mut steps = vec![Step::expect("PUB ")];
    steps.extend(replies.iter().map(|reply| delivery("s.a", reply, "x")));
    let fake = FakeJs::start(steps).await;
    let options = FetchOptions { max_messages: replies.len(), ..FetchOptions::default() };
    let messages = fake.js.pull("S", "C").unwrap().fetch(&options).unwrap();
    let messages = within("the messages", messages.all()).await.unwrap();
    assert_eq!(messages.len(), replies.len());
    for message in &messages {
        assert_eq!(text(message), "x");
        let error = message.metadata().unwrap_err();
        assert_eq!(error.code(), Code::NotJetStream, "{:?}", message.reply());
    }
    for message in &messages[..2] {
        assert_eq!(code(message.ack().await), Code::NotJetStream);
        assert_eq!(code(message.ack_with(AckKind::Nak(None)).await), Code::NotJetStream);
        assert_eq!(code(message.double_ack(SHORT).await), Code::NotJetStream);
    }
    fake.expect_alive().await;
}

fn fetch_all() -> FetchOptions {
    FetchOptions { max_messages: 10, ..FetchOptions::default() }
}

#[tokio::test]
async fn js_fault_21() {
    for line in [
        "499 Something New",
        "409 Something New",
        "599 Broken",
        "400 Bad Request",
        "409",
        "409 \u{e4}\u{f6}",
        "409 Leadership Change",
        "409 Server Shutdown",
        "423 Nats-Wrong-Pin-Id",
        "499 Many\r\nNats-Pending-Messages: -5\r\nNats-Pending-Bytes: 99999999999999999999999",
    ] {
        let reply = "$JS.ACK.S.C.1.1.1.1700000000000000000.0";
        let steps = vec![Step::expect("PUB "), delivery("s.a", reply, "before"), status(line)];
        let fake = FakeJs::start(steps).await;
        let mut fetch = fake.js.pull("S", "C").unwrap().fetch(&fetch_all()).unwrap();
        let first = within("the message", fetch.next()).await.unwrap().unwrap();
        assert_eq!(
            (text(&first).as_str(), first.metadata().unwrap().stream_sequence),
            ("before", 1)
        );
        let error = within("the end", fetch.next()).await.unwrap_err();
        assert_eq!(error.code(), Code::PullRefused, "{line}: {error}");
        assert!(error.text().contains(&line[..3]), "{line}: {error}");
        assert_eq!(code(fetch.next().await), Code::PullRefused, "and stays so");
        fake.expect_alive().await;
    }
    // The request is over, and nothing is wrong.
    for line in ["404 No Messages", "408 Request Timeout", "409 Message Size Exceeds MaxBytes"] {
        let fake = FakeJs::start(vec![Step::expect("PUB "), status(line)]).await;
        let fetch = fake.js.pull("S", "C").unwrap().fetch(&fetch_all()).unwrap();
        assert!(within("the end", fetch.all()).await.unwrap().is_empty(), "{line}");
    }
}

#[tokio::test]
async fn js_fault_29() {
    let reply = "$JS.ACK.S.C.1.1.1.1700000000000000000.0";
    for line in ["409 Leadership Change", "409 Server Shutdown", "409 Something New", "599 Broken"]
    {
        let steps = vec![
            Step::expect("PUB $JS.API.CONSUMER.MSG.NEXT"),
            status(line),
            Step::expect("PUB $JS.API.CONSUMER.MSG.NEXT"),
            delivery("s.a", reply, "after"),
        ];
        let fake = FakeJs::start(steps).await;
        let events = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = std::sync::Arc::clone(&events);
        let options = ConsumeOptions {
            events: Some(std::sync::Arc::new(move |event: &ConsumeEvent| {
                sink.lock().unwrap().push(event.clone());
            })),
            ..ConsumeOptions::default()
        };
        let mut messages = fake.js.pull("S", "C").unwrap().messages(&options).unwrap();
        let message = within("the message", messages.next()).await.unwrap().unwrap();
        assert_eq!(text(&message), "after", "{line}");
        let told = |event: &ConsumeEvent| {
            matches!(event, ConsumeEvent::Refused(error)
                if error.code() == Code::PullRefused && error.text().contains(line))
        };
        let events = events.lock().unwrap();
        assert!(events.len() == 1 && told(&events[0]), "{line}: {events:?}");
    }
}

#[tokio::test]
async fn js_fault_08() {
    // A server that takes what it is asked and answers nothing.
    let fake = FakeJs::start(vec![]).await;
    let hasty = nats_core::jetstream::JetStreamOptions { timeout: SHORT, ..Default::default() };
    let js = fake.client.jetstream_with(hasty).unwrap();
    for operation in OPERATIONS {
        let error: Error = within(operation, ask(&js, operation)).await.unwrap_err();
        assert_eq!(error.code(), Code::Timeout, "{operation}: {error}");
        assert!(error.text().contains("$JS.API."), "the subject is told: {error}");
    }
    assert_eq!(code(js.publish("s.a", "x").await), Code::Timeout);
    let options = FetchOptions { no_wait: true, ..FetchOptions::default() };
    let none = js.pull("S", "C").unwrap().fetch(&options).unwrap();
    assert!(within("the end", none.all()).await.unwrap().is_empty());
    let options = FetchOptions {
        expires: Duration::from_secs(30),
        heartbeat: Some(SHORT),
        ..FetchOptions::default()
    };
    let silent = js.pull("S", "C").unwrap().fetch(&options).unwrap();
    assert_eq!(code(within("the end", silent.all()).await), Code::HeartbeatMissed);
    fake.expect_alive().await;
}
