//! Repository chores. `cargo xtask gen` writes the generated files, `cargo xtask gen --check` fails
//! when one is stale, `cargo xtask tidy` prints files, functions and lines that grew too long.
//! `cargo xtask conformance` and `cargo xtask readme` do the same for the table of behaviours and
//! the examples in README.md.

mod conformance;
mod docs;
mod generate;
mod header;
mod node;
mod ops;
mod output;
mod python;
mod readme;
mod tcl;
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
        ["conformance"] => conformance::run(false),
        ["conformance", "--check"] => conformance::run(true),
        ["readme"] => readme::run(false),
        ["readme", "--check"] => readme::run(true),
        ["tidy"] => tidy::run(),
        _ => Err("usage: cargo xtask gen | conformance | readme [--check], or tidy".into()),
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
