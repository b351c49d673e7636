//! NKeys.

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use nats_bridge::nkey::Key;

use crate::argument::{Payload, Text};
use crate::error::{Result, raise};

/// A key pair, or a public key alone.
#[napi]
pub struct KeyPair(pub(crate) Key);

/// A new key pair.
///
/// # Errors
/// INVALID_ARGUMENT for an unknown kind.
#[napi(catch_unwind)]
pub fn generate_key(kind: Text) -> Result<KeyPair> {
    Key::generate(kind.as_str()?).map(KeyPair).map_err(raise)
}

/// The key pair of a seed.
///
/// # Errors
/// INVALID_KEY.
#[napi(catch_unwind)]
pub fn key_from_seed(seed: Payload) -> Result<KeyPair> {
    Key::from_seed(seed.bytes()).map(KeyPair).map_err(raise)
}

/// A public key, which only verifies.
///
/// # Errors
/// INVALID_KEY.
#[napi(catch_unwind)]
pub fn key_from_public(key: Payload) -> Result<KeyPair> {
    Key::from_public(key.bytes()).map(KeyPair).map_err(raise)
}

#[napi]
impl KeyPair {
    /// The name of the kind.
    ///
    /// # Errors
    /// INVALID_HANDLE when it was wiped; so for all that follow.
    #[napi(catch_unwind)]
    pub fn kind(&self) -> Result<&'static str> {
        self.0.public_key().map(|key| key.kind().name()).map_err(raise)
    }

    /// The public key as text.
    ///
    /// # Errors
    /// As above.
    #[napi(catch_unwind)]
    pub fn public_key(&self) -> Result<String> {
        self.0.public_key().map(|key| key.to_string()).map_err(raise)
    }

    /// The seed as text.
    ///
    /// # Errors
    /// Besides, INVALID_KEY for a public key alone.
    #[napi(catch_unwind)]
    pub fn seed(&self) -> Result<Uint8Array> {
        self.0.seed().map(|seed| seed.expose().as_bytes().to_vec().into()).map_err(raise)
    }

    /// The signature of bytes.
    ///
    /// # Errors
    /// As above.
    #[napi(catch_unwind)]
    pub fn sign(&self, input: Payload) -> Result<Uint8Array> {
        let signature = self.0.pair().and_then(|pair| pair.sign(input.bytes()));
        signature.map(|signature| signature.to_vec().into()).map_err(raise)
    }

    /// Whether a signature is that of bytes.
    ///
    /// # Errors
    /// INVALID_HANDLE.
    #[napi(catch_unwind)]
    pub fn verify(&self, input: Payload, signature: Payload) -> Result<bool> {
        let key = self.0.public_key().map_err(raise)?;
        Ok(key.verify(input.bytes(), signature.bytes()))
    }

    /// Forgets the key.
    #[napi(catch_unwind)]
    pub fn wipe(&self) {
        self.0.wipe();
    }
}
