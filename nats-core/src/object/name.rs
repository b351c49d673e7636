//! The names of buckets and objects, and the subjects they become parts of.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;

use crate::error::{Code, Error, Result};

/// What the names of streams begin with that keep objects.
pub(crate) const STREAM: &str = "OBJ_";
/// The longest name of an object in bytes, so that its subject fits into a line of the protocol.
const LONGEST: usize = 2048;

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

/// The subject of what is known of an object.
///
/// # Errors
/// [`Code::InvalidName`].
pub(crate) fn meta_subject(bucket: &str, name: &str) -> Result<String> {
    if name.is_empty() || name.len() > LONGEST {
        return Err(bad("name", name, "a text of 1 to 2048 bytes"));
    }
    Ok(format!("$O.{bucket}.M.{}", URL_SAFE.encode(name)))
}

/// The subject of the chunks of an object.
pub(crate) fn chunk_subject(bucket: &str, nuid: &str) -> String {
    format!("$O.{bucket}.C.{nuid}")
}

/// Whether it is a single word of a subject, so that nothing but the object's own chunks have it.
pub(crate) fn is_nuid(nuid: &str) -> bool {
    !nuid.is_empty() && nuid.bytes().all(|byte| byte.is_ascii_graphic() && !b".*>".contains(&byte))
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
        assert_eq!(stream_of("a-B_9").unwrap(), "OBJ_a-B_9");
        for bad in ["", "a.b", "a b", "*", "a>", "ä", &"x".repeat(241)] {
            let error = stream_of(bad).unwrap_err();
            assert_eq!(error.code(), Code::InvalidName);
            assert!(error.text().starts_with("bucket"), "{error}");
        }
    }

    #[test]
    fn any_text_is_a_name_but_none_and_endless_ones() {
        for (name, encoded) in [
            ("a", "YQ=="),
            ("a/b?c>d", "YS9iP2M-ZA=="),
            ("ÿ~\r\n", "w79-DQo="),
            ("*.>", "Ki4-"),
            ("weiß", "d2Vpw58="),
        ] {
            assert_eq!(meta_subject("b", name).unwrap(), format!("$O.b.M.{encoded}"));
        }
        for bad in ["", &"x".repeat(2049), &"ä".repeat(1 << 20)] {
            assert_eq!(meta_subject("b", bad).unwrap_err().code(), Code::InvalidName);
        }
        assert!(meta_subject("b", &"x".repeat(2048)).is_ok());
    }

    #[test]
    fn ids_are_words_without_wildcards() {
        assert!(is_nuid("CkuyLEX4z2hbyjj1aWCfiH"));
        for bad in ["", ">", "*", "a.b", "a b", "a\n", "ä"] {
            assert!(!is_nuid(bad), "{bad:?}");
        }
    }
}
