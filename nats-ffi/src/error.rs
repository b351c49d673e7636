//! Error objects and the texts of statuses.

use nats_core::error::ApiError;
use nats_core::{Code, Error};

use crate::guard::{guard_status, guard_value};
use crate::handle;
use crate::types::{NATS_OK, nats_status, nats_str};

/// What went wrong in one call: a code and a text that names the argument, subject or server
/// concerned. Owned by the caller who received it; free it with nats_error_free().
pub struct nats_error(());

/// The name of a status: "OK", "TIMEOUT" and so on, without the `NATS_ERR_` prefix of the
/// constants; "UNKNOWN" for a number that is none. The view is valid for ever. Never fails.
#[unsafe(no_mangle)]
pub extern "C" fn nats_status_name(status: nats_status) -> nats_str {
    let name = match status {
        NATS_OK => "OK",
        number => Code::from_number(number).map_or("UNKNOWN", Code::name),
    };
    nats_str::view(name.as_bytes())
}

/// One sentence that explains a status in general. The view is valid for ever. Never fails.
#[unsafe(no_mangle)]
pub extern "C" fn nats_status_text(status: nats_status) -> nats_str {
    let text = match status {
        NATS_OK => "success",
        number => Code::from_number(number).map_or("not a status of this library", Code::text),
    };
    nats_str::view(text.as_bytes())
}

/// The code of an error: one of the `NATS_ERR_...` constants. `NATS_OK` for NULL, which stands
/// for "no error"; `NATS_ERR_INVALID_HANDLE` when the error was freed or is no error object.
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn nats_error_code(error: *const nats_error) -> nats_status {
    if error.is_null() {
        return NATS_OK;
    }
    guard_value(Code::Panic.number(), || match handle::get::<Error>(error) {
        Ok(error) => error.code().number(),
        Err(e) => e.code().number(),
    })
}

/// The text of an error, without the name of its code. Never contains credentials. The view lives
/// until the error is freed; it is empty for NULL and for handles that are not valid. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn nats_error_text(error: *const nats_error) -> nats_str {
    guard_value(nats_str::EMPTY, || match handle::get::<Error>(error) {
        Ok(error) => nats_str::view(error.text().as_bytes()),
        Err(_) => nats_str::EMPTY,
    })
}

/// What JetStream refused, in the manner of HTTP: 404 and so on; 0 when it was not JetStream that
/// refused. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn nats_error_api_code(error: *const nats_error) -> i32 {
    api(error, 0, |api| i32::from(api.code))
}

/// JetStream's own number of the refusal, whose name nats_jetstream_err_code_name() has; 0 when it was
/// not JetStream that refused. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn nats_error_api_err_code(error: *const nats_error) -> i32 {
    api(error, 0, |api| i32::from(api.err_code))
}

/// JetStream's own text of the refusal; empty when it was not JetStream that refused. The view lives
/// until the error is freed. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn nats_error_api_description(error: *const nats_error) -> nats_str {
    api(error, nats_str::EMPTY, |api| nats_str::view(api.description.as_bytes()))
}

fn api<T: Copy>(error: *const nats_error, none: T, look: impl FnOnce(&ApiError) -> T) -> T {
    guard_value(none, || match handle::get::<Error>(error) {
        Ok(error) => error.api().map_or(none, look),
        Err(_) => none,
    })
}

/// Frees an error. NULL is fine; an error that was freed before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_error_free(error: *mut nats_error) -> nats_status {
    guard_status(|| handle::free::<Error>(error))
}
