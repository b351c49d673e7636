//! What a JetStream that misbehaves must not do to its users, beside the behaviours of `js-fault`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_core::jetstream::{
    ConsumeEvent, ConsumeOptions, ConsumerConfig, FetchOptions, JetStreamOptions, PublishOptions,
    StreamConfig,
};
use nats_core::{Code, Publish, Request};
use nats_harness::{Cluster, Config, Direction, Proxy, Server};
use support::fake_js::FakeJs;
use support::*;

fn stream() -> StreamConfig {
    StreamConfig { name: "S".into(), subjects: vec!["s.>".into()], ..StreamConfig::default() }
}

fn worker() -> ConsumerConfig {
    ConsumerConfig { durable_name: "worker".into(), ..ConsumerConfig::default() }
}

/// A real server's answers, in the order of the requests: a stream, a consumer, a list.
async fn real_answers() -> Vec<Vec<u8>> {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let options = JetStreamOptions {
        trace: Some(Arc::new(move |_: &str, bytes: &[u8]| {
            sink.lock().unwrap().push(bytes.to_vec())
        })),
        ..JetStreamOptions::default()
    };
    let js = client.jetstream_with(options).unwrap();
    js.create_stream(&stream()).await.unwrap();
    js.create_consumer("S", &worker()).await.unwrap();
    js.streams(None).unwrap().all().await.unwrap();
    // Each request is told, too, before its answer.
    let told = told.lock().unwrap();
    told.iter().skip(1).step_by(2).cloned().collect()
}

#[tokio::test]
async fn answers_that_are_cut_anywhere_are_protocol_errors() {
    let answers = real_answers().await;
    for (request, answer) in ["a stream", "a consumer", "a list"].iter().zip(&answers) {
        let cuts: Vec<_> = (0..answer.len()).step_by(3).map(|len| &answer[..len]).collect();
        let fake = FakeJs::answering(&cuts).await;
        for cut in &cuts {
            let asked = match *request {
                "a stream" => fake.js.create_stream(&stream()).await.map(drop),
                "a consumer" => fake.js.create_consumer("S", &worker()).await.map(drop),
                _ => fake.js.streams(None).unwrap().all().await.map(drop),
            };
            assert_eq!(code(asked), Code::Protocol, "{request}: {}", cut.len());
        }
        fake.expect_alive().await;
    }
}

#[tokio::test]
async fn acknowledgements_that_are_lost_store_nothing_twice() {
    const TIMES: u64 = 20;
    let server = Server::start(Config::jetstream()).unwrap();
    let proxy = Proxy::start(&server.address()).unwrap();
    let client = dial(&proxy.url()).await;
    let js = client.jetstream();
    js.create_stream(&stream()).await.unwrap();
    for number in 1..=TIMES {
        let text = number.to_string();
        let publish = Publish::new("s.n", text.as_bytes());
        let options = PublishOptions {
            msg_id: Some(text.clone()),
            timeout: Some(SHORT),
            ..PublishOptions::default()
        };
        proxy.black_hole(Direction::ToClient);
        assert_eq!(code(js.publish_with(&publish, &options).await), Code::Timeout);
        proxy.resume();
        let again = PublishOptions { timeout: None, ..options };
        let ack = js.publish_with(&publish, &again).await.unwrap();
        assert_eq!((ack.seq, ack.duplicate), (number, true));
    }
    assert_eq!(js.stream_info("S").await.unwrap().state.messages, TIMES);
    assert_eq!(client.stats().reconnects, 0);
}

/// Leaders step down, which costs a request and no message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_that_step_down_cost_a_request_and_no_message() {
    let cluster = Cluster::start_with(3, Config::jetstream()).unwrap();
    let client = dial(&cluster.urls()[0]).await;
    let js = client.jetstream();
    js.create_stream(&StreamConfig { num_replicas: 3, ..stream() }).await.unwrap();
    js.create_consumer("S", &worker()).await.unwrap();
    let pull = js.pull("S", "worker").unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    let options = ConsumeOptions {
        expires: Duration::from_secs(5),
        heartbeat: Some(Duration::from_secs(1)),
        events: Some(Arc::new(move |event: &ConsumeEvent| {
            sink.lock().unwrap().push(event.clone())
        })),
        ..ConsumeOptions::default()
    };
    let mut messages = pull.messages(&options).unwrap();
    for number in 1..=4 {
        // Of the consumer and of the stream in turn.
        let path = if number % 2 == 0 {
            "CONSUMER.LEADER.STEPDOWN.S.worker"
        } else {
            "STREAM.LEADER.STEPDOWN.S"
        };
        let subject = format!("$JS.API.{path}");
        let answer = client.request_with(&Request::new(&subject, b"")).await.unwrap();
        assert!(text(&answer).contains("\"success\":true"), "{answer:?}");
        let id = PublishOptions {
            msg_id: Some(number.to_string()),
            retries: 50,
            ..PublishOptions::default()
        };
        let text_of = number.to_string();
        let publish = Publish::new("s.n", text_of.as_bytes());
        let stored = async { while js.publish_with(&publish, &id).await.is_err() {} };
        within("the publish", stored).await;
        let message = within("the message", messages.next()).await.unwrap().unwrap();
        assert_eq!(text(&message), text_of);
        message.double_ack(PATIENCE).await.unwrap();
    }
    let events = events.lock().unwrap();
    assert!(
        events.iter().any(|event| matches!(event, ConsumeEvent::Refused(_))),
        "the change was told: {events:?}"
    );
}

/// As many requests at the same time as there are answers that nobody understands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_at_once_all_get_their_error() {
    let fake = FakeJs::answering([&b"no"[..]; 64]).await;
    let asking: Vec<_> = (0..64)
        .map(|number| {
            let js = fake.js.clone();
            tokio::spawn(async move {
                match number % 2 {
                    0 => js.stream_info("S").await.map(drop),
                    _ => js.publish("s.n", "x").await.map(drop),
                }
            })
        })
        .collect();
    for asked in asking {
        assert_eq!(code(within("an answer", asked).await.unwrap()), Code::Protocol);
    }
    fake.expect_alive().await;
    let options = FetchOptions { no_wait: true, ..FetchOptions::default() };
    let hasty = JetStreamOptions { timeout: SHORT, ..JetStreamOptions::default() };
    let js = fake.client.jetstream_with(hasty).unwrap();
    let fetched =
        within("the end", js.pull("S", "C").unwrap().fetch(&options).unwrap().all()).await;
    assert!(fetched.unwrap().is_empty());
}
