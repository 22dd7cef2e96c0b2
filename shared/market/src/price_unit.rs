//! The unit of prices: whole units of a currency, or hundredths of one.

use std::str::FromStr;

use domain::decimal::DecimalError;
use domain::{Currency, Instrument, Price};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::exact;
use crate::series::Row;

/// The codes that sources use for hundredths of a currency, and the currency: pence in London, cents in Johannesburg,
/// agorot in Tel Aviv. None of them is in ISO 4217.
const HUNDREDTHS: [(&str, &str); 4] = [("GBX", "GBP"), ("GBp", "GBP"), ("ZAc", "ZAR"), ("ILA", "ILS")];

/// The unit of a source's prices. Only prices and the dividends next to them can be in hundredths. Amounts, fees and
/// taxes are in the currency itself, and so is everything that leaves this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PriceUnit {
    /// The currency in which prices are stored.
    pub currency: Currency,
    /// Whether the source quotes hundredths of it.
    pub is_hundredth: bool,
}

impl PriceUnit {
    /// Whole units of a currency.
    #[must_use]
    pub fn of(currency: Currency) -> Self {
        Self { currency, is_hundredth: false }
    }

    /// Converts the prices of a row to the currency, including dividend and adjusted close.
    pub(crate) fn apply(self, row: &mut Row) {
        if self.is_hundredth {
            let prices = [&mut row.open, &mut row.high, &mut row.low, &mut row.close, &mut row.dividend];
            for price in prices.into_iter().chain(row.adjusted_close.as_mut()) {
                *price = hundredth(*price);
            }
        }
    }

    /// Converts a price to the currency.
    ///
    /// Errors: [`DecimalError::PriceTooSmall`].
    pub(crate) fn price(self, price: Price) -> Result<Price, DecimalError> {
        if self.is_hundredth { exact::rounded(price.amount() / Decimal::ONE_HUNDRED) } else { Ok(price) }
    }
}

/// The float nearest to a hundredth of a decimal price: 1.654 for 165.4, which a division misses.
fn hundredth(price: f64) -> f64 {
    format!("{price:e}")
        .split_once('e')
        .and_then(|(digits, power)| {
            let power = power.parse::<i32>().ok()? - 2;
            format!("{digits}e{power}").parse().ok()
        })
        .unwrap_or(price / 100.0)
}

/// Parses a currency of ISO 4217 or a code for its hundredths. Both are case-sensitive.
impl FromStr for PriceUnit {
    type Err = domain::MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match HUNDREDTHS.iter().find(|(name, _)| *name == text) {
            Some((_, currency)) => Ok(Self { currency: currency.parse()?, is_hundredth: true }),
            None => Ok(Self::of(text.parse()?)),
        }
    }
}

impl TryFrom<String> for PriceUnit {
    type Error = domain::MoneyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// An instrument and the unit of its source's prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    #[serde(flatten)]
    pub(crate) instrument: Instrument,
    /// Whether the prices are hundredths of the instrument's currency.
    #[serde(default)]
    pub(crate) in_hundredths: bool,
}

impl Listing {
    pub(crate) fn unit(&self) -> PriceUnit {
        PriceUnit { currency: self.instrument.currency, is_hundredth: self.in_hundredths }
    }
}

/// An instrument priced in whole units of its currency.
impl From<Instrument> for Listing {
    fn from(instrument: Instrument) -> Self {
        Self { instrument, in_hundredths: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> Option<(&'static str, bool)> {
        text.parse().ok().map(|unit: PriceUnit| (unit.currency.code(), unit.is_hundredth))
    }

    #[test]
    fn codes_of_hundredths_map_to_a_currency() {
        for (text, currency) in [("GBX", "GBP"), ("GBp", "GBP"), ("ZAc", "ZAR"), ("ILA", "ILS")] {
            assert_eq!(unit(text), Some((currency, true)), "{text}");
        }
        assert_eq!((unit("GBP"), unit("ZAR")), (Some(("GBP", false)), Some(("ZAR", false))));
        assert_eq!((unit("gbp"), unit("GBq"), unit("")), (None, None, None));
    }

    #[test]
    fn only_prices_and_dividends_are_divided() {
        let date = "2013-03-01".parse().unwrap();
        let (open, high, low, close) = (4512.5, 4530.0, 165.4, 4520.0);
        let adjusted_close = Some(4400.0);
        let mut row =
            Row { date, open, high, low, close, volume: 700.0, adjusted_close, split_ratio: 2.0, dividend: 12.0 };
        "GBp".parse::<PriceUnit>().unwrap().apply(&mut row);
        assert_eq!((row.open, row.high, row.low, row.close), (45.125, 45.3, 1.654, 45.2));
        assert_eq!((row.adjusted_close, row.dividend), (Some(44.0), 0.12));
        assert_eq!((row.volume, row.split_ratio), (700.0, 2.0));
        assert!(hundredth(f64::NAN).is_nan() && (hundredth(-1.0) + 0.01).abs() < 1e-15);
    }

    #[test]
    fn an_instrument_cached_by_an_earlier_version_is_still_read() {
        let instrument = Instrument::unlisted("SPY".parse().unwrap());
        let stored = serde_json::to_string(&instrument).unwrap();
        assert_eq!(serde_json::from_str::<Listing>(&stored).unwrap(), Listing::from(instrument));
    }
}
