//! The last price of an instrument.

use chrono::{DateTime, Utc};
use domain::{Currency, Day, Price, Symbol};

use crate::error::ProviderError;
use crate::history::History;

/// The last price of an instrument, exactly as the source gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The instrument.
    pub symbol: Symbol,
    /// Price of one unit.
    pub price: Price,
    /// Close of the trading day before, in units of `day`, if known.
    pub previous_close: Option<Price>,
    /// Currency of both prices.
    pub currency: Currency,
    /// Trading day of the price; the price is in the units of this day.
    pub day: Day,
    /// Instant of the price, if the source gives more than the day.
    pub as_of: Option<DateTime<Utc>>,
    /// Name of the source, as in responses.
    pub source: &'static str,
}

impl Quote {
    /// The last close of a history, with the previous close converted to its units.
    ///
    /// Errors: [`ProviderError::Malformed`] if there is no bar or its close is not a valid price;
    /// [`ProviderError::PriceTooSmall`].
    pub fn of_last_bar(symbol: &Symbol, history: &History) -> Result<Self, ProviderError> {
        let last = history.bars.last().ok_or_else(|| ProviderError::malformed("there is no bar"))?;
        let price = Price::from_bar(last.close).map_err(ProviderError::of_price)?;
        let before = history.bars.len().checked_sub(2).and_then(|index| history.bars.get(index));
        let previous_close = before.and_then(|bar| Price::from_bar(bar.close / last.split_ratio).ok());
        Ok(Self {
            symbol: symbol.clone(),
            price,
            previous_close,
            currency: history.currency,
            day: last.date,
            as_of: None,
            source: history.source,
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::{Bar, Bars};

    use super::*;
    use crate::history::Basis;

    fn bar(date: &str, close: f64, split_ratio: f64) -> Bar {
        Bar {
            date: date.parse().unwrap(),
            open: close,
            high: close,
            low: close,
            close,
            volume: 1.0,
            adjusted_close: close,
            split_ratio,
            dividend: 0.0,
        }
    }

    fn history(bars: &[Bar]) -> History {
        let bars = Bars::from_rows(bars.iter().copied()).unwrap();
        History {
            source: "scripted",
            bars,
            basis: Basis::Quoted,
            currency: Currency::USD,
            notes: Vec::new(),
            held_back: None,
        }
    }

    #[test]
    fn a_close_before_a_split_is_converted_to_the_units_of_the_day() {
        let symbol: Symbol = "AAPL".parse().unwrap();
        let history = history(&[bar("2005-02-25", 88.99, 1.0), bar("2005-02-28", 44.86, 2.0)]);
        let quote = Quote::of_last_bar(&symbol, &history).unwrap();
        assert_eq!((quote.price.to_string(), quote.day.to_string()), ("44.86".to_owned(), "2005-02-28".to_owned()));
        assert_eq!(quote.previous_close.unwrap().to_string(), "44.495");
    }

    #[test]
    fn a_history_without_a_bar_has_no_last_price() {
        let symbol: Symbol = "AAPL".parse().unwrap();
        assert!(Quote::of_last_bar(&symbol, &history(&[])).is_err());
        let first = Quote::of_last_bar(&symbol, &history(&[bar("2005-02-25", 88.99, 1.0)])).unwrap();
        assert_eq!(first.previous_close, None);
    }

    #[test]
    fn a_close_below_the_smallest_price_is_an_error_of_its_own() {
        let of = |close| Quote::of_last_bar(&"DUST".parse().unwrap(), &history(&[bar("2005-02-25", close, 1.0)]));
        assert_eq!(of(1e-9).unwrap().price.to_string(), "0.000000001");
        assert_eq!(of(9.999_999e-10), Err(ProviderError::PriceTooSmall));
    }
}
