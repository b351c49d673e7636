//! What the tests of the client share. Every wait has a deadline: a hang is a failure with a text.
#![allow(dead_code, reason = "each test target uses its own part of it")]

pub(crate) mod cuts;
pub(crate) mod objects;
pub(crate) mod streams;
pub(crate) mod fake_js;
pub(crate) mod versions;

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use nats_core::{Client, Code, ConnectOptions, Event, Message, Result, Subscription, connect};
use nats_harness::{Config, FakeServer, Server, Step};
use tokio::sync::mpsc;

/// How long anything that must happen may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Far longer than [`PATIENCE`]: what ends within that did not wait for this.
pub(crate) const FOREVER: Duration = Duration::from_secs(600);
/// A timeout that is to expire.
pub(crate) const SHORT: Duration = Duration::from_millis(100);

/// Waits for `work`, and fails when it takes too long.
#[track_caller]
pub(crate) fn within<'a, T: 'a>(
    what: &'a str,
    work: impl Future<Output = T> + 'a,
) -> impl Future<Output = T> + 'a {
    let place = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(value) => value,
            Err(_) => panic!("{place}: {what}: not within {PATIENCE:?}"),
        }
    }
}

/// A server without authentication.
pub(crate) fn plain() -> Server {
    Server::start(Config::plain()).unwrap()
}

/// Connects with the default options.
pub(crate) async fn dial(url: &str) -> Client {
    within("connect", connect(url)).await.unwrap()
}

/// Options for one server, with short delays.
pub(crate) fn options(url: &str) -> ConnectOptions {
    ConnectOptions::new().servers([url]).reconnect_delay_max(SHORT)
}

/// The events of one connection, none missed.
pub(crate) struct Events(mpsc::UnboundedReceiver<Event>);

impl Events {
    /// The next event.
    pub(crate) async fn next(&mut self) -> Event {
        within("an event", self.0.recv()).await.expect("events until the connection is closed")
    }

    /// The next event of this name; others are skipped.
    pub(crate) async fn wait(&mut self, name: &str) -> Event {
        let mut seen = Vec::new();
        let wanted = async {
            while let Some(event) = self.0.recv().await {
                if event.name() == name {
                    return event;
                }
                seen.push(event);
            }
            panic!("the connection is gone without the event {name}");
        };
        match tokio::time::timeout(PATIENCE, wanted).await {
            Ok(event) => event,
            Err(_) => panic!("no event {name} within {PATIENCE:?}, but {seen:?}"),
        }
    }

    /// What has happened and was not taken yet.
    pub(crate) fn so_far(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }

    /// How many events of this name are among [`Events::so_far`].
    pub(crate) fn count(&mut self, name: &str) -> usize {
        self.so_far().iter().filter(|event| event.name() == name).count()
    }
}

/// The options with an event callback, and what it hears.
pub(crate) fn watched(options: ConnectOptions) -> (ConnectOptions, Events) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let heard = move |event: &Event| {
        // Nobody may be listening any more when the connection ends.
        let _ = sender.send(event.clone());
    };
    (options.event_callback(heard), Events(receiver))
}

/// Connects, and watches the events from the first one on.
pub(crate) async fn dial_watched(options: ConnectOptions) -> (Client, Events) {
    let (options, mut events) = watched(options);
    let client = within("connect", options.connect()).await.unwrap();
    events.wait("connected").await;
    (client, events)
}

/// Waits until everything published before has been processed by the server.
pub(crate) async fn flush(client: &Client) {
    within("flush", client.flush()).await.unwrap();
}

/// Publishes a text.
pub(crate) async fn publish(client: &Client, subject: &str, text: impl AsRef<[u8]>) {
    within("publish", client.publish(subject, text)).await.unwrap();
}

/// Publishes the numbers of the range as texts.
pub(crate) async fn publish_numbers(client: &Client, subject: &str, numbers: std::ops::Range<u64>) {
    for number in numbers {
        publish(client, subject, number.to_string()).await;
    }
}

/// The next message, which must come.
pub(crate) async fn next(subscription: &Subscription) -> Message {
    match within("a message", subscription.next()).await {
        Some(message) => message,
        None => panic!("{subscription:?} ended: {:?}", subscription.end_reason()),
    }
}

/// The payload of the next message as text.
pub(crate) async fn next_text(subscription: &Subscription) -> String {
    text(&next(subscription).await)
}

/// The payload as text.
pub(crate) fn text(message: &Message) -> String {
    String::from_utf8(message.payload().to_vec()).unwrap()
}

/// Takes the numbers of the range, each once and in order.
pub(crate) async fn expect_numbers(subscription: &Subscription, numbers: std::ops::Range<u64>) {
    for number in numbers {
        assert_eq!(next_text(subscription).await, number.to_string());
    }
}

/// Everything that is pending, as texts.
pub(crate) fn take_texts(subscription: &Subscription) -> Vec<String> {
    let mut messages = Vec::new();
    subscription.take(&mut messages, usize::MAX);
    messages.iter().map(text).collect()
}

/// Waits for the end of a subscription that has nothing pending; returns its reason.
pub(crate) async fn end_of(subscription: &Subscription) -> Code {
    if let Some(message) = within("the end", subscription.next()).await {
        panic!("{subscription:?} goes on with {message:?}");
    }
    subscription.end_reason().expect("an ended subscription has a reason").code()
}

/// The code of a call that must fail.
#[track_caller]
pub(crate) fn code<T: Debug>(result: Result<T>) -> Code {
    result.expect_err("the call must fail").code()
}

/// A fake server that shakes hands with every client, then plays `steps`, then answers pings.
pub(crate) fn fake(steps: Vec<Step>) -> FakeServer {
    FakeServer::start([vec![Step::Handshake], steps].concat()).unwrap()
}

/// MSG as a server sends it.
pub(crate) fn msg(sid: u64, subject: &str, payload: &str) -> Vec<u8> {
    format!("MSG {subject} {sid} {}\r\n{payload}\r\n", payload.len()).into_bytes()
}

/// HMSG as a server sends it.
pub(crate) fn hmsg(sid: u64, subject: &str, block: &[u8], payload: &str) -> Vec<u8> {
    let total = block.len() + payload.len();
    let line = format!("HMSG {subject} {sid} {} {total}\r\n", block.len());
    [line.as_bytes(), block, payload.as_bytes(), b"\r\n"].concat()
}
