//! Header blocks, names and subjects.

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use nats_core::proto::subject;
use nats_core::{HeaderBlock, Headers};

use crate::argument::Text;
use crate::error::{Result, raise};

/// A received header block.
#[napi(object, object_from_js = false)]
pub struct Parsed {
    /// The status, 0 for none.
    pub code: u32,
    /// The text behind the status.
    pub description: String,
    /// Names and values by turns, in order.
    pub pairs: Vec<String>,
}

/// Reads a header block that came with a message.
#[napi(catch_unwind)]
pub fn parse_headers(block: Uint8Array) -> Parsed {
    let block = HeaderBlock::new(&block);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Parsed {
        code: block.status().map_or(0, u32::from),
        description: block.description().map(text).unwrap_or_default(),
        pairs: block.iter().flat_map(|(name, value)| [text(name), text(value)]).collect(),
    }
}

/// Checks a header to send.
///
/// # Errors
/// INVALID_HEADER.
#[napi(catch_unwind)]
pub fn check_header(name: Text, value: Text) -> Result<()> {
    Headers::new().append(name.as_str()?, value.as_str()?).map_err(raise)
}

/// Checks what inbox subjects are to begin with.
///
/// # Errors
/// INVALID_OPTION.
#[napi(catch_unwind)]
pub fn check_inbox_prefix(prefix: Text) -> Result<()> {
    subject::check_inbox_prefix(prefix.as_str()?).map_err(raise)
}

/// The regular expression for subjects that need no check before they are put down.
#[napi(catch_unwind)]
pub fn plain_subjects() -> &'static str {
    subject::PLAIN
}
