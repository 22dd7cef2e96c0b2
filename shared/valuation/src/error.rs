//! Why a portfolio, or part of it, cannot be valued.

use domain::{Currency, Day, DecimalError, Symbol};

use crate::fixed::TooLarge;

/// Why no series can be made of a book.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValuationError {
    /// A symbol is listed twice.
    #[error("{symbol} is in the book more than once")]
    DuplicateLine {
        /// The symbol.
        symbol: Symbol,
    },
    /// A flow is dated before the one listed ahead of it.
    #[error("the flows of {symbol} are out of order on {day}")]
    OutOfOrder {
        /// The symbol.
        symbol: Symbol,
        /// Day of the flow.
        day: Day,
    },
    /// More units leave than are held.
    #[error("{symbol}: more units leave on {day} than are held")]
    MoreThanHeld {
        /// The symbol.
        symbol: Symbol,
        /// Day of the flow.
        day: Day,
    },
    /// A checkpoint holds units of a symbol that the book does not list.
    #[error("{symbol} is held on {day} but is not in the book")]
    MissingLine {
        /// The symbol.
        symbol: Symbol,
        /// Day of the checkpoint.
        day: Day,
    },
    /// No rate converts the instrument's currency into the portfolio's on any day.
    #[error("{symbol}: there is no exchange rate of {currency}")]
    FxUnavailable {
        /// The symbol, which the caller can leave out.
        symbol: Symbol,
        /// Currency of its prices.
        currency: Currency,
    },
    /// A price, dividend, split ratio, rate or amount that is not a valid decimal.
    #[error("{symbol} on {day}: {source}")]
    Number {
        /// The symbol.
        symbol: Symbol,
        /// The day of the number.
        day: Day,
        /// The error in it.
        source: DecimalError,
    },
    /// A value that exceeds the exact range.
    #[error("the value is too large to be exact")]
    TooLarge,
}

impl From<TooLarge> for ValuationError {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

impl ValuationError {
    /// The code in `unavailable` of a response.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::FxUnavailable { .. } => "fx_unavailable",
            Self::Number { source: DecimalError::PriceTooSmall, .. } => "price_too_small",
            Self::Number { .. } => "price_unavailable",
            Self::TooLarge => "too_large",
            // No sale takes more than is held; a split that became known after it causes this.
            Self::MoreThanHeld { .. } => "split_conflict",
            Self::DuplicateLine { .. } | Self::OutOfOrder { .. } | Self::MissingLine { .. } => "inconsistent_records",
        }
    }
}

/// Why a holding has no current value, or one of its figures is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unvalued {
    /// There is no price.
    #[error("no price is known")]
    PriceUnavailable,
    /// The price is below the smallest that the ledger accepts.
    #[error("the price is below {}", domain::decimal::SMALLEST_PRICE)]
    PriceTooSmall,
    /// There is no previous close on an instrument's first day.
    #[error("there is no previous close on the first day")]
    NoPreviousClose,
    /// With the splits known now, a sale took more units than there were.
    #[error("fewer units were held, by the splits known now, than were sold")]
    SplitConflict,
    /// No rate of the last seven days converts its currency into the portfolio's.
    #[error("there is no exchange rate at most 7 days old")]
    FxUnavailable,
    /// What the units had cost is not known; their value is.
    #[error("the cost of the units is not known")]
    CostUnknown,
    /// The product of units, price and rate exceeds the exact range.
    #[error("the value is too large to be exact")]
    TooLarge,
}

impl Unvalued {
    /// The code in `unavailable` of a response.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::PriceUnavailable => "price_unavailable",
            Self::PriceTooSmall => "price_too_small",
            Self::NoPreviousClose => "no_previous_close",
            Self::SplitConflict => "split_conflict",
            Self::FxUnavailable => "fx_unavailable",
            Self::CostUnknown => "cost_unknown",
            Self::TooLarge => "too_large",
        }
    }
}

impl From<DecimalError> for Unvalued {
    fn from(error: DecimalError) -> Self {
        match error {
            DecimalError::PriceTooSmall => Self::PriceTooSmall,
            _ => Self::PriceUnavailable,
        }
    }
}
