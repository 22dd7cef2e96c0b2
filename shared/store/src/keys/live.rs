//! Keys of live quotes: tickets, connections and subscriptions. All of these items expire.

use domain::{CustomerId, Symbol};
use sha2::{Digest as _, Sha256};

use super::{Kind, List, ONLY};
use crate::item::Key;
use crate::query::Range;

/// The number of shards of a symbol's subscriptions, so that clients that subscribe at the same time write to different
/// partitions. It is low because every push reads all of them.
pub const LIVE_SHARDS: u8 = 4;

/// A one-time ticket for a live connection, by its hash.
#[must_use]
pub fn live_ticket(ticket_sha256: &str) -> Key {
    Key::new(format!("TICKET#{ticket_sha256}"), ONLY)
}

/// A live connection, by the id that API Gateway gave it.
#[must_use]
pub fn connection(id: &str) -> Key {
    Key::new(format!("CONNECTION#{id}"), ONLY)
}

/// The index item of a live connection in its customer's partition.
#[must_use]
pub fn connection_of(customer: CustomerId, id: &str) -> Key {
    Kind::Connection.key(customer.0, id)
}

/// All live connections of a customer.
#[must_use]
pub fn connections(customer: CustomerId) -> List {
    Kind::Connection.list(customer.0)
}

/// The subscription of a connection to a symbol.
#[must_use]
pub fn subscription(symbol: &Symbol, connection: &str) -> Key {
    Key::new(shard_of(symbol, Sha256::digest(connection)[0] % LIVE_SHARDS), connection)
}

/// The shards of the list of all subscriptions to a symbol.
pub fn subscriptions(symbol: &Symbol) -> impl Iterator<Item = List> + use<> {
    let symbol = symbol.clone();
    (0..LIVE_SHARDS).map(move |shard| List { partition: shard_of(&symbol, shard), range: Range::All })
}

fn shard_of(symbol: &Symbol, shard: u8) -> String {
    format!("LIVE#{symbol}#{shard}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn keys_of_live_items_keep_their_stored_form() {
        let customer = CustomerId(Uuid::from_u128(7));
        assert_eq!(live_ticket("ab12"), Key::new("TICKET#ab12", "-"));
        assert_eq!(connection("L0SM9cOFvHcCIhw="), Key::new("CONNECTION#L0SM9cOFvHcCIhw=", "-"));
        let owner = "CUSTOMER#00000000-0000-0000-0000-000000000007";
        assert_eq!(connection_of(customer, "a="), Key::new(owner, "CONNECTION#a="));
    }

    #[test]
    fn a_subscription_is_in_one_of_the_shards_and_all_shards_are_used() {
        let symbol: Symbol = "AAPL".parse().unwrap();
        let parts: BTreeSet<_> = subscriptions(&symbol).map(|list| list.partition).collect();
        let used: BTreeSet<_> = (0..100).map(|number| subscription(&symbol, &format!("c{number}")).pk).collect();
        assert_eq!(used, parts);
        // sha256("c0") starts with 0x12, by coreutils' sha256sum.
        assert_eq!(subscription(&symbol, "c0"), Key::new("LIVE#AAPL#2", "c0"));
    }
}
