//! Which quotes have been seen: of a symbol only what is above the last number is new.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The last number of each symbol.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<String, u64>);

impl Seen {
    /// What is new in a snapshot, which is the truth whatever was seen before, and the symbols that have no price.
    pub(super) fn snapshot(&mut self, snapshot: &Value) -> Vec<Value> {
        let mut new = Vec::new();
        for quote in snapshot["quotes"].as_array().into_iter().flatten() {
            let Some((symbol, seq)) = numbered(quote) else { continue };
            if self.0.insert(symbol.to_owned(), seq) != Some(seq) {
                new.push(as_message(quote));
            }
        }
        if snapshot["unavailable"].as_object().is_some_and(|unavailable| !unavailable.is_empty()) {
            new.push(json!({ "type": "unavailable", "unavailable": snapshot["unavailable"] }));
        }
        new
    }

    /// Whether an update is new.
    pub(super) fn is_new(&mut self, quote: &Value) -> bool {
        let Some((symbol, seq)) = numbered(quote) else { return false };
        let is_new = self.0.get(symbol).is_none_or(|last| seq > *last);
        if is_new {
            self.0.insert(symbol.to_owned(), seq);
        }
        is_new
    }
}

fn numbered(quote: &Value) -> Option<(&str, u64)> {
    Some((quote["symbol"].as_str()?, quote["seq"].as_u64()?))
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
        let mut seen = Seen::default();
        assert_eq!(seen.snapshot(&snapshot(&[("A", 3), ("B", 0)])), [quote("A", 3), quote("B", 0)]);
        assert!(!seen.is_new(&quote("A", 3)) && !seen.is_new(&quote("A", 2)) && seen.is_new(&quote("A", 4)));
        assert_eq!(seen.snapshot(&snapshot(&[("A", 4), ("B", 1)])), [quote("B", 1)]);
    }

    #[test]
    fn the_snapshot_is_the_truth_where_numbers_start_over() {
        let mut seen = Seen::default();
        assert!(seen.is_new(&quote("A", 900)));
        assert_eq!(seen.snapshot(&snapshot(&[("A", 1)])), [quote("A", 1)]);
        assert!(seen.is_new(&quote("A", 2)));
    }

    #[test]
    fn symbols_without_a_price_are_told() {
        let told = json!({ "type": "snapshot", "quotes": [], "unavailable": { "A": "price_unavailable" } });
        assert_eq!(
            Seen::default().snapshot(&told),
            [json!({ "type": "unavailable", "unavailable": { "A": "price_unavailable" } })]
        );
    }
}
