//! The code in README.md is the code in examples/, letter by letter.
//!
//! A comment on the line before a fenced block names its source: `<!-- example: PATH -->` for the
//! part of the file between the comments `[quickstart]` and `[/quickstart]`, without its
//! indentation, and `<!-- example-file: PATH -->` for the whole file.

use crate::Outcome;
use crate::output::{read, settle};

const README: &str = "README.md";
const FENCE: &str = "```";
const BEGIN: &str = "[quickstart]";
const END: &str = "[/quickstart]";
/// A quick start is quick.
const LONGEST: usize = 10;

/// Puts the examples into README.md; with `check` only says that they differ.
pub(crate) fn run(check: bool) -> Outcome {
    let text = filled(&read(README)?, &read)?;
    settle(README, &text, check, "readme")
}

/// The text with every marked block filled from its source.
fn filled(text: &str, load: &dyn Fn(&str) -> Result<String, String>) -> Result<String, String> {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        push(&mut out, line);
        let Some(code) = source(line, load)? else { continue };
        let opening = lines.next().filter(|line| line.starts_with(FENCE));
        push(&mut out, opening.ok_or(format!("no code block follows: {line}"))?);
        if !lines.any(|line| line == FENCE) {
            return Err(format!("the code block has no end: {line}"));
        }
        out.push_str(&code);
        push(&mut out, FENCE);
    }
    Ok(out)
}

/// The code that a comment asks for; none for any other line.
fn source(
    line: &str,
    load: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Option<String>, String> {
    let Some(words) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) else {
        return Ok(None);
    };
    match words.split_once(": ") {
        Some(("example", path)) => part(path, &load(path)?).map(Some),
        Some(("example-file", path)) => load(path).map(Some),
        _ => Ok(None),
    }
}

fn part(path: &str, text: &str) -> Result<String, String> {
    let mut lines = text.lines().skip_while(|line| mark(line) != BEGIN);
    if lines.next().is_none() {
        return Err(format!("{path} has no line {BEGIN}"));
    }
    let lines: Vec<&str> = lines.collect();
    let end = lines.iter().position(|line| mark(line) == END);
    let lines = &lines[..end.ok_or(format!("{path} has no line {END}"))?];
    if lines.len() > LONGEST {
        return Err(format!("{path}: a quick start of {} lines, at most {LONGEST}", lines.len()));
    }
    let indents = lines.iter().filter(|line| !line.is_empty());
    let indent = indents.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let mut out = String::new();
    lines.iter().for_each(|line| push(&mut out, line.get(indent..).unwrap_or_default()));
    Ok(out)
}

/// What a comment line says, in any of our languages.
fn mark(line: &str) -> &str {
    line.trim().trim_start_matches(['/', '#']).trim_start()
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
fn main() {
    // [quickstart]
    if a {
        b();
    }

    c();
    // [/quickstart]
}
";

    fn fill(text: &str) -> Result<String, String> {
        filled(text, &|path| match path {
            "a.rs" => Ok(SOURCE.to_owned()),
            "c.py" => Ok(SOURCE.replace("//", "#")),
            "b.rs" => Ok("no region\n".to_owned()),
            _ => Err(format!("{path}: no such file")),
        })
    }

    #[test]
    fn blocks_are_filled_and_the_rest_stays() {
        let text = "# Title\n<!-- example: a.rs -->\n```rust\nold\n```\n```sh\nmake\n```\n";
        let part = "if a {\n    b();\n}\n\nc();\n";
        let new = text.replace("old\n", part);
        assert_eq!(fill(text).unwrap(), new);
        assert_eq!(fill(&new).unwrap(), new);
        let script = |text: &str| text.replace("a.rs", "c.py");
        assert_eq!(fill(&script(text)).unwrap(), script(&new));
        let whole = "<!-- example-file: a.rs -->\n```rust\n```\n";
        assert_eq!(fill(whole).unwrap(), whole.replace("rust\n", &format!("rust\n{SOURCE}")));
    }

    #[test]
    fn missing_files_regions_and_blocks_are_errors() {
        for text in [
            "<!-- example: d.rs -->\n```\n```\n",
            "<!-- example: b.rs -->\n```\n```\n",
            "<!-- example: a.rs -->\n\n```\n```\n",
            "<!-- example: a.rs -->\n```\n",
        ] {
            assert!(fill(text).is_err(), "{text}");
        }
    }
}
