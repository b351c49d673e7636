//! Tables of option keys: one row says what a key is called, what it takes, and what it sets.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use nats_core::{Code, Error, Result};
use serde_json::Value;

use crate::doc::kind;

/// The longest duration that an option takes, in milliseconds: one year.
pub const MAX_MILLIS: u64 = 365 * 24 * 60 * 60 * 1000;

/// The last moment that an option takes, in seconds since 1970: the end of the year 9999. Whoever
/// gives milliseconds is beyond it.
pub const MAX_MOMENT: i64 = 253_402_300_799;

/// One option.
pub struct Row<T: 'static> {
    /// The key in a document.
    pub key: &'static str,
    /// What a number counts: `ms`, `bytes`, `messages`; empty where there is nothing to count.
    pub unit: &'static str,
    /// The default, as documentation shows it.
    pub default: &'static str,
    /// The first release that knows it.
    pub since: &'static str,
    /// What the option means, in a sentence or two.
    pub doc: &'static str,
    /// What values it takes and where they go.
    pub set: Set<T>,
}

/// What values an option takes, with the function that stores one.
pub enum Set<T: 'static> {
    /// Text.
    Text(fn(&mut T, String)),
    /// Text that no error shows.
    Secret(fn(&mut T, String)),
    /// `true` or `false`.
    Bool(fn(&mut T, bool)),
    /// A whole number from the first to the second bound.
    Integer(u64, u64, fn(&mut T, u64)),
    /// A whole number, or -1 for no limit.
    Limit(fn(&mut T, Option<u64>)),
    /// A whole number of milliseconds, at least the first, at most [`MAX_MILLIS`].
    Millis(u64, fn(&mut T, Duration)),
    /// A moment in whole seconds since 1970, from 1 to [`MAX_MOMENT`].
    Moment(fn(&mut T, i64)),
    /// A list of texts.
    Texts(fn(&mut T, Vec<String>)),
    /// Texts by names; no error shows them.
    Pairs(fn(&mut T, Vec<(String, String)>)),
    /// An IP address, with a port or without.
    Address(fn(&mut T, SocketAddr)),
    /// One of these words, given as its position.
    Choice(&'static [&'static str], fn(&mut T, usize)),
}

/// Applies the members of a JSON object to `target`. Empty text has no members.
///
/// # Errors
/// [`Code::InvalidJson`]; [`Code::InvalidOption`] that names the key, what was expected and what
/// was found, or the nearest known key.
pub fn apply<T>(rows: &[Row<T>], target: &mut T, json: &str) -> Result<()> {
    apply_called("option", rows, target, json)
}

/// Like [`apply`] for a table whose members are called what `noun` says.
pub fn apply_called<T>(noun: &str, rows: &[Row<T>], target: &mut T, json: &str) -> Result<()> {
    if json.trim().is_empty() {
        return Ok(());
    }
    // The parser's own text is safe to show: it gives a position, not the input.
    let value: Value = serde_json::from_str(json)
        .map_err(|e| Error::new(Code::InvalidJson, format!("{noun}s: {e}")))?;
    let Value::Object(members) = value else {
        let text = format!("{noun}s: expected an object, found {}", kind(&value));
        return Err(Error::new(Code::InvalidOption, text));
    };
    for (key, value) in members {
        let known = || rows.iter().map(|row| row.key);
        let row = rows.iter().find(|row| row.key == key);
        store(noun, row.ok_or_else(|| unknown_called(noun, known(), &key))?, target, value)?;
    }
    Ok(())
}

/// [`Code::InvalidOption`] that names an unknown option and the nearest of the known ones.
pub fn unknown<'a>(known: impl IntoIterator<Item = &'a str>, name: &str) -> Error {
    unknown_called("option", known, name)
}

/// Like [`unknown`] for what `noun` says.
pub fn unknown_called<'a>(
    noun: &str,
    known: impl IntoIterator<Item = &'a str>,
    name: &str,
) -> Error {
    let shown: String = name.chars().take(64).collect();
    let nearest = known.into_iter().map(|near| (distance(&shown, near), near)).min();
    let hint = match nearest {
        Some((distance, near)) if distance <= near.len() / 2 + 1 => {
            format!("; did you mean '{near}'?")
        }
        Some((_, near)) => format!("; the nearest known {noun} is '{near}'"),
        None => String::new(),
    };
    let text = format!("unknown {noun} '{}'{hint}", shown.escape_debug());
    Error::new(Code::InvalidOption, text)
}

impl<T> Set<T> {
    /// The values that are accepted, in words.
    pub fn expected(&self) -> String {
        match self {
            Set::Text(_) | Set::Secret(_) => "a string".into(),
            Set::Bool(_) => "true or false".into(),
            Set::Integer(min, u64::MAX, _) => format!("a whole number of at least {min}"),
            Set::Integer(min, max, _) => format!("a whole number from {min} to {max}"),
            Set::Limit(_) => "a whole number of at least 0, or -1 for no limit".into(),
            Set::Millis(min, _) => {
                format!("a whole number of milliseconds from {min} to {MAX_MILLIS}")
            }
            Set::Moment(_) => "a whole number of seconds since 1970, up to the year 9999".into(),
            Set::Texts(_) => "a list of strings".into(),
            Set::Pairs(_) => "an object of strings".into(),
            Set::Address(_) => "an IP address, with :port or without".into(),
            Set::Choice(words, _) => format!("one of \"{}\"", words.join("\", \"")),
        }
    }
}

fn store<T>(noun: &str, row: &Row<T>, target: &mut T, value: Value) -> Result<()> {
    let shown = found(row, &value);
    let stored = match (&row.set, value) {
        (Set::Text(set) | Set::Secret(set), Value::String(text)) => {
            Some(text).map(|text| set(target, text))
        }
        (Set::Bool(set), Value::Bool(value)) => Some(value).map(|value| set(target, value)),
        (Set::Integer(min, max, set), Value::Number(n)) => {
            n.as_u64().filter(|n| (min..=max).contains(&n)).map(|n| set(target, n))
        }
        (Set::Limit(set), Value::Number(n)) => {
            let unlimited = (n.as_i64() == Some(-1)).then_some(None);
            unlimited.or(n.as_u64().map(Some)).map(|limit| set(target, limit))
        }
        (Set::Millis(min, set), Value::Number(n)) => n
            .as_u64()
            .filter(|n| (*min..=MAX_MILLIS).contains(n))
            .map(|n| set(target, Duration::from_millis(n))),
        (Set::Moment(set), Value::Number(n)) => {
            n.as_i64().filter(|n| (1..=MAX_MOMENT).contains(n)).map(|n| set(target, n))
        }
        (Set::Texts(set), Value::Array(items)) => texts(items).map(|texts| set(target, texts)),
        (Set::Pairs(set), Value::Object(members)) => pairs(members).map(|pairs| set(target, pairs)),
        (Set::Address(set), Value::String(text)) => {
            let bare = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0));
            text.parse().or_else(|_| bare()).ok().map(|address| set(target, address))
        }
        (Set::Choice(words, set), Value::String(text)) => {
            words.iter().position(|word| *word == text).map(|i| set(target, i))
        }
        _ => None,
    };
    stored.ok_or_else(|| {
        let expected = row.set.expected();
        let text = format!("{noun} '{}': expected {expected}, found {shown}", row.key);
        Error::new(Code::InvalidOption, text)
    })
}

fn texts(items: Vec<Value>) -> Option<Vec<String>> {
    items.into_iter().map(text).collect()
}

fn pairs(members: serde_json::Map<String, Value>) -> Option<Vec<(String, String)>> {
    members.into_iter().map(|(name, value)| text(value).map(|value| (name, value))).collect()
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// What stands where a value was expected: harmless values themselves, of others the kind.
fn found<T>(row: &Row<T>, value: &Value) -> String {
    match (value, &row.set) {
        (_, Set::Secret(_)) => kind(value).into(),
        (Value::Number(n), _) => n.to_string(),
        (Value::Bool(b), _) => b.to_string(),
        (Value::Object(_), Set::Pairs(_)) => "an object with something else in it".into(),
        (Value::String(s), Set::Choice(..) | Set::Address(_)) => {
            format!("\"{}\"", s.chars().take(32).collect::<String>().escape_debug())
        }
        (Value::Array(_), Set::Texts(_)) => "a list with something else in it".into(),
        _ => kind(value).into(),
    }
}

/// How many characters must be changed, inserted or deleted to make one text the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("ping_intervall_ms", "ping_interval_ms"), 1);
    }
}
