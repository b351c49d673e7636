//! Answers that say that a request came to an error.

use std::fmt;

use crate::client::handle::Client;
use crate::client::message::{Message, MessageRef};
use crate::client::request::Request;
use crate::error::{ApiError, Code, Error, Result};
use crate::proto::Headers;

const CODE: &str = ServiceError::CODE_HEADER;
const DESCRIPTION: &str = ServiceError::DESCRIPTION_HEADER;

/// What a service says of a request that came to an error. Its text, as [`fmt::Display`] has it, is
/// `code:description`, which is how statistics tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// The number, in the manner of HTTP or the service's own. When it is read: 0 for none that is
    /// a number, 65535 for larger ones.
    pub code: u16,
    /// What a user may be shown.
    pub description: String,
}

impl ServiceError {
    /// The header that has the number.
    pub const CODE_HEADER: &str = "Nats-Service-Error-Code";
    /// The header that has the description.
    pub const DESCRIPTION_HEADER: &str = "Nats-Service-Error";

    /// An error to answer with.
    pub fn new(code: u16, description: impl Into<String>) -> ServiceError {
        ServiceError { code, description: description.into() }
    }

    /// What a handler that failed with this text is answered for: 500 and the text, of which line
    /// breaks and NUL become spaces. It is always fit for headers.
    pub fn internal(text: &str) -> ServiceError {
        let line = text.replace(['\r', '\n', '\0'], " ");
        let line = line.trim();
        ServiceError::new(500, if line.is_empty() { "internal error" } else { line })
    }

    /// What an answer says. None: it is no error.
    pub fn of(answer: &Message) -> Option<ServiceError> {
        ServiceError::of_ref(answer.as_ref())
    }

    /// [`ServiceError::of`] for a borrowed message.
    pub fn of_ref(answer: MessageRef<'_>) -> Option<ServiceError> {
        let block = answer.headers()?;
        let text = |name| block.get(name).map(String::from_utf8_lossy);
        let (code, description) = (text(CODE), text(DESCRIPTION));
        if code.is_none() && description.is_none() {
            return None;
        }
        let number = code.and_then(|code| code.trim().parse::<u64>().ok()).unwrap_or(0);
        let code = u16::try_from(number).unwrap_or(u16::MAX);
        Some(ServiceError { code, description: description.unwrap_or_default().into_owned() })
    }

    /// The headers of an answer that says so, behind `own`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a code of 0 and an empty description; [`Code::InvalidHeader`]
    /// for a description that contains CR, LF or NUL.
    pub fn headers(&self, own: Option<&Headers>) -> Result<Headers> {
        let bad = |text: &'static str| Err(Error::new(Code::InvalidArgument, text));
        if self.code == 0 {
            return bad("code: expected 1 to 65535");
        }
        if self.description.is_empty() {
            return bad("description: expected a text");
        }
        let mut headers = own.cloned().unwrap_or_default();
        headers.set(DESCRIPTION, &self.description).map_err(|e| e.context("description"))?;
        headers.set(CODE, &self.code.to_string())?;
        Ok(headers)
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.code, self.description)
    }
}

impl From<ServiceError> for Error {
    /// [`Code::ServiceError`], with the code and the description as [`Error::api`].
    fn from(error: ServiceError) -> Error {
        let ServiceError { code, description } = error;
        let text = format!("the service answered {code}: {description}");
        Error::of_api(Code::ServiceError, text, ApiError { code, err_code: 0, description })
    }
}

impl Client {
    /// [`Client::request_with`] to a service.
    ///
    /// # Errors
    /// [`Code::ServiceError`] when the service answers with an error, of which [`Error::api`] has
    /// the code and the description; otherwise as [`Client::request_with`].
    pub async fn request_service(&self, request: &Request<'_>) -> Result<Message> {
        let answer = self.request_with(request).await?;
        match ServiceError::of(&answer) {
            Some(error) => Err(error.into()),
            None => Ok(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &str) -> Option<ServiceError> {
        let block = format!("NATS/1.0\r\n{headers}\r\n");
        ServiceError::of(&Message::made("s", None, block.as_bytes(), b""))
    }

    #[test]
    fn errors_are_written_behind_other_headers() {
        let mut own = Headers::new();
        own.append("Other", "1").unwrap();
        own.append(CODE, "stale").unwrap();
        let error = ServiceError::new(404, "no such thing");
        let headers = error.headers(Some(&own)).unwrap();
        let pairs: Vec<_> = headers.iter().collect();
        assert_eq!(pairs, [("Other", "1"), (CODE, "404"), (DESCRIPTION, "no such thing")]);
        assert_eq!(error.to_string(), "404:no such thing");
    }

    #[test]
    fn what_cannot_be_in_a_header_is_named() {
        let refused = |code, text| ServiceError::new(code, text).headers(None).unwrap_err();
        assert_eq!(refused(0, "x").to_string(), "INVALID_ARGUMENT: code: expected 1 to 65535");
        assert!(refused(400, "").text().starts_with("description: "));
        let error = refused(400, "a\r\nb");
        assert_eq!(error.code(), Code::InvalidHeader);
        assert!(error.text().starts_with("description: "), "{error}");
        assert_eq!(ServiceError::internal("\na\r\nb\0").to_string(), "500:a  b");
        assert_eq!(ServiceError::internal(" \n").to_string(), "500:internal error");
    }

    #[test]
    fn answers_of_others_are_read() {
        assert_eq!(read("Other: 1\r\n"), None);
        let some = |code, text: &str| Some(ServiceError::new(code, text));
        assert_eq!(read(&format!("{CODE}: 400\r\n{DESCRIPTION}: bad\r\n")), some(400, "bad"));
        assert_eq!(read(&format!("{DESCRIPTION}: bad\r\n")), some(0, "bad"));
        assert_eq!(read(&format!("{CODE}: many\r\n")), some(0, ""));
        assert_eq!(read(&format!("{CODE}: 70000\r\n")), some(u16::MAX, ""));
        let error = Error::from(ServiceError::new(400, "bad"));
        assert_eq!(error.code(), Code::ServiceError);
        assert_eq!(error.api().map(|api| (api.code, &*api.description)), Some((400, "bad")));
    }
}
