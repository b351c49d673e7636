//! Contexts that lead to real servers. How they are found is tested beside the code.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

mod support;

use nats_core::{Code, ConnectOptions};
use nats_harness::{Certificates, Config, Server, TlsMode};
use support::*;

#[tokio::test]
async fn life_09() {
    let certificates = Certificates::generate().unwrap();
    let config = Config::user("alice", "secret").with_tls(TlsMode::Verify, certificates.clone());
    let server = Server::start(config).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.json");
    let write = |password: &str| {
        let json = serde_json::json!({
            "url": server.url(), "user": "alice", "password": password,
            "ca": certificates.ca(), "cert": certificates.client_cert(),
            "key": certificates.client_key(), "inbox_prefix": "_MINE",
        });
        std::fs::write(&file, json.to_string()).unwrap();
    };
    write("secret");
    let options = || ConnectOptions::new().context(file.display().to_string());
    let client = within("connect", options().connect()).await.unwrap();
    flush(&client).await;
    assert!(client.new_inbox().unwrap().starts_with("_MINE."));
    write("s3cr3t");
    let error = within("connect", options().connect()).await.unwrap_err();
    assert_eq!(error.code(), Code::Authorization, "{error}");
    assert!(!error.text().contains("s3cr3t"));
    let client = within("connect", options().user_and_password("alice", "secret").connect());
    client.await.unwrap().close().await;
    std::fs::remove_file(&file).unwrap();
    let error = within("connect", options().connect()).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidOption, "{error}");
}
