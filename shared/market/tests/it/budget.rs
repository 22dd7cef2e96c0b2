//! A count in memory: at most so many calls in any 24 hours of this process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use market::http::{NoTurn, Quota, QuotaExhausted, Standing};
use market::{CallBudget, OnBehalfOf};
use tokio::time::Instant;

const WINDOW: TimeDelta = TimeDelta::hours(24);

type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// That of a caller who waits long enough for a busy machine.
pub fn caller() -> CallBudget {
    lasting(Duration::from_secs(8))
}

/// That of a caller who waits for one answer, and so long.
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
    fn standing(&mut self, now: DateTime<Utc>, calls: usize) -> Standing {
        self.taken.retain(|taken| *taken + WINDOW > now);
        let closed = self.closed_until.filter(|until| *until > now);
        let left = if closed.is_some() { 0 } else { calls.saturating_sub(self.taken.len()) };
        let more_at = closed.or_else(|| self.taken.front().map(|taken| *taken + WINDOW));
        Standing { left, more_at, now }
    }
}

#[async_trait]
impl Quota for SlidingDay {
    async fn take(&self, _spacing: Duration, call: CallBudget) -> Result<Duration, NoTurn> {
        let now = (self.clock)();
        let mut state = self.state.lock().unwrap();
        state.standing(now, self.calls).beyond(call.reserve)?;
        state.taken.push_back(now);
        Ok(Duration::ZERO)
    }

    async fn mark_exhausted(&self) -> QuotaExhausted {
        let until = Some((self.clock)() + WINDOW);
        self.state.lock().unwrap().closed_until = until;
        QuotaExhausted { until }
    }

    async fn read_standing(&self) -> Option<Standing> {
        Some(self.state.lock().unwrap().standing((self.clock)(), self.calls))
    }
}
