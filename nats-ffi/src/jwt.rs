//! JWTs of users and accounts.

use std::mem::MaybeUninit;

use nats_bridge::claims;
use nats_core::auth::KeyPair;
use nats_core::{Code, Result, Secret};

use crate::doc::{Document, nats_doc};
use crate::error::nats_error;
use crate::guard::guard_out;
use crate::handle;
use crate::nkey::{Pair, nats_nkey};
use crate::text::nats_text;
use crate::types::{nats_status, nats_str};

/// Makes the JWT of a user. `claims`: a JSON object whose keys docs/options.md lists under "User
/// claims"; empty for none. `user`: the user's public key. `signer`: the key of the account, or one
/// of its signing keys together with the claim "issuer_account". Free `*out` with nats_text_free().
///
/// Errors: `INVALID_OPTION` names the claim, what was expected and what was found, or the nearest
/// known claim for one that is unknown; `INVALID_JSON`; `INVALID_KEY`; `INVALID_ARGUMENT` for a key
/// of the wrong kind.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jwt_encode_user(
    claims: nats_str,
    user: nats_str,
    signer: *const nats_nkey,
    out: Option<&mut MaybeUninit<*mut nats_text>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || encode(claims::encode_user, &claims, (&user, "user"), signer))
}

/// Makes the JWT of an account. `claims`: as above, under "Account claims". `account`: the public
/// key of the account. `signer`: the key of the operator, or the account's own. Errors as
/// nats_jwt_encode_user(). Free `*out` with nats_text_free().
#[unsafe(no_mangle)]
pub extern "C" fn nats_jwt_encode_account(
    claims: nats_str,
    account: nats_str,
    signer: *const nats_nkey,
    out: Option<&mut MaybeUninit<*mut nats_text>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || encode(claims::encode_account, &claims, (&account, "account"), signer))
}

/// What a JWT says, as it is in the token: "iss" (who signed it), "sub" (who it is about), "name",
/// "iat", "exp", and under "nats" what is particular to NATS. The signature is checked against
/// "iss", and that keys of these kinds may sign such a token; whether "iss" is trusted and "exp" is
/// over is for the program to say. Free `*out` with nats_doc_free().
///
/// Errors: `INVALID_CREDENTIALS`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_jwt_decode(
    token: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let doc = claims::decode(token.text("token", Code::InvalidCredentials)?)?;
        handle::insert(Document::new(doc))
    })
}

/// Makes a JWT of claims, the public key that it is about (with the name of that argument) and the
/// key that signs.
fn encode(
    make: fn(&str, &str, &KeyPair) -> Result<String>,
    claims: &nats_str,
    (about, name): (&nats_str, &str),
    signer: *const nats_nkey,
) -> Result<*mut nats_text> {
    let signer = handle::get::<Pair>(signer)?;
    let about = about.text(name, Code::InvalidKey)?;
    let token = make(claims.text("claims", Code::InvalidJson)?, about, signer.key())?;
    handle::insert(Secret::from(token))
}
