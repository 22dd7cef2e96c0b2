//! A response without data, as classified by its provider's reader.

use domain::decimal::DecimalError;

use crate::error::ProviderError;

/// Why a response has no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The function needs a paid plan.
    Premium,
    /// Calls came too fast.
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
        Self::Failed(ProviderError::malformed(format!("the provider's response {what}")))
    }

    /// The refusal for a response without a valid price.
    pub(crate) fn no_price(why: DecimalError) -> Self {
        match why {
            DecimalError::PriceTooSmall => Self::Failed(ProviderError::PriceTooSmall),
            _ => Self::malformed("has no price"),
        }
    }
}
