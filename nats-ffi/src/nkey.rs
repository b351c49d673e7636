//! NKeys: who signs instead of sending a password.

use std::mem::MaybeUninit;
use std::sync::OnceLock;

use nats_core::auth::{KeyKind, KeyPair, PublicKey};
use nats_core::{Code, Result, Secret};

use crate::error::nats_error;
use crate::guard::{guard_out, guard_status};
use crate::handle;
use crate::types::{nats_bytes, nats_status, nats_str};

/// A key pair of Ed25519: an operator signs accounts, an account signs users, a user signs what a
/// server asks to sign. Its seed is wiped from memory when it is freed. Any thread.
pub struct nats_nkey(());

/// The object behind a `nats_nkey`.
pub(crate) struct Pair(Box<Inner>);

struct Inner {
    key: KeyPair,
    public: String,
    /// Spelled when it is first asked for.
    seed: OnceLock<Secret>,
}

impl Pair {
    pub(crate) fn new(key: KeyPair) -> Pair {
        let public = key.public_key().to_string();
        Pair(Box::new(Inner { key, public, seed: OnceLock::new() }))
    }

    pub(crate) fn key(&self) -> &KeyPair {
        &self.0.key
    }

    pub(crate) fn seed(&self) -> &Secret {
        self.0.seed.get_or_init(|| self.0.key.seed())
    }
}

/// Makes a new key pair of the operating system's randomness. `kind`: "operator", "account",
/// "user", "server" or "cluster". Free `*out` with nats_nkey_free().
///
/// Errors: `INVALID_ARGUMENT` for another kind.
#[unsafe(no_mangle)]
pub extern "C" fn nats_nkey_new(
    kind: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_nkey>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let kind = KeyKind::from_name(kind.text("kind", Code::InvalidArgument)?)?;
        handle::insert(Pair::new(KeyPair::generate(kind)?))
    })
}

/// Makes the key pair of a seed, which begins with SO, SA, SU, SN or SC; white space around it is
/// ignored. Free `*out` with nats_nkey_free().
///
/// Errors: `INVALID_KEY`; the text does not show the seed.
#[unsafe(no_mangle)]
pub extern "C" fn nats_nkey_from_seed(
    seed: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_nkey>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let key = KeyPair::from_seed(seed.text("seed", Code::InvalidKey)?)?;
        handle::insert(Pair::new(key))
    })
}

/// The kind of a key by the names of nats_nkey_new(). The view is valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn nats_nkey_kind(
    key: *const nats_nkey,
    out: Option<&mut MaybeUninit<nats_str>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    read(key, out, err, |pair| Ok(nats_str::view(pair.key().kind().name().as_bytes())))
}

/// The public key as text. The view lives until the key is freed.
#[unsafe(no_mangle)]
pub extern "C" fn nats_nkey_public_key(
    key: *const nats_nkey,
    out: Option<&mut MaybeUninit<nats_str>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    read(key, out, err, |pair| Ok(nats_str::view(pair.0.public.as_bytes())))
}

/// The seed as text; whoever has it, has the key. The view lives until the key is freed, which
/// wipes it.
#[unsafe(no_mangle)]
pub extern "C" fn nats_nkey_seed(
    key: *const nats_nkey,
    out: Option<&mut MaybeUninit<nats_str>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    read(key, out, err, |pair| Ok(nats_str::view(pair.seed().expose().as_bytes())))
}

/// Signs `bytes`; `signature` receives 64 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn nats_nkey_sign(
    key: *const nats_nkey,
    bytes: nats_bytes,
    signature: Option<&mut MaybeUninit<[u8; 64]>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    read(key, signature, err, |pair| pair.key().sign(bytes.bytes("bytes")?))
}

/// Whether `signature` is that of `bytes` by the key with this public key: `*valid` is 1 or 0.
///
/// Errors: `INVALID_KEY` when `public_key` is none.
#[unsafe(no_mangle)]
pub extern "C" fn nats_nkey_verify(
    public_key: nats_str,
    bytes: nats_bytes,
    signature: nats_bytes,
    valid: Option<&mut MaybeUninit<i32>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(valid, err, || {
        let key = PublicKey::parse(public_key.text("public_key", Code::InvalidKey)?)?;
        Ok(i32::from(key.verify(bytes.bytes("bytes")?, signature.bytes("signature")?)))
    })
}

/// Wipes and frees a key. NULL is fine; one that was freed before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_nkey_free(key: *mut nats_nkey) -> nats_status {
    guard_status(|| handle::free::<Pair>(key))
}

fn read<T>(
    key: *const nats_nkey,
    out: Option<&mut MaybeUninit<T>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
    body: impl FnOnce(&Pair) -> Result<T>,
) -> nats_status {
    guard_out(out, err, || body(&*handle::get::<Pair>(key)?))
}
