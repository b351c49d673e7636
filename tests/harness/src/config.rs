//! What kind of server to start, and its configuration file.

use std::fmt::Write;
use std::path::Path;

use crate::{Certificates, Error, Result};

/// The configuration of one server. Ports and directories are the harness's business.
#[derive(Clone, Debug, Default)]
pub struct Config {
    host: Option<String>,
    auth: Auth,
    tls: Option<(TlsMode, Certificates)>,
    jetstream: bool,
    /// Whether there is a WebSocket port, and whether it offers compression.
    websocket: Option<bool>,
    extra: String,
}

/// Who may connect.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Everybody.
    #[default]
    Open,
    /// Whoever knows the token.
    Token(String),
    /// These users.
    Users(Vec<User>),
}

/// When a server speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Always.
    Required,
    /// Always, and the client has to show a certificate of the same authority.
    Verify,
    /// When the client asks for it.
    Available,
}

/// A user, with permissions when there are any.
#[derive(Clone, Debug)]
pub struct User {
    name: String,
    password: String,
    /// Subjects in the order publish allow, publish deny, subscribe allow, subscribe deny.
    rules: [Vec<String>; 4],
}

impl User {
    /// A user who may do everything.
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> Self {
        Self { name: name.into(), password: password.into(), rules: Default::default() }
    }

    /// May publish to this subject (and no other, but for more calls of this method).
    pub fn allow_publish(self, subject: &str) -> Self {
        self.rule(0, subject)
    }

    /// May not publish to this subject.
    pub fn deny_publish(self, subject: &str) -> Self {
        self.rule(1, subject)
    }

    /// May subscribe to this subject (and no other, but for more calls of this method).
    pub fn allow_subscribe(self, subject: &str) -> Self {
        self.rule(2, subject)
    }

    /// May not subscribe to this subject.
    pub fn deny_subscribe(self, subject: &str) -> Self {
        self.rule(3, subject)
    }

    fn rule(mut self, which: usize, subject: &str) -> Self {
        self.rules[which].push(subject.to_owned());
        self
    }

    fn text(&self) -> String {
        let [pub_allow, pub_deny, sub_allow, sub_deny] = &self.rules;
        let mut text =
            format!("{{user: {}, password: {}", quote(&self.name), quote(&self.password));
        if self.rules.iter().any(|subjects| !subjects.is_empty()) {
            let publish = rules_text(pub_allow, pub_deny);
            let subscribe = rules_text(sub_allow, sub_deny);
            let _ = write!(
                text,
                ", permissions: {{publish: {{{publish}}}, subscribe: {{{subscribe}}}}}"
            );
        }
        text + "}"
    }
}

fn rules_text(allow: &[String], deny: &[String]) -> String {
    let one = |key: &str, subjects: &[String]| {
        (!subjects.is_empty()).then(|| {
            let list: Vec<String> = subjects.iter().map(|subject| quote(subject)).collect();
            format!("{key}: [{}]", list.join(", "))
        })
    };
    let both: Vec<String> = one("allow", allow).into_iter().chain(one("deny", deny)).collect();
    both.join(", ")
}

impl Config {
    /// No authentication, no TLS, no JetStream.
    pub fn plain() -> Self {
        Self::default()
    }

    /// One user with a password.
    pub fn user(name: &str, password: &str) -> Self {
        Self::users(vec![User::new(name, password)])
    }

    /// Several users.
    pub fn users(users: Vec<User>) -> Self {
        Self { auth: Auth::Users(users), ..Self::default() }
    }

    /// A token.
    pub fn token(token: &str) -> Self {
        Self { auth: Auth::Token(token.to_owned()), ..Self::default() }
    }

    /// TLS with newly generated certificates.
    ///
    /// # Errors
    /// The certificates cannot be written.
    pub fn tls(mode: TlsMode) -> Result<Self> {
        Ok(Self::plain().with_tls(mode, Certificates::generate()?))
    }

    /// JetStream with its store in the server's temporary directory.
    pub fn jetstream() -> Self {
        Self::plain().with_jetstream()
    }

    /// A configuration by its name, for the command line: `plain`, `auth` (user alice, password
    /// secret), `token` (s3cr3t), `users` (alice may do everything, bob only `public.>` and
    /// inboxes), `tls`, `tls-verify`, `tls-available`, `jetstream`, `ws` and `wss` (a WebSocket port
    /// that offers compression, too).
    ///
    /// # Errors
    /// No such name.
    pub fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "plain" => Self::plain(),
            "auth" => Self::user("alice", "secret"),
            "token" => Self::token("s3cr3t"),
            "users" => Self::users(vec![User::new("alice", "secret"), limited_user()]),
            "tls" => Self::tls(TlsMode::Required)?,
            "tls-verify" => Self::tls(TlsMode::Verify)?,
            "tls-available" => Self::tls(TlsMode::Available)?,
            "jetstream" => Self::jetstream(),
            "ws" => Self::plain().with_websocket(true),
            "wss" => Self::tls(TlsMode::Required)?.with_websocket(true),
            _ => return Err(Error::new(format!("unknown configuration {name:?}"))),
        })
    }

    /// Adds TLS with certificates that exist already.
    pub fn with_tls(mut self, mode: TlsMode, certificates: Certificates) -> Self {
        self.tls = Some((mode, certificates));
        self
    }

    /// Adds JetStream.
    pub fn with_jetstream(mut self) -> Self {
        self.jetstream = true;
        self
    }

    /// Adds a port for WebSocket, with TLS when there is TLS.
    pub fn with_websocket(mut self, compression: bool) -> Self {
        self.websocket = Some(compression);
        self
    }

    /// Sets who may connect.
    pub fn with_auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Listens on this address in place of 127.0.0.1, for instance `::1`.
    pub fn with_host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// Adds lines in the server's own configuration syntax, such as `max_payload: 1024`.
    pub fn with(mut self, lines: &str) -> Self {
        self.extra.push_str(lines);
        self.extra.push('\n');
        self
    }

    /// The address to listen on.
    pub fn host(&self) -> &str {
        self.host.as_deref().unwrap_or("127.0.0.1")
    }

    /// How TLS is used, when it is.
    pub fn tls_mode(&self) -> Option<TlsMode> {
        self.tls.as_ref().map(|(mode, _)| *mode)
    }

    /// The certificates, when TLS is used.
    pub fn certificates(&self) -> Option<&Certificates> {
        self.tls.as_ref().map(|(_, certificates)| certificates)
    }

    /// User and password of the first user, when there are users.
    pub fn credentials(&self) -> Option<(&str, &str)> {
        match &self.auth {
            Auth::Users(users) => users.first().map(|u| (u.name.as_str(), u.password.as_str())),
            Auth::Open | Auth::Token(_) => None,
        }
    }

    /// The token, when one is asked for.
    pub fn auth_token(&self) -> Option<&str> {
        match &self.auth {
            Auth::Token(token) => Some(token),
            Auth::Open | Auth::Users(_) => None,
        }
    }

    /// True for a server with JetStream.
    pub fn has_jetstream(&self) -> bool {
        self.jetstream
    }

    /// Whether there is a port for WebSocket.
    pub fn has_websocket(&self) -> bool {
        self.websocket.is_some()
    }

    /// The block of the WebSocket port, which listens on `listen`.
    pub(crate) fn websocket_text(&self, listen: &str) -> String {
        let Some(compression) = self.websocket else { return String::new() };
        let security = match &self.tls {
            None => "no_tls: true".into(),
            Some((_, certs)) => format!(
                "tls {{cert_file: {}, key_file: {}}}",
                quote_path(&certs.server_cert()),
                quote_path(&certs.server_key())
            ),
        };
        let listen = quote(listen);
        format!("websocket {{listen: {listen}, compression: {compression}, {security}}}\n")
    }

    /// The configuration file but for names and ports.
    pub(crate) fn text(&self, dir: &Path) -> String {
        let mut text = match &self.auth {
            Auth::Open => String::new(),
            Auth::Token(token) => format!("authorization {{token: {}}}\n", quote(token)),
            Auth::Users(users) => {
                let users: Vec<String> = users.iter().map(User::text).collect();
                format!("authorization {{users: [\n{}\n]}}\n", users.join(",\n"))
            }
        };
        if let Some((mode, certs)) = &self.tls {
            let cert = quote_path(&certs.server_cert());
            let key = quote_path(&certs.server_key());
            let ca = quote_path(&certs.ca());
            let verify = *mode == TlsMode::Verify;
            let available = *mode == TlsMode::Available;
            let _ = write!(
                text,
                "tls {{cert_file: {cert}, key_file: {key}, ca_file: {ca}, verify: {verify}, \
                 timeout: 5}}\nallow_non_tls: {available}\n"
            );
        }
        if self.jetstream {
            let store = quote_path(&dir.join("jetstream"));
            let _ = writeln!(text, "jetstream {{store_dir: {store}}}");
        }
        text + &self.extra
    }
}

fn limited_user() -> User {
    let mut user = User::new("bob", "secret");
    for subject in ["public.>", "_INBOX.>"] {
        user = user.allow_publish(subject).allow_subscribe(subject);
    }
    user
}

fn quote_path(path: &Path) -> String {
    quote(&path.to_string_lossy())
}

/// A text in the server's configuration syntax, which has the escapes of JSON strings.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
