use std::time::Duration;

use nats_core::{
    Client, Code, Headers, ManyOptions, Message, Publish, Request, Result, Subscription,
};
use nats_harness::{Config, Server, Step, User};

use super::support::*;

/// Sends a request on a task of its own, with a timeout that nothing here waits for.
fn ask(client: &Client, own_inbox: bool) -> tokio::task::JoinHandle<Result<Message>> {
    let client = client.clone();
    tokio::spawn(async move {
        let request = Request { own_inbox, ..Request::new("svc", b"question").timeout(FOREVER) };
        client.request_with(&request).await
    })
}

async fn answer(asked: tokio::task::JoinHandle<Result<Message>>) -> Result<Message> {
    within("the end of the request", asked).await.unwrap()
}

/// Answers every request to `svc` with these payloads.
async fn service(client: &Client, answers: &'static [&'static str]) {
    let asked = client.subscribe("svc").unwrap();
    flush(client).await;
    tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            for answer in answers {
                message.respond(answer).await.unwrap();
            }
        }
    });
}

/// All replies of a request-many, and why they ended.
async fn many(client: &Client, options: ManyOptions) -> (Vec<String>, Code) {
    let request = Request::new("svc", b"question");
    let replies = within("send", client.request_many(&request, &options)).await.unwrap();
    let mut payloads = Vec::new();
    while let Some(message) = within("a reply or the end", replies.next()).await {
        payloads.push(text(&message));
    }
    (payloads, end_of(&replies).await)
}

fn many_options() -> ManyOptions {
    ManyOptions { max_wait: FOREVER, ..ManyOptions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_01() {
    let server = plain();
    let (client, responder) = (dial(&server.url()).await, dial(&server.url()).await);
    let asked = responder.subscribe("svc").unwrap();
    flush(&responder).await;
    tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            let mut headers = Headers::new();
            headers.append("Echo", message.header("Ask").unwrap_or("none")).unwrap();
            message.respond_with(Some(&headers), message.payload()).await.unwrap();
        }
    });
    let mut headers = Headers::new();
    headers.append("Ask", "please").unwrap();
    let request = Request::new("svc", b"with headers").headers(&headers);
    let reply = within("request", client.request_with(&request)).await.unwrap();
    assert_eq!((reply.payload(), reply.header("Echo")), (&b"with headers"[..], Some("please")));
    let reply = within("request", client.request("svc", "")).await.unwrap();
    assert_eq!((reply.payload(), reply.header("Echo")), (&b""[..], Some("none")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_02() {
    let server = plain();
    let client = dial(&server.url()).await;
    for _ in 0..3 {
        assert_eq!(code(answer(ask(&client, false)).await), Code::NoResponders);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_03() {
    let server = plain();
    let client = dial(&server.url()).await;
    let asked = client.subscribe("svc").unwrap();
    let request = Request::new("svc", b"slow").timeout(SHORT);
    let error = within("request", client.request_with(&request)).await.unwrap_err();
    assert_eq!(error.code(), Code::Timeout);
    assert!(error.text().contains("svc"), "{error}");
    let late = next(&asked).await;
    // The new request takes over the slot of the one that timed out.
    let second = ask(&client, false);
    let prompt = next(&asked).await;
    assert_ne!(late.reply(), prompt.reply());
    within("respond", late.respond("too late")).await.unwrap();
    flush(&client).await;
    assert!(!second.is_finished(), "the late reply is nobody's");
    within("respond", prompt.respond("in time")).await.unwrap();
    assert_eq!(answer(second).await.unwrap().payload(), b"in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_04() {
    let server = plain();
    let client = dial(&server.url()).await;
    assert_eq!(code(answer(ask(&client, true)).await), Code::NoResponders);
    let asked = client.subscribe("svc").unwrap();
    let first = ask(&client, true);
    let message = next(&asked).await;
    within("respond", message.respond("the reply")).await.unwrap();
    assert_eq!(answer(first).await.unwrap().payload(), b"the reply");
    let request = Request::new("svc", b"slow").timeout(SHORT).own_inbox();
    assert_eq!(code(within("request", client.request_with(&request)).await), Code::Timeout);
    flush(&client).await;
    let left = &server.monitor("/connz").unwrap()["connections"][0]["subscriptions"];
    assert_eq!(*left, 1, "the inboxes are unsubscribed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_05() {
    let server = plain();
    let client = dial(&server.url()).await;
    let asked = client.subscribe("svc").unwrap();
    let requests: Vec<_> = (0..64)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move {
                let reply = within("request", client.request("svc", n.to_string())).await.unwrap();
                assert_eq!(reply.payload(), format!("reply to {n}").as_bytes());
            })
        })
        .collect();
    let mut waiting = Vec::new();
    while waiting.len() < 64 {
        waiting.push(next(&asked).await);
    }
    for message in waiting.iter().rev() {
        within("respond", message.respond(format!("reply to {}", text(message)))).await.unwrap();
    }
    for request in requests {
        within("request", request).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_06() {
    let server = plain();
    let client = dial(&server.url()).await;
    service(&client, &["1", "2", "3", "4", "5"]).await;
    let three = ManyOptions { max_messages: Some(3), ..many_options() };
    let (replies, end) = many(&client, three).await;
    assert_eq!((replies.join(" "), end), ("1 2 3".into(), Code::SubscriptionEnded));
    let none = ManyOptions { max_messages: Some(0), ..many_options() };
    let request = Request::new("svc", b"");
    assert_eq!(code(client.request_many(&request, &none).await), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_07() {
    let server = plain();
    let client = dial(&server.url()).await;
    service(&client, &["1", "2"]).await;
    let stall = ManyOptions { stall: Some(SHORT), ..many_options() };
    let (replies, end) = many(&client, stall).await;
    assert_eq!((replies.join(" "), end), ("1 2".into(), Code::SubscriptionEnded));
    let total = ManyOptions { max_wait: SHORT * 3, ..many_options() };
    let (replies, end) = many(&client, total).await;
    assert_eq!((replies.join(" "), end), ("1 2".into(), Code::SubscriptionEnded));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_08() {
    let server = plain();
    let client = dial(&server.url()).await;
    service(&client, &["1", "2", "", "3"]).await;
    let sentinel = ManyOptions { sentinel: true, ..many_options() };
    let (replies, end) = many(&client, sentinel).await;
    assert_eq!((replies.join(" "), end), ("1 2".into(), Code::SubscriptionEnded));
    let all = ManyOptions { max_messages: Some(4), ..many_options() };
    assert_eq!(many(&client, all).await.0, ["1", "2", "", "3"], "asked for, an empty one counts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_09() {
    let server = plain();
    let client = dial(&server.url()).await;
    for sentinel in [false, true] {
        let options = ManyOptions { sentinel, ..many_options() };
        assert_eq!(many(&client, options).await, (vec![], Code::NoResponders));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_10() {
    let server = plain();
    let responder = dial(&server.url()).await;
    let asked = responder.subscribe("svc").unwrap();
    flush(&responder).await;
    for own_inbox in [false, true] {
        let client = dial(&server.url()).await;
        let request = ask(&client, own_inbox);
        next(&asked).await;
        within("close", client.close()).await;
        assert_eq!(code(answer(request).await), Code::ConnectionClosed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_11() {
    for own_inbox in [false, true] {
        let server = plain();
        let (client, mut events) = dial_watched(options(&server.url())).await;
        let (responder, mut responders_events) = dial_watched(options(&server.url())).await;
        let asked = responder.subscribe("svc").unwrap();
        flush(&responder).await;
        let request = ask(&client, own_inbox);
        next(&asked).await;
        server.kill().unwrap();
        assert_eq!(code(answer(request).await), Code::ConnectionLost, "own inbox: {own_inbox}");
        server.restart().unwrap();
        events.wait("reconnected").await;
        responders_events.wait("reconnected").await;
        flush(&responder).await;
        let request = ask(&client, own_inbox);
        within("respond", next(&asked).await.respond("again")).await.unwrap();
        assert_eq!(answer(request).await.unwrap().payload(), b"again");
    }
}

/// A zero timeout is documented as «do not wait»: it ends at once with TIMEOUT.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_12() {
    let server = plain();
    let client = dial(&server.url()).await;
    let asked = client.subscribe("svc").unwrap();
    for own_inbox in [false, true] {
        let none = Request { own_inbox, ..Request::new("svc", b"").timeout(Duration::ZERO) };
        assert_eq!(code(within("request", client.request_with(&none)).await), Code::Timeout);
        let ages = Request { own_inbox, ..Request::new("ages", b"").timeout(Duration::MAX) };
        assert_eq!(code(within("request", client.request_with(&ages)).await), Code::NoResponders);
    }
    flush(&client).await;
    let mut unanswered = Vec::new();
    asked.take(&mut unanswered, usize::MAX);
    service(&client, &["1", ""]).await;
    let ages = Some(Duration::MAX);
    let options = ManyOptions {
        max_wait: Duration::MAX,
        stall: ages,
        sentinel: true,
        ..ManyOptions::default()
    };
    assert_eq!(many(&client, options).await, (vec!["1".into()], Code::SubscriptionEnded));
    let none = ManyOptions { max_wait: Duration::ZERO, ..options };
    let request = Request::new("svc", b"");
    assert_eq!(code(client.request_many(&request, &none).await), Code::InvalidArgument);
    within("flush", client.flush_timeout(Duration::MAX)).await.unwrap();
    let silent = fake(vec![Step::Silence]);
    let unanswered_ping = dial(&silent.url()).await.flush_timeout(Duration::ZERO).await;
    assert_eq!(code(unanswered_ping), Code::Timeout);
    let idle = client.subscribe("idle").unwrap();
    within("drain", idle.drain_timeout(Duration::MAX)).await.unwrap();
    drop(asked);
    let drained = within("drain", client.drain_timeout(Duration::MAX)).await;
    assert_eq!(drained, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_13() {
    let server = plain();
    let prefixed = options(&server.url()).inbox_prefix("my.prefix");
    let client = within("connect", prefixed.connect()).await.unwrap();
    let asked = client.subscribe("svc").unwrap();
    let inboxes = [client.new_inbox().unwrap(), client.new_inbox().unwrap()];
    assert_ne!(inboxes[0], inboxes[1]);
    assert!(inboxes.iter().all(|inbox| inbox.starts_with("my.prefix.")), "{inboxes:?}");
    for own_inbox in [false, true] {
        let request = ask(&client, own_inbox);
        let message = next(&asked).await;
        assert!(message.reply().unwrap().starts_with("my.prefix."), "{message:?}");
        within("respond", message.respond("reply")).await.unwrap();
        answer(request).await.unwrap();
    }
    for bad in ["", "a.*", "a.>", "a.", ".a", "a..b", "a b", "a\r\nb"] {
        let refused = within("refusal", options(&server.url()).inbox_prefix(bad).connect()).await;
        assert_eq!(code(refused), Code::InvalidOption, "{bad:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_14() {
    let user = User::new("alice", "secret").deny_publish("svc");
    let server = Server::start(Config::users(vec![user])).unwrap();
    let login = options(&server.url()).user_and_password("alice", "secret");
    let (client, mut events) = dial_watched(login).await;
    for own_inbox in [false, true] {
        let error = answer(ask(&client, own_inbox)).await.unwrap_err();
        assert_eq!(error.code(), Code::Permission, "own inbox: {own_inbox}");
        assert!(error.text().contains("svc"), "{error}");
    }
    let (replies, end) = many(&client, many_options()).await;
    assert_eq!((replies, end), (vec![], Code::Permission));
    assert_eq!(events.count("disconnected"), 0);
    // A request elsewhere goes on.
    let subscription: Subscription = client.subscribe("allowed").unwrap();
    let allowed = Publish::new("allowed", b"x");
    within("publish", client.publish_with(&allowed)).await.unwrap();
    next(&subscription).await;
}
