//! JWTs and credentials.

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use nats_bridge::claims;
use nats_core::auth::{Credentials, KeyPair as Pair};
use nats_core::{Code, Error};

use crate::argument::{Payload, Text};
use crate::error::{Result, raise};
use crate::nkey::KeyPair;

/// What a credentials file holds.
#[napi(object, object_from_js = false)]
pub struct Creds {
    /// The JWT.
    pub jwt: String,
    /// The seed.
    pub seed: String,
}

/// The JWT of a user, by public key; `claims` is a JSON object.
///
/// # Errors
/// INVALID_OPTION, INVALID_KEY, INVALID_ARGUMENT, INVALID_HANDLE.
#[napi(catch_unwind)]
pub fn encode_user(claims: Text, user: Text, signer: &KeyPair) -> Result<String> {
    encode(claims::encode_user, &claims, &user, signer)
}

/// The JWT of an account, by public key; `claims` is a JSON object.
///
/// # Errors
/// As above.
#[napi(catch_unwind)]
pub fn encode_account(claims: Text, account: Text, signer: &KeyPair) -> Result<String> {
    encode(claims::encode_account, &claims, &account, signer)
}

/// What a JWT says, as JSON.
///
/// # Errors
/// INVALID_CREDENTIALS.
#[napi(catch_unwind)]
pub fn decode_jwt(token: Text) -> Result<String> {
    claims::decode(token.as_str()?).map(|doc| doc.to_json()).map_err(raise)
}

/// The content of a credentials file.
///
/// # Errors
/// INVALID_CREDENTIALS; INVALID_KEY for a public key alone; INVALID_HANDLE.
#[napi(catch_unwind)]
pub fn format_creds(jwt: Text, key: &KeyPair) -> Result<Uint8Array> {
    let seed = key.0.seed().map_err(raise)?;
    let credentials = Credentials::new(jwt.as_str()?, seed.expose()).map_err(raise)?;
    Ok(credentials.to_file().as_bytes().to_vec().into())
}

/// Reads the content of a credentials file.
///
/// # Errors
/// INVALID_CREDENTIALS.
#[napi(catch_unwind)]
pub fn parse_creds(content: Payload) -> Result<Creds> {
    let invalid = |_| Error::new(Code::InvalidCredentials, "credentials: not UTF-8");
    let read = std::str::from_utf8(content.bytes()).map_err(invalid).and_then(Credentials::parse);
    let read = read.map_err(raise)?;
    let seed = read.key.seed().expose().to_owned();
    Ok(Creds { jwt: read.jwt.expose().to_owned(), seed })
}

fn encode(
    make: fn(&str, &str, &Pair) -> nats_core::Result<String>,
    claims: &Text,
    about: &Text,
    signer: &KeyPair,
) -> Result<String> {
    let signer = signer.0.pair().map_err(raise)?;
    make(claims.as_str()?, about.as_str()?, &signer).map_err(raise)
}
