//! JWTs and credentials.

use nats_bridge::claims;
use nats_bridge::nkey::Key;
use nats_core::auth::{Credentials, KeyPair as Pair};
use nats_core::{Code, Error, Result};
use pyo3::prelude::*;

use crate::arguments::{text, text_or_bytes};
use crate::error::Outcome;
use crate::nkey::KeyPair;

/// The JWT of a user, by public key; `claims` is a JSON object.
#[pyfunction]
#[pyo3(signature = (claims, user, signer, /))]
pub(crate) fn encode_user(claims: &str, user: &str, signer: &KeyPair) -> Outcome<String> {
    encode(claims::encode_user, claims, user, signer)
}

/// The JWT of an account, by public key; `claims` is a JSON object.
#[pyfunction]
#[pyo3(signature = (claims, account, signer, /))]
pub(crate) fn encode_account(claims: &str, account: &str, signer: &KeyPair) -> Outcome<String> {
    encode(claims::encode_account, claims, account, signer)
}

/// What a JWT says, as JSON.
#[pyfunction]
#[pyo3(signature = (token, /))]
pub(crate) fn decode_jwt(token: &Bound<'_, PyAny>) -> Outcome<String> {
    Ok(claims::decode(text(token, "token")?)?.to_json())
}

/// The content of a credentials file.
#[pyfunction]
#[pyo3(signature = (jwt, key, /))]
pub(crate) fn format_creds(jwt: &Bound<'_, PyAny>, key: &KeyPair) -> Outcome<String> {
    let file = Credentials::new(text(jwt, "jwt")?, key.0.seed()?.expose())?.to_file();
    Ok(file.as_str().to_owned())
}

/// JWT and key of the content of a credentials file.
#[pyfunction]
#[pyo3(signature = (content, /))]
pub(crate) fn parse_creds(content: &Bound<'_, PyAny>) -> Outcome<(String, KeyPair)> {
    let read = text_or_bytes(content, "content", |bytes| {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Error::new(Code::InvalidCredentials, "credentials: not UTF-8"))?;
        Credentials::parse(text)
    })??;
    Ok((read.jwt.expose().to_owned(), KeyPair(Key::from(read.key))))
}

fn encode(
    make: fn(&str, &str, &Pair) -> Result<String>,
    claims: &str,
    about: &str,
    signer: &KeyPair,
) -> Outcome<String> {
    Ok(make(claims, about, &*signer.0.pair()?)?)
}
