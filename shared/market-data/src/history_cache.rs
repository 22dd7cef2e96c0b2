//! The histories in memory, one entry per symbol, so that many readers make one call.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::Symbol;
use market::call_limits::IN_MEMORY;
use market::{NoAnswer, Provider, ProviderError};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

use crate::freshness::is_current;
use crate::lease::Requested;
use crate::quote_record::LastQuote;
use crate::series::PriceSeries;

/// Most histories in memory: enough for a large portfolio. One of thirteen years is about 240 KB, so all together stay
/// below 80 MB.
const MAX_IN_MEMORY: usize = 320;

/// The histories in memory.
#[derive(Default)]
pub struct HistoryCache {
    entries: Mutex<HashMap<Symbol, Arc<Mutex<CachedHistory>>>>,
}

/// What is known of one symbol. Its holder is the only one in the process that calls the provider for the symbol.
#[derive(Default)]
pub(crate) struct CachedHistory {
    series: Option<Arc<PriceSeries>>,
    checked_at: Option<DateTime<Utc>>,
    failures: BTreeMap<Requested, Failure>,
    quote: Option<LastQuote>,
}

/// A failure of a provider, and until when no further call is made.
struct Failure {
    until: DateTime<Utc>,
    error: ProviderError,
}

impl CachedHistory {
    /// The recent failure of this kind of request.
    pub(crate) fn recent_failure(&self, now: DateTime<Utc>, requested: Requested) -> Option<ProviderError> {
        let failure = self.failures.get(&requested).filter(|failure| now < failure.until)?;
        Some(failure.error.clone())
    }

    /// Remembers a failure, if the provider was called, so that it is not called again for a moment.
    pub(crate) fn record_failure(&mut self, now: DateTime<Utc>, requested: Requested, why: &NoAnswer) {
        if let NoAnswer::Failed(error) = why {
            let failure = Failure { until: now + error.rest(), error: error.clone() };
            self.failures.insert(requested, failure);
        }
    }

    /// A quote that another request of this process has just fetched.
    pub(crate) fn recent_quote(&self, provider: &dyn Provider, now: DateTime<Utc>) -> Option<LastQuote> {
        let quote = self.quote.as_ref().filter(|quote| provider.gives(&quote.source));
        quote.filter(|quote| now - quote.fetched_at < IN_MEMORY).cloned()
    }

    /// Remembers a quote for those that wait for the lock.
    pub(crate) fn remember_quote(&mut self, quote: &LastQuote) {
        self.failures.remove(&Requested::Quote);
        self.quote = Some(quote.clone());
    }

    /// The series in memory, if it can be used without reading the store or calling the provider.
    pub(crate) fn current(&self, provider: &dyn Provider, now: DateTime<Utc>) -> Option<Arc<PriceSeries>> {
        let series = self.in_memory(provider, now)?;
        let is_all_there_is = series.stale && self.recent_failure(now, Requested::Bars).is_some();
        (is_all_there_is || is_current(provider, now, &series)).then_some(series)
    }

    /// The series in memory, however old its bars are, until the store must be read again.
    pub(crate) fn in_memory(&self, provider: &dyn Provider, now: DateTime<Utc>) -> Option<Arc<PriceSeries>> {
        let series = self.series.as_ref().filter(|series| provider.gives(&series.source));
        series.filter(|_| self.is_fresh(now)).cloned()
    }

    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        self.checked_at.is_some_and(|at| now - at < IN_MEMORY)
    }

    /// Remembers what has just been read or fetched.
    pub(crate) fn remember(&mut self, now: DateTime<Utc>, series: PriceSeries) -> Arc<PriceSeries> {
        let series = Arc::new(series);
        if !series.stale {
            self.failures.remove(&Requested::Bars);
        }
        self.series = Some(series.clone());
        self.checked_at = Some(now);
        series
    }
}

impl HistoryCache {
    /// The entry of a symbol, locked; none if it is not free before the deadline.
    pub(crate) async fn lock(&self, symbol: &Symbol, deadline: Instant) -> Option<OwnedMutexGuard<CachedHistory>> {
        let entry = self.find_or_create(symbol).await;
        timeout_at(deadline, entry.lock_owned()).await.ok()
    }

    async fn find_or_create(&self, symbol: &Symbol) -> Arc<Mutex<CachedHistory>> {
        let mut entries = self.entries.lock().await;
        if !entries.contains_key(symbol) && entries.len() >= MAX_IN_MEMORY {
            // An entry in use has another owner; dropping an idle one only costs a read of the store.
            if let Some(idle) =
                entries.iter().find(|(_, entry)| Arc::strong_count(entry) == 1).map(|(key, _)| key.clone())
            {
                entries.remove(&idle);
            }
        }
        entries.entry(symbol.clone()).or_default().clone()
    }
}
