//! `SPLITS` and `DIVIDENDS`: fetched when a compact series, which carries no events, jumps.

use std::collections::BTreeSet;

use domain::{Day, Symbol};
use serde::Deserialize;

use super::refusal::classify;
use crate::events::Event;
use crate::http::Refusal;
use crate::number::{optional, optional_ratio};
use crate::series::Row;

/// A close-to-close move beyond this fraction may be a split (3:2 is a fall of a third).
const SUSPICIOUS_MOVE: f64 = 0.25;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    symbol: Option<String>,
    data: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(alias = "ex_dividend_date")]
    effective_date: Option<String>,
    #[serde(default, deserialize_with = "optional_ratio")]
    split_factor: Option<f64>,
    #[serde(default, deserialize_with = "optional")]
    amount: Option<f64>,
}

/// Reads the events of a response. Events that cannot be applied are skipped.
pub(super) fn read(body: &[u8], asked: &Symbol) -> Result<Vec<Event>, Refusal> {
    let Ok(Answer { symbol, data: Some(items) }) = serde_json::from_slice(body) else { return Err(classify(body)) };
    if symbol.is_some_and(|symbol| !symbol.eq_ignore_ascii_case(asked.as_str())) {
        return Err(Refusal::malformed("is about another symbol"));
    }
    let event = |item: Item| {
        let date = item.effective_date?.parse().ok()?;
        let value = item.split_factor.or(item.amount).filter(|value| *value > 0.0)?;
        Some(Event { date, value })
    };
    Ok(items.into_iter().filter_map(event).collect())
}

/// The days of the bars whose move from the bar before is so large that it may be a split.
pub(super) fn jumps(rows: &[Row]) -> BTreeSet<Day> {
    let mut closes: Vec<_> = rows.iter().filter(|row| row.close > 0.0).map(|row| (row.date, row.close)).collect();
    closes.sort_by_key(|(date, _)| *date);
    let pairs = closes.windows(2).filter(|pair| (pair[1].1 / pair[0].1 - 1.0).abs() > SUSPICIOUS_MOVE);
    pairs.map(|pair| pair[1].0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ProviderError;

    fn row(date: &str, close: f64) -> Row {
        let (open, high, low) = (close, close, close);
        let date = date.parse().unwrap();
        Row { date, open, high, low, close, volume: 1.0, adjusted_close: None, split_ratio: 1.0, dividend: 0.0 }
    }

    fn symbol() -> Symbol {
        "AAPL".parse().unwrap()
    }

    #[test]
    fn both_responses_are_read_with_numbers_as_text_or_json_numbers() {
        let splits = br#"{"symbol": "AAPL", "data": [{"effective_date": "2020-08-31", "split_factor": "4.0000"}]}"#;
        let event = Event { date: "2020-08-31".parse().unwrap(), value: 4.0 };
        assert_eq!(read(splits, &symbol()), Ok(vec![event]));
        let dividends = br#"{"symbol": "AAPL", "data": [
            {"ex_dividend_date": "2024-08-12", "declaration_date": "None", "amount": 0.25},
            {"ex_dividend_date": "None", "amount": "0.25"}, {"ex_dividend_date": "2024-05-10", "amount": null}]}"#;
        let event = Event { date: "2024-08-12".parse().unwrap(), value: 0.25 };
        assert_eq!(read(dividends, &symbol()), Ok(vec![event]));
    }

    #[test]
    fn a_ratio_is_read_as_a_fraction_and_a_dividend_as_written() {
        let values = |column: &str, text: &str| {
            let json = format!(r#"{{"data": [{{"effective_date": "2020-08-31", "{column}": {text}}}]}}"#);
            read(json.as_bytes(), &symbol()).unwrap().into_iter().map(|event| event.value).collect::<Vec<_>>()
        };
        for (text, ratio) in [(r#""0.3333""#, 1.0 / 3.0), ("0.3333", 1.0 / 3.0), (r#""1.3330""#, 1.333), ("4", 4.0)] {
            assert_eq!(values("split_factor", text), [ratio], "{text}");
        }
        assert!(values("split_factor", r#""None""#).is_empty());
        assert_eq!(values("amount", r#""0.3333""#), [0.3333]);
    }

    #[test]
    fn a_response_about_another_symbol_or_without_data_is_refused() {
        assert!(read(br#"{"symbol": "MSFT", "data": []}"#, &symbol()).is_err());
        let message = br#"{"Error Message": "Invalid API call"}"#;
        assert_eq!(read(message, &symbol()), Err(Refusal::Failed(ProviderError::UnknownSymbol)));
    }

    #[test]
    fn an_ordinary_move_is_not_a_jump() {
        assert_eq!(
            jumps(&[row("2020-08-27", 100.0), row("2020-08-28", 80.0), row("2020-08-31", 0.0)]),
            BTreeSet::new()
        );
        let jumps = jumps(&[row("2020-09-01", 25.0), row("2020-08-28", 100.0)]);
        assert_eq!(jumps, BTreeSet::from(["2020-09-01".parse().unwrap()]));
    }
}
