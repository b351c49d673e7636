//! What the claims of JWTs (ADR-14) make servers do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;
#[path = "support/trusted.rs"]
mod trusted;

use std::time::{SystemTime, UNIX_EPOCH};

use nats_core::auth::{AccountClaims, Credentials, KeyKind, Permission, UserClaims};
use nats_core::{Client, Code, ConnectOptions, Event, Login, Publish};
use nats_harness::{Config, Server};
use support::*;
use trusted::{Trusted, credentials, pair};

fn with(server: &Server, creds: &Credentials) -> ConnectOptions {
    options(&server.url()).creds(creds.to_file().as_str())
}

/// A user with these claims is let in.
async fn user(trusted: &Trusted, claims: UserClaims) -> (Client, Events) {
    dial_watched(with(&trusted.server, &trusted.credentials(&claims))).await
}

/// It is not.
async fn refused(trusted: &Trusted, claims: UserClaims) {
    let options = with(&trusted.server, &trusted.credentials(&claims));
    assert_eq!(code(options.connect().await), Code::Authorization);
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// The server tells a connection of this error.
async fn told(events: &mut Events, wanted: Code) {
    loop {
        if let Event::ServerError(error) = events.wait("server_error").await
            && error.code() == wanted
        {
            return;
        }
    }
}

async fn works(client: &Client, subject: &str) {
    let subscription = client.subscribe(subject).unwrap();
    publish(client, subject, "works").await;
    assert_eq!(next_text(&subscription).await, "works");
}

#[tokio::test]
async fn where_a_user_may_publish_and_subscribe() {
    let trusted = Trusted::start();
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let permission = || Permission { allow: texts(&["public.>"]), deny: texts(&["public.secret"]) };
    let claims = UserClaims { subscribe: permission(), ..UserClaims::default() };
    let (client, _events) = user(&trusted, claims).await;
    works(&client, "public.a").await;
    for subject in ["public.secret", "private.a"] {
        let denied = client.subscribe(subject).unwrap();
        assert_eq!(end_of(&denied).await, Code::Permission, "{subject}");
    }
    let claims = UserClaims { publish: permission(), ..UserClaims::default() };
    let (client, mut events) = user(&trusted, claims).await;
    works(&client, "public.a").await;
    for subject in ["public.secret", "private.a"] {
        publish(&client, subject, "x").await;
        told(&mut events, Code::Permission).await;
    }
}

#[tokio::test]
async fn answers_that_are_allowed_beyond_that() {
    let trusted = Trusted::start();
    let claims =
        UserClaims { responses: Some(1), response_millis: 60_000, ..UserClaims::default() };
    let (answering, mut events) = user(&trusted, claims).await;
    let (asking, _) = user(&trusted, UserClaims::default()).await;
    let questions = answering.subscribe("ask").unwrap();
    flush(&answering).await;
    let inbox = asking.new_inbox().unwrap();
    let answers = asking.subscribe(&inbox).unwrap();
    asking.publish_with(&Publish::new("ask", b"?").reply(&inbox)).await.unwrap();
    let question = next(&questions).await;
    question.respond("one").await.unwrap();
    assert_eq!(next_text(&answers).await, "one");
    question.respond("two").await.unwrap();
    told(&mut events, Code::Permission).await;
    publish(&answering, "elsewhere", "x").await;
    told(&mut events, Code::Permission).await;
}

#[tokio::test]
async fn who_may_come_how_and_from_where() {
    let trusted = Trusted::start();
    let list = |text: &str| vec![text.to_owned()];
    for claims in [
        UserClaims { source_networks: list("127.0.0.0/8"), ..UserClaims::default() },
        UserClaims { connection_types: list("STANDARD"), ..UserClaims::default() },
        UserClaims { not_before: Some(now() - 60), ..UserClaims::default() },
        UserClaims { tags: list("tag"), name: "joe".into(), ..UserClaims::default() },
    ] {
        let (client, _events) = user(&trusted, claims).await;
        works(&client, "a").await;
    }
    for claims in [
        UserClaims { source_networks: list("10.0.0.0/8"), ..UserClaims::default() },
        UserClaims { connection_types: list("WEBSOCKET"), ..UserClaims::default() },
        UserClaims { not_before: Some(now() + 600), ..UserClaims::default() },
        UserClaims { expires: Some(now() - 60), ..UserClaims::default() },
    ] {
        refused(&trusted, claims).await;
    }
}

#[tokio::test]
async fn a_token_that_suffices_without_a_signature() {
    let trusted = Trusted::start();
    for bearer in [true, false] {
        let claims = UserClaims { bearer, ..UserClaims::default() };
        let key = pair(KeyKind::User);
        let jwt = claims.sign(&key.public_key(), &trusted.account).unwrap();
        let options = options(&trusted.server.url()).authenticator(move |_| {
            let jwt = Some(jwt.as_str().into());
            async move { Ok(Login { jwt, ..Login::default() }) }
        });
        let connected = options.connect().await;
        assert_eq!(connected.is_ok(), bearer);
    }
}

#[tokio::test]
async fn keys_that_sign_in_an_accounts_place() {
    let signer = pair(KeyKind::Account);
    let claims = AccountClaims {
        signing_keys: vec![signer.public_key().to_string()],
        ..AccountClaims::default()
    };
    let trusted = Trusted::of(Config::plain(), &claims);
    let claims = UserClaims {
        issuer_account: Some(trusted.account.public_key().to_string()),
        ..UserClaims::default()
    };
    let client = with(&trusted.server, &credentials(&claims, &signer)).connect().await.unwrap();
    works(&client, "a").await;
    let stranger = credentials(&claims, &pair(KeyKind::Account));
    assert_eq!(code(with(&trusted.server, &stranger).connect().await), Code::Authorization);
}

#[tokio::test]
async fn limits_of_users_and_accounts() {
    let trusted = Trusted::start();
    let claims = UserClaims { subscriptions: 1, payload: 100, ..UserClaims::default() };
    let (client, mut events) = user(&trusted, claims).await;
    let _first = client.subscribe("a").unwrap();
    let _second = client.subscribe("b").unwrap();
    told(&mut events, Code::MaxSubscriptions).await;
    works_within(&client, 100).await;

    let claims = AccountClaims { connections: 1, payload: 200, ..AccountClaims::default() };
    let trusted = Trusted::of(Config::plain(), &claims);
    let (client, _events) = user(&trusted, UserClaims::default()).await;
    let another = with(&trusted.server, &trusted.named("another")).connect().await;
    assert_eq!(code(another), Code::MaxConnections);
    works_within(&client, 200).await;
}

/// The server takes payloads of this size and no larger ones.
async fn works_within(client: &Client, size: usize) {
    client.publish("within", vec![0; size]).await.unwrap();
    flush(client).await;
    assert_eq!(code(client.publish("within", vec![0; size + 1]).await), Code::MaxPayload);
}

#[tokio::test]
async fn limits_of_storage() {
    let claims = AccountClaims {
        memory_storage: 1 << 20,
        disk_storage: 1 << 21,
        streams: 3,
        consumers: 4,
        ..AccountClaims::default()
    };
    let trusted = Trusted::of(Config::jetstream(), &claims);
    let (client, _events) = user(&trusted, UserClaims::default()).await;
    let answer = client.request("$JS.API.INFO", "").await.unwrap();
    let info: serde_json::Value = serde_json::from_slice(answer.payload()).unwrap();
    let limits = &info["limits"];
    let shown = ["max_memory", "max_storage", "max_streams", "max_consumers"]
        .map(|name| limits[name].as_i64().unwrap_or_default());
    assert_eq!(shown, [1 << 20, 1 << 21, 3, 4], "{info}");
}
