//! Decimals in requests, read exactly and never through a float.

use std::borrow::Cow;

use domain::decimal::{read, read_json_number};
use domain::money::MoneyError;
use domain::{Currency, DecimalError, Money, Price, Quantity};
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A decimal from a JSON string (`"1234.50"`) or a JSON number (`1234.50`), as text.
///
/// The text of a string is unchanged and validated later. A number has JSON's grammar: `1e3` is `1000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exact(String);

impl Exact {
    /// The decimal as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The exact number, without trailing zeros; it may be below zero.
    pub fn decimal(&self) -> Result<Decimal, DecimalError> {
        read(&self.0).map(|number| number.normalize())
    }

    /// The exact amount of money.
    pub fn money(&self, currency: Currency) -> Result<Money, MoneyError> {
        Money::parse(&self.0, currency)
    }

    /// The exact number of units.
    pub fn quantity(&self) -> Result<Quantity, DecimalError> {
        Quantity::parse(&self.0)
    }

    /// The exact number of units, above zero.
    pub fn positive_quantity(&self) -> Result<Quantity, String> {
        match self.quantity() {
            Ok(quantity) if quantity.is_zero() => Err("must be above zero".to_owned()),
            Ok(quantity) => Ok(quantity),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The exact price.
    pub fn price(&self) -> Result<Price, DecimalError> {
        Price::parse(&self.0)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'"') => {
                let unquoted: Cow<'_, str> = serde_json::from_str(text).map_err(D::Error::custom)?;
                Ok(Self(unquoted.into_owned()))
            }
            // A number beyond the range of decimals stays text and is refused when it is parsed.
            Some(b'-' | b'0'..=b'9') => {
                Ok(Self(read_json_number(text).map_or_else(|_| text.to_owned(), |number| number.to_string())))
            }
            _ => Err(D::Error::custom("expected a decimal as a string or a number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(json: &str) -> Result<Exact, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn strings_and_numbers_are_read_exactly() {
        assert_eq!(exact("0.10000000000000000001").unwrap().as_str(), "0.10000000000000000001");
        assert_eq!(exact("\"1234.50\"").unwrap().as_str(), "1234.50");
        assert_eq!(exact("1e3").unwrap().money(Currency::USD).unwrap().to_string(), "1000.00");
    }

    #[test]
    fn only_a_number_may_have_an_exponent() {
        assert_eq!(exact("1.5E+3").unwrap().as_str(), "1500");
        assert!(exact("\"1e3\"").unwrap().money(Currency::USD).is_err());
        assert!(exact("1e400").unwrap().quantity().is_err());
        assert!(exact("9999999999999999999999999999e20").unwrap().price().is_err());
    }

    #[test]
    fn a_number_may_be_below_zero_and_equal_numbers_are_equal() {
        assert_eq!(exact("-1.50").unwrap().decimal(), exact("\"-1.5\"").unwrap().decimal());
        assert_eq!(exact("\"0.00\"").unwrap().decimal().unwrap().to_string(), "0");
        for json in ["\"1_000\"", "\"1e3\"", "1e400", "\"\"", "\"+1\"", "\" 1\""] {
            assert_eq!(exact(json).unwrap().decimal(), Err(DecimalError::NotANumber), "{json}");
        }
    }

    #[test]
    fn other_json_is_refused() {
        for json in ["true", "null", "[]", "{}"] {
            assert!(exact(json).is_err(), "{json}");
        }
    }
}
