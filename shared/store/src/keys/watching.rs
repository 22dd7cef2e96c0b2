//! Keys of watchlists, alerts and firings.

use domain::{CustomerId, Day, Symbol};
use uuid::Uuid;

use super::{Kind, List, ONLY};
use crate::item::Key;
use crate::query::Range;

/// The prefix of the sort key of an alert in its symbol's partition.
pub const ALERT_PREFIX: &str = "ALERT#";
/// The prefix of the sort key of a firing that is not delivered yet, in its symbol's partition.
pub const PENDING_PREFIX: &str = "PENDING#";

/// A symbol that a customer watches.
#[must_use]
pub fn watch(customer: CustomerId, symbol: &Symbol) -> Key {
    Kind::Watch.key(customer.0, symbol)
}

/// All symbols that a customer watches, by symbol.
#[must_use]
pub fn watches(customer: CustomerId) -> List {
    Kind::Watch.list(customer.0)
}

/// The number of symbols that a customer watches.
#[must_use]
pub fn watch_count(customer: CustomerId) -> Key {
    Kind::WatchCount.only(customer.0)
}

/// An alert of a customer.
#[must_use]
pub fn alert(customer: CustomerId, id: Uuid) -> Key {
    Kind::Alert.key(customer.0, id)
}

/// All alerts of a customer, by id; ids increase with time.
#[must_use]
pub fn alerts(customer: CustomerId) -> List {
    Kind::Alert.list(customer.0)
}

/// The number of a customer's alerts that can still fire.
#[must_use]
pub fn alert_count(customer: CustomerId) -> Key {
    Kind::AlertCount.only(customer.0)
}

/// The firing of an alert on a market day. The key contains the day, so that an alert fires at most once a day.
#[must_use]
pub fn firing(customer: CustomerId, alert: Uuid, day: Day) -> Key {
    Kind::Firing.key(customer.0, format_args!("{alert}#{day}"))
}

/// The firings of an alert from one market day to another, both included, by day.
#[must_use]
pub fn firings(customer: CustomerId, alert: Uuid, first: Day, last: Day) -> List {
    let [from, to] = [first, last].map(|day| firing(customer, alert, day));
    List { partition: from.pk, range: Range::Between(from.sk, to.sk) }
}

/// The e-mail subscription of a customer.
#[must_use]
pub fn email_subscription(customer: CustomerId) -> Key {
    Kind::EmailSubscription.only(customer.0)
}

/// What is evaluated on each new quote of a symbol: first the `seq` up to which quotes have been evaluated, then the alerts
/// of all customers that can still fire, then the firings that are not delivered yet.
#[must_use]
pub fn waiting(symbol: &Symbol) -> List {
    List { partition: waiting_partition(symbol), range: Range::All }
}

/// The `seq` up to which the quotes of a symbol have been evaluated; the first item of [`waiting`].
#[must_use]
pub fn evaluated(symbol: &Symbol) -> Key {
    Key::new(waiting_partition(symbol), ONLY)
}

/// An alert that waits for quotes of a symbol.
#[must_use]
pub fn waiting_alert(symbol: &Symbol, id: Uuid) -> Key {
    Key::new(waiting_partition(symbol), format!("{ALERT_PREFIX}{id}"))
}

/// A firing that is not delivered yet, under its symbol.
#[must_use]
pub fn pending_firing(symbol: &Symbol, alert: Uuid, day: Day) -> Key {
    Key::new(waiting_partition(symbol), format!("{PENDING_PREFIX}{alert}#{day}"))
}

fn waiting_partition(symbol: &Symbol) -> String {
    format!("ALERTS#{symbol}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_stored_form() {
        let (customer, symbol) = (CustomerId(Uuid::from_u128(7)), "AAPL".parse().unwrap());
        let (owner, id, day) = ("CUSTOMER#00000000-0000-0000-0000-000000000007", Uuid::nil(), "2012-06-01");
        let day: Day = day.parse().unwrap();
        for (key, pk, sk) in [
            (watch(customer, &symbol), owner, "WATCH#AAPL"),
            (watch_count(customer), owner, "WATCHES"),
            (alert(customer, id), owner, "ALERT#00000000-0000-0000-0000-000000000000"),
            (alert_count(customer), owner, "ALERTS"),
            (firing(customer, id, day), owner, "FIRING#00000000-0000-0000-0000-000000000000#2012-06-01"),
            (email_subscription(customer), owner, "MAIL"),
            (evaluated(&symbol), "ALERTS#AAPL", "-"),
            (waiting_alert(&symbol, id), "ALERTS#AAPL", "ALERT#00000000-0000-0000-0000-000000000000"),
            (
                pending_firing(&symbol, id, day),
                "ALERTS#AAPL",
                "PENDING#00000000-0000-0000-0000-000000000000#2012-06-01",
            ),
        ] {
            assert_eq!(key, Key::new(pk, sk));
        }
    }

    #[test]
    fn the_evaluation_mark_sorts_before_alerts_and_alerts_before_firings() {
        let (symbol, id) = ("AAPL".parse().unwrap(), Uuid::max());
        let pending = pending_firing(&symbol, Uuid::nil(), Day::FIRST);
        assert!(evaluated(&symbol).sk < waiting_alert(&symbol, Uuid::nil()).sk);
        assert!(waiting_alert(&symbol, id).sk < pending.sk);
        assert_eq!(waiting(&symbol).partition, pending.pk);
    }
}
