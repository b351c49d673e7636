//! What tests need of the server, so that they run against every version that is supported.

use std::fmt::Debug;

use nats_core::{Client, Code, Result};

/// Whether the connection's server is at least of this version.
pub(crate) fn is_at_least(client: &Client, (major, minor): (u32, u32)) -> bool {
    client.server_info().version_at_least(major, minor, 0)
}

/// Whether the server is older than this version. What needs that version must have been refused then,
/// with [`Code::Unsupported`] and what is lacking; `make versions` counts the line that is written.
#[track_caller]
pub(crate) fn lacks<T: Debug>(client: &Client, version: (u32, u32), result: &Result<T>) -> bool {
    if is_at_least(client, version) {
        return false;
    }
    let error = result.as_ref().expect_err("what needs a newer server");
    assert_eq!(error.code(), Code::Unsupported, "{error}");
    let lacking = error.text().split(", the connection is with ").next().unwrap_or_default();
    let said = lacking.rsplit_once(" needs server 2.").map(|(_, minor)| minor.parse::<u32>());
    let Some(Ok(minor)) = said else { panic!("{error} does not say what is needed") };
    // Of several things that are lacking one is named.
    assert!((2, minor) <= version && !is_at_least(client, (2, minor)), "{error}");
    println!("not supported: {lacking}");
    true
}

/// The result of what needs a server of at least this version, which must succeed there. None: the
/// server [`lacks`] it.
#[track_caller]
pub(crate) fn needs<T: Debug>(
    client: &Client,
    version: (u32, u32),
    result: Result<T>,
) -> Option<T> {
    if lacks(client, version, &result) {
        return None;
    }
    Some(result.unwrap_or_else(|error| panic!("{error}")))
}
