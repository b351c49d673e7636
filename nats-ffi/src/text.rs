//! Texts that the library makes for the program.

use nats_core::Secret;

use crate::guard::{guard_status, guard_value};
use crate::handle;
use crate::types::{nats_status, nats_str};

/// A text that the library has made for the program, for example a JWT. It is wiped from memory
/// when it is freed, since many of these are secrets.
pub struct nats_text(());

/// The characters of a text. The view lives until the text is freed; it is empty for NULL and for
/// handles that are not valid. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn nats_text_view(text: *const nats_text) -> nats_str {
    guard_value(nats_str::EMPTY, || match handle::get::<Secret>(text) {
        Ok(text) => nats_str::view(text.expose().as_bytes()),
        Err(_) => nats_str::EMPTY,
    })
}

/// Wipes and frees a text. NULL is fine; one that was freed before is `NATS_ERR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn nats_text_free(text: *mut nats_text) -> nats_status {
    guard_status(|| handle::free::<Secret>(text))
}
