//! What a request may use of a provider: until when, how many calls it must reserve for others, and on whose behalf.

use std::time::Duration;

use domain::CustomerId;
use tokio::time::{Instant, timeout_at};

use crate::call_limits::{CALLER_ANSWER, CALLER_WAIT, CALLERS_RESERVE, SCHEDULE_ANSWER, SCHEDULE_WAIT, SHORTEST_CALL};
use crate::error::ProviderError;

/// On whose behalf a provider is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBehalfOf {
    /// A customer who requested the symbol.
    Customer(CustomerId),
    /// The platform, for symbols derived from stored data.
    Platform,
    /// The scheduled refresh, for which a late price is better than none.
    Schedule,
}

impl From<CustomerId> for OnBehalfOf {
    fn from(customer: CustomerId) -> Self {
        Self::Customer(customer)
    }
}

/// What a request may use of a provider. It is created once, when the request begins, and passed down: all calls of the
/// request share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallBudget {
    /// The deadline, after which a response is of no use.
    pub deadline: Instant,
    /// The longest that a provider may take for one response, including retries and pacing.
    pub longest_answer: Duration,
    /// Calls that each counted source reserves for others.
    pub reserve: usize,
    /// On whose behalf the provider is called.
    pub on_behalf_of: OnBehalfOf,
}

/// Why a provider gave no data.
#[derive(Clone, Debug)]
pub enum NoAnswer {
    /// It was called and failed.
    Failed(ProviderError),
    /// It was not called: another process is calling it or failed a moment ago, or no time was left. This says nothing
    /// about the provider, and the next request may call it.
    NotAsked(ProviderError),
}

impl NoAnswer {
    /// The provider's error, or why it was not called.
    #[must_use]
    pub fn error(&self) -> &ProviderError {
        match self {
            Self::Failed(error) | Self::NotAsked(error) => error,
        }
    }
}

impl CallBudget {
    /// The budget of a request that begins now.
    #[must_use]
    pub fn of(on_behalf_of: impl Into<OnBehalfOf>) -> Self {
        let on_behalf_of = on_behalf_of.into();
        let (wait, longest_answer, reserve) = match on_behalf_of {
            OnBehalfOf::Customer(_) | OnBehalfOf::Platform => (CALLER_WAIT, CALLER_ANSWER, 0),
            OnBehalfOf::Schedule => (SCHEDULE_WAIT, SCHEDULE_ANSWER, CALLERS_RESERVE),
        };
        Self { deadline: Instant::now() + wait, longest_answer, reserve, on_behalf_of }
    }

    /// The same budget with `reserve` calls reserved for others.
    #[must_use]
    pub fn reserving(self, reserve: usize) -> Self {
        Self { reserve, ..self }
    }

    /// The same budget with at most `time` from now.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self { deadline: self.deadline.min(Instant::now() + time), ..self }
    }

    /// The same budget with the time that one response may take from now.
    #[must_use]
    pub fn for_one_answer(self) -> Self {
        self.within(self.longest_answer)
    }

    /// The time until the deadline.
    #[must_use]
    pub fn time_left(self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The time that a provider called now may take. A longer time would count calls whose responses come too late to
    /// be of use.
    #[must_use]
    pub fn time_for_an_answer(self) -> Duration {
        self.time_left().min(self.longest_answer)
    }

    /// Whether enough time is left for a call.
    #[must_use]
    pub fn allows_a_call(self) -> bool {
        self.time_left() >= SHORTEST_CALL
    }

    /// Whether all the time that one response may take is left.
    #[must_use]
    pub fn allows_the_longest_answer(self) -> bool {
        self.time_left() >= self.longest_answer
    }

    /// The provider's response, if it comes in time. The provider is not called if too little time is left.
    ///
    /// Errors: [`NoAnswer`], which says whether the provider was called.
    pub async fn ask<T>(self, call: impl Future<Output = Result<T, ProviderError>> + Send) -> Result<T, NoAnswer> {
        if !self.allows_a_call() {
            return Err(NoAnswer::NotAsked(ProviderError::TimedOut));
        }
        let answer = timeout_at(self.deadline, call).await;
        answer.unwrap_or(Err(ProviderError::TimedOut)).map_err(NoAnswer::Failed)
    }
}

/// The budget of a request, for tests.
#[cfg(test)]
pub(crate) fn caller() -> CallBudget {
    CallBudget::of(OnBehalfOf::Platform)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_late_call_gets_only_the_time_that_is_left() {
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
    async fn no_derived_budget_outlasts_its_origin() {
        let budget = CallBudget::of(OnBehalfOf::Platform);
        assert_eq!(budget.within(Duration::from_mins(1)), budget);
        assert_eq!(budget.within(Duration::from_secs(1)).time_left(), Duration::from_secs(1));
        assert_eq!(budget.for_one_answer().time_left(), Duration::from_secs(2));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(budget.for_one_answer(), budget);
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_is_not_called_without_enough_time() {
        let budget = CallBudget::of(OnBehalfOf::Platform).within(SHORTEST_CALL);
        let silent = std::future::pending::<Result<(), _>>();
        assert!(matches!(budget.ask(silent).await, Err(NoAnswer::Failed(ProviderError::TimedOut))));
        let answers = std::future::ready(Ok(()));
        assert!(matches!(budget.ask(answers).await, Err(NoAnswer::NotAsked(ProviderError::TimedOut))));
    }
}
