//! Errors on their way to JavaScript, where `lib/errors.ts` makes the class of their code.

use nats_core::{Code, Error};

/// What a native call yields.
pub(crate) type Result<T> = std::result::Result<T, napi::Error<Number>>;

/// The number of a [`Code`] as text: what JavaScript finds as `code` of the error.
pub struct Number(String);

impl AsRef<str> for Number {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<napi::Status> for Number {
    fn from(status: napi::Status) -> Number {
        let code = match status {
            napi::Status::GenericFailure => Code::Panic,
            _ => Code::InvalidArgument,
        };
        Number(code.number().to_string())
    }
}

/// An error of the core as JavaScript gets it.
pub(crate) fn raise(error: Error) -> napi::Error<Number> {
    napi::Error::new(Number(error.code().number().to_string()), error.text())
}
