//! Runs the driver against a real server and looks at what it says.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use nats_core::jetstream::{AckPolicy, ConsumerConfig, JetStream, Storage, StreamConfig};
use nats_core::{Client, Headers, Publish, Result};
use nats_harness::{Config, Server};
use serde_json::Value;
use tokio::runtime::Runtime;

fn drive(url: &str, words: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nats-bench-rust"));
    command.args(["--url", url]).args(words.split_whitespace()).output().unwrap()
}

fn measured(server: &Server, words: &str) -> Value {
    let output = drive(&server.url(), words);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}: {error}");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(line["seconds"].as_f64() > Some(0.0), "{words}: {line}");
    assert!(line["cpu_seconds"].as_f64() > Some(0.0), "{words}: {line}");
    assert!(line["rss_peak_kib"].as_u64() >= line["rss_kib"].as_u64(), "{words}: {line}");
    line
}

fn received(server: &Server) -> u64 {
    server.monitor("/varz").unwrap()["in_msgs"].as_u64().unwrap()
}

/// Answers what drivers ask for, with messages that `shorter` bytes are missing of.
async fn serve(url: String, shorter: usize) -> Result<Client> {
    let client = nats_core::connect(&url).await?;
    let (go, echo) = (client.subscribe("bench.go")?, client.subscribe("bench.echo")?);
    let source = client.clone();
    tokio::spawn(async move {
        while let Some(order) = go.next().await {
            let text = String::from_utf8_lossy(order.payload()).into_owned();
            let numbers: Vec<usize> = text.split(' ').map(|word| word.parse().unwrap()).collect();
            let [count, size, headers, subs] = numbers[..] else { panic!("{text}") };
            let payload = vec![b'x'; size - shorter];
            let mut set = Headers::new();
            (0..headers).for_each(|i| set.append(&format!("Bench-{i}"), "1").unwrap());
            let publish = Publish::new("bench.data", &payload).headers(&set);
            for _ in 0..count / subs {
                source.publish_with(&publish).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        while let Some(request) = echo.next().await {
            request.respond(&request.payload()[shorter..]).await.unwrap();
        }
    });
    let (orders, asker) = (client.subscribe("bench.ask")?, client.clone());
    tokio::spawn(async move {
        while let Some(order) = orders.next().await {
            let text = String::from_utf8_lossy(order.payload()).into_owned();
            let numbers: Vec<usize> = text.split(' ').map(|word| word.parse().unwrap()).collect();
            let [count, size, _] = numbers[..] else { panic!("{text}") };
            let mut answered = 0;
            for _ in 0..count {
                let answer = asker.request("bench.serve", vec![b'x'; size]).await.unwrap();
                answered += usize::from(answer.payload().len() == size);
            }
            assert_eq!(answered, count);
            order.respond(vec![b'x'; size - shorter]).await.unwrap();
        }
    });
    client.flush().await?;
    Ok(client)
}

#[test]
fn every_message_is_published() {
    let server = Server::start(Config::plain()).unwrap();
    let line = measured(&server, "--op publish --count 5000 --conns 3 --headers 3");
    assert_eq!(line["client"], "nats-ffi-rust");
    assert_eq!(line["p50_us"], Value::Null);
    assert_eq!(received(&server), 6000);
    let line = measured(&server, "--op publish --count 5000 --threads 3 --runtime current");
    assert_eq!(line["client"], "nats-ffi-rust-1");
    assert_eq!(received(&server), 12_000);
}

#[test]
fn every_way_of_receiving() {
    let server = Server::start(Config::plain()).unwrap();
    let runtime = Runtime::new().unwrap();
    let _source = runtime.block_on(serve(server.url(), 0)).unwrap();
    for mode in ["iterator", "batch"] {
        measured(&server, &format!("--op subscribe --mode {mode} --count 2000"));
        measured(&server, &format!("--op subscribe --mode {mode} --count 2000 --subs 20"));
        measured(&server, &format!("--op subscribe --mode {mode} --count 2000 --headers 3"));
        measured(&server, &format!("--op pubsub --mode {mode} --count 2000 --runtime current"));
    }
}

#[test]
fn requests_and_connections() {
    let server = Server::start(Config::plain()).unwrap();
    let runtime = Runtime::new().unwrap();
    let _responder = runtime.block_on(serve(server.url(), 0)).unwrap();
    let line = measured(&server, "--op request --count 200");
    assert!(line["p99_us"].as_f64() >= line["p50_us"].as_f64(), "{line}");
    assert!(line["p50_us"].as_f64() > Some(0.0), "{line}");
    measured(&server, "--op request --count 200 --inflight 64 --runtime current");
    measured(&server, "--op service --count 200");
    measured(&server, "--op service --count 200 --size 100 --runtime current");
    let before = server.monitor("/varz").unwrap()["total_connections"].as_u64().unwrap();
    measured(&server, "--op connect --conns 7");
    let after = server.monitor("/varz").unwrap()["total_connections"].as_u64().unwrap();
    assert_eq!(after - before, 8);
}

/// What a driver finds on a server with JetStream.
async fn fill(url: String, ack: AckPolicy) -> Result<JetStream> {
    let js = nats_core::connect(&url).await?.jetstream();
    for (stream, count) in [("s", 1500), ("s-warm-up", 1000)] {
        let config = StreamConfig {
            name: stream.into(),
            subjects: vec![stream.into()],
            storage: Storage::Memory,
            ..Default::default()
        };
        js.create_stream(&config).await?;
        for _ in 0..count {
            js.client().publish(stream, [b'x'; 16]).await?;
        }
        js.client().flush().await?;
        let config = ConsumerConfig {
            durable_name: "c".into(),
            ack_policy: ack.clone(),
            ..Default::default()
        };
        js.create_consumer(stream, &config).await?;
    }
    Ok(js)
}

#[test]
fn messages_are_stored() {
    let server = Server::start(Config::jetstream()).unwrap();
    let runtime = Runtime::new().unwrap();
    let js = runtime.block_on(fill(server.url(), AckPolicy::None)).unwrap();
    let stored = |stream: &str| runtime.block_on(js.stream_info(stream)).unwrap().state.messages;
    let line = measured(&server, "--op js-publish --stream s --count 20");
    assert!(line["p50_us"].as_f64() > Some(0.0), "{line}");
    assert_eq!((stored("s"), stored("s-warm-up")), (1520, 1100));
    measured(&server, "--op js-publish-async --stream s --count 700 --inflight 256");
    assert_eq!((stored("s"), stored("s-warm-up")), (2220, 2100));
}

#[test]
fn stored_messages_are_taken() {
    let server = Server::start(Config::jetstream()).unwrap();
    let runtime = Runtime::new().unwrap();
    let js = runtime.block_on(fill(server.url(), AckPolicy::Explicit)).unwrap();
    let words = "--stream s --consumer c --count 1500";
    measured(&server, &format!("--op js-fetch-ack --batch 300 {words}"));
    let info = runtime.block_on(js.consumer_info("s", "c")).unwrap();
    assert_eq!((info.delivered.stream_seq, info.num_redelivered), (1500, 0));
}

#[test]
fn stored_messages_of_a_wrong_size_are_told() {
    let server = Server::start(Config::jetstream()).unwrap();
    let runtime = Runtime::new().unwrap();
    let _js = runtime.block_on(fill(server.url(), AckPolicy::None)).unwrap();
    let words = "--op js-fetch --stream s --consumer c --count 1500 --size 17";
    let output = drive(&server.url(), words);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text, "a payload of 16 bytes arrived instead of 17\n");
}

#[test]
fn stored_messages_are_taken_without_acknowledgement() {
    for how in ["js-fetch --batch 300", "js-consume --mode iterator", "js-consume --mode batch"] {
        let server = Server::start(Config::jetstream()).unwrap();
        let runtime = Runtime::new().unwrap();
        let js = runtime.block_on(fill(server.url(), AckPolicy::None)).unwrap();
        measured(&server, &format!("--op {how} --stream s --consumer c --count 1500"));
        let info = runtime.block_on(js.consumer_info("s", "c")).unwrap();
        assert_eq!(info.delivered.stream_seq, 1500, "{how}");
    }
}

#[test]
fn what_goes_wrong_is_told() {
    let server = Server::start(Config::plain()).unwrap();
    let runtime = Runtime::new().unwrap();
    let _source = runtime.block_on(serve(server.url(), 1)).unwrap();
    let told = |words: &str| {
        let output = drive(&server.url(), words);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let wrong = (1, "a payload of 15 bytes arrived instead of 16\n".to_owned());
    assert_eq!(told("--op subscribe --mode iterator"), wrong);
    let wrong = (1, "an answer of 15 bytes arrived instead of 16\n".to_owned());
    assert_eq!(told("--op request"), wrong);
    assert_eq!(told("--op service --count 10"), wrong);
    assert_eq!(told("--op nothing").0, 2);
    let output = drive(&server.url(), "--op subscribe --mode callback");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), line["unsupported"].is_string()), (Some(3), true));
    let (code, text) = {
        let output = drive("nats://127.0.0.1:1", "--op publish");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(code, Some(1));
    assert!(text.starts_with("connect: "), "{text}");
}
