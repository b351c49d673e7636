//! The transparent types of the ABI: strings, bytes, statuses and callbacks.

use std::ffi::{CStr, c_char, c_void};
use std::time::Duration;

use nats_core::{Code, Error, Result};

/// The version of the binary interface. Programs compiled with an older header keep working as
/// long as this number stays the same.
pub const NATS_ABI_VERSION: u32 = 1;

/// Use the exclusive, per-request inbox of classic requests instead of the shared one.
pub const NATS_REQUEST_OWN_INBOX: u32 = 1;

/// `NATS_OK`, or the number of a `NATS_ERR_...` constant.
pub type nats_status = i32;

pub(crate) const NATS_OK: nats_status = 0;

/// The length that says "terminated by NUL".
pub(crate) const NATS_ZSTR: usize = usize::MAX;

/// A view of text: pointer and length, not owned.
///
/// As an argument the text must be UTF-8 and is copied when it is needed after the call; `len`
/// may be `NATS_ZSTR` for text that ends with NUL; a NULL `ptr` is the empty text. As a result
/// the view is never NUL-terminated and lives as long as the object it came from (each function
/// says so); text that came from a peer may hold any bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nats_str {
    pub(crate) ptr: *const c_char,
    pub(crate) len: usize,
}

/// A view of bytes: pointer and length, not owned. A NULL `ptr` is accepted with length 0 only.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nats_bytes {
    pub(crate) ptr: *const u8,
    pub(crate) len: usize,
}

/// Runs exactly once, when the library will not use `user` again: after the last callback that
/// received it has returned, or before the function that took it returns with an error. It runs
/// on a delivery thread or on the thread that gave up the last reference, and must not block.
pub type nats_destroy_cb = Option<unsafe extern "C" fn(user: *mut c_void)>;

impl nats_str {
    pub(crate) const EMPTY: nats_str = nats_str { ptr: std::ptr::null(), len: 0 };

    /// A string argument.
    ///
    /// # Safety
    /// `ptr` is NULL, or points to `len` bytes (to NUL-terminated ones when `len` is
    /// `usize::MAX`) that stay unchanged as long as the value is in use.
    pub const unsafe fn new(ptr: *const c_char, len: usize) -> nats_str {
        nats_str { ptr, len }
    }

    /// Where the text begins.
    pub fn as_ptr(&self) -> *const c_char {
        self.ptr
    }

    /// Its length in bytes, or `usize::MAX` for NUL-terminated text.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn view(bytes: &[u8]) -> nats_str {
        nats_str { ptr: bytes.as_ptr().cast(), len: bytes.len() }
    }

    pub(crate) fn maybe(bytes: Option<&[u8]>) -> nats_str {
        bytes.map_or(nats_str::EMPTY, nats_str::view)
    }

    /// The text of the argument called `what`; `code` is reported when it is not UTF-8.
    #[inline]
    pub(crate) fn text(&self, what: &str, code: Code) -> Result<&str> {
        let bytes = self.bytes(what)?;
        if is_ascii(bytes) {
            // SAFETY: ASCII is UTF-8; most subjects are, and this look at them is much shorter.
            return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
        }
        utf8(bytes, what, code)
    }

    /// Like [`nats_str::text`], with `None` for the absent or empty text.
    #[inline]
    pub(crate) fn optional(&self, what: &str, code: Code) -> Result<Option<&str>> {
        if self.len == 0 {
            return Ok(None);
        }
        let text = self.text(what, code)?;
        Ok(if text.is_empty() { None } else { Some(text) })
    }

    #[inline]
    fn bytes(&self, what: &str) -> Result<&[u8]> {
        if self.ptr.is_null() {
            return match self.len {
                0 | NATS_ZSTR => Ok(&[]),
                len => Err(null_with_length(what, len)),
            };
        }
        if self.len == NATS_ZSTR {
            // SAFETY: not NULL, and the maker of the value promised NUL-terminated text.
            return Ok(unsafe { CStr::from_ptr(self.ptr) }.to_bytes());
        }
        check_length(what, self.len)?;
        // SAFETY: not NULL, at most isize::MAX, and the maker promised `len` readable bytes.
        Ok(unsafe { std::slice::from_raw_parts(self.ptr.cast(), self.len) })
    }
}

impl nats_bytes {
    pub(crate) const EMPTY: nats_bytes = nats_bytes { ptr: std::ptr::null(), len: 0 };

    /// A bytes argument.
    ///
    /// # Safety
    /// `ptr` is NULL, or points to `len` bytes that stay unchanged as long as the value is in use.
    pub const unsafe fn new(ptr: *const u8, len: usize) -> nats_bytes {
        nats_bytes { ptr, len }
    }

    /// Where the bytes begin.
    pub fn as_ptr(&self) -> *const u8 {
        self.ptr
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn view(bytes: &[u8]) -> nats_bytes {
        nats_bytes { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// The bytes of the argument called `what`.
    pub(crate) fn bytes(&self, what: &str) -> Result<&[u8]> {
        if self.ptr.is_null() {
            return if self.len == 0 { Ok(&[]) } else { Err(null_with_length(what, self.len)) };
        }
        check_length(what, self.len)?;
        // SAFETY: not NULL, at most isize::MAX, and the maker promised `len` readable bytes.
        Ok(unsafe { std::slice::from_raw_parts(self.ptr, self.len) })
    }
}

/// As the method of this name, and faster for so few bytes as subjects have.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) else {
        return bytes.is_ascii();
    };
    let high = |chunk: &[u8; 8]| u64::from_ne_bytes(*chunk) & 0x8080_8080_8080_8080;
    let middle = bytes.get(8..).unwrap_or_default().chunks_exact(8);
    middle.fold(high(first) | high(last), |seen, chunk| seen | chunk.first_chunk().map_or(0, high))
        == 0
}

fn utf8<'a>(bytes: &'a [u8], what: &str, code: Code) -> Result<&'a str> {
    std::str::from_utf8(bytes)
        .map_err(|e| Error::new(code, format!("{what}: not UTF-8 at byte {}", e.valid_up_to())))
}

/// A timeout argument. Zero stays zero: its meaning is the caller's.
pub(crate) fn timeout(timeout_ms: i64) -> Result<Duration> {
    match u64::try_from(timeout_ms) {
        Ok(ms) => Ok(Duration::from_millis(ms).min(nats_bridge::wait::MAX_WAIT)),
        Err(_) => Err(Error::new(
            Code::InvalidArgument,
            format!("timeout_ms: {timeout_ms} is negative; expected 0 or more milliseconds"),
        )),
    }
}

/// A timeout argument whose zero, given as `None`, stands for an option's value.
pub(crate) fn timeout_option(timeout_ms: i64) -> Result<Option<Duration>> {
    Ok(Some(timeout(timeout_ms)?).filter(|t| !t.is_zero()))
}

/// The error for a NULL pointer where `what` is needed.
pub(crate) fn null(what: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("{what} is NULL"))
}

#[cold]
fn null_with_length(what: &str, len: usize) -> Error {
    Error::new(Code::InvalidArgument, format!("{what}: NULL pointer with length {len}"))
}

#[inline]
fn check_length(what: &str, len: usize) -> Result<()> {
    if len <= isize::MAX as usize { Ok(()) } else { Err(too_long(what, len)) }
}

#[cold]
fn too_long(what: &str, len: usize) -> Error {
    let text = format!("{what}: length {len} is larger than any object can be");
    Error::new(Code::InvalidArgument, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ptr: *const c_char, len: usize) -> Result<String, Code> {
        nats_str { ptr, len }
            .text("t", Code::InvalidSubject)
            .map(str::to_owned)
            .map_err(|e| e.code())
    }

    #[test]
    fn strings_in_every_form() {
        let bytes = c"abc\xffdef";
        assert_eq!(text(bytes.as_ptr(), 3), Ok("abc".into()));
        assert_eq!(text(c"abc".as_ptr(), NATS_ZSTR), Ok("abc".into()));
        assert_eq!(text(bytes.as_ptr(), NATS_ZSTR), Err(Code::InvalidSubject));
        assert_eq!(text(std::ptr::null(), 0), Ok(String::new()));
        assert_eq!(text(std::ptr::null(), NATS_ZSTR), Ok(String::new()));
        assert_eq!(text(std::ptr::null(), 5), Err(Code::InvalidArgument));
        assert_eq!(text(c"".as_ptr(), usize::MAX - 1), Err(Code::InvalidArgument));
        assert_eq!(text(c"".as_ptr(), isize::MAX as usize + 1), Err(Code::InvalidArgument));
    }

    #[test]
    fn bytes_in_every_form() {
        let code =
            |ptr, len| nats_bytes { ptr, len }.bytes("p").map(<[u8]>::len).map_err(|e| e.code());
        assert_eq!(code(b"xyz".as_ptr(), 3), Ok(3));
        assert_eq!(code(std::ptr::null(), 0), Ok(0));
        assert_eq!(code(std::ptr::null(), 1), Err(Code::InvalidArgument));
        assert_eq!(code(b"x".as_ptr(), usize::MAX), Err(Code::InvalidArgument));
    }

    #[test]
    fn timeouts_never_overflow() {
        assert_eq!(timeout(i64::MAX).unwrap(), nats_bridge::wait::MAX_WAIT);
        assert_eq!(timeout(-1).unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(timeout(i64::MIN).unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(timeout_option(0).unwrap(), None);
        assert_eq!(timeout_option(3).unwrap(), Some(Duration::from_millis(3)));
    }

    #[test]
    fn layouts_are_frozen() {
        assert_eq!((size_of::<nats_str>(), align_of::<nats_str>()), (16, 8));
        assert_eq!((size_of::<nats_bytes>(), align_of::<nats_bytes>()), (16, 8));
        assert_eq!(size_of::<nats_status>(), 4);
        assert_eq!(std::mem::offset_of!(nats_str, len), 8);
        assert_eq!(std::mem::offset_of!(nats_bytes, len), 8);
    }
}
