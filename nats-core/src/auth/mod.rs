//! Keys, tokens and files that a user authenticates with (ADR-14).

mod base32;
pub(crate) mod creds;
pub(crate) mod jwt;
pub(crate) mod nkey;

pub use creds::Credentials;
pub use jwt::{AccountClaims, Claims, Permission, UserClaims};
pub use nkey::{KeyKind, KeyPair, PublicKey};
