//! The histories of a process, one slot a symbol, so that many readers make one fetch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Symbol};
use market::http::SHORTEST_CALL;
use market::{MarketClock, Patience, ProviderError};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Series, Wanted, is_current};
use crate::App;
use crate::first_looks::Asker;
use crate::last_quote::LastQuote;

/// Histories kept in memory, enough for a large portfolio; one of thirteen years is about 240 KB, so that all together
/// stay below 80 MB.
const MAX_IN_MEMORY: usize = 320;
/// How long a history in memory is believed before the store is asked again: another process may
/// have refreshed it.
const MEMORY_SECONDS: i64 = 60;
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

/// The histories of a process.
#[derive(Default)]
pub struct Histories {
    slots: Mutex<HashMap<Symbol, Arc<Mutex<Slot>>>>,
}

/// What is known of one symbol. Whoever holds it is the only one of the process to ask the provider about the symbol.
#[derive(Default)]
pub(crate) struct Slot {
    series: Option<Arc<Series>>,
    checked_at: Option<DateTime<Utc>>,
    failures: BTreeMap<Wanted, Failure>,
    quote: Option<LastQuote>,
}

/// That a provider did not answer, and how long it is left alone for it.
struct Failure {
    until: DateTime<Utc>,
    error: ProviderError,
}

/// Why nothing came of a provider.
#[derive(Clone, Debug)]
pub(crate) enum NoAnswer {
    /// It was asked and gave none.
    Failed(ProviderError),
    /// It was not asked: somebody else is at it or failed a moment ago, or there was no time left. It says nothing of the
    /// provider, and whoever comes next may ask.
    NotAsked(ProviderError),
}

impl NoAnswer {
    pub(crate) fn error(&self) -> &ProviderError {
        match self {
            Self::Failed(error) | Self::NotAsked(error) => error,
        }
    }
}

/// How long a provider is left alone about a symbol after this error.
pub(super) fn rest_after(error: &ProviderError) -> TimeDelta {
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
pub(crate) struct Reader {
    pub asker: Asker,
    pub patience: Patience,
    pub wait: Wait,
}

impl Reader {
    /// A customer whose request waits for all of its calls together.
    pub(crate) fn customer(customer: CustomerId, wait: Wait) -> Self {
        Self { asker: Asker::Customer(customer), patience: Patience::Caller, wait }
    }

    /// The same, where the symbols follow from what is stored.
    pub(crate) fn platform(wait: Wait) -> Self {
        Self { asker: Asker::Platform, patience: Patience::Caller, wait }
    }

    /// What a provider that is asked now may take.
    pub(crate) fn patience(self) -> Patience {
        self.wait.patience(self.patience)
    }
}

/// Until when somebody waits for a provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait(Option<Instant>);

impl Wait {
    /// From now on, for this long.
    pub(crate) fn of(patience: Patience) -> Self {
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
    pub(crate) fn of_request(app: &App) -> Self {
        Self::with(app, Patience::Caller)
    }

    /// The same with another patience.
    pub(super) fn with(app: &App, patience: Patience) -> Self {
        match app.provider().clock() {
            MarketClock::Live => Self::of(patience),
            MarketClock::StandsAt(_) => Self::unbounded(),
        }
    }

    /// Whether there is time enough for a call.
    pub(crate) fn allows_a_call(self) -> bool {
        self.0.is_none_or(|until| until >= Instant::now() + SHORTEST_CALL)
    }

    /// Whether there is time for the whole of this patience: what is asked without saying how long it may take takes that.
    pub(crate) fn allows_all_of(self, patience: Patience) -> bool {
        self.0.is_none_or(|until| until >= Instant::now() + patience.total())
    }

    /// As much of this patience as there is time for. A provider that thinks it has longer counts calls whose turn comes
    /// when nobody waits any more.
    pub(crate) fn patience(self, patience: Patience) -> Patience {
        match self.0 {
            Some(until) if !self.allows_all_of(patience) => {
                patience.within(until.saturating_duration_since(Instant::now()))
            }
            _ => patience,
        }
    }

    /// How long a lease lasts that is taken now, in whole seconds: longer than the wait of its holder, and how much of
    /// the current second is over does not count.
    pub(super) fn seconds_of_a_lease(self) -> i64 {
        let left = self.0.map_or(SCHEDULES_WAIT, |until| until.saturating_duration_since(Instant::now()));
        i64::try_from(left.as_secs() + 1 + SECONDS_TO_STORE).unwrap_or(i64::MAX)
    }

    /// Waits a little; false where the time is over.
    pub(super) async fn pause(self) -> bool {
        let next = Instant::now() + LOOK_EVERY;
        if self.0.is_some_and(|until| until <= Instant::now()) {
            return false;
        }
        sleep_until(self.0.map_or(next, |until| until.min(next))).await;
        true
    }

    /// Of somebody who asks no provider.
    pub(super) fn to_read() -> Self {
        Self(Some(Instant::now() + READERS_WAIT))
    }

    /// For files, which are at hand.
    pub(crate) fn unbounded() -> Self {
        Self(None)
    }

    /// What a provider answers in time; there is no call where too little time is left for one.
    pub(crate) async fn on<T>(
        self,
        call: impl Future<Output = Result<T, ProviderError>> + Send,
    ) -> Result<T, ProviderError> {
        self.asked(call).await.map_err(|none| none.error().clone())
    }

    /// Like [`Wait::on`], and whether there was a call.
    pub(crate) async fn asked<T>(
        self,
        call: impl Future<Output = Result<T, ProviderError>> + Send,
    ) -> Result<T, NoAnswer> {
        let Some(until) = self.0 else { return call.await.map_err(NoAnswer::Failed) };
        if !self.allows_a_call() {
            return Err(NoAnswer::NotAsked(ProviderError::TimedOut));
        }
        timeout_at(until, call).await.unwrap_or(Err(ProviderError::TimedOut)).map_err(NoAnswer::Failed)
    }

    async fn at_most<T>(self, turn: impl Future<Output = T> + Send) -> Option<T> {
        match self.0 {
            Some(until) => timeout_at(until, turn).await.ok(),
            None => Some(turn.await),
        }
    }
}

impl Slot {
    /// The failure of a moment ago to get what is wanted.
    pub(crate) fn resting(&self, app: &App, wanted: Wanted) -> Option<ProviderError> {
        let failure = self.failures.get(&wanted).filter(|failure| app.now() < failure.until)?;
        Some(failure.error.clone())
    }

    /// Has the provider left alone for a moment, if it was asked.
    pub(crate) fn failed(&mut self, app: &App, wanted: Wanted, why: &NoAnswer) {
        if let NoAnswer::Failed(error) = why {
            let failure = Failure { until: app.now() + rest_after(error), error: error.clone() };
            self.failures.insert(wanted, failure);
        }
    }

    /// A quote that somebody of this process asked for just now.
    pub(crate) fn asked_quote(&self, app: &App) -> Option<LastQuote> {
        let quote = self.quote.as_ref().filter(|quote| app.provider().gives(&quote.source));
        quote.filter(|quote| app.now() - quote.fetched_at < TimeDelta::seconds(MEMORY_SECONDS)).cloned()
    }

    /// Has those who wait for their turn take this quote.
    pub(crate) fn remember_quote(&mut self, quote: &LastQuote) {
        self.failures.remove(&Wanted::Quote);
        self.quote = Some(quote.clone());
    }

    /// What memory can answer with, without a look at the store or the provider.
    pub(super) fn current(&self, app: &App) -> Option<Arc<Series>> {
        let series = self.believed(app)?;
        let is_all_there_is = series.stale && self.resting(app, Wanted::Bars).is_some();
        (is_all_there_is || is_current(app, &series)).then_some(series)
    }

    /// What memory has, however old its bars are, as long as the store is not to be asked again.
    pub(super) fn believed(&self, app: &App) -> Option<Arc<Series>> {
        let series = self.series.as_ref().filter(|series| app.provider().gives(&series.source));
        series.filter(|_| self.is_believed(app)).cloned()
    }

    fn is_believed(&self, app: &App) -> bool {
        self.checked_at.is_some_and(|at| app.now() - at < TimeDelta::seconds(MEMORY_SECONDS))
    }

    /// Remembers what was read or fetched just now.
    pub(super) fn remember(&mut self, app: &App, series: Series) -> Arc<Series> {
        let series = Arc::new(series);
        if !series.stale {
            self.failures.remove(&Wanted::Bars);
        }
        self.series = Some(series.clone());
        self.checked_at = Some(app.now());
        series
    }
}

impl Histories {
    /// The slot of a symbol once nobody else is at it; none where that takes too long.
    pub(crate) async fn turn(&self, symbol: &Symbol, wait: Wait) -> Option<OwnedMutexGuard<Slot>> {
        let slot = self.slot(symbol).await;
        wait.at_most(slot.lock_owned()).await
    }

    async fn slot(&self, symbol: &Symbol) -> Arc<Mutex<Slot>> {
        let mut slots = self.slots.lock().await;
        if !slots.contains_key(symbol) && slots.len() >= MAX_IN_MEMORY {
            // A slot in use has another owner; forgetting an idle one only costs a read of the store.
            if let Some(idle) = slots.iter().find(|(_, slot)| Arc::strong_count(slot) == 1).map(|(key, _)| key.clone())
            {
                slots.remove(&idle);
            }
        }
        slots.entry(symbol.clone()).or_default().clone()
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
