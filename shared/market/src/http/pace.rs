//! Spaces the calls of this process.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep};

use crate::error::ProviderError;

/// Allows one call in each `spacing`.
pub(super) struct Pace {
    /// `None` if calls need no spacing.
    limiter: Option<Limiter>,
    clock: RuntimeClock,
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<Duration>>;

/// The runtime's clock, so that pausing it in a test also pauses the pacing.
#[derive(Clone, Copy)]
struct RuntimeClock {
    start: Instant,
}

impl Clock for RuntimeClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Pace {
    pub(super) fn new(spacing: Duration) -> Self {
        let clock = RuntimeClock { start: Instant::now() };
        let limiter = Quota::with_period(spacing)
            .map(|quota| RateLimiter::direct_with_clock(quota.allow_burst(NonZeroU32::MIN), clock));
        Self { limiter, clock }
    }

    /// Waits for the next slot. Fails immediately if the deadline comes first.
    pub(super) async fn wait(&self, deadline: Instant) -> Result<(), ProviderError> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        while let Err(full) = limiter.check() {
            let wait = full.wait_time_from(self.clock.now());
            if wait >= deadline.saturating_duration_since(Instant::now()) {
                return Err(ProviderError::RateLimited { retry_after: wait });
            }
            // The runtime's timer counts whole milliseconds.
            sleep(wait.max(Duration::from_millis(1))).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn concurrent_callers_make_one_call_a_second() {
        let pace = std::sync::Arc::new(Pace::new(Duration::from_secs(1)));
        let start = Instant::now();
        let deadline = start + Duration::from_mins(1);
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let pace = pace.clone();
            callers.spawn(async move { pace.wait(deadline).await.map(|()| start.elapsed()) });
        }
        let mut turns: Vec<Duration> = callers.join_all().await.into_iter().map(Result::unwrap).collect();
        turns.sort();
        assert!(turns[0] < Duration::from_millis(1));
        for pair in turns.windows(2) {
            assert!(pair[1] >= pair[0] + Duration::from_millis(999), "{turns:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_after_the_deadline_is_refused_immediately() {
        let pace = Pace::new(Duration::from_mins(1));
        let start = Instant::now();
        let deadline = start + Duration::from_secs(2);
        pace.wait(deadline).await.unwrap();
        let refused = pace.wait(deadline).await;
        assert!(matches!(refused, Err(ProviderError::RateLimited { .. })), "{refused:?}");
        assert_eq!(start.elapsed(), Duration::ZERO, "refused immediately");
    }
}
