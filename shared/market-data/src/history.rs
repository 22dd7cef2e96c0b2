//! The price history of a symbol: from memory, from the store, and from the provider when stale.
//!
//! `history_cache.rs` has what a process remembers and which requests wait, `lease.rs` decides which process calls the
//! provider, `fetching.rs` makes the call and handles its result, and `freshness.rs` decides whether a call could bring
//! anything newer.

mod fetching;
mod merge_history;

use std::sync::Arc;

use app::ServiceError;
use domain::Symbol;
use market::call_limits::{CALLS_LEFT_BY_OLD_BARS, STORE_WAIT};
use market::{CallBudget, MarketClock, NoAnswer, OnBehalfOf, ProviderError};
use tokio::time::Instant;

use crate::freshness::is_current;
use crate::history::fetching::Fetched;
use crate::lease::Requested;
use crate::market_clock::{self, MAX_AGE_DAYS};
use crate::market_data::MarketData;
use crate::series::PriceSeries;
use crate::stored_series::{self, refusal};

/// The history of a symbol. If the provider cannot answer in time, the stored bars are returned and marked stale. It is
/// an error only if nothing is stored.
///
/// One reader calls the provider for a symbol. The others, in this process and in all others on the table, wait for its
/// result, each no longer than its budget allows.
///
/// Errors: [`ServiceError::UnknownSymbol`], [`ServiceError::TooManyNewSymbols`], and the provider's.
pub async fn load(market: &MarketData, symbol: &Symbol, budget: CallBudget) -> Result<Arc<PriceSeries>, ServiceError> {
    // A dry run makes and pays for calls too, so their count and their bars are stored.
    let market = &market.writing();
    let Some(mut entry) = market.history_cache().lock(symbol, budget.deadline).await else {
        let stored = stored_series::find(market, symbol).await?.ok_or(ProviderError::TimedOut)?;
        return Ok(Arc::new(PriceSeries {
            stale: !is_current(market.provider(), market.app.now(), &stored),
            ..stored
        }));
    };
    if let Some(series) = entry.current(market.provider(), market.app.now()) {
        return Ok(series);
    }
    let stored = match stored_series::find(market, symbol).await? {
        Some(series) if is_current(market.provider(), market.app.now(), &series) => {
            return Ok(entry.remember(market.app.now(), series));
        }
        stored => stored,
    };
    let fetched = match entry.recent_failure(market.app.now(), Requested::Bars) {
        Some(error) => Fetched::Missing { why: NoAnswer::NotAsked(error), stored },
        None => fetching::fetch_once(market, symbol, budget, stored).await?,
    };
    match fetched {
        Fetched::Fresh(series) => Ok(entry.remember(market.app.now(), series)),
        Fetched::Missing { why, stored } => {
            entry.record_failure(market.app.now(), Requested::Bars, &why);
            let old = stored.ok_or_else(|| refusal(symbol, why.error().clone()))?;
            tracing::warn!(%symbol, error = %why.error(), "serving stored bars: newer ones are not available");
            Ok(entry.remember(market.app.now(), PriceSeries { stale: true, ..old }))
        }
    }
}

/// The available history of a symbol. With a live provider that is the stored one, so that a list of many symbols uses
/// no calls; the reader decides by its last day whether it is `stale`. The provider is called only if nothing is
/// stored, or, for a customer, if the bars are too old to trade at.
pub async fn load_available(
    market: &MarketData,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<Arc<PriceSeries>, ServiceError> {
    if market.provider().clock() == MarketClock::Live
        && let Some(series) = find_stored(market, symbol).await?
    {
        if !is_worth_a_call(market, &series, budget).await {
            return Ok(series);
        }
        return load(market, symbol, budget.reserving(CALLS_LEFT_BY_OLD_BARS)).await;
    }
    load(market, symbol, budget).await
}

/// Whether bars are too old to trade at, and a call that may bring newer ones can be spared.
async fn is_worth_a_call(market: &MarketData, series: &PriceSeries, budget: CallBudget) -> bool {
    let is_old = market_clock::market_day(market).days_since(series.last) > MAX_AGE_DAYS;
    let may_ask = matches!(budget.on_behalf_of, OnBehalfOf::Customer(_)) && budget.allows_a_call();
    is_old
        && may_ask
        && !is_current(market.provider(), market.app.now(), series)
        && market.provider().read_calls_left().await.is_none_or(|left| left.allows(CALLS_LEFT_BY_OLD_BARS, 0))
}

/// The history of a symbol from memory or from the store, however old; no provider is called. Bars of another source do
/// not count: an operator who changes the source wants its prices.
pub async fn find_stored(market: &MarketData, symbol: &Symbol) -> Result<Option<Arc<PriceSeries>>, ServiceError> {
    let Some(mut entry) = market.history_cache().lock(symbol, Instant::now() + STORE_WAIT).await else {
        return Ok(stored_series::find(market, symbol).await?.map(Arc::new));
    };
    if let Some(series) = entry.in_memory(market.provider(), market.app.now()) {
        return Ok(Some(series));
    }
    Ok(stored_series::find(market, symbol).await?.map(|series| entry.remember(market.app.now(), series)))
}

/// The history of a symbol without a call: the stored one with a live provider, the whole file with files.
pub async fn find_without_call(market: &MarketData, symbol: &Symbol) -> Result<Option<Arc<PriceSeries>>, ServiceError> {
    match market.provider().clock() {
        MarketClock::Live => find_stored(market, symbol).await,
        MarketClock::StandsAt(_) => load(market, symbol, market.budget_for(OnBehalfOf::Platform)).await.map(Some),
    }
}
