//! Generated parts of the Python binding: the exceptions, the tables of options, and the operations.

mod errors;
mod operations;
mod options;

pub(crate) use errors::class;

use crate::generate::Maker;

/// The files and what makes them.
pub(crate) const FILES: &[(&str, Maker)] = &[
    ("bindings/python/python/nats_ffi/errors.py", errors::text),
    ("bindings/python/python/nats_ffi/_options.py", options::text),
    ("bindings/python/python/nats_ffi/aio/_operations.py", operations::awaited),
    ("bindings/python/python/nats_ffi/sync/_operations.py", operations::blocking),
];

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    wrapped(&format!("{first}{}", letters.as_str()))
}

/// The text in lines that fit an indented docstring.
fn wrapped(text: &str) -> String {
    wrapped_at(text, 4, 7)
}

/// The text in lines that fit, indented by `indent`; the first begins at `column`.
fn wrapped_at(text: &str, indent: usize, mut column: usize) -> String {
    let mut out = String::new();
    for word in text.split(' ') {
        if column + word.len() > 92 {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        column += word.len() + 1;
    }
    out
}
