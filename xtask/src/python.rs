//! Generated parts of the Python binding: the exceptions and the tables of options.

mod errors;
mod options;

pub(crate) use errors::class;

use crate::generate::Maker;

/// The files and what makes them.
pub(crate) const FILES: &[(&str, Maker)] = &[
    ("bindings/python/python/nats_ffi/errors.py", errors::text),
    ("bindings/python/python/nats_ffi/_options.py", options::text),
];

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    wrapped(&format!("{first}{}", letters.as_str()))
}

/// The text in lines that fit an indented docstring.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut column = 7;
    for word in text.split(' ') {
        if column + word.len() > 92 {
            out.push_str("\n    ");
            column = 4;
        } else if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        column += word.len() + 1;
    }
    out
}
