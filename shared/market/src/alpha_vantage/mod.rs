//! Alpha Vantage: the live source, for those who have a key.
//!
//! One call a second and 25 a day on the free plan, answers with status 200 that are refusals, and the
//! caller's key echoed in them: most of this module is about that. What an answer means is decided from
//! its body alone, by the file of its function and by `refusal.rs`; when to call, by `client.rs`.

mod budget;
mod client;
mod daily;
mod metadata;
mod number;
mod quote;
mod refusal;
mod settings;
mod splits;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::{Currency, Instrument, Symbol};
use tokio::time::Instant;

pub use budget::{Budget, Clock, FREE_CALLS_A_DAY, QuotaExhausted, SlidingDay};
pub use daily::read_daily;
pub use settings::{Limits, Settings, SettingsError};

use self::client::{Client, Query};
use self::daily::Plan;
use self::refusal::Refusal;
use crate::error::ProviderError;
use crate::history::{History, Note};
use crate::provider::{MarketClock, Patience, Provider};
use crate::quote::Quote;
use crate::series::{Row, Series};

/// The source's name in answers, and that of its budget.
pub const SOURCE: &str = "alpha_vantage";
/// Instruments kept in memory, so that a currency is asked for once.
const MAX_REMEMBERED: usize = 10_000;

/// The provider.
pub struct AlphaVantage {
    client: Client,
    /// Set once the whole history has been refused as premium: asking again would waste a call a time.
    free_plan: AtomicBool,
    instruments: Mutex<HashMap<Symbol, Instrument>>,
}

impl AlphaVantage {
    /// Sets the provider up; makes no call.
    pub fn new(settings: Settings, budget: Arc<dyn Budget>) -> Result<Self, SettingsError> {
        let client = Client::new(settings, budget)?;
        Ok(Self { client, free_plan: AtomicBool::new(false), instruments: Mutex::default() })
    }

    /// A refusal that nothing further can be made of, as the error that callers see.
    async fn finish<T>(&self, answer: Result<T, Refusal>) -> Result<T, ProviderError> {
        match answer {
            Ok(data) => Ok(data),
            Err(Refusal::Failed(error)) => Err(error),
            Err(Refusal::DayUsedUp) => Err(self.client.day_used_up().await.into()),
            Err(Refusal::TooFast) => Err(ProviderError::RateLimited { retry_after: self.client.spacing() }),
            Err(Refusal::Premium) => Err(ProviderError::malformed("the provider offers this to paying customers only")),
        }
    }

    async fn series(&self, symbol: &Symbol, deadline: Instant) -> Result<(Series, Plan), ProviderError> {
        if !self.free_plan.load(Ordering::Relaxed) {
            let query = Query::new("TIME_SERIES_DAILY_ADJUSTED", symbol).with("outputsize", "full");
            match self.client.ask(query, deadline, daily::read_whole).await {
                Err(Refusal::Premium) => self.free_plan.store(true, Ordering::Relaxed),
                answer => return Ok((self.finish(answer).await?, Plan::Adjusted)),
            }
        }
        let query = Query::new("TIME_SERIES_DAILY", symbol).with("outputsize", "compact");
        let mut rows = self.finish(self.client.ask(query, deadline, daily::read_rows).await).await?;
        let known = self.explain_jumps(symbol, &mut rows, deadline).await;
        Ok((daily::series(rows, Plan::Compact, known)?, Plan::Compact))
    }

    /// Asks for splits and dividends when the series jumps. Without an answer the series stands as it is,
    /// and its notes say what is not known.
    async fn explain_jumps(&self, symbol: &Symbol, rows: &mut [Row], deadline: Instant) -> Known {
        let mut known = Known::default();
        if splits::jumps(rows) {
            if let Ok(events) = self.client.ask(Query::new("SPLITS", symbol), deadline, splits::read).await {
                splits::apply_splits(rows, &events);
                known.splits = true;
            }
            if let Ok(events) = self.client.ask(Query::new("DIVIDENDS", symbol), deadline, splits::read).await {
                splits::apply_dividends(rows, &events);
                known.dividends = true;
            }
        }
        known
    }

    /// Currency of a symbol's prices. Shares listed in the United States have no suffix, or one letter for
    /// their class; others are looked up once.
    async fn currency(&self, symbol: &Symbol, deadline: Instant) -> Result<Currency, ProviderError> {
        if let Some(instrument) = self.remembered(symbol) {
            return Ok(instrument.currency);
        }
        match symbol.as_str().split_once('.') {
            Some((_, suffix)) if suffix.len() > 1 => Ok(self.search(symbol, deadline).await?.currency),
            _ => Ok(Currency::USD),
        }
    }

    async fn search(&self, symbol: &Symbol, deadline: Instant) -> Result<Instrument, ProviderError> {
        let query = Query::keywords("SYMBOL_SEARCH", symbol);
        let found = self.finish(self.client.ask(query, deadline, metadata::read_search).await).await?;
        Ok(self.remember(found))
    }

    fn remembered(&self, symbol: &Symbol) -> Option<Instrument> {
        self.instruments.lock().unwrap_or_else(PoisonError::into_inner).get(symbol).cloned()
    }

    fn remember(&self, instrument: Instrument) -> Instrument {
        let mut instruments = self.instruments.lock().unwrap_or_else(PoisonError::into_inner);
        if instruments.len() < MAX_REMEMBERED {
            instruments.insert(instrument.symbol.clone(), instrument.clone());
        }
        instrument
    }
}

/// Which events were asked for beside a series that has none.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    splits: bool,
    dividends: bool,
}

#[async_trait]
impl Provider for AlphaVantage {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    fn revision(&self, _symbol: &Symbol) -> Option<String> {
        None
    }

    async fn daily(&self, symbol: &Symbol, patience: Patience) -> Result<History, ProviderError> {
        own_items_are_unknown(symbol)?;
        let deadline = self.client.deadline(patience);
        let currency = self.currency(symbol, deadline).await?;
        let (Series { bars, basis, mut notes }, plan) = self.series(symbol, deadline).await?;
        if plan == Plan::Compact {
            notes.push(Note::CompactHistory);
        }
        Ok(History { source: SOURCE, bars, basis, currency, notes })
    }

    async fn quote(&self, symbol: &Symbol, patience: Patience) -> Result<Quote, ProviderError> {
        own_items_are_unknown(symbol)?;
        let deadline = self.client.deadline(patience);
        let currency = self.currency(symbol, deadline).await?;
        let last =
            self.finish(self.client.ask(Query::new("GLOBAL_QUOTE", symbol), deadline, quote::read).await).await?;
        Ok(Quote {
            symbol: symbol.clone(),
            price: last.price,
            previous_close: last.previous_close,
            currency,
            day: last.trading_day,
            as_of: None,
            source: SOURCE,
        })
    }

    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, ProviderError> {
        own_items_are_unknown(symbol)?;
        if let Some(instrument) = self.remembered(symbol) {
            return Ok(instrument);
        }
        let deadline = self.client.deadline(Patience::Caller);
        let query = Query::new("OVERVIEW", symbol);
        match self.finish(self.client.ask(query, deadline, metadata::read_overview).await).await? {
            Some(instrument) => Ok(self.remember(instrument)),
            None => self.search(symbol, deadline).await,
        }
    }
}

/// An item of one's own is nobody else's business.
fn own_items_are_unknown(symbol: &Symbol) -> Result<(), ProviderError> {
    if symbol.is_own_item() { Err(ProviderError::UnknownSymbol) } else { Ok(()) }
}
