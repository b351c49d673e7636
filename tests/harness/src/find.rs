//! Where the nats-server binary is.

use std::env;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

const IN_CHECKOUT: &str = ".tools/bin/nats-server";

/// The nats-server to run: the `NATS_SERVER` environment variable, else the copy that `make tools`
/// put into the checkout, else the first one on `PATH`.
///
/// # Errors
/// None of the three exists. Tests fail then; they are never skipped.
pub fn find_server() -> Result<PathBuf> {
    if let Some(named) = env::var_os("NATS_SERVER").filter(|v| !v.is_empty()) {
        let path = PathBuf::from(named);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(Error::new(format!("NATS_SERVER={} is not a file", path.display())))
        };
    }
    in_checkout().or_else(on_path).ok_or_else(|| {
        Error::new(format!(
            "nats-server not found: no NATS_SERVER, no {IN_CHECKOUT} in the checkout and none on \
             PATH. Run `make tools` in the checkout."
        ))
    })
}

fn in_checkout() -> Option<PathBuf> {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR"));
    let current = env::current_dir().unwrap_or_default();
    let candidates = built_in.ancestors().chain(current.ancestors());
    candidates.map(|dir| dir.join(IN_CHECKOUT)).find(|file| file.is_file())
}

fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join("nats-server")).find(|file| file.is_file())
}
