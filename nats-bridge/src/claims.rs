//! THE tables of claims: what a program may have signed in the JWT of a user or an account. The
//! reference page is generated from them.

use nats_core::Result;
use nats_core::auth::{AccountClaims, Claims, KeyPair, PublicKey, UserClaims};

use crate::doc::Doc;
use crate::table::{Row, Set, apply_called};

/// What claims are called in errors.
pub const NOUN: &str = "claim";

mod account;
mod user;

pub use account::ACCOUNT;
pub use user::USER;

/// The JWT of the user with this public key, signed by the key of an account. `json`: an object of
/// [`USER`] keys, or empty.
///
/// # Errors
/// Those of [`apply_called`]; [`nats_core::Code::InvalidKey`];
/// [`nats_core::Code::InvalidArgument`] for a key of the wrong kind. So for accounts.
pub fn encode_user(json: &str, user: &str, signer: &KeyPair) -> Result<String> {
    let mut claims = UserClaims::default();
    apply_called(NOUN, USER, &mut claims, json)?;
    claims.sign(&PublicKey::parse(user)?, signer)
}

/// The JWT of the account with this public key, signed by the key of an operator, or the account's
/// own. `json`: an object of [`ACCOUNT`] keys, or empty.
pub fn encode_account(json: &str, account: &str, signer: &KeyPair) -> Result<String> {
    let mut claims = AccountClaims::default();
    apply_called(NOUN, ACCOUNT, &mut claims, json)?;
    claims.sign(&PublicKey::parse(account)?, signer)
}

/// What a JWT says, once its signature is checked.
///
/// # Errors
/// [`nats_core::Code::InvalidCredentials`].
pub fn decode(token: &str) -> Result<Doc> {
    Ok(Claims::decode(token)?.document.into())
}

/// A limit as tokens have it: -1 is none.
fn limit(limit: Option<u64>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
