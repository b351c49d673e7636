//! Header sets that a program builds for messages it sends.

use std::mem::MaybeUninit;
use std::sync::{PoisonError, RwLock};

use nats_core::{Code, Error, Headers, Result};

use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status};
use crate::handle;
use crate::types::{nats_status, nats_str, null};

/// Message headers: ordered, several values per name, names keep their case (ADR-4). May be used
/// for any number of messages and from every thread; views live until the headers are changed or
/// freed.
pub struct nats_headers(());

/// Makes an empty header set. Free `*out` with nats_headers_free().
#[unsafe(no_mangle)]
pub extern "C" fn nats_headers_new(
    out: Option<&mut MaybeUninit<*mut nats_headers>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || handle::insert(RwLock::new(Headers::new())))
}

/// Adds a value behind those the name may have already.
///
/// Errors: `INVALID_HEADER` for a name that is empty or holds a colon, a space or anything but
/// printable ASCII, and for a value with CR, LF or NUL.
#[unsafe(no_mangle)]
pub extern "C" fn nats_headers_append(
    headers: *mut nats_headers,
    name: nats_str,
    value: nats_str,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let (name, value) = (header_text(&name, "name")?, header_text(&value, "value")?);
        change(headers, |h| h.append(name, value))?
    })
}

/// Sets the one value of a name, replacing all it had. Errors as nats_headers_append().
#[unsafe(no_mangle)]
pub extern "C" fn nats_headers_set(
    headers: *mut nats_headers,
    name: nats_str,
    value: nats_str,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let (name, value) = (header_text(&name, "name")?, header_text(&value, "value")?);
        change(headers, |h| h.set(name, value))?
    })
}

/// Removes all values of a name (case-sensitive); `removed` (may be NULL) receives their number.
#[unsafe(no_mangle)]
pub extern "C" fn nats_headers_remove(
    headers: *mut nats_headers,
    name: nats_str,
    removed: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let name = header_text(&name, "name")?;
        let count = change(headers, |h| h.remove(name))?;
        if let Some(removed) = removed {
            removed.write(count);
        }
        Ok(())
    })
}

/// The first value of a name (case-sensitive). Errors: `NOT_FOUND`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_headers_get(
    headers: *const nats_headers,
    name: nats_str,
    value: Option<&mut MaybeUninit<nats_str>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(value, err, || {
        let name = header_text(&name, "name")?;
        read(headers, |h| h.get(name).map(|v| nats_str::view(v.as_bytes())))?
            .ok_or_else(|| no_header(name))
    })
}

/// The first value of a name, whatever the case of its letters. Errors: `NOT_FOUND`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_headers_get_ignore_case(
    headers: *const nats_headers,
    name: nats_str,
    value: Option<&mut MaybeUninit<nats_str>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(value, err, || {
        let name = header_text(&name, "name")?;
        read(headers, |h| h.get_ignore_case(name).map(|v| nats_str::view(v.as_bytes())))?
            .ok_or_else(|| no_header(name))
    })
}

/// The number of name and value pairs.
#[unsafe(no_mangle)]
pub extern "C" fn nats_headers_count(
    headers: *const nats_headers,
    count: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(count, err, || read(headers, Headers::len))
}

/// The pair at `index`, counted from 0 in the order of the header block.
/// Errors: `NOT_FOUND` behind the last one.
#[unsafe(no_mangle)]
pub extern "C" fn nats_headers_at(
    headers: *const nats_headers,
    index: usize,
    name: Option<&mut MaybeUninit<nats_str>>,
    value: Option<&mut MaybeUninit<nats_str>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard(err, || {
        let (name, value) =
            (name.ok_or_else(|| null("name"))?, value.ok_or_else(|| null("value"))?);
        let pair = read(headers, |h| {
            h.at(index).map(|(n, v)| (nats_str::view(n.as_bytes()), nats_str::view(v.as_bytes())))
        })?;
        let (n, v) = pair.ok_or_else(|| {
            Error::new(Code::NotFound, format!("there is no header at index {index}"))
        })?;
        name.write(n);
        value.write(v);
        Ok(())
    })
}

/// Frees a header set. NULL is fine; one that was freed before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_headers_free(headers: *mut nats_headers) -> nats_status {
    guard_status(|| handle::free::<RwLock<Headers>>(headers))
}

/// Calls `body` with the headers of an argument that may be NULL.
pub(crate) fn with_headers<T>(
    headers: *const nats_headers,
    body: impl FnOnce(Option<&Headers>) -> Result<T>,
) -> Result<T> {
    match handle::get_optional::<RwLock<Headers>>(headers)? {
        Some(headers) => body(Some(&headers.read().unwrap_or_else(PoisonError::into_inner))),
        None => body(None),
    }
}

/// A copy of the headers of an argument that may be NULL, for operations that outlast the call.
pub(crate) fn copy_headers(headers: *const nats_headers) -> Result<Option<Headers>> {
    with_headers(headers, |h| Ok(h.cloned()))
}

/// The error for a header that is not there.
pub(crate) fn no_header(name: &str) -> Error {
    Error::new(Code::NotFound, format!("there is no header '{}'", name.escape_debug()))
}

/// The text of a header name or value.
pub(crate) fn header_text<'a>(text: &'a nats_str, what: &str) -> Result<&'a str> {
    text.text(what, Code::InvalidHeader)
}

fn change<T>(headers: *mut nats_headers, body: impl FnOnce(&mut Headers) -> T) -> Result<T> {
    let headers = handle::get::<RwLock<Headers>>(headers)?;
    let mut headers = headers.write().unwrap_or_else(PoisonError::into_inner);
    Ok(body(&mut headers))
}

fn read<T>(headers: *const nats_headers, body: impl FnOnce(&Headers) -> T) -> Result<T> {
    let headers = handle::get::<RwLock<Headers>>(headers)?;
    let headers = headers.read().unwrap_or_else(PoisonError::into_inner);
    Ok(body(&headers))
}
