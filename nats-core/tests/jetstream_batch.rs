//! Batches of messages: stored together, and stored as they come.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::time::Duration;

use nats_core::jetstream::{
    AtomicBatchOptions, FastBatchEvent, FastBatchOptions, GetMessage, JetStream, PublishOptions,
    Storage, StreamConfig,
};
use nats_core::{Client, Code, Publish};
use nats_harness::{Config, Server};
use support::*;

async fn start(config: StreamConfig) -> (Server, Client, JetStream) {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    let subjects = vec!["s.>".into()];
    let config = StreamConfig { name: "S".into(), subjects, storage: Storage::Memory, ..config };
    js.create_stream(&config).await.unwrap();
    (server, client, js)
}

fn atomic() -> StreamConfig {
    StreamConfig { allow_atomic: true, ..StreamConfig::default() }
}

fn batched() -> StreamConfig {
    StreamConfig { allow_batched: true, ..StreamConfig::default() }
}

async fn stored(js: &JetStream) -> u64 {
    js.stream_info("S").await.unwrap().state.messages
}

fn plain() -> PublishOptions {
    PublishOptions::default()
}

fn last(sequence: u64) -> PublishOptions {
    PublishOptions { expected_last_sequence: Some(sequence), ..plain() }
}

#[tokio::test]
async fn an_atomic_batch_is_stored_when_it_is_committed() {
    let (_server, _client, js) = start(atomic()).await;
    for ack_every in [0, 1, 3] {
        let before = stored(&js).await;
        let options = AtomicBatchOptions { ack_every, ..AtomicBatchOptions::default() };
        let mut batch = js.atomic_batch(&options).unwrap();
        assert!(batch.is_empty());
        for number in 1..=9u64 {
            let text = number.to_string();
            batch.add(&Publish::new("s.a", text.as_bytes()), &plain()).await.unwrap();
            assert_eq!(batch.len(), number);
        }
        assert_eq!(stored(&js).await, before, "nothing before the commit");
        let id = batch.id().to_owned();
        let ack = batch.commit(&Publish::new("s.a", b"10"), &plain()).await.unwrap();
        assert_eq!((ack.seq, ack.batch_count, &ack.batch_id), (before + 10, 10, &id));
        assert_eq!(stored(&js).await, before + 10);
    }
    // Without a last message of its own.
    let mut batch = js.atomic_batch(&AtomicBatchOptions::default()).unwrap();
    batch.add(&Publish::new("s.a", b"x"), &plain()).await.unwrap();
    batch.add(&Publish::new("s.b", b"y"), &plain()).await.unwrap();
    let ack = batch.close().await.unwrap();
    assert_eq!((ack.seq, ack.batch_count), (32, 2));
    assert_eq!(&js.get_message("S", &GetMessage::sequence(32)).await.unwrap().payload[..], b"y");
    // One that has only a last message.
    let batch = js.atomic_batch(&AtomicBatchOptions::default()).unwrap();
    assert_eq!(batch.commit(&Publish::new("s.a", b"x"), &plain()).await.unwrap().seq, 33);
    let empty = js.atomic_batch(&AtomicBatchOptions::default()).unwrap();
    assert_eq!(code(empty.close().await), Code::InvalidArgument);
}

#[tokio::test]
async fn an_atomic_batch_that_is_refused_leaves_nothing() {
    let (_server, _client, js) = start(atomic()).await;
    js.publish("s.a", "x").await.unwrap();
    let options = AtomicBatchOptions::default();
    // What the first message expects decides at the commit.
    let mut batch = js.atomic_batch(&options).unwrap();
    batch.add(&Publish::new("s.a", b"x"), &last(5)).await.unwrap();
    let error = batch.commit(&Publish::new("s.a", b"x"), &plain()).await.unwrap_err();
    assert_eq!(error.code(), Code::WrongLastSequence, "{error}");
    let mut batch = js.atomic_batch(&options).unwrap();
    batch.add(&Publish::new("s.a", b"x"), &last(1)).await.unwrap();
    // A message that is refused here is not added, and the batch goes on.
    assert_eq!(code(batch.add(&Publish::new("s..a", b"x"), &plain()).await), Code::InvalidSubject);
    assert_eq!(batch.commit(&Publish::new("s.a", b"x"), &plain()).await.unwrap().batch_count, 2);
    assert_eq!(stored(&js).await, 3);
    // One without a last word is forgotten.
    let mut batch = js.atomic_batch(&options).unwrap();
    batch.add(&Publish::new("s.a", b"x"), &plain()).await.unwrap();
    drop(batch);
    assert_eq!(stored(&js).await, 3);
    // A stream that does not allow it, and none at all.
    js.create_stream(&StreamConfig {
        name: "T".into(),
        subjects: vec!["t".into()],
        ..StreamConfig::default()
    })
    .await
    .unwrap();
    let mut batch = js.atomic_batch(&options).unwrap();
    let error = batch.add(&Publish::new("t", b"x"), &plain()).await.unwrap_err();
    assert_eq!(error.api().unwrap().err_code, 10174, "{error}");
    assert_eq!(code(batch.add(&Publish::new("t", b"x"), &plain()).await), Code::BatchOver);
    assert_eq!(code(batch.commit(&Publish::new("t", b"x"), &plain()).await), Code::BatchOver);
    let mut batch = js.atomic_batch(&options).unwrap();
    let lost = batch.add(&Publish::new("nobody", b"x"), &plain()).await;
    assert_eq!(code(lost), Code::NoResponders);
}

#[tokio::test]
async fn a_fast_batch_is_stored_as_it_comes() {
    let (_server, _client, js) = start(batched()).await;
    let options = FastBatchOptions { flow: 10, ..FastBatchOptions::default() };
    let mut batch = js.fast_batch(&options).unwrap();
    for number in 1..=999u64 {
        let text = number.to_string();
        let added = batch.add(&Publish::new("s.a", text.as_bytes()), &plain()).await.unwrap();
        assert_eq!(added, number);
        assert!(batch.acknowledged() + 20 > number, "never more than two acknowledgements ahead");
    }
    assert!(batch.take_events().is_empty());
    let ack = batch.commit(&Publish::new("s.a", b"1000"), &plain()).await.unwrap();
    assert_eq!((ack.seq, ack.batch_count), (1000, 1000));
    for sequence in [1, 500, 1000] {
        let message = js.get_message("S", &GetMessage::sequence(sequence)).await.unwrap();
        assert_eq!(&message.payload[..], sequence.to_string().as_bytes());
    }
    let mut batch = js.fast_batch(&FastBatchOptions::default()).unwrap();
    batch.add(&Publish::new("s.a", b"x"), &plain()).await.unwrap();
    batch.add(&Publish::new("s.a", b"x"), &plain()).await.unwrap();
    let ack = batch.close().await.unwrap();
    assert_eq!((ack.seq, ack.batch_count), (1002, 2));
    let batch = js.fast_batch(&FastBatchOptions::default()).unwrap();
    assert_eq!(batch.commit(&Publish::new("s.a", b"x"), &plain()).await.unwrap().seq, 1003);
    let empty = js.fast_batch(&FastBatchOptions::default()).unwrap();
    assert_eq!(code(empty.close().await), Code::InvalidArgument);
    let none = FastBatchOptions { flow: 0, ..FastBatchOptions::default() };
    assert_eq!(code(js.fast_batch(&none)), Code::InvalidArgument);
}

#[tokio::test]
async fn a_message_that_is_refused_ends_a_fast_batch_or_leaves_a_gap() {
    let (_server, _client, js) = start(batched()).await;
    let add = async |gaps: bool| {
        let mut batch =
            js.fast_batch(&FastBatchOptions { gaps, ..FastBatchOptions::default() }).unwrap();
        batch.add(&Publish::new("s.a", b"1"), &plain()).await.unwrap();
        let wrong = PublishOptions { expected_last_subject_sequence: Some(77), ..plain() };
        batch.add(&Publish::new("s.b", b"2"), &wrong).await.unwrap();
        batch
    };
    let mut batch = add(false).await;
    // It ends there, and says how far it came.
    let error = loop {
        if let Err(error) = batch.add(&Publish::new("s.a", b"3"), &plain()).await {
            break error;
        }
    };
    assert_eq!(error.code(), Code::BatchOver);
    assert!(error.text().starts_with("1 of "), "{error}");
    assert_eq!(batch.ack().unwrap().batch_count, 1);
    let events = batch.take_events();
    let [FastBatchEvent::Refused { sequence: 2, error }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(error.code(), Code::WrongLastSequence);
    assert_eq!(code(batch.close().await), Code::BatchOver);
    assert_eq!(stored(&js).await, 1);

    let mut batch = add(true).await;
    batch.add(&Publish::new("s.a", b"3"), &plain()).await.unwrap();
    let ack = batch.commit(&Publish::new("s.a", b"4"), &plain()).await.unwrap();
    assert_eq!((ack.batch_count, stored(&js).await), (4, 4));

    // A stream that does not allow it, and none at all.
    js.update_stream(&StreamConfig {
        allow_batched: false,
        ..js.stream_info("S").await.unwrap().config
    })
    .await
    .unwrap();
    let mut batch = js.fast_batch(&FastBatchOptions::default()).unwrap();
    let error = batch.add(&Publish::new("s.a", b"x"), &plain()).await.unwrap_err();
    assert_eq!(error.api().unwrap().err_code, 10205, "{error}");
    assert_eq!(code(batch.add(&Publish::new("s.a", b"x"), &plain()).await), Code::JetStream);
    let mut batch = js.fast_batch(&FastBatchOptions::default()).unwrap();
    assert_eq!(code(batch.add(&Publish::new("nobody", b"x"), &plain()).await), Code::NoResponders);
}

#[tokio::test]
async fn a_fast_batch_ends_with_the_socket_and_with_silence() {
    let (server, client, js) = start(batched()).await;
    let mut batch = js.fast_batch(&FastBatchOptions::default()).unwrap();
    batch.add(&Publish::new("s.a", b"1"), &plain()).await.unwrap();
    client.force_reconnect().unwrap();
    let ended = async {
        loop {
            if let Err(error) = batch.add(&Publish::new("s.a", b"x"), &plain()).await {
                break error;
            }
        }
    };
    // Known at the latest when an acknowledgement is waited for.
    let ended = within("the end", ended).await;
    assert!(
        matches!(ended.code(), Code::ConnectionLost | Code::Timeout | Code::JetStream),
        "{ended}"
    );
    let timeout = Some(Duration::from_millis(300));
    let options = FastBatchOptions { flow: 1, outstanding_acks: 1, gaps: false, timeout };
    let mut batch = js.fast_batch(&options).unwrap();
    batch.add(&Publish::new("s.a", b"1"), &plain()).await.unwrap();
    server.pause().unwrap();
    assert_eq!(code(batch.add(&Publish::new("s.a", b"2"), &plain()).await), Code::Timeout);
    server.resume().unwrap();
}
