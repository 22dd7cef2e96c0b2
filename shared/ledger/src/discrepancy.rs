//! Discrepancies that verification can find.

use domain::{Money, Quantity, Symbol};
use uuid::Uuid;

use crate::refusal::Refusal;

/// The most discrepancies that a verification reports; one is enough to freeze a wallet.
pub const MAX_DISCREPANCIES: usize = 100;

/// A stored value that the commands cannot have produced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Discrepancy {
    /// The ledger has an entry of another customer.
    #[error("entry {seq} belongs to another customer")]
    ForeignEntry {
        /// The entry.
        seq: u64,
    },
    /// An entry is missing, duplicated or out of order.
    #[error("expected entry {expected}, found {found}")]
    Gap {
        /// The number after the last entry's.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// An entry's legs do not sum to zero.
    #[error("the legs of entry {seq} do not sum to zero in {of}")]
    Unbalanced {
        /// The entry.
        seq: u64,
        /// The code of a currency or the symbol of an instrument.
        of: String,
    },
    /// The legs of an entry on the wallet do not sum to its amount.
    #[error("the cash legs of entry {seq} do not sum to its amount")]
    CashLegs {
        /// The entry.
        seq: u64,
    },
    /// The balance of an entry is not the previous balance plus its amount.
    #[error("entry {seq} states a balance of {found} {}", found.currency())]
    RunningBalance {
        /// The entry.
        seq: u64,
        /// The previous balance plus the amount; nothing if it exceeds the range of money.
        expected: Option<Money>,
        /// The balance that the entry states.
        found: Money,
    },
    /// The balance of the wallet was negative.
    #[error("entry {seq} leaves a negative balance of {balance} {}", balance.currency())]
    BelowZero {
        /// The entry.
        seq: u64,
        /// The balance that it states.
        balance: Money,
    },
    /// Repeating the command of an entry gives another entry than the stored one.
    #[error("entry {seq} differs from the result of its command")]
    EntryDiffers {
        /// The entry.
        seq: u64,
    },
    /// The command of an entry is refused when repeated on the books of that time.
    #[error("the command of entry {seq} cannot have been accepted: {refusal}")]
    Refused {
        /// The entry.
        seq: u64,
        /// The refusal.
        refusal: Refusal,
    },
    /// A reversal does not name an earlier deposit or withdrawal.
    #[error("entry {seq} reverses no deposit or withdrawal")]
    ReversesNothing {
        /// The reversal.
        seq: u64,
    },
    /// A reversal names an entry that was already reversed.
    #[error("entry {seq} reverses an entry that was already reversed")]
    ReversedTwice {
        /// The second reversal.
        seq: u64,
    },
    /// The amount of a reversal differs from that of the reversed entry.
    #[error("entry {seq} reverses a different amount")]
    ReversalAmount {
        /// The reversal.
        seq: u64,
    },
    /// The trade that an entry names, or should name, is not stored.
    #[error("the trade of entry {seq} is missing")]
    TradeMissing {
        /// The entry.
        seq: u64,
        /// The trade that it names.
        trade_id: Option<Uuid>,
    },
    /// A trade executed again differs from its record.
    #[error("trade {trade_id} of entry {seq} differs from the result of its order")]
    TradeDiffers {
        /// The entry.
        seq: u64,
        /// The trade.
        trade_id: Uuid,
    },
    /// More or fewer trades are stored than entries name.
    #[error("{found} trades are stored, but the entries name {expected}")]
    TradeCount {
        /// Trades that entries name.
        expected: u64,
        /// Trades that are stored.
        found: u64,
    },
    /// The head belongs to another customer.
    #[error("the head of the wallet belongs to another customer")]
    ForeignHead,
    /// The head's `seq` is not that of the last entry.
    #[error("the head of the wallet is at entry {found}, but the last entry is {expected}")]
    HeadSeq {
        /// The last entry.
        expected: u64,
        /// The head's `seq`.
        found: u64,
    },
    /// A balance of the head is not the sum of the entries.
    #[error("the head of the wallet holds {found} {currency}, but the entries sum to {expected}", currency = found.currency())]
    HeadBalance {
        /// The sum of the entries.
        expected: Money,
        /// The head's balance.
        found: Money,
    },
    /// A position is not the result of its trades.
    #[error("the position of {portfolio_id} in {symbol} is not the result of its trades")]
    PositionDiffers {
        /// The portfolio.
        portfolio_id: Uuid,
        /// The instrument.
        symbol: Symbol,
        /// The first lot that differs; nothing if the lots are right and another field is not.
        lot_id: Option<Uuid>,
    },
    /// The position that trades led to is not stored.
    #[error("the position of {portfolio_id} in {symbol} is missing")]
    PositionMissing {
        /// The portfolio.
        portfolio_id: Uuid,
        /// The instrument.
        symbol: Symbol,
    },
    /// A stored position has no trades.
    #[error("the position of {portfolio_id} in {symbol} has no trades")]
    PositionWithoutTrades {
        /// The portfolio.
        portfolio_id: Uuid,
        /// The instrument.
        symbol: Symbol,
    },
    /// With the splits known now, a sale took more units than there were. The books are sound; the instrument's history
    /// was corrected after the trade.
    #[error(
        "split_conflict: the position of {portfolio_id} in {symbol} had fewer units, by the splits known now, than were sold"
    )]
    SplitConflict {
        /// The portfolio.
        portfolio_id: Uuid,
        /// The instrument.
        symbol: Symbol,
    },
    /// The recorded history of a portfolio cannot be read or replayed.
    #[error("the activities of {portfolio_id} cannot be read: {reason}")]
    HistoryUnreadable {
        /// The portfolio.
        portfolio_id: Uuid,
        /// What is wrong.
        reason: String,
    },
    /// A recorded history has an activity of another portfolio, or one twice.
    #[error("the history of {portfolio_id} has activity {activity_id} twice, or from another portfolio")]
    ForeignActivity {
        /// The portfolio.
        portfolio_id: Uuid,
        /// The activity.
        activity_id: Uuid,
    },
    /// Earlier versions of an activity are missing.
    #[error("activity {activity_id} of {portfolio_id} has {found} earlier versions of {expected}")]
    ActivityVersionsMissing {
        /// The portfolio.
        portfolio_id: Uuid,
        /// The activity.
        activity_id: Uuid,
        /// The number of changes since it was recorded.
        expected: u64,
        /// The number of versions stored.
        found: u64,
    },
    /// With the splits known now, a recorded removal takes more units than there were: the instrument's history was
    /// corrected after it was recorded.
    #[error(
        "split_conflict: activity {activity_id} of {portfolio_id} takes {needed} units of {symbol}, of {held} held"
    )]
    RecordedSplitConflict {
        /// The portfolio.
        portfolio_id: Uuid,
        /// The activity.
        activity_id: Uuid,
        /// The instrument.
        symbol: Symbol,
        /// Units held.
        held: Quantity,
        /// Units that it takes.
        needed: Quantity,
    },
}

impl Discrepancy {
    /// Whether the books of the wallet are wrong, so that it must be frozen. A split conflict results from a provider's
    /// correction and not from a fault in the books, and recorded activities move no money of the wallet.
    #[must_use]
    pub fn breaks_the_books(&self) -> bool {
        !matches!(
            self,
            Self::SplitConflict { .. }
                | Self::HistoryUnreadable { .. }
                | Self::ForeignActivity { .. }
                | Self::ActivityVersionsMissing { .. }
                | Self::RecordedSplitConflict { .. }
        )
    }
}
