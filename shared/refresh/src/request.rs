//! Asking for one symbol, within the calls and the time that a run has.

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

/// What a run has for each symbol.
#[derive(Clone, Copy)]
pub(super) struct RunLimits {
    pub(super) work: Work,
    /// Calls that it leaves to others.
    pub(super) reserve: usize,
    /// When it begins nothing any more.
    pub(super) until: Instant,
}

/// What became of one symbol.
pub(super) enum RequestOutcome {
    Newer(Box<LastQuote>),
    Current,
    Failed,
    /// It was asked for, and no source that may have it had a call left.
    Postponed,
    /// It was not asked for, and is before the others in the next slot.
    Waits,
}

/// Asks for one symbol, unless there is no call for it.
///
/// What comes of one says nothing of the others: of several sources one may be out of calls, and another have them all.
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

/// Whether there is a call, while the run has time.
///
/// For bars it is waited for: those of the evening before leave the count one after the other, each a day after it was
/// made, and a source that fails is left alone for a minute. The next evening is a day away, the next quote a quarter of
/// an hour. One that finds out the plan on the way takes a second call, so that the last one is taken only where no other
/// comes in time.
async fn has_call(market: &MarketData, limits: RunLimits) -> bool {
    loop {
        let left = limits.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        let Some(calls) = market.provider().count_calls_left().await else { return true };
        if limits.work != Work::Bars || calls > limits.reserve.saturating_add(CALLS_FOR_THE_PLAN) {
            return calls > limits.reserve;
        }
        match market.provider().find_wait_for_calls().await {
            Some(wait) if wait < left => sleep(wait.clamp(SHORTEST_SLEEP, LONGEST_SLEEP)).await,
            _ => return calls > limits.reserve,
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

/// One call brings the bars and, of the last of them, the quote.
async fn fetch_bars(market: &MarketData, symbol: &Symbol) -> Result<Option<LastQuote>, ServiceError> {
    let series = history::load(market, symbol, market.budget_for(OnBehalfOf::Schedule)).await?;
    if series.stale {
        return Err(ServiceError::PriceUnavailable { symbol: symbol.clone(), last: series.last });
    }
    quote_store::record_close(market, &series).await
}
