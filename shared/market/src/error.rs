//! Why a provider gave no data.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::call_limits::REST;
use domain::decimal::{DecimalError, SMALLEST_PRICE};

/// Why a provider gave no data.
///
/// No variant holds a request or an answer's own words: providers echo the caller's key in their texts,
/// and this error is logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The source does not know the symbol. Final.
    #[error("the source does not know this symbol")]
    UnknownSymbol,
    /// The day's calls are used up, by the provider's count or by ours: no call before `until`, if that is known.
    #[error("the provider's daily quota is used up")]
    QuotaExhausted {
        /// When a call is allowed again, if known.
        until: Option<DateTime<Utc>>,
    },
    /// Too many calls in a short time, and no time left to wait for the next slot.
    #[error("the provider asks for fewer calls; the next one is possible in {} ms", .retry_after.as_millis())]
    RateLimited {
        /// How long to wait before another call.
        retry_after: Duration,
    },
    /// The provider refused our key, or has none of ours. Final until the configuration changes.
    #[error("the provider refused the API key")]
    KeyRefused,
    /// The program was put together without a source of prices. Final.
    #[error("there is no source of prices here")]
    NotGiven,
    /// No complete answer inside the time the caller had.
    #[error("no complete answer in time")]
    TimedOut,
    /// The answer or file is larger than we are willing to hold.
    #[error("the data is larger than the limit")]
    TooLarge,
    /// The data is not what was asked for; `what` says where it goes wrong, in our own words.
    #[error("{what}")]
    Malformed {
        /// Where the data goes wrong.
        what: String,
    },
    /// The last price is below the smallest that enters the books.
    #[error("the price is below {SMALLEST_PRICE}")]
    PriceTooSmall,
    /// The source cannot be reached or read, or answers with an error status.
    #[error("the source is not available{}", .status.map(|status| format!(" (status {status})")).unwrap_or_default())]
    Unavailable {
        /// HTTP status, where there was an answer.
        status: Option<u16>,
    },
}

impl ProviderError {
    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::QuotaExhausted { .. } | Self::RateLimited { .. } | Self::TimedOut | Self::Unavailable { .. } => true,
            Self::UnknownSymbol
            | Self::NotGiven
            | Self::KeyRefused
            | Self::TooLarge
            | Self::Malformed { .. }
            | Self::PriceTooSmall => false,
        }
    }

    /// Why a price is none that the books take.
    pub(crate) fn of_price(why: DecimalError) -> Self {
        match why {
            DecimalError::PriceTooSmall => Self::PriceTooSmall,
            other => Self::malformed(other.to_string()),
        }
    }

    /// How long a provider is left alone about a symbol after this error.
    #[must_use]
    pub fn rest(&self) -> TimeDelta {
        match self {
            // That a symbol is unknown is noted elsewhere, for a day; a function without a provider knows nothing of one
            // that others have.
            Self::UnknownSymbol | Self::NotGiven => TimeDelta::zero(),
            // It may be our own pacing that asks for a pause: then no call was made.
            Self::RateLimited { retry_after } => TimeDelta::from_std(*retry_after).map_or(REST, |wait| wait.min(REST)),
            _ => REST,
        }
    }

    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed { what: what.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_did_not_answer_is_left_alone_for_a_minute_at_most() {
        let limited = |seconds| ProviderError::RateLimited { retry_after: Duration::from_secs(seconds) };
        let seconds = |error: ProviderError| error.rest().num_seconds();
        assert_eq!([seconds(ProviderError::UnknownSymbol), seconds(ProviderError::NotGiven)], [0, 0]);
        assert_eq!([seconds(limited(2)), seconds(limited(600)), seconds(limited(u64::MAX))], [2, 60, 60]);
        assert_eq!([seconds(ProviderError::TimedOut), seconds(ProviderError::KeyRefused)], [60, 60]);
    }
}
