use std::collections::BTreeSet;

use nats_core::{Client, Code, Headers, Publish, SubscribeOptions, Subscription};
use nats_harness::{Config, DEFAULT_INFO, Server, Step};

use super::support::*;

fn member(client: &Client, subject: &str, group: &str) -> Subscription {
    let options = SubscribeOptions { queue: Some(group.into()), ..SubscribeOptions::default() };
    client.subscribe_with(subject, &options).unwrap()
}

fn unbounded() -> SubscribeOptions {
    let (pending_messages, pending_bytes) = (Some(0), Some(0));
    SubscribeOptions { pending_messages, pending_bytes, ..SubscribeOptions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_01() {
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = client.subscribe("bytes").unwrap();
    let all: Vec<u8> = (0..1 << 20).map(|n: u32| (n * 7 + n / 256) as u8).collect();
    assert_eq!(client.max_payload(), all.len());
    for payload in [
        &b""[..],
        b"\0\r\n\0MSG x 1 2\r\n",
        b"PING\r\n",
        &all[..256],
        &all[..32 * 1024 - 1],
        &all[..64 * 1024],
        &all,
    ] {
        publish(&client, "bytes", payload).await;
        let message = next(&subscription).await;
        assert!(message.payload() == payload, "{} bytes", payload.len());
        assert_eq!(message.subject(), "bytes");
        assert_eq!(message.reply(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_02() {
    let server = plain();
    let (publisher, client) = (dial(&server.url()).await, dial(&server.url()).await);
    let subscription = client.subscribe_with("ordered", &unbounded()).unwrap();
    flush(&client).await;
    let all = 0..100_000;
    let published = tokio::spawn({
        let all = all.clone();
        async move { publish_numbers(&publisher, "ordered", all).await }
    });
    expect_numbers(&subscription, all).await;
    published.await.unwrap();
    flush(&client).await;
    assert!(subscription.try_next().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_03() {
    let server = plain();
    let client = dial(&server.url()).await;
    let filters = ["a.*", "a.>", "*.b", "a.*.c", ">", "*", "a.b"];
    let subscriptions = filters.map(|filter| client.subscribe(filter).unwrap());
    for subject in ["a", "a.b", "a.b.c", "a.x", "x.b", "a.b.c.d"] {
        publish(&client, subject, subject).await;
    }
    flush(&client).await;
    let heard = subscriptions.map(|subscription| take_texts(&subscription).join(" "));
    assert_eq!(
        heard,
        [
            "a.b a.x",
            "a.b a.b.c a.x a.b.c.d",
            "a.b x.b",
            "a.b.c",
            "a a.b a.b.c a.x x.b a.b.c.d",
            "a",
            "a.b"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_04() {
    let server = plain();
    let (client, other) = (dial(&server.url()).await, dial(&server.url()).await);
    let members =
        [member(&client, "work", "g"), member(&client, "work", "g"), member(&other, "work", "g")];
    let alone = member(&other, "work", "another");
    flush(&other).await;
    flush(&client).await;
    publish_numbers(&client, "work", 0..300).await;
    flush(&client).await;
    flush(&other).await;
    let shares = members.map(|member| take_texts(&member));
    assert!(shares.iter().all(|share| !share.is_empty()), "{shares:?}");
    let mut all: Vec<u64> = shares.iter().flatten().map(|n| n.parse().unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, Vec::from_iter(0..300));
    assert_eq!(take_texts(&alone).len(), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_05() {
    let server = plain();
    let client = dial(&server.url()).await;
    let (asked, answers) = (client.subscribe("ask").unwrap(), client.subscribe("answer").unwrap());
    let question = Publish::new("ask", b"how much").reply("answer");
    within("publish", client.publish_with(&question)).await.unwrap();
    let message = next(&asked).await;
    assert_eq!(message.reply(), Some("answer"));
    within("respond", message.respond("42")).await.unwrap();
    let mut headers = Headers::new();
    headers.append("Unit", "kg").unwrap();
    message.respond_now(Some(&headers), b"43").unwrap();
    assert_eq!(next_text(&answers).await, "42");
    let second = next(&answers).await;
    assert_eq!((second.payload(), second.header("Unit")), (&b"43"[..], Some("kg")));

    publish(&client, "ask", "nothing").await;
    let message = next(&asked).await;
    assert_eq!(message.reply(), None);
    assert_eq!(code(message.respond("unasked").await), Code::NoReply);
    assert_eq!(code(message.respond_now(None, b"unasked")), Code::NoReply);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_06() {
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = client.subscribe("x").unwrap();
    publish(&client, "x", "before").await;
    assert_eq!(next_text(&subscription).await, "before");
    publish(&client, "x", "pending").await;
    flush(&client).await;
    subscription.unsubscribe().unwrap();
    assert_eq!(end_of(&subscription).await, Code::SubscriptionClosed);
    publish(&client, "x", "after").await;
    flush(&client).await;
    assert_eq!(client.stats().in_messages, 2, "the server does not send it any more");
    subscription.unsubscribe().unwrap();
    assert_eq!(end_of(&subscription).await, Code::SubscriptionClosed);

    let dropped = client.subscribe("x").unwrap();
    drop(dropped);
    publish(&client, "x", "after").await;
    flush(&client).await;
    assert_eq!(client.stats().in_messages, 2, "a dropped subscription is unsubscribed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_07() {
    let server = plain();
    let client = dial(&server.url()).await;
    let five = SubscribeOptions { max_messages: Some(5), ..SubscribeOptions::default() };
    let subscription = client.subscribe_with("x", &five).unwrap();
    publish_numbers(&client, "x", 0..10).await;
    expect_numbers(&subscription, 0..5).await;
    assert_eq!(end_of(&subscription).await, Code::SubscriptionEnded);
    flush(&client).await;
    assert_eq!(client.stats().in_messages, 5, "the server counts, too");
    assert_eq!(code(subscription.unsubscribe_after(9)), Code::SubscriptionEnded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_08() {
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = client.subscribe("x").unwrap();
    publish_numbers(&client, "x", 0..3).await;
    expect_numbers(&subscription, 0..3).await;
    subscription.unsubscribe_after(5).unwrap();
    publish_numbers(&client, "x", 3..10).await;
    expect_numbers(&subscription, 3..5).await;
    assert_eq!(end_of(&subscription).await, Code::SubscriptionEnded);
    flush(&client).await;
    assert_eq!(client.stats().in_messages, 5, "the server counts, too");

    for max in [0, 2, 3] {
        let subscription = client.subscribe("y").unwrap();
        publish_numbers(&client, "y", 0..3).await;
        flush(&client).await;
        let before = client.stats().in_messages;
        subscription.unsubscribe_after(max).unwrap();
        publish(&client, "y", "one too many").await;
        flush(&client).await;
        expect_numbers(&subscription, 0..3).await;
        assert_eq!(end_of(&subscription).await, Code::SubscriptionEnded, "max {max}");
        assert_eq!(client.stats().in_messages, before, "max {max}: the server stopped as well");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_09() {
    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    let ten = SubscribeOptions { max_messages: Some(10), ..SubscribeOptions::default() };
    let subscription = client.subscribe_with("x", &ten).unwrap();
    publish_numbers(&client, "x", 0..4).await;
    expect_numbers(&subscription, 0..4).await;
    server.restart().unwrap();
    events.wait("reconnected").await;
    publish_numbers(&client, "x", 4..20).await;
    expect_numbers(&subscription, 4..10).await;
    assert_eq!(end_of(&subscription).await, Code::SubscriptionEnded);
    flush(&client).await;
    assert_eq!(client.stats().in_messages, 10, "the new server was told what is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_10() {
    let server = Server::start(Config::plain().with("max_payload: 1024")).unwrap();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    let subscription = client.subscribe("x").unwrap();
    let mut headers = Headers::new();
    headers.append("Name", "value").unwrap();
    let room = 1024 - headers.encoded_len();
    let large = [0; 1025];
    let plain = Publish::new("x", &large);
    let with_headers = Publish::new("x", &large[..room + 1]).headers(&headers);
    for too_large in [plain, with_headers] {
        assert_eq!(code(client.publish_with(&too_large).await), Code::MaxPayload);
        assert_eq!(code(client.publish_now(&too_large)), Code::MaxPayload);
    }
    assert_eq!(code(client.request("x", &large).await), Code::MaxPayload);
    assert_eq!(client.stats().out_messages, 0);
    publish(&client, "x", &large[..1024]).await;
    let fits = Publish::new("x", &large[..room]).headers(&headers);
    within("publish", client.publish_with(&fits)).await.unwrap();
    assert_eq!(next(&subscription).await.payload().len(), 1024);
    assert_eq!(next(&subscription).await.payload().len(), room);
    assert_eq!(events.so_far().len(), 0, "the connection stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_11() {
    let smaller = DEFAULT_INFO.replace("1048576", "10");
    let fake = fake(vec![
        Step::expect("PING"),
        Step::send(format!("INFO {smaller}\r\nPONG\r\n")),
        Step::expect("PUB x 10"),
        Step::send(format!("INFO {DEFAULT_INFO}\r\n")),
    ]);
    let client = dial(&fake.url()).await;
    assert_eq!(client.max_payload(), 1 << 20);
    flush(&client).await;
    assert_eq!(client.max_payload(), 10);
    assert_eq!(code(client.publish("x", [b'x'; 11]).await), Code::MaxPayload);
    publish(&client, "x", [b'x'; 10]).await;
    flush(&client).await;
    publish(&client, "x", [b'x'; 12]).await;
    fake.wait_text(0, "PUB x 12\r\n", PATIENCE).unwrap();
    assert!(!fake.received_text(0).contains("PUB x 11"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_12() {
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = client.subscribe("x").unwrap();
    let nothing = tokio::time::timeout(SHORT, subscription.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    publish(&client, "x", "in time").await;
    let message = tokio::time::timeout(PATIENCE, subscription.next()).await;
    assert_eq!(message.unwrap().unwrap().payload(), b"in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_13() {
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = client.subscribe("x").unwrap();
    publish_numbers(&client, "x", 0..10).await;
    flush(&client).await;
    let mut batch = Vec::new();
    assert_eq!(subscription.take(&mut batch, 4), 4);
    assert_eq!(subscription.take(&mut batch, 0), 0);
    assert_eq!(subscription.take(&mut batch, 100), 6);
    assert_eq!(subscription.take(&mut batch, 100), 0);
    assert_eq!(batch.iter().map(text).collect::<String>(), "0123456789");
    assert_eq!(subscription.stats().delivered, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pubsub_14() {
    let server = plain();
    let client = dial(&server.url()).await;
    let subscription = client.subscribe_with("x", &unbounded()).unwrap();
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let subscription = subscription.clone();
            tokio::spawn(async move {
                let mut taken = Vec::new();
                while let Some(message) = within("a message or the end", subscription.next()).await
                {
                    taken.push(text(&message).parse::<u64>().unwrap());
                }
                assert!(taken.is_sorted(), "each taker sees them in order");
                taken
            })
        })
        .collect();
    publish_numbers(&client, "x", 0..10_000).await;
    within("drain", subscription.drain()).await.unwrap();
    let mut all = Vec::new();
    for taker in takers {
        all.extend(within("a taker", taker).await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, Vec::from_iter(0..10_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pubsub_15() {
    const EACH: usize = 5_000;
    let server = plain();
    let (client, listener) = (dial(&server.url()).await, dial(&server.url()).await);
    let subscription = listener.subscribe_with("from.*", &unbounded()).unwrap();
    flush(&listener).await;
    let content = |from: usize, n: usize| format!("{from} {n} ").repeat(n % 37 + 1);
    let runtime = tokio::runtime::Handle::current();
    std::thread::scope(|scope| {
        for from in 0..8 {
            let (client, runtime) = (client.clone(), runtime.clone());
            scope.spawn(move || {
                runtime.block_on(async {
                    for n in 0..EACH {
                        publish(&client, &format!("from.{from}"), content(from, n)).await;
                    }
                });
            });
        }
    });
    let mut counts = [0; 8];
    for _ in 0..8 * EACH {
        let message = next(&subscription).await;
        let from: usize = message.subject()[5..].parse().unwrap();
        assert_eq!(text(&message), content(from, counts[from]));
        counts[from] += 1;
    }
    assert_eq!(counts, [EACH; 8]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_16() {
    let server = plain();
    let (publisher, listener) = (dial(&server.url()).await, dial(&server.url()).await);
    let subscription = listener.subscribe("x").unwrap();
    flush(&listener).await;
    publish_numbers(&publisher, "x", 0..1000).await;
    flush(&publisher).await;
    assert_eq!(publisher.outbound_pending(), 0);
    flush(&listener).await;
    assert_eq!(take_texts(&subscription).len(), 1000);
    assert!(!within("rtt", publisher.rtt()).await.unwrap().is_zero());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_17() {
    let server = plain();
    let client = dial(&server.url()).await;
    let subject = |n: usize| format!("many.{n}");
    let all: Vec<_> = (0..10_000).map(|n| client.subscribe(&subject(n)).unwrap()).collect();
    assert_eq!(BTreeSet::from_iter(all.iter().map(Subscription::sid)).len(), all.len());
    for n in 0..all.len() {
        publish(&client, &subject(n), n.to_string()).await;
    }
    flush(&client).await;
    for (n, subscription) in all.iter().enumerate() {
        assert_eq!(take_texts(subscription), [n.to_string()]);
    }
}
