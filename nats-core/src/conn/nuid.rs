//! Unique names for inboxes.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LEN: usize = 22;

/// 22 base-62 digits (131 bits) from the operating system, so that inboxes cannot be guessed, nor
/// repeated in a forked child.
pub(crate) fn nuid() -> Result<String, crate::Error> {
    let mut random = [0u8; LEN * 2];
    getrandom::fill(&mut random).map_err(|error| {
        crate::Error::new(crate::Code::Io, format!("no randomness from the system: {error}"))
    })?;
    let digit = |pair: &[u8]| DIGITS[usize::from(u16::from_le_bytes([pair[0], pair[1]])) % 62];
    Ok(random.chunks_exact(2).map(|pair| char::from(digit(pair))).collect())
}

/// Appends `number` in base 62.
pub(crate) fn push_base62(out: &mut String, mut number: u64) {
    let mut digits = [0u8; 11];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = DIGITS[(number % 62) as usize];
        number /= 62;
        if number == 0 {
            break;
        }
    }
    out.extend(digits[at..].iter().map(|digit| char::from(*digit)));
}

/// The number that [`push_base62`] wrote.
pub(crate) fn parse_base62(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 11 {
        return None;
    }
    text.iter().try_fold(0u64, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base62_round_trip() {
        for number in [0, 1, 61, 62, 12_345_678, u64::from(u32::MAX), u64::MAX] {
            let mut text = String::new();
            push_base62(&mut text, number);
            assert_eq!(parse_base62(text.as_bytes()), Some(number), "{text}");
        }
        for bad in ["", "-", "zzzzzzzzzzzz", "zzzzzzzzzzz", "a.b"] {
            assert_eq!(parse_base62(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn nuids_have_22_digits_and_differ() {
        let (a, b) = (nuid().unwrap(), nuid().unwrap());
        assert_eq!((a.len(), b.len()), (22, 22));
        assert_ne!(a, b);
    }
}
