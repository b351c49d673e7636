//! The server's JetStream error codes (`err_code`), by name.

/// The codes and their names, sorted, as nats-server names them (2.15).
pub const ERR_CODES: &[(u16, &str)] = &[(10059, "STREAM_NOT_FOUND")];

/// The name of a code, for example `STREAM_NOT_FOUND` of 10059; None: one that this version does not
/// know.
pub fn err_code_name(code: u16) -> Option<&'static str> {
    let at = ERR_CODES.binary_search_by_key(&code, |(number, _)| *number).ok()?;
    Some(ERR_CODES[at].1)
}
