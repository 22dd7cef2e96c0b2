//! `WTI`, `COPPER` and similar functions: one value a day or a month, in the provider's unit.

use domain::{Day, Price};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::refusal::classify;
use crate::exact;
use crate::http::Refusal;
use crate::series::Row;
use crate::symbols::Commodity;

/// A price of a day, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DatedPrice {
    pub(super) day: Day,
    pub(super) price: Price,
}

#[derive(Deserialize)]
struct Answer {
    name: Option<String>,
    unit: Option<String>,
    data: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    date: Option<String>,
    value: Option<exact::Digits>,
}

/// Reads the prices of a response, oldest first. Days without a price (`"."`) are skipped.
pub(super) fn read(body: &[u8], asked: &Commodity) -> Result<Vec<DatedPrice>, Refusal> {
    let Ok(Answer { name, unit: Some(unit), data: Some(items) }) = serde_json::from_slice(body) else {
        return Err(classify(body));
    };
    let title = asked.function.replace('_', " ");
    if name.is_some_and(|name| !name.to_ascii_uppercase().contains(&title)) {
        return Err(Refusal::malformed("is about another commodity"));
    }
    // A price in another unit would be wrong by a factor, so it is refused.
    let singular = unit.to_ascii_lowercase().replace("dollars", "dollar").replace("cents", "cent");
    if singular != asked.unit {
        return Err(Refusal::malformed("is in another unit"));
    }
    let mut prices: Vec<DatedPrice> = items.iter().filter_map(|item| dated(item, asked)).collect();
    // Of two prices for one day, take the higher, so that the order of the rows does not matter.
    prices.sort_by(|a, b| a.day.cmp(&b.day).then(b.price.cmp(&a.price)));
    prices.dedup_by_key(|dated| dated.day);
    if prices.is_empty() { Err(Refusal::malformed("has no price")) } else { Ok(prices) }
}

fn dated(item: &Item, asked: &Commodity) -> Option<DatedPrice> {
    let day = item.date.as_ref()?.parse().ok()?;
    // A month's average is known only when the month is over, not on its first day.
    let day = if asked.interval == "monthly" { exact::last_trading_day_of_month(day)? } else { day };
    let price = item.value.as_ref()?.price().ok()?.amount();
    let price = exact::rounded(price.checked_div(Decimal::from(asked.units_a_dollar))?).ok()?;
    Some(DatedPrice { day, price })
}

/// The prices as rows. A day has one price, which is its open, high, low and close.
pub(super) fn rows(prices: &[DatedPrice]) -> Vec<Row> {
    let row = |dated: &DatedPrice| {
        // A bar is a float by design; quotes stay exact.
        let price: f64 = dated.price.to_string().parse().unwrap_or(f64::NAN);
        let (open, high, low, close) = (price, price, price, price);
        let (date, volume, adjusted_close) = (dated.day, 0.0, None);
        Row { date, open, high, low, close, volume, adjusted_close, split_ratio: 1.0, dividend: 0.0 }
    };
    prices.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::{Named, named};

    fn commodity(symbol: &str) -> &'static Commodity {
        match named(&symbol.parse().unwrap()) {
            Some(Named::Commodity(commodity)) => commodity,
            other => panic!("{other:?}"),
        }
    }

    fn prices(symbol: &str, body: &str) -> Result<Vec<(String, String)>, Refusal> {
        let read = read(body.as_bytes(), commodity(symbol))?;
        Ok(read.into_iter().map(|dated| (dated.day.to_string(), dated.price.to_string())).collect())
    }

    fn pair(day: &str, price: &str) -> (String, String) {
        (day.to_owned(), price.to_owned())
    }

    #[test]
    fn missing_values_are_skipped() {
        let body = r#"{"name": "Crude Oil Prices WTI", "interval": "daily", "unit": "dollars per barrel", "data": [
            {"date": "2013-03-04", "value": "."}, {"date": "2013-03-01", "value": "90.68"},
            {"date": "2013-02-28", "value": "92.05"}, {"date": "2013-03-01", "value": "90.68"},
            {"date": "2013-02-27", "value": "-36.98"}, {"date": "2013-02-26", "value": null}]}"#;
        assert_eq!(prices("WTI=BBL", body), Ok(vec![pair("2013-02-28", "92.05"), pair("2013-03-01", "90.68")]));
    }

    #[test]
    fn a_monthly_average_belongs_to_the_last_trading_day_and_cents_become_dollars() {
        let body = r#"{"name": "Global Price of Coffee", "interval": "monthly", "unit": "cents per pound",
            "data": [{"date": "2013-03-01", "value": "160.2312345678"}]}"#;
        assert_eq!(prices("COFFEE=LB", body), Ok(vec![pair("2013-03-28", "1.602312345678")]));
    }

    #[test]
    fn a_wrong_unit_a_wrong_commodity_or_a_missing_price_is_refused() {
        let body = r#"{"name": "Global Price of Copper", "unit": "dollar per metric ton", "data": [{"date": "2013-03-01", "value": "7645.58"}]}"#;
        assert!(prices("COPPER=T", body).is_ok());
        assert!(prices("ALUMINUM=T", body).is_err());
        assert!(prices("COPPER=T", &body.replace("metric ton", "pound")).is_err());
        assert!(prices("COPPER=T", &body.replace("7645.58", ".")).is_err());
        assert!(prices("COPPER=T", "{}").is_err());
    }
}
