//! Documents: JSON with dotted paths.

use std::mem::MaybeUninit;
use std::sync::Mutex;

use nats_bridge::doc::Doc;
use nats_bridge::sync::lock;
use nats_core::{Code, Result};

use crate::error::nats_error;
use crate::guard::{guard, guard_out, guard_status};
use crate::handle;
use crate::types::{nats_status, nats_str};

/// A JSON document: wide configuration goes in and wide answers come out as one of these, so that
/// new fields never change the ABI. Its text is accepted wherever a function takes JSON.
///
/// A path names a value inside: member names and array positions joined by dots, as in
/// `"placement.tags.0"`; the empty path is the whole document; a backslash before a dot or a
/// backslash takes it literally. Functions with a path report `NOT_FOUND` and `WRONG_TYPE` with
/// the path in the text. A document may be used from every thread, but the views it gives out
/// live only until it is changed or freed.
pub struct nats_doc(());

/// The object behind a `nats_doc`: the document and its text, made when it was last asked for.
#[derive(Default)]
pub(crate) struct Document(Mutex<Box<(Doc, String)>>);

impl Document {
    pub(crate) fn new(doc: Doc) -> Document {
        Document(Mutex::new(Box::new((doc, String::new()))))
    }
}

/// Makes a document of JSON text. `json` may be at most 128 levels deep; of members with the same
/// name the last one counts. Free `*out` with nats_doc_free().
///
/// Errors: `INVALID_JSON` with line and column.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_parse(
    json: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let doc = Doc::parse(json.text("json", Code::InvalidJson)?)?;
        handle::insert(Document::new(doc))
    })
}

/// Makes the document `{}`. Free `*out` with nats_doc_free().
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_new(
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || handle::insert(Document::default()))
}

/// Frees a document. NULL is fine; one that was freed before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_free(doc: *mut nats_doc) -> nats_status {
    guard_status(|| handle::free::<Document>(doc))
}

/// The document as JSON text on one line. The view lives until the document is changed or freed,
/// or its text is asked for again.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_json(
    doc: *mut nats_doc,
    out: Option<&mut MaybeUninit<nats_str>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    guard_out(out, err, || {
        let document = handle::get::<Document>(doc)?;
        let mut inner = lock(&document.0);
        inner.1 = inner.0.to_json();
        Ok(nats_str::view(inner.1.as_bytes()))
    })
}

/// Sets the value at `path` to a string. Members on the way that do not exist are made; an array
/// position may be the one behind the last.
///
/// Errors: `WRONG_TYPE` when the path leads through a value that has no members,
/// `NOT_FOUND` for a position outside an array, `INVALID_ARGUMENT` for more than 64 levels.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_set_str(
    doc: *mut nats_doc,
    path: nats_str,
    value: nats_str,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    change(doc, path, err, |d, path| d.set_str(path, value.text("value", Code::InvalidArgument)?))
}

/// Sets the value at `path` to an integer. Errors as nats_doc_set_str().
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_set_int(
    doc: *mut nats_doc,
    path: nats_str,
    value: i64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    change(doc, path, err, |d, path| d.set_int(path, value))
}

/// Sets the value at `path` to true (`value` is not 0) or false. Errors as nats_doc_set_str().
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_set_bool(
    doc: *mut nats_doc,
    path: nats_str,
    value: i32,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    change(doc, path, err, |d, path| d.set_bool(path, value != 0))
}

/// Sets the value at `path` to a number. Errors as nats_doc_set_str(), and `INVALID_ARGUMENT` for
/// infinity and NaN, which JSON does not have.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_set_double(
    doc: *mut nats_doc,
    path: nats_str,
    value: f64,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    change(doc, path, err, |d, path| d.set_double(path, value))
}

/// Sets the value at `path` to what the JSON text says. Errors as nats_doc_set_str(), and
/// `INVALID_JSON`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_set_json(
    doc: *mut nats_doc,
    path: nats_str,
    json: nats_str,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    change(doc, path, err, |d, path| d.set_json(path, json.text("json", Code::InvalidJson)?))
}

/// Appends the value of the JSON text to the array at `path`, which is made when there is nothing.
/// Errors as nats_doc_set_json(), and `WRONG_TYPE` when there is something else than an array.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_append_json(
    doc: *mut nats_doc,
    path: nats_str,
    json: nats_str,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    change(doc, path, err, |d, path| d.append_json(path, json.text("json", Code::InvalidJson)?))
}

/// Removes the value at `path`; later array elements move up. Errors: `NOT_FOUND`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_remove(
    doc: *mut nats_doc,
    path: nats_str,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    change(doc, path, err, Doc::remove)
}

/// The string at `path`. The view lives until the document is changed or freed.
/// Errors: `NOT_FOUND`, `WRONG_TYPE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_get_str(
    doc: *const nats_doc,
    path: nats_str,
    out: Option<&mut MaybeUninit<nats_str>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    read(doc, path, out, err, |d, path| Ok(nats_str::view(d.get_str(path)?.as_bytes())))
}

/// The integer at `path`. Errors: `NOT_FOUND`, `WRONG_TYPE` (also for fractions and for numbers
/// that do not fit).
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_get_int(
    doc: *const nats_doc,
    path: nats_str,
    out: Option<&mut MaybeUninit<i64>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    read(doc, path, out, err, Doc::get_int)
}

/// The truth value at `path`: 1 or 0. Errors: `NOT_FOUND`, `WRONG_TYPE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_get_bool(
    doc: *const nats_doc,
    path: nats_str,
    out: Option<&mut MaybeUninit<i32>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    read(doc, path, out, err, |d, path| d.get_bool(path).map(i32::from))
}

/// The number at `path`, integers included. Errors: `NOT_FOUND`, `WRONG_TYPE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_get_double(
    doc: *const nats_doc,
    path: nats_str,
    out: Option<&mut MaybeUninit<f64>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    read(doc, path, out, err, Doc::get_double)
}

/// A copy of what is at `path`, as a document of its own; free it with nats_doc_free().
/// Errors: `NOT_FOUND`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_get_doc(
    doc: *const nats_doc,
    path: nats_str,
    out: Option<&mut MaybeUninit<*mut nats_doc>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    read(doc, path, out, err, |d, path| handle::insert(Document::new(d.get_doc(path)?)))
}

/// The number of elements of the array, members of the object or bytes of the string at `path`.
/// Errors: `NOT_FOUND`, `WRONG_TYPE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_doc_len(
    doc: *const nats_doc,
    path: nats_str,
    out: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
) -> nats_status {
    read(doc, path, out, err, Doc::len)
}

fn change(
    doc: *mut nats_doc,
    path: nats_str,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
    body: impl FnOnce(&mut Doc, &str) -> Result<()>,
) -> nats_status {
    guard(err, || {
        let document = handle::get::<Document>(doc)?;
        let path = path.text("path", Code::InvalidArgument)?;
        body(&mut lock(&document.0).0, path)
    })
}

fn read<T>(
    doc: *const nats_doc,
    path: nats_str,
    out: Option<&mut MaybeUninit<T>>,
    err: Option<&mut MaybeUninit<*mut nats_error>>,
    body: impl FnOnce(&Doc, &str) -> Result<T>,
) -> nats_status {
    guard_out(out, err, || {
        let document = handle::get::<Document>(doc)?;
        body(&lock(&document.0).0, path.text("path", Code::InvalidArgument)?)
    })
}
