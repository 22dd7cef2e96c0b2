//! Decimal numbers from bytes, the hot path of reading prices.

/// Number of digits for which every integer is an exact f64.
const EXACT_DIGITS: usize = 15;

/// Powers of ten that an f64 holds exactly, as many as [`EXACT_DIGITS`] digits can need.
const POWERS: [f64; EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The f64 nearest to a decimal number, or `None` if the bytes are not a number.
///
/// Up to 15 digits, the integer and the power of ten are both exact, so one division rounds correctly (Clinger 1990).
/// Longer numbers and other forms are left to the standard library.
pub(crate) fn parse(bytes: &[u8]) -> Option<f64> {
    plain(bytes).or_else(|| std::str::from_utf8(bytes).ok()?.parse().ok())
}

fn plain(bytes: &[u8]) -> Option<f64> {
    if bytes.is_empty() || bytes.len() > EXACT_DIGITS + 1 {
        return None;
    }
    let mut integer: u64 = 0;
    let mut point = None;
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => integer = integer * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(index),
            _ => return None,
        }
    }
    let Some(point) = point else {
        return (bytes.len() <= EXACT_DIGITS).then_some(integer as f64);
    };
    let decimals = bytes.len() - 1 - point;
    (bytes.len() > 1).then(|| integer as f64 / POWERS[decimals])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn invalid_numbers_are_none() {
        for text in ["", ".", "-", "1.2.3", "1,2", "abc", "0x10", " 1"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(&[0xff, 0xfe]), None);
    }

    proptest! {
        #[test]
        fn every_decimal_is_read_as_by_the_standard_library(text in "-?[0-9]{0,17}(\\.[0-9]{0,17})?(e-?[0-9]{1,3})?") {
            prop_assert_eq!(parse(text.as_bytes()), text.parse::<f64>().ok());
        }
    }
}
