//! Numbers of files with more decimals than are stored.

use rust_decimal::Decimal;

/// The number rounded half-even, if it has more decimals than this.
#[must_use]
pub fn rounded(text: &str, decimals: u32) -> Option<String> {
    let (whole, fraction) = text.split_once('.')?;
    let kept = decimals as usize + 2;
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = !whole.trim_start_matches('-').is_empty() && are_digits(whole.strip_prefix('-').unwrap_or(whole));
    if !is_number || !are_digits(fraction) || fraction.trim_end_matches('0').len() + 2 <= kept {
        return None;
    }
    let (near, rest) = fraction.split_at(kept.min(fraction.len()));
    // The remaining digits are not part of the rounded number, but they decide whether there is a tie.
    let beyond = if rest.bytes().any(|digit| digit != b'0') { "1" } else { "" };
    let exact: Decimal = format!("{whole}.{near}{beyond}").parse().ok()?;
    Some(exact.round_dp(decimals).normalize().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_half_even_and_reported() {
        for (text, expected) in [
            ("1.0000000000005", Some("1")),
            ("1.0000000000015", Some("1.000000000002")),
            ("1.00000000000050000000000000000000000000000001", Some("1.000000000001")),
            ("-0.33333333333333333333333333333333333", Some("-0.333333333333")),
            ("0.000000015100", None),
            ("1.50000000000000000000000000", None),
            ("12", None),
            ("1.x000000000000000", None),
            (".0000000000001", None),
        ] {
            assert_eq!(rounded(text, 12).as_deref(), expected, "{text}");
        }
    }
}
