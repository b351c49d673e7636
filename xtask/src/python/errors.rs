//! The exceptions of the Python binding.

use std::fmt::Write;

use nats_core::Code;

use super::capital;

/// The module of exceptions.
pub(super) fn text() -> Result<String, String> {
    let mut out = String::from(ERRORS_HEAD);
    for Class(code, class, bases, phrase) in CLASSES {
        let text = format!(
            "\n\nclass {class}({bases}):\n    \"\"\"{}.\"\"\"\n\n    code = {}\n    \
             name = {:?}\n    _phrase = {phrase:?}\n",
            capital(code.text()),
            code.number(),
            code.name(),
        );
        out.push_str(&text);
        match code {
            Code::InvalidHeader => out.push_str(BAD_HEADER),
            Code::SlowConsumer => out.push_str(SLOW_CONSUMER),
            Code::JetStream => out.push_str(JETSTREAM),
            _ => {}
        }
    }
    for (class, bases, phrase, meaning) in EXTRA {
        let text = format!(
            "\n\nclass {class}({bases}):\n    \"\"\"{meaning}\"\"\"\n\n    _phrase = {phrase:?}\n"
        );
        out.push_str(&text);
    }
    out.push_str("\n\nBY_CODE: dict[int, type[Error]] = {\n");
    for Class(code, class, ..) in CLASSES {
        writeln!(out, "    {}: {class},", code.number()).map_err(|e| e.to_string())?;
    }
    out.push_str("}\n\"\"\"The class of each error code.\"\"\"\n");
    out.push_str(ERRORS_TAIL);
    Ok(out)
}

/// The class of a code.
pub(crate) fn class(code: Code) -> Option<&'static str> {
    CLASSES.iter().find(|row| row.0 == code).map(|row| row.1)
}

/// An exception of a code: its class, the bases, and what its text begins with.
struct Class(Code, &'static str, &'static str, &'static str);

/// One class per code, a base before those that inherit from it. Names and bases are those of
/// nats-py where it has the class.
const CLASSES: &[Class] = &[
    Class(Code::Internal, "InternalError", "Error", "nats: internal error"),
    Class(Code::Panic, "PanicError", "InternalError", "nats: the library panicked"),
    Class(
        Code::InvalidArgument,
        "InvalidArgumentError",
        "Error, ValueError",
        "nats: invalid argument",
    ),
    Class(Code::InvalidHandle, "InvalidHandleError", "Error", "nats: invalid handle"),
    Class(Code::Forked, "ForkedError", "Error", "nats: used after fork"),
    Class(Code::Timeout, "TimeoutError", "Error, asyncio.TimeoutError", "nats: timeout"),
    Class(Code::Cancelled, "CancelledError", "Error", "nats: cancelled"),
    Class(Code::InvalidSubject, "BadSubjectError", "Error", "nats: invalid subject"),
    Class(
        Code::InvalidQueueGroup,
        "BadQueueGroupError",
        "BadSubjectError",
        "nats: invalid queue group",
    ),
    Class(Code::InvalidHeader, "BadHeaderError", "Error", "nats: invalid header"),
    Class(Code::InvalidUrl, "InvalidUrlError", "Error, ValueError", "nats: invalid URL"),
    Class(
        Code::InvalidOption,
        "InvalidOptionError",
        "Error, TypeError, ValueError",
        "nats: invalid option",
    ),
    Class(Code::InvalidJson, "JsonParseError", "Error", "nats: invalid JSON"),
    Class(Code::NotFound, "NotFoundError", "Error", "nats: not found"),
    Class(Code::WrongType, "WrongTypeError", "Error, TypeError", "nats: wrong type"),
    Class(Code::NoServers, "NoServersError", "Error", "nats: no servers available for connection"),
    Class(Code::ConnectionClosed, "ConnectionClosedError", "Error", "nats: connection closed"),
    Class(
        Code::ConnectionDraining,
        "ConnectionDrainingError",
        "Error",
        "nats: connection draining",
    ),
    Class(Code::ConnectionLost, "ConnectionLostError", "Error", "nats: connection lost"),
    Class(Code::Io, "IoError", "Error, OSError", "nats: input or output failed"),
    Class(Code::Tls, "SecureConnFailedError", "Error", "nats: secure connection failed"),
    Class(Code::Authorization, "AuthorizationError", "Error", "nats: authorization failed"),
    Class(
        Code::AuthExpired,
        "AuthExpiredError",
        "AuthorizationError",
        "nats: authorization expired",
    ),
    Class(
        Code::AccountAuthExpired,
        "AccountAuthExpiredError",
        "AuthExpiredError",
        "nats: authorization of the account expired",
    ),
    Class(
        Code::AuthRevoked,
        "AuthRevokedError",
        "AuthorizationError",
        "nats: authorization revoked",
    ),
    Class(
        Code::InvalidCredentials,
        "InvalidUserCredentialsError",
        "Error",
        "nats: invalid user credentials",
    ),
    Class(Code::InvalidKey, "InvalidKeyError", "InvalidUserCredentialsError", "nats: invalid key"),
    Class(Code::Permission, "PermissionsError", "Error", "nats: permissions violation"),
    Class(Code::Protocol, "ProtocolError", "Error", "nats: protocol error"),
    Class(Code::StaleConnection, "StaleConnectionError", "Error", "nats: stale connection"),
    Class(Code::ServerError, "ServerError", "Error", "nats: server error"),
    Class(Code::MaxPayload, "MaxPayloadError", "Error", "nats: maximum payload exceeded"),
    Class(
        Code::OutboundFull,
        "OutboundBufferLimitError",
        "Error",
        "nats: outbound buffer limit exceeded",
    ),
    Class(
        Code::NoResponders,
        "NoRespondersError",
        "Error",
        "nats: no responders available for request",
    ),
    Class(Code::SubscriptionClosed, "BadSubscriptionError", "Error", "nats: invalid subscription"),
    Class(
        Code::SubscriptionEnded,
        "SubscriptionEndedError",
        "BadSubscriptionError",
        "nats: subscription ended",
    ),
    Class(
        Code::SlowConsumer,
        "SlowConsumerError",
        "Error",
        "nats: slow consumer, messages dropped",
    ),
    Class(
        Code::HeadersUnsupported,
        "HeadersUnsupportedError",
        "Error",
        "nats: headers not supported by the server",
    ),
    Class(Code::NoReply, "NoReplyError", "Error", "nats: no reply subject available"),
    Class(Code::MalformedMessage, "MalformedMessageError", "Error", "nats: malformed message"),
    Class(Code::QueueClosed, "QueueClosedError", "Error", "nats: queue closed"),
    Class(
        Code::MaxConnections,
        "MaxConnectionsError",
        "Error",
        "nats: maximum connections exceeded",
    ),
    Class(
        Code::MaxSubscriptions,
        "MaxSubscriptionsError",
        "Error",
        "nats: maximum subscriptions exceeded",
    ),
    Class(Code::JetStream, "JetStreamError", "Error", "nats: JetStream error"),
    Class(
        Code::JetStreamNotEnabled,
        "JetStreamNotEnabledError",
        "JetStreamError",
        "nats: JetStream not enabled",
    ),
    Class(Code::StreamNotFound, "StreamNotFoundError", "JetStreamError", "nats: stream not found"),
    Class(
        Code::ConsumerNotFound,
        "ConsumerNotFoundError",
        "JetStreamError",
        "nats: consumer not found",
    ),
    Class(
        Code::MessageNotFound,
        "MessageNotFoundError",
        "JetStreamError",
        "nats: message not found",
    ),
    Class(Code::StreamExists, "StreamExistsError", "JetStreamError", "nats: stream exists already"),
    Class(
        Code::ConsumerExists,
        "ConsumerExistsError",
        "JetStreamError",
        "nats: consumer exists already",
    ),
    Class(
        Code::WrongLastSequence,
        "WrongLastSequenceError",
        "JetStreamError",
        "nats: wrong last sequence",
    ),
    Class(Code::InvalidName, "InvalidNameError", "Error", "nats: invalid stream or consumer name"),
    Class(Code::Unsupported, "UnsupportedError", "Error", "nats: not supported by the server"),
    Class(Code::NotJetStream, "NotJSMessageError", "Error", "nats: not a JetStream message"),
    Class(
        Code::AlreadyAcked,
        "MsgAlreadyAckdError",
        "Error",
        "nats: message was already acknowledged",
    ),
    Class(Code::HeartbeatMissed, "HeartbeatMissedError", "Error", "nats: heartbeat missed"),
    Class(Code::PullRefused, "PullRefusedError", "Error", "nats: pull refused"),
    Class(Code::PublisherStalled, "PublisherStalledError", "Error", "nats: publisher stalled"),
    Class(Code::BatchOver, "BatchOverError", "Error", "nats: batch is over"),
    Class(Code::BucketNotFound, "BucketNotFoundError", "Error", "nats: bucket not found"),
    Class(Code::BucketExists, "BucketExistsError", "Error", "nats: bucket exists already"),
    Class(Code::KeyNotFound, "KeyNotFoundError", "Error", "nats: key not found"),
    Class(Code::KeyExists, "KeyExistsError", "Error", "nats: key exists already"),
    Class(Code::ReadOnly, "ReadOnlyError", "Error", "nats: bucket is read-only"),
    Class(Code::ObjectNotFound, "ObjectNotFoundError", "Error", "nats: object not found"),
    Class(Code::ObjectExists, "ObjectExistsError", "Error", "nats: object exists already"),
    Class(Code::DigestMismatch, "DigestMismatchError", "Error", "nats: digest does not match"),
    Class(Code::InvalidLink, "InvalidLinkError", "Error", "nats: link is not acceptable"),
    Class(Code::ObjectChanged, "ObjectChangedError", "Error", "nats: object has changed"),
    Class(Code::ServiceError, "ServiceError", "Error", "nats: service error"),
];

/// Classes without a code of their own: name, base, text, meaning.
const EXTRA: &[(&str, &str, &str, &str)] = &[
    ("UnexpectedEOF", "StaleConnectionError", "nats: unexpected EOF", "The socket was closed."),
    ("FlushTimeoutError", "TimeoutError", "nats: flush timeout", "A flush took too long."),
    (
        "DrainTimeoutError",
        "TimeoutError",
        "nats: draining connection timed out",
        "A drain took too long; the connection is closed all the same.",
    ),
    ("BadTimeoutError", "InvalidArgumentError", "nats: timeout invalid", "Not more than zero."),
    (
        "SecureConnRequiredError",
        "SecureConnFailedError",
        "nats: secure connection required",
        "The server asks for TLS.",
    ),
    (
        "SecureConnWantedError",
        "SecureConnFailedError",
        "nats: secure connection not available",
        "The server has no TLS.",
    ),
    (
        "ConnectionReconnectingError",
        "Error",
        "nats: connection reconnecting",
        "Not possible while disconnected.",
    ),
    (
        "InvalidCallbackTypeError",
        "Error, TypeError",
        "nats: callbacks must be functions",
        "A callback cannot be called in this way.",
    ),
];

const ERRORS_HEAD: &str = r#""""The exceptions of nats_ffi.

All derive from `Error`. One class belongs to each error code of the library; `code` is the number
and `name` the stable name that it has in every language.

Generated by `cargo xtask gen`; do not edit.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar


class Error(Exception):
    """The base of all exceptions of the package."""

    code: ClassVar[int] = 0
    """The number of the error code; 0 when there is none."""
    name: ClassVar[str] = ""
    """The stable name of the error code; empty when there is none."""
    _phrase: ClassVar[str] = ""

    def __str__(self) -> str:
        details = ", ".join(str(argument) for argument in self.args)
        if self._phrase and details:
            return f"{self._phrase}: {details}"
        return self._phrase or details
"#;

const BAD_HEADER: &str = r#"
    def __init__(self, key: str = "") -> None:
        super().__init__(*((repr(key),) if key else ()))
        self.key = key
        """The name of the header."""
"#;

const SLOW_CONSUMER: &str = r#"
    def __init__(
        self, subject: str = "", reply: str = "", sid: int = 0, sub: Any = None
    ) -> None:
        super().__init__(*((f"subject: {subject}, sid: {sid}",) if subject else ()))
        self.subject = subject
        """The subject of the subscription."""
        self.reply = reply
        """Always empty: the event is about many messages."""
        self.sid = sid
        """The number of the subscription."""
        self.sub = sub
        """The subscription, as long as it exists."""
"#;

const JETSTREAM: &str = r#"
    api_code: int = 0
    """What the server refused, in the manner of HTTP: 404 and so on; 0 when it was not the server."""
    err_code: int = 0
    """The server's own number of the refusal; 0 when it was not the server."""
    description: str = ""
    """The server's own text of the refusal."""
"#;

const ERRORS_TAIL: &str = r#"

def from_code(code: int, text: str, refused: tuple[int, int, str] | None = None) -> Error:
    """The exception of an error code. `text` says what in particular is wrong; it may be empty.
    `refused` is what JetStream said: code, its own number, and text."""
    error = BY_CODE.get(code, Error)()
    if text:
        error.args = (text,)
    if refused is not None and isinstance(error, JetStreamError):
        error.api_code, error.err_code, error.description = refused
    return error
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_class() {
        for code in Code::ALL {
            assert_eq!(CLASSES.iter().filter(|class| class.0 == *code).count(), 1, "{code}");
        }
    }

    #[test]
    fn bases_stand_before_their_heirs() {
        let mut known = vec!["Error"];
        let coded = CLASSES.iter().map(|Class(_, class, bases, _)| (*class, *bases));
        for (class, bases) in coded.chain(EXTRA.iter().map(|(class, bases, ..)| (*class, *bases))) {
            let first = bases.split(", ").next().unwrap_or_default();
            assert!(known.contains(&first), "{class} inherits from {first}");
            assert!(!known.contains(&class), "{class} stands twice");
            known.push(class);
        }
    }
}
