use nats_core::{Client, Code, ManyOptions, Publish, Request, SubscribeOptions};
use nats_harness::FakeServer;

use super::support::*;

/// A connection to a server that records what reaches the wire.
async fn recorded() -> (FakeServer, Client) {
    let fake = fake(vec![]);
    let client = dial(&fake.url()).await;
    (fake, client)
}

/// Only the handshake and the flush of this function have been written.
async fn expect_silence(fake: &FakeServer, client: &Client) {
    flush(client).await;
    let received = fake.received_text(0);
    let (_, behind) = received.split_once("PING\r\n").unwrap();
    assert_eq!(behind, "PING\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_01() {
    let (fake, client) = recorded().await;
    for bad in [
        "",
        " ",
        "a b",
        " a",
        "a ",
        "a\tb",
        "a\rb",
        "a\nb",
        "a\r\nPUB x 0\r\n\r\n",
        "a\0b",
        "a\x7fb",
        "*",
        ">",
        "a.*",
        "a.>",
        "a.*.b",
        ".",
        ".a",
        "a.",
        "a..b",
    ] {
        let in_reply = Publish::new("good", b"").reply(bad);
        let refused = [
            client.publish(bad, "").await,
            client.publish_now(&Publish::new(bad, b"")),
            client.publish_with(&in_reply).await,
            client.publish_now(&in_reply),
            client.request(bad, "").await.map(drop),
            client.request_with(&Request::new(bad, b"").own_inbox()).await.map(drop),
        ];
        for result in refused {
            let error = result.expect_err(bad);
            assert_eq!(error.code(), Code::InvalidSubject, "{bad:?}");
            assert!(!error.text().contains(['\r', '\n', '\0']), "{error:?}");
        }
    }
    flush(&client).await;
    let received = fake.received_text(0);
    assert!(!received.contains("PUB"), "{received}");
    assert_eq!(client.stats().out_messages, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_02() {
    let (fake, client) = recorded().await;
    for bad in [
        "", " ", "a b", "a\tb", "a\r\nb", "a\nb", "a\0b", ".", ".a", "a.", "a..b", "a.>.b", ">.a",
        "a*", "*a", "a.b>", "a.**",
    ] {
        assert_eq!(code(client.subscribe(bad)), Code::InvalidSubject, "{bad:?}");
    }
    for bad in ["", " ", "a b", "a\tb", "a\r\nb", "a\nb", "a\0b", "*", "a.>"] {
        let options = SubscribeOptions { queue: Some(bad.into()), ..SubscribeOptions::default() };
        let refused = client.subscribe_with("good", &options);
        assert_eq!(code(refused), Code::InvalidQueueGroup, "{bad:?}");
    }
    let never = SubscribeOptions { max_messages: Some(0), ..SubscribeOptions::default() };
    assert_eq!(code(client.subscribe_with("good", &never)), Code::InvalidArgument);
    expect_silence(&fake, &client).await;
}

/// Handles are owned values here, so that freed and foreign ones cannot be written down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_03() {
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = client.subscribe("x").unwrap();
    let with_reply = Publish::new("x", b"").reply("answer");
    within("publish", client.publish_with(&with_reply)).await.unwrap();
    let message = next(&subscription).await;
    within("close", client.close()).await;
    let request = Request::new("x", b"");
    let own_inbox = Request { own_inbox: true, ..request };
    let refused = [
        client.publish("x", "").await,
        client.publish_now(&with_reply),
        client.publish_with(&with_reply).await,
        client.subscribe("x").map(drop),
        client.request("x", "").await.map(drop),
        client.request_with(&own_inbox).await.map(drop),
        client.request_many(&request, &ManyOptions::default()).await.map(drop),
        client.flush().await,
        client.rtt().await.map(drop),
        client.drain().await,
        client.force_reconnect(),
        message.respond("").await,
        message.respond_now(None, b""),
        subscription.unsubscribe_after(5),
    ];
    for (index, result) in refused.into_iter().enumerate() {
        assert_eq!(code(result), Code::ConnectionClosed, "call {index}");
    }
    assert_eq!(end_of(&subscription).await, Code::ConnectionClosed);
    subscription.unsubscribe().unwrap();
    within("drain", subscription.drain()).await.unwrap();
    within("close", client.close()).await;
    assert_eq!((client.connected_url(), client.outbound_pending()), (None, 0));
    assert_eq!(client.stats().out_messages, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_04() {
    let (fake, client) = recorded().await;
    let (long, half) = ("x".repeat(5000), "x".repeat(2500));
    let in_group = SubscribeOptions { queue: Some(half.clone()), ..SubscribeOptions::default() };
    let refused = [
        client.publish(&long, "").await,
        client.publish_now(&Publish::new(&long, b"")),
        client.publish_now(&Publish::new("x", b"").reply(&long)),
        client.publish_now(&Publish::new(&half, b"").reply(&half)),
        client.request(&long, "").await.map(drop),
        client.subscribe(&long).map(drop),
        client.subscribe_with(&half, &in_group).map(drop),
    ];
    for (index, result) in refused.into_iter().enumerate() {
        assert_eq!(code(result), Code::InvalidSubject, "call {index}");
    }
    flush(&client).await;
    assert!(!fake.received_text(0).contains("xxx"));

    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    let longest = "x".repeat(4032);
    let subscription = client.subscribe(&longest).unwrap();
    publish(&client, &longest, "fits").await;
    assert_eq!(next_text(&subscription).await, "fits");
    assert_eq!(events.so_far().len(), 0);
}
