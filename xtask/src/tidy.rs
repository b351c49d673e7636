//! Prints what grew too long. A hint for people, never a failure.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Outcome, root};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;
const COLUMNS: usize = 100;

/// Looks at every hand-written source file of the repository.
pub(crate) fn run() -> Outcome {
    let root = root();
    let mut files = Vec::new();
    collect(&root, &mut files).map_err(|e| e.to_string())?;
    files.sort();
    for path in files {
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        for finding in findings(&text) {
            println!("{name}{finding}");
        }
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "build", "node_modules"].contains(&name) {
                collect(&path, files)?;
            }
        } else {
            let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            let source = ["rs", "c", "h", "hpp", "cpp", "py", "sh"].contains(&extension);
            if source && !["nats_ffi.h", "ops_gen.rs"].contains(&name) {
                files.push(path);
            }
        }
    }
    Ok(())
}

/// The outliers of one file, each as text behind the file's name.
fn findings(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > FILE_LINES {
        out.push(format!(": {} lines", lines.len()));
    }
    for (i, line) in lines.iter().enumerate() {
        let columns = line.chars().count();
        if columns > COLUMNS {
            out.push(format!(":{}: {columns} columns", i + 1));
        }
        if let Some(name) = function_name(line)
            && has_body(&lines[i..])
        {
            let indent = line.len() - line.trim_start().len();
            let closing = format!("{}}}", " ".repeat(indent));
            let length = lines[i..].iter().position(|l| *l == closing).map_or(0, |n| n + 1);
            if length > FUNCTION_LINES {
                out.push(format!(":{}: {name} has {length} lines", i + 1));
            }
        }
    }
    out
}

/// Whether the signature on the first of these lines leads to a body.
fn has_body(lines: &[&str]) -> bool {
    let end = lines.iter().find(|line| line.ends_with(['{', ';', '}']));
    end.is_some_and(|line| line.ends_with('{'))
}

/// The name of the Rust function that begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.trim_start().split_once("fn ")?;
    let words = ["pub", "pub(crate)", "pub(super)", "async", "const", "unsafe", "extern", "\"C\""];
    if !before.split_whitespace().all(|word| words.contains(&word)) {
        return None;
    }
    after.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_things_are_found() {
        let body = "    x();\n".repeat(FUNCTION_LINES);
        let text = format!("pub(crate) async fn long() {{\n{body}}}\nfn short() {{\n}}\n");
        let declared = format!("fn declared();\n{body}}}\n");
        assert!(findings(&declared).is_empty());
        assert_eq!(findings(&text), [format!(":1: long has {} lines", FUNCTION_LINES + 2)]);
        assert_eq!(findings(&"x".repeat(COLUMNS + 1)), [":1: 101 columns"]);
        assert_eq!(findings(&"\n".repeat(FILE_LINES + 1)), [": 401 lines"]);
        assert!(findings("// call fn often\n").is_empty());
    }
}
