//! Prices from the digits that a source wrote, never through a float.

use std::borrow::Cow;

use domain::decimal::{DECIMALS, DecimalError, SMALLEST_PRICE};
use domain::{Day, Price};
use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The price in a text, rounded half-even to the twelve decimals of prices.
///
/// Errors: the text is not a price; [`DecimalError::PriceTooSmall`], since such a price is never rounded up.
pub(crate) fn price(text: &str) -> Result<Price, DecimalError> {
    let text = text.trim();
    let exact = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    // Digits beyond the capacity of a decimal would be rounded away anyway.
    rounded(exact.or_else(|_| text.parse()).map_err(|_| DecimalError::NotANumber)?)
}

/// A computed price, rounded the same way.
pub(crate) fn rounded(price: Decimal) -> Result<Price, DecimalError> {
    if price > Decimal::ZERO && price < SMALLEST_PRICE {
        return Err(DecimalError::PriceTooSmall);
    }
    Price::new(price.round_dp(DECIMALS))
}

/// The characters of a JSON number or string; nothing for `null` and other values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digits(Option<String>);

impl Digits {
    /// Errors: as for [`price`].
    pub(crate) fn price(&self) -> Result<Price, DecimalError> {
        price(self.0.as_deref().ok_or(DecimalError::NotANumber)?)
    }
}

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(json)?;
        let text = match serde_json::from_str::<Cow<'_, str>>(raw.get()) {
            Ok(text) => text.into_owned(),
            Err(_) => raw.get().to_owned(),
        };
        Ok(Self(text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '.')).then_some(text)))
    }
}

/// The last trading day of the month that `day` is in.
pub(crate) fn last_trading_day_of_month(day: Day) -> Option<Day> {
    let next_month = match day.month() {
        12 => Day::new(day.year() + 1, 1, 1),
        month => Day::new(day.year(), month + 1, 1),
    };
    domain::calendar::last_trading_day_on_or_before(next_month.ok()?.plus_days(-1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(json: &str) -> Option<String> {
        serde_json::from_str::<Digits>(json).unwrap().price().ok().map(|price| price.to_string())
    }

    #[test]
    fn a_price_below_the_smallest_is_never_rounded_to_it() {
        for text in ["0.0000000009999", "9.999999e-10", "0.0000000000001"] {
            assert_eq!(price(text), Err(DecimalError::PriceTooSmall), "{text}");
        }
        assert_eq!(price("1e-9").unwrap().to_string(), "0.000000001");
    }

    #[test]
    fn a_price_is_read_from_its_digits() {
        for (json, price) in [
            ("202.91", "202.91"),
            ("\"202.9100\"", "202.91"),
            ("0.1000000000000000055", "0.1"),
            ("1.2e-5", "0.000012"),
            ("91830.234375", "91830.234375"),
            ("0.123456785", "0.123456785"),
            ("0.000000015100", "0.0000000151"),
            ("0.1234567891125", "0.123456789112"),
            ("202.9100036621093750000000000000000001", "202.910003662109"),
        ] {
            assert_eq!(digits(json).as_deref(), Some(price), "{json}");
        }
    }

    #[test]
    fn invalid_prices_are_none() {
        for json in
            ["null", "0", "0.0", "-1", "\"\"", "\"NaN\"", "\"None\"", "\".\"", "true", "{}", "[1]", "1e99", "\"1,2\""]
        {
            assert_eq!(digits(json), None, "{json}");
        }
    }

    #[test]
    fn a_month_ends_with_its_last_trading_day() {
        let end = |day: &str| last_trading_day_of_month(day.parse().unwrap()).unwrap().to_string();
        assert_eq!((end("2013-03-01"), end("2012-12-01")), ("2013-03-28".to_owned(), "2012-12-31".to_owned()));
    }
}
