//! As much of HTTP/1.1 as it takes to become something else: the answer of a WebSocket server or of
//! a proxy.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};

/// Bytes of an answer's head.
const HEAD_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 128;

/// The head of an answer.
pub(super) struct Answer {
    pub(super) status: u16,
    reason: String,
    headers: Vec<(String, String)>,
}

impl Answer {
    /// Reads a head and nothing behind it.
    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Answer> {
        let mut head = Vec::with_capacity(512);
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == HEAD_MAX {
                let text = format!("an HTTP answer with a head of more than {HEAD_MAX} bytes");
                return Err(Error::new(Code::Protocol, text));
            }
            // One by one: what follows is no longer HTTP, and belongs to whoever reads next.
            head.push(from.read_u8().await.map_err(|_| {
                Error::new(Code::Io, "the connection was closed within the HTTP answer")
            })?);
        }
        Answer::parse(&head)
    }

    fn parse(head: &[u8]) -> Result<Answer> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut answer = httparse::Response::new(&mut headers);
        let parsed = answer.parse(head);
        let (Ok(httparse::Status::Complete(_)), Some(status)) = (parsed, answer.code) else {
            let seen = head[..head.len().min(64)].escape_ascii();
            let text = format!("expected an HTTP answer, got \"{seen}\"");
            return Err(Error::new(Code::Protocol, text));
        };
        let reason = answer.reason.unwrap_or_default().chars().take(128).collect();
        let text = |value: &[u8]| String::from_utf8_lossy(value).trim().to_owned();
        let headers = answer.headers.iter();
        let headers = headers.map(|h| (h.name.to_owned(), text(h.value))).collect();
        Ok(Answer { status, reason, headers })
    }

    /// The values of a header, whatever the case of its name.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let known = self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        known.map(|(_, value)| value.as_str())
    }

    /// Whether a header has this word in its list.
    pub(super) fn says(&self, name: &str, word: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(','))
            .any(|w| w.trim().eq_ignore_ascii_case(word))
    }

    /// Status and reason, for an error.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.status, self.reason.escape_debug()).trim_end().to_owned()
    }
}

/// The value of a header that authenticates with name and password.
pub(super) fn basic(user: &str, password: &str) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{user}:{password}"));
    Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\
            connection: keep-alive, Upgrade\r\n\r\n";
        let answer = Answer::parse(head).unwrap();
        assert_eq!(answer.shown(), "101 Switching Protocols");
        assert!(answer.says("upgrade", "websocket") && answer.says("Connection", "upgrade"));
        assert!(!answer.says("connection", "websocket"));
        for head in
            [&b"\r\n\r\n"[..], b"INFO {}\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 2 x\r\n\r\n"]
        {
            assert_eq!(Answer::parse(head).err().map(|e| e.code()), Some(Code::Protocol));
        }
    }

    #[test]
    fn name_and_password() {
        assert_eq!(basic("Aladdin", "open sesame").as_str(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
