//! What a connection asks the program: who connects, which server, how long to wait.
//!
//! A question is a document, and so is its answer but for secrets, which are kept apart from
//! documents: pairs of a name and bytes that are wiped.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_core::auth::{Credentials, KeyPair};
use nats_core::{Challenge, Code, ConnectOptions, Error, Identity, Login, Pick, Result, Secret};
use serde_json::json;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::delivery::{Job, Lifeline, Next, Turn};
use crate::doc::Doc;
use crate::pool;
use crate::sync::lock;
use crate::table::{MAX_MILLIS, unknown};

/// How long an answer is waited for: a program that does not answer must not keep its connection
/// from coming back.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The bytes of a signature by an NKey.
const SIGNATURE: usize = 64;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// How long to wait before another round over the servers.
    ReconnectDelay,
    /// Which server to try next.
    PickServer,
    /// Who connects.
    Login,
    /// The client's certificate.
    Certificate,
    /// Headers of the request that opens a WebSocket.
    WsHeaders,
}

impl Ask {
    /// All of them.
    pub const ALL: &'static [Ask] =
        &[Ask::ReconnectDelay, Ask::PickServer, Ask::Login, Ask::Certificate, Ask::WsHeaders];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Ask::ReconnectDelay => "reconnect_delay",
            Ask::PickServer => "pick_server",
            Ask::Login => "login",
            Ask::Certificate => "certificate",
            Ask::WsHeaders => "ws_headers",
        }
    }

    /// The question of this name.
    pub fn named(name: &str) -> Option<Ask> {
        Ask::ALL.iter().copied().find(|ask| ask.name() == name)
    }

    /// The names of an answer; none: any.
    fn names(self) -> &'static [&'static str] {
        match self {
            Ask::ReconnectDelay => &["delay_ms"],
            Ask::PickServer => &["url", "delay_ms"],
            Ask::Login => {
                &["user", "password", "token", "jwt", "nkey", "signature", "seed", "creds"]
            }
            Ask::Certificate => &["cert", "key"],
            Ask::WsHeaders => &[],
        }
    }
}

/// Names and values.
pub type Answer = Vec<(String, Zeroizing<Vec<u8>>)>;

/// One question. Dropped, it is answered by nothing.
pub struct Question {
    ask: Ask,
    about: Doc,
    answer: oneshot::Sender<Result<Answer>>,
}

impl Question {
    /// What is asked.
    pub fn ask(&self) -> Ask {
        self.ask
    }

    /// What there is to know for it: `attempts` (rounds over the servers that have failed since the
    /// connection was lost) for [`Ask::ReconnectDelay`]; `servers` (`url`, `discovered`, `failures`
    /// and, where there is one, `error` of each) and `info` (the last server's INFO) for
    /// [`Ask::PickServer`]; `url` and `nonce` (null where the server asks for no signature) for
    /// [`Ask::Login`]; `url` for [`Ask::Certificate`] and [`Ask::WsHeaders`].
    pub fn about(&self) -> &Doc {
        &self.about
    }

    /// Answers. The names are `delay_ms` (milliseconds in digits) for [`Ask::ReconnectDelay`];
    /// `url` and `delay_ms` for [`Ask::PickServer`]; some of `user`, `password`, `token`, `jwt`,
    /// `nkey`, `signature` (64 bytes, or these in base64), `seed` and `creds` (both of which sign
    /// here) for [`Ask::Login`]; `cert` and `key` in PEM for [`Ask::Certificate`]; those of headers
    /// for [`Ask::WsHeaders`]. Nothing stands for the usual for the first two, and for nothing for
    /// the others. An answer that makes no sense fails the attempt with an error that says why.
    pub fn answer(self, answer: Answer) {
        // Nobody waits any more when the connection was closed meanwhile.
        let _ = self.answer.send(Ok(answer));
    }

    /// Answers [`Ask::ReconnectDelay`]; `None` stands for the usual back-off.
    pub fn answer_delay(self, delay: Option<Duration>) {
        let digits = |delay: Duration| delay.as_millis().to_string().into_bytes().into();
        self.answer(delay.map(|delay| ("delay_ms".into(), digits(delay))).into_iter().collect());
    }

    /// Fails the attempt to connect.
    pub fn refuse(self, why: &str) {
        let text = format!("the program's answer to '{}': {why}", self.ask.name());
        // As above.
        let _ = self.answer.send(Err(Error::new(Code::InvalidCredentials, text)));
    }
}

/// Has `ask`, which must return at once, be asked these questions of connections with `options`.
pub fn install(
    options: &mut ConnectOptions,
    asks: &[Ask],
    ask: impl Fn(Question) + Send + Sync + 'static,
) {
    let asker = Asker(Arc::new(ask));
    for which in asks {
        let asker = asker.clone();
        match which {
            Ask::ReconnectDelay => {
                options.reconnect_delay = Some(Arc::new(move |attempts| {
                    let about = json!({ "attempts": attempts });
                    let asked = asker.ask(Ask::ReconnectDelay, about);
                    Box::pin(async move { given(asked.await).and_then(|a| delay(&a).ok()?) })
                }));
            }
            Ask::PickServer => {
                options.pick_server = Some(Arc::new(move |servers, info| {
                    let asked = asker.ask(Ask::PickServer, about_servers(&servers, &info));
                    Box::pin(async move { given(asked.await).and_then(|a| pick(&a)) })
                }));
            }
            Ask::Login => {
                options.authenticator = Some(Arc::new(move |challenge| {
                    let about = json!({ "url": challenge.url, "nonce": challenge.nonce });
                    let asked = asker.ask(Ask::Login, about);
                    Box::pin(async move { login(&asked.await?, &challenge) })
                }));
            }
            Ask::Certificate => {
                options.tls_identity = Some(Arc::new(move |url| {
                    let asked = asker.ask(Ask::Certificate, json!({ "url": url }));
                    Box::pin(async move { identity(&asked.await?) })
                }));
            }
            Ask::WsHeaders => {
                options.ws_headers_callback = Some(Arc::new(move |url| {
                    let asked = asker.ask(Ask::WsHeaders, json!({ "url": url }));
                    Box::pin(async move {
                        let answer = asked.await?;
                        answer.iter().map(|(n, v)| Ok((n.clone(), text(n, v)?))).collect()
                    })
                }));
            }
        }
    }
}

/// Something to be asked, for one connection, that runs `call` on a delivery thread, where it may
/// block, one question at a time; and what `call` lives as long as.
///
/// # Errors
/// [`Code::Io`] when no delivery thread can be started.
pub fn on_delivery_thread(
    call: impl FnMut(Question) + Send + 'static,
) -> Result<(impl Fn(Question) + Send + Sync + 'static, Lifeline)> {
    let inbox: Arc<Mutex<VecDeque<_>>> = Arc::default();
    let job = Questions { inbox: Arc::clone(&inbox), call: Box::new(call) };
    let lifeline = Lifeline::start(pool::pool()?, Box::new(job))?;
    let source = Arc::clone(lifeline.source());
    let ask = move |question| {
        if !source.is_stopped() {
            lock(&inbox).push_back(question);
            source.schedule();
        }
    };
    Ok((ask, lifeline))
}

#[derive(Clone)]
struct Asker(Arc<dyn Fn(Question) + Send + Sync>);

impl Asker {
    /// Asks at once, and yields the answer.
    fn ask(
        &self,
        ask: Ask,
        about: serde_json::Value,
    ) -> impl Future<Output = Result<Answer>> + Send + use<> {
        let (answer, asked) = oneshot::channel();
        (self.0)(Question { ask, about: about.into(), answer });
        async move {
            let none = |why| Error::new(Code::Cancelled, format!("'{}': {why}", ask.name()));
            let answered = tokio::time::timeout(PATIENCE, asked).await;
            let answered = answered.map_err(|_| none("the program does not answer"))?;
            let answer = answered.map_err(|_| none("the program gives no answer"))??;
            let known = ask.names();
            for (name, _) in answer.iter().filter(|_| !known.is_empty()) {
                if !known.contains(&name.as_str()) {
                    return Err(unknown(known.iter().copied(), name).context(ask.name()));
                }
            }
            Ok(answer)
        }
    }
}

/// No answer, and one that makes no sense, stand for the usual; a warning says so.
fn given(answer: Result<Answer>) -> Option<Answer> {
    answer.inspect_err(|error| tracing::warn!(target: "nats", %error, "no answer")).ok()
}

fn about_servers(
    servers: &[nats_core::PoolServer],
    info: &nats_core::ServerInfo,
) -> serde_json::Value {
    json!({ "servers": self::servers(servers), "info": info })
}

/// The servers of a pool as a document.
pub fn servers(servers: &[nats_core::PoolServer]) -> serde_json::Value {
    servers.iter().map(server).collect()
}

fn server(server: &nats_core::PoolServer) -> serde_json::Value {
    let mut shown = json!({
        "url": server.url, "discovered": server.discovered, "failures": server.failures,
    });
    if let Some(error) = &server.last_error {
        shown["error"] = error.to_string().into();
    }
    shown
}

fn member<'a>(answer: &'a Answer, name: &str) -> Option<&'a [u8]> {
    answer.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
}

fn invalid(name: &str, expected: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("answer '{name}': expected {expected}"))
}

fn text(name: &str, value: &[u8]) -> Result<Secret> {
    std::str::from_utf8(value).map(Secret::from).map_err(|_| invalid(name, "text in UTF-8"))
}

fn member_text(answer: &Answer, name: &str) -> Result<Option<Secret>> {
    member(answer, name).map(|value| text(name, value)).transpose()
}

fn delay(answer: &Answer) -> Result<Option<Duration>> {
    let Some(digits) = member(answer, "delay_ms") else { return Ok(None) };
    let millis = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
    let millis = millis.ok_or_else(|| invalid("delay_ms", "a whole number of milliseconds"))?;
    Ok(Some(Duration::from_millis(millis.min(MAX_MILLIS))))
}

fn pick(answer: &Answer) -> Option<Pick> {
    let url = member_text(answer, "url").ok()??.expose().to_owned();
    Some(Pick { url, delay: delay(answer).ok()?.unwrap_or_default() })
}

fn login(answer: &Answer, challenge: &Challenge) -> Result<Login> {
    let nonce = challenge.nonce.as_deref();
    if let Some(creds) = member_text(answer, "creds")? {
        return Login::with_credentials(&Credentials::parse(creds.expose())?, nonce);
    }
    let login = Login {
        user: member_text(answer, "user")?.map(|user| user.expose().to_owned()),
        password: member_text(answer, "password")?,
        token: member_text(answer, "token")?,
        jwt: member_text(answer, "jwt")?,
        nkey: member_text(answer, "nkey")?.map(|nkey| nkey.expose().to_owned()),
        signature: member(answer, "signature").map(signature).transpose()?,
    };
    match member_text(answer, "seed")? {
        None => Ok(login),
        Some(seed) => login.signed_by(&KeyPair::from_seed(seed.expose())?, nonce),
    }
}

fn signature(value: &[u8]) -> Result<Vec<u8>> {
    use base64::Engine;
    use base64::alphabet::{STANDARD, URL_SAFE};
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    if value.len() == SIGNATURE {
        return Ok(value.to_vec());
    }
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = [STANDARD, URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(value.trim_ascii()).ok());
    let decoded = decoded.filter(|bytes| bytes.len() == SIGNATURE);
    decoded.ok_or_else(|| invalid("signature", "64 bytes, or these in base64"))
}

fn identity(answer: &Answer) -> Result<Identity> {
    let missing = |name| invalid(name, "PEM text");
    let certificate = member_text(answer, "cert")?.ok_or_else(|| missing("cert"))?;
    let key = member_text(answer, "key")?.ok_or_else(|| missing("key"))?;
    Ok(Identity { certificate: certificate.expose().to_owned(), key })
}

struct Questions {
    inbox: Arc<Mutex<VecDeque<Question>>>,
    call: Box<dyn FnMut(Question) + Send>,
}

impl Job for Questions {
    fn run(&mut self, turn: &Turn<'_>) -> Next {
        while !turn.is_stopped() {
            let Some(question) = lock(&self.inbox).pop_front() else {
                return Next::Wait;
            };
            // An attempt that has timed out waits for no answer, and would hold up the next one.
            if !question.answer.is_closed() {
                turn.call(|| (self.call)(question));
            }
        }
        Next::Done
    }
}

impl Drop for Questions {
    fn drop(&mut self) {
        // Whoever waits for an answer learns that there is none.
        lock(&self.inbox).clear();
    }
}

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;
