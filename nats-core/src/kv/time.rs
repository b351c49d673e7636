//! Times as servers write them.

/// Nanoseconds since 1970 of a time in RFC 3339.
pub(crate) fn nanos(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok()
    };
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    if marks.iter().any(|(at, mark)| text.get(*at..at + 1) != Some(*mark)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 {
        return None;
    }
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
        None => ("", rest),
    };
    let offset = match (zone, zone.as_bytes()) {
        ("Z", _) => 0,
        (_, [sign @ (b'+' | b'-'), _, _, b':', _, _]) => {
            let at = text.len() - 5;
            let minutes = number(at..at + 2)? * 60 + number(at + 3..at + 5)?;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    let fraction: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let minutes = (days(year, month, day) * 24 + hour) * 60 + minute - offset;
    (minutes * 60 + second).checked_mul(1_000_000_000)?.checked_add(fraction)
}

/// Days since 1970-01-01, in years that begin in March, so that a leap day is the last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::nanos;

    #[test]
    fn times_are_read_to_the_nanosecond() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600_000_000_000),
            ("2026-11-26T20:37:35.30375155Z", 1_795_725_455_303_751_550),
            ("2026-11-26T21:37:35.303751550+01:00", 1_795_725_455_303_751_550),
            ("1969-12-31T23:59:59.5Z", -500_000_000),
        ] {
            assert_eq!(nanos(text), Some(expected), "{text}");
        }
        for bad in [
            "",
            "2026-11-26",
            "2026-13-26T20:37:35Z",
            "2026-11-26T24:37:35Z",
            "2026-11-26T20:37:35",
            "2026-11-26T20:37:35.1",
            "2026-11-26 20:37:35Z",
            "+026-11-26T20:37:35Z",
            "2026-11-26T20:37:35+1:00",
            "9999-11-26T20:37:35Z",
            "ä026-11-26T20:37:35Z",
        ] {
            assert_eq!(nanos(bad), None, "{bad}");
        }
    }
}
