//! The application together with its source of market data.

use std::sync::Arc;

use app::{App, Platform};
use market::call_limits::FILES_WAIT;
use market::{CallBudget, MarketClock, OnBehalfOf, Provider};
use tokio::time::Instant;

use crate::history_cache::HistoryCache;

/// The application, the source of prices, and the histories that this process has read. Cloning shares them.
#[derive(Clone)]
pub struct MarketData {
    /// What every use case needs.
    pub app: App,
    provider: Arc<dyn Provider>,
    history_cache: Arc<HistoryCache>,
}

impl MarketData {
    /// An application whose prices come from `provider`.
    #[must_use]
    pub fn new(app: App, provider: Arc<dyn Provider>) -> Self {
        Self { app, provider, history_cache: Arc::default() }
    }

    /// The same with a store that is written to, even in a dry run.
    #[must_use]
    pub fn writing(&self) -> Self {
        Self { app: self.app.writing(), ..self.clone() }
    }

    /// The source of prices.
    #[must_use]
    pub fn provider(&self) -> &dyn Provider {
        &*self.provider
    }

    /// The call budget of a request that begins now. Files are always available: for them it waits as long as reading
    /// takes.
    #[must_use]
    pub fn budget_for(&self, on_behalf_of: impl Into<OnBehalfOf>) -> CallBudget {
        let budget = CallBudget::of(on_behalf_of);
        match self.provider.clock() {
            MarketClock::Live => budget,
            MarketClock::StandsAt(_) => CallBudget { deadline: Instant::now() + FILES_WAIT, ..budget },
        }
    }

    pub(crate) fn history_cache(&self) -> &HistoryCache {
        &self.history_cache
    }
}

impl Platform for MarketData {
    fn app(&self) -> &App {
        &self.app
    }

    /// Bars that a request fetches, and the count of the calls that they cost, are stored even in a dry run.
    fn dry_run(&self) -> Self {
        Self { app: self.app.dry_run(), ..self.clone() }
    }
}
