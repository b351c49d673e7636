//! Files that are written, or checked to be as they would be written.

use std::fs;

use crate::{Outcome, root};

/// Reads a file of the repository.
pub(crate) fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(root().join(path)).map_err(|e| format!("{path}: {e}"))
}

/// Makes the file hold this text; with `check` only says that it does not, and which command helps.
pub(crate) fn settle(path: &str, text: &str, check: bool, command: &str) -> Outcome {
    if read(path).is_ok_and(|now| now == text) {
        return Ok(());
    }
    if check {
        return Err(format!("{path} is stale, run `cargo xtask {command}`"));
    }
    fs::write(root().join(path), text).map_err(|e| format!("{path}: {e}"))?;
    println!("wrote {path}");
    Ok(())
}
