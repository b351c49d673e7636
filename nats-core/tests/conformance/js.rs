//! What the tests of JetStream share.

use std::fmt::Debug;
use std::future::Future;

pub(crate) use nats_core::jetstream::*;
use nats_core::{Client, Result};
use nats_harness::{Config, Server, Step};

use super::support::*;

/// A server with JetStream, and a connection.
pub(crate) async fn start() -> (Server, JetStream) {
    let server = Server::start(Config::jetstream()).unwrap();
    let js = dial(&server.url()).await.jetstream();
    (server, js)
}

/// The configuration of a stream in memory with direct gets.
pub(crate) fn stream(name: &str, subject: &str) -> StreamConfig {
    StreamConfig {
        name: name.into(),
        subjects: vec![subject.into()],
        storage: Storage::Memory,
        allow_direct: true,
        ..StreamConfig::default()
    }
}

pub(crate) fn consumer(name: &str) -> ConsumerConfig {
    ConsumerConfig { durable_name: name.into(), ..ConsumerConfig::default() }
}

/// Stores the numbers of the range, each under the subject that is made of it.
pub(crate) async fn store(
    js: &JetStream,
    numbers: std::ops::RangeInclusive<u64>,
    subject: impl Fn(u64) -> String,
) {
    for number in numbers {
        js.publish(&subject(number), number.to_string()).await.unwrap();
    }
}

/// The answer, once it is as wanted; errors before that are passed over.
pub(crate) async fn until<T: Debug, F: Future<Output = Result<T>>>(
    what: &str,
    ask: impl Fn() -> F,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let work = async {
        loop {
            match ask().await {
                Ok(answer) if wanted(&answer) => return answer,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    within(what, work).await
}

/// A fake server that answers requests to the API, one after the other, with these documents.
pub(crate) async fn answering(
    info: Option<&str>,
    answers: &[&str],
) -> (nats_harness::FakeServer, Client) {
    let mut script = vec![match info {
        Some(info) => Step::HandshakeWith(info.into()),
        None => Step::Handshake,
    }];
    for answer in answers {
        script.push(Step::expect("PUB $JS.API."));
        script.push(Step::reply(&format!("MSG {{2}} {{SUB.2}} {}\r\n{answer}\r\n", answer.len())));
    }
    let server = nats_harness::FakeServer::start(script).unwrap();
    let client = dial(&server.url()).await;
    (server, client)
}
