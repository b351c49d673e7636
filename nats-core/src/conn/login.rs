//! Who connects: decided anew for each attempt.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use zeroize::Zeroizing;

use super::options::ConnectOptions;
use super::secret::Secret;
use super::server_addr::UrlAuth;
use crate::auth::{Credentials, KeyKind, KeyPair};
use crate::error::{Code, Error, Result};
use crate::proto::encode::ConnectInfo;

/// Bytes of a credentials or seed file.
const FILE_LIMIT: u64 = 1 << 20;
/// Bytes of a nonce: nobody has to sign more for a server that is not trusted yet.
const NONCE_LIMIT: usize = 512;

/// What is known when a server wants to know who connects.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Challenge {
    /// The server, without credentials.
    pub url: String,
    /// What the server asks to sign; None: it does not know keys.
    pub nonce: Option<String>,
}

/// Who connects. What is None is not sent.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// User name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// Token.
    pub token: Option<Secret>,
    /// The user's JWT.
    pub jwt: Option<Secret>,
    /// The user's public NKey.
    pub nkey: Option<String>,
    /// The signature of the nonce by that key, 64 bytes.
    pub signature: Option<Vec<u8>>,
}

/// Asked for each attempt who connects. An error fails the attempt. It is polled on the
/// connection's own task, within the connect timeout, so it must wait asynchronously.
pub type Authenticator =
    Arc<dyn Fn(Challenge) -> Pin<Box<dyn Future<Output = Result<Login>> + Send>> + Send + Sync>;

/// Who connects to the server of `challenge`: the credentials in its URL, or else the options say.
pub(super) async fn login(
    options: &ConnectOptions,
    url: Option<UrlAuth>,
    challenge: Challenge,
) -> Result<Login> {
    if challenge.nonce.as_ref().is_some_and(|nonce| nonce.len() > NONCE_LIMIT) {
        let text = format!("the nonce has more than {NONCE_LIMIT} bytes");
        return Err(Error::new(Code::Protocol, text));
    }
    let plain = |user, password, token| Login { user, password, token, ..Login::default() };
    match url {
        Some(UrlAuth::User(user, password)) => {
            return Ok(plain(Some(user), Some(password.as_str().into()), None));
        }
        Some(UrlAuth::Token(token)) => return Ok(plain(None, None, Some(token.as_str().into()))),
        None => {}
    }
    if let Some(authenticator) = &options.authenticator {
        return authenticator(challenge).await;
    }
    let nonce = challenge.nonce.as_deref();
    if let Some(credentials) = credentials(options).await? {
        return Login::with_credentials(&credentials, nonce);
    }
    let login = plain(options.user.clone(), options.password.clone(), options.token.clone());
    let login = Login { jwt: options.jwt.clone(), ..login };
    match key(options).await? {
        Some(key) => login.signed_by(&key, nonce),
        None => Ok(login),
    }
}

impl Challenge {
    /// A challenge, for tests of authenticators.
    pub fn new(url: impl Into<String>, nonce: Option<&str>) -> Challenge {
        Challenge { url: url.into(), nonce: nonce.map(str::to_owned) }
    }
}

impl Login {
    /// The login of these credentials, with the nonce signed.
    ///
    /// # Errors
    /// [`Code::InvalidKey`].
    pub fn with_credentials(credentials: &Credentials, nonce: Option<&str>) -> Result<Login> {
        let login = Login { jwt: Some(credentials.jwt.clone()), ..Login::default() };
        login.signed_by(&credentials.key, nonce)
    }

    /// The login with the nonce signed by a user's key, and with the name of the key where there is
    /// no JWT, which would say it.
    ///
    /// # Errors
    /// [`Code::InvalidKey`].
    pub fn signed_by(mut self, key: &KeyPair, nonce: Option<&str>) -> Result<Login> {
        if key.kind() != KeyKind::User {
            let text = format!("the seed is that of a key of kind {}, not user", key.kind().name());
            return Err(Error::new(Code::InvalidKey, text));
        }
        if self.jwt.is_none() {
            self.nkey = Some(key.public_key().to_string());
        }
        let sign = |nonce: &str| key.sign(nonce.as_bytes()).map(|signature| signature.to_vec());
        self.signature = nonce.map(sign).transpose()?;
        Ok(self)
    }

    /// Puts it into what is sent.
    pub(super) fn tell(self, info: &mut ConnectInfo) {
        info.user = self.user;
        info.pass = self.password.map(|secret| secret.to_wire());
        info.auth_token = self.token.map(|secret| secret.to_wire());
        info.jwt = self.jwt.map(|secret| secret.to_wire());
        info.nkey = self.nkey;
        info.sig = self.signature.map(|signature| Zeroizing::new(BASE64.encode(signature)));
    }
}

async fn credentials(options: &ConnectOptions) -> Result<Option<Credentials>> {
    if let Some(path) = &options.creds_file {
        let text = read("creds_file", path).await?;
        return Credentials::parse(&text).map(Some).map_err(|error| error.context(path.display()));
    }
    options.creds.as_ref().map(|creds| Credentials::parse(&creds.to_wire())).transpose()
}

async fn key(options: &ConnectOptions) -> Result<Option<KeyPair>> {
    let key = if let Some(path) = &options.nkey_seed_file {
        let text = read("nkey_seed_file", path).await?;
        // Tools write comments and the public key beside it.
        let seed = text.lines().map(str::trim).find(|line| line.starts_with('S'));
        KeyPair::from_seed(seed.unwrap_or_default())
            .map_err(|error| error.context(path.display()))?
    } else if let Some(seed) = &options.nkey_seed {
        KeyPair::from_seed(&seed.to_wire()).map_err(|error| error.context("nkey_seed"))?
    } else {
        return Ok(None);
    };
    Ok(Some(key))
}

async fn read(option: &str, path: &Path) -> Result<Zeroizing<String>> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::new(Code::InvalidCredentials, format!("{option}: {}: {error}", path.display()))
    };
    let place = path.to_owned();
    // The file may be on a network: the connection's thread must not wait for it.
    let reading = tokio::task::spawn_blocking(move || {
        let length = std::fs::metadata(&place)?.len();
        if length > FILE_LIMIT {
            return Err(std::io::Error::other("it is too large"));
        }
        std::fs::read(&place).map(Zeroizing::new)
    });
    let bytes = reading.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| failed(&"it is not text in UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}
