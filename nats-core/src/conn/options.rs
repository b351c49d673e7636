//! What a connection can be told before it is made.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::event::{Event, EventCallback};
use super::login::{Authenticator, Challenge, Login};
use super::mailbox::Overflow;
use super::secret::Secret;
use super::tls::{Identity, IdentityCallback, TlsVersion};
use crate::auth::{Credentials, KeyPair};
use crate::error::{Code, Error, Result};
use crate::proto::outbox::OutboundPolicy;
use crate::proto::subject::check_inbox_prefix;

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $from:ty;)*) => {
        impl ConnectOptions {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(mut self, value: $from) -> Self {
                self.$name = value.into();
                self
            })*
        }
    };
}

/// Asked how long to wait before another round over the servers, with the number of rounds that have
/// failed since the connection was lost; `None` stands for the usual back-off. It is polled on the
/// connection's own task, so it must wait asynchronously, and it must end: nothing is dialled
/// before.
pub type ReconnectDelay =
    Arc<dyn Fn(u32) -> Pin<Box<dyn Future<Output = Option<Duration>> + Send>> + Send + Sync>;

/// Options of a connection. Every field has a setter of the same name.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// Server URLs (`nats://`, `tls://` or bare `host:port`), tried in turn.
    pub servers: Vec<String>,
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
    /// Decides the wait between two rounds instead of the back-off. The first round of an outage
    /// is tried at once all the same.
    pub reconnect_delay: Option<ReconnectDelay>,
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
            reconnect_delay: None,
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
            event_callback: None,
            fault: None,
        }
    }
}

setters! {
    /// Sets [`ConnectOptions::randomize`].
    randomize: bool = bool;
    /// Sets [`ConnectOptions::verbose`].
    verbose: bool = bool;
    /// Sets [`ConnectOptions::pedantic`].
    pedantic: bool = bool;
    /// Sets [`ConnectOptions::echo`].
    echo: bool = bool;
    /// Sets [`ConnectOptions::tls_required`].
    tls_required: bool = bool;
    /// Sets [`ConnectOptions::tls_first`].
    tls_first: bool = bool;
    /// Sets [`ConnectOptions::tls_min_version`].
    tls_min_version: TlsVersion = TlsVersion;
    /// Sets [`ConnectOptions::tls_insecure`].
    tls_insecure: bool = bool;
    /// Sets [`ConnectOptions::connect_timeout`].
    connect_timeout: Duration = Duration;
    /// Sets [`ConnectOptions::publish_timeout`].
    publish_timeout: Duration = Duration;
    /// Sets [`ConnectOptions::request_timeout`].
    request_timeout: Duration = Duration;
    /// Sets [`ConnectOptions::flush_timeout`].
    flush_timeout: Duration = Duration;
    /// Sets [`ConnectOptions::drain_timeout`].
    drain_timeout: Duration = Duration;
    /// Sets [`ConnectOptions::ping_interval`].
    ping_interval: Duration = Duration;
    /// Sets [`ConnectOptions::max_pings_out`].
    max_pings_out: u32 = u32;
    /// Sets [`ConnectOptions::reconnect`].
    reconnect: bool = bool;
    /// Sets [`ConnectOptions::max_reconnects`].
    max_reconnects: Option<u64> = Option<u64>;
    /// Sets [`ConnectOptions::reconnect_delay_min`].
    reconnect_delay_min: Duration = Duration;
    /// Sets [`ConnectOptions::reconnect_delay_max`].
    reconnect_delay_max: Duration = Duration;
    /// Sets [`ConnectOptions::retry_on_failed_connect`].
    retry_on_failed_connect: bool = bool;
    /// Sets [`ConnectOptions::connect_in_background`].
    connect_in_background: bool = bool;
    /// Sets [`ConnectOptions::outbound_bytes`].
    outbound_bytes: usize = usize;
    /// Sets [`ConnectOptions::outbound_policy`].
    outbound_policy: OutboundPolicy = OutboundPolicy;
    /// Sets [`ConnectOptions::pending_messages`].
    pending_messages: usize = usize;
    /// Sets [`ConnectOptions::pending_bytes`].
    pending_bytes: usize = usize;
    /// Sets [`ConnectOptions::overflow`].
    overflow: Overflow = Overflow;
    /// Sets [`ConnectOptions::max_message_bytes`].
    max_message_bytes: usize = usize;
    /// Sets [`ConnectOptions::lenient_subjects`].
    lenient_subjects: bool = bool;
    /// Sets [`ConnectOptions::ignore_discovered`].
    ignore_discovered: bool = bool;
}

impl ConnectOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`ConnectOptions::servers`].
    #[must_use]
    pub fn servers<T: Into<String>>(mut self, urls: impl IntoIterator<Item = T>) -> Self {
        self.servers = urls.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`ConnectOptions::name`].
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets [`ConnectOptions::user`] and [`ConnectOptions::password`].
    #[must_use]
    pub fn user_and_password(
        mut self,
        user: impl Into<String>,
        password: impl Into<Secret>,
    ) -> Self {
        self.user = Some(user.into());
        self.password = Some(password.into());
        self
    }

    /// Sets [`ConnectOptions::token`].
    #[must_use]
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets [`ConnectOptions::nkey_seed`].
    #[must_use]
    pub fn nkey_seed(mut self, seed: impl Into<Secret>) -> Self {
        self.nkey_seed = Some(seed.into());
        self
    }

    /// Sets [`ConnectOptions::nkey_seed_file`].
    #[must_use]
    pub fn nkey_seed_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.nkey_seed_file = Some(path.into());
        self
    }

    /// Sets [`ConnectOptions::jwt`].
    #[must_use]
    pub fn jwt(mut self, jwt: impl Into<Secret>) -> Self {
        self.jwt = Some(jwt.into());
        self
    }

    /// Sets [`ConnectOptions::creds`].
    #[must_use]
    pub fn creds(mut self, content: impl Into<Secret>) -> Self {
        self.creds = Some(content.into());
        self
    }

    /// Sets [`ConnectOptions::creds_file`].
    #[must_use]
    pub fn creds_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.creds_file = Some(path.into());
        self
    }

    /// Sets [`ConnectOptions::authenticator`].
    #[must_use]
    pub fn authenticator<F>(
        mut self,
        decide: impl Fn(Challenge) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Login>> + Send + 'static,
    {
        self.authenticator = Some(Arc::new(move |challenge| Box::pin(decide(challenge))));
        self
    }

    /// Sets [`ConnectOptions::tls_ca_file`].
    #[must_use]
    pub fn tls_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls_ca_file = Some(path.into());
        self
    }

    /// Sets [`ConnectOptions::tls_ca`].
    #[must_use]
    pub fn tls_ca(mut self, pem: impl Into<String>) -> Self {
        self.tls_ca = Some(pem.into());
        self
    }

    /// Sets [`ConnectOptions::tls_cert_file`] and [`ConnectOptions::tls_key_file`].
    #[must_use]
    pub fn tls_identity_files(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        (self.tls_cert_file, self.tls_key_file) = (Some(certificate.into()), Some(key.into()));
        self
    }

    /// Sets [`ConnectOptions::tls_cert`] and [`ConnectOptions::tls_key`].
    #[must_use]
    pub fn tls_identity_pem(
        mut self,
        certificate: impl Into<String>,
        key: impl Into<Secret>,
    ) -> Self {
        (self.tls_cert, self.tls_key) = (Some(certificate.into()), Some(key.into()));
        self
    }

    /// Sets [`ConnectOptions::tls_identity`].
    #[must_use]
    pub fn tls_identity(
        mut self,
        callback: impl Fn() -> Result<Identity> + Send + Sync + 'static,
    ) -> Self {
        self.tls_identity = Some(Arc::new(callback));
        self
    }

    /// Sets [`ConnectOptions::tls_server_name`].
    #[must_use]
    pub fn tls_server_name(mut self, name: impl Into<String>) -> Self {
        self.tls_server_name = Some(name.into());
        self
    }

    /// Sets [`ConnectOptions::tls_config`].
    #[must_use]
    pub fn tls_config(mut self, config: Arc<rustls::ClientConfig>) -> Self {
        self.tls_config = Some(config);
        self
    }

    /// Sets [`ConnectOptions::inbox_prefix`].
    #[must_use]
    pub fn inbox_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.inbox_prefix = prefix.into();
        self
    }

    /// Sets [`ConnectOptions::reconnect_delay`].
    #[must_use]
    pub fn reconnect_delay<F>(mut self, delay: impl Fn(u32) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<Duration>> + Send + 'static,
    {
        self.reconnect_delay = Some(Arc::new(move |round| Box::pin(delay(round))));
        self
    }

    /// Sets [`ConnectOptions::event_callback`].
    #[must_use]
    pub fn event_callback(mut self, callback: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.event_callback = Some(Arc::new(callback));
        self
    }

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
    /// One way to authenticate; what can be read without a file is.
    fn check_login(&self) -> Result<()> {
        let ways = [
            ("user", self.user.is_some()),
            ("token", self.token.is_some()),
            ("nkey_seed", self.nkey_seed.is_some()),
            ("nkey_seed_file", self.nkey_seed_file.is_some()),
            ("creds", self.creds.is_some()),
            ("creds_file", self.creds_file.is_some()),
            ("authenticator", self.authenticator.is_some()),
        ];
        let given: Vec<_> =
            ways.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
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
