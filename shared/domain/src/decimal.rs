//! Exact quantities and unit prices: decimals with at most twelve places, never floats.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::{Deserialize, Serialize};

/// Decimals of a quantity and of a price in the ledger.
pub const DECIMALS: u32 = 12;

/// The smallest price that the ledger accepts: 10⁻⁹.
pub const SMALLEST_PRICE: Decimal = Decimal::from_parts(1, 0, 0, false, 9);

/// The largest quantity or price accepted from outside.
pub const LARGEST: i64 = 1_000_000_000_000;

/// A number of units of an instrument, zero or more, with at most twelve decimals.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "Decimal", into = "Decimal")]
#[schema(value_type = String, pattern = r"^\d+(\.\d+)?$", example = "12.5")]
pub struct Quantity(Decimal);

/// The price of one unit in the currency of its instrument, at least 0.000000001, with at most twelve decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "Decimal", into = "Decimal")]
#[schema(value_type = String, pattern = r"^\d+(\.\d+)?$", example = "430.47")]
pub struct Price(Decimal);

/// Why a number is not a [`Quantity`] or a [`Price`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not a decimal number.
    #[error("must be a decimal number")]
    NotANumber,
    /// More than [`DECIMALS`] places.
    #[error("must have at most {DECIMALS} decimals")]
    TooFine,
    /// Above [`LARGEST`].
    #[error("must be at most {LARGEST}")]
    TooLarge,
    /// Below zero.
    #[error("must not be below zero")]
    Negative,
    /// Zero, but a positive number is required.
    #[error("must be above zero")]
    Zero,
    /// A price below [`SMALLEST_PRICE`].
    #[error("must be at least {SMALLEST_PRICE}")]
    PriceTooSmall,
}

impl Quantity {
    /// No units.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Exactly this many units.
    pub fn new(units: Decimal) -> Result<Self, DecimalError> {
        checked(units).map(Self)
    }

    /// Reads `12.5` exactly, as [`read`] does.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        Self::new(read(text)?)
    }

    /// The number.
    #[must_use]
    pub fn units(self) -> Decimal {
        self.0
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The sum; an error if it is above [`LARGEST`].
    pub fn plus(self, other: Self) -> Result<Self, DecimalError> {
        Self::new(self.0.checked_add(other.0).ok_or(DecimalError::TooLarge)?)
    }

    /// The difference; an error if `other` is larger.
    pub fn minus(self, other: Self) -> Result<Self, DecimalError> {
        Self::new(self.0.checked_sub(other.0).ok_or(DecimalError::Negative)?)
    }
}

impl Price {
    /// Exactly this price.
    pub fn new(price: Decimal) -> Result<Self, DecimalError> {
        let price = checked(price)?;
        if price.is_zero() {
            return Err(DecimalError::Zero);
        }
        if price < SMALLEST_PRICE { Err(DecimalError::PriceTooSmall) } else { Ok(Self(price)) }
    }

    /// Reads `430.47` exactly, as [`read`] does.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        Self::new(read(text)?)
    }

    /// The price of a bar: the decimal of its shortest text, rounded half-even to twelve decimals.
    ///
    /// Errors: [`DecimalError::PriceTooSmall`] below [`SMALLEST_PRICE`], which is never rounded to another price.
    pub fn from_bar(price: f64) -> Result<Self, DecimalError> {
        // Checked before rounding, so that a price just below the smallest one is not rounded up to it.
        let too_small = price > 0.0 && SMALLEST_PRICE.to_f64().is_some_and(|smallest| price < smallest);
        if too_small { Err(DecimalError::PriceTooSmall) } else { Self::new(from_f64(price)?) }
    }

    /// The number.
    #[must_use]
    pub fn amount(self) -> Decimal {
        self.0
    }
}

/// A number of a bar as a decimal: its shortest text, rounded half-even to twelve decimals. Prices and dividends arrive
/// as floats and become exact here.
pub fn from_f64(number: f64) -> Result<Decimal, DecimalError> {
    if !number.is_finite() {
        return Err(DecimalError::NotANumber);
    }
    if number.abs() > LARGEST as f64 {
        return Err(DecimalError::TooLarge);
    }
    let text = number.to_string();
    let exact = text.parse::<Decimal>().map_err(|_| DecimalError::NotANumber)?;
    Ok(exact.round_dp(DECIMALS).normalize())
}

/// Reads a decimal in a string exactly: `-?digits[.digits]` and nothing else.
pub fn read(text: &str) -> Result<Decimal, DecimalError> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(DecimalError::NotANumber);
    }
    Decimal::from_str_exact(text).map_err(|error| match error {
        rust_decimal::Error::Underflow => DecimalError::TooFine,
        _ => DecimalError::TooLarge,
    })
}

/// Reads a JSON number (RFC 8259, section 6) exactly: a decimal that may have an exponent, such as `1.5e3`.
pub fn read_json_number(text: &str) -> Result<Decimal, DecimalError> {
    let Some((base, exponent)) = text.split_once(['e', 'E']) else { return read(text) };
    let base = read(base)?.normalize();
    let exponent: i64 = exponent.parse().map_err(|_| DecimalError::NotANumber)?;
    if base.is_zero() {
        return Ok(base);
    }
    let scale = i64::from(base.scale()).checked_sub(exponent).ok_or(DecimalError::TooLarge)?;
    let (scale, zeros) = if scale < 0 { (0, scale.unsigned_abs()) } else { (scale, 0) };
    let mut number = base;
    number.set_scale(u32::try_from(scale).unwrap_or(u32::MAX)).map_err(|_| DecimalError::TooFine)?;
    let power = u32::try_from(zeros).ok().and_then(|zeros| 10_i128.checked_pow(zeros));
    let power = power.and_then(|power| Decimal::try_from_i128_with_scale(power, 0).ok());
    power.and_then(|power| number.checked_mul(power)).ok_or(DecimalError::TooLarge)
}

fn checked(number: Decimal) -> Result<Decimal, DecimalError> {
    let number = number.normalize();
    if number < Decimal::ZERO {
        return Err(DecimalError::Negative);
    }
    if number.scale() > DECIMALS {
        return Err(DecimalError::TooFine);
    }
    if number > Decimal::from(LARGEST) {
        return Err(DecimalError::TooLarge);
    }
    Ok(number)
}

impl TryFrom<Decimal> for Quantity {
    type Error = DecimalError;

    fn try_from(units: Decimal) -> Result<Self, DecimalError> {
        Self::new(units)
    }
}

impl From<Quantity> for Decimal {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl TryFrom<Decimal> for Price {
    type Error = DecimalError;

    fn try_from(price: Decimal) -> Result<Self, DecimalError> {
        Self::new(price)
    }
}

impl From<Price> for Decimal {
    fn from(price: Price) -> Self {
        price.0
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_zero_or_more_with_twelve_decimals() {
        assert_eq!(Quantity::parse("12.50000000").unwrap().to_string(), "12.5");
        for (text, error) in [
            ("-1", DecimalError::Negative),
            ("0.0000000000001", DecimalError::TooFine),
            ("1000000000001", DecimalError::TooLarge),
            ("ten", DecimalError::NotANumber),
            ("", DecimalError::NotANumber),
        ] {
            assert_eq!(Quantity::parse(text), Err(error), "{text}");
        }
    }

    /// Strings that are not decimals.
    const NO_DECIMALS: [&str; 22] = [
        "1_000", "1_0", "10_", "_1", "+1", ".5", "5.", "1e3", "1E3", "1,000", "1 000", " 1", "1 ", "--1", "-", ".", "",
        "1.2.3", "0x10", "NaN", "١", "1.-5",
    ];

    #[test]
    fn a_decimal_string_has_only_digits_a_point_and_a_sign() {
        for text in NO_DECIMALS {
            assert_eq!(read(text), Err(DecimalError::NotANumber), "{text:?}");
        }
        for (text, number) in
            [("0", "0"), ("007", "7"), ("-1.50", "-1.50"), ("0.10000000000000000001", "0.10000000000000000001")]
        {
            assert_eq!(read(text).unwrap().to_string(), number);
        }
        assert_eq!(read(&"9".repeat(40)), Err(DecimalError::TooLarge));
        assert_eq!(read(&format!("0.{}1", "0".repeat(40))), Err(DecimalError::TooFine));
    }

    #[test]
    fn a_json_number_may_have_an_exponent_and_is_read_exactly() {
        for (text, number) in [
            ("1e3", "1000"),
            ("1E+3", "1000"),
            ("1.50", "1.50"),
            ("-1.25e1", "-12.5"),
            ("125e-2", "1.25"),
            ("1.234e2", "123.4"),
            ("0e999999999", "0"),
            ("7e28", "70000000000000000000000000000"),
        ] {
            assert_eq!(read_json_number(text).unwrap(), read(number).unwrap(), "{text}");
        }
        for (text, error) in [
            ("1e29", DecimalError::TooLarge),
            ("1e400", DecimalError::TooLarge),
            ("9999999999999999999999999999e20", DecimalError::TooLarge),
            ("1e9223372036854775807", DecimalError::TooLarge),
            ("1e99999999999999999999", DecimalError::NotANumber),
            ("1e-29", DecimalError::TooFine),
            ("1e-9223372036854775808", DecimalError::TooLarge),
            ("1_0e1", DecimalError::NotANumber),
        ] {
            assert_eq!(read_json_number(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_price_is_above_zero() {
        assert_eq!(Price::parse("0"), Err(DecimalError::Zero));
        assert_eq!(Price::from_bar(430.47).unwrap().to_string(), "430.47");
        assert_eq!(Price::from_bar(f64::NAN), Err(DecimalError::NotANumber));
        assert_eq!(Price::from_bar(0.1 + 0.2).unwrap().to_string(), "0.3");
    }

    #[test]
    fn a_tiny_price_keeps_its_digits_and_a_smaller_one_is_refused() {
        assert_eq!(Price::from_bar(1.51e-8).unwrap().to_string(), "0.0000000151");
        assert_eq!(Price::from_bar(1.234e-9).unwrap().to_string(), "0.000000001234");
        for price in [9.9e-10, 9.999_999e-10, 1e-13, 1e-300, f64::MIN_POSITIVE] {
            assert_eq!(Price::from_bar(price), Err(DecimalError::PriceTooSmall), "{price}");
        }
        assert_eq!(Price::parse("0.0000000009"), Err(DecimalError::PriceTooSmall));
        assert_eq!(Price::from_bar(0.0), Err(DecimalError::Zero));
    }

    #[test]
    fn no_more_can_be_subtracted_than_there_is() {
        let two = Quantity::parse("2").unwrap();
        let three = Quantity::parse("3").unwrap();
        assert_eq!(two.minus(three), Err(DecimalError::Negative));
        assert_eq!(three.minus(two).unwrap().to_string(), "1");
        assert_eq!(two.plus(three).unwrap().to_string(), "5");
    }

    #[test]
    fn both_are_written_as_decimal_strings() {
        let quantity = Quantity::parse("0.1").unwrap();
        assert_eq!(serde_json::to_string(&quantity).unwrap(), "\"0.1\"");
        assert_eq!(serde_json::from_str::<Quantity>("\"0.1\"").unwrap(), quantity);
        assert!(serde_json::from_str::<Quantity>("\"-0.1\"").is_err());
    }
}
