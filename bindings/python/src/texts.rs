//! Strings that come again and again: subjects and names of headers.

use std::sync::Mutex;

use nats_bridge::sync::lock;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// How many strings are kept.
const PLACES: usize = 64;
/// The longest that is, in bytes.
const LONGEST: usize = 128;

/// Each string has one place, where the last one that came is. Locked for moments only.
static KEPT: Mutex<[Option<Kept>; PLACES]> = Mutex::new([const { None }; PLACES]);

struct Kept {
    bytes: Box<[u8]>,
    text: Py<PyString>,
}

/// Text of the wire as a string, the same one as long as it repeats; what is not UTF-8 is replaced.
pub(crate) fn repeated(py: Python<'_>, bytes: &[u8]) -> Py<PyAny> {
    if bytes.len() > LONGEST {
        return text(py, bytes);
    }
    let place = place(bytes);
    if let Some(kept) = &lock(&KEPT)[place]
        && *kept.bytes == *bytes
    {
        return kept.text.clone_ref(py).into_any();
    }
    let text = PyString::new(py, &String::from_utf8_lossy(bytes)).unbind();
    let kept = Kept { bytes: bytes.into(), text: text.clone_ref(py) };
    let replaced = lock(&KEPT)[place].replace(kept);
    drop(replaced);
    text.into_any()
}

/// Text of the wire as a string; what is not UTF-8 in it is replaced.
pub(crate) fn text(py: Python<'_>, bytes: &[u8]) -> Py<PyAny> {
    PyString::new(py, &String::from_utf8_lossy(bytes)).into_any().unbind()
}

/// Mixes the length and a few bytes from the end, where names differ most.
fn place(bytes: &[u8]) -> usize {
    let tail = bytes.iter().rev().take(6);
    let mixed = tail.fold(bytes.len(), |sum, byte| sum.wrapping_mul(31) + usize::from(*byte));
    mixed % PLACES
}
