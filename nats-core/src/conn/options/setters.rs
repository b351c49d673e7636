//! A setter for each option.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::ConnectOptions;
use crate::conn::event::Event;
use crate::conn::login::{Challenge, Login};
use crate::conn::mailbox::Overflow;
use crate::conn::secret::Secret;
use crate::conn::servers::{Pick, PoolServer};
use crate::conn::tls::{Identity, TlsVersion};
use crate::conn::transport::{ByteStream, DialTarget};
use crate::conn::ws::UpgradeHeaders;
use crate::error::Result;
use crate::proto::outbox::OutboundPolicy;
use crate::proto::{Headers, ServerInfo};

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

setters! {
    /// Sets [`ConnectOptions::environment`].
    environment: bool = bool;
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
    /// Sets [`ConnectOptions::ws_compression`].
    ws_compression: bool = bool;
    /// Sets [`ConnectOptions::tcp_keepalive`].
    tcp_keepalive: Duration = Duration;
    /// Sets [`ConnectOptions::write_timeout`].
    write_timeout: Duration = Duration;
    /// Sets [`ConnectOptions::reconnect_jitter`].
    reconnect_jitter: Duration = Duration;
    /// Sets [`ConnectOptions::reconnect_jitter_tls`].
    reconnect_jitter_tls: Duration = Duration;
    /// Sets [`ConnectOptions::abort_on_auth_error`].
    abort_on_auth_error: bool = bool;
    /// Sets [`ConnectOptions::migrate_on_lame_duck`].
    migrate_on_lame_duck: bool = bool;
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

    /// Sets [`ConnectOptions::context`].
    #[must_use]
    pub fn context(mut self, name: impl Into<String>) -> Self {
        self.context = Some(name.into());
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
    pub fn tls_identity<F>(mut self, callback: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Identity>> + Send + 'static,
    {
        self.tls_identity = Some(Arc::new(move |url| Box::pin(callback(url))));
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

    /// Sets [`ConnectOptions::proxy`].
    #[must_use]
    pub fn proxy(mut self, url: impl Into<Secret>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Sets [`ConnectOptions::local_address`].
    #[must_use]
    pub fn local_address(mut self, address: SocketAddr) -> Self {
        self.local_address = Some(address);
        self
    }

    /// Sets [`ConnectOptions::dialer`].
    #[must_use]
    pub fn dialer<F>(mut self, dial: impl Fn(DialTarget) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Box<dyn ByteStream>>> + Send + 'static,
    {
        self.dialer = Some(Arc::new(move |target| Box::pin(dial(target))));
        self
    }

    /// Adds one of [`ConnectOptions::ws_headers`].
    #[must_use]
    pub fn ws_header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.ws_headers.push((name.into(), value.into()));
        self
    }

    /// Sets [`ConnectOptions::ws_headers_callback`].
    #[must_use]
    pub fn ws_headers_callback<F>(
        mut self,
        callback: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<UpgradeHeaders>> + Send + 'static,
    {
        self.ws_headers_callback = Some(Arc::new(move |url| Box::pin(callback(url))));
        self
    }

    /// Sets [`ConnectOptions::inject`].
    #[must_use]
    pub fn inject(mut self, add: impl Fn(&mut Headers) + Send + Sync + 'static) -> Self {
        self.inject = Some(Arc::new(add));
        self
    }

    /// Sets [`ConnectOptions::pick_server`].
    #[must_use]
    pub fn pick_server<F>(
        mut self,
        pick: impl Fn(Vec<PoolServer>, Arc<ServerInfo>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Option<Pick>> + Send + 'static,
    {
        self.pick_server = Some(Arc::new(move |pool, info| Box::pin(pick(pool, info))));
        self
    }
}
