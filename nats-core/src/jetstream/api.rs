//! Requests to the JetStream API, and what it refuses.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::context::JetStream;
use super::err_code::err_code_name;
use crate::client::message::Message;
use crate::client::request::Request;
use crate::error::{ApiError, Code, Error, Result};
use crate::proto::Headers;

/// Nothing to say.
pub(crate) const EMPTY: &[u8] = b"";

impl JetStream {
    /// Asks the API: `path` is the subject behind the prefix. The answer is read as `T`.
    pub(crate) async fn call<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T> {
        self.call_with(path, body, None).await
    }

    /// The same with a document to send.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        path: &str,
        document: &impl Serialize,
    ) -> Result<T> {
        self.call(path, &json(document)?).await
    }

    pub(crate) async fn call_with<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &[u8],
        headers: Option<&Headers>,
    ) -> Result<T> {
        let answer = self.ask(path, body, headers).await?;
        let value = accepted(path, answer.payload())?;
        // All of the API's answers have it; somebody else who listens there may answer, too.
        if !value.get("type").is_some_and(Value::is_string) {
            return Err(unreadable(path, "it is none of the JetStream API, which have a type"));
        }
        decode(path, value)
    }

    /// The answer as it comes.
    pub(crate) async fn ask(
        &self,
        path: &str,
        body: &[u8],
        headers: Option<&Headers>,
    ) -> Result<Message> {
        let subject = format!("{}{path}", self.way.prefix);
        if let Some(trace) = &self.way.trace {
            trace(&subject, body);
        }
        let request = Request::new(&subject, body).timeout(self.way.timeout);
        let request = Request { headers, ..request };
        // The filter of a consumer is a part of the subject.
        let answer = self.client.request_wild(&request).await.map_err(|error| {
            if error.code() != Code::NoResponders {
                return error;
            }
            let text = format!("nobody answers {subject}: JetStream is not enabled, or not there");
            Error::new(Code::JetStreamNotEnabled, text)
        })?;
        if let Some(trace) = &self.way.trace {
            trace(&subject, answer.payload());
        }
        Ok(answer)
    }
}

pub(crate) fn json(document: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(document).map_err(|e| Error::new(Code::InvalidJson, e.to_string()))
}

/// An answer, or what was refused.
pub(crate) fn read<T: DeserializeOwned>(path: &str, payload: &[u8]) -> Result<T> {
    decode(path, accepted(path, payload)?)
}

/// The document of an answer that is no refusal.
fn accepted(path: &str, payload: &[u8]) -> Result<Value> {
    let mut value: Value = serde_json::from_slice(payload).map_err(|e| unreadable(path, e))?;
    match value.get_mut("error").map(Value::take) {
        None | Some(Value::Null) => Ok(value),
        Some(error @ Value::Object(_)) => Err(refusal(path, decode(path, error)?)),
        Some(_) => Err(unreadable(path, "error: expected an object")),
    }
}

/// The document as what it is to be; errors name the member.
pub(crate) fn decode<T: DeserializeOwned>(path: &str, value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|e| unreadable(path, e))
}

/// The error for an answer that is not what it should be.
pub(crate) fn unreadable(path: &str, why: impl Display) -> Error {
    Error::new(Code::Protocol, format!("the answer to {path} cannot be read: {why}"))
}

/// Checks that an answer tells of what was asked for.
pub(crate) fn expect_name(path: &str, asked: &str, told: &str) -> Result<()> {
    if asked == told {
        return Ok(());
    }
    let (asked, told) = (asked.escape_debug(), told.escape_debug());
    Err(unreadable(path, format_args!("it tells of \"{told}\" in place of \"{asked}\"")))
}

/// The answer to what has no other result.
#[derive(Debug, Deserialize)]
pub(crate) struct Done {
    success: bool,
}

impl Done {
    /// Checks that it was done.
    pub(crate) fn check(&self, path: &str) -> Result<()> {
        if self.success {
            Ok(())
        } else {
            Err(unreadable(path, "it tells neither success nor error"))
        }
    }
}

/// The error that stands for what the API refused.
pub(crate) fn refusal(path: &str, api: ApiError) -> Error {
    let name = err_code_name(api.err_code).unwrap_or("an unknown code");
    let text = format!("{path}: {} ({name}, {})", api.description, api.err_code);
    Error::of_api(code_of(&api), text, api)
}

/// The code for what programs often have to tell apart.
fn code_of(api: &ApiError) -> Code {
    match api.err_code {
        10059 => Code::StreamNotFound,
        10014 | 10149 => Code::ConsumerNotFound,
        10037 | 10043 => Code::MessageNotFound,
        10058 => Code::StreamExists,
        10013 | 10105 | 10148 => Code::ConsumerExists,
        10071 | 10164 => Code::WrongLastSequence,
        10035 | 10039 | 10076 => Code::JetStreamNotEnabled,
        _ => Code::JetStream,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_keep_what_the_server_said() {
        let payload = br#"{"type":"t","error":{"code":404,"err_code":10059,"description":"stream not found"}}"#;
        let error = read::<Value>("STREAM.INFO.A", payload).unwrap_err();
        assert_eq!(error.code(), Code::StreamNotFound);
        assert_eq!(error.text(), "STREAM.INFO.A: stream not found (STREAM_NOT_FOUND, 10059)");
        let api = error.clone().context("more").api().cloned().unwrap();
        assert_eq!(
            (api.code, api.err_code, api.description.as_str()),
            (404, 10059, "stream not found")
        );
        let unknown = br#"{"error":{"code":500,"err_code":19999,"description":"new"}}"#;
        let error = read::<Value>("X", unknown).unwrap_err();
        assert_eq!((error.code(), error.api().unwrap().err_code), (Code::JetStream, 19999));
    }

    #[test]
    fn answers_that_are_none_are_protocol_errors() {
        for bad in
            [&b""[..], b"{", b"\xff", b"{\"error\":5}", b"{\"error\":{\"code\":\"x\"}}", b"[]x"]
        {
            assert_eq!(read::<Value>("X", bad).unwrap_err().code(), Code::Protocol, "{bad:?}");
        }
        assert!(read::<Value>("X", br#"{"error":null}"#).is_ok());
        let error = read::<Done>("X", br#"{"success":"yes"}"#).unwrap_err();
        assert!(error.text().contains("the answer to X cannot be read: success: "), "{error}");
    }

    #[test]
    fn every_refusal_has_its_name() {
        for (err_code, name) in super::super::ERR_CODES {
            let description = "what the server says".to_owned();
            let error = refusal("X", ApiError { code: 400, err_code: *err_code, description });
            let expected = format!("X: what the server says ({name}, {err_code})");
            assert_eq!(error.text(), expected);
            assert_eq!(error.api().map(|api| api.err_code), Some(*err_code));
        }
    }
}
