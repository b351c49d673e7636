//! Headers with repeated names.

use nats_core::Error;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;

use crate::arguments::{owned_headers, refused};
use crate::error::Outcome;

/// An ordered list of headers in which a name may have several values.
#[pyclass(module = "nats_ffi")]
#[derive(Default)]
pub(crate) struct Headers {
    list: nats_core::Headers,
}

impl Headers {
    /// Those of a message.
    pub(crate) fn new(list: nats_core::Headers) -> Headers {
        Headers { list }
    }

    /// The list.
    pub(crate) fn list(&self) -> &nats_core::Headers {
        &self.list
    }

    fn texts<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
        values.map(str::to_owned).collect()
    }
}

#[pymethods]
impl Headers {
    #[new]
    #[pyo3(signature = (headers=None))]
    fn make(headers: Option<&Bound<'_, PyAny>>) -> Outcome<Headers> {
        Ok(Headers { list: owned_headers(headers)?.unwrap_or_default() })
    }

    fn append(&mut self, py: Python<'_>, name: &str, value: &str) -> PyResult<()> {
        self.list.append(name, value).map_err(|error: Error| refused(py, &error, name))
    }

    fn set(&mut self, py: Python<'_>, name: &str, value: &str) -> PyResult<()> {
        self.list.set(name, value).map_err(|error| refused(py, &error, name))
    }

    fn remove(&mut self, name: &str) -> usize {
        self.list.remove(name)
    }

    #[pyo3(signature = (name, default=None, ignore_case=false))]
    fn get(&self, name: &str, default: Option<String>, ignore_case: bool) -> Option<String> {
        let found = match ignore_case {
            true => self.list.get_ignore_case(name),
            false => self.list.get(name),
        };
        found.map(str::to_owned).or(default)
    }

    fn get_all(&self, name: &str) -> Vec<String> {
        Headers::texts(self.list.get_all(name))
    }

    fn keys(&self) -> Vec<String> {
        Headers::texts(self.list.iter().map(|(name, _)| name))
    }

    fn values(&self) -> Vec<String> {
        Headers::texts(self.list.iter().map(|(_, value)| value))
    }

    fn items(&self) -> Vec<(String, String)> {
        self.list.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn clear(&mut self) {
        self.list.clear();
    }

    fn __getitem__(&self, name: &str) -> PyResult<String> {
        let found = self.list.get(name).map(str::to_owned);
        found.ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __setitem__(&mut self, py: Python<'_>, name: &str, value: &str) -> PyResult<()> {
        self.set(py, name, value)
    }

    fn __delitem__(&mut self, name: &str) -> PyResult<()> {
        match self.list.remove(name) {
            0 => Err(PyKeyError::new_err(name.to_owned())),
            _ => Ok(()),
        }
    }

    fn __contains__(&self, name: &str) -> bool {
        self.list.get(name).is_some()
    }

    fn __len__(&self) -> usize {
        self.list.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.keys().into_pyobject(py)?.call_method0("__iter__")
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Headers>().is_ok_and(|other| other.borrow().list == self.list)
    }

    fn __repr__(&self) -> String {
        format!("Headers({:?})", self.items())
    }
}
