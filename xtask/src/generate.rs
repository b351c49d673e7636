//! Writes, or checks, every generated file.

use std::fs;

use crate::{Outcome, docs, header, node, ops, python, root, tcl};

/// Makes the text of a file.
pub(crate) type Maker = fn() -> Result<String, String>;

/// The header is made from the functions, so they come first.
const FILES: &[(&str, Maker)] = &[
    ("nats-ffi/src/ops_gen.rs", ops::functions),
    ("include/nats_ffi.h", header::text),
    ("docs/errors.md", docs::errors),
    ("docs/options.md", docs::options),
    ("docs/ops.md", docs::ops),
];

/// Writes the generated files; with `check` only says which are stale.
pub(crate) fn run(check: bool) -> Outcome {
    let mut stale = Vec::new();
    for (path, make) in [FILES, python::FILES, node::FILES, tcl::FILES].concat() {
        let (text, target) = (make()?, root().join(path));
        if fs::read_to_string(&target).is_ok_and(|now| now == text) {
            continue;
        }
        stale.push(path);
        if !check {
            let folder = target.parent().ok_or("a file without a folder")?;
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&target, text))
                .map_err(|e| format!("{path}: {e}"))?;
            println!("wrote {path}");
        }
    }
    if check && !stale.is_empty() {
        return Err(format!("stale, run `cargo xtask gen`: {}", stale.join(", ")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_files_are_fresh() {
        assert_eq!(super::run(true), Ok(()));
    }
}
