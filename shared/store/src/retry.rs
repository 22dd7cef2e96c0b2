//! Taking a change again from its start after a lost race.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Remedy, StoreError};

/// Attempts at one change, the first included.
pub const MAX_TRIES: u32 = 8;
/// Upper end of the first wait; it doubles with every further one.
pub const FIRST_WAIT: Duration = Duration::from_millis(10);
/// Upper end of any wait.
pub const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// How long and how often a change is tried.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Attempts, the first included.
    pub tries: u32,
    /// No wait goes beyond this instant.
    pub deadline: Instant,
}

impl Retry {
    /// [`MAX_TRIES`] attempts, with no wait that would end later than `budget` from now.
    #[must_use]
    pub fn within(budget: Duration) -> Self {
        Self { tries: MAX_TRIES, deadline: Instant::now() + budget }
    }
}

/// An error that knows whether nothing was written and the same change may succeed from its start.
pub trait Retryable {
    /// Whether to read, decide and write again.
    fn is_retryable(&self) -> bool;
}

impl Retryable for StoreError {
    fn is_retryable(&self) -> bool {
        self.remedy() == Remedy::StartOver
    }
}

/// Runs `attempt` until it succeeds, fails for good, has been tried often enough, or time is up; the last error stands.
///
/// An attempt reads, decides and writes: it must start from fresh reads each time. Between attempts it waits a random
/// time below a ceiling that doubles from 10 to 500 ms ("full jitter", so that rivals do not meet again).
/// Formula: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
pub async fn retry<T, E, F, Attempt>(policy: Retry, mut attempt: F) -> Result<T, E>
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
        ceiling = (ceiling * 2).min(LONGEST_WAIT);
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
    async fn a_lost_race_is_run_eight_times_at_most_and_waits_under_its_ceilings() {
        let start = Instant::now();
        let policy = Retry::within(Duration::from_mins(1));
        assert_eq!(tries_until(|| StoreError::Conflict { write: 0 }, policy).await, MAX_TRIES);
        // 10 + 20 + 40 + 80 + 160 + 320 + 500, and a millisecond of the timer's grain for each.
        assert!(start.elapsed() <= Duration::from_millis(1_130 + 7), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_been_written_or_cannot_pass_is_not_run_again() {
        let policy = Retry::within(Duration::from_mins(1));
        assert_eq!(tries_until(|| StoreError::unavailable("gone"), policy).await, 1);
        assert_eq!(tries_until(|| StoreError::NoWrites, policy).await, 1);
        assert_eq!(tries_until(|| StoreError::Throttled, policy).await, MAX_TRIES);
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_goes_beyond_the_deadline() {
        let start = Instant::now();
        tries_until(|| StoreError::Throttled, Retry::within(Duration::from_millis(100))).await;
        assert!(start.elapsed() <= Duration::from_millis(107), "{:?}", start.elapsed());
        assert_eq!(tries_until(|| StoreError::Throttled, Retry { tries: 1, deadline: Instant::now() }).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_success_ends_it() {
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
