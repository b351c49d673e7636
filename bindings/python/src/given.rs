//! Headers that a program gives again and again.

use std::mem;
use std::sync::Mutex;

use nats_bridge::sync::lock;
use nats_core::Headers;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// The largest block that is kept, in bytes.
const LARGEST: usize = 4096;

/// What the last dict has become. Locked for moments only.
static LAST: Mutex<Option<Given>> = Mutex::new(None);

/// The strings of a dict of strings, and the headers that are made of them. Strings do not change,
/// so a dict of the same ones stands for the same headers.
#[derive(Default)]
pub(crate) struct Given {
    strings: Vec<Py<PyAny>>,
    headers: Headers,
}

impl Given {
    /// The last one, to be used again or filled anew.
    pub(crate) fn take() -> Given {
        mem::take(&mut *lock(&LAST)).unwrap_or_default()
    }

    /// Keeps it for the next message.
    pub(crate) fn keep(self) {
        if self.headers.encoded_len() <= LARGEST {
            let replaced = lock(&LAST).replace(self);
            drop(replaced);
        }
    }

    /// The headers.
    pub(crate) fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Whether it has been made of the same strings.
    pub(crate) fn is_of(&self, dict: &Bound<'_, PyDict>) -> bool {
        let mut strings = self.strings.chunks_exact(2);
        !self.strings.is_empty()
            && dict.len() * 2 == self.strings.len()
            && dict.iter().all(|(name, value)| {
                strings.next().is_some_and(|pair| pair[0].is(&name) && pair[1].is(&value))
            })
    }

    /// Empties it, to be filled anew.
    pub(crate) fn clear(&mut self) -> &mut Headers {
        self.strings.clear();
        self.headers.clear();
        &mut self.headers
    }

    /// Makes it of a dict, each of whose entries `append` adds.
    pub(crate) fn fill<'py, E>(
        &mut self,
        dict: &Bound<'py, PyDict>,
        append: impl Fn(&mut Headers, &Bound<'py, PyAny>, &Bound<'py, PyAny>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.clear();
        let mut entries = 0;
        for (name, value) in dict.iter() {
            append(&mut self.headers, &name, &value)?;
            entries += 1;
            if value.is_instance_of::<PyString>() {
                self.strings.extend([name.unbind(), value.unbind()]);
            }
        }
        if self.strings.len() < entries * 2 {
            self.strings.clear();
        }
        Ok(())
    }
}
