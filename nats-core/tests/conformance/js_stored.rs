use std::time::Duration;

use nats_core::{Code, Headers, Publish};

use super::js::*;
use super::support::versions::{is_at_least, lacks, needs};
use super::support::*;

/// Ten messages under two subjects, the first with headers.
async fn filled(js: &JetStream, config: StreamConfig) {
    js.create_stream(&config).await.unwrap();
    let mut headers = Headers::new();
    headers.append("Own", "a").unwrap();
    headers.append("Own", "b").unwrap();
    let first = Publish::new("s.1", b"1").headers(&headers);
    js.publish_with(&first, &PublishOptions::default()).await.unwrap();
    store(js, 2..=10, |number| format!("s.{}", number % 2)).await;
}

fn is(message: &StoredMessage, number: u64) {
    let text = number.to_string();
    assert_eq!((message.sequence, &message.payload[..]), (number, text.as_bytes()));
    assert_eq!(message.subject, format!("s.{}", number % 2));
    assert!(message.time.starts_with("20"), "{message:?}");
}

async fn get(js: &JetStream, direct: bool, which: GetMessage) -> nats_core::Result<StoredMessage> {
    if direct { js.direct_get("S", &which).await } else { js.get_message("S", &which).await }
}

async fn gets(direct: bool) {
    let (_server, js) = start().await;
    filled(&js, stream("S", "s.>")).await;
    let first = get(&js, direct, GetMessage::sequence(1)).await.unwrap();
    is(&first, 1);
    let own: Vec<_> = first.headers().unwrap().get_all("Own").collect();
    assert_eq!(own, [b"a", b"b"]);
    is(&get(&js, direct, GetMessage::last_of("s.1")).await.unwrap(), 9);
    is(&get(&js, direct, GetMessage::last_of("s.*")).await.unwrap(), 10);
    is(&get(&js, direct, GetMessage::next_of("s.0", 3)).await.unwrap(), 4);
    let message = first.to_message().unwrap();
    assert_eq!((message.subject(), message.payload()), ("s.1", &b"1"[..]));
    assert_eq!(message.header("Nats-Sequence"), Some("1"));
}

#[tokio::test]
async fn js_manage_13() {
    gets(false).await;
}

#[tokio::test]
async fn js_manage_14() {
    let (_server, js) = start().await;
    filled(&js, stream("S", "s.>")).await;
    for direct in [false, true] {
        let missing =
            [GetMessage::sequence(11), GetMessage::last_of("s.7"), GetMessage::next_of("s.0", 11)];
        for which in missing {
            assert_eq!(code(get(&js, direct, which).await), Code::MessageNotFound);
        }
        let two = GetMessage { sequence: Some(1), ..GetMessage::last_of("s.1") };
        for bad in [GetMessage::default(), two, GetMessage::sequence(0)] {
            assert_eq!(code(get(&js, direct, bad).await), Code::InvalidArgument);
        }
    }
}

#[tokio::test]
async fn js_manage_15() {
    gets(true).await;
}

#[tokio::test]
async fn js_manage_16() {
    let (_server, js) = start().await;
    filled(&js, StreamConfig { allow_direct: false, ..stream("S", "s.>") }).await;
    assert_eq!(code(get(&js, true, GetMessage::sequence(1)).await), Code::NoResponders);
    let none = js.direct_get("NONE", &GetMessage::sequence(1)).await;
    assert_eq!(code(none), Code::NoResponders);
}

#[tokio::test]
async fn js_manage_17() {
    let (_server, js) = start().await;
    filled(&js, stream("S", "s.>")).await;
    for (sequence, erase) in [(4, true), (5, false)] {
        js.delete_message("S", sequence, erase).await.unwrap();
        let gone = get(&js, false, GetMessage::sequence(sequence)).await;
        assert_eq!(code(gone), Code::MessageNotFound);
        assert_eq!(code(js.delete_message("S", sequence, erase).await), Code::MessageNotFound);
    }
    let state = js.stream_info("S").await.unwrap().state;
    assert_eq!((state.messages, state.num_deleted, state.last_seq), (8, 2, 10));
}

/// A server with ten messages; None: it knows no batches of direct gets.
async fn batching() -> Option<(nats_harness::Server, JetStream)> {
    let (server, js) = start().await;
    filled(&js, stream("S", "s.>")).await;
    let batch = js.direct_batch("S", &DirectBatchOptions::default()).await;
    (!lacks(js.client(), (2, 11), &batch)).then_some((server, js))
}

async fn batch(js: &JetStream, options: &DirectBatchOptions) -> (Vec<u64>, DirectBatch) {
    let mut batch = js.direct_batch("S", options).await.unwrap();
    let messages = within("the batch", batch.all()).await.unwrap();
    messages.iter().for_each(|message| is(message, message.sequence));
    (messages.iter().map(|message| message.sequence).collect(), batch)
}

#[tokio::test]
async fn js_manage_18() {
    let Some((_server, js)) = batching().await else { return };
    let from = |sequence| DirectBatchOptions { batch: 4, sequence, ..Default::default() };
    let (got, end) = batch(&js, &from(3)).await;
    assert_eq!((got, end.pending(), end.last_sequence()), (vec![3, 4, 5, 6], 4, 6));
    let (got, end) = batch(&js, &from(end.last_sequence() + 1)).await;
    assert_eq!((got, end.pending()), (vec![7, 8, 9, 10], 0));
    let (got, _) = batch(&js, &DirectBatchOptions::default()).await;
    assert_eq!(got, [1], "one, when no number is given");
}

#[tokio::test]
async fn js_manage_19() {
    let Some((_server, js)) = batching().await else { return };
    let all = DirectBatchOptions { batch: 100, ..DirectBatchOptions::default() };
    let since = get(&js, false, GetMessage::sequence(8)).await.unwrap().time;
    let (got, _) = batch(&js, &DirectBatchOptions { start_time: since, ..all.clone() }).await;
    assert_eq!(got, [8, 9, 10]);
    let next_by_subject = "s.0".to_owned();
    let (got, _) = batch(&js, &DirectBatchOptions { next_by_subject, ..all.clone() }).await;
    assert_eq!(got, [2, 4, 6, 8, 10]);
    let large = vec![b'x'; 1000];
    for _ in 0..3 {
        js.publish("s.large", &large).await.unwrap();
    }
    let bytes = DirectBatchOptions { max_bytes: 1500, sequence: 11, ..all.clone() };
    let mut some = js.direct_batch("S", &bytes).await.unwrap();
    let count = some.all().await.unwrap().len();
    assert!((1..3).contains(&count), "{count}");
    assert_eq!(some.pending(), 3 - count as u64);
    for (no_headers, expected) in [(false, 2), (true, 0)] {
        let options = DirectBatchOptions { batch: 1, no_headers, ..DirectBatchOptions::default() };
        let batch = js.direct_batch("S", &options).await;
        let version = if no_headers { (2, 12) } else { (2, 11) };
        let Some(mut batch) = needs(js.client(), version, batch) else { continue };
        let first = batch.all().await.unwrap().remove(0);
        let own = first.headers().map_or(0, |headers| headers.get_all("Own").count());
        assert_eq!((own, &first.payload[..]), (expected, &b"1"[..]));
    }
}

#[tokio::test]
async fn js_manage_20() {
    let Some((_server, js)) = batching().await else { return };
    let last = |multi_last: &[&str]| DirectBatchOptions {
        multi_last: multi_last.iter().map(|&subject| subject.into()).collect(),
        ..DirectBatchOptions::default()
    };
    let (got, end) = batch(&js, &last(&["s.0", "s.1", "s.7"])).await;
    assert_eq!((got, end.up_to_sequence()), (vec![9, 10], 10));
    let up_to = DirectBatchOptions { up_to_sequence: 5, ..last(&["s.>"]) };
    assert_eq!(batch(&js, &up_to).await.0, [4, 5]);
    let up_to_time = get(&js, false, GetMessage::sequence(7)).await.unwrap().time;
    let (got, _) = batch(&js, &DirectBatchOptions { up_to_time, ..last(&["s.>"]) }).await;
    assert!(got == [6, 7] || got == [5, 6], "before or at that time: {got:?}");
    let (got, end) = batch(&js, &DirectBatchOptions { batch: 1, ..last(&["s.>"]) }).await;
    // Older servers do not count those that they leave.
    let pending = u64::from(is_at_least(js.client(), (2, 12)));
    assert_eq!((got.len(), end.pending()), (1, pending));
}

#[tokio::test]
async fn js_manage_21() {
    let Some((_server, js)) = batching().await else { return };
    let behind = DirectBatchOptions { batch: 5, sequence: 100, ..DirectBatchOptions::default() };
    assert!(batch(&js, &behind).await.0.is_empty());
    let none = DirectBatchOptions { multi_last: vec!["s.7".into()], ..Default::default() };
    let (got, mut end) = batch(&js, &none).await;
    assert!(got.is_empty() && end.next().await.unwrap().is_none());
    js.update_stream(&StreamConfig { allow_direct: false, ..stream("S", "s.>") }).await.unwrap();
    let mut none = js.direct_batch("S", &DirectBatchOptions::default()).await.unwrap();
    assert_eq!(code(within("the refusal", none.next()).await), Code::NoResponders);
}

#[tokio::test]
async fn js_manage_22() {
    let Some((_server, js)) = batching().await else { return };
    let (time, subject) = (|| "2030-01-01T00:00:00Z".to_owned(), || "s.1".to_owned());
    let many = || vec![subject()];
    for bad in [
        DirectBatchOptions { sequence: 1, start_time: time(), ..Default::default() },
        DirectBatchOptions { up_to_sequence: 1, ..Default::default() },
        DirectBatchOptions { up_to_time: time(), ..Default::default() },
        DirectBatchOptions { multi_last: many(), next_by_subject: subject(), ..Default::default() },
        DirectBatchOptions { multi_last: many(), start_time: time(), ..Default::default() },
        DirectBatchOptions {
            multi_last: many(),
            up_to_sequence: 1,
            up_to_time: time(),
            ..Default::default()
        },
    ] {
        assert_eq!(code(js.direct_batch("S", &bad).await), Code::InvalidArgument, "{bad:?}");
    }
    let bad = DirectBatchOptions { multi_last: vec!["a b".into()], ..Default::default() };
    assert_eq!(code(js.direct_batch("S", &bad).await), Code::InvalidSubject);
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    store(&js, 1..=1025, |number| format!("s.{number}")).await;
    let all = DirectBatchOptions { multi_last: vec!["s.>".into()], ..Default::default() };
    let mut refused = js.direct_batch("S", &all).await.unwrap();
    let error = within("the refusal", refused.next()).await.unwrap_err();
    assert_eq!((error.code(), error.api().unwrap().code), (Code::JetStream, 413));
    assert_eq!(refused.next().await.unwrap(), None, "it has ended");
}

fn counting(name: &str, subject: &str) -> StreamConfig {
    StreamConfig { allow_msg_counter: true, ..stream(name, subject) }
}

#[tokio::test]
async fn js_manage_23() {
    let (_server, js) = start().await;
    let made = js.create_stream(&counting("C", "c.>")).await;
    if needs(js.client(), (2, 12), made).is_none() {
        return;
    }
    assert_eq!(js.counter_add("c.a", 5).await.unwrap(), "5");
    assert_eq!(js.counter_add("c.a", -7).await.unwrap(), "-2");
    let large = Increment::parse("+100000000000000000000").unwrap();
    assert_eq!(js.counter_add("c.a", large).await.unwrap(), "99999999999999999998");
    let count = js.counter_get("C", "c.a").await.unwrap();
    assert_eq!(
        (&*count.value, &*count.increment),
        ("99999999999999999998", "+100000000000000000000")
    );
    assert_eq!((count.as_i128(), count.seq), (Some(99_999_999_999_999_999_998), 3));
}

#[tokio::test]
async fn js_manage_24() {
    let (_server, js) = start().await;
    let made = js.create_stream(&counting("EU", "eu.>")).await;
    if needs(js.client(), (2, 12), made).is_none() {
        return;
    }
    js.create_stream(&counting("US", "us.>")).await.unwrap();
    let source = |name: &str, src: &str| StreamSource {
        name: name.into(),
        subject_transforms: vec![SubjectTransform { src: src.into(), dest: "all.$1".into() }],
        ..StreamSource::default()
    };
    let all = StreamConfig {
        subjects: vec![],
        sources: vec![source("EU", "eu.*"), source("US", "us.*")],
        ..counting("ALL", "")
    };
    js.create_stream(&all).await.unwrap();
    for (subject, increment) in [("eu.a", 1), ("eu.a", 2), ("us.a", 10), ("eu.b", 5)] {
        js.counter_add(subject, increment).await.unwrap();
    }
    let get = || js.counter_get("ALL", "all.a");
    let a = until("the sum", get, |count| count.value == "13").await;
    assert_eq!((&*a.sources["EU"]["eu.a"], &*a.sources["US"]["us.a"]), ("3", "10"));
    until("the other sum", || js.counter_get("ALL", "all.b"), |count| count.value == "5").await;
    let counts = js.counter_get_many("ALL", &["all.>".into()]).await.unwrap().all().await.unwrap();
    let mut values: Vec<_> = counts.iter().map(|c| (&*c.subject, &*c.value)).collect();
    values.sort_unstable();
    assert_eq!(values, [("all.a", "13"), ("all.b", "5")]);
}

#[tokio::test]
async fn js_manage_25() {
    let (_server, js) = start().await;
    let made = js.create_stream(&counting("C", "c.>")).await;
    if needs(js.client(), (2, 12), made).is_none() {
        return;
    }
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    assert_eq!(code(Increment::parse("1.5")), Code::InvalidArgument);
    assert_eq!(code(js.counter_add("s.a", 1).await), Code::JetStream);
    assert_eq!(code(js.counter_get("C", "c.a").await), Code::MessageNotFound);
    assert_eq!(code(js.counter_get_many("C", &[]).await), Code::InvalidArgument);
    store(&js, 1..=1, |_| "s.a".into()).await;
    assert_eq!(code(js.counter_get("S", "s.a").await), Code::Protocol, "no counter");
}

async fn scheduling() -> Option<(nats_harness::Server, JetStream)> {
    let (server, js) = start().await;
    let config = StreamConfig {
        subjects: vec!["plan.>".into(), "out.>".into(), "in.>".into()],
        allow_msg_schedules: true,
        allow_msg_ttl: true,
        allow_rollup_hdrs: true,
        ..stream("S", "")
    };
    needs(js.client(), (2, 12), js.create_stream(&config).await)?;
    Some((server, js))
}

async fn schedule(js: &JetStream, subject: &str, schedule: &Schedule) -> nats_core::Result<PubAck> {
    let mut headers = Headers::new();
    headers.set("Own", "kept").unwrap();
    let publish = Publish::new(subject, b"later").headers(&headers);
    js.schedule(&publish, schedule, &PublishOptions::default()).await
}

async fn published(js: &JetStream, subject: &str) -> StoredMessage {
    let which = GetMessage::last_of(subject);
    until("what was scheduled", || js.get_message("S", &which), |_| true).await
}

fn header<'a>(message: &'a StoredMessage, name: &str) -> &'a str {
    let value = message.headers().and_then(|headers| headers.get(name));
    std::str::from_utf8(value.unwrap_or_default()).unwrap()
}

#[tokio::test]
async fn js_manage_26() {
    let Some((_server, js)) = scheduling().await else { return };
    let ack = schedule(&js, "plan.1", &Schedule::at("2020-01-01T00:00:00Z", "out.1")).await;
    assert_eq!(ack.unwrap().stream, "S");
    let message = published(&js, "out.1").await;
    assert_eq!(&message.payload[..], b"later");
    assert_eq!(header(&message, "Own"), "kept");
    assert_eq!(header(&message, "Nats-Scheduler"), "plan.1");
    let plan = GetMessage::last_of("plan.1");
    within("a schedule that is done is gone", async {
        while js.get_message("S", &plan).await.is_ok() {}
    })
    .await;
}

#[tokio::test]
async fn js_manage_27() {
    let Some((_server, js)) = scheduling().await else { return };
    let every = Schedule::every(Duration::from_secs(1), "out.1");
    let stored = schedule(&js, "plan.1", &every).await;
    if needs(js.client(), (2, 14), stored).is_none() {
        return;
    }
    let count = || js.stream_info("S");
    until("two of them", count, |info| info.state.messages >= 3).await;
    assert!(!header(&published(&js, "out.1").await, "Nats-Schedule-Next").is_empty());
    assert!(js.cancel_schedule("S", "plan.1").await.unwrap());
    assert!(!js.cancel_schedule("S", "plan.1").await.unwrap());
    assert_eq!(code(js.cancel_schedule("S", "plan.*").await), Code::InvalidSubject);
}

#[tokio::test]
async fn js_manage_28() {
    let Some((_server, js)) = scheduling().await else { return };
    js.publish("in.1", "sampled").await.unwrap();
    let sample = Schedule {
        source: Some("in.1".into()),
        ttl: Some(Duration::from_secs(300)),
        rollup: true,
        ..Schedule::every(Duration::from_secs(1), "out.1")
    };
    let stored = schedule(&js, "plan.1", &sample).await;
    if needs(js.client(), (2, 14), stored).is_none() {
        return;
    }
    let message = published(&js, "out.1").await;
    assert_eq!(&message.payload[..], b"sampled");
    assert_eq!((header(&message, "Nats-TTL"), header(&message, "Nats-Rollup")), ("300s", "sub"));
    let zoned = Schedule {
        time_zone: Some("Europe/Berlin".into()),
        ..Schedule::cron("0 0 5 * * mon", "out.2")
    };
    schedule(&js, "plan.2", &zoned).await.unwrap();
}

#[tokio::test]
async fn js_manage_29() {
    let (server, client) = answering(None, &[]).await;
    let js = client.jetstream();
    let daily = || Schedule::cron("@daily", "out.1");
    for (bad, expected) in [
        (Schedule::cron("* * * * *", "out.1"), Code::InvalidArgument),
        (Schedule::cron("@sometimes", "out.1"), Code::InvalidArgument),
        (Schedule::at("tomorrow", "out.1"), Code::InvalidArgument),
        (Schedule::every(Duration::from_millis(999), "out.1"), Code::InvalidArgument),
        (Schedule::cron("@daily", "plan.1"), Code::InvalidArgument),
        (Schedule { source: Some("plan.1".into()), ..daily() }, Code::InvalidArgument),
        (Schedule { time_zone: Some("UTC".into()), ..daily() }, Code::InvalidArgument),
        (Schedule { ttl: Some(Duration::ZERO), ..daily() }, Code::InvalidArgument),
        (Schedule::cron("@daily", "out.*"), Code::InvalidSubject),
        (Schedule { source: Some("in.>".into()), ..daily() }, Code::InvalidSubject),
    ] {
        assert_eq!(code(schedule(&js, "plan.1", &bad).await), expected, "{bad:?}");
    }
    assert!(!server.received_text(0).contains("PUB"));
}
