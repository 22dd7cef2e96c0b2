//! Who may have a provider called, how many calls are left to others, and how long anybody waits for one.

use std::time::Duration;

use chrono::TimeDelta;
use domain::CustomerId;
use market::http::SHORTEST_CALL;
use market::{MarketClock, Patience, ProviderError};
use tokio::time::{Instant, sleep_until, timeout_at};

/// How long a provider that did not answer is left alone, so that readers of one symbol do not queue
/// behind its timeouts.
const REST_SECONDS: i64 = 60;

/// The longest that a caller waits for a provider, turns and retries included.
const CALLERS_WAIT: Duration = Duration::from_millis(2_500);

/// The longest that the schedule waits: what it gives a provider, and a margin for one that does not keep to it.
const SCHEDULES_WAIT: Duration = Duration::from_secs(12);

/// The longest that whoever only reads waits for a turn: another read of the store takes no longer, and a call of a
/// provider's, which does, is nothing to wait for.
const READERS_WAIT: Duration = Duration::from_millis(50);

/// How often one who waits for another process looks whether that is done.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// How much longer than its holder's wait a lease lasts: to store what came.
const SECONDS_TO_STORE: u64 = 1;

/// A quota of a day, and not of an hour.
pub const FEW_CALLS: usize = 100;

/// Calls that names and searches leave to everything else: a name is nice to have.
pub const CALLS_LEFT_BY_NAMES: usize = 10;

/// Calls that a look at old bars leaves to everything else: what is held is refreshed anyway.
pub const CALLS_LEFT_BY_OLD_BARS: usize = 10;

/// How long after a fetch a live provider is not asked again for a bar that was not out yet.
pub const RETRY_MINUTES: i64 = 15;

/// On whose behalf a provider is asked.
#[derive(Clone, Copy, Debug)]
pub enum Asker {
    /// A customer who named the symbol.
    Customer(CustomerId),
    /// Us, for symbols that follow from what is stored.
    Platform,
}

/// Why nothing came of a provider.
#[derive(Clone, Debug)]
pub enum NoAnswer {
    /// It was asked and gave none.
    Failed(ProviderError),
    /// It was not asked: somebody else is at it or failed a moment ago, or there was no time left. It says nothing of the
    /// provider, and whoever comes next may ask.
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

/// How long a provider is left alone about a symbol after this error.
#[must_use]
pub fn rest_after(error: &ProviderError) -> TimeDelta {
    let longest = TimeDelta::seconds(REST_SECONDS);
    match error {
        // That a symbol is unknown is noted elsewhere, for a day; a function without a provider knows nothing of one that
        // others have.
        ProviderError::UnknownSymbol | ProviderError::NotGiven => TimeDelta::zero(),
        // It may be our own pacing that asks for patience: then no call was made.
        ProviderError::RateLimited { retry_after } => {
            TimeDelta::from_std(*retry_after).map_or(longest, |wait| wait.min(longest))
        }
        _ => longest,
    }
}

/// Who waits for a provider, how patiently, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// On whose behalf a provider is asked.
    pub asker: Asker,
    /// How long a call may take, and how many calls it leaves to others.
    pub patience: Patience,
    /// Until when the reader waits for all calls together.
    pub wait: Wait,
}

impl Reader {
    /// A customer whose request waits for all of its calls together.
    #[must_use]
    pub fn customer(customer: CustomerId, wait: Wait) -> Self {
        Self { asker: Asker::Customer(customer), patience: Patience::Caller, wait }
    }

    /// The same, where the symbols follow from what is stored.
    #[must_use]
    pub fn platform(wait: Wait) -> Self {
        Self { asker: Asker::Platform, patience: Patience::Caller, wait }
    }

    /// What a provider that is asked now may take.
    #[must_use]
    pub fn patience(self) -> Patience {
        self.wait.patience(self.patience)
    }
}

/// Until when somebody waits for a provider.
#[derive(Clone, Copy, Debug)]
pub struct Wait(Option<Instant>);

impl Wait {
    /// From now on, for this long.
    #[must_use]
    pub fn of(patience: Patience) -> Self {
        Self(Some(
            Instant::now()
                + match patience {
                    Patience::Caller => CALLERS_WAIT,
                    Patience::Schedule => SCHEDULES_WAIT,
                    Patience::Left(within) | Patience::Scheduled { within, .. } | Patience::Sparing { within, .. } => {
                        within
                    }
                },
        ))
    }

    /// Of somebody who waits for all that a request does: for files, which are at hand, as long as it takes.
    #[must_use]
    pub fn of_request(clock: MarketClock) -> Self {
        Self::with(clock, Patience::Caller)
    }

    /// The same with another patience.
    #[must_use]
    pub fn with(clock: MarketClock, patience: Patience) -> Self {
        match clock {
            MarketClock::Live => Self::of(patience),
            MarketClock::StandsAt(_) => Self::unbounded(),
        }
    }

    /// Whether there is time enough for a call.
    #[must_use]
    pub fn allows_a_call(self) -> bool {
        self.0.is_none_or(|until| until >= Instant::now() + SHORTEST_CALL)
    }

    /// Whether there is time for the whole of this patience: what is asked without saying how long it may take takes that.
    #[must_use]
    pub fn allows_all_of(self, patience: Patience) -> bool {
        self.0.is_none_or(|until| until >= Instant::now() + patience.total())
    }

    /// As much of this patience as there is time for. A provider that thinks it has longer counts calls whose turn comes
    /// when nobody waits any more.
    #[must_use]
    pub fn patience(self, patience: Patience) -> Patience {
        match self.0 {
            Some(until) if !self.allows_all_of(patience) => {
                patience.within(until.saturating_duration_since(Instant::now()))
            }
            _ => patience,
        }
    }

    /// How long a lease lasts that is taken now, in whole seconds: longer than the wait of its holder, and how much of
    /// the current second is over does not count.
    #[must_use]
    pub fn seconds_of_a_lease(self) -> i64 {
        let left = self.0.map_or(SCHEDULES_WAIT, |until| until.saturating_duration_since(Instant::now()));
        i64::try_from(left.as_secs() + 1 + SECONDS_TO_STORE).unwrap_or(i64::MAX)
    }

    /// Waits a little; false where the time is over.
    pub async fn pause(self) -> bool {
        let next = Instant::now() + LOOK_EVERY;
        if self.0.is_some_and(|until| until <= Instant::now()) {
            return false;
        }
        sleep_until(self.0.map_or(next, |until| until.min(next))).await;
        true
    }

    /// Of somebody who asks no provider.
    #[must_use]
    pub fn to_read() -> Self {
        Self(Some(Instant::now() + READERS_WAIT))
    }

    /// For files, which are at hand.
    #[must_use]
    pub fn unbounded() -> Self {
        Self(None)
    }

    /// What a provider answers in time; there is no call where too little time is left for one.
    pub async fn on<T>(self, call: impl Future<Output = Result<T, ProviderError>> + Send) -> Result<T, ProviderError> {
        self.asked(call).await.map_err(|none| none.error().clone())
    }

    /// Like [`Wait::on`], and whether there was a call.
    pub async fn asked<T>(self, call: impl Future<Output = Result<T, ProviderError>> + Send) -> Result<T, NoAnswer> {
        let Some(until) = self.0 else { return call.await.map_err(NoAnswer::Failed) };
        if !self.allows_a_call() {
            return Err(NoAnswer::NotAsked(ProviderError::TimedOut));
        }
        timeout_at(until, call).await.unwrap_or(Err(ProviderError::TimedOut)).map_err(NoAnswer::Failed)
    }

    pub(crate) async fn at_most<T>(self, turn: impl Future<Output = T> + Send) -> Option<T> {
        match self.0 {
            Some(until) => timeout_at(until, turn).await.ok(),
            None => Some(turn.await),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_is_asked_late_is_given_what_is_left() {
        let (caller, schedule) = (Wait::of(Patience::Caller), Wait::of(Patience::Schedule));
        assert_eq!(caller.patience(Patience::Caller), Patience::Caller);
        tokio::time::advance(Duration::from_millis(1_500)).await;
        assert_eq!(caller.patience(Patience::Caller), Patience::Left(Duration::from_secs(1)));
        assert!(!caller.allows_all_of(Patience::Caller) && caller.allows_a_call());
        tokio::time::advance(Duration::from_millis(1_500)).await;
        let left = Patience::Scheduled { within: Duration::from_secs(9), leaves: market::CALLERS_RESERVE };
        assert_eq!(schedule.patience(Patience::Schedule), left);
        assert_eq!(Wait::unbounded().patience(Patience::Caller), Patience::Caller);
    }
}
