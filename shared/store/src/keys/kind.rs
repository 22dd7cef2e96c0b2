//! The kinds of items that belong to a customer: those in the partition of a profile, a customer, a portfolio or a wallet.

use std::fmt::Display;

use uuid::Uuid;

use super::List;
use crate::item::Key;
use crate::query::Range;

/// Defines the kinds, each with the first part of its partition key and the first part of its sort key.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $partition:literal, $spelling:literal;)+) => {
        /// The kind of an item in the partition of a profile, a customer, a portfolio or a wallet. A key in these partitions
        /// can only be built from a kind, and code that handles all data of a customer matches the kinds exhaustively.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $kind,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// The first parts of the partition key and of the sort key.
            const fn spellings(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$kind => ($partition, $spelling),)+
                }
            }
        }
    };
}

kinds! {
    /// Profile, password, role, and the epoch of the sessions.
    Profile = "PROFILE", "-";
    /// The profile where earlier versions stored it.
    LegacyProfile = "CUSTOMER", "PROFILE";
    /// The response to a registration with an `Idempotency-Key`.
    Registration = "CUSTOMER", "REGISTRATION";
    /// The index item of a session.
    Session = "CUSTOMER", "SESSION";
    /// The index item of a live connection.
    Connection = "CUSTOMER", "CONNECTION";
    /// The advisor of the customer.
    Advisor = "CUSTOMER", "ADVISOR";
    /// A client whom the customer advises.
    Client = "CUSTOMER", "CLIENT";
    /// An export.
    Export = "CUSTOMER", "EXPORT";
    /// The requests of one kind that count against a rate limit of the customer; expires.
    RequestCount = "CUSTOMER", "LIMIT";
    /// A stored response.
    Response = "CUSTOMER", "RESULT";
    /// A backtest.
    Backtest = "CUSTOMER", "BACKTEST";
    /// A report.
    Report = "CUSTOMER", "REPORT";
    /// A watched symbol.
    Watch = "CUSTOMER", "WATCH";
    /// The number of watched symbols.
    WatchCount = "CUSTOMER", "WATCHES";
    /// An alert.
    Alert = "CUSTOMER", "ALERT";
    /// The number of alerts that can still fire.
    AlertCount = "CUSTOMER", "ALERTS";
    /// A firing of an alert.
    Firing = "CUSTOMER", "FIRING";
    /// The customer's e-mail subscription to alerts.
    EmailSubscription = "CUSTOMER", "MAIL";
    /// A custom instrument.
    CustomInstrument = "CUSTOMER", "ITEM";
    /// The number of custom instruments.
    CustomInstrumentCount = "CUSTOMER", "ITEMS";
    /// A portfolio.
    Portfolio = "CUSTOMER", "PORTFOLIO";
    /// The number of portfolios.
    PortfolioCount = "CUSTOMER", "PORTFOLIOS";
    /// A version of a portfolio's investment profile.
    InvestmentProfile = "PORTFOLIO", "PROFILE";
    /// A position in one instrument.
    Position = "PORTFOLIO", "POSITION";
    /// Older lots of a position.
    OlderLots = "PORTFOLIO", "LOT";
    /// A trade.
    Trade = "PORTFOLIO", "TRADE";
    /// A year of daily values, or the state of the daily values.
    Series = "PORTFOLIO", "SERIES";
    /// The head of the activities, or a segment of them.
    Activities = "PORTFOLIO", "ACTIVITIES";
    /// A version of an activity before a change.
    ActivityVersion = "PORTFOLIO", "ACTIVITY_VERSION";
    /// A lot held elsewhere, where earlier versions stored it.
    Investment = "PORTFOLIO", "INVESTMENT";
    /// The number of lots held elsewhere.
    InvestmentCount = "PORTFOLIO", "INVESTMENTS";
    /// The progress of the import of a file.
    Import = "PORTFOLIO", "IMPORT";
    /// The head of a wallet.
    WalletHead = "WALLET", "HEAD";
    /// A ledger entry of a wallet.
    WalletEntry = "WALLET", "ENTRY";
}

impl Kind {
    /// The kind of the item under this key; `None` if this version of the code knows no such kind, or if the key is in
    /// another partition.
    #[must_use]
    pub fn of(key: &Key) -> Option<Self> {
        let spellings = (first_part(&key.pk), first_part(&key.sk));
        Self::ALL.iter().copied().find(|kind| kind.spellings() == spellings)
    }

    /// The first part of the sort key, in lower case.
    #[must_use]
    pub fn name(self) -> String {
        self.spellings().1.to_lowercase()
    }

    /// The rest of the sort key after the kind; `None` for a key of another kind.
    #[must_use]
    pub fn id_in(self, key: &Key) -> Option<&str> {
        (Self::of(key)? == self).then(|| key.sk.split_once('#').map_or("", |(_, id)| id))
    }

    /// The key of an item of which its owner has only one.
    pub(super) fn only(self, owner: Uuid) -> Key {
        Key::new(self.partition(owner), self.spellings().1)
    }

    /// The key of an item of this kind.
    pub(super) fn key(self, owner: Uuid, id: impl Display) -> Key {
        Key::new(self.partition(owner), format!("{}#{id}", self.spellings().1))
    }

    /// All items of this kind of one owner.
    pub(super) fn list(self, owner: Uuid) -> List {
        let Key { pk: partition, sk: prefix } = self.key(owner, "");
        List { partition, range: Range::Prefix(prefix) }
    }

    /// All items in the owner's partition that this kind belongs to, of whatever kind.
    pub(super) fn partition_list(self, owner: Uuid) -> List {
        List { partition: self.partition(owner), range: Range::All }
    }

    fn partition(self, owner: Uuid) -> String {
        format!("{}#{owner}", self.spellings().0)
    }
}

fn first_part(key: &str) -> &str {
    key.split_once('#').map_or(key, |(first, _)| first)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_key_has_the_kind_that_it_was_made_from() {
        for &kind in Kind::ALL {
            assert_eq!(Kind::of(&kind.only(Uuid::nil())), Some(kind));
            let key = kind.key(Uuid::nil(), "AAPL#000001");
            assert_eq!((Kind::of(&key), kind.id_in(&key)), (Some(kind), Some("AAPL#000001")));
        }
        let spelled: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.spellings()).collect();
        assert_eq!(spelled.len(), Kind::ALL.len());
    }

    #[test]
    fn a_key_with_another_spelling_has_no_kind() {
        let customer = format!("CUSTOMER#{}", Uuid::nil());
        for sort_key in ["NOVEL#1", "WATCHED#AAPL", "watch#AAPL", "TRADE#1", ""] {
            assert_eq!(Kind::of(&Key::new(&customer, sort_key)), None, "{sort_key}");
        }
        assert_eq!(Kind::of(&Key::new("JOB#refresh-prices", "PROFILE")), None);
    }

    #[test]
    fn the_id_in_a_key_of_another_kind_is_none() {
        assert_eq!(Kind::Watch.id_in(&Kind::Alert.key(Uuid::nil(), "1")), None);
    }
}
