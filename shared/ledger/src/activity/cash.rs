//! Activities that move cash alone.

use domain::{Money, Symbol};
use uuid::Uuid;

use super::kind::ActivityType;
use super::paid::Paid;

/// What moved cash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CashType {
    /// It was put in.
    Deposit,
    /// It was taken out.
    Withdrawal,
    /// It came from another account.
    TransferIn,
    /// It left for another account.
    TransferOut,
    /// The cash held was corrected.
    Adjustment,
    /// An instrument paid it.
    Dividend,
    /// It was paid for cash, or charged for a debt.
    Interest,
    /// The broker charged it.
    Fee,
    /// The state took it.
    Tax,
}

impl CashType {
    /// Whether an amount above zero comes in.
    #[must_use]
    pub fn brings_cash(self) -> bool {
        match self {
            Self::Deposit | Self::TransferIn | Self::Adjustment | Self::Dividend | Self::Interest => true,
            Self::Withdrawal | Self::TransferOut | Self::Fee | Self::Tax => false,
        }
    }
}

impl From<CashType> for ActivityType {
    fn from(kind: CashType) -> Self {
        match kind {
            CashType::Deposit => Self::Deposit,
            CashType::Withdrawal => Self::Withdrawal,
            CashType::TransferIn => Self::TransferIn,
            CashType::TransferOut => Self::TransferOut,
            CashType::Adjustment => Self::Adjustment,
            CashType::Dividend => Self::Dividend,
            CashType::Interest => Self::Interest,
            CashType::Fee => Self::Fee,
            CashType::Tax => Self::Tax,
        }
    }
}

/// Cash that came in or left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CashDetails {
    /// What moved it.
    pub kind: CashType,
    /// The instrument that it belongs to, if any; a dividend always has one.
    pub symbol: Option<Symbol>,
    /// The cash, fee and tax apart, in the direction of its type: above zero for a withdrawal that left. Below zero for
    /// an adjustment that removes cash, and for income or a charge that is taken back. Never zero.
    pub amount: Money,
    /// The fee, which leaves too; zero or more.
    pub fee: Money,
    /// The tax, which leaves too; zero or more.
    pub tax: Money,
    /// The activity that this one takes back.
    pub reverses: Option<Uuid>,
    /// The amounts as they were given, if the fee was paid in another currency or a rate into the base currency is given.
    pub paid: Option<Box<Paid>>,
}

impl CashDetails {
    /// Whether its amount comes in.
    #[must_use]
    pub fn brings_cash(&self) -> bool {
        self.kind.brings_cash() != self.amount.amount().is_sign_negative()
    }
}

/// Cash of one currency that was given for cash of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeDetails {
    /// What was given, fee and tax apart; above zero.
    pub amount: Money,
    /// What came in for it, in another currency; above zero.
    pub to_amount: Money,
    /// The fee, in the currency that was given; zero or more.
    pub fee: Money,
    /// The tax, in the currency that was given; zero or more.
    pub tax: Money,
    /// The amounts as they were given, if the fee was paid in a third currency.
    pub paid: Option<Box<Paid>>,
}
