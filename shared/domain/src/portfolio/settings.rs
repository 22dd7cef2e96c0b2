//! How the records of a portfolio count.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which lots a sale consumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LotMethod {
    /// First in, first out: the oldest lot.
    #[default]
    Fifo,
    /// Last in, first out: the newest lot.
    Lifo,
    /// Highest in, first out: the lot with the highest cost per current unit.
    Hifo,
    /// Every unit at the average cost of all.
    Average,
    /// The lots that the order names.
    Specific,
}

/// Whether the cash of a portfolio's activities is part of its value and performance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CashTreatment {
    /// It is not: purchases put money in, sales and dividends take it out.
    #[default]
    Ignored,
    /// It is: deposits, withdrawals, transfers and adjustments put money in and take it out.
    Tracked,
}

impl fmt::Display for LotMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fifo => "fifo",
            Self::Lifo => "lifo",
            Self::Hifo => "hifo",
            Self::Average => "average",
            Self::Specific => "specific",
        })
    }
}
