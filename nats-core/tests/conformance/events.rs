use nats_core::{Code, Event, Publish, SubscribeOptions};
use nats_harness::{Config, DEFAULT_INFO, Server, User};

use super::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_01() {
    let server = plain();
    let (watching, mut events) = watched(options(&server.url()));
    let client = within("connect", watching.connect()).await.unwrap();
    flush(&client).await;
    server.kill().unwrap();
    let mut heard = vec![events.next().await, events.next().await, events.next().await];
    server.restart().unwrap();
    heard.push(events.wait("reconnected").await);
    within("close", client.close()).await;
    heard.push(events.next().await);
    let [
        Event::Connected { url },
        Event::Disconnected { reason },
        Event::Reconnecting { attempt: 1, url: tried },
        Event::Reconnected { url: again },
        Event::Closed { discarded: 0 },
    ] = &heard[..]
    else {
        panic!("{heard:?}");
    };
    assert_eq!((url, tried, again), (&server.url(), &server.url(), &server.url()));
    assert_eq!(reason.code(), Code::Io);
    assert!(events.so_far().is_empty(), "closed is the last event");
    let names: Vec<_> = heard.iter().map(Event::name).collect();
    assert_eq!(names, ["connected", "disconnected", "reconnecting", "reconnected", "closed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_02() {
    let user = User::new("alice", "secret").deny_publish("denied.*");
    let server = Server::start(Config::users(vec![user])).unwrap();
    let login = options(&server.url()).user_and_password("alice", "secret");
    let (client, mut events) = dial_watched(login).await;
    let mut listener = client.events();
    publish(&client, "denied.x", "").await;
    let Event::ServerError(error) = events.next().await else { panic!("a server error") };
    assert_eq!(error.code(), Code::Permission);
    assert!(error.text().contains("denied.x"), "{error}");
    let heard = within("the other listener", listener.recv()).await.unwrap();
    assert_eq!(heard.name(), "server_error");
    let subscription = client.subscribe("allowed").unwrap();
    publish(&client, "allowed", "still here").await;
    assert_eq!(next_text(&subscription).await, "still here");
    assert_eq!((client.stats().errors, client.stats().reconnects), (1, 0));
    assert!(events.so_far().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_03() {
    let user = User::new("alice", "secret").deny_subscribe("denied.>");
    let server = Server::start(Config::users(vec![user])).unwrap();
    let login = options(&server.url()).user_and_password("alice", "secret");
    let (client, mut events) = dial_watched(login).await;
    let allowed = client.subscribe("allowed").unwrap();
    let group = SubscribeOptions { queue: Some("g".into()), ..SubscribeOptions::default() };
    for denied in [client.subscribe("denied.x"), client.subscribe_with("denied.x", &group)] {
        let denied = denied.unwrap();
        assert_eq!(end_of(&denied).await, Code::Permission);
        assert!(denied.end_reason().unwrap().text().contains("denied.x"));
        events.wait("server_error").await;
    }
    publish(&client, "allowed", "still here").await;
    assert_eq!(next_text(&allowed).await, "still here");
    // After a reconnect it is not asked for again.
    client.force_reconnect().unwrap();
    events.wait("reconnected").await;
    flush(&client).await;
    assert_eq!(events.count("server_error"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_04() {
    let server = plain();
    let (_client, mut events) = dial_watched(options(&server.url())).await;
    server.lame_duck().unwrap();
    events.wait("lame_duck").await;

    let fake = fake(vec![]);
    let (client, mut events) = dial_watched(options(&fake.url())).await;
    let list = r#""connect_urls":["10.0.0.1:4222","[::1]:4333","nonsense:x","","#;
    let info = format!("{},{list}\"10.0.0.1:4222\"]}}", DEFAULT_INFO.trim_end_matches('}'));
    for _ in 0..2 {
        fake.send(0, format!("INFO {info}\r\n")).unwrap();
    }
    fake.send(
        0,
        format!("INFO {}\r\n", DEFAULT_INFO.replace("\"proto\"", "\"ldm\":true,\"proto\"")),
    )
    .unwrap();
    let Event::DiscoveredServers(urls) = events.next().await else { panic!("discovered servers") };
    assert_eq!(urls, ["nats://10.0.0.1:4222", "nats://[::1]:4333"]);
    let next = events.next().await;
    assert_eq!(next.name(), "lame_duck", "the same servers are no news");
    assert!(client.discovered_servers().is_empty(), "forgotten when they are gossiped no more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_05() {
    let server = plain();
    let (client, mut events) = dial_watched(options(&server.url())).await;
    assert_eq!(client.stats(), nats_core::Stats::default());
    let one = SubscribeOptions { pending_messages: Some(1), ..SubscribeOptions::default() };
    let subscription = client.subscribe_with("x", &one).unwrap();
    for _ in 0..3 {
        let message = Publish::new("x", b"12345").reply("reply");
        within("publish", client.publish_with(&message)).await.unwrap();
    }
    flush(&client).await;
    client.force_reconnect().unwrap();
    events.wait("reconnected").await;
    let stats = client.stats();
    assert_eq!((stats.out_messages, stats.out_bytes), (3, 15));
    assert_eq!(stats.in_messages, 3);
    assert_eq!((stats.dropped_in, stats.dropped_out), (2, 0));
    assert_eq!((stats.reconnects, stats.errors), (1, 0));
    assert_eq!(stats.in_bytes, 15);
    assert_eq!(next(&subscription).await.size(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_06() {
    let old = "0ld-canary";
    let server = Server::start(Config::user("alice", old)).unwrap();
    let login = options(&server.url()).user_and_password("alice", old);
    let (client, mut events) = dial_watched(login).await;
    assert!(client.last_error().is_none());
    server.reload(Config::user("alice", "n3w-canary")).unwrap();
    events.wait("disconnected").await;
    let Event::ServerError(error) = events.wait("server_error").await else { unreachable!() };
    assert_eq!(error.code(), Code::Authorization);
    let last = client.last_error().unwrap();
    assert_eq!(last.code(), Code::Authorization);
    let shown = format!(
        "{last} {last:?} {error:?} {client:?} {:?} {:?}",
        client.options(),
        client.servers()
    );
    assert!(!shown.contains("canary"), "{shown}");
}
