//! The application together with its source of market data.

use std::sync::Arc;

use app::{App, Platform};
use domain::Day;
use market::call_limits::FILES_WAIT;
use market::{CallBudget, MarketClock, OnBehalfOf, Provider};
use tokio::time::Instant;

use crate::history_cache::HistoryCache;
use crate::series::PriceSeries;

/// The application, the source of prices, and the histories that this process has read. Cloning shares them.
#[derive(Clone)]
pub struct MarketData {
    /// What every use case needs.
    pub app: App,
    provider: Arc<dyn Provider>,
    history_cache: Arc<HistoryCache>,
    /// The day at whose close everything is seen, if it is not the present.
    as_of: Option<Day>,
}

impl MarketData {
    /// An application whose prices come from `provider`.
    #[must_use]
    pub fn new(app: App, provider: Arc<dyn Provider>) -> Self {
        Self { app, provider, history_cache: Arc::default(), as_of: None }
    }

    /// The same with a store that is written to, even in a dry run.
    #[must_use]
    pub fn writing(&self) -> Self {
        Self { app: self.app.writing(), ..self.clone() }
    }

    /// The same as a function may use it: [`App::restricted_to`].
    #[must_use]
    pub fn restricted_to(&self, function: &str) -> Self {
        Self { app: self.app.restricted_to(function), ..self.clone() }
    }

    /// The source of prices.
    #[must_use]
    pub fn provider(&self) -> &dyn Provider {
        &*self.provider
    }

    /// The same as it was at the close of a day: the clock stands there, and later prices and rates do not exist yet.
    /// Quotes, which are of the present, do not exist either.
    #[must_use]
    pub fn at_close_of(&self, day: Day) -> Self {
        Self { as_of: Some(day), ..self.clone() }
    }

    /// The same at the present, for reading what is stored.
    pub(crate) fn at_present(&self) -> Self {
        Self { as_of: None, ..self.clone() }
    }

    /// The clock that prices and staleness go by: the provider's, or that of [`MarketData::at_close_of`].
    #[must_use]
    pub fn clock(&self) -> MarketClock {
        self.as_of.map_or_else(|| self.provider.clock(), MarketClock::StandsAt)
    }

    /// Whether everything is seen at the close of a day, and not at the present.
    #[must_use]
    pub fn is_in_the_past(&self) -> bool {
        self.as_of.is_some()
    }

    /// A history up to the day at whose close everything is seen; none if it begins later.
    pub(crate) fn seen(&self, series: Arc<PriceSeries>) -> Option<Arc<PriceSeries>> {
        match self.as_of {
            None => Some(series),
            Some(day) => series.through(day).map(Arc::new),
        }
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
