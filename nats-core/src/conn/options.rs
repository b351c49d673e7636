//! What a connection can be told before it is made.

mod setters;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::event::EventCallback;
use super::login::Authenticator;
use super::mailbox::Overflow;
use super::proxy::Proxy;
use super::secret::Secret;
use super::servers::PickServer;
use super::tls::{IdentityCallback, TlsVersion};
use super::transport::Dialer;
use super::ws::{HeadersCallback, UpgradeHeaders, check_headers};
use crate::auth::{Credentials, KeyPair};
use crate::error::{Code, Error, Result};
use crate::proto::Headers;
use crate::proto::outbox::OutboundPolicy;
use crate::proto::subject::check_inbox_prefix;

/// Asked how long to wait before another round over the servers, with the number of rounds that have
/// failed since the connection was lost; `None` stands for the usual back-off. It is polled on the
/// connection's own task, so it must wait asynchronously, and it must end: nothing is dialled
/// before.
pub type ReconnectDelay =
    Arc<dyn Fn(u32) -> Pin<Box<dyn Future<Output = Option<Duration>> + Send>> + Send + Sync>;

/// Adds headers to what is about to be published. It runs on the thread that publishes, before
/// anything is checked, so it should be quick. What it publishes itself gets no headers from it.
pub type Inject = Arc<dyn Fn(&mut Headers) + Send + Sync>;

/// Options of a connection. Every field has a setter of the same name.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// Server URLs (`nats://`, `tls://`, `ws://`, `wss://` or bare `host:port`), tried in
    /// turn.
    pub servers: Vec<String>,
    /// A context of the nats command-line tool (ADR-21), by its name or as the absolute path of its
    /// file, for what the other options do not say; empty text is the selected one.
    pub context: Option<String>,
    /// Read for what the other options do not say, before the context, the variables of the
    /// environment that the nats command-line tool reads (`NATS_URL`, `NATS_CREDS`, ...), and the
    /// context that `NATS_CONTEXT` names or that is selected. Default false.
    pub environment: bool,
    /// Whether the servers are shuffled first. Default true.
    pub randomize: bool,
    /// Name of the client, shown by the server's monitoring.
    pub name: Option<String>,
    /// User name. Credentials in a URL win over options.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// Authentication token.
    pub token: Option<Secret>,
    /// Seed of the user's NKey, which signs what the server asks to sign.
    pub nkey_seed: Option<Secret>,
    /// File that holds such a seed, read anew for each attempt.
    pub nkey_seed_file: Option<PathBuf>,
    /// The user's JWT, to go with an NKey.
    pub jwt: Option<Secret>,
    /// Content of a credentials file: JWT and seed.
    pub creds: Option<Secret>,
    /// Credentials file, read anew for each attempt.
    pub creds_file: Option<PathBuf>,
    /// Decides for each attempt who connects, instead of all of these.
    pub authenticator: Option<Authenticator>,
    /// Ask the server to acknowledge every operation with `+OK`. Default false.
    pub verbose: bool,
    /// Ask the server for strict checks. Default false.
    pub pedantic: bool,
    /// Whether messages published here come back to subscriptions of this connection. Default true.
    pub echo: bool,
    /// Refuse servers that do not offer TLS. Default false; a `tls://` URL has the same effect.
    pub tls_required: bool,
    /// PEM file of the certificate authorities to trust instead of the system's roots.
    pub tls_ca_file: Option<PathBuf>,
    /// Certificate authorities to trust instead of the system's roots, in PEM.
    pub tls_ca: Option<String>,
    /// PEM file of the client certificate, and of its key where `tls_key_file` is not given. Files
    /// are read anew for each attempt.
    pub tls_cert_file: Option<PathBuf>,
    /// PEM file of the client certificate's key.
    pub tls_key_file: Option<PathBuf>,
    /// The client certificate, in PEM.
    pub tls_cert: Option<String>,
    /// The client certificate's key, in PEM.
    pub tls_key: Option<Secret>,
    /// Yields the client certificate for each attempt.
    pub tls_identity: Option<IdentityCallback>,
    /// The name that the server's certificate must have, instead of that in the URL.
    pub tls_server_name: Option<String>,
    /// Begin with TLS, before the server says anything. Default false. Servers 2.11 and later do so
    /// with `handshake_first`.
    pub tls_first: bool,
    /// The oldest version of TLS. Default 1.2.
    pub tls_min_version: TlsVersion,
    /// Believe every certificate: whoever is between here and the server can read and change
    /// everything. Default false.
    pub tls_insecure: bool,
    /// A configuration of rustls, instead of all that the other TLS options say.
    pub tls_config: Option<Arc<rustls::ClientConfig>>,
    /// A proxy between here and the servers, as a URL: `http://` (CONNECT) or `socks5://`, with
    /// credentials. Names of servers are resolved by it.
    pub proxy: Option<Secret>,
    /// The local address to connect from; port 0 is any.
    pub local_address: Option<SocketAddr>,
    /// Opens connections instead of TCP, the proxy included.
    pub dialer: Option<Dialer>,
    /// Headers of the request that opens a WebSocket.
    pub ws_headers: UpgradeHeaders,
    /// Asked for each attempt for further such headers.
    pub ws_headers_callback: Option<HeadersCallback>,
    /// Compress through a WebSocket, where the server agrees. Default false.
    pub ws_compression: bool,
    /// Idle time after which the kernel begins to ask whether the peer still exists; zero: never.
    /// Default 30 s.
    pub tcp_keepalive: Duration,
    /// How long what is written may make no progress before the connection counts as lost; zero is
    /// unlimited. Default 60 s.
    pub write_timeout: Duration,
    /// Deadline of one attempt: name, TCP, TLS, and handshake together. Default 5 s.
    pub connect_timeout: Duration,
    /// How long a publish waits for room in the outbound buffer. Default 5 s.
    pub publish_timeout: Duration,
    /// Default timeout of requests. Default 10 s.
    pub request_timeout: Duration,
    /// Default timeout of flush and rtt. Default 10 s.
    pub flush_timeout: Duration,
    /// Default timeout of a drain. Default 30 s.
    pub drain_timeout: Duration,
    /// Time between two pings; zero switches them off. Default 120 s.
    pub ping_interval: Duration,
    /// Unanswered pings after which the connection counts as stale. Default 2.
    pub max_pings_out: u32,
    /// First tokens of inbox subjects. Default `_INBOX`.
    pub inbox_prefix: String,
    /// Whether a lost connection is made again. Default true.
    pub reconnect: bool,
    /// Failed attempts per server in a row before it is given up; None (default) is unlimited.
    pub max_reconnects: Option<u64>,
    /// Wait before the second round over the servers; doubles with each round. Default 10 ms.
    pub reconnect_delay_min: Duration,
    /// The longest wait between two rounds. Default 2 s (250 ms in the first 5 s of an outage). A
    /// longer `reconnect_delay_min` is cut to it.
    pub reconnect_delay_max: Duration,
    /// The wait between two rounds becomes longer by a random time up to this. Default 0: half of
    /// the wait itself is random.
    pub reconnect_jitter: Duration,
    /// The same once TLS was asked for or used. Default 0.
    pub reconnect_jitter_tls: Duration,
    /// Decides the wait between two rounds instead of the back-off. The first round of an outage
    /// is tried at once all the same.
    pub reconnect_delay: Option<ReconnectDelay>,
    /// Decides which server is tried next once the connection was lost.
    pub pick_server: Option<PickServer>,
    /// Give up when a server refuses the credentials twice in a row for the same reason. Default
    /// false: they may be mended, or another server may take them.
    pub abort_on_auth_error: bool,
    /// Whether the connection moves to another server while one that is about to shut down still
    /// serves it. Default true.
    pub migrate_on_lame_duck: bool,
    /// Whether a failed first connect goes on in the background instead of failing. Default false.
    pub retry_on_failed_connect: bool,
    /// Whether connecting returns before the first attempt is made. What is published and
    /// subscribed meanwhile is kept; when the first round over the servers fails, the connection
    /// closes, unless `retry_on_failed_connect` lets it go on. Default false.
    pub connect_in_background: bool,
    /// Bytes of operations that may wait to be written, connected or not. Default 8 MiB.
    pub outbound_bytes: usize,
    /// What happens to a publish that finds no room. Default: wait.
    pub outbound_policy: OutboundPolicy,
    /// Messages that may wait in a subscription; 0 is unbounded. Default 65,536.
    pub pending_messages: usize,
    /// Bytes that may wait in a subscription; 0 is unbounded. Default 64 MiB.
    pub pending_bytes: usize,
    /// What happens to messages beyond the pending limits. Default: drop the newest.
    pub overflow: Overflow,
    /// The largest message that is accepted from a server; a larger one is a protocol error.
    /// Default 64 MiB.
    pub max_message_bytes: usize,
    /// Accept wildcards and empty tokens in publish subjects. Default false.
    pub lenient_subjects: bool,
    /// Ignore servers that the cluster gossips. Default false.
    pub ignore_discovered: bool,
    /// Adds headers, such as a trace context, to each publish, request and answer. They count as
    /// headers given there: toward `max_payload`, and a server without headers refuses them.
    pub inject: Option<Inject>,
    /// Called with every event, on the connection's own task: it must return at once.
    pub event_callback: Option<EventCallback>,
    /// For tests of recovery: called with the running number of each poll of the I/O task; may
    /// panic.
    #[doc(hidden)]
    pub fault: Option<Arc<dyn Fn(u64) + Send + Sync>>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        ConnectOptions {
            servers: vec!["nats://127.0.0.1:4222".into()],
            context: None,
            environment: false,
            randomize: true,
            name: None,
            user: None,
            password: None,
            token: None,
            nkey_seed: None,
            nkey_seed_file: None,
            jwt: None,
            creds: None,
            creds_file: None,
            authenticator: None,
            verbose: false,
            pedantic: false,
            echo: true,
            tls_required: false,
            tls_ca_file: None,
            tls_ca: None,
            tls_cert_file: None,
            tls_key_file: None,
            tls_cert: None,
            tls_key: None,
            tls_identity: None,
            tls_server_name: None,
            tls_first: false,
            tls_min_version: TlsVersion::Tls12,
            tls_insecure: false,
            tls_config: None,
            proxy: None,
            local_address: None,
            dialer: None,
            ws_headers: Vec::new(),
            ws_headers_callback: None,
            ws_compression: false,
            tcp_keepalive: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            publish_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            flush_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(120),
            max_pings_out: 2,
            inbox_prefix: "_INBOX".into(),
            reconnect: true,
            max_reconnects: None,
            reconnect_delay_min: Duration::from_millis(10),
            reconnect_delay_max: Duration::from_secs(2),
            reconnect_jitter: Duration::ZERO,
            reconnect_jitter_tls: Duration::ZERO,
            reconnect_delay: None,
            pick_server: None,
            abort_on_auth_error: false,
            migrate_on_lame_duck: true,
            retry_on_failed_connect: false,
            connect_in_background: false,
            outbound_bytes: 8 << 20,
            outbound_policy: OutboundPolicy::Wait,
            pending_messages: 65_536,
            pending_bytes: 64 << 20,
            overflow: Overflow::DropNewest,
            max_message_bytes: 64 << 20,
            lenient_subjects: false,
            ignore_discovered: false,
            inject: None,
            event_callback: None,
            fault: None,
        }
    }
}

impl ConnectOptions {
    /// Checks what can be checked before anything is dialled.
    pub(crate) fn check(&self) -> Result<()> {
        check_inbox_prefix(&self.inbox_prefix)?;
        let invalid = |text: &str| Err(Error::new(Code::InvalidOption, text.to_owned()));
        if self.connect_timeout.is_zero() {
            return invalid("connect_timeout: must be longer than zero");
        }
        if self.max_pings_out == 0 {
            return invalid("max_pings_out: must be at least 1");
        }
        if self.outbound_bytes == 0 {
            return invalid("outbound_bytes: must be at least 1");
        }
        if !(1024..=1 << 30).contains(&self.max_message_bytes) {
            return invalid("max_message_bytes: must be between 1 KiB and 1 GiB");
        }
        if let Some(proxy) = &self.proxy {
            Proxy::parse(proxy)?;
        }
        check_headers(&self.ws_headers)?;
        self.check_login()?;
        let texts = [self.name.as_deref(), self.user.as_deref()];
        let secrets = [&self.password, &self.token, &self.nkey_seed, &self.jwt, &self.creds];
        let lengths = texts.iter().flatten().map(|text| text.len());
        let mut lengths = lengths.chain(secrets.into_iter().flatten().map(Secret::len));
        if lengths.any(|len| len > 64 << 10) {
            return invalid("name, user and secrets: at most 64 KiB each");
        }
        Ok(())
    }
}

impl ConnectOptions {
    /// The ways to authenticate that were given.
    pub(crate) fn login_ways(&self) -> Vec<&'static str> {
        let ways = [
            ("user", self.user.is_some()),
            ("token", self.token.is_some()),
            ("nkey_seed", self.nkey_seed.is_some()),
            ("nkey_seed_file", self.nkey_seed_file.is_some()),
            ("creds", self.creds.is_some()),
            ("creds_file", self.creds_file.is_some()),
            ("authenticator", self.authenticator.is_some()),
        ];
        ways.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect()
    }

    /// One way to authenticate; what can be read without a file is.
    fn check_login(&self) -> Result<()> {
        let mut given = self.login_ways();
        // It has one.
        let has_jwt = self.creds.is_some() || self.creds_file.is_some();
        if self.jwt.is_some() && has_jwt {
            given.push("jwt");
        }
        if given.len() > 1 {
            let text = format!("{}: only one of them can be given", given.join(" and "));
            return Err(Error::new(Code::InvalidOption, text));
        }
        if let Some(seed) = &self.nkey_seed {
            KeyPair::from_seed(&seed.to_wire()).map_err(|error| error.context("nkey_seed"))?;
        }
        if let Some(creds) = &self.creds {
            Credentials::parse(&creds.to_wire())?;
        }
        Ok(())
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // URLs may hold credentials, so they are counted, not shown.
        f.debug_struct("ConnectOptions")
            .field("servers", &self.servers.len())
            .field("name", &self.name)
            .field("user", &self.user)
            .field("password", &self.password)
            .field("token", &self.token)
            .field("nkey_seed", &self.nkey_seed)
            .field("nkey_seed_file", &self.nkey_seed_file)
            .field("jwt", &self.jwt)
            .field("creds", &self.creds)
            .field("creds_file", &self.creds_file)
            .finish_non_exhaustive()
    }
}
