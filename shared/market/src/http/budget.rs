//! The calls a day that a provider allows.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::error::ProviderError;

const WINDOW: TimeDelta = TimeDelta::hours(24);

/// Counts calls before they are made, across everything that shares a key.
#[async_trait]
pub trait Budget: Send + Sync {
    /// Takes one call. A call that cannot be counted is not made: refuse with no `until`.
    async fn take(&self) -> Result<(), QuotaExhausted>;

    /// The provider says that the quota is used up, whatever our own count: allow no call for 24 hours.
    /// Says until when, if that is known.
    async fn refused(&self) -> QuotaExhausted {
        QuotaExhausted { until: None }
    }

    /// Calls that may still be made now; `None` where nobody counts them.
    async fn left(&self) -> Option<usize> {
        None
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

/// A clock handed in from outside.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// A count in memory: at most so many calls in any 24 hours of this process.
///
/// The provider's day may end at another midnight than ours, so the window slides.
pub struct SlidingDay {
    clock: Clock,
    calls: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: VecDeque<DateTime<Utc>>,
    closed_until: Option<DateTime<Utc>>,
}

impl SlidingDay {
    /// A budget of `calls` in any 24 hours by `clock`.
    #[must_use]
    pub fn new(calls: usize, clock: Clock) -> Self {
        Self { clock, calls, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_now(&self) -> Result<(), QuotaExhausted> {
        let now = (self.clock)();
        let mut state = self.state();
        state.left(now, self.calls)?;
        state.taken.push_back(now);
        Ok(())
    }
}

impl State {
    /// Calls left at `now`, or why there is none.
    fn left(&mut self, now: DateTime<Utc>, calls: usize) -> Result<usize, QuotaExhausted> {
        if let Some(until) = self.closed_until.filter(|until| *until > now) {
            return Err(QuotaExhausted { until: Some(until) });
        }
        while self.taken.front().is_some_and(|taken| *taken + WINDOW <= now) {
            self.taken.pop_front();
        }
        match calls.saturating_sub(self.taken.len()) {
            0 => Err(QuotaExhausted { until: self.taken.front().map(|taken| *taken + WINDOW) }),
            left => Ok(left),
        }
    }
}

#[async_trait]
impl Budget for SlidingDay {
    async fn take(&self) -> Result<(), QuotaExhausted> {
        self.take_now()
    }

    async fn refused(&self) -> QuotaExhausted {
        let until = Some((self.clock)() + WINDOW);
        self.state().closed_until = until;
        QuotaExhausted { until }
    }

    async fn left(&self) -> Option<usize> {
        Some(self.state().left((self.clock)(), self.calls).unwrap_or(0))
    }
}

impl fmt::Debug for SlidingDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlidingDay").field("calls", &self.calls).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour * 3600, 0).unwrap()
    }

    fn budget(calls: usize) -> (SlidingDay, Arc<AtomicI64>) {
        let hour = Arc::new(AtomicI64::new(0));
        let seen = Arc::clone(&hour);
        (SlidingDay::new(calls, Arc::new(move || at(seen.load(Ordering::Relaxed)))), hour)
    }

    #[tokio::test]
    async fn no_24_hours_ever_hold_more_calls_than_allowed() {
        let (budget, hour) = budget(2);
        assert_eq!(budget.take().await, Ok(()));
        hour.store(20, Ordering::Relaxed);
        assert_eq!(budget.take().await, Ok(()));
        hour.store(23, Ordering::Relaxed);
        assert_eq!((budget.take().await, budget.left().await), (Err(QuotaExhausted { until: Some(at(24)) }), Some(0)));
        hour.store(24, Ordering::Relaxed);
        assert_eq!(budget.left().await, Some(1));
        assert_eq!(budget.take().await, Ok(()));
        assert_eq!(budget.take().await, Err(QuotaExhausted { until: Some(at(44)) }));
    }

    #[tokio::test]
    async fn the_providers_own_refusal_closes_a_whole_day() {
        let (budget, hour) = budget(25);
        assert_eq!(budget.refused().await, QuotaExhausted { until: Some(at(24)) });
        hour.store(23, Ordering::Relaxed);
        assert_eq!(budget.take().await, Err(QuotaExhausted { until: Some(at(24)) }));
        hour.store(24, Ordering::Relaxed);
        assert_eq!(budget.take().await, Ok(()));
    }
}
