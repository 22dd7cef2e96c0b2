//! The price history of a symbol: from memory, from the store, and from the provider when stale.
//!
//! `slots.rs` has what a process remembers and who waits for whom, `lease.rs` which process asks, `fetching.rs` what a
//! provider is asked for and what becomes of its answer, `freshness.rs` whether a call could bring anything newer.

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

/// The history of a symbol. Where the provider cannot answer in time, the stored bars are served and
/// marked stale; an error is left for a symbol of which nothing is stored.
///
/// One reader asks the provider about a symbol and the others, of this process and of all others on the table, wait for
/// what it gets, none longer than its budget.
///
/// Errors: [`ServiceError::UnknownSymbol`], [`ServiceError::TooManyNewSymbols`], and the provider's.
pub async fn load(market: &MarketData, symbol: &Symbol, budget: CallBudget) -> Result<Arc<PriceSeries>, ServiceError> {
    // A call of the provider is made and paid for in a dry run too, so that its count and its bars are kept.
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
            tracing::warn!(%symbol, error = %why.error(), "serving stored bars: there are no newer ones");
            Ok(entry.remember(market.app.now(), PriceSeries { stale: true, ..old }))
        }
    }
}

/// The history of a symbol as it is at hand: of a live provider what is stored, so that a list of many symbols uses up no
/// calls; whether it is `stale` is for the reader to evaluate by its last day. Only a symbol of which nothing is stored is
/// asked for, and for a customer one whose bars are too old to trade at.
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
        && market.provider().count_calls_left().await.is_none_or(|left| left > CALLS_LEFT_BY_OLD_BARS)
}

/// The history of a symbol that is in memory or in the store, however old; no provider is asked. Bars of a source that
/// is none of the provider's are no history: an operator who changes the source wants its prices.
pub async fn find_stored(market: &MarketData, symbol: &Symbol) -> Result<Option<Arc<PriceSeries>>, ServiceError> {
    let Some(mut entry) = market.history_cache().lock(symbol, Instant::now() + STORE_WAIT).await else {
        return Ok(stored_series::find(market, symbol).await?.map(Arc::new));
    };
    if let Some(series) = entry.in_memory(market.provider(), market.app.now()) {
        return Ok(Some(series));
    }
    Ok(stored_series::find(market, symbol).await?.map(|series| entry.remember(market.app.now(), series)))
}

/// What there is of a symbol without a call: of a live provider what is stored, of files what they have.
pub async fn find_without_call(market: &MarketData, symbol: &Symbol) -> Result<Option<Arc<PriceSeries>>, ServiceError> {
    match market.provider().clock() {
        MarketClock::Live => find_stored(market, symbol).await,
        MarketClock::StandsAt(_) => load(market, symbol, market.budget_for(OnBehalfOf::Platform)).await.map(Some),
    }
}
