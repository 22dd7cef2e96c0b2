//! What verification can find.

use domain::{Money, Symbol};
use uuid::Uuid;

use crate::refusal::Refusal;

/// A verification reports so many discrepancies; one is enough to freeze a wallet.
pub const MAX_DISCREPANCIES: usize = 100;

/// What is stored and cannot have come out of the commands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Discrepancy {
    /// An entry of another customer stands in the ledger.
    #[error("entry {seq} is of another customer")]
    ForeignEntry {
        /// The entry.
        seq: u64,
    },
    /// An entry is missing, or stands twice or out of order.
    #[error("entry {expected} was expected and {found} came")]
    Gap {
        /// The number after the last entry's.
        expected: u64,
        /// The number that came.
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
    /// An entry's legs on the wallet do not sum to its amount.
    #[error("the cash in the legs of entry {seq} is not its amount")]
    CashLegs {
        /// The entry.
        seq: u64,
    },
    /// An entry's balance is not the balance before and its amount.
    #[error("entry {seq} states a balance of {found} {}", found.currency())]
    RunningBalance {
        /// The entry.
        seq: u64,
        /// The balance before and the amount; nothing where that is beyond what money holds.
        expected: Option<Money>,
        /// The balance that the entry states.
        found: Money,
    },
    /// The cash of the wallet was below zero.
    #[error("entry {seq} leaves {balance} {}", balance.currency())]
    BelowZero {
        /// The entry.
        seq: u64,
        /// The balance that it states.
        balance: Money,
    },
    /// The command that an entry records makes another entry than the one that is stored.
    #[error("entry {seq} is not what its command makes")]
    EntryDiffers {
        /// The entry.
        seq: u64,
    },
    /// The command that an entry records is refused on the books as they stood.
    #[error("the command of entry {seq} cannot have been accepted: {refusal}")]
    Refused {
        /// The entry.
        seq: u64,
        /// Why.
        refusal: Refusal,
    },
    /// A reversal names no deposit or withdrawal before it.
    #[error("entry {seq} reverses nothing")]
    ReversesNothing {
        /// The reversal.
        seq: u64,
    },
    /// A reversal names an entry that was reversed before.
    #[error("entry {seq} reverses what was reversed before")]
    ReversedTwice {
        /// The second reversal.
        seq: u64,
    },
    /// A reversal moves another amount than the entry that it reverses.
    #[error("entry {seq} reverses another amount")]
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
    /// A trade executed again comes out different from its record.
    #[error("trade {trade_id} of entry {seq} is not what its order makes")]
    TradeDiffers {
        /// The entry.
        seq: u64,
        /// The trade.
        trade_id: Uuid,
    },
    /// More or fewer trades are stored than entries name.
    #[error("{found} trades are stored and the entries name {expected}")]
    TradeCount {
        /// Trades that entries name.
        expected: u64,
        /// Trades that are stored.
        found: u64,
    },
    /// The head is another customer's.
    #[error("the head of the wallet is of another customer")]
    ForeignHead,
    /// The head's `seq` is not that of the last entry.
    #[error("the head of the wallet stands at entry {found} and the last one is {expected}")]
    HeadSeq {
        /// The last entry.
        expected: u64,
        /// The head's `seq`.
        found: u64,
    },
    /// A balance of the head is not the sum of the entries.
    #[error("the head of the wallet holds {found} {currency} and the entries sum to {expected}", currency = found.currency())]
    HeadBalance {
        /// The sum of the entries.
        expected: Money,
        /// The head's balance.
        found: Money,
    },
    /// A position is not what its trades left.
    #[error("the position of {portfolio_id} in {symbol} is not what its trades left")]
    PositionDiffers {
        /// The portfolio.
        portfolio_id: Uuid,
        /// The instrument.
        symbol: Symbol,
        /// The first lot that differs; nothing where the lots are right and what is kept beside them is not.
        lot_id: Option<Uuid>,
    },
    /// Trades led to a position that is not stored.
    #[error("the position of {portfolio_id} in {symbol} is missing")]
    PositionMissing {
        /// The portfolio.
        portfolio_id: Uuid,
        /// The instrument.
        symbol: Symbol,
    },
    /// A position is stored that no trade led to.
    #[error("the position of {portfolio_id} in {symbol} has no trades")]
    PositionWithoutTrades {
        /// The portfolio.
        portfolio_id: Uuid,
        /// The instrument.
        symbol: Symbol,
    },
    /// With the splits that are known now a sale took more units than there were. The books are sound; the history of the
    /// instrument was corrected after the trade.
    #[error(
        "split_conflict: the position of {portfolio_id} in {symbol} had fewer units by the splits known now than were sold"
    )]
    SplitConflict {
        /// The portfolio.
        portfolio_id: Uuid,
        /// The instrument.
        symbol: Symbol,
    },
}

impl Discrepancy {
    /// Whether the books are wrong, so that the wallet is to be frozen. All are but [`Discrepancy::SplitConflict`],
    /// which a provider's correction brings about without any fault in the books.
    #[must_use]
    pub fn breaks_the_books(&self) -> bool {
        !matches!(self, Self::SplitConflict { .. })
    }
}
