//! NKeys: Ed25519 keys in the spelling of NATS, for who signs instead of sending a password.
//!
//! A key is written in base32 with a prefix byte that gives its kind as the first letter, and a
//! checksum at the end. Seeds begin with an S before that letter.

use std::fmt;

use crate::crypto::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use zeroize::{Zeroize, Zeroizing};

use super::base32;
use crate::conn::secret::Secret;
use crate::crypto;
use crate::error::{Code, Error, Result};

/// What a key stands for; the first letter of its public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// `O`: signs accounts.
    Operator,
    /// `A`: signs users.
    Account,
    /// `U`: authenticates a connection.
    User,
    /// `N`: a server.
    Server,
    /// `C`: a cluster.
    Cluster,
}

const KINDS: [(KeyKind, u8, &str); 5] = [
    (KeyKind::Operator, 14 << 3, "operator"),
    (KeyKind::Account, 0, "account"),
    (KeyKind::User, 20 << 3, "user"),
    (KeyKind::Server, 13 << 3, "server"),
    (KeyKind::Cluster, 2 << 3, "cluster"),
];

/// The prefix of seeds; the kind's follows behind its five bits.
const SEED: u8 = 18 << 3;
/// Bytes of a seed and of a public key.
const SIZE: usize = 32;

impl KeyKind {
    /// The name, for example `user`.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("", |(.., name)| name)
    }

    /// The kind with this name.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`].
    pub fn from_name(name: &str) -> Result<KeyKind> {
        let known = KINDS.iter().find(|(.., known)| *known == name);
        known.map(|(kind, ..)| *kind).ok_or_else(|| {
            let names = KINDS.map(|(.., name)| name).join(", ");
            let name = name.escape_debug();
            Error::new(Code::InvalidArgument, format!("\"{name}\" is no kind of key ({names})"))
        })
    }

    fn prefix(self) -> u8 {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or(0, |(_, prefix, _)| *prefix)
    }

    fn from_prefix(prefix: u8) -> Option<KeyKind> {
        KINDS.iter().find(|(_, known, _)| *known == prefix).map(|(kind, ..)| *kind)
    }
}

/// A key that signs. Its seed is wiped from memory when it is dropped, and never printed.
#[derive(Clone)]
pub struct KeyPair {
    kind: KeyKind,
    seed: Zeroizing<[u8; SIZE]>,
    public: PublicKey,
}

/// A key that verifies.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey {
    kind: KeyKind,
    bytes: [u8; SIZE],
}

impl KeyPair {
    /// A new key, of the operating system's randomness.
    ///
    /// # Errors
    /// [`Code::Internal`] when the system has none.
    pub fn generate(kind: KeyKind) -> Result<KeyPair> {
        let mut seed = Zeroizing::new([0; SIZE]);
        getrandom::fill(&mut *seed)
            .map_err(|error| Error::new(Code::Internal, format!("random numbers: {error}")))?;
        KeyPair::new(kind, seed)
    }

    /// The key of a seed, which begins with `SU`, `SA`, `SO`, `SN` or `SC`. White space around it is
    /// ignored.
    ///
    /// # Errors
    /// [`Code::InvalidKey`]; the text does not show the seed.
    pub fn from_seed(text: &str) -> Result<KeyPair> {
        let invalid = |why: &str| Error::new(Code::InvalidKey, format!("seed: {why}"));
        let raw = Zeroizing::new(checked(text.trim(), "seed")?);
        let [first, second, key @ ..] = &raw[..] else { return Err(invalid("it is too short")) };
        if first & 0xF8 != SEED {
            return Err(invalid("expected a seed, which begins with S; this is another key"));
        }
        let kind = KeyKind::from_prefix((first & 7) << 5 | second >> 3)
            .ok_or_else(|| invalid("it is of a kind that is not known"))?;
        let key: [u8; SIZE] =
            key.try_into().map_err(|_| invalid("it has not the length of a seed"))?;
        KeyPair::new(kind, Zeroizing::new(key))
    }

    /// What it stands for.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// The seed as text. Whoever has it, has the key.
    pub fn seed(&self) -> Secret {
        let prefix = self.kind.prefix();
        let mut raw = Zeroizing::new(Vec::with_capacity(SIZE + 4));
        raw.extend_from_slice(&[SEED | prefix >> 5, (prefix & 31) << 3]);
        raw.extend_from_slice(&*self.seed);
        spelled(&mut raw).into()
    }

    /// The signature of `bytes`.
    ///
    /// # Errors
    /// [`Code::Internal`] when the cryptographic library refuses its own key.
    pub fn sign(&self, bytes: &[u8]) -> Result<[u8; 64]> {
        let key = Ed25519KeyPair::from_seed_unchecked(&*self.seed).map_err(rejected)?;
        key.sign(bytes).as_ref().try_into().map_err(|_| Code::Internal.into())
    }

    fn new(kind: KeyKind, seed: Zeroizing<[u8; SIZE]>) -> Result<KeyPair> {
        let key = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(rejected)?;
        let bytes = key.public_key().as_ref().try_into().map_err(|_| Code::Internal)?;
        Ok(KeyPair { kind, seed, public: PublicKey { kind, bytes } })
    }
}

fn rejected(error: crypto::error::KeyRejected) -> Error {
    Error::new(Code::Internal, format!("the key was rejected: {error}"))
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyPair").field(&self.public).finish()
    }
}

impl PublicKey {
    /// Reads a public key, which begins with `U`, `A`, `O`, `N` or `C`.
    ///
    /// # Errors
    /// [`Code::InvalidKey`].
    pub fn parse(text: &str) -> Result<PublicKey> {
        let invalid = |why: &str| Error::new(Code::InvalidKey, format!("public key: {why}"));
        let mut raw = checked(text.trim(), "public key")?;
        let [prefix, key @ ..] = &raw[..] else { return Err(invalid("it is empty")) };
        if prefix & 0xF8 == SEED {
            raw.zeroize();
            return Err(invalid("a seed, which is secret, was given instead"));
        }
        let kind = KeyKind::from_prefix(*prefix)
            .ok_or_else(|| invalid("it is of a kind that is not known"))?;
        let bytes = key.try_into().map_err(|_| invalid("it has not the length of a key"))?;
        Ok(PublicKey { kind, bytes })
    }

    /// What it stands for.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Whether `signature` is that of `bytes` by this key.
    pub fn verify(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.bytes).verify(bytes, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut raw = Vec::with_capacity(SIZE + 3);
        raw.push(self.kind.prefix());
        raw.extend_from_slice(&self.bytes);
        f.write_str(&spelled(&mut raw))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// With its checksum, in base32.
fn spelled(raw: &mut Vec<u8>) -> String {
    let sum = crc16(raw);
    raw.extend_from_slice(&sum.to_le_bytes());
    base32::encode(raw)
}

/// What is spelled, without its checksum.
fn checked(text: &str, what: &str) -> Result<Vec<u8>> {
    let invalid = |why: &str| Error::new(Code::InvalidKey, format!("{what}: {why}"));
    let mut raw =
        base32::decode(text).ok_or_else(|| invalid("expected letters A to Z and digits 2 to 7"))?;
    let Some((key, sum)) = raw.split_last_chunk::<2>() else {
        return Err(invalid("it is too short"));
    };
    if crc16(key) != u16::from_le_bytes(*sum) {
        raw.zeroize();
        return Err(invalid("the checksum is wrong: a letter was changed or is missing"));
    }
    raw.truncate(raw.len() - 2);
    Ok(raw)
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| {
            if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published as an example in the documentation of NATS.
    const SEED_TEXT: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    const PUBLIC_TEXT: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

    #[test]
    fn a_known_seed_has_the_known_public_key() {
        let pair = KeyPair::from_seed(&format!(" {SEED_TEXT}\r\n")).unwrap();
        assert_eq!(pair.kind(), KeyKind::User);
        assert_eq!(pair.public_key().to_string(), PUBLIC_TEXT);
        assert_eq!(*pair.seed().to_wire(), SEED_TEXT);
        assert_eq!(PublicKey::parse(PUBLIC_TEXT).unwrap(), pair.public_key());
        assert!(!format!("{pair:?}").contains(SEED_TEXT));
    }

    #[test]
    fn keys_of_every_kind_sign_and_verify() {
        for (kind, _, name) in KINDS {
            assert_eq!(KeyKind::from_name(name).unwrap(), kind);
            let pair = KeyPair::generate(kind).unwrap();
            let seed = pair.seed().to_wire();
            let letter = pair.public_key().to_string().chars().next().unwrap();
            assert!(seed.starts_with(&format!("S{letter}")), "{kind:?}");
            let same = KeyPair::from_seed(&seed).unwrap();
            let signature = same.sign(b"nonce").unwrap();
            let public = PublicKey::parse(&pair.public_key().to_string()).unwrap();
            assert_eq!((same.kind(), public.kind()), (kind, kind));
            assert!(public.verify(b"nonce", &signature));
            assert!(!public.verify(b"nonces", &signature) && !public.verify(b"nonce", b""));
        }
        assert!(KeyKind::from_name("curve").is_err());
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let mut seeds: Vec<String> =
            ["", "S", "SU", "not base32!", PUBLIC_TEXT].map(Into::into).into();
        seeds.extend((0..SEED_TEXT.len()).map(|end| SEED_TEXT[..end].to_owned()));
        seeds.extend((0..SEED_TEXT.len()).map(|at| {
            let other = if SEED_TEXT.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{other}{}", &SEED_TEXT[..at], &SEED_TEXT[at + 1..])
        }));
        seeds.push(SEED_TEXT.to_lowercase());
        seeds.push(SEED_TEXT.repeat(2));
        for seed in seeds {
            let error = KeyPair::from_seed(&seed).unwrap_err();
            assert_eq!(error.code(), Code::InvalidKey, "{seed}");
            assert!(seed.len() < 20 || !error.to_string().contains(&seed));
        }
        for public in ["", "U", SEED_TEXT, &PUBLIC_TEXT[1..], "UAAAAAAA"] {
            assert_eq!(PublicKey::parse(public).unwrap_err().code(), Code::InvalidKey);
        }
    }
}
