//! The error table: every code of the product, once.
//!
//! Numbers are append-only: a number is never reused or given another meaning. The C header, the
//! bindings' exception classes and the reference page are generated from [`Code::ALL`].

use std::borrow::Cow;
use std::fmt;

macro_rules! error_table {
    ($($number:literal $variant:ident $name:literal $text:literal;)*) => {
        /// What went wrong, as a stable number that is the same in every language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i32)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $text] $variant = $number,)*
        }

        impl Code {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The stable name, for example `NO_RESPONDERS`; the C constant is this behind
            /// `NATS_ERR_`.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// One sentence that explains the code when nothing more particular is known.
            pub const fn text(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// The code with this number.
            pub const fn from_number(number: i32) -> Option<Code> {
                match number { $($number => Some(Code::$variant),)* _ => None }
            }
        }
    };
}

error_table! {
    1  Internal            "INTERNAL"
       "the library broke one of its own rules; please report this";
    2  Panic               "PANIC"
       "the library panicked; the call had no effect that can be relied on";
    3  InvalidArgument     "INVALID_ARGUMENT"     "an argument is not acceptable";
    4  InvalidHandle       "INVALID_HANDLE"
       "the handle is NULL, already freed, or of another type";
    5  Forked              "FORKED"
       "the handle was made before fork(); open a new connection in the child process";
    6  Timeout             "TIMEOUT"
       "the operation did not finish before its deadline";
    7  Cancelled           "CANCELLED"            "the operation was cancelled before it finished";
    8  InvalidSubject      "INVALID_SUBJECT"      "the subject is not acceptable";
    9  InvalidQueueGroup   "INVALID_QUEUE_GROUP"  "the queue group name is not acceptable";
    10 InvalidHeader       "INVALID_HEADER"       "the header name or value is not acceptable";
    11 InvalidUrl          "INVALID_URL"          "the server URL is not acceptable";
    12 InvalidOption       "INVALID_OPTION"
       "the option is unknown or its value is not acceptable";
    13 InvalidJson         "INVALID_JSON"
       "the text is not valid JSON, or not of the expected shape";
    14 NotFound            "NOT_FOUND"            "there is nothing under this name";
    15 WrongType           "WRONG_TYPE"
       "the value is of another type than the one asked for";
    16 NoServers           "NO_SERVERS"           "no server could be connected to";
    17 ConnectionClosed    "CONNECTION_CLOSED"    "the connection is closed";
    18 ConnectionDraining  "CONNECTION_DRAINING"  "the connection is draining";
    19 ConnectionLost      "CONNECTION_LOST"
       "the connection was lost while the operation was in flight; it may or may not have taken effect";
    20 Io                  "IO"                   "the socket reported an error";
    21 Tls                 "TLS"                  "the TLS session could not be set up";
    22 Authorization       "AUTHORIZATION"        "the server refused the credentials";
    23 AuthExpired         "AUTH_EXPIRED"
       "the server says that the user's credentials have expired";
    24 Permission          "PERMISSION"           "the server denied permission for this subject";
    25 Protocol            "PROTOCOL"             "the peer broke the NATS protocol";
    26 StaleConnection     "STALE_CONNECTION"     "the server stopped answering pings";
    27 ServerError         "SERVER_ERROR"         "the server reported an error";
    28 MaxPayload          "MAX_PAYLOAD"
       "the message is larger than the server's max_payload";
    29 OutboundFull        "OUTBOUND_FULL"        "the outbound buffer is full";
    30 NoResponders        "NO_RESPONDERS"
       "nobody is subscribed to the subject of the request";
    31 SubscriptionClosed  "SUBSCRIPTION_CLOSED"  "the subscription was unsubscribed or drained";
    32 SubscriptionEnded   "SUBSCRIPTION_ENDED"
       "the subscription has delivered all the messages it was to deliver";
    33 SlowConsumer        "SLOW_CONSUMER"        "the subscription's pending limit was exceeded";
    34 HeadersUnsupported  "HEADERS_UNSUPPORTED"  "the server does not support message headers";
    35 NoReply             "NO_REPLY"             "the message carries no reply subject";
    36 MalformedMessage    "MALFORMED_MESSAGE"
       "the message arrived with a subject or header block that cannot be decoded";
    37 QueueClosed         "QUEUE_CLOSED"         "the queue is closed";
    38 MaxConnections      "MAX_CONNECTIONS"
       "the server or account has reached its connection limit";
    39 MaxSubscriptions    "MAX_SUBSCRIPTIONS"
       "the account or user has reached its subscription limit";
    40 InvalidKey          "INVALID_KEY"
       "the text is no key, or a key of another kind than expected";
    41 InvalidCredentials  "INVALID_CREDENTIALS"
       "the credentials, or a part of them, cannot be read";
    42 AuthRevoked         "AUTH_REVOKED"
       "the server says that the credentials of the user or the account were revoked";
    43 AccountAuthExpired  "ACCOUNT_AUTH_EXPIRED"
       "the server says that the account's credentials have expired";
    44 JetStream           "JETSTREAM"            "JetStream refused the request";
    45 JetStreamNotEnabled "JETSTREAM_NOT_ENABLED"
       "JetStream is not enabled for the server or the account";
    46 StreamNotFound      "STREAM_NOT_FOUND"     "there is no such stream";
    47 ConsumerNotFound    "CONSUMER_NOT_FOUND"   "there is no such consumer";
    48 MessageNotFound     "MESSAGE_NOT_FOUND"    "the stream has no such message";
    49 StreamExists        "STREAM_EXISTS"
       "there is a stream of this name with another configuration";
    50 ConsumerExists      "CONSUMER_EXISTS"      "there is a consumer of this name";
    51 WrongLastSequence   "WRONG_LAST_SEQUENCE"
       "the last sequence of the stream or subject is another than the one expected";
    52 InvalidName         "INVALID_NAME"
       "the name of a stream, consumer, bucket, key, object or service is not acceptable";
    53 Unsupported         "UNSUPPORTED"          "the server is too old for this";
    54 NotJetStream        "NOT_JETSTREAM"        "the message is not from JetStream";
    55 AlreadyAcked        "ALREADY_ACKED"        "the message was acknowledged before";
    56 HeartbeatMissed     "HEARTBEAT_MISSED"
       "the server has stopped sending the heartbeats that it was asked for";
    57 PullRefused         "PULL_REFUSED"         "the server ended a request for messages";
    58 PublisherStalled    "PUBLISHER_STALLED"
       "too many messages wait for their acknowledgement";
    59 BatchOver           "BATCH_OVER"
       "the batch is over: committed, or ended by the server before all of it was stored";
    60 BucketNotFound      "BUCKET_NOT_FOUND"     "there is no such bucket";
    61 BucketExists        "BUCKET_EXISTS"
       "there is a bucket of this name with another configuration";
    62 KeyNotFound         "KEY_NOT_FOUND"        "the key has no value";
    63 KeyExists           "KEY_EXISTS"           "the key has a value";
    64 ReadOnly            "READ_ONLY"            "the bucket is for reading alone";
    65 ObjectNotFound      "OBJECT_NOT_FOUND"     "there is no such object";
    66 ObjectExists        "OBJECT_EXISTS"        "there is an object of this name";
    67 DigestMismatch      "DIGEST_MISMATCH"
       "what came is not the object: its digest or its length is another";
    68 InvalidLink         "INVALID_LINK"         "the link leads to nothing that can be linked to";
    69 ObjectChanged       "OBJECT_CHANGED"
       "the object was replaced or deleted meanwhile";
    70 ServiceError        "SERVICE_ERROR"        "a service answered with an error";
}

impl Code {
    /// Whether a server, or the client for it, refuses who connects: trying again changes nothing.
    pub(crate) const fn is_refusal(self) -> bool {
        use Code::*;
        let expired = matches!(self, AuthExpired | AuthRevoked | AccountAuthExpired);
        expired || matches!(self, Authorization | Tls | InvalidKey | InvalidCredentials)
    }

    /// The number, as C programs see it.
    pub const fn number(self) -> i32 {
        self as i32
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error: a [`Code`] and a text that names the argument, subject or server concerned.
///
/// The text never contains credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// Boxed, so that results of what hardly ever fails are returned in registers.
    told: Box<Told>,
}

#[derive(Clone, PartialEq, Eq)]
struct Told {
    code: Code,
    text: Cow<'static, str>,
    api: Option<ApiError>,
}

/// What JetStream said when it refused a request, or a service that answered with an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct ApiError {
    /// The kind of refusal, in the manner of HTTP; of a service, its own.
    pub code: u16,
    /// The refusal's own number, of which [`crate::jetstream::err_code_name`] has the name; 0 of a
    /// service.
    pub err_code: u16,
    /// The server's or service's text.
    pub description: String,
}

impl Error {
    /// An error with a text of its own.
    pub fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Error {
        Error { told: Box::new(Told { code, text: text.into(), api: None }) }
    }

    /// What JetStream refused.
    pub(crate) fn of_api(code: Code, text: String, api: ApiError) -> Error {
        Error { told: Box::new(Told { code, text: text.into(), api: Some(api) }) }
    }

    /// What JetStream or a service said, when it is that which refused.
    pub fn api(&self) -> Option<&ApiError> {
        self.told.api.as_ref()
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.told.code
    }

    /// The text, without the code's name.
    pub fn text(&self) -> &str {
        &self.told.text
    }

    /// The same error with `context` in front of its text.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Error {
        self.told.text = format!("{context}: {}", self.text()).into();
        self
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Error {
        Error::new(code, code.text())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::new(Code::Io, error.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code().name(), self.text())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

/// The result of every fallible call of the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_in_order() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].number() < pair[1].number(), "{} before {}", pair[0], pair[1]);
        }
        let mut names: Vec<_> = Code::ALL.iter().map(|c| c.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn every_number_leads_back_to_its_code() {
        for &code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), Some(code));
        }
        assert_eq!(Code::from_number(0), None);
    }

    #[test]
    fn context_keeps_the_code() {
        let error = Error::from(Code::Timeout).context("flush");
        assert_eq!(error.code(), Code::Timeout);
        assert!(error.to_string().starts_with("TIMEOUT: flush: "));
    }
}
