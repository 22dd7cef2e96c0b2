//! `GLOBAL_QUOTE`: the last price.

use domain::decimal::DecimalError;
use domain::{Day, Price, Symbol};
use serde::Deserialize;

use super::refusal::classify;
use crate::error::ProviderError;
use crate::http::Refusal;

/// The last price of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LastPrice {
    pub(super) price: Price,
    pub(super) previous_close: Option<Price>,
    pub(super) trading_day: Day,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Global Quote")]
    quote: Option<Members>,
}

#[derive(Deserialize)]
struct Members {
    #[serde(rename = "01. symbol")]
    symbol: Option<String>,
    #[serde(rename = "05. price")]
    price: Option<String>,
    #[serde(rename = "07. latest trading day")]
    trading_day: Option<String>,
    #[serde(rename = "08. previous close")]
    previous_close: Option<String>,
}

/// Reads a quote. The provider answers an unknown symbol with an empty one.
pub(super) fn read(body: &[u8], asked: &Symbol) -> Result<LastPrice, Refusal> {
    let Ok(Answer { quote: Some(quote) }) = serde_json::from_slice(body) else { return Err(classify(body)) };
    let Some(symbol) = quote.symbol else { return Err(ProviderError::UnknownSymbol.into()) };
    if !symbol.eq_ignore_ascii_case(asked.as_str()) {
        return Err(Refusal::malformed("is about another symbol"));
    }
    // The price is read from its digits: money is never a float.
    let exact = |text: Option<String>| text.as_deref().map_or(Err(DecimalError::NotANumber), Price::parse);
    let price = exact(quote.price).map_err(Refusal::no_price)?;
    let trading_day = quote.trading_day.and_then(|day| day.parse().ok());
    let trading_day = trading_day.ok_or_else(|| Refusal::malformed("has no price"))?;
    Ok(LastPrice { price, previous_close: exact(quote.previous_close).ok(), trading_day })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(members: &str) -> Result<LastPrice, Refusal> {
        read(format!("{{\"Global Quote\": {{{members}}}}}").as_bytes(), &"IBM".parse().unwrap())
    }

    #[test]
    fn a_quote_has_a_price_and_its_day() {
        let read = quote(
            r#""01. symbol": "IBM", "05. price": "202.9100", "06. volume": "3308300",
               "07. latest trading day": "2013-03-01", "08. previous close": "200.8300""#,
        )
        .unwrap();
        assert_eq!((read.price.to_string(), read.previous_close), ("202.91".to_owned(), Price::parse("200.83").ok()));
        assert_eq!(read.trading_day.to_string(), "2013-03-01");
    }

    #[test]
    fn an_empty_quote_means_an_unknown_symbol() {
        assert_eq!(quote(""), Err(Refusal::Failed(ProviderError::UnknownSymbol)));
    }

    #[test]
    fn a_quote_without_a_price_or_for_another_symbol_is_refused() {
        for price in ["null", "\"0.0\"", "\"-1\"", "\"NaN\"", "\"None\""] {
            let members =
                format!(r#""01. symbol": "IBM", "05. price": {price}, "07. latest trading day": "2013-03-01""#);
            assert!(quote(&members).is_err(), "{price}");
        }
        assert!(quote(r#""01. symbol": "MSFT", "05. price": "1", "07. latest trading day": "2013-03-01""#).is_err());
    }
}
