//! Who connects, and what servers make of it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

#[path = "support/trusted.rs"]
mod trusted;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nats_core::auth::{KeyKind, KeyPair, UserClaims};
use nats_core::{Client, Code, ConnectOptions, Event, Login};
use nats_harness::{Config, Server};
use trusted::{Trusted, pair, seed};

const LONG: Duration = Duration::from_secs(20);

/// A server that knows users by their keys.
fn key_server(users: &[&KeyPair]) -> Server {
    let users: Vec<_> = users.iter().map(|key| format!("{{nkey: {}}}", key.public_key())).collect();
    let lines = format!("authorization {{ users: [{}] }}", users.join(", "));
    Server::start(Config::plain().with(&lines)).unwrap()
}

async fn connect(server: &Server, options: ConnectOptions) -> nats_core::Result<Client> {
    options.servers([server.url()]).connect().await
}

async fn works(server: &Server, options: ConnectOptions) -> Client {
    let client = connect(server, options).await.unwrap();
    client.flush().await.unwrap();
    client
}

async fn refused(server: &Server, options: ConnectOptions) -> nats_core::Error {
    connect(server, options).await.unwrap_err()
}

fn file(content: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    std::fs::write(&path, content).unwrap();
    (dir, path)
}

#[tokio::test]
async fn life_01() {
    let (key, stranger) = (pair(KeyKind::User), pair(KeyKind::User));
    let server = key_server(&[&key]);
    works(&server, ConnectOptions::new().nkey_seed(seed(&key))).await;
    let (_dir, path) = file(&format!("# a comment\n{}\n  {}\r\n", key.public_key(), seed(&key)));
    works(&server, ConnectOptions::new().nkey_seed_file(path)).await;

    let signer = key.clone();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let options = ConnectOptions::new().authenticator(move |challenge| {
        count.fetch_add(1, Ordering::SeqCst);
        let signer = signer.clone();
        async move {
            let signature = signer.sign(challenge.nonce.unwrap().as_bytes())?.to_vec();
            let nkey = Some(signer.public_key().to_string());
            Ok(Login { nkey, signature: Some(signature), ..Login::default() })
        }
    });
    works(&server, options).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    let error = refused(&server, ConnectOptions::new().nkey_seed(seed(&stranger))).await;
    assert_eq!(error.code(), Code::Authorization);
    let error = refused(&server, ConnectOptions::new()).await;
    assert_eq!(error.code(), Code::Authorization);
}

#[tokio::test]
async fn bad_keys_are_told_before_or_at_the_attempt() {
    let server = Server::start(Config::plain()).unwrap();
    let account = seed(&pair(KeyKind::User)).replace('A', "B");
    for bad in ["", "SUAB", account.as_str()] {
        let error = refused(&server, ConnectOptions::new().nkey_seed(bad)).await;
        assert_eq!(error.code(), Code::InvalidKey);
        assert!(bad.is_empty() || !error.text().contains(bad));
        let (_dir, path) = file(bad);
        let error = refused(&server, ConnectOptions::new().nkey_seed_file(&path)).await;
        assert_eq!(error.code(), Code::InvalidKey, "{error}");
        assert!(error.text().contains("secret"), "{error}");
    }
    let wrong = seed(&pair(KeyKind::Account));
    let error = refused(&server, ConnectOptions::new().nkey_seed(wrong)).await;
    assert!(error.text().contains("account"), "{error}");
    let error = refused(&server, ConnectOptions::new().nkey_seed_file("/nowhere/seed")).await;
    assert!(error.text().contains("nkey_seed_file: /nowhere/seed"), "{error}");
    let both = ConnectOptions::new().token("t").nkey_seed(seed(&pair(KeyKind::User)));
    let error = refused(&server, both).await;
    assert!(error.text().contains("token and nkey_seed"), "{error}");
}

#[tokio::test]
async fn life_02() {
    let trusted = Trusted::start();
    let server = &trusted.server;
    works(server, ConnectOptions::new().creds(trusted.named("a").to_file().as_str())).await;

    let (first, second) = (trusted.named("first"), trusted.named("second"));
    let (_dir, path) = file(first.to_file().as_str());
    let client = works(server, ConnectOptions::new().creds_file(&path).name("reader")).await;
    assert_eq!(user_of(server, "reader"), first.key.public_key().to_string());
    std::fs::write(&path, second.to_file().as_str()).unwrap();
    client.force_reconnect().unwrap();
    tokio::time::timeout(LONG, async {
        while client.stats().reconnects == 0 || client.flush().await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(user_of(server, "reader"), second.key.public_key().to_string());

    let foreign = Trusted::start().named("stranger");
    let error = refused(server, ConnectOptions::new().creds(foreign.to_file().as_str())).await;
    assert_eq!(error.code(), Code::Authorization);
}

/// The public key of the user that a connection has for the server.
fn user_of(server: &Server, connection: &str) -> String {
    let connections = server.monitor("/connz?auth=1").unwrap();
    let mine = connections["connections"].as_array().unwrap();
    let mine = mine.iter().find(|entry| entry["name"] == connection).unwrap();
    mine["authorized_user"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn what_is_wrong_with_credentials_is_named() {
    let server = Server::start(Config::plain()).unwrap();
    let trusted = Trusted::start();
    let good = trusted.named("joe").to_file().to_string();
    let (begin, jwt_end) = ("-----BEGIN NATS USER JWT-----", "------END NATS USER JWT------");
    let at = good.find("-----BEGIN USER").unwrap();
    for (bad, part) in [
        (String::new(), "no JWT"),
        (good[..at].to_owned(), "no seed"),
        (good[at..].to_owned(), "no JWT"),
        (good.replace(begin, ""), "begins"),
        (good.replace(jwt_end, ""), "ends"),
        (format!("{good}{good}"), "more than one"),
        (good.replace("ey", "??"), "JWT"),
        (good.replace("\nSU", "\nSA"), "seed"),
        (good[..at + 60].to_owned(), "ends"),
    ] {
        let error = refused(&server, ConnectOptions::new().creds(bad.as_str())).await;
        assert_eq!(error.code(), Code::InvalidCredentials, "{error}");
        assert!(error.text().contains(part), "{part}: {error}");
        assert!(!error.text().contains("SU") && !error.text().contains("eyJ"), "{error}");
    }
    let odd = format!("\u{feff}{}", good.replace('\n', " \r\n  "));
    works(&trusted.server, ConnectOptions::new().creds(odd)).await;
    let error = refused(&server, ConnectOptions::new().creds_file("/nowhere/creds")).await;
    assert_eq!(error.code(), Code::InvalidCredentials);
    assert!(error.text().contains("creds_file: /nowhere/creds"), "{error}");
}

#[tokio::test]
async fn a_user_that_expires_is_told_so() {
    let trusted = Trusted::start();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let claims = UserClaims { expires: Some(now + 2), ..UserClaims::default() };
    let creds = trusted.credentials(&claims).to_file().to_string();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let options = ConnectOptions::new().creds(creds.as_str()).event_callback(move |event| {
        if let Event::Disconnected { reason } = event {
            let _ = tell.send(reason.code());
        }
    });
    let _client = works(&trusted.server, options).await;
    let code = tokio::time::timeout(LONG, told.recv()).await.unwrap().unwrap();
    assert_eq!(code, Code::AuthExpired);
}

#[tokio::test]
async fn life_03() {
    let server = Server::start(Config::user("joe", "secret")).unwrap();
    let passwords = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&passwords);
    let options = ConnectOptions::new().retry_on_failed_connect(true).authenticator(move |_| {
        let right = count.fetch_add(1, Ordering::SeqCst) > 0;
        let password = if right { "secret" } else { "wrong" };
        async move {
            let user = Some("joe".to_owned());
            Ok(Login { user, password: Some(password.into()), ..Login::default() })
        }
    });
    works(&server, options).await;
    assert!(passwords.load(Ordering::SeqCst) >= 2);
    let options = ConnectOptions::new()
        .authenticator(|_| async { Err(nats_core::Error::new(Code::NotFound, "no token left")) });
    let error = refused(&server, options).await;
    assert!(error.text().contains("no token left"), "{error}");
}
