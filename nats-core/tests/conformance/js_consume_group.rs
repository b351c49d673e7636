use std::time::Duration;

use nats_core::Code;
use nats_core::jetstream::{
    ConsumeOptions, ConsumerConfig, FetchOptions, JetStream, JsMessage, PriorityPolicy, Pull,
};

use super::support::streams::{heard, now, one, start, store, take_text};
use super::support::versions::needs;
use super::support::*;

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
async fn js_consume_35() {
    let (_server, _client, js) = start().await;
    let Some(pull) = grouped(&js, PriorityPolicy::Overflow, Duration::ZERO).await else { return };
    store(&js, 1..=10).await;
    let much = in_group(FetchOptions { min_pending: 100, ..one(MOMENT) });
    assert!(fetch_one(&pull, much).await.unwrap().is_none(), "there are not so many");
    let some = in_group(FetchOptions { min_pending: 5, ..one(PATIENCE) });
    assert_eq!(text(&fetch_one(&pull, some).await.unwrap().unwrap()), "1");
    let lazy = in_group(FetchOptions { min_ack_pending: 2, ..one(MOMENT) });
    assert!(
        fetch_one(&pull, lazy.clone()).await.unwrap().is_none(),
        "only one is not acknowledged"
    );
    let all = pull.fetch(&in_group(FetchOptions { max_messages: 2, ..now() })).unwrap();
    assert_eq!(all.all().await.unwrap().len(), 2, "who asks for no minimum is served");
    let lazy = FetchOptions { expires: PATIENCE, ..lazy };
    assert_eq!(text(&fetch_one(&pull, lazy).await.unwrap().unwrap()), "4");

    // Without end: nothing comes until there is enough.
    let (options, _) = heard();
    let options = ConsumeOptions { group: "g".into(), min_pending: 50, ..options };
    let mut messages = pull.messages(&options).unwrap();
    assert!(tokio::time::timeout(MOMENT, messages.next()).await.is_err(), "six wait, not fifty");
    store(&js, 11..=60).await;
    assert_eq!(take_text(&mut messages).await, "5");
}

#[tokio::test]
async fn js_consume_36() {
    let (_server, client, js) = start().await;
    let Some(pull) = grouped(&js, PriorityPolicy::Prioritized, Duration::ZERO).await else {
        return;
    };
    let (options, _) = heard();
    let options = ConsumeOptions { group: "g".into(), ..options };
    let mut second = pull.messages(&ConsumeOptions { priority: 5, ..options.clone() }).unwrap();
    let mut first = pull.messages(&ConsumeOptions { priority: 1, ..options }).unwrap();
    // Both ask.
    for messages in [&mut second, &mut first] {
        assert!(tokio::time::timeout(MOMENT, messages.next()).await.is_err());
    }
    flush(&client).await;
    store(&js, 1..=20).await;
    for number in 1..=20 {
        assert_eq!(take_text(&mut first).await, number.to_string());
    }
    first.stopper().stop();
    assert!(within("the end", first.next()).await.unwrap().is_none());
    drop(first);
    flush(&client).await;
    store(&js, 21..=40).await;
    assert_eq!(take_text(&mut second).await, "21");
}

#[tokio::test]
async fn js_consume_37() {
    let (_server, client, js) = start().await;
    let Some(pull) = grouped(&js, PriorityPolicy::PinnedClient, Duration::from_secs(60)).await
    else {
        return;
    };
    store(&js, 1..=2).await;
    let first = fetch_one(&pull, in_group(one(PATIENCE))).await.unwrap().unwrap();
    let pin = pin_of(&first);
    let pinned = in_group(FetchOptions { id: pin.clone(), ..one(PATIENCE) });
    let second = fetch_one(&pull, pinned.clone()).await.unwrap().unwrap();
    assert_eq!((text(&second).as_str(), pin_of(&second)), ("2", pin.clone()));
    let info = pull.info().await.unwrap();
    assert_eq!(info.priority_groups[0].group, "g");
    assert_eq!(info.priority_groups[0].pinned_client_id, pin);
    assert!(!info.priority_groups[0].pinned_ts.is_empty());

    // Somebody else waits in vain, until the pinned one is let go.
    let mut other = pull.fetch(&in_group(one(PATIENCE))).unwrap();
    flush(&client).await;
    store(&js, 3..=4).await;
    assert!(tokio::time::timeout(MOMENT, other.next()).await.is_err());
    js.unpin_consumer("S", "worker", "g").await.unwrap();
    let third = within("the message", other.next()).await.unwrap().unwrap();
    assert_eq!(text(&third), "3");
    assert_ne!(pin_of(&third), pin);
    // The one that was is told so.
    let error = fetch_one(&pull, pinned).await.unwrap_err();
    assert_eq!(error.code(), Code::PullRefused);
    assert!(error.text().contains("423 "), "{error}");
    let unknown = js.unpin_consumer("S", "worker", "other").await;
    assert_eq!(code(unknown), Code::JetStream);
}

#[tokio::test]
async fn js_consume_38() {
    let (_server, _client, js) = start().await;
    let Some(pull) = grouped(&js, PriorityPolicy::Overflow, Duration::ZERO).await else { return };
    for options in [now(), FetchOptions { group: "other".into(), ..now() }] {
        let error = fetch_one(&pull, options).await.unwrap_err();
        assert_eq!(error.code(), Code::PullRefused);
        assert!(error.text().contains("400 "), "{error}");
    }
}
