//! What the tests of JetStream share: a server with the stream `S` of the subjects `s.>`.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_core::Client;
use nats_core::jetstream::{
    ConsumeEvent, ConsumeOptions, ConsumerConfig, FetchOptions, JetStream, JsMessage, Messages,
    Pull, Storage, StreamConfig,
};
use nats_harness::{Config, Server};

use super::{PATIENCE, dial, text, within};

/// A server, a connection, and the stream in memory.
pub(crate) async fn start() -> (Server, Client, JetStream) {
    let server = Server::start(Config::jetstream()).unwrap();
    let client = dial(&server.url()).await;
    let js = client.jetstream();
    js.create_stream(&stream("S", "s.>")).await.unwrap();
    (server, client, js)
}

/// A stream in memory.
pub(crate) fn stream(name: &str, subject: &str) -> StreamConfig {
    StreamConfig {
        name: name.into(),
        subjects: vec![subject.into()],
        storage: Storage::Memory,
        ..StreamConfig::default()
    }
}

/// The durable consumer `worker` of the stream.
pub(crate) async fn worker(js: &JetStream, config: ConsumerConfig) -> Pull {
    let config = ConsumerConfig { durable_name: "worker".into(), ..config };
    js.create_consumer("S", &config).await.unwrap();
    js.pull("S", "worker").unwrap()
}

/// Stores the numbers as texts; none is stored before.
pub(crate) async fn store(js: &JetStream, numbers: RangeInclusive<u64>) {
    for number in numbers {
        assert_eq!(js.publish("s.n", number.to_string()).await.unwrap().seq, number);
    }
}

/// A request for what is there.
pub(crate) fn now() -> FetchOptions {
    FetchOptions { no_wait: true, ..FetchOptions::default() }
}

/// A request for so many messages, as they come.
pub(crate) fn many(max_messages: usize) -> FetchOptions {
    FetchOptions { max_messages, ..FetchOptions::default() }
}

/// A request for one message, for this long.
pub(crate) fn one(expires: Duration) -> FetchOptions {
    FetchOptions { max_messages: 1, expires, ..FetchOptions::default() }
}

/// What happens to messages that are taken without end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<ConsumeEvent>>>);

impl Heard {
    /// Whether there was such an event.
    pub(crate) fn any(&self, is_it: impl Fn(&ConsumeEvent) -> bool) -> bool {
        self.0.lock().unwrap().iter().any(is_it)
    }

    /// Waits for such an event.
    pub(crate) async fn wait(&self, is_it: impl Fn(&ConsumeEvent) -> bool) {
        let heard = async {
            while !self.any(&is_it) {
                tokio::task::yield_now().await
            }
        };
        if tokio::time::timeout(PATIENCE, heard).await.is_err() {
            panic!("no such event, but {self:?}");
        }
    }

    /// What is told of events.
    pub(crate) fn listener(&self) -> nats_core::jetstream::ConsumeEvents {
        let sink = Arc::clone(&self.0);
        Arc::new(move |event| sink.lock().unwrap().push(event.clone()))
    }
}

/// Options with short times, and what is heard by them.
pub(crate) fn heard() -> (ConsumeOptions, Heard) {
    let heard = Heard::default();
    let options = ConsumeOptions {
        expires: Duration::from_secs(2),
        heartbeat: Some(Duration::from_millis(500)),
        events: Some(heard.listener()),
        ..ConsumeOptions::default()
    };
    (options, heard)
}

/// The next message, which must come.
pub(crate) async fn take(messages: &mut Messages) -> JsMessage {
    within("a message", messages.next()).await.unwrap().expect("no end")
}

/// Its text.
pub(crate) async fn take_text(messages: &mut Messages) -> String {
    let message = take(messages).await;
    text(&message)
}

/// Takes the numbers, each once and in order, and acknowledges them.
pub(crate) async fn take_numbers(messages: &mut Messages, numbers: RangeInclusive<u64>) {
    for number in numbers {
        let message = take(messages).await;
        assert_eq!(text(&message), number.to_string());
        message.ack().await.unwrap();
    }
}
