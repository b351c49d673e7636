//! Options under the names that JavaScript gives them.

use napi_derive::napi;
use nats_bridge::table;

use crate::argument::Text;
use crate::error::{Result, raise};

/// Fails because of an option that is not among the known ones; the error names the nearest.
///
/// # Errors
/// INVALID_OPTION, always.
#[napi(catch_unwind)]
pub fn refuse_option(known: Vec<String>, name: Text) -> Result<()> {
    Err(raise(table::unknown(known.iter().map(String::as_str), name.as_str()?)))
}
