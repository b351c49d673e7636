//! What a call returns that had nothing to wait for.

use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

static DONE: PyOnceLock<Py<Done>> = PyOnceLock::new();

/// A coroutine that has ended with `None`. There is one for everybody, because it has no state.
#[pyclass(frozen, module = "nats_ffi._native")]
pub(crate) struct Done;

impl Done {
    /// The one.
    pub(crate) fn get(py: Python<'_>) -> PyResult<Py<Done>> {
        Ok(DONE.get_or_try_init(py, || Py::new(py, Done))?.clone_ref(py))
    }
}

#[pymethods]
impl Done {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self) -> Option<()> {
        None
    }

    #[pyo3(signature = (_value, /))]
    fn send(&self, _value: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyStopIteration::new_err(()))
    }

    #[pyo3(signature = (kind, value=None, _trace=None, /))]
    fn throw(
        &self,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        _trace: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        Err(PyErr::from_value(value.unwrap_or(kind)))
    }

    fn close(&self) {}
}
