//! Contexts of the nats command-line tool (ADR-21), and the variables that it reads from the
//! environment. Nothing of this is read unless an option asks for it.
//!
//! What was given as an option goes before the environment, that before the context. A way to
//! authenticate is taken from one of them as a whole.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::options::ConnectOptions;
use super::secret::Secret;
use crate::error::{Code, Error, Result};

/// Bytes of a context file.
const FILE_LIMIT: u64 = 1 << 20;

/// Yields the value of an environment variable.
type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Send + Sync);

/// What a context or the environment says of a connection; empty text says nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    url: String,
    socks_proxy: Secret,
    token: Secret,
    user: String,
    password: Secret,
    creds: String,
    nkey: String,
    cert: String,
    key: String,
    ca: String,
    nsc: String,
    inbox_prefix: String,
    user_jwt: Secret,
    user_seed: Secret,
    tls_first: bool,
    windows_cert_store: String,
    // There are more, for JetStream and for the colours of the tool, which are no matter of a
    // connection's.
    #[serde(skip)]
    timeout: Option<Duration>,
}

/// What `nsc generate profile` says.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Profile {
    user_creds: String,
    operator: Operator,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Operator {
    service: Vec<String>,
}

impl ConnectOptions {
    /// The options with what context and environment add, where they are asked for.
    pub(crate) async fn with_context(self) -> Result<ConnectOptions> {
        if self.context.is_none() && !self.environment {
            return Ok(self);
        }
        // Files may be on a network.
        let filled =
            tokio::task::spawn_blocking(move || fill(self, &|name| std::env::var(name).ok()));
        filled.await.map_err(|error| Error::new(Code::Internal, error.to_string()))?
    }
}

fn fill(mut options: ConnectOptions, lookup: Lookup<'_>) -> Result<ConnectOptions> {
    let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let mut name = options.context.clone();
    if options.environment {
        name = name.or_else(|| set("NATS_CONTEXT"));
        Settings::from_environment(&set)?.add_to(&mut options, &set)?;
    }
    if let Some(name) = selected(name, &options, &set)? {
        let wrong = |error: Error| {
            Error::new(Code::InvalidOption, format!("context '{name}': {}", error.text()))
        };
        let settings = Settings::load(&name, &set).map_err(wrong)?;
        settings.add_to(&mut options, &set).map_err(wrong)?;
    }
    Ok(options)
}

fn invalid(text: impl Into<String>) -> Error {
    Error::new(Code::InvalidOption, text.into())
}

/// The name of the context to load, which may be that of a file.
fn selected(
    name: Option<String>,
    options: &ConnectOptions,
    set: Lookup<'_>,
) -> Result<Option<String>> {
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        return Ok(Some(name));
    }
    let path = directory(set)?.join("context.txt");
    let found = std::fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
    if found.is_empty() && options.context.is_some() {
        let text = format!("context: none is selected, {} does not name one", path.display());
        return Err(invalid(text));
    }
    Ok(Some(found).filter(|found| !found.is_empty()))
}

/// Where the tool keeps its files.
fn directory(set: Lookup<'_>) -> Result<PathBuf> {
    if let Some(parent) = set("XDG_CONFIG_HOME") {
        return Ok(Path::new(&parent).join("nats"));
    }
    let home = set("HOME").ok_or_else(|| invalid("context: there is no home directory"))?;
    Ok(Path::new(&home).join(".config").join("nats"))
}

impl Settings {
    fn from_environment(set: Lookup<'_>) -> Result<Settings> {
        let text = |name| set(name).unwrap_or_default();
        let mut settings = Settings {
            url: text("NATS_URL"),
            user: text("NATS_USER"),
            password: text("NATS_PASSWORD").into(),
            token: text("NATS_TOKEN").into(),
            creds: text("NATS_CREDS"),
            nkey: text("NATS_NKEY"),
            cert: text("NATS_CERT"),
            key: text("NATS_KEY"),
            ca: text("NATS_CA"),
            socks_proxy: text("NATS_SOCKS_PROXY").into(),
            inbox_prefix: text("NATS_INBOX_PREFIX"),
            ..Settings::default()
        };
        // The tool's variable is for either.
        if settings.password.is_empty() && settings.token.is_empty() {
            settings.token = std::mem::take(&mut settings.user).into();
        }
        if let Some(timeout) = set("NATS_TIMEOUT") {
            settings.timeout = Some(duration(&timeout).ok_or_else(|| {
                invalid("NATS_TIMEOUT: expected a duration such as 5s, 500ms or 1m30s")
            })?);
        }
        Ok(settings)
    }

    fn load(name: &str, set: Lookup<'_>) -> Result<Settings> {
        let path = if Path::new(name).is_absolute() {
            PathBuf::from(name)
        } else if name.contains("..") || name.contains(['/', '\\']) {
            return Err(invalid("it is no name of a context"));
        } else {
            directory(set)?.join("context").join(format!("{name}.json"))
        };
        let wrong = |what: &dyn std::fmt::Display| invalid(format!("{}: {what}", path.display()));
        let length = std::fs::metadata(&path).map_err(|error| wrong(&error))?.len();
        if length > FILE_LIMIT {
            return Err(wrong(&"it is too large"));
        }
        let text =
            std::fs::read(&path).map(zeroize::Zeroizing::new).map_err(|error| wrong(&error))?;
        // Of a value that is wrong the parser would show the text.
        let settings: Settings = serde_json::from_slice(&text).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            let what = if error.is_data() { "a value of a wrong type" } else { "no valid JSON" };
            wrong(&format!("{what} at {place}"))
        })?;
        settings.looked_up(set)
    }

    /// With what `nsc` knows of the user, if that is to be asked.
    fn looked_up(mut self, set: Lookup<'_>) -> Result<Settings> {
        if self.nsc.is_empty() {
            return Ok(self);
        }
        let path = set("PATH").unwrap_or_default();
        let program = std::env::split_paths(&path).map(|dir| dir.join("nsc")).find(|p| p.is_file());
        let program = program.ok_or_else(|| invalid("nsc: the program is not to be found"))?;
        let ran = Command::new(program).args(["generate", "profile", &self.nsc]).output();
        let ran = ran.map_err(|error| invalid(format!("nsc: {error}")))?;
        if !ran.status.success() {
            return Err(invalid(format!("nsc: it ended with {}", ran.status)));
        }
        let profile: Profile = serde_json::from_slice(&ran.stdout)
            .map_err(|_| invalid("nsc: its answer is no profile"))?;
        if self.creds.is_empty() {
            self.creds = profile.user_creds;
        }
        if self.url.is_empty() {
            self.url = profile.operator.service.join(",");
        }
        Ok(self)
    }

    /// Adds what the options do not say.
    fn add_to(self, options: &mut ConnectOptions, set: Lookup<'_>) -> Result<()> {
        if !self.windows_cert_store.is_empty() {
            return Err(invalid(
                "windows_cert_store: certificates of the system are not supported",
            ));
        }
        let default = ConnectOptions::default();
        let path = |text: &str| Some(expand(text, set)).filter(|path| !path.as_os_str().is_empty());
        if !self.url.is_empty() && options.servers == default.servers {
            options.servers = vec![self.url.clone()];
        }
        if !self.socks_proxy.is_empty() && options.proxy.is_none() {
            options.proxy = Some(proxy_url(&self.socks_proxy));
        }
        if !self.inbox_prefix.is_empty() && options.inbox_prefix == default.inbox_prefix {
            options.inbox_prefix.clone_from(&self.inbox_prefix);
        }
        if options.connect_timeout == default.connect_timeout {
            options.connect_timeout = self.timeout.unwrap_or(options.connect_timeout);
        }
        options.tls_first |= self.tls_first;
        if options.tls_ca.is_none() && options.tls_ca_file.is_none() {
            options.tls_ca_file = path(&self.ca);
        }
        let own = options.tls_cert.is_some() || options.tls_cert_file.is_some();
        if !own && options.tls_identity.is_none() && !self.cert.is_empty() {
            (options.tls_cert_file, options.tls_key_file) = (path(&self.cert), path(&self.key));
        }
        if options.login_ways().is_empty() {
            self.login(options, set);
        }
        Ok(())
    }

    /// The first way to authenticate that there is, in the tool's order.
    fn login(self, options: &mut ConnectOptions, set: Lookup<'_>) {
        let given = |secret: Secret| Some(secret).filter(|secret| !secret.is_empty());
        if !self.user.is_empty() {
            (options.user, options.password) = (Some(self.user), Some(self.password));
        } else if !self.creds.is_empty() {
            options.creds_file = Some(expand(&self.creds, set));
        } else if !self.nkey.is_empty() {
            options.nkey_seed_file = Some(expand(&self.nkey, set));
            options.jwt = given(self.user_jwt);
        } else if !self.user_jwt.is_empty() {
            (options.jwt, options.nkey_seed) = (given(self.user_jwt), given(self.user_seed));
        } else {
            options.token = given(self.token);
        }
    }
}

/// The tool takes a proxy without a scheme for SOCKS 5.
fn proxy_url(text: &Secret) -> Secret {
    if text.expose().contains("://") {
        return text.clone();
    }
    format!("socks5://{}", text.expose()).into()
}

/// A path with `~`, `$NAME` and `${NAME}` replaced by what they stand for.
fn expand(text: &str, set: Lookup<'_>) -> PathBuf {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    if let Some(behind) = text.strip_prefix('~').filter(|b| b.is_empty() || b.starts_with('/')) {
        out += &set("HOME").unwrap_or_else(|| "~".into());
        rest = behind;
    }
    while let Some((before, behind)) = rest.split_once('$') {
        out += before;
        let braced = behind.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, after) = braced.unwrap_or_else(|| {
            behind.split_at(behind.find(|c| !letter(c)).unwrap_or(behind.len()))
        });
        if name.is_empty() {
            out.push('$');
        } else {
            out += &set(name).unwrap_or_default();
        }
        rest = after;
    }
    (out + rest).into()
}

/// A duration as Go writes it: `5s`, `500ms`, `1m30s`.
fn duration(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = (Duration::ZERO, text);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(end);
        let units =
            [("ms", 0.001), ("us", 1e-6), ("ns", 1e-9), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
        let (unit, factor) = units.into_iter().find(|(unit, _)| behind.starts_with(unit))?;
        let seconds = number.parse::<f64>().ok()? * factor;
        total = total.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        rest = &behind[unit.len()..];
    }
    Some(total).filter(|total| !total.is_zero())
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
