//! A fake server in the place of JetStream, for answers that no real one gives.

use nats_core::Client;
use nats_core::jetstream::JetStream;
use nats_harness::{DEFAULT_INFO, FakeServer, Step};

use super::{dial, fake, flush};

/// A connection to a fake server that answers requests to the API as the test says.
pub(crate) struct FakeJs {
    pub(crate) fake: FakeServer,
    pub(crate) client: Client,
    pub(crate) js: JetStream,
}

impl FakeJs {
    /// Plays these steps once a client is there.
    pub(crate) async fn start(steps: Vec<Step>) -> FakeJs {
        FakeJs::on(fake(steps)).await
    }

    /// Answers the first request with the first of these payloads, and so on.
    pub(crate) async fn answering<T: AsRef<[u8]>>(payloads: impl IntoIterator<Item = T>) -> FakeJs {
        FakeJs::start(payloads.into_iter().flat_map(|payload| answer(payload.as_ref())).collect())
            .await
    }

    /// A server that says to be of this version, and answers nothing.
    pub(crate) async fn of_version(version: &str) -> FakeJs {
        let info =
            DEFAULT_INFO.replace("\"version\":\"2.15.1\"", &format!("\"version\":\"{version}\""));
        assert!(info.contains(version));
        FakeJs::on(FakeServer::start(vec![Step::HandshakeWith(info)]).unwrap()).await
    }

    async fn on(fake: FakeServer) -> FakeJs {
        let client = dial(&fake.url()).await;
        let js = client.jetstream();
        FakeJs { fake, client, js }
    }

    /// The connection has survived all of it.
    pub(crate) async fn expect_alive(&self) {
        flush(&self.client).await;
        assert_eq!((self.fake.connections(), self.client.stats().reconnects), (1, 0));
    }

    /// How many requests have come.
    pub(crate) fn requests(&self) -> usize {
        self.fake.received_text(0).lines().filter(|line| line.contains("PUB ")).count()
    }
}

/// Awaits a request without headers, and answers it.
pub(crate) fn answer(payload: &[u8]) -> [Step; 3] {
    let line = format!("MSG {{2}} {{SUB.2}} {}\r\n", payload.len());
    [Step::expect("PUB "), Step::Reply(line), Step::Send([payload, b"\r\n"].concat())]
}

/// Sends a message to the subscription that was made last: a delivery with this reply subject.
pub(crate) fn delivery(subject: &str, reply: &str, payload: &str) -> Step {
    let len = payload.len();
    Step::Reply(format!("MSG {subject} {{SUB.2}} {reply} {len}\r\n{payload}\r\n"))
}

/// Sends a status to the inbox of the request that came last.
pub(crate) fn status(line: &str) -> Step {
    let block = format!("NATS/1.0 {line}\r\n\r\n");
    let len = block.len();
    Step::Reply(format!("HMSG {{2}} {{SUB.2}} {len} {len}\r\n{block}\r\n"))
}
