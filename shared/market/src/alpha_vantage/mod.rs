//! Alpha Vantage, the live source that needs an API key.
//!
//! The free plan allows one call a second and 25 a day; a paid one has more calls a minute and no daily limit. Refusals come with status 200 and can echo the API key. Most of
//! this module deals with that. The meaning of a response is decided from its body alone, by the file of its function
//! and by `refusal.rs`. The HTTP client that all providers share decides when to call.

mod commodities;
mod daily;
mod jump_cache;
mod metadata;
mod paywall;
mod quote;
mod rates;
mod refusal;
mod settings;
mod splits;
mod unlisted;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::{Currency, Instrument, Symbol};

pub use daily::read_daily;
pub use settings::{FREE_PLAN, PLAN_SETTINGS, SOURCE, Settings};

use self::daily::{KnownEvents, Plan};
use self::jump_cache::{EventLookup, JumpCache, MAX_REMEMBERED};
use self::paywall::Paywall;
use crate::api_plan::CallsLeft;
use crate::call_budget::CallBudget;
use crate::call_limits::DESCRIBED;
use crate::error::ProviderError;
use crate::events;
use crate::history::History;
use crate::http::{Client, Quota, Refusal, Request, SettingsError};
use crate::memory::{self, Memory};
use crate::note::Note;
use crate::price_unit::{Listing, PriceUnit};
use crate::provider::{MarketClock, Provider};
use crate::quote::Quote;
use crate::series::{CheckedBars, Row};
use crate::symbols::{self, Named};

/// The function for the whole history of a share, which not every plan covers.
const WHOLE_HISTORY: &str = "TIME_SERIES_DAILY_ADJUSTED";
/// The function for the rates of a currency pair. Some plans cover only its compact form.
const WHOLE_RATES: &str = "FX_DAILY";
/// Longest search text, in bytes.
const MAX_SEARCH_BYTES: usize = 200;

/// The provider.
pub struct AlphaVantage {
    client: Client,
    memory: Arc<dyn Memory>,
    spacing: Duration,
    /// Whether the plan covers whole histories.
    whole_histories: Paywall,
    /// Whether the plan covers whole histories of exchange rates.
    whole_rates: Paywall,
    jump_cache: JumpCache,
    instruments: Mutex<HashMap<Symbol, Listing>>,
}

impl AlphaVantage {
    /// Creates the provider without making a call. Results that cost a call are cached in `memory`.
    pub fn new(settings: Settings, quota: Arc<dyn Quota>, memory: Arc<dyn Memory>) -> Result<Self, SettingsError> {
        let (spacing, plan) = (settings.limits.spacing, settings.plan);
        let client = Client::new(settings.into_site(), quota)?;
        let (whole_histories, whole_rates) = (Paywall::of(WHOLE_HISTORY, plan), Paywall::of(WHOLE_RATES, plan));
        let (jump_cache, instruments) = (JumpCache::default(), Mutex::default());
        Ok(Self { client, memory, spacing, whole_histories, whole_rates, jump_cache, instruments })
    }

    /// Turns a refusal that cannot be handled here into the error that callers see.
    async fn finish<T>(&self, answer: Result<T, Refusal>) -> Result<T, ProviderError> {
        match answer {
            Ok(data) => Ok(data),
            Err(Refusal::Failed(error)) => Err(error),
            Err(Refusal::DayUsedUp) => Err(self.client.mark_day_used_up().await.into()),
            Err(Refusal::TooFast) => Err(ProviderError::RateLimited { retry_after: self.spacing }),
            Err(Refusal::Premium) => Err(ProviderError::malformed("the provider offers this on paid plans only")),
        }
    }

    async fn fetch_series(
        &self,
        symbol: &Symbol,
        unit: PriceUnit,
        call: CallBudget,
    ) -> Result<(CheckedBars, Plan), ProviderError> {
        let whole = about(WHOLE_HISTORY, symbol, &[("outputsize", "full")]);
        let asked = (symbol.clone(), unit);
        let whole = self.client.ask(&whole, &asked, call, daily::read_whole);
        if let Some(series) = self.finish(self.whole_histories.pass(&*self.memory, call.deadline, whole).await).await? {
            return Ok((series, Plan::Adjusted));
        }
        let latest = about("TIME_SERIES_DAILY", symbol, &[("outputsize", "compact")]);
        let mut rows = self.finish(self.client.ask(&latest, symbol, call, daily::read_rows).await).await?;
        let known = self.explain_jumps(symbol, &mut rows, call).await;
        for row in &mut rows {
            unit.apply(row);
        }
        Ok((daily::series(rows, Plan::Compact, known)?, Plan::Compact))
    }

    /// Fetches splits and dividends when the series jumps, once for each jump. If that fails, the series stays as it
    /// is, and its notes say what is unknown.
    async fn explain_jumps(&self, symbol: &Symbol, rows: &mut [Row], call: CallBudget) -> KnownEvents {
        let jumps = splits::jumps(rows);
        if jumps.is_empty() {
            return KnownEvents::default();
        }
        let newest = rows.iter().map(|row| row.date).max();
        let mut about = self.jump_cache.recall(&*self.memory, symbol, &jumps).await;
        let asks = matches!(about.splits, EventLookup::Nothing) || matches!(about.dividends, EventLookup::Nothing);
        if matches!(about.splits, EventLookup::Nothing) {
            (about.splits, about.through) = (self.fetch_events("SPLITS", symbol, call).await, newest);
        }
        if matches!(about.dividends, EventLookup::Nothing) {
            (about.dividends, about.through) = (self.fetch_events("DIVIDENDS", symbol, call).await, newest);
        }
        about.days = jumps;
        let mut known = KnownEvents::default();
        if let Some(events) = about.splits.events() {
            events::apply_splits(rows, events);
            // A later split would be another jump, which has not been looked up.
            known.splits = true;
        }
        if let Some(events) = about.dividends.events() {
            events::apply_dividends(rows, events);
            known.dividends = about.through == newest;
        }
        if asks {
            self.jump_cache.learn(&*self.memory, symbol, about).await;
        } else {
            self.jump_cache.remember(symbol, about);
        }
        known
    }

    async fn fetch_events(&self, function: &'static str, symbol: &Symbol, call: CallBudget) -> EventLookup {
        match self.client.ask(&about(function, symbol, &[]), symbol, call, splits::read).await {
            Ok(events) => EventLookup::Events(events),
            Err(Refusal::Premium) => EventLookup::Refused,
            Err(_) => EventLookup::Nothing,
        }
    }

    /// The unit of a symbol's prices. Shares listed in the United States have no suffix, or one letter for their class;
    /// other symbols are looked up once.
    async fn look_up_price_unit(&self, symbol: &Symbol, call: CallBudget) -> Result<PriceUnit, ProviderError> {
        if let Some(listing) = self.remembered(symbol) {
            return Ok(listing.unit());
        }
        match symbol.as_str().split_once('.') {
            Some((_, suffix)) if suffix.len() > 1 => Ok(self.look_up(symbol, call).await?.unit()),
            _ => Ok(PriceUnit::of(Currency::USD)),
        }
    }

    async fn look_up(&self, symbol: &Symbol, call: CallBudget) -> Result<Listing, ProviderError> {
        let name = format!("INSTRUMENT#{symbol}");
        if let Some(known) = memory::recall(&*self.memory, &name).await {
            return Ok(self.remember(known));
        }
        let search = query("SYMBOL_SEARCH", symbol.to_string(), &[("keywords", symbol.as_str())]);
        let found = self.finish(self.client.ask(&search, symbol, call, metadata::read_search).await).await?;
        memory::remember(&*self.memory, &name, &found, DESCRIBED).await;
        Ok(self.remember(found))
    }

    fn remembered(&self, symbol: &Symbol) -> Option<Listing> {
        self.instruments.lock().unwrap_or_else(PoisonError::into_inner).get(symbol).cloned()
    }

    fn remember(&self, listing: Listing) -> Listing {
        let mut instruments = self.instruments.lock().unwrap_or_else(PoisonError::into_inner);
        if instruments.len() < MAX_REMEMBERED {
            instruments.insert(listing.instrument.symbol.clone(), listing.clone());
        }
        listing
    }
}

#[async_trait]
impl Provider for AlphaVantage {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    async fn fetch_daily(&self, symbol: &Symbol, budget: CallBudget) -> Result<History, ProviderError> {
        let named = named(symbol)?;
        let call = budget.for_one_answer();
        if named != Named::Listed {
            return self.fetch_unlisted_history(&named, call).await;
        }
        let unit = self.look_up_price_unit(symbol, call).await?;
        let (CheckedBars { bars, basis, mut notes, held_back }, plan) = self.fetch_series(symbol, unit, call).await?;
        if plan == Plan::Compact {
            notes.push(Note::CompactHistory);
        }
        Ok(History { source: SOURCE, bars, basis, currency: unit.currency, notes, held_back })
    }

    async fn fetch_quote(&self, symbol: &Symbol, budget: CallBudget) -> Result<Quote, ProviderError> {
        let named = named(symbol)?;
        let call = budget.for_one_answer();
        if named != Named::Listed {
            return self.fetch_unlisted_quote(symbol, &named, call).await;
        }
        let unit = self.look_up_price_unit(symbol, call).await?;
        let ask = about("GLOBAL_QUOTE", symbol, &[]);
        let last = self.finish(self.client.ask(&ask, symbol, call, quote::read).await).await?;
        Ok(Quote {
            symbol: symbol.clone(),
            price: unit.price(last.price).map_err(ProviderError::of_price)?,
            previous_close: last.previous_close.and_then(|price| unit.price(price).ok()),
            currency: unit.currency,
            day: last.trading_day,
            as_of: None,
            source: SOURCE,
        })
    }

    /// First the matches that need no call (commodities by unit, coins and currencies), then those of the provider.
    async fn search(&self, text: &str, budget: CallBudget) -> Result<Vec<Instrument>, ProviderError> {
        let text = text.trim().to_owned();
        if text.is_empty() || text.len() > MAX_SEARCH_BYTES {
            return Ok(Vec::new());
        }
        let mut found = symbols::mentioning(&text);
        let search = query("SYMBOL_SEARCH", String::new(), &[("keywords", &text)]);
        let call = budget.for_one_answer();
        // Matches found without a call are not a result: the next source may have one.
        let matches = self.finish(self.client.ask(&search, &text, call, metadata::read_matches).await).await?;
        found.extend(matches.into_iter().map(|listing| self.remember(listing).instrument));
        Ok(found)
    }

    async fn read_calls_left(&self) -> Option<CallsLeft> {
        self.client.read_calls_left().await
    }

    async fn find_wait_for_calls(&self) -> Option<Duration> {
        self.client.find_wait_for_calls().await
    }

    async fn fetch_instrument(&self, symbol: &Symbol, budget: CallBudget) -> Result<Instrument, ProviderError> {
        let named = named(symbol)?;
        let described = symbols::instrument(symbol, &named);
        let certain = described.clone().filter(|_| symbols::is_certain(&named));
        if let Some(instrument) = certain.or_else(|| Some(self.remembered(symbol)?.instrument)) {
            return Ok(instrument);
        }
        let call = budget.for_one_answer();
        if let Some(instrument) = described {
            // A coin exists if it has a price.
            self.fetch_unlisted_quote(symbol, &named, call).await?;
            return Ok(self.remember(instrument.into()).instrument);
        }
        let overview = about("OVERVIEW", symbol, &[]);
        match self.finish(self.client.ask(&overview, symbol, call, metadata::read_overview).await).await? {
            Some(listing) => Ok(self.remember(listing).instrument),
            None => Ok(self.look_up(symbol, call).await?.instrument),
        }
    }
}

/// What the symbol names, if this provider can price it: it has no custom instruments, indices or futures.
fn named(symbol: &Symbol) -> Result<Named, ProviderError> {
    let is_elsewhere = symbol.is_custom() || symbol.as_str().contains('^') || symbol.as_str().ends_with("=F");
    symbols::named(symbol).filter(|_| !is_elsewhere).ok_or(ProviderError::UnknownSymbol)
}

/// A request about a symbol, in the form that most functions take.
fn about(function: &'static str, symbol: &Symbol, options: &[(&'static str, &str)]) -> Request {
    let mut request = query(function, symbol.to_string(), &[("symbol", symbol.as_str())]);
    request.pairs.extend(options.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())));
    request
}

/// A request to a function; `about` names its subject in log lines.
fn query(function: &'static str, about: String, parameters: &[(&'static str, &str)]) -> Request {
    let parameters = parameters.iter().map(|(name, value)| ((*name).into(), (*value).to_owned()));
    let pairs = [("function".into(), function.to_owned())].into_iter().chain(parameters).collect();
    Request { function, about, path: vec!["query".to_owned()], pairs }
}
