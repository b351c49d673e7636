//! The address of one server, from a URL or from what a server gossips.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};

/// Text longer than this is no address.
const MAX_LEN: usize = 4096;

/// Credentials that were part of a URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum UrlAuth {
    /// `nats://user:password@host`.
    User(String, Zeroizing<String>),
    /// `nats://token@host`.
    Token(Zeroizing<String>),
}

/// How to speak to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Nats,
    Tls,
    Ws,
    Wss,
}

impl Scheme {
    const ALL: [Scheme; 4] = [Scheme::Nats, Scheme::Tls, Scheme::Ws, Scheme::Wss];

    fn name(self) -> &'static str {
        match self {
            Scheme::Nats => "nats",
            Scheme::Tls => "tls",
            Scheme::Ws => "ws",
            Scheme::Wss => "wss",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Scheme::Nats | Scheme::Tls => 4222,
            Scheme::Ws => 80,
            Scheme::Wss => 443,
        }
    }

    /// Whether nothing but TLS will do.
    pub(crate) fn is_tls(self) -> bool {
        matches!(self, Scheme::Tls | Scheme::Wss)
    }

    /// Whether the protocol goes through WebSocket.
    pub(crate) fn is_websocket(self) -> bool {
        matches!(self, Scheme::Ws | Scheme::Wss)
    }

    /// The same transport with TLS.
    pub(crate) fn with_tls(self) -> Scheme {
        if self.is_websocket() { Scheme::Wss } else { Scheme::Tls }
    }
}

/// Where a server is and how to speak to it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ServerAddr {
    pub(crate) scheme: Scheme,
    /// Without the brackets of an IPv6 literal.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Of a WebSocket, with its query; empty or beginning with a slash.
    pub(crate) path: String,
    pub(crate) auth: Option<UrlAuth>,
}

impl ServerAddr {
    /// Parses `nats://`, `tls://`, `ws://`, `wss://` or a bare `host[:port]`, with credentials and
    /// IPv6 literals, and with a path behind the two of WebSocket.
    pub(crate) fn parse(text: &str) -> Result<ServerAddr> {
        let text = text.trim();
        if text.len() > MAX_LEN || text.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(bad(text, "it is too long or holds spaces or control characters"));
        }
        let (scheme, rest) = scheme(text)?;
        let (rest, path) = match rest.find(['/', '?']) {
            Some(at) if scheme.is_websocket() => rest.split_at(at),
            _ => (rest.strip_suffix('/').unwrap_or(rest), ""),
        };
        let (auth, place) = match rest.rsplit_once('@') {
            Some((auth, place)) => (Some(credentials(auth, text)?), place),
            None => (None, rest),
        };
        let (host, port) = host_and_port(place).map_err(|why| bad(text, why))?;
        let port = port.unwrap_or(scheme.default_port());
        let path = if path == "/" { String::new() } else { path.to_owned() };
        Ok(ServerAddr { scheme, host, port, path, auth })
    }

    /// Parses a comma-separated list.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<ServerAddr>> {
        text.split(',').filter(|part| !part.trim().is_empty()).map(ServerAddr::parse).collect()
    }

    /// Whether the two name the same place, whatever their credentials.
    pub(crate) fn same_place(&self, other: &ServerAddr) -> bool {
        self.port == other.port
            && self.host.eq_ignore_ascii_case(&other.host)
            && self.scheme.is_websocket() == other.scheme.is_websocket()
            && self.path == other.path
    }

    /// `host:port`, with brackets around an IPv6 literal.
    pub(crate) fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Whether the host is a literal address rather than a name.
    pub(crate) fn is_ip(&self) -> bool {
        self.host.parse::<std::net::IpAddr>().is_ok()
    }
}

/// The URL without its credentials: what may be shown.
impl fmt::Display for ServerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.place())?;
        // A query may hold a secret.
        f.write_str(self.path.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for ServerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn scheme(text: &str) -> Result<(Scheme, &str)> {
    let Some((name, rest)) = text.split_once("://") else { return Ok((Scheme::Nats, text)) };
    let known = Scheme::ALL.into_iter().find(|scheme| name.eq_ignore_ascii_case(scheme.name()));
    let why = "the scheme must be nats://, tls://, ws:// or wss://";
    known.map(|scheme| (scheme, rest)).ok_or_else(|| bad(text, why))
}

pub(super) fn credentials(auth: &str, url: &str) -> Result<UrlAuth> {
    let decode = |text: &str| {
        percent_decode(text)
            .ok_or_else(|| bad(url, "its credentials are not valid percent-encoding"))
    };
    match auth.split_once(':') {
        Some((user, password)) => {
            Ok(UrlAuth::User(decode(user)?, Zeroizing::new(decode(password)?)))
        }
        None => Ok(UrlAuth::Token(Zeroizing::new(decode(auth)?))),
    }
}

pub(super) fn host_and_port(place: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("the IPv6 address has no closing bracket")?;
        let address = host.split('%').next().unwrap_or(host);
        address.parse::<std::net::Ipv6Addr>().map_err(|_| "the IPv6 address is not valid")?;
        let port = match rest {
            "" => None,
            _ => Some(rest.strip_prefix(':').ok_or("only :port may follow the address")?),
        };
        (host, port)
    } else if place.parse::<std::net::Ipv6Addr>().is_ok() {
        (place, None)
    } else {
        match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        }
    };
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'%');
    if host.is_empty() {
        return Err("it names no host");
    }
    if !host.bytes().all(allowed) {
        return Err("the host holds characters that no host name has");
    }
    let port = match port {
        None => None,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            let port = port.parse().ok().filter(|p| *p != 0);
            Some(port.ok_or("the port must be 1 to 65535")?)
        }
        Some(_) => return Err("the port must be 1 to 65535"),
    };
    Ok((host.to_owned(), port))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).ok()
}

/// The error shows the URL from the host on and without its query: the rest may be a secret.
pub(super) fn bad(url: &str, why: &str) -> Error {
    let shown = url.rsplit_once('@').map_or(url, |(before, place)| {
        // Of such a text nobody knows where the secret begins.
        if before.contains('?') { "" } else { place }
    });
    let shown = shown.split('?').next().unwrap_or_default();
    let shown: String = shown.chars().take(128).flat_map(char::escape_default).collect();
    Error::new(Code::InvalidUrl, format!("\"{shown}\": {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Scheme, String, u16) {
        let addr = ServerAddr::parse(text).unwrap();
        (addr.scheme, addr.host, addr.port)
    }

    #[test]
    fn all_forms_of_an_address() {
        for (text, scheme, host, port) in [
            ("localhost", Scheme::Nats, "localhost", 4222),
            ("nats://localhost", Scheme::Nats, "localhost", 4222),
            ("NATS://example.org:14222/", Scheme::Nats, "example.org", 14222),
            ("tls://10.0.0.1:443", Scheme::Tls, "10.0.0.1", 443),
            ("[::1]:4333", Scheme::Nats, "::1", 4333),
            ("nats://[fe80::1%eth0]", Scheme::Nats, "fe80::1%eth0", 4222),
            ("::1", Scheme::Nats, "::1", 4222),
            (" host_a:1 ", Scheme::Nats, "host_a", 1),
            ("ws://h", Scheme::Ws, "h", 80),
            ("WSS://[::1]/", Scheme::Wss, "::1", 443),
            ("wss://u:p@h:8443/a/b?c=@d", Scheme::Wss, "h", 8443),
        ] {
            assert_eq!(parse(text), (scheme, host.to_owned(), port), "{text}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let addr = ServerAddr::parse("nats://me:p%40ss%3Aw@host").unwrap();
        let UrlAuth::User(user, password) = addr.auth.clone().unwrap() else { panic!() };
        assert_eq!((user.as_str(), password.as_str()), ("me", "p@ss:w"));
        assert_eq!(format!("{addr} {addr:?}"), "nats://host:4222 nats://host:4222");
        let token = ServerAddr::parse("s3cr3t@host").unwrap();
        assert!(matches!(token.auth, Some(UrlAuth::Token(t)) if t.as_str() == "s3cr3t"));
        let error = ServerAddr::parse("nats://me:s3cr3t@host:99999").unwrap_err();
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
        let error = ServerAddr::parse("nats://me:s3cr3t%zz@host").unwrap_err();
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "",
            "nats://",
            ":4222",
            "nats://:4222",
            "host:0",
            "host:99999",
            "host:",
            "host:x",
            "host:+1",
            "[::1",
            "[::1]x",
            "[zz]:1",
            "http://host",
            "ftp://h",
            "ho st",
            "host\r\nPUB a 0",
            "a:b:c",
            "nats://u:p@",
            "host\0",
            "h/path",
        ] {
            let error = ServerAddr::parse(text).unwrap_err();
            assert_eq!(error.code(), Code::InvalidUrl, "{text:?}");
        }
        assert!(ServerAddr::parse(&"x".repeat(5000)).is_err());
    }

    #[test]
    fn a_websocket_has_a_path_whose_query_is_not_shown() {
        let addr = ServerAddr::parse("ws://h/nats/in?key=s3cr3t").unwrap();
        assert_eq!(addr.path, "/nats/in?key=s3cr3t");
        assert_eq!(addr.to_string(), "ws://h:80/nats/in");
        assert!(ServerAddr::parse("ws://h/").unwrap().path.is_empty());
        for url in ["ws://:1/?key=s3cr3t", "ws://:1/?key=s3@s3cr3t", "nats://u:s3cr3t?s3@h:0"] {
            let error = ServerAddr::parse(url).unwrap_err();
            assert!(!error.to_string().contains("s3"), "{error}");
        }
        let place = |url| ServerAddr::parse(url).unwrap();
        assert!(place("ws://h:1").same_place(&place("wss://H:1/")));
        assert!(!place("ws://h:1").same_place(&place("nats://h:1")));
        assert!(!place("ws://h:1/a").same_place(&place("ws://h:1/b")));
    }

    #[test]
    fn lists() {
        let list = ServerAddr::parse_list("nats://a:1, b:2,[::1]:3").unwrap();
        let places: Vec<_> = list.iter().map(ServerAddr::place).collect();
        assert_eq!(places, ["a:1", "b:2", "[::1]:3"]);
    }
}
