//! A circuit breaker: a provider that keeps failing is not called for a while, since callers would wait without success
//! and each call costs one of the day's.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::call_limits::PROBE;

/// Closed while calls succeed, open after several failures in a row; then one call at a time probes the provider.
#[derive(Debug)]
pub(super) struct Breaker {
    failures_to_open: u32,
    open_for: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// One call is in progress that decides.
    Probing,
}

/// The breaker is open: no call is made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open;

/// Permission to make one call. Dropping it without a result counts as a failure only if the provider was silent for
/// long.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
    /// When silence becomes a failure; `None` before the call is sent and once it is over.
    fails_at: Option<Instant>,
}

impl Breaker {
    pub(super) fn new(failures_to_open: u32, open_for: Duration) -> Self {
        Self { failures_to_open, open_for, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether calls are refused now.
    pub(super) fn is_open(&self) -> bool {
        match *self.state() {
            State::Closed { .. } => false,
            State::Open { until } => Instant::now() < until,
            State::Probing => true,
        }
    }

    /// How much longer calls will be refused; `None` if they are not.
    pub(super) fn open_for(&self) -> Option<Duration> {
        match *self.state() {
            State::Closed { .. } => None,
            State::Open { until } => {
                Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
            }
            State::Probing => Some(PROBE),
        }
    }

    /// Grants a call. After the pause it is the probe that decides.
    pub(super) fn permit(&self) -> Result<Permit<'_>, Open> {
        let mut state = self.state();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if until <= Instant::now() => true,
            State::Open { .. } | State::Probing => return Err(Open),
        };
        if is_probe {
            *state = State::Probing;
        }
        Ok(Permit { breaker: self, is_probe, fails_at: None })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Whether the permit is still valid: other calls may have failed since.
    pub(super) fn stands(&self) -> bool {
        self.is_probe || !self.breaker.is_open()
    }

    /// The provider responded, with data or with a refusal.
    pub(super) fn answered(mut self) {
        let mut state = self.breaker.state();
        // A call that began before the failures does not close the breaker.
        if self.is_probe || matches!(*state, State::Closed { .. }) {
            *state = State::Closed { failures: 0 };
        }
        drop(state);
        (self.is_probe, self.fails_at) = (false, None);
    }

    /// The call is being sent. If it is cancelled after `failed_after` without a response, the provider has failed.
    pub(super) fn sent(mut self, failed_after: Duration) -> Self {
        self.fails_at = Some(Instant::now() + failed_after);
        self
    }

    /// The provider did not respond, or reported that it cannot.
    pub(super) fn failed(mut self) {
        self.count_failure();
    }

    fn count_failure(&mut self) {
        let mut state = self.breaker.state();
        let open = State::Open { until: Instant::now() + self.breaker.open_for };
        *state = match *state {
            State::Probing if self.is_probe => open,
            State::Closed { failures } if failures + 1 >= self.breaker.failures_to_open => open,
            State::Closed { failures } => State::Closed { failures: failures + 1 },
            other => other,
        };
        drop(state);
        (self.is_probe, self.fails_at) = (false, None);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.fails_at.is_some_and(|fails_at| fails_at <= Instant::now()) {
            self.count_failure();
        } else if self.is_probe {
            // The probe was cancelled, for example because its caller disconnected: the next call may probe.
            *self.breaker.state() = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const A_MINUTE: Duration = Duration::from_mins(1);

    fn opened() -> Breaker {
        let breaker = Breaker::new(5, A_MINUTE);
        for _ in 0..5 {
            breaker.permit().unwrap().failed();
        }
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_in_a_row_open_the_breaker_and_four_do_not() {
        let breaker = Breaker::new(5, A_MINUTE);
        for _ in 0..4 {
            breaker.permit().unwrap().failed();
        }
        breaker.permit().unwrap().answered();
        for _ in 0..4 {
            breaker.permit().unwrap().failed();
        }
        assert!(!breaker.is_open());
        breaker.permit().unwrap().failed();
        assert!(breaker.is_open());
        assert_eq!(breaker.permit().map(drop), Err(Open));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_minute_one_probe_decides() {
        let breaker = opened();
        advance(Duration::from_millis(59_999)).await;
        assert!(breaker.is_open());
        advance(Duration::from_millis(1)).await;
        let probe = breaker.permit().unwrap();
        assert_eq!(breaker.permit().map(drop), Err(Open), "one at a time");
        probe.failed();
        assert!(breaker.is_open());
        advance(A_MINUTE).await;
        breaker.permit().unwrap().answered();
        assert!(!breaker.is_open());
        for _ in 0..4 {
            breaker.permit().unwrap().failed();
        }
        assert!(!breaker.is_open(), "the count starts again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_probe_makes_way_for_the_next() {
        let breaker = opened();
        advance(A_MINUTE).await;
        drop(breaker.permit().unwrap());
        let next = breaker.permit().unwrap();
        next.answered();
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_cancelled_after_a_long_silence_is_a_failure() {
        let long = Duration::from_millis(500);
        let breaker = Breaker::new(1, A_MINUTE);
        let call = breaker.permit().unwrap().sent(long);
        advance(Duration::from_millis(499)).await;
        drop(call);
        assert!(!breaker.is_open());
        let call = breaker.permit().unwrap().sent(long);
        advance(long).await;
        drop(call);
        assert!(breaker.is_open());
        advance(A_MINUTE).await;
        let probe = breaker.permit().unwrap().sent(long);
        advance(long).await;
        drop(probe);
        assert!(breaker.is_open(), "the probe failed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_to_an_earlier_call_does_not_close_the_breaker() {
        let breaker = Breaker::new(1, A_MINUTE);
        let (early, late) = (breaker.permit().unwrap(), breaker.permit().unwrap());
        late.failed();
        early.answered();
        assert!(breaker.is_open());
    }
}
