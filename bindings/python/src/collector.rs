//! The garbage collector of Python.

use pyo3::ffi;
use pyo3::prelude::*;

/// The garbage collector rests meanwhile. For moments in which no Python runs.
pub(crate) struct Paused<'py> {
    was_enabled: bool,
    _held: Python<'py>,
}

impl Paused<'_> {
    /// Has it rest from now on.
    pub(crate) fn begin(py: Python<'_>) -> Paused<'_> {
        // SAFETY: the interpreter is held.
        let was_enabled = unsafe { ffi::PyGC_Disable() } == 1;
        Paused { was_enabled, _held: py }
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        if self.was_enabled {
            // SAFETY: the interpreter is held.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}
