//! Header sets that a program builds for messages it sends.

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::sync::{Arc, PoisonError, RwLock};

use nats_core::{Code, Error, Headers, Result};

use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status};
use crate::handle::{self, Pulse};
use crate::types::{nats_status, nats_str, null};

/// Message headers: ordered, several values per name, names keep their case (ADR-4). May be used
/// for any number of messages and from every thread; views live until the headers are changed or
/// freed.
pub struct nats_headers(());

/// What a handle of headers stands for.
pub(crate) type Shared = RwLock<Arc<Headers>>;

/// Makes an empty header set. Free `*out` with nats_headers_free().
#[unsafe(no_mangle)]
pub extern "C" fn nats_headers_new(
    out: Option<&mut MaybeUninit<*mut nats_headers>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || handle::insert(Shared::default()))
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
    guard_status(|| handle::free::<Shared>(headers))
}

/// Headers that a thread uses for one message after the other: found again by a look at the handle,
/// without a lock and without counting.
struct Last {
    pulse: Pulse,
    /// From the second message in a row on, so that headers that are changed for each message are
    /// not copied for it.
    headers: Option<Arc<Headers>>,
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// Larger headers are not kept beyond their handle.
const KEPT: usize = 4096;

/// Calls `body` with the headers of an argument that may be NULL.
pub(crate) fn with_headers<T>(
    headers: *const nats_headers,
    body: impl FnOnce(Option<&Headers>) -> Result<T>,
) -> Result<T> {
    if headers.is_null() {
        return body(None);
    }
    let mut body = Some(body);
    let again = LAST.try_with(|last| {
        let last = last.try_borrow().ok()?;
        let last = last.as_ref().filter(|last| last.pulse.beats_for(headers))?;
        let kept = last.headers.as_ref()?;
        body.take().map(|body| body(Some(kept)))
    });
    match (again, body) {
        (Ok(Some(result)), _) => result,
        (_, Some(body)) => {
            let pulse = Pulse::of::<Shared>(headers)?;
            let shared = handle::get::<Shared>(headers)?;
            // Not under the lock: the program may run within, and change them.
            let current = Arc::clone(&shared.read().unwrap_or_else(PoisonError::into_inner));
            remember(pulse, &current);
            body(Some(&current))
        }
        _ => Err(Code::Internal.into()),
    }
}

fn remember(pulse: Pulse, headers: &Arc<Headers>) {
    // A thread that is ending, or is in the middle of a use, remembers nothing.
    let _ = LAST.try_with(|last| {
        let mut last = last.try_borrow_mut().ok()?;
        let again = last.as_ref().is_some_and(|last| last.pulse == pulse);
        let kept = again && headers.encoded_len() <= KEPT;
        last.replace(Last { pulse, headers: kept.then(|| Arc::clone(headers)) })
    });
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
    let shared = handle::get::<Shared>(headers)?;
    let mut headers = shared.write().unwrap_or_else(PoisonError::into_inner);
    let value = body(Arc::make_mut(&mut headers));
    shared.changed();
    Ok(value)
}

fn read<T>(headers: *const nats_headers, body: impl FnOnce(&Headers) -> T) -> Result<T> {
    let headers = handle::get::<Shared>(headers)?;
    let headers = headers.read().unwrap_or_else(PoisonError::into_inner);
    Ok(body(&headers))
}
