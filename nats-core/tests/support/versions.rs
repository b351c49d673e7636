//! What tests need of the server, so that they run against every version that is supported.

use std::fmt::Debug;

use nats_core::{Client, Code, Result};

/// Whether the connection's server is at least of this version.
pub(crate) fn is_at_least(client: &Client, (major, minor): (u32, u32)) -> bool {
    client.server_info().version_at_least(major, minor, 0)
}

/// The result of what needs a server of at least this version. None: the server is older, and it was
/// refused as it has to be, with [`Code::Unsupported`] and the version; `make versions` counts the line
/// that is written then.
#[track_caller]
pub(crate) fn needs<T: Debug>(
    client: &Client,
    version: (u32, u32),
    what: &str,
    result: Result<T>,
) -> Option<T> {
    if is_at_least(client, version) {
        return Some(result.unwrap_or_else(|error| panic!("{what}: {error}")));
    }
    let (major, minor) = version;
    let error = result.expect_err(what);
    assert_eq!(error.code(), Code::Unsupported, "{what}: {error}");
    let needed = format!("needs server {major}.{minor}");
    assert!(error.text().contains(&needed), "{what}: {error} does not say \"{needed}\"");
    println!("not supported: {what} ({needed})");
    None
}
