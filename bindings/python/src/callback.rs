//! Calling the program's message callbacks.

use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

static COROUTINE: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// Calls `callback` with `message`. What remains to be done is returned: nothing when it has ended;
/// a coroutine and what its first step yielded; another result, alone, which may be awaitable; or
/// the exception.
pub(crate) fn call(
    callback: &Bound<'_, PyAny>,
    message: &Bound<'_, PyAny>,
) -> PyResult<Option<Py<PyAny>>> {
    let py = callback.py();
    let called = call_one(callback, message).and_then(|result| {
        if result.is_none() {
            return Ok(None);
        }
        if result.get_type().as_ptr() != coroutine(py)?.as_ptr() {
            return Ok(Some((result,).into_pyobject(py)?.into_any().unbind()));
        }
        let Some(yielded) = first_step(&result)? else { return Ok(None) };
        Ok(Some((result, yielded).into_pyobject(py)?.into_any().unbind()))
    });
    Ok(called.unwrap_or_else(|error| Some(error.into_value(py).into_any())))
}

/// A call without a tuple for its argument.
fn call_one<'py>(
    callback: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let end: *mut ffi::PyObject = ptr::null_mut();
    // SAFETY: both objects are alive, the list ends with a null, and the interpreter is held; what
    // comes back is a reference of our own, or null with an exception set.
    unsafe {
        let result = ffi::PyObject_CallFunctionObjArgs(callback.as_ptr(), argument.as_ptr(), end);
        Bound::from_owned_ptr_or_err(callback.py(), result)
    }
}

/// Makes the first step of a coroutine: what it yielded, or nothing when it has ended.
fn first_step<'py>(coroutine: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = coroutine.py();
    let mut value = ptr::null_mut();
    // SAFETY: both objects are alive, `value` is written before it is read, and the interpreter is
    // held; what is in it is a reference of our own, or null with an exception set.
    let (sent, value) = unsafe {
        let sent = ffi::PyIter_Send(coroutine.as_ptr(), ffi::Py_None(), &mut value);
        (sent, Bound::from_owned_ptr_or_err(py, value)?)
    };
    Ok(Some(value).filter(|_| sent == ffi::PySendResult::PYGEN_NEXT))
}

fn coroutine(py: Python<'_>) -> PyResult<&Py<PyType>> {
    COROUTINE.get_or_try_init(py, || {
        let kind = py.import("types")?.getattr("CoroutineType")?;
        Ok(kind.cast_into::<PyType>()?.unbind())
    })
}
