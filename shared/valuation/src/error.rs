//! Why a portfolio, or a part of it, cannot be valued.

use domain::{Currency, Day, DecimalError, Symbol};

use crate::fixed::TooLarge;

/// Why no series can be made of a book.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValuationError {
    /// The same symbol twice.
    #[error("{symbol} stands in the book more than once")]
    DuplicateLine {
        /// The symbol.
        symbol: Symbol,
    },
    /// A flow dated before the one listed ahead of it.
    #[error("the flows of {symbol} are not in order of their days at {day}")]
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
    /// No rate turns the instrument's currency into the portfolio's on any day.
    #[error("{symbol}: no rate of {currency}")]
    FxUnavailable {
        /// The symbol, which the caller may leave out.
        symbol: Symbol,
        /// Currency of its prices.
        currency: Currency,
    },
    /// A price, dividend, split ratio, rate or amount that is no decimal of the books.
    #[error("{symbol} on {day}: {source}")]
    Number {
        /// The symbol.
        symbol: Symbol,
        /// The day of the number.
        day: Day,
        /// What is wrong with it.
        source: DecimalError,
    },
    /// A value beyond what is counted exactly.
    #[error("the value is too large to be exact")]
    TooLarge,
}

impl From<TooLarge> for ValuationError {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

impl ValuationError {
    /// The code in an answer's `unavailable`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::FxUnavailable { .. } => "fx_unavailable",
            Self::Number { source: DecimalError::PriceTooSmall, .. } => "price_too_small",
            Self::Number { .. } => "price_unavailable",
            Self::TooLarge => "too_large",
            // No sale takes more than is held; a split that became known after it makes it so.
            Self::MoreThanHeld { .. } => "split_conflict",
            Self::DuplicateLine { .. } | Self::OutOfOrder { .. } | Self::MissingLine { .. } => "inconsistent_records",
        }
    }
}

/// Why a holding has no value today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unvalued {
    /// No price is known.
    #[error("no price is known")]
    PriceUnavailable,
    /// The price is below the smallest of the books.
    #[error("the price is below {}", domain::decimal::SMALLEST_PRICE)]
    PriceTooSmall,
    /// On an instrument's first day there is no close before it.
    #[error("there is no close before the first one")]
    NoPreviousClose,
    /// With the splits that are known now a sale took more units than there were.
    #[error("fewer units were held, by the splits known now, than were sold")]
    SplitConflict,
    /// No rate of the last seven days turns its currency into the portfolio's.
    #[error("no rate at most 7 days old")]
    FxUnavailable,
    /// Units, price and rate multiply beyond what is counted exactly.
    #[error("the value is too large to be exact")]
    TooLarge,
}

impl Unvalued {
    /// The code in an answer's `unavailable`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::PriceUnavailable => "price_unavailable",
            Self::PriceTooSmall => "price_too_small",
            Self::NoPreviousClose => "no_previous_close",
            Self::SplitConflict => "split_conflict",
            Self::FxUnavailable => "fx_unavailable",
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
