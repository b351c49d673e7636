//! What a server says about itself.

use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Code, Error, Result};

/// How many entries of `connect_urls` and of `ws_connect_urls` are kept.
pub const MAX_URLS: usize = 1024;

/// How deep arrays and objects may be nested.
const MAX_DEPTH: usize = 64;

/// The content of an INFO. Fields that a server leaves out have their defaults; fields that are not
/// known here are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerInfo {
    /// The server's unique id.
    pub server_id: String,
    /// The server's name.
    pub server_name: String,
    /// The server's version.
    pub version: String,
    /// The version of Go that the server was built with.
    pub go: String,
    /// The commit that the server was built from.
    pub git_commit: String,
    /// The host that the server listens on.
    pub host: String,
    /// The port that the server listens on.
    pub port: u16,
    /// Whether the server understands headers.
    pub headers: bool,
    /// The largest message the server takes, header block included, in bytes.
    pub max_payload: usize,
    /// The protocol level.
    pub proto: i32,
    /// The number of this connection on the server.
    pub client_id: u64,
    /// The address of this client as the server sees it.
    pub client_ip: String,
    /// Whether credentials are required.
    pub auth_required: bool,
    /// Whether TLS is required.
    pub tls_required: bool,
    /// Whether a client certificate is required.
    pub tls_verify: bool,
    /// Whether TLS is possible.
    pub tls_available: bool,
    /// What a client that authenticates by key has to sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The name of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The JetStream domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Whether JetStream is enabled.
    pub jetstream: bool,
    /// Addresses of servers of the cluster, at most [`MAX_URLS`]. Not checked.
    #[serde(deserialize_with = "urls")]
    pub connect_urls: Vec<String>,
    /// The same for WebSocket.
    #[serde(deserialize_with = "urls")]
    pub ws_connect_urls: Vec<String>,
    /// Whether the server is about to shut down (lame duck mode).
    pub ldm: bool,
    /// The level of the JetStream API.
    pub api_lvl: u32,
    /// Whether the connection's account is the system account (server 2.12).
    pub acc_is_sys: bool,
}

impl Default for ServerInfo {
    fn default() -> ServerInfo {
        ServerInfo {
            server_id: String::new(),
            server_name: String::new(),
            version: String::new(),
            go: String::new(),
            git_commit: String::new(),
            host: String::new(),
            port: 0,
            headers: false,
            max_payload: 1 << 20,
            proto: 0,
            client_id: 0,
            client_ip: String::new(),
            auth_required: false,
            tls_required: false,
            tls_verify: false,
            tls_available: false,
            nonce: None,
            cluster: None,
            domain: None,
            jetstream: false,
            connect_urls: Vec::new(),
            ws_connect_urls: Vec::new(),
            ldm: false,
            api_lvl: 0,
            acc_is_sys: false,
        }
    }
}

impl ServerInfo {
    /// Reads the JSON of an INFO.
    ///
    /// # Errors
    /// [`Code::Protocol`] when it is not one JSON object in UTF-8, is nested deeper than 64 levels,
    /// or when a known field occurs twice or has a value of another type.
    pub fn parse(json: &[u8]) -> Result<ServerInfo> {
        let bad = |reason: &dyn std::fmt::Display| {
            Error::new(Code::Protocol, format!("bad INFO: {reason}"))
        };
        let text = std::str::from_utf8(json).map_err(|error| bad(&error))?;
        // A struct may be written as an array, as far as serde is concerned.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(bad(&"not a JSON object"));
        }
        if depth(json) > MAX_DEPTH {
            return Err(bad(&"nested too deeply"));
        }
        serde_json::from_str(text).map_err(|error| bad(&error))
    }

    /// Whether the server is of this version or a later one. A pre-release counts as its release;
    /// a version that cannot be read is older than any.
    pub fn version_at_least(&self, major: u32, minor: u32, patch: u32) -> bool {
        version(&self.version).is_some_and(|version| version >= [major, minor, patch])
    }
}

/// The three numbers of `2.11.0-RC.1`.
fn version(text: &str) -> Option<[u32; 3]> {
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let mut numbers = text[..end].trim_start_matches('v').split('.');
    let mut next = || numbers.next()?.parse().ok();
    Some([next()?, next()?, next()?])
}

/// How deep the brackets of `json` are nested. Right for valid JSON; for anything else, any number.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut string) = (0usize, 0, false);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if string => {
                bytes.next();
            }
            b'"' => string = !string,
            b'{' | b'[' if !string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A list of addresses, cut to [`MAX_URLS`]; `null` is an empty one.
fn urls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let mut urls: Vec<String> = Option::deserialize(deserializer)?.unwrap_or_default();
    urls.truncate(MAX_URLS);
    Ok(urls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_server_sends() {
        let info = ServerInfo::parse(
            br#"{"server_id":"NA","server_name":"n1","version":"2.15.1","proto":1,"go":"go1.26",
            "host":"0.0.0.0","port":4222,"headers":true,"max_payload":1048576,"jetstream":true,
            "client_id":5,"client_ip":"127.0.0.1","nonce":"abc","cluster":"c","xkey":"X",
            "connect_urls":["10.0.0.1:4222"],"ws_connect_urls":null,"ldm":true,"api_lvl":4} "#,
        )
        .unwrap();
        assert_eq!((info.server_id.as_str(), info.port, info.client_id), ("NA", 4222, 5));
        assert_eq!(info.connect_urls, ["10.0.0.1:4222"]);
        assert_eq!(info.nonce.as_deref(), Some("abc"));
        assert!(info.headers && info.jetstream && info.ldm && !info.tls_required);
        assert_eq!((info.api_lvl, info.domain), (4, None));
    }

    #[test]
    fn round_trip() {
        let info = ServerInfo {
            nonce: Some("n".into()),
            connect_urls: vec!["[::1]:4222".into()],
            ..ServerInfo::default()
        };
        let json = serde_json::to_vec(&info).unwrap();
        assert_eq!(ServerInfo::parse(&json).unwrap(), info);
    }

    #[test]
    fn versions() {
        let at = |text: &str| ServerInfo { version: text.into(), ..ServerInfo::default() };
        assert!(at("2.11.0").version_at_least(2, 11, 0));
        assert!(at("2.11.0").version_at_least(2, 9, 25));
        assert!(at("3.0.0").version_at_least(2, 99, 99));
        assert!(at("2.11.0-RC.1").version_at_least(2, 11, 0));
        assert!(at("v2.11.4+build").version_at_least(2, 11, 4));
        assert!(!at("2.10.29").version_at_least(2, 11, 0));
        assert!(!at("2.11.3").version_at_least(2, 11, 4));
        for odd in ["", "2", "2.11", "a.b.c", "99999999999.0.0", "-", "2..1"] {
            assert!(!at(odd).version_at_least(0, 0, 0), "{odd:?}");
        }
    }

    #[test]
    fn depth_ignores_brackets_in_strings() {
        assert_eq!(depth(br#"{"a":"[[[\"[[[","b":[{}]}"#), 3);
        assert_eq!(depth(b"]]]]"), 0);
    }
}
