//! Cuts of a connection at a given byte, and what must hold after each of them.

use nats_core::{Client, Code, Event, Headers, Publish, Subscription};
use nats_harness::{Cut, Direction, Proxy, Server};

use super::*;

/// Publishes on a connection through a proxy; a witness with a connection of its own sees what the
/// server received.
pub(crate) struct Exchange {
    _server: Server,
    proxy: Proxy,
    client: Client,
    events: Events,
    own: Subscription,
    _witness: Client,
    seen: Subscription,
    published: u64,
    /// The last number that the witness saw.
    last_seen: Option<u64>,
}

impl Exchange {
    pub(crate) async fn start() -> Exchange {
        let server = plain();
        let proxy = Proxy::start(&server.address()).unwrap();
        let (client, events) = dial_watched(options(&proxy.url())).await;
        let own = client.subscribe("own.*").unwrap();
        flush(&client).await;
        let witness = dial(&server.url()).await;
        let seen = witness.subscribe("cut.*").unwrap();
        flush(&witness).await;
        let (published, last_seen) = (0, None);
        Exchange {
            _server: server,
            proxy,
            client,
            events,
            own,
            _witness: witness,
            seen,
            published,
            last_seen,
        }
    }

    /// How many bytes one exchange moves in this direction.
    pub(crate) async fn bytes(&mut self, direction: Direction) -> u64 {
        let before = self.proxy.bytes(direction);
        self.publish().await;
        flush(&self.client).await;
        expect_all(&mut self.last_seen, &self.seen, self.published).await;
        self.proxy.bytes(direction) - before
    }

    /// Cuts the connection at the `offset`-th byte of the next exchange, and checks that nothing is
    /// torn, doubled, out of order or, once it was confirmed, lost.
    pub(crate) async fn cut_at(&mut self, direction: Direction, offset: u64, cut: Cut) {
        let what = format!("{direction:?} {offset} {cut:?}");
        self.proxy.cut_after(direction, offset, cut);
        self.publish().await;
        // The socket may die before, while or after the flush is answered.
        let flushed = within(&what, self.client.flush()).await;
        let heard: Vec<_> = self.events.so_far().iter().map(Event::name).collect();
        let died = heard.contains(&"disconnected");
        match flushed {
            // What a dead socket had taken is not confirmed by the next one.
            Ok(()) if died => {}
            Ok(()) => expect_all(&mut self.last_seen, &self.seen, self.published).await,
            Err(error) => assert_eq!(error.code(), Code::ConnectionLost, "{what}: {error}"),
        }
        if !died {
            self.events.wait("disconnected").await;
        }
        if !heard.contains(&"reconnected") {
            self.events.wait("reconnected").await;
        }
        self.check_recovered(&what).await;
    }

    /// Cuts the connection in the handshake of a reconnect, at every `step`-th byte of it.
    pub(crate) async fn cut_handshakes(&mut self, direction: Direction, cut: Cut, step: usize) {
        self.hang_up();
        let before = self.proxy.bytes(direction);
        self.proxy.accept().unwrap();
        self.events.wait("reconnected").await;
        self.hang_up();
        // The length of an INFO varies by a few digits.
        let length = self.proxy.bytes(direction) - before - 8;
        for offset in (1..length).step_by(step) {
            let what = format!("handshake {direction:?} {offset} {cut:?}");
            let connections = self.proxy.connections();
            self.proxy.cut_after(direction, offset, cut);
            self.proxy.accept().unwrap();
            self.proxy.wait_connections(connections + 2, PATIENCE).unwrap();
            flush(&self.client).await;
            self.events.so_far();
            self.check_recovered(&what).await;
            self.hang_up();
        }
        self.events.wait("disconnected").await;
        self.proxy.accept().unwrap();
        self.events.wait("reconnected").await;
    }

    /// Ends the connection; while the proxy refuses new ones, it has counted every byte.
    fn hang_up(&self) {
        self.proxy.refuse().unwrap();
        self.proxy.cut_now(Cut::Fin).unwrap();
    }

    /// Every publish up to now was accepted; the last ones cannot have been lost.
    pub(crate) async fn finish(mut self) {
        self.publish().await;
        flush(&self.client).await;
        expect_all(&mut self.last_seen, &self.seen, self.published).await;
        assert!(self.seen.try_next().is_none());
        assert_eq!(self.client.stats().dropped_out, 0);
        let heard = self.events.so_far();
        assert!(heard.is_empty(), "{heard:?}");
    }

    async fn publish(&mut self) {
        for _ in 0..2 {
            let number = self.published.to_string();
            let mut headers = Headers::new();
            headers.append("Number", &number).unwrap();
            let message = Publish::new("cut.plain", number.as_bytes());
            let message = if self.published.is_multiple_of(2) {
                message
            } else {
                Publish { subject: "cut.headers", ..message }.headers(&headers)
            };
            within("publish", self.client.publish_with(&message)).await.unwrap();
            self.published += 1;
        }
    }

    /// The subscription is back, and a new exchange passes.
    async fn check_recovered(&mut self, what: &str) {
        within(what, self.client.publish("own.x", what)).await.unwrap();
        assert_eq!(next_text(&self.own).await, what);
        self.publish().await;
        flush(&self.client).await;
        expect_all(&mut self.last_seen, &self.seen, self.published).await;
    }
}

/// Takes messages up to the newest: whole, rising (none doubled, none out of order).
async fn expect_all(last_seen: &mut Option<u64>, seen: &Subscription, published: u64) {
    while *last_seen != Some(published - 1) {
        let message = next(seen).await;
        let number: u64 = text(&message).parse().expect("a torn payload");
        if number % 2 == 1 {
            assert_eq!(message.header("Number"), Some(number.to_string().as_str()));
        }
        assert!(last_seen.is_none_or(|last| last < number), "{number} after {last_seen:?}");
        *last_seen = Some(number);
    }
}
