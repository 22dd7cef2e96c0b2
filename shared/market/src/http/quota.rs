//! The calls a day that a provider allows, and the spacing between them.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::api_plan::CallsLeft;
use crate::call_budget::CallBudget;
use crate::call_limits::SHORTEST_CALL;
use crate::error::ProviderError;

/// Counts calls before they are made, across all processes that share a key.
#[async_trait]
pub trait Quota: Send + Sync {
    /// Takes one call, `spacing` after the one before, and returns how long to wait before making it. A call is refused
    /// if less than [`SHORTEST_CALL`] would be left for it, or if it is reserved for others. It waits for a limit by the
    /// minute, but not for one by the day. A call that cannot be
    /// counted is refused without an `until`.
    async fn take(&self, spacing: Duration, call: CallBudget) -> Result<Duration, NoPermit>;

    /// Whether `take` spaces the calls of all processes that share the key. Otherwise each process spaces its own.
    fn keeps_distance(&self) -> bool {
        false
    }

    /// Records that the provider reported the quota as used up, whatever our own count: no call is allowed for 24
    /// hours. Returns until when, if known.
    async fn mark_exhausted(&self) -> QuotaExhausted {
        QuotaExhausted { until: None }
    }

    /// The current state of the quota; `None` if calls are not counted.
    async fn read_state(&self) -> Option<QuotaState> {
        None
    }

    /// Calls that may still be made now; `None` if they are not counted.
    async fn count_left(&self) -> Option<usize> {
        self.read_state().await.map(|standing| standing.left.now)
    }
}

/// The state of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaState {
    /// Calls that may still be made.
    pub left: CallsLeft,
    /// When one more call becomes available, if known.
    pub more_at: Option<DateTime<Utc>>,
    /// The instant of this state.
    pub now: DateTime<Utc>,
}

impl QuotaState {
    /// Errors: [`QuotaExhausted`] if no call is left beyond those reserved for others.
    pub fn beyond(self, reserve: usize) -> Result<(), QuotaExhausted> {
        if self.left.allows(reserve, 0) { Ok(()) } else { Err(QuotaExhausted { until: self.more_at }) }
    }

    /// How long until one more call becomes available, if known.
    #[must_use]
    pub fn more_in(self) -> Option<Duration> {
        self.more_at.map(|at| (at - self.now).to_std().unwrap_or_default())
    }
}

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPermit {
    /// No call is left.
    #[error(transparent)]
    Exhausted(#[from] QuotaExhausted),
    /// The next call is possible only after the caller's deadline.
    #[error("the next call is possible in {} ms", .wait.as_millis())]
    TooLate {
        /// How long until the next call is possible.
        wait: Duration,
    },
}

impl From<NoPermit> for ProviderError {
    fn from(refused: NoPermit) -> Self {
        match refused {
            NoPermit::Exhausted(exhausted) => exhausted.into(),
            NoPermit::TooLate { wait } => Self::RateLimited { retry_after: wait.max(SHORTEST_CALL) },
        }
    }
}

/// No call is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no call of the daily quota is left")]
pub struct QuotaExhausted {
    /// When the next call is possible, if known.
    pub until: Option<DateTime<Utc>>,
}

impl From<QuotaExhausted> for ProviderError {
    fn from(exhausted: QuotaExhausted) -> Self {
        Self::QuotaExhausted { until: exhausted.until }
    }
}
