//! Times as servers write them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in RFC 3339.
pub(super) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    rfc3339(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// A time in nanoseconds since 1970, in RFC 3339, without zeros at the end: as the server writes the
/// time of a message, so that it is the same by whichever way it comes.
pub(super) fn rfc3339(nanos: i64) -> String {
    const SECOND: i64 = 1_000_000_000;
    let (seconds, fraction) = (nanos.div_euclid(SECOND), nanos.rem_euclid(SECOND));
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    let digits = format!("{fraction:09}");
    let (point, digits) = match digits.trim_end_matches('0') {
        "" => ("", ""),
        digits => (".", digits),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{point}{digits}Z")
}

/// Year, month and day, by way of years that begin in March, so that a leap day is the last one.
fn date(days_since_1970: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let days = days_since_1970 + 719_468;
    let (age, day) = (days.div_euclid(DAYS_OF_400_YEARS), days.rem_euclid(DAYS_OF_400_YEARS));
    let year = (day - day / 1460 + day / 36_524 - day / (DAYS_OF_400_YEARS - 1)) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let year = age * 400 + year + i64::from(month >= 10);
    (year, if month < 10 { month + 3 } else { month - 9 }, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_to_the_nanosecond() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_825_600_000_000_000, "2000-02-29T12:00:00Z"),
            (951_868_800_000_000_001, "2000-03-01T00:00:00.000000001Z"),
            (1_795_725_455_303_751_550, "2026-11-26T20:37:35.30375155Z"),
            (-500_000_000, "1969-12-31T23:59:59.5Z"),
            (4_107_542_399_000_000_000, "2100-02-28T23:59:59Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(nanos), text);
        }
    }
}
