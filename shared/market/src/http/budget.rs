//! The calls a day that a provider allows, and the distance between them.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::ProviderError;

/// A call that has less time than this is counted and brings nothing.
pub const SHORTEST_CALL: Duration = Duration::from_millis(500);

/// Counts calls before they are made, across everything that shares a key.
#[async_trait]
pub trait Budget: Send + Sync {
    /// Takes one call and says how long to wait before it is made. A call that cannot be counted is not made: refuse
    /// with no `until`.
    async fn take(&self, turn: Turn) -> Result<Duration, NoTurn>;

    /// Whether `take` keeps calls apart across everything that shares the key. Otherwise each process does for itself.
    fn keeps_distance(&self) -> bool {
        false
    }

    /// The provider says that the quota is used up, whatever our own count: allow no call for 24 hours.
    /// Says until when, if that is known.
    async fn refused(&self) -> QuotaExhausted {
        QuotaExhausted { until: None }
    }

    /// How the count stands now; `None` where nobody counts.
    async fn standing(&self) -> Option<Standing> {
        None
    }

    /// Calls that may still be made now; `None` where nobody counts them.
    async fn left(&self) -> Option<usize> {
        self.standing().await.map(|standing| standing.left)
    }
}

/// What whoever takes a call can do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// From the call before.
    pub spacing: Duration,
    /// Until its answer is of use: a call for which less than [`SHORTEST_CALL`] of this is left at its turn is not taken.
    pub within: Duration,
    /// So many calls are left to others.
    pub leaves: usize,
}

impl Default for Turn {
    /// At once, with all the time there is.
    fn default() -> Self {
        Self { spacing: Duration::ZERO, within: Duration::MAX, leaves: 0 }
    }
}

impl Turn {
    /// Whether a call that waits so long for its turn has time for an answer.
    #[must_use]
    pub fn allows(self, wait: Duration) -> bool {
        wait.saturating_add(SHORTEST_CALL) <= self.within
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
    /// Errors: [`QuotaExhausted`] where no call is there beyond those that are left to others.
    pub fn beyond(self, leaves: usize) -> Result<(), QuotaExhausted> {
        if self.left > leaves { Ok(()) } else { Err(QuotaExhausted { until: self.more_at }) }
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
