//! The names of buckets and keys, which become parts of subjects.

use crate::error::{Code, Error, Result};

/// What the names of streams begin with that keep buckets.
pub(crate) const STREAM: &str = "KV_";

/// The name of the stream that keeps a bucket.
///
/// # Errors
/// [`Code::InvalidName`].
pub(crate) fn stream_of(bucket: &str) -> Result<String> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if bucket.is_empty() || bucket.len() > 240 || !bucket.chars().all(is_fine) {
        return Err(bad("bucket", bucket, "1 to 240 of A-Z, a-z, 0-9, '_' and '-'"));
    }
    Ok(format!("{STREAM}{bucket}"))
}

/// The bucket that a stream of its kind keeps.
pub(crate) fn bucket_of(stream: &str) -> &str {
    stream.strip_prefix(STREAM).unwrap_or(stream)
}

/// # Errors
/// [`Code::InvalidName`].
pub(crate) fn check_key(key: &str) -> Result<()> {
    if is_key(key, "") { Ok(()) } else { Err(bad("key", key, EXPECTED)) }
}

/// Checks keys of which some words may be wildcards.
///
/// # Errors
/// [`Code::InvalidName`].
pub(crate) fn check_filter(filter: &str) -> Result<()> {
    let wildcards = filter.split('.').enumerate().all(|(index, word)| match word {
        ">" => filter.split('.').count() == index + 1,
        "*" => true,
        plain => !plain.contains(['*', '>']),
    });
    if wildcards && is_key(filter, "*>") {
        return Ok(());
    }
    Err(bad("filter", filter, "a key, of which words may be '*', and the last one '>'"))
}

const EXPECTED: &str = "words of A-Z, a-z, 0-9, '-', '_', '/' and '=' with single dots between";

fn is_key(key: &str, more: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_/=.".contains(c) || more.contains(c);
    key.chars().all(is_fine) && key.split('.').all(|word| !word.is_empty())
}

fn bad(what: &str, name: &str, expected: &str) -> Error {
    let shown: String = name.chars().take(64).collect();
    let text = format!("{what} \"{}\": expected {expected}", shown.escape_debug());
    Error::new(Code::InvalidName, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_single_plain_words() {
        assert_eq!(stream_of("a-B_9").unwrap(), "KV_a-B_9");
        for bad in ["", "a.b", "a b", "*", "a>", "ä", &"x".repeat(241)] {
            let error = stream_of(bad).unwrap_err();
            assert_eq!(error.code(), Code::InvalidName);
            assert!(error.text().starts_with("bucket"), "{error}");
        }
    }

    #[test]
    fn keys_are_words_with_dots() {
        for good in ["a", "a.b", "a/b=c.d-e_f", "A.9"] {
            assert!(check_key(good).is_ok() && check_filter(good).is_ok(), "{good}");
        }
        for bad in ["", ".", ".a", "a.", "a..b", "a b", "ä", "a\r\nb", "a\0"] {
            assert_eq!(check_key(bad).unwrap_err().code(), Code::InvalidName, "{bad:?}");
            assert!(check_filter(bad).is_err(), "{bad:?}");
        }
        for filter in [">", "*", "a.*", "*.b", "a.>", "a.*.>"] {
            assert!(check_key(filter).is_err() && check_filter(filter).is_ok(), "{filter}");
        }
        for bad in ["a>", "*a", "a.>.b", ">.>", "a.**"] {
            assert!(check_filter(bad).is_err(), "{bad}");
        }
    }
}
