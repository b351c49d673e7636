//! What Python passes in, as the core wants it.

use std::time::Duration;

use nats_bridge::wait::MAX_WAIT;
use nats_core::{Code, Headers, Publish, Request};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyString};

use crate::error::{Outcome, raised};
use crate::exit;
use crate::given::Given;
use crate::headers;

/// A message to send, owned, for operations that outlive the call.
pub(crate) struct Outgoing {
    subject: String,
    payload: Vec<u8>,
    reply: Option<String>,
    headers: Option<Headers>,
}

impl Outgoing {
    /// Copies the arguments.
    pub(crate) fn new(
        subject: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
        reply: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<Outgoing> {
        Ok(Outgoing {
            subject: text(subject, "subject")?.to_owned(),
            payload: payload(data, <[u8]>::to_vec)?,
            reply: optional(reply, "reply")?.map(str::to_owned),
            headers: owned_headers(headers)?,
        })
    }

    /// As a publish.
    pub(crate) fn publish(&self) -> Publish<'_> {
        Publish {
            reply: self.reply.as_deref(),
            headers: self.headers.as_ref(),
            ..Publish::new(&self.subject, &self.payload)
        }
    }

    /// As a request.
    pub(crate) fn request(&self) -> Request<'_> {
        let mut request = Request::new(&self.subject, &self.payload);
        request.headers = self.headers.as_ref();
        request
    }
}

/// The text of an argument.
pub(crate) fn text<'a>(given: &'a Bound<'_, PyAny>, name: &str) -> PyResult<&'a str> {
    let Ok(text) = given.cast::<PyString>() else {
        let kind = given.get_type().name()?;
        return Err(PyTypeError::new_err(format!("{name}: expected a str, found {kind}")));
    };
    text.to_str()
}

/// The text of an argument for which nothing and empty text stand for none.
pub(crate) fn optional<'a>(
    given: Option<&'a Bound<'_, PyAny>>,
    name: &str,
) -> PyResult<Option<&'a str>> {
    let given = given.map(|given| text(given, name)).transpose()?;
    Ok(given.filter(|text| !text.is_empty()))
}

/// Gives the bytes of a payload to `body`.
pub(crate) fn payload<R>(data: &Bound<'_, PyAny>, body: impl FnOnce(&[u8]) -> R) -> PyResult<R> {
    bytes(data, "payload", body)
}

/// Gives the bytes of a bytes-like object to `body`.
pub(crate) fn bytes<R>(
    data: &Bound<'_, PyAny>,
    name: &str,
    body: impl FnOnce(&[u8]) -> R,
) -> PyResult<R> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return Ok(body(bytes.as_bytes()));
    }
    // SAFETY: the object is alive, and the interpreter is held.
    if unsafe { pyo3::ffi::PyObject_CheckBuffer(data.as_ptr()) } == 0 {
        let kind = data.get_type().name()?;
        let text = format!("{name}: expected bytes or another bytes-like object, found {kind}");
        return Err(PyTypeError::new_err(text));
    }
    // A copy, because the owner of a mutable buffer may change it at any time.
    let copy = exit::run(data.py(), || data.py().get_type::<PyBytes>().call1((data,)))?;
    Ok(body(copy.cast::<PyBytes>()?.as_bytes()))
}

/// Gives the bytes of a str or a bytes-like object to `body`.
pub(crate) fn text_or_bytes<R>(
    given: &Bound<'_, PyAny>,
    name: &str,
    body: impl FnOnce(&[u8]) -> R,
) -> PyResult<R> {
    match given.cast::<PyString>() {
        Ok(text) => Ok(body(text.to_str()?.as_bytes())),
        Err(_) => bytes(given, name, body),
    }
}

/// Gives the headers of an argument to `body`: `None`, a `Headers`, a mapping of names to a value or
/// a list, or pairs.
pub(crate) fn headers<R>(
    given: Option<&Bound<'_, PyAny>>,
    body: impl FnOnce(Option<&Headers>) -> R,
) -> Outcome<R> {
    let Some(given) = given else { return Ok(body(None)) };
    if let Ok(headers) = given.cast::<headers::Headers>() {
        return Ok(body(Some(headers.borrow().list())));
    }
    // Taken away, because what follows may run Python, which may publish.
    let mut known = Given::take();
    match given.cast::<PyDict>() {
        Ok(dict) if known.is_of(dict) => {}
        Ok(dict) => known.fill(dict, append)?,
        Err(_) => exit::run(given.py(), || collect(known.clear(), given))?,
    }
    let result = body(Some(known.headers()));
    known.keep();
    Ok(result)
}

/// The headers of an argument, to keep.
pub(crate) fn owned_headers(given: Option<&Bound<'_, PyAny>>) -> Outcome<Option<Headers>> {
    headers(given, |headers| headers.cloned())
}

fn collect(headers: &mut Headers, given: &Bound<'_, PyAny>) -> Outcome<()> {
    if let Ok(mapping) = given.cast::<PyMapping>() {
        for item in mapping.items()?.iter() {
            append(headers, &item.get_item(0)?, &item.get_item(1)?)?;
        }
    } else {
        let kind = given.get_type().name()?;
        let wrong = || {
            let text = format!("headers: expected a mapping, Headers or pairs, found {kind}");
            PyTypeError::new_err(text)
        };
        for pair in given.try_iter().map_err(|_| wrong())? {
            let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
                pair?.extract().map_err(|_| wrong())?;
            append(headers, &name, &value)?;
        }
    }
    Ok(())
}

/// The exception for a refused header, which carries the name.
pub(crate) fn refused(py: Python<'_>, error: &nats_core::Error, name: &str) -> PyErr {
    let exception = raised(py, error);
    match exception.value(py).setattr("key", name) {
        Ok(()) => exception,
        Err(failed) => failed,
    }
}

/// Seconds as a duration; too many are the longest wait there is.
pub(crate) fn duration(seconds: f64) -> Outcome<Duration> {
    duration_of("timeout", seconds)
}

/// The same of an argument with another name.
pub(crate) fn duration_of(name: &str, seconds: f64) -> Outcome<Duration> {
    if seconds.is_nan() || seconds < 0.0 {
        let text = format!("{name}: expected seconds of at least 0, found {seconds}");
        return Err(nats_core::Error::new(Code::InvalidArgument, text).into());
    }
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(MAX_WAIT).min(MAX_WAIT))
}

fn append(headers: &mut Headers, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> Outcome<()> {
    let Ok(name) = name.cast::<PyString>() else {
        let kind = name.get_type().name()?;
        let text = format!("headers: expected names that are str, found {kind}");
        return Err(PyTypeError::new_err(text).into());
    };
    let name = name.to_str()?;
    if let Ok(value) = value.cast::<PyString>() {
        return append_one(headers, name, value);
    }
    let wrong = || {
        let text = format!("headers: expected a str or a list of str for '{name}'");
        PyTypeError::new_err(text)
    };
    for value in value.try_iter().map_err(|_| wrong())? {
        append_one(headers, name, value?.cast::<PyString>().map_err(|_| wrong())?)?;
    }
    Ok(())
}

fn append_one(headers: &mut Headers, name: &str, value: &Bound<'_, PyString>) -> Outcome<()> {
    let added = headers.append(name, value.to_str()?);
    added.map_err(|error| refused(value.py(), &error, name).into())
}
