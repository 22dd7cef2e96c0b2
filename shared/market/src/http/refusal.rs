//! An answer that holds no data, as its provider's reader understood it.

use domain::decimal::DecimalError;

use crate::error::ProviderError;

/// Why an answer holds no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The data of this function is for paying customers.
    Premium,
    /// Calls follow each other too fast.
    TooFast,
    /// The day's calls are used up.
    DayUsedUp,
    /// Anything else.
    Failed(ProviderError),
}

impl From<ProviderError> for Refusal {
    fn from(error: ProviderError) -> Self {
        Self::Failed(error)
    }
}

impl Refusal {
    pub(crate) fn malformed(what: &str) -> Self {
        Self::Failed(ProviderError::malformed(format!("the provider's answer {what}")))
    }

    /// An answer whose price is none.
    pub(crate) fn no_price(why: DecimalError) -> Self {
        match why {
            DecimalError::PriceTooSmall => Self::Failed(ProviderError::PriceTooSmall),
            _ => Self::malformed("holds no price"),
        }
    }
}
