//! A hash of the bars behind a result: same hash, same inputs.

use std::fmt::Write;

use domain::Bars;
use sha2::{Digest, Sha256};

/// SHA-256 of all given bars in lower-case hexadecimal, 64 characters.
///
/// 28 bytes are hashed for each bar, oldest first, every number little-endian: the days since 1970-01-01 as `i32`, then
/// close, split ratio and dividend as IEEE 754 `f64`. There is no header, separator or trailer; a dividend of −0 counts
/// as 0. The adjusted close is left out on purpose: every later dividend restates all of it, and its information about
/// these bars is already in their closes, splits and dividends.
#[must_use]
pub fn fingerprint(bars: &Bars) -> String {
    let mut hasher = Sha256::new();
    for bar in bars.iter() {
        hasher.update(bar.date.days_since_epoch().to_le_bytes());
        hasher.update(bar.close.to_le_bytes());
        hasher.update(bar.split_ratio.to_le_bytes());
        hasher.update((bar.dividend + 0.0).to_le_bytes());
    }
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::Bar;

    use super::*;
    use crate::forecast::sample_bars;

    fn bar(date: &str, close: f64, split_ratio: f64, dividend: f64) -> Bar {
        let date = date.parse().unwrap();
        let (open, high, low, adjusted_close) = (close, close, close, close);
        Bar { date, open, high, low, close, volume: 1.0, adjusted_close, split_ratio, dividend }
    }

    fn of(rows: &[Bar]) -> String {
        fingerprint(&Bars::from_rows(rows.iter().copied()).unwrap())
    }

    /// Expected values: hashlib.sha256 over struct.pack('<iddd', …) of each bar, Python 3.
    #[test]
    fn the_hashed_bytes_are_as_documented() {
        assert_eq!(of(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(
            of(&[bar("1969-12-31", 1.5, 1.0, 0.0)]),
            "24bd80f1f5fe9f66d83676b21a6870685c4be54dc250c4ae3614915039280616"
        );
        assert_eq!(
            of(&[bar("2013-02-28", 441.40, 1.0, 0.0), bar("2013-03-01", 430.47, 2.0, 2.65)]),
            "8dc924bee0338824e1bd5428671a9abc071551758724a1202ee7cd14a44372b2"
        );
        assert_eq!(
            fingerprint(&sample_bars::bars("AAPL")),
            "4a804ee6054663946aebb953f2de3e56b513dd873f3a5ba6dd9268efbbec3e46"
        );
    }

    #[test]
    fn changing_any_hashed_column_changes_the_hash() {
        let plain = bar("2013-03-01", 10.0, 1.0, 0.0);
        let base = of(&[plain]);
        for other in [
            Bar { date: "2013-03-04".parse().unwrap(), ..plain },
            Bar { close: 10.01, ..plain },
            Bar { split_ratio: 2.0, ..plain },
            Bar { dividend: 0.01, ..plain },
        ] {
            assert_ne!(of(&[other]), base);
        }
    }

    #[test]
    fn the_adjusted_close_and_a_negative_zero_do_not_change_the_hash() {
        let plain = bar("2013-03-01", 10.0, 1.0, 0.0);
        assert_eq!(of(&[Bar { adjusted_close: 9.0, ..plain }]), of(&[plain]));
        assert_eq!(of(&[Bar { dividend: -0.0, ..plain }]), of(&[plain]));
    }
}
