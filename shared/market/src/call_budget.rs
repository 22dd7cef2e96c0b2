//! What a request may have of a provider: until when, how many calls stay for others, and on whose behalf.

use std::time::Duration;

use domain::CustomerId;
use tokio::time::{Instant, timeout_at};

use crate::call_limits::{CALLER_ANSWER, CALLER_WAIT, CALLERS_RESERVE, SCHEDULE_ANSWER, SCHEDULE_WAIT, SHORTEST_CALL};
use crate::error::ProviderError;

/// On whose behalf a provider is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBehalfOf {
    /// A customer who named the symbol.
    Customer(CustomerId),
    /// The platform, for symbols that follow from what is stored.
    Platform,
    /// The scheduled refresh, where a late price is better than none.
    Schedule,
}

impl From<CustomerId> for OnBehalfOf {
    fn from(customer: CustomerId) -> Self {
        Self::Customer(customer)
    }
}

/// What a request may have of a provider. It is made once, when the request begins, and passed down: whatever is asked for
/// on the way shares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallBudget {
    /// When an answer is of no use any more.
    pub deadline: Instant,
    /// The longest that a provider may take for one answer, retries and pacing included.
    pub longest_answer: Duration,
    /// Calls that each counted source keeps for others.
    pub reserve: usize,
    /// On whose behalf it is asked.
    pub on_behalf_of: OnBehalfOf,
}

/// Why nothing came of a provider.
#[derive(Clone, Debug)]
pub enum NoAnswer {
    /// It was asked and gave none.
    Failed(ProviderError),
    /// It was not asked: another process is at it or failed a moment ago, or there was no time left. It says nothing of
    /// the provider, and the next request may ask.
    NotAsked(ProviderError),
}

impl NoAnswer {
    /// The provider's error, or what stood in the way of asking.
    #[must_use]
    pub fn error(&self) -> &ProviderError {
        match self {
            Self::Failed(error) | Self::NotAsked(error) => error,
        }
    }
}

impl CallBudget {
    /// That of a request to a live provider which begins now.
    #[must_use]
    pub fn of(on_behalf_of: impl Into<OnBehalfOf>) -> Self {
        let on_behalf_of = on_behalf_of.into();
        let (wait, longest_answer, reserve) = match on_behalf_of {
            OnBehalfOf::Customer(_) | OnBehalfOf::Platform => (CALLER_WAIT, CALLER_ANSWER, 0),
            OnBehalfOf::Schedule => (SCHEDULE_WAIT, SCHEDULE_ANSWER, CALLERS_RESERVE),
        };
        Self { deadline: Instant::now() + wait, longest_answer, reserve, on_behalf_of }
    }

    /// The same with so many calls left to others.
    #[must_use]
    pub fn reserving(self, reserve: usize) -> Self {
        Self { reserve, ..self }
    }

    /// The same with at most this much time from now.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self { deadline: self.deadline.min(Instant::now() + time), ..self }
    }

    /// The same for an answer that is asked for now.
    #[must_use]
    pub fn for_one_answer(self) -> Self {
        self.within(self.longest_answer)
    }

    /// The time until the deadline.
    #[must_use]
    pub fn time_left(self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The time that a provider which is asked now has. One that thinks it has longer counts calls that are made when
    /// their answers are of no use any more.
    #[must_use]
    pub fn time_for_an_answer(self) -> Duration {
        self.time_left().min(self.longest_answer)
    }

    /// Whether there is time enough for a call.
    #[must_use]
    pub fn allows_a_call(self) -> bool {
        self.time_left() >= SHORTEST_CALL
    }

    /// Whether there is all the time that an answer may take.
    #[must_use]
    pub fn allows_the_longest_answer(self) -> bool {
        self.time_left() >= self.longest_answer
    }

    /// What a provider answers in time; it is not asked where too little time is left for a call.
    ///
    /// Errors: whether it was asked, and what came of it.
    pub async fn ask<T>(self, call: impl Future<Output = Result<T, ProviderError>> + Send) -> Result<T, NoAnswer> {
        if !self.allows_a_call() {
            return Err(NoAnswer::NotAsked(ProviderError::TimedOut));
        }
        let answer = timeout_at(self.deadline, call).await;
        answer.unwrap_or(Err(ProviderError::TimedOut)).map_err(NoAnswer::Failed)
    }
}

/// That of a caller, for tests.
#[cfg(test)]
pub(crate) fn caller() -> CallBudget {
    CallBudget::of(OnBehalfOf::Platform)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_is_asked_late_is_given_what_is_left() {
        let (caller, schedule) = (CallBudget::of(OnBehalfOf::Platform), CallBudget::of(OnBehalfOf::Schedule));
        assert_eq!(caller.time_for_an_answer(), Duration::from_secs(2));
        tokio::time::advance(Duration::from_millis(1_500)).await;
        assert_eq!(caller.time_for_an_answer(), Duration::from_secs(1));
        assert!(!caller.allows_the_longest_answer() && caller.allows_a_call());
        tokio::time::advance(Duration::from_millis(1_500)).await;
        assert_eq!(schedule.time_for_an_answer(), Duration::from_secs(9));
        assert_eq!((caller.reserve, schedule.reserve), (0, CALLERS_RESERVE));
        assert!(!caller.allows_a_call());
    }

    #[tokio::test(start_paused = true)]
    async fn no_part_of_a_budget_outlasts_it() {
        let budget = CallBudget::of(OnBehalfOf::Platform);
        assert_eq!(budget.within(Duration::from_mins(1)), budget);
        assert_eq!(budget.within(Duration::from_secs(1)).time_left(), Duration::from_secs(1));
        assert_eq!(budget.for_one_answer().time_left(), Duration::from_secs(2));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(budget.for_one_answer(), budget);
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_is_not_asked_where_no_time_is_left_for_a_call() {
        let budget = CallBudget::of(OnBehalfOf::Platform).within(SHORTEST_CALL);
        let silent = std::future::pending::<Result<(), _>>();
        assert!(matches!(budget.ask(silent).await, Err(NoAnswer::Failed(ProviderError::TimedOut))));
        let answers = std::future::ready(Ok(()));
        assert!(matches!(budget.ask(answers).await, Err(NoAnswer::NotAsked(ProviderError::TimedOut))));
    }
}
