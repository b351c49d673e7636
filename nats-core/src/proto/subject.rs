//! Subjects, subscription filters and queue groups: one validated type for each kind of text that
//! reaches the wire (ADR-6).
//!
//! The writers of [`encode`](super::encode) accept these types only, and no constructor skips the
//! checks, so no caller and no option can put CR, LF, NUL, a space or a tab into a control line.
//! Bytes above 0x7f are passed through: servers carry UTF-8 subjects.

use std::fmt::Write;

use crate::error::{Code, Error, Result};

/// The longest text accepted by any type of this module, in bytes.
///
/// Servers limit the arguments of one control line to 4096 bytes by default; the rest is room for
/// the numbers. Two texts on one line are checked together by
/// [`check_publish`](super::encode::check_publish) and
/// [`check_subscribe`](super::encode::check_subscribe).
pub const MAX_LEN: usize = 4096 - 64;

/// A regular expression for subjects that are accepted everywhere beyond doubt, as long as they are
/// short. A binding can tell by it, without a call, that a subject need not be checked at once.
pub const PLAIN: &str = r"^[A-Za-z0-9_$-]+(?:\.[A-Za-z0-9_$-]+)*$";

/// A subject to publish or reply to: no wildcards, no empty tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a>(&'a str);

impl<'a> Subject<'a> {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`Code::InvalidSubject`]; the text says what is wrong and shows the subject.
    #[inline]
    pub fn new(text: &'a str) -> Result<Subject<'a>> {
        let flaws = scan(text.as_bytes());
        if flaws & (EMPTY | WILD | BAD) == 0 && text.len() <= MAX_LEN {
            return Ok(Subject(text));
        }
        Err(refuse(Code::InvalidSubject, text, flaws))
    }

    /// Checks `text` for what would break the protocol only, for programs that ask for lenient
    /// subjects: wildcards and empty tokens pass; control characters, spaces and an empty text
    /// never do.
    ///
    /// # Errors
    /// [`Code::InvalidSubject`]
    pub fn lenient(text: &'a str) -> Result<Subject<'a>> {
        let flaws = scan(text.as_bytes());
        if flaws & BAD == 0 && !text.is_empty() && text.len() <= MAX_LEN {
            return Ok(Subject(text));
        }
        Err(refuse(Code::InvalidSubject, text, flaws & !WILD))
    }

    /// The text.
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

/// The subject that was checked last, which need not be checked when it comes again at once.
#[derive(Debug, Default)]
pub struct LastSubject(String);

impl LastSubject {
    /// `text`, checked by `check` unless it is what was checked last.
    ///
    /// # Errors
    /// Those of `check`.
    #[inline]
    pub fn check<'a>(
        &mut self,
        text: &'a str,
        check: impl FnOnce(&'a str) -> Result<Subject<'a>>,
    ) -> Result<Subject<'a>> {
        if same(text.as_bytes(), self.0.as_bytes()) {
            return Ok(Subject(text));
        }
        let subject = check(text)?;
        self.0.clear();
        self.0.push_str(text);
        Ok(subject)
    }
}

/// A subject to subscribe to: `*` matches one token, `>` as the last token matches the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter<'a>(&'a str);

impl<'a> Filter<'a> {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`Code::InvalidSubject`], also for a wildcard that is not a whole token and for a `>` that
    /// is not the last one.
    pub fn new(text: &'a str) -> Result<Filter<'a>> {
        let flaws = scan(text.as_bytes());
        if flaws & (EMPTY | BAD) != 0 || text.len() > MAX_LEN {
            return Err(refuse(Code::InvalidSubject, text, flaws & !WILD));
        }
        if flaws & WILD != 0 {
            check_wildcards(text)?;
        }
        Ok(Filter(text))
    }

    /// The text.
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

/// The name of a queue group: members share the messages between them. Dots are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueGroup<'a>(&'a str);

impl<'a> QueueGroup<'a> {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`Code::InvalidQueueGroup`]
    pub fn new(text: &'a str) -> Result<QueueGroup<'a>> {
        let flaws = scan(text.as_bytes());
        if flaws & (WILD | BAD) == 0 && !text.is_empty() && text.len() <= MAX_LEN {
            return Ok(QueueGroup(text));
        }
        Err(refuse(Code::InvalidQueueGroup, text, flaws))
    }

    /// The text.
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

/// Checks the prefix under which reply subjects are made: a publish subject, and short enough for
/// the tokens that follow it.
///
/// # Errors
/// [`Code::InvalidOption`]
pub fn check_inbox_prefix(text: &str) -> Result<()> {
    const LONGEST: usize = 1024;
    let flaws = scan(text.as_bytes());
    if flaws & (EMPTY | WILD | BAD) == 0 && text.len() <= LONGEST {
        return Ok(());
    }
    let reason = if text.len() > LONGEST { "longer than 1024 bytes" } else { reason(text, flaws) };
    let shown = excerpt(text.as_bytes());
    Err(Error::new(Code::InvalidOption, format!("inbox prefix {reason}: \"{shown}\"")))
}

/// `bytes` for an error text: at most the first 64, non-printable ones escaped.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 64;
    let head = &bytes[..bytes.len().min(SHOWN)];
    let mut text = String::with_capacity(head.len() + 3);
    for chunk in head.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || c == '"' || c == '\\' {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    if bytes.len() > SHOWN {
        text.push_str("...");
    }
    text
}

const DOT: u8 = 1;
const EMPTY: u8 = 2;
const WILD: u8 = 4;
const BAD: u8 = 8;

const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte <= b' ' as usize {
        class[byte] = BAD;
        byte += 1;
    }
    class[0x7f] = BAD;
    class[b'.' as usize] = DOT;
    class[b'*' as usize] = WILD;
    class[b'>' as usize] = WILD;
    class
};

/// Whether they are equal and not empty. Eight bytes at a time, and in place: for so few bytes as
/// subjects have, a call would cost more than the comparison.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(first), Some(last)) = (a.first_chunk::<8>(), a.last_chunk::<8>()) else {
        return !a.is_empty() && a == b;
    };
    let middle = |bytes| <[u8]>::chunks_exact(bytes, 8).skip(1);
    Some(first) == b.first_chunk() && Some(last) == b.last_chunk() && middle(a).eq(middle(b))
}

/// What occurs in `bytes`, as flags. Every publish runs it, so what is usual goes by words.
#[inline]
fn scan(bytes: &[u8]) -> u8 {
    match scan_words(bytes) {
        Some(false) => 0,
        Some(true) => EMPTY,
        None => scan_bytes(bytes),
    }
}

/// Whether there is an empty token, if `bytes` has at least eight bytes and none that is unusual;
/// looks at eight bytes at a time. Unusual is what may be a wildcard or bad, and what is left of
/// ASCII up to the comma, so that fewer questions have to be asked.
#[inline]
fn scan_words(bytes: &[u8]) -> Option<bool> {
    const LOW: u64 = u64::MAX / 255;
    const HIGH: u64 = LOW << 7;
    // Some byte is zero; if none is, this is zero.
    let zero = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    // The same for bytes up to a comma, the star among them.
    let low = |word: u64| word.wrapping_sub(LOW * (b',' as u64 + 1)) & !word & HIGH;
    let (mut unusual, mut twice) = (0, 0);
    let mut look = |word: u64| {
        unusual |= low(word) | zero(word ^ (LOW * 0x7f)) | zero(word ^ (LOW * b'>' as u64));
        // Exactly the places of dots, so that those next to each other can be told.
        let other = word ^ (LOW * b'.' as u64);
        let dots = !(((other & !HIGH) + !HIGH) | other | !HIGH);
        twice |= dots & (dots << 8);
    };
    let word = |chunk: &[u8; 8]| u64::from_le_bytes(*chunk);
    let (first, last) = (word(bytes.first_chunk()?), word(bytes.last_chunk()?));
    look(first);
    // Each word begins with the last byte of the one before, to see dots on both sides of the seam.
    let mut rest = bytes.get(7..).unwrap_or_default();
    while rest.len() > 8 {
        look(word(rest.first_chunk()?));
        rest = rest.get(7..).unwrap_or_default();
    }
    look(last);
    if unusual != 0 {
        return None;
    }
    Some(twice != 0 || first as u8 == b'.' || (last >> 56) as u8 == b'.')
}

/// What occurs in `bytes`, as flags, one by one and without a branch in the loop.
fn scan_bytes(bytes: &[u8]) -> u8 {
    let mut before = DOT;
    let mut seen = 0;
    for &byte in bytes {
        let class = CLASS[byte as usize];
        // A dot at the start or behind another dot ends an empty token: DOT << 1 is EMPTY.
        seen |= class | ((class & before & DOT) << 1);
        before = class;
    }
    seen | ((before & DOT) << 1)
}

fn check_wildcards(text: &str) -> Result<()> {
    let mut tokens = text.split('.').peekable();
    while let Some(token) = tokens.next() {
        let reason = match token {
            ">" if tokens.peek().is_some() => "has a '>' that is not the last token",
            "*" | ">" => continue,
            _ if token.contains(['*', '>']) => "has a wildcard that is not a whole token",
            _ => continue,
        };
        let shown = excerpt(text.as_bytes());
        return Err(Error::new(Code::InvalidSubject, format!("subject {reason}: \"{shown}\"")));
    }
    Ok(())
}

fn reason(text: &str, flaws: u8) -> &'static str {
    if text.is_empty() {
        "is empty"
    } else if flaws & BAD != 0 {
        "contains a space or a control character"
    } else if text.len() > MAX_LEN {
        "is longer than 4032 bytes"
    } else if flaws & WILD != 0 {
        "contains a wildcard"
    } else {
        "has an empty token (a dot at the start, at the end, or two in a row)"
    }
}

#[cold]
fn refuse(code: Code, text: &str, flaws: u8) -> Error {
    let noun = if code == Code::InvalidQueueGroup { "queue group" } else { "subject" };
    let reason = reason(text, flaws);
    Error::new(code, format!("{noun} {reason}: \"{}\"", excerpt(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKEN: [&str; 12] =
        ["", " ", "a b", "a\tb", "a\r", "a\n", "a\r\nPING", "\0", "a\0b", "a\x1fb", "a\x7f", " a"];

    #[test]
    fn words_and_bytes_find_the_same() {
        let mut random = fastrand::Rng::with_seed(1);
        let flaws = |bytes: &[u8]| scan_bytes(bytes) & (EMPTY | WILD | BAD);
        for round in 0..200_000 {
            let mut bytes: Vec<u8> =
                (0..random.usize(..40)).map(|_| random.u8(b'a'..=b'z')).collect();
            for _ in 0..random.usize(..4) {
                if let Some(byte) = random.choice(&mut bytes) {
                    *byte = random.choice(b"...*> \t!\x7f\x00\x80\xff").copied().unwrap_or(b'.');
                }
            }
            assert_eq!(scan(&bytes) & (EMPTY | WILD | BAD), flaws(&bytes), "{round} {bytes:?}");
        }
    }

    #[test]
    fn subjects() {
        for good in ["a", "a.b", "$JS.API.INFO", "_INBOX.x.1", "été.日本", "a-b_c/d=e:f\"g"] {
            assert_eq!(Subject::new(good).unwrap().as_str(), good);
        }
        for bad in BROKEN.iter().chain(&[".", "a.", ".a", "a..b", "*", ">", "a.*", "a*b", "a.>"]) {
            let error = Subject::new(bad).unwrap_err();
            assert_eq!(error.code(), Code::InvalidSubject, "{bad:?}");
        }
    }

    #[test]
    fn a_subject_that_comes_again_is_checked_once() {
        fn check(last: &mut LastSubject, text: &str) -> (bool, u32) {
            let mut checks = 0;
            let checked = last.check(text, |text| {
                checks += 1;
                Subject::new(text)
            });
            (checked.is_ok(), checks)
        }
        let mut last = LastSubject::default();
        assert_eq!(check(&mut last, ""), (false, 1), "nothing is no subject");
        let texts = ["a", "abcdefg", "abcdefgh", "abcdefghi", "abcdefghijklmnopq.rstuvwxyz.012345"];
        for text in texts {
            assert_eq!((check(&mut last, text), check(&mut last, text)), ((true, 1), (true, 0)));
            for place in 0..text.len() {
                let mut bad = text.to_owned();
                bad.replace_range(place..=place, " ");
                assert_eq!(check(&mut last, &bad), (false, 1), "{bad:?} behind {text:?}");
                assert_eq!(check(&mut last, text), (true, 0), "what was refused changes nothing");
            }
        }
    }

    #[test]
    fn what_is_plain_is_accepted() {
        let class = PLAIN.strip_prefix("^[").and_then(|rest| rest.split_once(']')).unwrap().0;
        assert_eq!(PLAIN, format!(r"^[{class}]+(?:\.[{class}]+)*$"));
        let letters = ('A'..='Z').chain('a'..='z').chain('0'..='9');
        let all: String = letters.chain("_$-".chars()).collect();
        assert_eq!(class, "A-Za-z0-9_$-");
        assert!(Subject::new(&format!("{all}.{all}")).is_ok());
    }

    #[test]
    fn lenient_subjects_relax_the_shape_only() {
        for good in [".", "a.", ".a", "a..b", "*", ">", "a.*", "a*b", "a.>"] {
            assert!(Subject::lenient(good).is_ok(), "{good:?}");
        }
        for bad in BROKEN {
            assert!(Subject::lenient(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn filters() {
        for good in ["a", "*", ">", "a.*", "a.>", "*.*.>", "a.*.c", "$SYS.>"] {
            assert_eq!(Filter::new(good).unwrap().as_str(), good);
        }
        for bad in BROKEN.iter().chain(&[".", "a.", ".a", "a..b", "a*", ">a", "a.>.b", "**", ">>"])
        {
            assert_eq!(Filter::new(bad).unwrap_err().code(), Code::InvalidSubject, "{bad:?}");
        }
    }

    #[test]
    fn queue_groups() {
        for good in ["q", "q.1", "workers"] {
            assert_eq!(QueueGroup::new(good).unwrap().as_str(), good);
        }
        for bad in BROKEN.iter().chain(&["*", "q>", "q.*"]) {
            assert_eq!(
                QueueGroup::new(bad).unwrap_err().code(),
                Code::InvalidQueueGroup,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn inbox_prefixes() {
        assert!(check_inbox_prefix("_INBOX").is_ok());
        assert!(check_inbox_prefix("my.inbox").is_ok());
        for bad in BROKEN.iter().chain(&["a.", ".a", "a..b", "a.*", ">"]) {
            assert_eq!(check_inbox_prefix(bad).unwrap_err().code(), Code::InvalidOption, "{bad:?}");
        }
        assert!(check_inbox_prefix(&"x".repeat(1025)).is_err());
    }

    #[test]
    fn the_length_is_limited_at_the_stated_byte() {
        let (fits, long) = ("x".repeat(MAX_LEN), "x".repeat(MAX_LEN + 1));
        assert!(Subject::new(&fits).is_ok() && Subject::lenient(&fits).is_ok());
        assert!(Filter::new(&fits).is_ok() && QueueGroup::new(&fits).is_ok());
        assert!(Subject::new(&long).is_err() && Subject::lenient(&long).is_err());
        assert!(Filter::new(&long).is_err() && QueueGroup::new(&long).is_err());
    }

    #[test]
    fn errors_name_the_flaw_and_show_the_text() {
        let error = Subject::new("a\r\nPUB").unwrap_err();
        assert!(error.text().contains("control character"), "{error}");
        assert!(error.text().contains("a\\r\\nPUB"), "{error}");
        assert!(Subject::new("a..b").unwrap_err().text().contains("empty token"));
        assert!(Subject::new("a.*").unwrap_err().text().contains("wildcard"));
        assert!(Subject::new("").unwrap_err().text().contains("is empty"));
        assert!(Filter::new("a.>.b").unwrap_err().text().contains("not the last"));
        assert!(Subject::new(&"x".repeat(9000)).unwrap_err().text().len() < 150);
    }

    #[test]
    fn excerpts_are_short_and_printable() {
        assert_eq!(excerpt(b"a\x00\xff\"z"), "a\\u{0}\\xff\\\"z");
        assert_eq!(excerpt("é".as_bytes()), "é");
        let long = "é".repeat(40);
        assert_eq!(excerpt(&long.as_bytes()[1..]), format!("\\xa9{}\\xc3...", "é".repeat(31)));
    }
}
