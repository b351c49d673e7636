//! How an HTTP connection becomes a WebSocket (RFC 6455, section 4).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::crypto::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::AsyncWriteExt;

use super::WebSocket;
use crate::conn::http::Answer;
use crate::conn::secret::Secret;
use crate::conn::server_addr::ServerAddr;
use crate::conn::transport::Transport;
use crate::error::{Code, Error, Result};

/// What the key is hashed with, so that nobody answers who does not know the protocol.
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const EXTENSION: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// Headers that the upgrade itself needs.
const OWN: &[&str] = &[
    "host",
    "upgrade",
    "connection",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "content-length",
    "transfer-encoding",
];

/// Names and values of HTTP headers.
pub type UpgradeHeaders = Vec<(String, Secret)>;

/// Asked for each attempt for further headers, with the server's URL. It is polled on the
/// connection's own task, within the connect timeout, so it must wait asynchronously.
pub type HeadersCallback = Arc<
    dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<UpgradeHeaders>> + Send>> + Send + Sync,
>;

/// Whether the headers can be sent.
///
/// # Errors
/// [`Code::InvalidOption`] names the header, and never shows its value.
pub(crate) fn check_headers(headers: &UpgradeHeaders) -> Result<()> {
    for (name, value) in headers {
        let letter = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let why = if name.is_empty() || !name.bytes().all(letter) {
            "it is no name for a header"
        } else if OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            "the upgrade sets it itself"
        } else if value.expose().bytes().any(|b| b.is_ascii_control() && b != b'\t') {
            "its value holds control characters"
        } else {
            continue;
        };
        let shown: String = name.chars().take(64).flat_map(char::escape_default).collect();
        return Err(Error::new(Code::InvalidOption, format!("ws_headers: \"{shown}\": {why}")));
    }
    Ok(())
}

/// Makes the connection to `addr` a WebSocket.
pub(crate) async fn upgrade<T: Transport>(
    mut io: T,
    addr: &ServerAddr,
    headers: &UpgradeHeaders,
    compression: bool,
) -> Result<WebSocket<T>> {
    check_headers(headers)?;
    let key = key()?;
    io.write_all(request(addr, headers, compression, &key).to_wire().as_bytes()).await?;
    io.flush().await?;
    let answer = Answer::read(&mut io).await.map_err(|error| error.context("WebSocket"))?;
    let compression = agreed(&answer, &key, compression)?;
    Ok(WebSocket::new(io, compression))
}

fn key() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::new(Code::Io, error.to_string()))?;
    Ok(BASE64.encode(bytes))
}

fn request(addr: &ServerAddr, headers: &UpgradeHeaders, compression: bool, key: &str) -> Secret {
    let slash = if addr.path.starts_with('/') { "" } else { "/" };
    let mut text = zeroize::Zeroizing::new(format!(
        "GET {slash}{} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n",
        addr.path,
        addr.place()
    ));
    let extension = compression.then_some(("Sec-WebSocket-Extensions", EXTENSION));
    let own = headers.iter().map(|(name, value)| (name.as_str(), value.expose()));
    for (name, value) in extension.into_iter().chain(own) {
        for piece in [name, ": ", value, "\r\n"] {
            text.push_str(piece);
        }
    }
    text.push_str("\r\n");
    text.as_str().into()
}

/// Whether the server has agreed, and to compression, too.
fn agreed(answer: &Answer, key: &str, offered: bool) -> Result<bool> {
    let refused = |code, why: &str| Err(Error::new(code, format!("WebSocket: {why}")));
    if answer.status != 101 {
        let code = if matches!(answer.status, 401 | 403) { Code::Authorization } else { Code::Io };
        return refused(code, &format!("the server answers {}", answer.shown()));
    }
    if !answer.says("upgrade", "websocket") || !answer.says("connection", "upgrade") {
        return refused(Code::Protocol, "the server's answer does not say that it changes over");
    }
    let hash =
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{MAGIC}").as_bytes());
    if answer.values("sec-websocket-accept").next() != Some(BASE64.encode(hash).as_str()) {
        return refused(Code::Protocol, "the server's answer is to another question");
    }
    let extensions: Vec<&str> = answer.values("sec-websocket-extensions").collect();
    let named = |word: &str| extensions.iter().any(|value| value.contains(word));
    match (extensions.is_empty(), offered) {
        (true, _) => Ok(false),
        (false, true)
            if extensions
                .iter()
                .all(|value| value.trim_start().starts_with("permessage-deflate"))
                && named("server_no_context_takeover")
                && named("client_no_context_takeover") =>
        {
            Ok(true)
        }
        _ => refused(Code::Protocol, "the server wants extensions that were not offered"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_cannot_be_sent() {
        let check = |name: &str, value: &str| check_headers(&vec![(name.into(), value.into())]);
        assert!(check("X-Token", "a b\tc").is_ok());
        for (name, value) in [("", "a"), ("a b", "c"), ("HOST", "h"), ("X", "s3cr3t\r\nY: z")] {
            let error = check(name, value).unwrap_err();
            assert_eq!(error.code(), Code::InvalidOption);
            assert!(!error.to_string().contains("s3cr3t"));
        }
    }
}
