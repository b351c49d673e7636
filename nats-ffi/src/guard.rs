//! The boundary: results become statuses, panics become errors.

use std::any::Any;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nats_core::{Code, Error, Result};

use crate::error::nats_error;
use crate::handle;
use crate::types::{NATS_OK, nats_status, null};

/// Where a caller wants the error object, if anywhere.
pub(crate) type ErrorOut<'a> = Option<&'a mut MaybeUninit<*mut nats_error>>;

/// Runs `body`, catching panics; on failure hands the error to `err`.
pub(crate) fn guard(err: ErrorOut<'_>, body: impl FnOnce() -> Result<()>) -> nats_status {
    let result = caught(body);
    report(err, result)
}

/// Like [`guard`] for a body with a value, which is written to `out` on success only.
pub(crate) fn guard_out<T>(
    out: Option<&mut MaybeUninit<T>>,
    err: ErrorOut<'_>,
    body: impl FnOnce() -> Result<T>,
) -> nats_status {
    guard(err, || {
        let out = out.ok_or_else(|| null("the output pointer"))?;
        out.write(body()?);
        Ok(())
    })
}

/// Like [`guard`] for functions without an error out-parameter.
pub(crate) fn guard_status(body: impl FnOnce() -> Result<()>) -> nats_status {
    guard(None, body)
}

/// Runs an accessor that cannot report errors; `fallback` is its answer to a panic.
pub(crate) fn guard_value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

#[inline]
fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(panicked(&panic)))
}

#[cold]
fn panicked(panic: &Box<dyn Any + Send>) -> Error {
    Error::new(Code::Panic, nats_bridge::runtime::text(panic).to_owned())
}

#[inline]
fn report(err: ErrorOut<'_>, result: Result<()>) -> nats_status {
    let Err(error) = result else {
        if let Some(err) = err {
            err.write(std::ptr::null_mut());
        }
        return NATS_OK;
    };
    failed(err, error)
}

#[cold]
fn failed(err: ErrorOut<'_>, error: Error) -> nats_status {
    let status = error.code().number();
    if let Some(err) = err {
        err.write(handle::insert_error(error));
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_text() {
        let mut err = MaybeUninit::uninit();
        let status = guard(Some(&mut err), || panic!("broken {}", 7));
        assert_eq!(status, Code::Panic.number());
        // SAFETY: guard always writes.
        let err = unsafe { err.assume_init() };
        assert_eq!(handle::get::<Error>(err).unwrap().text(), "broken 7");
        handle::free::<Error>(err).unwrap();
    }

    #[test]
    fn outputs_are_written_on_success_only() {
        let mut out = MaybeUninit::new(5);
        let failed = guard_out(Some(&mut out), None, || Err(Code::Timeout.into()));
        assert_eq!(failed, Code::Timeout.number());
        // SAFETY: initialised above.
        assert_eq!(unsafe { out.assume_init() }, 5);
        assert_eq!(guard_out(Some(&mut out), None, || Ok(6)), NATS_OK);
        // SAFETY: as above.
        assert_eq!(unsafe { out.assume_init() }, 6);
        assert_eq!(guard_out(None, None, || Ok(6)), Code::InvalidArgument.number());
    }

    #[test]
    fn the_error_pointer_is_cleared_on_success() {
        let mut err = MaybeUninit::new(std::ptr::dangling_mut());
        assert_eq!(guard(Some(&mut err), || Ok(())), NATS_OK);
        // SAFETY: initialised.
        assert!(unsafe { err.assume_init() }.is_null());
    }
}
