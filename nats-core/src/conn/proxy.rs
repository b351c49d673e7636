//! A proxy between here and the servers: HTTP CONNECT (RFC 9110) or SOCKS 5 (RFC 1928, 1929).

use std::net::IpAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::http::{Answer, basic};
use super::secret::Secret;
use super::server_addr::{ServerAddr, UrlAuth, credentials, host_and_port};
use crate::error::{Code, Error, Result};

const SOCKS_VERSION: u8 = 5;
const NO_AUTH: u8 = 0;
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
    Socks5,
}

/// Where the proxy is, and who one is there.
pub(crate) struct Proxy {
    kind: Kind,
    pub(crate) host: String,
    pub(crate) port: u16,
    auth: Option<(String, Zeroizing<String>)>,
}

impl Proxy {
    /// Parses `http://`, `socks5://` or `socks5h://` with host, port, and credentials.
    pub(crate) fn parse(url: &Secret) -> Result<Proxy> {
        let url = url.expose().trim();
        let bad = |why: &str| Err(Error::new(Code::InvalidOption, format!("proxy: {why}")));
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let (kind, port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Kind::Http, 80),
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            _ => return bad("expected a URL that begins with http:// or socks5://"),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (auth, place) = match rest.rsplit_once('@') {
            None => (None, rest),
            Some((auth, place)) => match credentials(auth, "") {
                Ok(UrlAuth::User(user, password)) => (Some((user, password)), place),
                Ok(UrlAuth::Token(user)) => (Some((user.to_string(), Zeroizing::default())), place),
                Err(_) => return bad("its credentials are not valid percent-encoding"),
            },
        };
        let (host, given) = match host_and_port(place) {
            Ok(parsed) => parsed,
            Err(why) => return bad(why),
        };
        if kind == Kind::Socks5
            && auth.as_ref().is_some_and(|(user, password)| user.len().max(password.len()) > 255)
        {
            return bad("name and password have at most 255 bytes each");
        }
        Ok(Proxy { kind, host, port: given.unwrap_or(port), auth })
    }

    /// Has the proxy, to which `stream` leads, connect to `addr`; the name is resolved there.
    pub(crate) async fn tunnel(&self, stream: &mut TcpStream, addr: &ServerAddr) -> Result<()> {
        let done = match self.kind {
            Kind::Http => self.http(stream, addr).await,
            Kind::Socks5 => self.socks(stream, addr).await,
        };
        done.map_err(|error| error.context(format!("proxy {}:{}", self.host, self.port)))
    }

    async fn http(&self, stream: &mut TcpStream, addr: &ServerAddr) -> Result<()> {
        let place = addr.place();
        let mut text = Zeroizing::new(format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n"));
        if let Some((user, password)) = &self.auth {
            for piece in ["Proxy-Authorization: ", &basic(user, password), "\r\n"] {
                text.push_str(piece);
            }
        }
        text.push_str("\r\n");
        stream.write_all(text.as_bytes()).await?;
        let answer = Answer::read(stream).await?;
        match answer.status {
            200..=299 => Ok(()),
            401 | 407 => Err(refused(Code::Authorization, &answer.shown())),
            _ => Err(refused(Code::Io, &answer.shown())),
        }
    }

    async fn socks(&self, stream: &mut TcpStream, addr: &ServerAddr) -> Result<()> {
        let methods: &[u8] = if self.auth.is_some() { &[NO_AUTH, PASSWORD] } else { &[NO_AUTH] };
        let mut greeting = vec![SOCKS_VERSION, methods.len() as u8];
        greeting.extend_from_slice(methods);
        stream.write_all(&greeting).await?;
        match (bytes(stream).await?, &self.auth) {
            ([SOCKS_VERSION, NO_AUTH], _) => {}
            ([SOCKS_VERSION, PASSWORD], Some((user, password))) => {
                let mut question = Zeroizing::new(vec![1, user.len() as u8]);
                question.extend_from_slice(user.as_bytes());
                question.push(password.len() as u8);
                question.extend_from_slice(password.as_bytes());
                stream.write_all(&question).await?;
                let [_, status] = bytes(stream).await?;
                if status != 0 {
                    return Err(refused(Code::Authorization, "name and password"));
                }
            }
            ([SOCKS_VERSION, _], _) => {
                return Err(refused(Code::Authorization, "every way to authenticate"));
            }
            _ => return Err(Error::new(Code::Protocol, "it does not speak SOCKS 5")),
        }
        stream.write_all(&socks_request(addr)?).await?;
        socks_answer(stream).await
    }
}

fn refused(code: Code, what: &str) -> Error {
    Error::new(code, format!("it refuses: {what}"))
}

async fn bytes<const N: usize>(stream: &mut TcpStream) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn socks_request(addr: &ServerAddr) -> Result<Vec<u8>> {
    let mut request = vec![SOCKS_VERSION, CONNECT, 0];
    match addr.host.parse() {
        Ok(IpAddr::V4(ip)) => {
            request.push(1);
            request.extend_from_slice(&ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(4);
            request.extend_from_slice(&ip.octets());
        }
        Err(_) => {
            let len = u8::try_from(addr.host.len());
            let text = "the name of the server is too long for SOCKS 5";
            request.extend_from_slice(&[3, len.map_err(|_| Error::new(Code::InvalidUrl, text))?]);
            request.extend_from_slice(addr.host.as_bytes());
        }
    }
    request.extend_from_slice(&addr.port.to_be_bytes());
    Ok(request)
}

async fn socks_answer(stream: &mut TcpStream) -> Result<()> {
    let [version, status, _, kind] = bytes(stream).await?;
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(bytes::<1>(stream).await?[0]),
        _ => 0,
    };
    if version != SOCKS_VERSION || length == 0 {
        return Err(Error::new(Code::Protocol, "it does not speak SOCKS 5"));
    }
    let why = match status {
        0 => "",
        1 => "it failed",
        2 => "its rules do not allow that",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached",
        5 => "the server refuses the connection",
        6 => "the server did not answer in time",
        _ => "it cannot do that",
    };
    if !why.is_empty() {
        return Err(refused(Code::Io, why));
    }
    // The address it connects from, which is of no interest, and the port.
    stream.read_exact(&mut vec![0; length + 2]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Proxy> {
        Proxy::parse(&url.into())
    }

    #[test]
    fn urls() {
        let proxy = parse("socks5://me:p%40ss@[::1]/").unwrap();
        assert_eq!((proxy.kind, proxy.host.as_str(), proxy.port), (Kind::Socks5, "::1", 1080));
        assert_eq!(proxy.auth, Some(("me".into(), Zeroizing::new("p@ss".into()))));
        let proxy = parse("HTTP://proxy.example:3128").unwrap();
        assert_eq!((proxy.kind, proxy.port), (Kind::Http, 3128));
        let long = format!("socks5://{}:p@h", "u".repeat(256));
        for url in ["", "h:1", "https://h", "socks4://h", "http://", "http://u:s3cr3t@h:0", &long] {
            let error = parse(url).err().unwrap();
            assert_eq!(error.code(), Code::InvalidOption, "{url}");
            assert!(!error.to_string().contains("s3cr3t"));
        }
    }
}
