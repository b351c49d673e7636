//! Batches of messages to a stream: stored together, and stored as they come.

use std::time::Duration;

use nats_core::{Code, Publish, Result};
use nats_harness::Server;

use super::js::*;
use super::js_publish::{stored, with_newer, with_stream};
use super::support::versions::{lacks, needs};
use super::support::*;

fn usual() -> PublishOptions {
    PublishOptions::default()
}

fn wrong() -> PublishOptions {
    PublishOptions { expected_last_subject_sequence: Some(77), ..usual() }
}

async fn atomic_stream() -> Option<(Server, JetStream)> {
    with_newer((2, 12), StreamConfig { allow_atomic: true, ..stream("S", "s.>") }).await
}

async fn batched_stream() -> Option<(Server, JetStream)> {
    with_newer((2, 14), StreamConfig { allow_batched: true, ..stream("S", "s.>") }).await
}

fn atomic(js: &JetStream) -> AtomicBatch {
    js.atomic_batch(&AtomicBatchOptions::default()).unwrap()
}

fn fast(js: &JetStream) -> FastBatch {
    js.fast_batch(&FastBatchOptions::default()).unwrap()
}

async fn add(batch: &mut AtomicBatch, subject: &str) -> Result<()> {
    within("the message", batch.add(&Publish::new(subject, b"x"), &usual())).await
}

async fn put(batch: &mut FastBatch, subject: &str) -> Result<u64> {
    within("the message", batch.add(&Publish::new(subject, b"x"), &usual())).await
}

/// Adds messages until that fails.
async fn fill(batch: &mut FastBatch) -> nats_core::Error {
    loop {
        if let Err(error) = put(batch, "s.a").await {
            return error;
        }
    }
}

#[tokio::test]
async fn js_publish_23() {
    let Some((_server, js)) = atomic_stream().await else { return };
    for ack_every in [0, 1, 3] {
        let before = stored(&js).await;
        let options = AtomicBatchOptions { ack_every, ..AtomicBatchOptions::default() };
        let mut batch = js.atomic_batch(&options).unwrap();
        for number in 1..=9u64 {
            add(&mut batch, "s.a").await.unwrap();
            assert_eq!(batch.len(), number);
        }
        assert_eq!(stored(&js).await, before, "nothing before the commit");
        let id = batch.id().to_owned();
        let ack = batch.commit(&Publish::new("s.a", b"10"), &usual()).await.unwrap();
        assert_eq!((ack.seq, ack.batch_count, &ack.batch_id), (before + 10, 10, &id));
        assert_eq!(stored(&js).await, before + 10);
    }
}

#[tokio::test]
async fn js_publish_24() {
    let Some((_server, js)) = atomic_stream().await else { return };
    let mut batch = atomic(&js);
    assert!(batch.is_empty());
    add(&mut batch, "s.a").await.unwrap();
    add(&mut batch, "s.b").await.unwrap();
    let closed = batch.close().await;
    let Some(ack) = needs(js.client(), (2, 14), closed) else { return };
    assert_eq!((ack.seq, ack.batch_count, stored(&js).await), (2, 2, 2));
    assert_eq!(js.get_message("S", &GetMessage::sequence(2)).await.unwrap().subject, "s.b");
    assert_eq!(code(atomic(&js).close().await), Code::InvalidArgument);
    let single = atomic(&js).commit(&Publish::new("s.a", b"x"), &usual()).await.unwrap();
    assert_eq!((single.seq, single.batch_count), (3, 1));
}

#[tokio::test]
async fn js_publish_25() {
    let Some((_server, js)) = atomic_stream().await else { return };
    js.publish("s.a", "x").await.unwrap();
    let last = |sequence| PublishOptions { expected_last_sequence: Some(sequence), ..usual() };
    let mut batch = atomic(&js);
    batch.add(&Publish::new("s.a", b"x"), &last(5)).await.unwrap();
    let refused = batch.commit(&Publish::new("s.a", b"x"), &usual()).await;
    assert_eq!(code(refused), Code::WrongLastSequence);
    let mut batch = atomic(&js);
    add(&mut batch, "s.a").await.unwrap();
    let refused = batch.commit(&Publish::new("s.b", b"x"), &wrong()).await;
    assert_eq!(code(refused), Code::WrongLastSequence);
    assert_eq!(stored(&js).await, 1);
    let mut batch = atomic(&js);
    batch.add(&Publish::new("s.a", b"x"), &last(1)).await.unwrap();
    let ack = batch.commit(&Publish::new("s.a", b"x"), &usual()).await.unwrap();
    assert_eq!((ack.seq, ack.batch_count), (3, 2));
}

#[tokio::test]
async fn js_publish_26() {
    let Some((_server, js)) = atomic_stream().await else { return };
    let mut batch = atomic(&js);
    add(&mut batch, "s.a").await.unwrap();
    assert_eq!(code(add(&mut batch, "s..a").await), Code::InvalidSubject);
    let large = vec![0; js.client().max_payload() + 1];
    let refused = batch.add(&Publish::new("s.a", &large), &usual()).await;
    assert_eq!(code(refused), Code::MaxPayload);
    let ack = batch.commit(&Publish::new("s.a", b"x"), &usual()).await.unwrap();
    assert_eq!(ack.batch_count, 2);
}

#[tokio::test]
async fn js_publish_27() {
    let (_server, js) = with_stream(stream("S", "s.>")).await;
    let batch = js.atomic_batch(&AtomicBatchOptions::default());
    if lacks(js.client(), (2, 12), &batch) {
        return;
    }
    let mut batch = batch.unwrap();
    let error = add(&mut batch, "s.a").await.unwrap_err();
    assert_eq!((error.code(), error.api().unwrap().err_code), (Code::JetStream, 10174));
    assert_eq!(code(add(&mut batch, "s.a").await), Code::BatchOver);
    assert_eq!(code(batch.close().await), Code::BatchOver);
    assert_eq!(code(add(&mut atomic(&js), "nobody").await), Code::NoResponders);
    assert_eq!(stored(&js).await, 0);
}

#[tokio::test]
async fn js_publish_28() {
    let Some((_server, js)) = atomic_stream().await else { return };
    let mut batch = atomic(&js);
    add(&mut batch, "s.a").await.unwrap();
    drop(batch);
    js.publish("s.a", "x").await.unwrap();
    assert_eq!(stored(&js).await, 1);
}

#[tokio::test]
async fn js_publish_29() {
    let Some((_server, js)) = batched_stream().await else { return };
    let options = FastBatchOptions { flow: 10, outstanding_acks: 2, ..Default::default() };
    let mut batch = js.fast_batch(&options).unwrap();
    for number in 1..=999u64 {
        let text = number.to_string();
        let publish = Publish::new("s.a", text.as_bytes());
        assert_eq!(within("it", batch.add(&publish, &usual())).await.unwrap(), number);
        assert!(batch.acknowledged() + 20 > number, "two acknowledgements ahead at most");
    }
    assert!(batch.take_events().is_empty());
    let ack = batch.commit(&Publish::new("s.a", b"1000"), &usual()).await.unwrap();
    assert_eq!((ack.seq, ack.batch_count), (1000, 1000));
    for sequence in [1, 500, 1000] {
        let message = js.get_message("S", &GetMessage::sequence(sequence)).await.unwrap();
        assert_eq!(&message.payload[..], sequence.to_string().as_bytes());
    }
}

#[tokio::test]
async fn js_publish_30() {
    let Some((_server, js)) = batched_stream().await else { return };
    let mut batch = fast(&js);
    put(&mut batch, "s.a").await.unwrap();
    put(&mut batch, "s.a").await.unwrap();
    let ack = batch.close().await.unwrap();
    assert_eq!((ack.seq, ack.batch_count, stored(&js).await), (2, 2, 2));
    let single = fast(&js).commit(&Publish::new("s.a", b"x"), &usual()).await.unwrap();
    assert_eq!(single.seq, 3);
    assert_eq!(code(fast(&js).close().await), Code::InvalidArgument);
    let none = FastBatchOptions { flow: 0, ..FastBatchOptions::default() };
    assert_eq!(code(js.fast_batch(&none)), Code::InvalidArgument);
}

#[tokio::test]
async fn js_publish_31() {
    let Some((_server, js)) = batched_stream().await else { return };
    let mut batch = fast(&js);
    put(&mut batch, "s.a").await.unwrap();
    // The refusal may be here before this returns.
    let error = match batch.add(&Publish::new("s.b", b"2"), &wrong()).await {
        Ok(_) => fill(&mut batch).await,
        Err(error) => error,
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

    let options = FastBatchOptions { gaps: true, ..FastBatchOptions::default() };
    let mut batch = js.fast_batch(&options).unwrap();
    put(&mut batch, "s.a").await.unwrap();
    batch.add(&Publish::new("s.b", b"2"), &wrong()).await.unwrap();
    put(&mut batch, "s.a").await.unwrap();
    let ack = batch.commit(&Publish::new("s.a", b"4"), &usual()).await.unwrap();
    assert_eq!((ack.batch_count, stored(&js).await), (4, 4));
}

#[tokio::test]
async fn js_publish_32() {
    let (_server, js) = with_stream(stream("S", "s.>")).await;
    let batch = js.fast_batch(&FastBatchOptions::default());
    if lacks(js.client(), (2, 14), &batch) {
        return;
    }
    let mut batch = batch.unwrap();
    let error = put(&mut batch, "s.a").await.unwrap_err();
    assert_eq!((error.code(), error.api().unwrap().err_code), (Code::JetStream, 10205));
    assert_eq!(code(put(&mut batch, "s.a").await), Code::JetStream);
    assert_eq!(code(put(&mut fast(&js), "nobody").await), Code::NoResponders);
}

#[tokio::test]
async fn js_publish_33() {
    let Some((server, js)) = batched_stream().await else { return };
    let mut batch = fast(&js);
    put(&mut batch, "s.a").await.unwrap();
    js.client().force_reconnect().unwrap();
    // It goes on, or a gap ends it: then it is told how far it was stored.
    let mut added = 1;
    while added < 1000 && put(&mut batch, "s.a").await.is_ok() {
        added += 1;
    }
    let count = match batch.ack().cloned() {
        Some(ack) => ack.batch_count,
        None => match within("the end", batch.close()).await {
            Ok(ack) => ack.batch_count,
            Err(error) => {
                assert_eq!(error.code(), Code::BatchOver);
                error.text().split(' ').next().unwrap().parse().unwrap()
            }
        },
    };
    assert_eq!(stored(&js).await, count);
    let timeout = Some(Duration::from_millis(300));
    let options = FastBatchOptions { flow: 1, outstanding_acks: 1, gaps: false, timeout };
    let mut batch = js.fast_batch(&options).unwrap();
    put(&mut batch, "s.a").await.unwrap();
    server.pause().unwrap();
    assert_eq!(code(put(&mut batch, "s.a").await), Code::Timeout);
    server.resume().unwrap();
}
