//! Why a stream of a server cannot be read on.

use std::fmt;

use crate::error::{Code, Error};

/// Why a stream cannot be read on. The texts show at most 64 bytes of it, escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A line without an operation.
    BlankLine,
    /// An operation that servers do not send.
    UnknownOperation(String),
    /// A TLS record where plain text was expected.
    Tls,
    /// An HTTP response.
    Http(String),
    /// No line end within the limit.
    LineTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Too few or too many arguments.
    Arguments(String),
    /// A subscription id that is no 64-bit number.
    Sid(String),
    /// A size that is no 64-bit number, or a header block larger than its message.
    Size(String),
    /// A message over the limit.
    MessageTooLarge {
        /// The size that the peer stated.
        size: u64,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A payload that does not end where the peer said.
    MissingLineEnd(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::BlankLine => f.write_str("blank line from the server"),
            Fault::UnknownOperation(seen) => write!(f, "unknown operation: \"{seen}\""),
            Fault::Tls => {
                f.write_str("TLS record on a plain connection: one side expects TLS, the other not")
            }
            Fault::Http(seen) => {
                write!(f, "HTTP response, so this is no NATS client port: \"{seen}\"")
            }
            Fault::LineTooLong { limit } => write!(f, "line is longer than {limit} bytes"),
            Fault::Arguments(seen) => write!(f, "wrong number of arguments: \"{seen}\""),
            Fault::Sid(seen) => write!(f, "bad subscription id: \"{seen}\""),
            Fault::Size(seen) => write!(f, "bad message size: \"{seen}\""),
            Fault::MessageTooLarge { size, limit } => {
                write!(f, "message of {size} bytes is over the limit of {limit}")
            }
            Fault::MissingLineEnd(seen) => {
                write!(f, "no line end where the payload should end, but \"{seen}\"")
            }
        }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::new(Code::Protocol, fault.to_string())
    }
}
