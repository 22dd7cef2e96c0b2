//! A quota in memory: a fixed number of calls in any 24 hours of this process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use market::http::{NoPermit, Quota, QuotaExhausted, QuotaState};
use market::{CallBudget, CallsLeft, OnBehalfOf};
use tokio::time::Instant;

const WINDOW: TimeDelta = TimeDelta::hours(24);

type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The budget of a caller that waits long enough for a busy machine.
pub fn caller() -> CallBudget {
    lasting(Duration::from_secs(8))
}

/// The budget of a caller that waits `time` for one response.
pub fn lasting(time: Duration) -> CallBudget {
    CallBudget { deadline: Instant::now() + time, longest_answer: time, ..CallBudget::of(OnBehalfOf::Platform) }
}

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
    pub fn new(calls: usize, clock: Clock) -> Self {
        Self { clock, calls, state: Mutex::default() }
    }
}

impl State {
    fn read(&mut self, now: DateTime<Utc>, calls: usize) -> QuotaState {
        self.taken.retain(|taken| *taken + WINDOW > now);
        let closed = self.closed_until.filter(|until| *until > now);
        let left = if closed.is_some() { 0 } else { calls.saturating_sub(self.taken.len()) };
        let more_at = closed.or_else(|| self.taken.front().map(|taken| *taken + WINDOW));
        QuotaState { left: CallsLeft::of_a_day(left), more_at, now }
    }
}

#[async_trait]
impl Quota for SlidingDay {
    async fn take(&self, _spacing: Duration, call: CallBudget) -> Result<Duration, NoPermit> {
        let now = (self.clock)();
        let mut state = self.state.lock().unwrap();
        state.read(now, self.calls).beyond(call.reserve)?;
        state.taken.push_back(now);
        Ok(Duration::ZERO)
    }

    async fn mark_exhausted(&self) -> QuotaExhausted {
        let until = Some((self.clock)() + WINDOW);
        self.state.lock().unwrap().closed_until = until;
        QuotaExhausted { until }
    }

    async fn read_state(&self) -> Option<QuotaState> {
        Some(self.state.lock().unwrap().read((self.clock)(), self.calls))
    }
}
