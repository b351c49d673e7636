//! NKeys.

use nats_bridge::nkey::Key;
use nats_core::{Code, Error};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arguments::{bytes, text_or_bytes};
use crate::error::Outcome;

/// A key pair, or a public key alone.
#[pyclass(frozen, module = "nats_ffi.nkeys")]
pub(crate) struct KeyPair(pub(crate) Key);

#[pymethods]
impl KeyPair {
    /// A new pair.
    #[staticmethod]
    #[pyo3(signature = (kind, /))]
    fn generate(kind: &str) -> Outcome<KeyPair> {
        Ok(KeyPair(Key::generate(kind)?))
    }

    /// The pair of a seed.
    #[staticmethod]
    #[pyo3(signature = (seed, /))]
    fn from_seed(seed: &Bound<'_, PyAny>) -> Outcome<KeyPair> {
        Ok(KeyPair(text_or_bytes(seed, "seed", Key::from_seed)??))
    }

    /// A public key, which only verifies.
    #[staticmethod]
    #[pyo3(signature = (public_key, /))]
    fn from_public_key(public_key: &Bound<'_, PyAny>) -> Outcome<KeyPair> {
        Ok(KeyPair(text_or_bytes(public_key, "public_key", Key::from_public)??))
    }

    /// The name of the kind.
    #[getter]
    fn kind(&self) -> Outcome<&'static str> {
        Ok(self.0.public_key()?.kind().name())
    }

    /// The public key.
    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, self.0.public_key()?.to_string().as_bytes()))
    }

    /// The seed.
    #[getter]
    fn seed<'py>(&self, py: Python<'py>) -> Outcome<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, self.0.seed()?.expose().as_bytes()))
    }

    /// The signature of bytes.
    fn sign<'py>(&self, py: Python<'py>, input: &Bound<'_, PyAny>) -> Outcome<Bound<'py, PyBytes>> {
        let pair = self.0.pair()?;
        let signature = bytes(input, "input", |input| pair.sign(input))??;
        Ok(PyBytes::new(py, &signature))
    }

    /// Checks a signature: true, or an exception, which nobody overlooks.
    fn verify(&self, input: &Bound<'_, PyAny>, sig: &Bound<'_, PyAny>) -> Outcome<bool> {
        let key = self.0.public_key()?;
        let valid =
            bytes(input, "input", |input| bytes(sig, "sig", |sig| key.verify(input, sig)))??;
        if valid {
            return Ok(true);
        }
        Err(Error::new(Code::InvalidKey, "the signature is not that of this key").into())
    }

    /// Forgets the key.
    fn wipe(&self) {
        self.0.wipe();
    }

    fn __repr__(&self) -> String {
        match self.0.public_key() {
            Ok(key) => format!("<KeyPair {key}>"),
            Err(_) => "<KeyPair, wiped>".into(),
        }
    }
}
