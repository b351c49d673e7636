//! Free TCP ports that stay ours while a server is down for a restart.

use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::{Error, Result};

// Below the range from which systems take the source ports of outgoing connections: such a
// connection could otherwise sit on the port of a server that is about to come back.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port that no other harness on this machine uses until this value is dropped.
///
/// The lease is a locked file, which the system unlocks when the process dies.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Leases a port that nobody listens on.
    pub(crate) fn lease() -> Result<Self> {
        let dir = std::env::temp_dir().join("nats-harness-ports");
        fs::create_dir_all(&dir).map_err(|e| Error::because(dir.display(), e))?;
        // Other users of the machine share the directory; only its owner can and need do this.
        let _ = fs::set_permissions(&dir, Permissions::from_mode(0o777));
        let start = RandomState::new().build_hasher().finish() % u64::from(COUNT);
        let candidates = (start as u16..COUNT).chain(0..start as u16).map(|n| FIRST + n);
        candidates
            .filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
            .find_map(|number| lock_file(&dir, number).map(|_lock| Self { number, _lock }))
            .ok_or_else(|| Error::new("no free port for a server"))
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

fn lock_file(dir: &Path, number: u16) -> Option<File> {
    let open = || -> io::Result<File> {
        let path = dir.join(number.to_string());
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        let _ = file.set_permissions(Permissions::from_mode(0o666));
        file.try_lock()?;
        Ok(file)
    };
    open().ok()
}
