//! Options under the names that JavaScript gives them.

use napi_derive::napi;
use nats_bridge::table;

use crate::argument::Text;
use crate::error::{Result, raise};

/// Fails because of an option that is not among the known ones; the error names the nearest.
/// `noun`: what it is instead of an option.
///
/// # Errors
/// INVALID_OPTION, always.
#[napi(catch_unwind)]
pub fn refuse_option(known: Vec<String>, name: Text, noun: Option<String>) -> Result<()> {
    let noun = noun.as_deref().unwrap_or("option");
    let known = known.iter().map(String::as_str);
    Err(raise(table::unknown_called(noun, known, name.as_str()?)))
}
