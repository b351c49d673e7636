//! The address of one server, from a URL or from what a server gossips.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Code, Error, Result};

/// The port of the NATS client protocol.
const DEFAULT_PORT: u16 = 4222;

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

/// Where a server is and how to speak to it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ServerAddr {
    pub(crate) tls: bool,
    /// Without the brackets of an IPv6 literal.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) auth: Option<UrlAuth>,
}

impl ServerAddr {
    /// Parses `nats://`, `tls://` or a bare `host[:port]`, with credentials and IPv6 literals.
    pub(crate) fn parse(text: &str) -> Result<ServerAddr> {
        let text = text.trim();
        if text.len() > MAX_LEN || text.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(bad(text, "it is too long or holds spaces or control characters"));
        }
        let (tls, rest) = scheme(text)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (auth, place) = match rest.rsplit_once('@') {
            Some((auth, place)) => (Some(credentials(auth, text)?), place),
            None => (None, rest),
        };
        let (host, port) = host_and_port(place).map_err(|why| bad(text, why))?;
        Ok(ServerAddr { tls, host, port, auth })
    }

    /// Parses a comma-separated list.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<ServerAddr>> {
        text.split(',').filter(|part| !part.trim().is_empty()).map(ServerAddr::parse).collect()
    }

    /// Whether the two name the same place, whatever their credentials.
    pub(crate) fn same_place(&self, other: &ServerAddr) -> bool {
        self.port == other.port && self.host.eq_ignore_ascii_case(&other.host)
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
        write!(f, "{}://{}", if self.tls { "tls" } else { "nats" }, self.place())
    }
}

impl fmt::Debug for ServerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn scheme(text: &str) -> Result<(bool, &str)> {
    match text.split_once("://") {
        None => Ok((false, text)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("nats") => Ok((false, rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("tls") => Ok((true, rest)),
        Some(_) => Err(bad(text, "the scheme must be nats:// or tls://")),
    }
}

fn credentials(auth: &str, url: &str) -> Result<UrlAuth> {
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

fn host_and_port(place: &str) -> Result<(String, u16), &'static str> {
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
        None => DEFAULT_PORT,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            port.parse().ok().filter(|p| *p != 0).ok_or("the port must be 1 to 65535")?
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

/// The error shows the URL from the host on: what stands before an `@` may be a secret.
fn bad(url: &str, why: &str) -> Error {
    let shown = url.rsplit_once('@').map_or(url, |(_, place)| place);
    let shown: String = shown.chars().take(128).flat_map(char::escape_default).collect();
    Error::new(Code::InvalidUrl, format!("\"{shown}\": {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (bool, String, u16) {
        let addr = ServerAddr::parse(text).unwrap();
        (addr.tls, addr.host, addr.port)
    }

    #[test]
    fn all_forms_of_an_address() {
        for (text, tls, host, port) in [
            ("localhost", false, "localhost", 4222),
            ("nats://localhost", false, "localhost", 4222),
            ("NATS://example.org:14222/", false, "example.org", 14222),
            ("tls://10.0.0.1:443", true, "10.0.0.1", 443),
            ("[::1]:4333", false, "::1", 4333),
            ("nats://[fe80::1%eth0]", false, "fe80::1%eth0", 4222),
            ("::1", false, "::1", 4222),
            (" host_a:1 ", false, "host_a", 1),
        ] {
            assert_eq!(parse(text), (tls, host.to_owned(), port), "{text}");
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
    fn lists() {
        let list = ServerAddr::parse_list("nats://a:1, b:2,[::1]:3").unwrap();
        let places: Vec<_> = list.iter().map(ServerAddr::place).collect();
        assert_eq!(places, ["a:1", "b:2", "[::1]:3"]);
    }
}
