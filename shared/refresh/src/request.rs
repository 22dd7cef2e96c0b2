//! Requests one symbol, within the calls and the time of a run.

use app::error::ServiceError;
use domain::Symbol;
use market::call_limits::{CALLS_FOR_THE_PLAN, LONGEST_SLEEP, SHORTEST_SLEEP};
use market::{NoAnswer, OnBehalfOf, ProviderError};
use market_data::quote_record::LastQuote;
use market_data::quote_store::{self, Origin};
use market_data::stored_series::remember_unknown;
use market_data::{MarketData, history};
use tokio::time::{Instant, sleep};

use super::budget::Work;
use super::tracked::TrackedSymbol;

/// The limits of a run for each symbol.
#[derive(Clone, Copy)]
pub(super) struct RunLimits {
    pub(super) work: Work,
    /// Calls that it reserves.
    pub(super) reserve: usize,
    /// Symbols that it requests concurrently.
    pub(super) at_once: usize,
    /// When it starts nothing new.
    pub(super) until: Instant,
}

/// The result of a request for one symbol.
pub(super) enum RequestOutcome {
    Newer(Box<LastQuote>),
    Current,
    Failed,
    /// It was requested, but no source that may have it had a call left.
    Postponed,
    /// It was not requested, and comes before the others in the next slot.
    Waits,
}

/// Requests one symbol, if a call is left for it.
///
/// The result of one symbol says nothing about the others: one of several sources may be out of calls while another has
/// all of them.
pub(super) async fn request<'a>(
    market: &MarketData,
    one: &'a TrackedSymbol,
    limits: RunLimits,
) -> (&'a Symbol, RequestOutcome) {
    let symbol = &one.symbol;
    if !has_call(market, limits).await {
        return (symbol, RequestOutcome::Waits);
    }
    let answer = match limits.work {
        Work::Quotes { .. } => fetch_quote(market, symbol, limits.reserve).await,
        Work::Bars => fetch_bars(market, symbol).await,
        Work::Rest => Ok(None),
    };
    let outcome = match answer {
        Ok(Some(quote)) => RequestOutcome::Newer(Box::new(quote)),
        Ok(None) => RequestOutcome::Current,
        Err(ServiceError::Provider(ProviderError::QuotaExhausted { .. })) => RequestOutcome::Postponed,
        Err(error) => {
            tracing::warn!(%symbol, %error, "not refreshed");
            RequestOutcome::Failed
        }
    };
    (symbol, outcome)
}

/// Whether a call is left, within the time of the run.
///
/// For bars the run waits for a call. Those of the evening before stop counting one after the other, each a day after
/// it was made, and the circuit breaker of a failing source closes after a minute. For quotes it waits for the calls of
/// the next minute, but not for those of the day, because the next slot is a quarter of an hour away, and the next
/// evening a day. A request that finds out the plan takes a second call, so the last call is used only if no other comes
/// in time.
async fn has_call(market: &MarketData, limits: RunLimits) -> bool {
    loop {
        let left = limits.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        let Some(calls) = market.provider().read_calls_left().await else { return true };
        // The other requests of this run may be about to take their calls.
        let others = limits.at_once.saturating_sub(1);
        let is_for_bars = limits.work == Work::Bars;
        let spare = if is_for_bars { limits.reserve.saturating_add(CALLS_FOR_THE_PLAN) } else { limits.reserve };
        if calls.allows(spare, others) {
            return true;
        }
        if !is_for_bars && !calls.allows_today(limits.reserve) {
            return false;
        }
        match market.provider().find_wait_for_calls().await {
            Some(wait) if wait < left => sleep(wait.clamp(SHORTEST_SLEEP, LONGEST_SLEEP)).await,
            _ => return calls.allows(limits.reserve, others),
        }
    }
}

async fn fetch_quote(market: &MarketData, symbol: &Symbol, reserve: usize) -> Result<Option<LastQuote>, ServiceError> {
    let budget = market.budget_for(OnBehalfOf::Schedule).reserving(reserve);
    match budget.ask(market.provider().fetch_quote(symbol, budget)).await {
        Ok(quote) => quote_store::record(market, &quote, Origin::Market).await,
        Err(NoAnswer::Failed(error) | NoAnswer::NotAsked(error)) => {
            if error == ProviderError::UnknownSymbol {
                remember_unknown(&market.app, symbol).await?;
            }
            Err(error.into())
        }
    }
}

/// One call brings the bars; the last of them becomes the quote.
async fn fetch_bars(market: &MarketData, symbol: &Symbol) -> Result<Option<LastQuote>, ServiceError> {
    let series = history::load(market, symbol, market.budget_for(OnBehalfOf::Schedule)).await?;
    if series.stale {
        return Err(ServiceError::PriceUnavailable { symbol: symbol.clone(), last: series.last });
    }
    quote_store::record_close(market, &series).await
}
