//! Keys of data about bars and quotes: grades of forecasts, lists of instruments, searches, leases, lookups, provider
//! metadata, and the refresh log.

use domain::{CustomerId, Day, Symbol};
use sha2::{Digest as _, Sha256};

use super::{List, ONLY, sha256_hex};
use crate::item::Key;
use crate::query::Range;

/// The grade of a forecast. Its sort key is that of the forecast (`keys::forecast`).
#[must_use]
pub fn forecast_grade(symbol: &Symbol, as_of: Day, model: &str, horizon: usize, inputs_sha256: &str) -> Key {
    Key::new(format!("GRADES#{symbol}"), format!("{as_of}#{model}#{horizon}#{inputs_sha256}"))
}

/// A symbol's entry in the list of symbols with forecasts that are not graded yet.
#[must_use]
pub fn awaited_grade(symbol: &Symbol) -> Key {
    Key::new(format!("DIRECTORY#awaited#{:x}", shard(symbol)), symbol.as_str())
}

/// The sixteen shards of the list of symbols with forecasts that are not graded yet.
#[must_use]
pub fn awaited_grades() -> [List; 16] {
    std::array::from_fn(|shard| List { partition: format!("DIRECTORY#awaited#{shard:x}"), range: Range::All })
}

/// An instrument's entry in the list of instruments whose metadata are stored.
#[must_use]
pub fn described_instrument(symbol: &Symbol) -> Key {
    Key::new(format!("DIRECTORY#described#{:x}", shard(symbol)), symbol.as_str())
}

/// The sixteen shards of the list of instruments whose metadata are stored.
#[must_use]
pub fn described_instruments() -> [List; 16] {
    std::array::from_fn(|shard| List { partition: format!("DIRECTORY#described#{shard:x}"), range: Range::All })
}

/// The instruments that a live provider found for a search text; expires.
#[must_use]
pub fn search(text: &str) -> Key {
    Key::new(format!("SEARCH#{}", sha256_hex(text)), ONLY)
}

/// An entry of the provider metadata cache: a fact that cost a provider call, by its name; expires.
#[must_use]
pub fn provider_metadata(provider: &str, name: &str) -> Key {
    Key::new(format!("QUOTA#{provider}"), format!("FACT#{name}"))
}

/// The lease for calling a live provider for a symbol's bars, or the record that such a call has just failed; expires.
#[must_use]
pub fn bars_asked(symbol: &Symbol) -> Key {
    Key::new(format!("INSTRUMENT#{symbol}"), "ASKED#BARS")
}

/// The same for a symbol's quote.
#[must_use]
pub fn quote_asked(symbol: &Symbol) -> Key {
    Key::new(format!("INSTRUMENT#{symbol}"), "ASKED#QUOTE")
}

/// The times of a customer's new-symbol lookups; expires.
#[must_use]
pub fn new_symbol_lookups(customer: CustomerId) -> Key {
    Key::new(format!("LIMIT#first-looks#{customer}"), ONLY)
}

/// The shard of the refresh log that has this symbol.
#[must_use]
pub fn refresh_ledger(symbol: &Symbol) -> Key {
    ledger(shard(symbol).into())
}

/// The sixteen shards of the refresh log.
#[must_use]
pub fn refresh_ledgers() -> [Key; 16] {
    std::array::from_fn(ledger)
}

fn ledger(shard: usize) -> Key {
    Key::new("JOB#refresh-prices", format!("LEDGER#{shard:x}"))
}

/// Which of the sixteen shards of a list has this symbol.
pub(super) fn shard(symbol: &Symbol) -> u8 {
    Sha256::digest(symbol.as_str())[0] >> 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grade_has_the_sort_key_of_its_forecast() {
        let symbol: Symbol = "AAPL".parse().unwrap();
        let day: Day = "2012-06-01".parse().unwrap();
        let (grade, forecast) = (
            forecast_grade(&symbol, day, "walk", 30, "ab12"),
            super::super::forecast(&symbol, day, "walk", 30, "ab12"),
        );
        assert_eq!(grade, Key::new("GRADES#AAPL", "2012-06-01#walk#30#ab12"));
        assert_eq!(grade.sk, forecast.sk);
    }

    #[test]
    fn a_symbol_is_in_one_of_the_sixteen_shards_of_its_list() {
        let symbol: Symbol = "AAPL".parse().unwrap();
        let holds = |lists: [List; 16], key: Key| lists.iter().filter(|list| list.partition == key.pk).count();
        assert_eq!(holds(awaited_grades(), awaited_grade(&symbol)), 1);
        assert_eq!(holds(described_instruments(), described_instrument(&symbol)), 1);
        assert!(refresh_ledgers().contains(&refresh_ledger(&symbol)));
    }
}
