//! The names of services and what belongs to them.

use crate::error::{Code, Error, Result};
use crate::proto::subject::{Filter, excerpt};

/// Checks the name of a service or an endpoint.
///
/// # Errors
/// [`Code::InvalidName`].
pub(super) fn check_name(name: &str) -> Result<()> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.len() <= 255 && name.bytes().all(is_fine) {
        return Ok(());
    }
    Err(bad(Code::InvalidName, "name", name, "1 to 255 of A-Z, a-z, 0-9, '_' and '-'"))
}

/// Checks a semantic version (semver.org, 2.0.0).
///
/// # Errors
/// [`Code::InvalidArgument`].
pub(super) fn check_version(version: &str) -> Result<()> {
    if is_version(version) {
        return Ok(());
    }
    Err(bad(
        Code::InvalidArgument,
        "version",
        version,
        "a semantic version, as 1.0.0 or 1.0.0-rc.1",
    ))
}

/// Checks what the subjects of a group begin with; nothing is as good as a subject.
///
/// # Errors
/// [`Code::InvalidSubject`].
pub(super) fn check_prefix(prefix: &str) -> Result<()> {
    if prefix.is_empty() {
        return Ok(());
    }
    Filter::new(prefix).map_err(|error| error.context("prefix"))?;
    if prefix.ends_with('>') {
        return Err(bad(Code::InvalidSubject, "prefix", prefix, "a subject without '>'"));
    }
    Ok(())
}

/// Checks the id of an instance, of whatever client.
///
/// # Errors
/// [`Code::InvalidArgument`].
pub(super) fn check_id(id: &str) -> Result<()> {
    if Filter::new(id).is_ok() && !id.contains(['.', '*', '>']) {
        return Ok(());
    }
    Err(bad(Code::InvalidArgument, "id", id, "one word without wildcards"))
}

fn bad(code: Code, what: &str, text: &str, expected: &str) -> Error {
    Error::new(code, format!("{what} \"{}\": expected {expected}", excerpt(text.as_bytes())))
}

/// Three numbers, behind '-' what comes before the release, behind '+' the build.
fn is_version(version: &str) -> bool {
    let (rest, build) = match version.split_once('+') {
        Some((rest, build)) => (rest, Some(build)),
        None => (version, None),
    };
    let (core, before) = match rest.split_once('-') {
        Some((core, before)) => (core, Some(before)),
        None => (rest, None),
    };
    let all = |text: &str, is: fn(&str) -> bool| text.split('.').all(is);
    core.split('.').count() == 3
        && all(core, is_number)
        && before.is_none_or(|before| all(before, |word| is_number(word) || is_word(word)))
        && build.is_none_or(|build| all(build, is_build))
}

/// Digits without leading zeros.
fn is_number(word: &str) -> bool {
    let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    digits && (word == "0" || !word.starts_with('0'))
}

/// Not only digits.
fn is_word(word: &str) -> bool {
    is_build(word) && !word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_build(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_single_plain_words() {
        for good in ["a", "A-b_9", &"x".repeat(255)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a.b", "a b", "*", ">", "ä", "a\n", "a\0", "$a", &"x".repeat(256)] {
            let error = check_name(bad).unwrap_err();
            assert_eq!(error.code(), Code::InvalidName, "{bad:?}");
            assert!(error.text().starts_with("name \"") && error.text().len() < 200, "{error}");
        }
    }

    #[test]
    fn versions_are_semantic() {
        for good in [
            "0.0.4",
            "1.2.3",
            "10.20.30",
            "1.1.2-prerelease+meta",
            "1.1.2+meta-valid",
            "1.0.0-alpha.0valid",
            "1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay",
            "1.0.0-rc.1+build.1",
            "1.2.3----RC-SNAPSHOT.12.9.1--.12+788",
            "1.0.0+0.build.1-rc.10000aaa-kk-0.1",
            "99999999999999999999999.999999999999999999.99999999999999999",
            "1.0.0-0A.is.legal",
            "1.0.0-0",
            "1.0.0+001",
        ] {
            assert!(check_version(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "v1.2.3",
            "1.2.3-",
            "1.2.3+",
            "1.2.3-+b",
            "01.1.1",
            "1.01.1",
            "1.1.01",
            "1.2.3-01",
            "1.2.3-0123.0",
            "1.1.2+.1",
            "1.0.0-a..b",
            "1.2.3+a+b",
            "1.0.0-α",
            " 1.0.0",
            "1.0.0 ",
            "1.0.0\n",
            "1.2.-3",
            "-1.0.3",
            "+a",
            "1.0.0-a_b",
        ] {
            let error = check_version(bad).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{bad:?}");
            assert!(error.text().starts_with("version \""), "{error}");
        }
    }

    #[test]
    fn prefixes_and_ids_are_parts_of_subjects() {
        for good in ["", "a", "a.b", "a.*.c"] {
            assert!(check_prefix(good).is_ok(), "{good}");
        }
        for bad in [".", "a.", "a b", ">", "a.>", "a>", "a\r\nb"] {
            let error = check_prefix(bad).unwrap_err();
            assert_eq!(error.code(), Code::InvalidSubject, "{bad:?}");
            assert!(error.text().starts_with("prefix"), "{error}");
        }
        assert!(check_id("tNoopzL5Sp1M4qJZdhdxqC").is_ok());
        for bad in ["", "a.b", "*", ">", "a b"] {
            assert_eq!(check_id(bad).unwrap_err().code(), Code::InvalidArgument, "{bad:?}");
        }
    }
}
