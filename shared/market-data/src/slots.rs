//! The histories of a process, one slot a symbol, so that many readers make one fetch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::Symbol;
use market::call_limits::IN_MEMORY;
use market::{NoAnswer, Provider, ProviderError};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

use crate::freshness::is_current;
use crate::lease::Wanted;
use crate::quote_record::LastQuote;
use crate::series::Series;

/// Histories kept in memory, enough for a large portfolio; one of thirteen years is about 240 KB, so that all together
/// stay below 80 MB.
const MAX_IN_MEMORY: usize = 320;

/// The histories of a process.
#[derive(Default)]
pub struct Histories {
    slots: Mutex<HashMap<Symbol, Arc<Mutex<Slot>>>>,
}

/// What is known of one symbol. Its holder is the only one of the process to ask the provider about the symbol.
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

impl Slot {
    /// The failure of a moment ago to get what is wanted.
    pub(crate) fn resting(&self, now: DateTime<Utc>, wanted: Wanted) -> Option<ProviderError> {
        let failure = self.failures.get(&wanted).filter(|failure| now < failure.until)?;
        Some(failure.error.clone())
    }

    /// Has the provider left alone for a moment, if it was asked.
    pub(crate) fn failed(&mut self, now: DateTime<Utc>, wanted: Wanted, why: &NoAnswer) {
        if let NoAnswer::Failed(error) = why {
            let failure = Failure { until: now + error.rest(), error: error.clone() };
            self.failures.insert(wanted, failure);
        }
    }

    /// A quote that another request of this process asked for just now.
    pub(crate) fn asked_quote(&self, provider: &dyn Provider, now: DateTime<Utc>) -> Option<LastQuote> {
        let quote = self.quote.as_ref().filter(|quote| provider.gives(&quote.source));
        quote.filter(|quote| now - quote.fetched_at < IN_MEMORY).cloned()
    }

    /// Has those who wait for their turn take this quote.
    pub(crate) fn remember_quote(&mut self, quote: &LastQuote) {
        self.failures.remove(&Wanted::Quote);
        self.quote = Some(quote.clone());
    }

    /// What memory can answer with, without a look at the store or the provider.
    pub(crate) fn current(&self, provider: &dyn Provider, now: DateTime<Utc>) -> Option<Arc<Series>> {
        let series = self.believed(provider, now)?;
        let is_all_there_is = series.stale && self.resting(now, Wanted::Bars).is_some();
        (is_all_there_is || is_current(provider, now, &series)).then_some(series)
    }

    /// What memory has, however old its bars are, as long as the store is not to be asked again.
    pub(crate) fn believed(&self, provider: &dyn Provider, now: DateTime<Utc>) -> Option<Arc<Series>> {
        let series = self.series.as_ref().filter(|series| provider.gives(&series.source));
        series.filter(|_| self.is_believed(now)).cloned()
    }

    fn is_believed(&self, now: DateTime<Utc>) -> bool {
        self.checked_at.is_some_and(|at| now - at < IN_MEMORY)
    }

    /// Remembers what was read or fetched just now.
    pub(crate) fn remember(&mut self, now: DateTime<Utc>, series: Series) -> Arc<Series> {
        let series = Arc::new(series);
        if !series.stale {
            self.failures.remove(&Wanted::Bars);
        }
        self.series = Some(series.clone());
        self.checked_at = Some(now);
        series
    }
}

impl Histories {
    /// The slot of a symbol once no other request is at it; none where that is not before the deadline.
    pub(crate) async fn lock(&self, symbol: &Symbol, deadline: Instant) -> Option<OwnedMutexGuard<Slot>> {
        let slot = self.find_or_create(symbol).await;
        timeout_at(deadline, slot.lock_owned()).await.ok()
    }

    async fn find_or_create(&self, symbol: &Symbol) -> Arc<Mutex<Slot>> {
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
