//! Keys as programs hold them: pairs that can be wiped while others still know of them, and public
//! keys alone, which only verify.

use std::fmt;
use std::sync::{Arc, Mutex};

use nats_core::auth::{KeyKind, KeyPair, PublicKey};
use nats_core::{Code, Error, Result, Secret};

use crate::sync::lock;

/// A key. Its seed is wiped by [`Key::wipe`] or with the last reference, and never printed.
pub struct Key(Mutex<Option<Held>>);

#[derive(Clone)]
enum Held {
    Pair(Arc<KeyPair>),
    Public(PublicKey),
}

impl Key {
    /// A new pair of the kind with this name.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a kind that is not known.
    pub fn generate(kind: &str) -> Result<Key> {
        Ok(KeyPair::generate(KeyKind::from_name(kind)?)?.into())
    }

    /// The pair of a seed.
    ///
    /// # Errors
    /// [`Code::InvalidKey`]; the text does not show the seed.
    pub fn from_seed(seed: &[u8]) -> Result<Key> {
        Ok(KeyPair::from_seed(text(seed, "seed")?)?.into())
    }

    /// A public key, which verifies.
    ///
    /// # Errors
    /// [`Code::InvalidKey`].
    pub fn from_public(key: &[u8]) -> Result<Key> {
        let key = PublicKey::parse(text(key, "public key")?)?;
        Ok(Key(Mutex::new(Some(Held::Public(key)))))
    }

    /// The public key.
    ///
    /// # Errors
    /// [`Code::InvalidHandle`] when it was wiped; so for all that follow.
    pub fn public_key(&self) -> Result<PublicKey> {
        Ok(match self.held()? {
            Held::Pair(pair) => pair.public_key(),
            Held::Public(key) => key,
        })
    }

    /// The pair.
    ///
    /// # Errors
    /// Besides, [`Code::InvalidKey`] when it is a public key alone.
    pub fn pair(&self) -> Result<Arc<KeyPair>> {
        match self.held()? {
            Held::Pair(pair) => Ok(pair),
            Held::Public(_) => {
                let text = "a public key has no seed and cannot sign";
                Err(Error::new(Code::InvalidKey, text))
            }
        }
    }

    /// The seed as text.
    ///
    /// # Errors
    /// Those of [`Key::pair`].
    pub fn seed(&self) -> Result<Secret> {
        Ok(self.pair()?.seed())
    }

    /// Forgets the key: it is of no use any more. Its memory is wiped once no signature is being
    /// made with it.
    pub fn wipe(&self) {
        drop(lock(&self.0).take());
    }

    fn held(&self) -> Result<Held> {
        let held = lock(&self.0).clone();
        held.ok_or_else(|| Error::new(Code::InvalidHandle, "the key was wiped"))
    }
}

impl From<KeyPair> for Key {
    fn from(pair: KeyPair) -> Key {
        Key(Mutex::new(Some(Held::Pair(Arc::new(pair)))))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.public_key() {
            Ok(key) => write!(f, "Key({key})"),
            Err(_) => f.write_str("Key(wiped)"),
        }
    }
}

fn text<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|_| {
        let text = format!("{what}: expected letters A to Z and digits 2 to 7");
        Error::new(Code::InvalidKey, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_signs_until_it_is_wiped() {
        let key = Key::generate("user").unwrap();
        let seed = key.seed().unwrap();
        let same = Key::from_seed(seed.expose().as_bytes()).unwrap();
        assert_eq!(same.public_key().unwrap(), key.public_key().unwrap());
        assert!(!format!("{key:?}").contains(seed.expose()));
        let signature = key.pair().unwrap().sign(b"nonce").unwrap();
        key.wipe();
        key.wipe();
        assert_eq!(key.public_key().unwrap_err().code(), Code::InvalidHandle);
        assert_eq!(key.seed().map(drop).unwrap_err().code(), Code::InvalidHandle);
        assert_eq!(format!("{key:?}"), "Key(wiped)");
        assert!(same.public_key().unwrap().verify(b"nonce", &signature));
        let error = Key::generate("curve").unwrap_err();
        assert!(error.text().contains("operator, account, user"), "{error}");
    }

    #[test]
    fn a_public_key_only_verifies() {
        let pair = Key::generate("account").unwrap();
        let public = pair.public_key().unwrap();
        let alone = Key::from_public(public.to_string().as_bytes()).unwrap();
        assert_eq!(alone.public_key().unwrap(), public);
        assert_eq!(alone.pair().unwrap_err().code(), Code::InvalidKey);
        for bad in [&b"\xff\xfe"[..], b"", b"UAAA", pair.seed().unwrap().expose().as_bytes()] {
            assert_eq!(Key::from_public(bad).unwrap_err().code(), Code::InvalidKey);
        }
        assert_eq!(Key::from_seed(b"\xff").unwrap_err().code(), Code::InvalidKey);
    }
}
