//! Repository chores. `cargo xtask gen` writes the generated files, `cargo xtask gen --check` fails
//! when one is stale, `cargo xtask tidy` prints files, functions and lines that grew too long.

mod docs;
mod generate;
mod header;
mod ops;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a subcommand yields: success or a text for the user.
pub(crate) type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["gen"] => generate::run(false),
        ["gen", "--check"] => generate::run(true),
        ["tidy"] => tidy::run(),
        _ => Err("usage: cargo xtask gen [--check] | tidy".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("xtask: {text}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
