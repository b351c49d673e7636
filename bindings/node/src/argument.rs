//! Arguments read in place: on the way out a message is copied once, into the outbound buffer.

use std::ptr;
use std::time::Duration;

use napi::bindgen_prelude::{FromNapiValue, TypeName, ValidateNapiValue, check_status, sys};
use napi::{Error, Status, ValueType};
use nats_bridge::wait::MAX_WAIT;
use nats_core::{Code, Headers};

use crate::error::{Result, raise};

/// Strings up to this many bytes need no allocation.
const SHORT: usize = 160;

/// A JavaScript string as UTF-8; lone surrogates become U+FFFD.
pub struct Text {
    short: [u8; SHORT],
    len: usize,
    /// Used when the string does not fit `short`.
    long: Vec<u8>,
}

/// What may be sent: a string or a `Uint8Array`. Lives no longer than the native call whose
/// argument it is.
pub struct Payload(Source);

/// Header names and values by turns, flat.
pub type Pairs = Vec<String>;

enum Source {
    Text(Text),
    View(*const u8, usize),
}

impl Text {
    /// The string.
    pub(crate) fn as_str(&self) -> Result<&str> {
        std::str::from_utf8(self.bytes()).map_err(|e| {
            raise(nats_core::Error::new(Code::InvalidArgument, format!("a string: {e}")))
        })
    }

    fn bytes(&self) -> &[u8] {
        if self.long.is_empty() { &self.short[..self.len] } else { &self.long }
    }
}

impl FromNapiValue for Text {
    // SAFETY: the caller's promise is that of the trait: `env` and `value` are live.
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        let mut text = Text { short: [0; SHORT], len: 0, long: Vec::new() };
        let read = |buffer: *mut u8, room: usize, len: &mut usize| {
            // SAFETY: `buffer` is NULL or has `room` bytes; `env` and `value` are live.
            let status =
                unsafe { sys::napi_get_value_string_utf8(env, value, buffer.cast(), room, len) };
            check_status!(status, "expected a string")
        };
        read(text.short.as_mut_ptr(), SHORT, &mut text.len)?;
        // One byte goes to the NUL behind the text, and no character is cut: a longer string fills
        // all but at most three of the others.
        if text.len + 4 >= SHORT {
            read(ptr::null_mut(), 0, &mut text.len)?;
            text.long = vec![0; text.len + 1];
            read(text.long.as_mut_ptr(), text.len + 1, &mut text.len)?;
            text.long.truncate(text.len);
        }
        Ok(text)
    }
}

impl Payload {
    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.0 {
            Source::Text(text) => text.bytes(),
            // SAFETY: see from_napi_value(); the pointer is not NULL.
            Source::View(data, len) => unsafe { std::slice::from_raw_parts(*data, *len) },
        }
    }
}

impl FromNapiValue for Payload {
    // SAFETY: the caller's promise is that of the trait: `env` and `value` are live. The view stays
    // valid because the array is an argument of the running native call, which never calls back
    // into JavaScript.
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        let mut is_array = false;
        // SAFETY: `env` and `value` are live, the out-parameter is valid.
        check_status!(unsafe { sys::napi_is_typedarray(env, value, &mut is_array) })?;
        if !is_array {
            // SAFETY: `env` and `value` are live.
            let text = unsafe { Text::from_napi_value(env, value) }?;
            return Ok(Payload(Source::Text(text)));
        }
        let (mut kind, mut len, mut data) = (0, 0, ptr::null_mut());
        let (mut buffer, mut offset) = (ptr::null_mut(), 0);
        // SAFETY: `value` is a live typed array, the out-parameters are valid.
        let status = unsafe {
            let out = (&mut kind, &mut len, &mut data, &mut buffer, &mut offset);
            sys::napi_get_typedarray_info(env, value, out.0, out.1, out.2, out.3, out.4)
        };
        check_status!(status)?;
        if kind != sys::TypedarrayType::uint8_array {
            return Err(Error::new(Status::InvalidArg, "expected a string or Uint8Array"));
        }
        let empty = data.is_null() || len == 0;
        let data = if empty { ptr::NonNull::dangling().as_ptr() } else { data.cast::<u8>() };
        Ok(Payload(Source::View(data.cast_const(), if empty { 0 } else { len })))
    }
}

macro_rules! described {
    ($($type:ident $kind:ident $text:literal;)*) => {$(
        impl TypeName for $type {
            fn type_name() -> &'static str {
                $text
            }
            fn value_type() -> ValueType {
                ValueType::$kind
            }
        }
        impl ValidateNapiValue for $type {}
    )*};
}

described! {
    Text String "string";
    Payload Unknown "string or Uint8Array";
}

/// The headers of a message to send.
pub(crate) fn headers(pairs: Option<Pairs>) -> Result<Option<Headers>> {
    let Some(pairs) = pairs else { return Ok(None) };
    let mut headers = Headers::new();
    for pair in pairs.chunks_exact(2) {
        headers.append(&pair[0], &pair[1]).map_err(raise)?;
    }
    Ok(Some(headers))
}

/// A number of milliseconds, which the scripts have found to be more than zero.
pub(crate) fn duration(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).map_or(MAX_WAIT, |time| time.min(MAX_WAIT))
}
