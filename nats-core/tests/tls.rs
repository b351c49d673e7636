//! TLS: who is believed, who is shown, and what an error says.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nats_core::{Client, Code, ConnectOptions, Identity, Result, TlsVersion};
use nats_harness::{Certificates, Config, Server, TlsMode};

struct Rig {
    server: Server,
    certificates: Certificates,
}

impl Rig {
    fn new(mode: TlsMode) -> Rig {
        let certificates = Certificates::generate().unwrap();
        let config = Config::plain().with_tls(mode, certificates.clone());
        Rig { server: Server::start(config).unwrap(), certificates }
    }

    /// Options that believe the server.
    fn options(&self) -> ConnectOptions {
        ConnectOptions::new().tls_ca_file(self.certificates.ca())
    }

    async fn connect(&self, options: ConnectOptions) -> Result<Client> {
        options.servers([self.server.url()]).connect().await
    }

    async fn works(&self, options: ConnectOptions) {
        let client = self.connect(options).await.unwrap();
        client.flush().await.unwrap();
    }

    async fn fails(&self, options: ConnectOptions, text: &str) {
        let error = self.connect(options).await.unwrap_err();
        assert_eq!(error.code(), Code::Tls, "{error}");
        assert!(error.text().contains(text), "{text}: {error}");
    }
}

fn pem(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn authorities_by_file_and_text_and_none_at_all() {
    let rig = Rig::new(TlsMode::Required);
    rig.works(rig.options()).await;
    rig.works(ConnectOptions::new().tls_ca(pem(rig.certificates.ca()))).await;
    rig.works(ConnectOptions::new().tls_insecure(true)).await;
    rig.works(rig.options().tls_min_version(TlsVersion::Tls13)).await;
    let foreign = ConnectOptions::new().tls_ca_file(rig.certificates.foreign_ca());
    rig.fails(foreign, "self-signed, or its authority is not trusted").await;
    rig.fails(ConnectOptions::new().tls_ca("nothing"), "tls_ca: it holds no PEM certificate").await;
    rig.fails(ConnectOptions::new().tls_ca_file("/nowhere/ca.pem"), "/nowhere/ca.pem").await;
}

#[tokio::test]
async fn the_name_is_checked_and_can_be_another_than_the_urls() {
    let rig = Rig::new(TlsMode::Required);
    rig.works(rig.options().tls_server_name("localhost")).await;
    rig.fails(rig.options().tls_server_name("example.org"), "is for another name").await;
    rig.fails(rig.options().tls_server_name("not a name"), "is no name for a certificate").await;
}

#[tokio::test]
async fn life_04() {
    let rig = Rig::new(TlsMode::Verify);
    let (certificate, key) = (rig.certificates.client_cert(), rig.certificates.client_key());
    rig.works(rig.options().tls_identity_files(&certificate, &key)).await;
    rig.works(rig.options().tls_identity_pem(pem(&certificate), pem(&key))).await;
    let mut both = rig.options();
    both.tls_cert = Some(pem(&certificate) + &pem(&key));
    rig.works(both).await;

    let asked = Arc::new(AtomicUsize::new(0));
    let (count, text) = (Arc::clone(&asked), (pem(&certificate), pem(&key)));
    let callback = move |url: String| {
        assert!(url.starts_with("tls://"), "{url}");
        count.fetch_add(1, Ordering::SeqCst);
        let identity = Identity { certificate: text.0.clone(), key: text.1.as_str().into() };
        async { Ok(identity) }
    };
    rig.works(rig.options().tls_identity(callback)).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    rig.fails(rig.options(), "the server wants a client certificate").await;
    let mut lonely = rig.options();
    lonely.tls_key = Some(pem(&key).into());
    rig.fails(lonely, "a key without a client certificate").await;
    let bad = rig.options().tls_identity_pem(pem(&certificate), "no key");
    rig.fails(bad, "key of the client certificate").await;
    let other =
        rig.options().tls_identity_pem(pem(&certificate), pem(rig.certificates.server_key()));
    rig.fails(other, "client certificate and key").await;
}

#[tokio::test]
async fn tls_before_anything_else() {
    let certificates = Certificates::generate().unwrap();
    let lines = format!(
        "tls {{ cert_file: \"{}\", key_file: \"{}\", handshake_first: \"5s\" }}",
        certificates.server_cert().display(),
        certificates.server_key().display()
    );
    // The server waits for a handshake, and says something only when none comes for a while.
    let server = Server::start(Config::plain().with(&lines)).unwrap();
    let rig = Rig { server, certificates };
    let started = std::time::Instant::now();
    rig.works(rig.options().tls_first(true)).await;
    assert!(started.elapsed().as_secs() < 5, "the client began");
}
