//! What an activity is, and how it came to be.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest note, in characters.
pub const MAX_NOTE_LENGTH: usize = 500;
/// The longest id of another program, in characters.
pub const MAX_EXTERNAL_ID_LENGTH: usize = 200;

/// What an activity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityType {
    /// Units bought.
    Buy,
    /// Units sold.
    Sell,
    /// Units that came from another account, with their cost; or cash.
    TransferIn,
    /// Units that left for another account: they are not sold. Or cash.
    TransferOut,
    /// A correction of the units or the cash held, in either direction, for a reason that its note states.
    Adjustment,
    /// A split that no market data knows.
    Split,
    /// Cash put into the account.
    Deposit,
    /// Cash taken out of the account.
    Withdrawal,
    /// Cash of one currency given for cash of another.
    Exchange,
    /// A dividend paid by an instrument, before its tax and its fee.
    Dividend,
    /// Interest that was paid; below zero if it was charged.
    Interest,
    /// A charge of the broker; below zero if it was refunded.
    Fee,
    /// A tax; below zero if it was refunded.
    Tax,
}

/// How an activity came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivitySource {
    /// Recorded by the customer.
    Recorded,
    /// Recorded as an investment: a lot held elsewhere.
    Investment,
    /// Read from a file.
    Imported,
}

impl fmt::Display for ActivityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
            Self::TransferIn => "transfer_in",
            Self::TransferOut => "transfer_out",
            Self::Adjustment => "adjustment",
            Self::Split => "split",
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
            Self::Exchange => "exchange",
            Self::Dividend => "dividend",
            Self::Interest => "interest",
            Self::Fee => "fee",
            Self::Tax => "tax",
        })
    }
}
