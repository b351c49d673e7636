//! Errors as Python exceptions, made by the one table in `nats_ffi.errors`.

use nats_core::Error;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::exit;

static FROM_CODE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The result of a function that Python calls.
pub(crate) type Outcome<T> = std::result::Result<T, Fault>;

/// What such a function fails with; becomes an exception at the boundary.
pub(crate) enum Fault {
    /// An error of the library.
    Library(Error),
    /// An exception that Python raised.
    Python(PyErr),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Library(error)
    }
}

impl From<PyErr> for Fault {
    fn from(error: PyErr) -> Fault {
        Fault::Python(error)
    }
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> PyErr {
        match fault {
            Fault::Library(error) => Python::attach(|py| raised(py, &error)),
            Fault::Python(error) => error,
        }
    }
}

/// The exception for `error`, to be raised.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    exception(py, error).map_or_else(|failed| failed, PyErr::from_value)
}

/// The exception for `error`, as an object.
pub(crate) fn exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    // What the code says by itself, the class says already.
    let text = Some(error.text()).filter(|text| *text != error.code().text()).unwrap_or_default();
    exit::run(py, || {
        let make = FROM_CODE.get_or_try_init(py, || {
            py.import("nats_ffi.errors")?.getattr("from_code").map(Bound::unbind)
        })?;
        let refused = error.api().map(|api| (api.code, api.err_code, api.description.as_str()));
        make.bind(py).call1((error.code().number(), text, refused))
    })
}
