//! Groups of those that pull from one consumer (ADR-42).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use std::time::Duration;

use nats_core::jetstream::{
    ConsumeEvent, ConsumeOptions, ConsumerConfig, FetchOptions, JetStream, JsMessage,
    PriorityPolicy, Pull,
};
use support::streams::{heard, one, start, store, take};
use support::versions::needs;
use support::*;

const MOMENT: Duration = Duration::from_millis(300);

/// The consumer `worker` with a group; None: the server is older.
async fn grouped(js: &JetStream, policy: PriorityPolicy, timeout: Duration) -> Option<Pull> {
    let version = if policy == PriorityPolicy::Prioritized { (2, 12) } else { (2, 11) };
    let config = ConsumerConfig {
        durable_name: "worker".into(),
        priority_groups: vec!["g".into()],
        priority_policy: policy,
        priority_timeout: timeout,
        ..ConsumerConfig::default()
    };
    needs(js.client(), version, js.create_consumer("S", &config).await)?;
    Some(js.pull("S", "worker").unwrap())
}

fn in_group(options: FetchOptions) -> FetchOptions {
    FetchOptions { group: "g".into(), ..options }
}

fn pin_of(message: &JsMessage) -> String {
    message.header("Nats-Pin-Id").expect("a pinned message").to_owned()
}

async fn fetch_one(pull: &Pull, options: FetchOptions) -> nats_core::Result<Option<JsMessage>> {
    within("the fetch", pull.fetch(&options).unwrap().next()).await
}

#[tokio::test]
async fn who_is_pinned_keeps_its_id_and_gives_way_when_it_is_let_go() {
    let (_server, client, js) = start().await;
    let Some(pull) = grouped(&js, PriorityPolicy::PinnedClient, Duration::from_secs(60)).await
    else {
        return;
    };
    let (options, heard_by_a) = heard();
    let grouped = |options: &ConsumeOptions| ConsumeOptions {
        group: "g".into(),
        max_messages: 10,
        ..options.clone()
    };
    let mut a = pull.messages(&grouped(&options)).unwrap();
    let mut b = pull.messages(&grouped(&heard().0)).unwrap();
    store(&js, 1..=1).await;
    let first = take(&mut a).await;
    first.ack().await.unwrap();
    let pin = pin_of(&first);
    assert!(tokio::time::timeout(MOMENT, b.next()).await.is_err(), "b asks, and is not pinned");
    store(&js, 2..=50).await;
    for number in 2..=50 {
        // Over several requests, each with the id.
        let message = take(&mut a).await;
        assert_eq!((text(&message), pin_of(&message)), (number.to_string(), pin.clone()));
        message.ack().await.unwrap();
    }
    // The server picks whom it likes of those who ask, which may be the same one.
    let mut moved = false;
    for number in 51..=150 {
        js.unpin_consumer("S", "worker", "g").await.unwrap();
        flush(&client).await;
        store(&js, number..=number).await;
        let taken = within("a message", async {
            tokio::select! {
                message = a.next() => (message, true),
                message = b.next() => (message, false),
            }
        });
        let (message, by_a) = taken.await;
        let message = message.unwrap().unwrap();
        assert_eq!(text(&message), number.to_string());
        message.ack().await.unwrap();
        moved |= !by_a;
        if moved && by_a {
            break;
        }
    }
    assert!(moved, "both had their turn");
    let refused = |event: &ConsumeEvent| match event {
        ConsumeEvent::Refused(error) => error.text().contains("423 "),
        _ => false,
    };
    assert!(heard_by_a.any(refused), "{heard_by_a:?}");
}

#[tokio::test]
async fn a_pinned_client_that_is_silent_is_replaced() {
    let (_server, _client, js) = start().await;
    let Some(pull) = grouped(&js, PriorityPolicy::PinnedClient, Duration::from_secs(1)).await
    else {
        return;
    };
    store(&js, 1..=2).await;
    let first = fetch_one(&pull, in_group(one(PATIENCE))).await.unwrap().unwrap();
    let second = fetch_one(&pull, in_group(one(PATIENCE))).await.unwrap().unwrap();
    assert_eq!(text(&second), "2");
    assert_ne!(pin_of(&first), pin_of(&second));
}
