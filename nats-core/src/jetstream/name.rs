//! Names of streams and consumers, which become parts of subjects.

use crate::error::{Code, Error, Result};

/// The longest name that servers take.
const LONGEST: usize = 255;

/// Checks the name of a stream or consumer; `what` says which.
pub(crate) fn check(what: &str, name: &str) -> Result<()> {
    let bad = |reason: &str| {
        let shown = name.chars().take(64).collect::<String>();
        let shown = shown.escape_debug();
        Err(Error::new(Code::InvalidName, format!("{what} \"{shown}\": {reason}")))
    };
    if name.is_empty() {
        return bad("expected a name");
    }
    if name.len() > LONGEST {
        return bad("expected at most 255 bytes");
    }
    let wrong = |c: char| c.is_whitespace() || c.is_control() || ".*>/\\".contains(c);
    if name.contains(wrong) {
        return bad("spaces, '.', '*', '>', '/' and '\\' are not allowed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_single_plain_words() {
        for good in ["ORDERS", "a-b_c", "ä", &"x".repeat(255)] {
            assert!(check("stream", good).is_ok(), "{good}");
        }
        for bad in ["", "a.b", "a b", "a*", ">", "a/b", "a\\b", "a\nb", "a\0", &"x".repeat(256)] {
            let error = check("consumer", bad).unwrap_err();
            assert_eq!(error.code(), Code::InvalidName);
            assert!(error.text().starts_with("consumer"), "{error}");
        }
    }
}
