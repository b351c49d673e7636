use nats_core::{Client, Code, OutboundPolicy, Publish, State};
use nats_harness::Step;
use tokio::task::JoinHandle;

use super::support::*;

async fn ended<T>(task: JoinHandle<T>) -> T {
    within("the end of the call", task).await.unwrap()
}

/// On one thread, so that the connection's task sleeps whenever the test runs.
#[tokio::test]
async fn drain_01() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (subscription, other) = (client.subscribe("x").unwrap(), client.subscribe("y").unwrap());
    publish_numbers(&client, "x", 0..1000).await;
    let draining = tokio::spawn({
        let subscription = subscription.clone();
        async move { subscription.drain().await }
    });
    expect_numbers(&subscription, 0..1000).await;
    assert_eq!(ended(draining).await, Ok(()));
    assert_eq!(end_of(&subscription).await, Code::SubscriptionClosed);
    assert_eq!(client.state(), State::Connected);
    publish(&client, "x", "nobody hears it").await;
    publish(&client, "y", "somebody does").await;
    assert_eq!(next_text(&other).await, "somebody does");
    assert_eq!(client.stats().in_messages, 1001);
    // Nothing is under way, and nothing else wakes the connection.
    within("an idle drain", other.drain()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drain_02() {
    let server = plain();
    let (client, asker) = (dial(&server.url()).await, dial(&server.url()).await);
    let (asked, answers) = (client.subscribe("svc").unwrap(), asker.subscribe("answers").unwrap());
    flush(&client).await;
    for n in 0..100 {
        let question = n.to_string();
        let question = Publish::new("svc", question.as_bytes()).reply("answers");
        within("publish", asker.publish_with(&question)).await.unwrap();
    }
    flush(&asker).await;
    // An empty queue does not tell whether the last question is answered: this does.
    let (answered, handled) = tokio::sync::oneshot::channel();
    let draining = tokio::spawn(client.drain_with(PATIENCE, async {
        handled.await.unwrap();
    }));
    for _ in 0..100 {
        let question = next(&asked).await;
        within("respond", question.respond(question.payload())).await.unwrap();
    }
    answered.send(()).unwrap();
    assert_eq!(ended(draining).await, Ok(()));
    assert_eq!(client.state(), State::Closed);
    assert_eq!(client.stats().dropped_out, 0);
    expect_numbers(&answers, 0..100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drain_03() {
    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    let subscription = client.subscribe("x").unwrap();
    publish(&client, "x", "keeps the drain waiting").await;
    flush(&client).await;
    let draining = tokio::spawn({
        let client = client.clone();
        async move { client.drain().await }
    });
    events.wait("draining").await;
    assert_eq!(client.state(), State::DrainingSubs);
    assert_eq!(code(client.subscribe("y")), Code::ConnectionDraining);
    assert_eq!(code(client.drain().await), Code::ConnectionDraining);
    publish(&client, "y", "still possible").await;
    next(&subscription).await;
    assert_eq!(ended(draining).await, Ok(()));
    events.wait("closed").await;
    assert_eq!(client.state(), State::Closed);
    assert_eq!(code(client.subscribe("y")), Code::ConnectionClosed);
    assert_eq!(code(client.publish("y", "").await), Code::ConnectionClosed);
    assert_eq!(code(client.request("y", "").await), Code::ConnectionClosed);
    assert_eq!(code(client.flush().await), Code::ConnectionClosed);
    assert_eq!(code(client.drain().await), Code::ConnectionClosed);
    let reason = end_of(&subscription).await;
    assert_eq!(reason, Code::SubscriptionClosed, "it had been drained before the close");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drain_04() {
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = client.subscribe("x").unwrap();
    publish(&client, "x", "not taken").await;
    flush(&client).await;
    assert_eq!(code(within("drain", subscription.drain_timeout(SHORT)).await), Code::Timeout);
    assert_eq!(next_text(&subscription).await, "not taken");
    assert_eq!(end_of(&subscription).await, Code::SubscriptionClosed);

    let subscription = client.subscribe("x").unwrap();
    publish(&client, "x", "not taken either").await;
    flush(&client).await;
    assert_eq!(code(within("drain", client.drain_timeout(SHORT)).await), Code::Timeout);
    assert_eq!(client.state(), State::Closed);
    assert_eq!(next_text(&subscription).await, "not taken either");
}

/// Calls that wait: they end before the connection, which still tries to write what is buffered.
struct Waiting {
    next: JoinHandle<Option<nats_core::Message>>,
    request: JoinHandle<nats_core::Result<nats_core::Message>>,
    flush: JoinHandle<nats_core::Result<()>>,
}

fn wait_on(client: &Client) -> Waiting {
    let subscription = client.subscribe("silence").unwrap();
    let (asking, flushing) = (client.clone(), client.clone());
    Waiting {
        next: tokio::spawn(async move { subscription.next().await }),
        request: tokio::spawn(async move { asking.request("silence", "").await }),
        flush: tokio::spawn(async move { flushing.flush_timeout(FOREVER).await }),
    }
}

impl Waiting {
    async fn expect_closed(self) {
        assert!(ended(self.next).await.is_none());
        assert_eq!(code(ended(self.request).await), Code::ConnectionClosed);
        assert_eq!(code(ended(self.flush).await), Code::ConnectionClosed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drain_05() {
    let silent = fake(vec![Step::Silence]);
    let patient = options(&silent.url()).request_timeout(FOREVER);
    let client = within("connect", patient.connect()).await.unwrap();
    let subscription = client.subscribe("kept").unwrap();
    let waiting = wait_on(&client);
    silent
        .wait_for(0, PATIENCE, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            // The first PING is the handshake's.
            text.contains("PUB silence") && text.matches("PING\r\n").count() == 2
        })
        .unwrap();
    within("close", client.close()).await;
    waiting.expect_closed().await;
    assert_eq!(end_of(&subscription).await, Code::ConnectionClosed);
    assert_eq!(client.state(), State::Closed);
    within("a second close", client.close()).await;
    client.close_now();
    within("closed", client.closed()).await;

    // The socket takes no more, so that the close itself has to wait; nobody else has.
    let stuck = fake(vec![Step::Stall]);
    let patient = options(&stuck.url()).request_timeout(FOREVER).publish_timeout(FOREVER);
    let client = within("connect", patient.outbound_bytes(64 << 20).connect()).await.unwrap();
    assert_eq!(client.options().outbound_policy, OutboundPolicy::Wait);
    let waiting = wait_on(&client);
    let publisher = tokio::spawn({
        let client = client.clone();
        async move {
            let block = vec![0; 1 << 20];
            loop {
                if let Err(error) = client.publish("block", &block).await {
                    return error.code();
                }
            }
        }
    });
    within("a full buffer", async {
        // More than the system's own buffers take, and less than what a waiting publisher leaves.
        while client.outbound_pending() < 33 << 20 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    client.close_now();
    waiting.expect_closed().await;
    assert_eq!(ended(publisher).await, Code::ConnectionClosed);
    assert_ne!(client.state(), State::Closed, "the callers ended before the socket");
    within("closed", client.closed()).await;
}
