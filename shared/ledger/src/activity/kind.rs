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
    /// Units that came from another account, with their cost.
    TransferIn,
    /// Units that left for another account: they are not sold.
    TransferOut,
    /// A correction of the units held, in either direction, for a reason that its note states.
    Adjustment,
    /// A split that no market data knows.
    Split,
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
        })
    }
}
