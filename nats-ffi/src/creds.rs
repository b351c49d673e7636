//! Credentials files: a user's JWT and the seed that belongs to it.

use std::mem::MaybeUninit;

use nats_core::auth::Credentials;
use nats_core::{Code, Secret};

use crate::error::nats_error;
use crate::guard::{guard, guard_out};
use crate::handle::{self, Owned};
use crate::nkey::{Pair, nats_nkey};
use crate::text::nats_text;
use crate::types::{nats_status, nats_str, null};

/// Makes the content of a credentials file, as the option "creds" takes it. `jwt`: the user's JWT.
/// `key`: the user's key. Free `*out` with nats_text_free().
///
/// Errors: `INVALID_CREDENTIALS` when the text is no JWT or the key is none of a user.
#[unsafe(no_mangle)]
pub extern "C" fn nats_creds_format(
    jwt: nats_str,
    key: *const nats_nkey,
    out: Option<&mut MaybeUninit<*mut nats_text>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let key = handle::get::<Pair>(key)?;
        let jwt = jwt.text("jwt", Code::InvalidCredentials)?;
        let file = Credentials::new(jwt, key.seed().expose())?.to_file();
        handle::insert(Secret::from(file.as_str()))
    })
}

/// Reads the content of a credentials file. Free `*jwt` with nats_text_free() and `*key` with
/// nats_nkey_free().
///
/// Errors: `INVALID_CREDENTIALS`; the text shows no secret.
#[unsafe(no_mangle)]
pub extern "C" fn nats_creds_parse(
    content: nats_str,
    jwt: Option<&mut MaybeUninit<*mut nats_text>>,
    key: Option<&mut MaybeUninit<*mut nats_nkey>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let (jwt, key) = (jwt.ok_or_else(|| null("jwt"))?, key.ok_or_else(|| null("key"))?);
        let credentials = Credentials::parse(content.text("content", Code::InvalidCredentials)?)?;
        let token = Owned::new(credentials.jwt)?;
        key.write(handle::insert(Pair::new(credentials.key))?);
        jwt.write(token.release());
        Ok(())
    })
}
