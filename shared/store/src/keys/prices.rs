//! Keys of what is kept beside bars and quotes: grades of forecasts, what was searched for, what was asked for and told, and
//! what calls were paid for.

use domain::{CustomerId, Day, Symbol};
use sha2::{Digest as _, Sha256};

use super::{List, ONLY, sha256_hex};
use crate::item::Key;
use crate::query::Range;

/// What became of a forecast, beside the forecast of the same name (`keys::forecast`).
#[must_use]
pub fn forecast_grade(symbol: &Symbol, as_of: Day, model: &str, horizon: usize, inputs_sha256: &str) -> Key {
    Key::new(format!("GRADES#{symbol}"), format!("{as_of}#{model}#{horizon}#{inputs_sha256}"))
}

/// That a symbol has forecasts that are not graded yet.
#[must_use]
pub fn awaited_grade(symbol: &Symbol) -> Key {
    Key::new(format!("DIRECTORY#awaited#{:x}", shard(symbol)), symbol.as_str())
}

/// The sixteen parts of the list of symbols that have forecasts not graded yet.
#[must_use]
pub fn awaited_grades() -> [List; 16] {
    std::array::from_fn(|shard| List { partition: format!("DIRECTORY#awaited#{shard:x}"), range: Range::All })
}

/// An instrument's entry in the list of those whose metadata are stored.
#[must_use]
pub fn described_instrument(symbol: &Symbol) -> Key {
    Key::new(format!("DIRECTORY#described#{:x}", shard(symbol)), symbol.as_str())
}

/// The sixteen parts of the list of instruments whose metadata are stored.
#[must_use]
pub fn described_instruments() -> [List; 16] {
    std::array::from_fn(|shard| List { partition: format!("DIRECTORY#described#{shard:x}"), range: Range::All })
}

/// What a live provider found for a text; expires.
#[must_use]
pub fn search(text: &str) -> Key {
    Key::new(format!("SEARCH#{}", sha256_hex(text)), ONLY)
}

/// A fact that calls of a live provider were paid for, by its name; expires.
#[must_use]
pub fn provider_metadata(provider: &str, name: &str) -> Key {
    Key::new(format!("QUOTA#{provider}"), format!("FACT#{name}"))
}

/// That somebody asks a live provider for bars of a symbol, or found just now that it has none to give; expires.
#[must_use]
pub fn bars_asked(symbol: &Symbol) -> Key {
    Key::new(format!("INSTRUMENT#{symbol}"), "ASKED#BARS")
}

/// The same of its quote.
#[must_use]
pub fn quote_asked(symbol: &Symbol) -> Key {
    Key::new(format!("INSTRUMENT#{symbol}"), "ASKED#QUOTE")
}

/// When a customer had a live provider asked for symbols that nobody had looked at before; expires.
#[must_use]
pub fn new_symbol_lookups(customer: CustomerId) -> Key {
    Key::new(format!("LIMIT#first-looks#{customer}"), ONLY)
}

/// The part that a symbol stands in of what the scheduled refresh has asked for and told.
#[must_use]
pub fn refresh_ledger(symbol: &Symbol) -> Key {
    ledger(shard(symbol).into())
}

/// The sixteen parts of what the scheduled refresh has asked for and told.
#[must_use]
pub fn refresh_ledgers() -> [Key; 16] {
    std::array::from_fn(ledger)
}

fn ledger(shard: usize) -> Key {
    Key::new("JOB#refresh-prices", format!("LEDGER#{shard:x}"))
}

/// Which of the sixteen parts of a list a symbol stands in.
pub(super) fn shard(symbol: &Symbol) -> u8 {
    Sha256::digest(symbol.as_str())[0] >> 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grade_has_the_name_of_its_forecast() {
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
    fn a_symbol_stands_in_one_of_the_sixteen_parts_of_its_list() {
        let symbol: Symbol = "AAPL".parse().unwrap();
        let holds = |lists: [List; 16], key: Key| lists.iter().filter(|list| list.partition == key.pk).count();
        assert_eq!(holds(awaited_grades(), awaited_grade(&symbol)), 1);
        assert_eq!(holds(described_instruments(), described_instrument(&symbol)), 1);
        assert!(refresh_ledgers().contains(&refresh_ledger(&symbol)));
    }
}
