//! A live provider that accepts every call and never answers.

use std::sync::Mutex;

use async_trait::async_trait;
use domain::{Instrument, Symbol};
use market::{CallBudget, CallsLeft, History, MarketClock, Provider, ProviderError, Quote};
use tokio::time::Instant;

/// Accepts every call and never answers.
pub struct SilentProvider {
    /// The name that it goes by.
    pub source: &'static str,
    /// Calls that it reports as left.
    pub left: Option<usize>,
    /// The deadline of each call.
    calls: Mutex<Vec<Instant>>,
}

impl Default for SilentProvider {
    fn default() -> Self {
        Self { source: "exchange", left: None, calls: Mutex::default() }
    }
}

impl SilentProvider {
    /// A provider that reports this many calls as left.
    #[must_use]
    pub fn with_calls_left(left: Option<usize>) -> Self {
        Self { left, ..Self::default() }
    }

    /// A provider of this name.
    #[must_use]
    pub fn named(source: &'static str) -> Self {
        Self { source, ..Self::default() }
    }

    /// The deadline of each call since the last time.
    pub fn calls(&self) -> Vec<Instant> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    async fn record_call<T>(&self, budget: CallBudget) -> T {
        self.calls.lock().unwrap().push(Instant::now() + budget.time_for_an_answer());
        std::future::pending().await
    }
}

#[async_trait]
impl Provider for SilentProvider {
    fn source(&self) -> &'static str {
        self.source
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    async fn fetch_daily(&self, _symbol: &Symbol, budget: CallBudget) -> Result<History, ProviderError> {
        self.record_call(budget).await
    }

    async fn fetch_quote(&self, _symbol: &Symbol, budget: CallBudget) -> Result<Quote, ProviderError> {
        self.record_call(budget).await
    }

    async fn search(&self, _text: &str, budget: CallBudget) -> Result<Vec<Instrument>, ProviderError> {
        self.record_call(budget).await
    }

    async fn read_calls_left(&self) -> Option<CallsLeft> {
        self.left.map(CallsLeft::of_a_day)
    }

    async fn fetch_instrument(&self, _symbol: &Symbol, budget: CallBudget) -> Result<Instrument, ProviderError> {
        self.record_call(budget).await
    }
}
