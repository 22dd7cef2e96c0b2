//! Why a command changes nothing.

use domain::{Currency, Day, DecimalError, Money, MoneyError, Quantity};
use uuid::Uuid;

/// Why a command was refused. The books are as they were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The wallet takes no command: its books failed verification, or its customer is disabled or erased.
    #[error("the wallet is frozen")]
    WalletFrozen,
    /// The wallet holds less cash than the command takes.
    #[error(
        "{requested} {currency} are needed and {available} {currency} are available",
        currency = requested.currency()
    )]
    InsufficientFunds {
        /// The balance in the currency of the command.
        available: Money,
        /// What the command would take.
        requested: Money,
    },
    /// The position, or the lot that was chosen, holds fewer units than are to be sold.
    #[error("{requested} units are to be sold and {available} are held")]
    InsufficientUnits {
        /// Units held, in units of the command's day.
        available: Quantity,
        /// Units that the command would take.
        requested: Quantity,
    },
    /// Only deposits and withdrawals are reversed.
    #[error("only a deposit or a withdrawal can be reversed")]
    NotReversible,
    /// The entry was reversed before; a second reversal would move its money twice.
    #[error("the entry was reversed by {0}")]
    AlreadyReversed(Uuid),
    /// The entry to be reversed is of another customer's wallet.
    #[error("the entry is not of this wallet")]
    ForeignEntry,
    /// An amount, a quantity or a sum of them is beyond what the books hold.
    #[error("a number is larger than the books hold")]
    TooLarge,
    /// Money of another currency than the command's.
    #[error("the amount is in {found} and {expected} is needed")]
    OtherCurrency {
        /// The currency of the wallet's balance or of the instrument.
        expected: Currency,
        /// The currency that came.
        found: Currency,
    },
    /// An amount that must be above zero is not.
    #[error("the amount must be above zero")]
    NotPositive,
    /// A fee below zero.
    #[error("a fee cannot be below zero")]
    NegativeFee,
    /// An order, or a lot chosen for it, of no units.
    #[error("the quantity must be above zero")]
    ZeroQuantity,
    /// The order is worth less than half of the currency's smallest unit, and so rounds to nothing.
    #[error("the order is worth less than the smallest amount of its currency")]
    ZeroValue,
    /// The amount of the order buys less than the smallest quantity there is.
    #[error("the amount is less than the price of the smallest quantity")]
    BelowSmallestQuantity,
    /// A lot was chosen that the position does not hold.
    #[error("the position holds no lot {0}")]
    UnknownLot(Uuid),
    /// A lot was chosen twice.
    #[error("lot {0} is named twice")]
    LotNamedTwice(Uuid),
    /// The portfolio's method is `specific`, so that a sale names its lots, and none is named.
    #[error("a sale from this portfolio names its lots")]
    LotsNeeded,
    /// Lots are named where the portfolio's method, or a purchase, leaves no choice.
    #[error("lots are named only for a sale from a portfolio whose lot method is specific")]
    LotsNotChosen,
    /// The units of the lots that are named are not those of the order.
    #[error("the lots that are named hold {named} units and the order is for {ordered}")]
    LotsDoNotAddUp {
        /// The sum over the lots that are named.
        named: Quantity,
        /// The order's quantity.
        ordered: Quantity,
    },
    /// The position was traded on a later day; its units cannot be brought back.
    #[error("the position was traded on {latest}, after {requested}")]
    BackDated {
        /// The day of the last trade.
        latest: Day,
        /// The day of the command.
        requested: Day,
    },
    /// The position holds as many lots as are kept; selling some of them makes room.
    #[error("the position holds the most lots that are kept")]
    TooManyLots,
    /// The sale would take from more lots than its record can list; it can be made in parts.
    #[error("one sale takes from at most {most} lots; sell in parts")]
    SaleOfTooManyLots {
        /// The limit.
        most: usize,
    },
}

impl From<MoneyError> for Refusal {
    /// Inside the books a number is of its currency already; all that can go wrong is its size.
    fn from(_: MoneyError) -> Self {
        Self::TooLarge
    }
}

impl From<DecimalError> for Refusal {
    /// Inside the books a number is fine enough and of the right sign; all that can go wrong is its size.
    fn from(_: DecimalError) -> Self {
        Self::TooLarge
    }
}
