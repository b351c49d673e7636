//! Figures and texts as a reader wants them.

use crate::results::Spread;

/// What a figure counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unit {
    /// Nanoseconds.
    Nanoseconds,
    /// Microseconds.
    Microseconds,
    /// Something in a second.
    PerSecond,
    /// KiB.
    Kibibytes,
    /// Nothing but a number.
    Count,
}

impl Unit {
    /// A figure with its unit.
    pub(super) fn show(self, figure: f64) -> String {
        match self {
            Self::Nanoseconds if figure >= 100_000.0 => format!("{} µs", number(figure / 1e3)),
            Self::Nanoseconds => format!("{} ns", number(figure)),
            Self::Microseconds => format!("{} µs", number(figure)),
            Self::PerSecond if figure >= 1e6 => format!("{} M/s", number(figure / 1e6)),
            Self::PerSecond if figure >= 1e4 => format!("{} k/s", number(figure / 1e3)),
            Self::PerSecond => format!("{} /s", number(figure)),
            Self::Kibibytes if figure >= 10_240.0 => format!("{} MiB", number(figure / 1024.0)),
            Self::Kibibytes => format!("{} KiB", number(figure)),
            Self::Count => number(figure),
        }
    }

    /// The smallest and the largest figure of a spread, with one unit.
    pub(super) fn range(self, spread: Spread) -> String {
        let (min, max) = (self.show(spread.min), self.show(spread.max));
        let (low, unit) = min.split_once(' ').unwrap_or((&min, ""));
        if max.ends_with(unit) { format!("{low}–{max}") } else { format!("{min}–{max}") }
    }
}

/// A number with three digits that matter, and commas between the thousands.
pub(super) fn number(figure: f64) -> String {
    let size = figure.abs();
    let decimals = match size {
        _ if size >= 100.0 || figure == figure.trunc() => 0,
        _ if size >= 10.0 => 1,
        _ => 2,
    };
    let plain = format!("{figure:.decimals$}");
    let whole = plain.split('.').next().unwrap_or_default().trim_start_matches('-').len();
    let sign = usize::from(plain.starts_with('-'));
    let mut text = String::new();
    for (at, digit) in plain.char_indices() {
        if at > sign && at < sign + whole && (sign + whole - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A text that stands for itself in HTML, SVG and their attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_matter() {
        let shown = [0.0, 0.4567, 4.0, 48.12, 480.6, 1_150.4, 1_234_567.0, -12_345.6].map(number);
        assert_eq!(shown, ["0", "0.46", "4", "48.1", "481", "1,150", "1,234,567", "-12,346"]);
    }

    #[test]
    fn units_grow_with_their_figures() {
        assert_eq!(Unit::Nanoseconds.show(1_150.0), "1,150 ns");
        assert_eq!(Unit::Nanoseconds.show(123_456.0), "123 µs");
        assert_eq!(Unit::PerSecond.show(194_000.0), "194 k/s");
        assert_eq!(Unit::PerSecond.show(12_340_000.0), "12.3 M/s");
        assert_eq!(Unit::Kibibytes.show(499_712.0), "488 MiB");
        let spread = Spread { median: 2.0, min: 1.0, max: 3.0 };
        assert_eq!(Unit::Microseconds.range(spread), "1–3 µs");
        let spread = Spread { median: 2.0, min: 900_000.0, max: 1_500_000.0 };
        assert_eq!(Unit::PerSecond.range(spread), "900 k/s–1.50 M/s");
    }

    #[test]
    fn markup_in_a_text_is_text() {
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
