//! Keys of the symbol registry and of the trackers of each symbol, which determine what the scheduled refresh requests.

use domain::{CustomerId, PortfolioId, Symbol};

use super::prices::shard;
use super::{List, ONLY};
use crate::item::Key;
use crate::query::Range;

/// The prefix of the sort key of a portfolio among the trackers of a symbol.
pub const TRACKING_PORTFOLIO_PREFIX: &str = "PORTFOLIO#";

/// A symbol's entry in the symbol registry.
#[must_use]
pub fn registered_symbol(symbol: &Symbol) -> Key {
    Key::new(format!("DIRECTORY#symbols#{:x}", shard(symbol)), symbol.as_str())
}

/// The sixteen shards of the symbol registry.
#[must_use]
pub fn registered_symbols() -> [List; 16] {
    std::array::from_fn(|shard| List { partition: format!("DIRECTORY#symbols#{shard:x}"), range: Range::All })
}

/// The trackers of a symbol that have no other item under the symbol. Alerts and live connections have one.
#[must_use]
pub fn trackers(symbol: &Symbol) -> List {
    List { partition: trackers_partition(symbol), range: Range::All }
}

/// A customer who watches a symbol, among the trackers of the symbol.
#[must_use]
pub fn tracking_watcher(symbol: &Symbol, customer: CustomerId) -> Key {
    Key::new(trackers_partition(symbol), format!("WATCH#{customer}"))
}

/// A portfolio that may hold a symbol, among the trackers of the symbol.
#[must_use]
pub fn tracking_portfolio(symbol: &Symbol, portfolio: PortfolioId) -> Key {
    Key::new(trackers_partition(symbol), format!("{TRACKING_PORTFOLIO_PREFIX}{portfolio}"))
}

/// The number of symbols that a customer added to the registry before any price of them was known; expires.
#[must_use]
pub fn listed_unverified(customer: CustomerId) -> Key {
    Key::new(format!("LIMIT#follow#{customer}"), ONLY)
}

fn trackers_partition(symbol: &Symbol) -> String {
    format!("FOLLOWERS#{symbol}")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_symbol_is_in_the_shard_of_the_symbol_registry_that_its_hash_selects() {
        let key = registered_symbol(&"AAPL".parse().unwrap());
        // sha256("AAPL") by coreutils' sha256sum.
        assert_eq!(key, Key::new("DIRECTORY#symbols#1", "AAPL"));
        assert_eq!(registered_symbols().iter().filter(|list| list.partition == key.pk).count(), 1);
    }

    #[test]
    fn trackers_are_in_the_partition_of_their_symbol() {
        let (symbol, id) = ("AAPL".parse().unwrap(), Uuid::from_u128(7));
        let list = trackers(&symbol);
        let named = "00000000-0000-0000-0000-000000000007";
        for (key, sk) in [
            (tracking_watcher(&symbol, CustomerId(id)), format!("WATCH#{named}")),
            (tracking_portfolio(&symbol, PortfolioId(id)), format!("PORTFOLIO#{named}")),
        ] {
            assert_eq!((key.pk, key.sk), (list.partition.clone(), sk));
        }
        assert_eq!(list.partition, "FOLLOWERS#AAPL");
    }
}
