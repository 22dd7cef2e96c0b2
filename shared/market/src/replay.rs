//! Replays history as if it happened now: another source's prices up to a day that advances.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use async_trait::async_trait;
use domain::{Day, Instrument, Symbol};

use crate::call_budget::CallBudget;
use crate::error::ProviderError;
use crate::history::History;
use crate::provider::{MarketClock, Provider};

/// The source's name in responses, so that a reader sees that a figure comes from a replay.
pub const SOURCE: &str = "replay";

/// A source whose market clock is at a past day and is advanced by the caller; later prices are hidden.
pub struct Replay {
    inner: Arc<dyn Provider>,
    /// The current day, as days since 1970.
    day: AtomicI32,
}

impl Replay {
    /// A replay of `inner` that starts at `day`.
    #[must_use]
    pub fn new(inner: Arc<dyn Provider>, day: Day) -> Self {
        Self { inner, day: AtomicI32::new(day.days_since_epoch()) }
    }

    /// The current day of the replay.
    #[must_use]
    pub fn day(&self) -> Day {
        Day::from_days_since_epoch(self.day.load(Ordering::SeqCst)).unwrap_or(Day::FIRST)
    }

    /// Advances to `day`. A market clock never goes back, so an earlier day changes nothing.
    pub fn move_to(&self, day: Day) {
        self.day.fetch_max(day.days_since_epoch(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Provider for Replay {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn clock(&self) -> MarketClock {
        MarketClock::StandsAt(self.day())
    }

    fn revision(&self, symbol: &Symbol) -> Option<String> {
        let revision = self.inner.revision(symbol)?;
        Some(format!("{revision} to {}", self.day()))
    }

    /// Errors: [`ProviderError::UnknownSymbol`], also for a symbol that was not listed yet on that day.
    async fn fetch_daily(&self, symbol: &Symbol, budget: CallBudget) -> Result<History, ProviderError> {
        let day = self.day();
        let history = self.inner.fetch_daily(symbol, budget).await?;
        let bars = history.bars.slice(0, history.bars.count_through(day));
        if bars.is_empty() {
            return Err(ProviderError::UnknownSymbol);
        }
        Ok(History { source: SOURCE, bars, ..history })
    }

    async fn list_symbols(&self) -> Vec<Symbol> {
        self.inner.list_symbols().await
    }

    async fn fetch_instrument(&self, symbol: &Symbol, budget: CallBudget) -> Result<Instrument, ProviderError> {
        self.inner.fetch_instrument(symbol, budget).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call_budget::caller;
    use crate::sample::Sample;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn prices_after_the_current_day_are_hidden() {
        let replay = Replay::new(Arc::new(Sample::new()), day("2012-05-17"));
        let ibm: Symbol = "IBM".parse().unwrap();
        let history = replay.fetch_daily(&ibm, caller()).await.unwrap();
        assert_eq!(history.bars.last().unwrap().date, day("2012-05-17"));
        let quote = replay.fetch_quote(&ibm, caller()).await.unwrap();
        assert_eq!((quote.day, quote.source), (day("2012-05-17"), "replay"));
        let facebook: Symbol = "FB".parse().unwrap();
        assert_eq!(replay.fetch_daily(&facebook, caller()).await, Err(ProviderError::UnknownSymbol));
        let before = replay.revision(&facebook);
        replay.move_to(day("2012-05-18"));
        assert_ne!(replay.revision(&facebook), before, "cached histories must be read again");
        assert_eq!(replay.fetch_daily(&facebook, caller()).await.unwrap().bars.len(), 1);
    }

    #[test]
    fn the_clock_never_goes_back() {
        let replay = Replay::new(Arc::new(Sample::new()), day("2012-05-17"));
        replay.move_to(day("2011-01-03"));
        assert_eq!(replay.clock(), MarketClock::StandsAt(day("2012-05-17")));
    }
}
