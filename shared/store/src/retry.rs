//! Retries a change from its start after a lost race.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Remedy, StoreError};

/// Most attempts at one change, including the first.
pub const MAX_TRIES: u32 = 8;
/// Longest first wait; it doubles for every further one.
pub const FIRST_WAIT: Duration = Duration::from_millis(10);
/// Longest wait of all.
pub const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// How often and until when a change is tried.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Most attempts, including the first.
    pub tries: u32,
    /// No wait exceeds this deadline.
    pub deadline: Instant,
}

impl Retry {
    /// [`MAX_TRIES`] attempts, with no wait that would end after `budget` from now.
    #[must_use]
    pub fn within(budget: Duration) -> Self {
        Self { tries: MAX_TRIES, deadline: Instant::now() + budget }
    }
}

/// An error that knows whether the change can be retried.
pub trait Retryable {
    /// Whether nothing was written and the change may succeed if it reads, decides and writes again.
    fn is_retryable(&self) -> bool;
}

impl Retryable for StoreError {
    fn is_retryable(&self) -> bool {
        self.remedy() == Remedy::StartOver
    }
}

/// Runs `attempt` until it succeeds, fails permanently, has used all attempts, or the deadline passes. Returns the last
/// error.
///
/// An attempt reads, decides and writes, and must start from fresh reads. Between attempts it waits a random time below
/// a ceiling that doubles from 10 to 500 ms ("full jitter", so that competitors do not collide again). Formula: M.
/// Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
pub async fn retry<T, E, F, Attempt>(policy: Retry, attempt: F) -> Result<T, E>
where
    E: Retryable,
    F: FnMut() -> Attempt,
    Attempt: Future<Output = Result<T, E>>,
{
    retry_with_waits_up_to(LONGEST_WAIT, policy, attempt).await
}

/// Like [`retry`], but the ceiling of the waits doubles up to `longest_wait`.
pub async fn retry_with_waits_up_to<T, E, F, Attempt>(
    longest_wait: Duration,
    policy: Retry,
    mut attempt: F,
) -> Result<T, E>
where
    E: Retryable,
    F: FnMut() -> Attempt,
    Attempt: Future<Output = Result<T, E>>,
{
    let mut ceiling = FIRST_WAIT;
    let mut tries = 1;
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let wait = ceiling.mul_f64(rand::random::<f64>());
        if !error.is_retryable() || tries >= policy.tries || Instant::now() + wait > policy.deadline {
            return Err(error);
        }
        tokio::time::sleep(wait).await;
        ceiling = (ceiling * 2).min(longest_wait);
        tries += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    async fn tries_until(error: fn() -> StoreError, policy: Retry) -> u32 {
        let tries = Cell::new(0);
        let outcome: Result<(), _> = retry(policy, || {
            tries.set(tries.get() + 1);
            async { Err(error()) }
        })
        .await;
        assert!(outcome.is_err());
        tries.get()
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_race_is_tried_at_most_eight_times_within_the_ceilings() {
        let start = Instant::now();
        let policy = Retry::within(Duration::from_mins(1));
        assert_eq!(tries_until(|| StoreError::Conflict { write: 0 }, policy).await, MAX_TRIES);
        // 10 + 20 + 40 + 80 + 160 + 320 + 500, and a millisecond of timer resolution for each.
        assert!(start.elapsed() <= Duration::from_millis(1_130 + 7), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_uncertain_or_permanent_failure_is_not_retried() {
        let policy = Retry::within(Duration::from_mins(1));
        assert_eq!(tries_until(|| StoreError::unavailable("gone"), policy).await, 1);
        assert_eq!(tries_until(|| StoreError::NoWrites, policy).await, 1);
        assert_eq!(tries_until(|| StoreError::Throttled, policy).await, MAX_TRIES);
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_exceeds_the_deadline() {
        let start = Instant::now();
        tries_until(|| StoreError::Throttled, Retry::within(Duration::from_millis(100))).await;
        assert!(start.elapsed() <= Duration::from_millis(107), "{:?}", start.elapsed());
        assert_eq!(tries_until(|| StoreError::Throttled, Retry { tries: 1, deadline: Instant::now() }).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_success_ends_the_retries() {
        let left = Cell::new(3);
        let value = retry(Retry::within(Duration::from_mins(1)), || {
            left.set(left.get() - 1);
            let done = left.get() == 0;
            async move { if done { Ok(7) } else { Err(StoreError::Conflict { write: 1 }) } }
        })
        .await;
        assert_eq!(value.unwrap(), 7);
    }
}
