//! `CURRENCY_EXCHANGE_RATE`: what one unit of a currency, metal or coin costs now.

use chrono::{DateTime, NaiveDateTime, Utc};
use domain::decimal::DecimalError;
use domain::{Day, Price};
use serde::Deserialize;

use super::refusal::classify;
use crate::exact::Digits;
use crate::http::Refusal;

/// What is priced, and in what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) from: String,
    pub(super) to: String,
}

/// The last price of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) price: Price,
    pub(super) as_of: DateTime<Utc>,
    pub(super) day: Day,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Realtime Currency Exchange Rate")]
    rate: Option<Members>,
}

#[derive(Deserialize)]
struct Members {
    #[serde(rename = "1. From_Currency Code")]
    from: Option<String>,
    #[serde(rename = "3. To_Currency Code")]
    to: Option<String>,
    #[serde(rename = "5. Exchange Rate")]
    rate: Option<Digits>,
    #[serde(rename = "6. Last Refreshed")]
    refreshed: Option<String>,
    #[serde(rename = "7. Time Zone")]
    time_zone: Option<String>,
}

/// Reads a rate.
pub(super) fn read(body: &[u8], asked: &Exchange) -> Result<Rate, Refusal> {
    let Ok(Answer { rate: Some(members) }) = serde_json::from_slice(body) else { return Err(classify(body)) };
    let is = |code: Option<String>, asked: &str| code.is_some_and(|code| code.eq_ignore_ascii_case(asked));
    if !is(members.from, &asked.from) || !is(members.to, &asked.to) {
        return Err(Refusal::malformed("is about another currency"));
    }
    if members.time_zone.is_some_and(|zone| zone != "UTC") {
        return Err(Refusal::malformed("has a time in an unknown zone"));
    }
    let refreshed = members.refreshed.and_then(|text| NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S").ok());
    let price = members.rate.map_or(Err(DecimalError::NotANumber), |rate| rate.price()).map_err(Refusal::no_price)?;
    let refreshed = refreshed.ok_or_else(|| Refusal::malformed("has no price"))?;
    let day = refreshed.date().try_into().map_err(|_| Refusal::malformed("has no valid day"))?;
    Ok(Rate { price, as_of: refreshed.and_utc(), day })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EURO: &str = r#"{"Realtime Currency Exchange Rate": {"1. From_Currency Code": "EUR", "2. From_Currency Name": "Euro",
        "3. To_Currency Code": "USD", "4. To_Currency Name": "United States Dollar", "5. Exchange Rate": "1.30170000",
        "6. Last Refreshed": "2013-03-01 21:59:02", "7. Time Zone": "UTC", "8. Bid Price": "1.3016", "9. Ask Price": "-"}}"#;

    fn rate(body: &str) -> Result<Rate, Refusal> {
        read(body.as_bytes(), &Exchange { from: "EUR".to_owned(), to: "USD".to_owned() })
    }

    #[test]
    fn a_rate_has_its_time() {
        let rate = rate(EURO).unwrap();
        assert_eq!((rate.price.to_string(), rate.day.to_string()), ("1.3017".to_owned(), "2013-03-01".to_owned()));
        assert_eq!(rate.as_of.to_rfc3339(), "2013-03-01T21:59:02+00:00");
    }

    #[test]
    fn a_response_without_a_rate_of_the_requested_pair_is_refused() {
        for (from, to) in [
            ("\"EUR\"", "\"CHF\""),
            ("\"USD\"", "\"EUR\""),
            ("\"1.30170000\"", "\"-1\""),
            ("\"1.30170000\"", "null"),
            ("2013-03-01 21:59:02", "-"),
            ("\"UTC\"", "\"US/Eastern\""),
        ] {
            assert!(rate(&EURO.replace(from, to)).is_err(), "{from} {to}");
        }
    }
}
