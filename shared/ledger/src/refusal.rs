//! Why a command is refused.

use domain::{Currency, Day, DecimalError, Money, MoneyError, Quantity};
use uuid::Uuid;

/// Why a command was refused. The books are unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The wallet accepts no commands: its books failed verification, or its customer is disabled or erased.
    #[error("the wallet is frozen")]
    WalletFrozen,
    /// The wallet holds less cash than the command needs.
    #[error(
        "{requested} {currency} are needed and {available} {currency} are available",
        currency = requested.currency()
    )]
    InsufficientFunds {
        /// The balance in the currency of the command.
        available: Money,
        /// The cash that the command needs.
        requested: Money,
    },
    /// The position, or the chosen lot, holds fewer units than are to be sold.
    #[error("{requested} units cannot be sold: only {available} are held")]
    InsufficientUnits {
        /// Units held, in units of the command's day.
        available: Quantity,
        /// Units that the command needs.
        requested: Quantity,
    },
    /// Only deposits and withdrawals are reversed.
    #[error("only a deposit or a withdrawal can be reversed")]
    NotReversible,
    /// The entry is already reversed; a second reversal would move its money twice.
    #[error("the entry was already reversed by {0}")]
    AlreadyReversed(Uuid),
    /// The entry to be reversed belongs to another customer's wallet.
    #[error("the entry does not belong to this wallet")]
    ForeignEntry,
    /// An amount, a quantity or a sum of them exceeds the range of the books.
    #[error("a number is larger than the ledger can hold")]
    TooLarge,
    /// Money in another currency than the command's.
    #[error("the amount must be in {expected}, not in {found}")]
    OtherCurrency {
        /// The currency of the wallet's balance or of the instrument.
        expected: Currency,
        /// The currency given.
        found: Currency,
    },
    /// An amount that must be above zero is not.
    #[error("the amount must be above zero")]
    NotPositive,
    /// A negative fee.
    #[error("the fee must not be below zero")]
    NegativeFee,
    /// An order, or a lot chosen for it, of zero units.
    #[error("the quantity must be above zero")]
    ZeroQuantity,
    /// The order is worth less than half of the currency's smallest unit, and so rounds to zero.
    #[error("the order is worth less than the smallest amount of its currency")]
    ZeroValue,
    /// The amount of the order buys less than the smallest quantity.
    #[error("the amount is less than the price of the smallest quantity")]
    BelowSmallestQuantity,
    /// The position does not hold the chosen lot.
    #[error("the position holds no lot {0}")]
    UnknownLot(Uuid),
    /// A lot was chosen twice.
    #[error("lot {0} is named twice")]
    LotNamedTwice(Uuid),
    /// The portfolio's method is `specific`, so a sale must name its lots, but names none.
    #[error("a sale from this portfolio must name its lots")]
    LotsNeeded,
    /// Lots are named although the portfolio's method, or a purchase, leaves no choice.
    #[error("lots can be named only for a sale from a portfolio whose lot method is specific")]
    LotsNotChosen,
    /// The units of the named lots are not those of the order.
    #[error("the named lots add up to {named} units, but the order is for {ordered}")]
    LotsDoNotAddUp {
        /// The sum over the named lots.
        named: Quantity,
        /// The order's quantity.
        ordered: Quantity,
    },
    /// The position was traded on a later day; its units cannot be converted back.
    #[error("the position was traded on {latest}, after {requested}")]
    BackDated {
        /// The day of the last trade.
        latest: Day,
        /// The day of the command.
        requested: Day,
    },
    /// The position has the maximum number of lots; selling some of them makes room.
    #[error("the position has reached the maximum number of lots; sell some first")]
    TooManyLots,
    /// The sale would take from more lots than its record can list; make it in parts.
    #[error("one sale can take from at most {most} lots; sell in parts")]
    SaleOfTooManyLots {
        /// The limit.
        most: usize,
    },
}

impl From<MoneyError> for Refusal {
    /// Inside the books a number already fits its currency; only its size can be wrong.
    fn from(_: MoneyError) -> Self {
        Self::TooLarge
    }
}

impl From<DecimalError> for Refusal {
    /// Inside the books a number has few enough decimals and the right sign; only its size can be wrong.
    fn from(_: DecimalError) -> Self {
        Self::TooLarge
    }
}
