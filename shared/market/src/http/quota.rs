//! The calls a day that a provider allows, and the distance between them.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::call_budget::CallBudget;
use crate::call_limits::SHORTEST_CALL;
use crate::error::ProviderError;

/// Counts calls before they are made, across everything that shares a key.
#[async_trait]
pub trait Quota: Send + Sync {
    /// Takes one call, `spacing` after the one before, and says how long to wait before it is made. A call for which less
    /// than [`SHORTEST_CALL`] is left then, or that is one of those kept for others, is not taken. A call that cannot be
    /// counted is not made: refuse with no `until`.
    async fn take(&self, spacing: Duration, call: CallBudget) -> Result<Duration, NoTurn>;

    /// Whether `take` keeps calls apart across everything that shares the key. Otherwise each process does for itself.
    fn keeps_distance(&self) -> bool {
        false
    }

    /// The provider says that the quota is used up, whatever our own count: allow no call for 24 hours.
    /// Says until when, if that is known.
    async fn mark_exhausted(&self) -> QuotaExhausted {
        QuotaExhausted { until: None }
    }

    /// How the count stands now; `None` where nobody counts.
    async fn read_standing(&self) -> Option<Standing> {
        None
    }

    /// Calls that may still be made now; `None` where nobody counts them.
    async fn count_left(&self) -> Option<usize> {
        self.read_standing().await.map(|standing| standing.left)
    }
}

/// How a count stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Calls that may still be made.
    pub left: usize,
    /// When the next one more may be made, if that is known.
    pub more_at: Option<DateTime<Utc>>,
    /// The moment that this is about.
    pub now: DateTime<Utc>,
}

impl Standing {
    /// Errors: [`QuotaExhausted`] where no call is there beyond those that are kept for others.
    pub fn beyond(self, reserve: usize) -> Result<(), QuotaExhausted> {
        if self.left > reserve { Ok(()) } else { Err(QuotaExhausted { until: self.more_at }) }
    }

    /// How long until one more call may be made, if that is known.
    #[must_use]
    pub fn more_in(self) -> Option<Duration> {
        self.more_at.map(|at| (at - self.now).to_std().unwrap_or_default())
    }
}

/// Why no call was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTurn {
    /// None is left.
    #[error(transparent)]
    Exhausted(#[from] QuotaExhausted),
    /// It may be made only when it is of no use any more.
    #[error("the next call is possible in {} ms", .wait.as_millis())]
    TooLate {
        /// How long until it may be made.
        wait: Duration,
    },
}

impl From<NoTurn> for ProviderError {
    fn from(no_turn: NoTurn) -> Self {
        match no_turn {
            NoTurn::Exhausted(exhausted) => exhausted.into(),
            NoTurn::TooLate { wait } => Self::RateLimited { retry_after: wait.max(SHORTEST_CALL) },
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
