//! What the server means by the text of a `-ERR`.
//!
//! The protocol carries only a text (ADR-40), so the known ones are mapped to a code and a scope;
//! an unknown one is an event and never ends the connection by itself.

use crate::error::{Code, Error};

/// The text is cut to this many bytes before it reaches an error or an event.
const TEXT_LIMIT: usize = 1024;

/// What an error concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The connection: the server closes it after this, or refused it.
    Connection,
    /// One publish, by subject.
    Publish {
        /// The subject that was refused.
        subject: String,
    },
    /// The subscriptions to one subject (and queue group).
    Subscription {
        /// The subject that was refused.
        subject: String,
        /// The queue group, where the server names one.
        queue: Option<String>,
    },
    /// Nothing that ends: the operation was refused, the connection goes on.
    Operation,
}

/// A classified `-ERR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// Code and text.
    pub error: Error,
    /// What it concerns.
    pub scope: Scope,
}

/// Texts by what they begin with, in lower case.
const KNOWN: &[(&str, Code, bool)] = &[
    ("authorization violation", Code::Authorization, true),
    ("authentication timeout", Code::Authorization, true),
    ("user authentication expired", Code::AuthExpired, true),
    ("user authentication revoked", Code::AuthRevoked, true),
    ("account authentication expired", Code::AccountAuthExpired, true),
    ("account authentication revoked", Code::AuthRevoked, true),
    ("stale connection", Code::StaleConnection, true),
    ("maximum payload violation", Code::MaxPayload, true),
    ("slow consumer", Code::ServerError, true),
    ("maximum connections exceeded", Code::MaxConnections, true),
    ("maximum account active connections exceeded", Code::MaxConnections, true),
    ("connection throttling is active", Code::MaxConnections, true),
    ("maximum subscriptions exceeded", Code::MaxSubscriptions, false),
    ("maximum control line exceeded", Code::Protocol, true),
    ("unknown protocol operation", Code::Protocol, true),
    ("parser error", Code::Protocol, true),
    ("invalid client protocol", Code::Protocol, true),
    ("secure connection - tls required", Code::Tls, true),
    ("server shutdown", Code::ServerError, true),
    ("invalid subject", Code::InvalidSubject, false),
    ("invalid publish subject", Code::InvalidSubject, false),
];

impl ServerError {
    /// Classifies the text of a `-ERR` (without the quotes).
    pub fn parse(text: &[u8]) -> ServerError {
        let text = String::from_utf8_lossy(text.get(..TEXT_LIMIT).unwrap_or(text)).into_owned();
        let lower = text.to_ascii_lowercase();
        let known = KNOWN.iter().find(|(start, ..)| lower.starts_with(start));
        let (code, scope) = match known {
            Some(&(_, code, true)) => (code, Scope::Connection),
            Some(&(_, code, false)) => (code, Scope::Operation),
            None => permission(&lower, &text).unwrap_or((Code::ServerError, Scope::Operation)),
        };
        let shown = if text.trim().is_empty() { "an error without a text" } else { text.as_str() };
        ServerError { error: Error::new(code, format!("the server says: {shown}")), scope }
    }
}

/// `Permissions Violation for Publish to "x"` and
/// `Permissions Violation for Subscription to "x" using queue "q" (sid "n")`.
fn permission(lower: &str, text: &str) -> Option<(Code, Scope)> {
    let rest = lower.strip_prefix("permissions violation")?;
    let mut quoted = text.split('"').skip(1).step_by(2).map(str::to_owned);
    let subject = quoted.next().unwrap_or_default();
    let scope = if rest.contains("for subscription") {
        let queue = rest.contains("using queue").then(|| quoted.next()).flatten();
        Scope::Subscription { subject, queue }
    } else if rest.contains("for publish") {
        Scope::Publish { subject }
    } else {
        Scope::Operation
    };
    Some((Code::Permission, scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_texts_name_what_they_concern() {
        let publish = ServerError::parse(b"Permissions Violation for Publish to \"a.b\"");
        assert_eq!(publish.error.code(), Code::Permission);
        assert_eq!(publish.scope, Scope::Publish { subject: "a.b".into() });
        let subscribe = ServerError::parse(
            b"Permissions Violation for Subscription to \"a.>\" using queue \"q\" (sid \"4\")",
        );
        let scope = Scope::Subscription { subject: "a.>".into(), queue: Some("q".into()) };
        assert_eq!(subscribe.scope, scope);
    }

    #[test]
    fn known_texts_have_codes_whatever_their_case() {
        for (text, code, scope) in [
            ("Authorization Violation", Code::Authorization, Scope::Connection),
            ("user authentication expired", Code::AuthExpired, Scope::Connection),
            ("Stale Connection", Code::StaleConnection, Scope::Connection),
            ("maximum subscriptions exceeded", Code::MaxSubscriptions, Scope::Operation),
            ("Maximum Connections Exceeded", Code::MaxConnections, Scope::Connection),
            ("Some Future Error", Code::ServerError, Scope::Operation),
            ("", Code::ServerError, Scope::Operation),
        ] {
            let parsed = ServerError::parse(text.as_bytes());
            assert_eq!((parsed.error.code(), parsed.scope), (code, scope), "{text}");
        }
    }

    #[test]
    fn long_and_non_utf8_texts_are_cut_and_lossy() {
        let parsed = ServerError::parse(&[0xff; 65_536]);
        assert!(parsed.error.text().len() < 4 * TEXT_LIMIT);
    }
}
