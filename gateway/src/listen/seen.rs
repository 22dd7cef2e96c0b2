//! Tracks which quotes were seen: for each symbol, only a higher sequence number is new.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The last quote of each symbol.
#[derive(Default)]
pub(super) struct SeenQuotes(BTreeMap<String, LastQuote>);

/// The part of a quote that shows whether another one is new. The close of a bar newer than the quote has the quote's
/// sequence number, or none if there was no quote.
#[derive(PartialEq)]
struct LastQuote {
    seq: u64,
    of: [Value; 2],
}

impl SeenQuotes {
    /// The new quotes in a snapshot, which overrides everything seen before, and the symbols without a price.
    pub(super) fn snapshot(&mut self, snapshot: &Value) -> Vec<Value> {
        let mut new = Vec::new();
        for quote in snapshot["quotes"].as_array().into_iter().flatten() {
            let Some((symbol, last)) = read(quote) else { continue };
            if self.0.get(symbol) != Some(&last) {
                new.push(as_message(quote));
            }
            self.0.insert(symbol.to_owned(), last);
        }
        if snapshot["unavailable"].as_object().is_some_and(|unavailable| !unavailable.is_empty()) {
            new.push(json!({ "type": "unavailable", "unavailable": snapshot["unavailable"] }));
        }
        new
    }

    /// Whether an update is new.
    pub(super) fn is_new(&mut self, quote: &Value) -> bool {
        let Some((symbol, last)) = read(quote) else { return false };
        let is_new = self.0.get(symbol).is_none_or(|before| last.seq > before.seq);
        if is_new {
            self.0.insert(symbol.to_owned(), last);
        }
        is_new
    }
}

fn read(quote: &Value) -> Option<(&str, LastQuote)> {
    let of = [quote["price"].clone(), quote["as_of"].clone()];
    Some((quote["symbol"].as_str()?, LastQuote { seq: quote["seq"].as_u64()?, of }))
}

/// A quote of a snapshot in the form of an update.
fn as_message(quote: &Value) -> Value {
    let mut message = Map::from_iter([("type".to_owned(), "quote".into())]);
    message.extend(quote.as_object().cloned().unwrap_or_default());
    Value::Object(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(symbol: &str, seq: u64) -> Value {
        json!({ "type": "quote", "symbol": symbol, "seq": seq, "price": "1" })
    }

    fn snapshot(quotes: &[(&str, u64)]) -> Value {
        let quotes: Vec<_> =
            quotes.iter().map(|(symbol, seq)| json!({ "symbol": symbol, "seq": seq, "price": "1" })).collect();
        json!({ "type": "snapshot", "quotes": quotes, "unavailable": {} })
    }

    #[test]
    fn a_quote_is_new_once_whichever_way_it_comes() {
        let mut seen = SeenQuotes::default();
        assert_eq!(seen.snapshot(&snapshot(&[("A", 3), ("B", 0)])), [quote("A", 3), quote("B", 0)]);
        assert!(!seen.is_new(&quote("A", 3)) && !seen.is_new(&quote("A", 2)) && seen.is_new(&quote("A", 4)));
        assert_eq!(seen.snapshot(&snapshot(&[("A", 4), ("B", 1)])), [quote("B", 1)]);
    }

    #[test]
    fn the_snapshot_is_the_truth_where_numbers_start_over() {
        let mut seen = SeenQuotes::default();
        assert!(seen.is_new(&quote("A", 900)));
        assert_eq!(seen.snapshot(&snapshot(&[("A", 1)])), [quote("A", 1)]);
        assert!(seen.is_new(&quote("A", 2)));
    }

    #[test]
    fn a_newer_bar_under_the_same_number_is_new() {
        let mut seen = SeenQuotes::default();
        let of = |price: &str| json!({ "type": "snapshot", "quotes": [{ "symbol": "A", "seq": 0, "price": price }] });
        assert_eq!(
            (seen.snapshot(&of("1")).len(), seen.snapshot(&of("1")).len(), seen.snapshot(&of("2")).len()),
            (1, 0, 1)
        );
    }

    #[test]
    fn symbols_without_a_price_are_reported() {
        let snapshot = json!({ "type": "snapshot", "quotes": [], "unavailable": { "A": "price_unavailable" } });
        assert_eq!(
            SeenQuotes::default().snapshot(&snapshot),
            [json!({ "type": "unavailable", "unavailable": { "A": "price_unavailable" } })]
        );
    }
}
