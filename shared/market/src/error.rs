//! Why a provider gave no data.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::call_limits::REST;
use domain::decimal::{DecimalError, SMALLEST_PRICE};

/// Why a provider gave no data.
///
/// No variant holds text of a request or response: providers echo the API key in their texts, and this error is logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The source does not know the symbol. Final.
    #[error("the source does not know this symbol")]
    UnknownSymbol,
    /// The day's calls are used up, by the provider's count or ours. No call is possible before `until`, if that is
    /// known.
    #[error("the provider's daily quota is used up")]
    QuotaExhausted {
        /// When the next call is allowed, if known.
        until: Option<DateTime<Utc>>,
    },
    /// Too many calls in a short time, and the caller's deadline comes before the next slot.
    #[error("the provider asks for fewer calls; the next one is possible in {} ms", .retry_after.as_millis())]
    RateLimited {
        /// How long to wait before another call.
        retry_after: Duration,
    },
    /// The provider refused the API key, or none is configured. Final until the configuration changes.
    #[error("the provider refused the API key")]
    KeyRefused,
    /// The program runs without a source of prices. Final.
    #[error("no price source is configured")]
    NotGiven,
    /// No complete response before the caller's deadline.
    #[error("no complete response in time")]
    TimedOut,
    /// The response or file exceeds the size limit.
    #[error("the data is larger than the limit")]
    TooLarge,
    /// The data is not what was requested. `what` describes the fault without quoting the response.
    #[error("{what}")]
    Malformed {
        /// What is wrong with the data.
        what: String,
    },
    /// The last price is below the smallest price that can be recorded.
    #[error("the price is below {SMALLEST_PRICE}")]
    PriceTooSmall,
    /// The source cannot be reached or read, or responds with an error status.
    #[error("the source is not available{}", .status.map(|status| format!(" (status {status})")).unwrap_or_default())]
    Unavailable {
        /// The HTTP status, if there was a response.
        status: Option<u16>,
    },
}

impl ProviderError {
    /// Whether the same request may succeed later without a change of request or configuration.
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

    /// The error for a price that cannot be recorded.
    pub(crate) fn of_price(why: DecimalError) -> Self {
        match why {
            DecimalError::PriceTooSmall => Self::PriceTooSmall,
            other => Self::malformed(other.to_string()),
        }
    }

    /// How long a provider is not called about a symbol after this error.
    #[must_use]
    pub fn rest(&self) -> TimeDelta {
        match self {
            // An unknown symbol is cached elsewhere, for a day. A function without a provider says nothing about the
            // providers of others.
            Self::UnknownSymbol | Self::NotGiven => TimeDelta::zero(),
            // The pause may come from our own pacing, without a call.
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
    fn a_failed_provider_is_called_again_after_a_minute_at_most() {
        let limited = |seconds| ProviderError::RateLimited { retry_after: Duration::from_secs(seconds) };
        let seconds = |error: ProviderError| error.rest().num_seconds();
        assert_eq!([seconds(ProviderError::UnknownSymbol), seconds(ProviderError::NotGiven)], [0, 0]);
        assert_eq!([seconds(limited(2)), seconds(limited(600)), seconds(limited(u64::MAX))], [2, 60, 60]);
        assert_eq!([seconds(ProviderError::TimedOut), seconds(ProviderError::KeyRefused)], [60, 60]);
    }
}
