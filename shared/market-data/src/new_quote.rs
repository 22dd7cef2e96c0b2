//! Requests the quote of a symbol of which nothing is stored, while a client waits.

use app::ServiceError;
use domain::Symbol;
use market::{CallBudget, NoAnswer, ProviderError};

use crate::lease::{self, LeaseAttempt, Requested};
use crate::market_data::MarketData;
use crate::new_symbol_lookups;
use crate::newest::is_usable;
use crate::quote_record::LastQuote;
use crate::quote_store::{self, Origin};
use crate::stored_series::{is_unknown, refusal, remember_unknown};

/// Requests the quote of a symbol from the provider and stores it; one call, however many requests there are at the
/// same time in however many processes.
///
/// Errors: [`ServiceError::UnknownSymbol`], which is remembered for a day, [`ServiceError::TooManyNewSymbols`], and the
/// provider's.
pub(crate) async fn ask(market: &MarketData, symbol: &Symbol, budget: CallBudget) -> Result<LastQuote, ServiceError> {
    let Some(mut entry) = market.history_cache().lock(symbol, budget.deadline).await else {
        return Ok(find_stored(market, symbol).await?.ok_or(ProviderError::TimedOut)?);
    };
    // The previous holder of the lock may have brought it, or found out that there is none.
    if let Some(quote) = entry.recent_quote(market.provider(), market.app.now()) {
        return Ok(quote);
    }
    if let Some(quote) = find_stored(market, symbol).await? {
        entry.remember_quote(&quote);
        return Ok(quote);
    }
    if let Some(error) = entry.recent_failure(market.app.now(), Requested::Quote) {
        return Err(refusal(symbol, error));
    }
    match fetch_once(market, symbol, budget).await? {
        Ok(quote) => {
            entry.remember_quote(&quote);
            Ok(quote)
        }
        Err(why) => {
            entry.record_failure(market.app.now(), Requested::Quote, &why);
            Err(refusal(symbol, why.error().clone()))
        }
    }
}

async fn find_stored(market: &MarketData, symbol: &Symbol) -> Result<Option<LastQuote>, ServiceError> {
    let quote = quote_store::read(&market.app, symbol).await?;
    Ok(quote.filter(|quote| is_usable(market, quote)))
}

/// One process on the table calls the provider at a time; the others take what it has stored.
async fn fetch_once(
    market: &MarketData,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<Result<LastQuote, NoAnswer>, ServiceError> {
    loop {
        let lease = match lease::take(&market.app, symbol, Requested::Quote, budget.deadline).await? {
            LeaseAttempt::Acquired(lease) => Some(lease),
            LeaseAttempt::BackingOff(error) => return Ok(Err(NoAnswer::NotAsked(error))),
            LeaseAttempt::Busy
                if lease::wait_for_others(&market.app, symbol, Requested::Quote, budget.deadline).await? =>
            {
                None
            }
            LeaseAttempt::Busy => return Ok(Err(NoAnswer::NotAsked(ProviderError::TimedOut))),
        };
        let found = find_stored(market, symbol).await;
        let Some(lease) = lease else {
            match found? {
                Some(quote) => return Ok(Ok(quote)),
                None => continue,
            }
        };
        let quote = match found {
            Ok(Some(quote)) => Ok(Ok(quote)),
            Ok(None) => fetch(market, symbol, budget).await,
            Err(error) => Err(error),
        };
        match &quote {
            Ok(Err(why)) => lease.record_failure(&market.app, why).await,
            _ => lease.release(&market.app).await,
        }
        return quote;
    }
}

async fn fetch(
    market: &MarketData,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<Result<LastQuote, NoAnswer>, ServiceError> {
    if is_unknown(&market.app, symbol).await? {
        return Ok(Err(NoAnswer::NotAsked(ProviderError::UnknownSymbol)));
    }
    let lookup = new_symbol_lookups::take(market, budget, symbol).await?;
    let answer = budget.ask(market.provider().fetch_quote(symbol, budget)).await;
    lookup.settle(market, &answer).await;
    let quote = match answer {
        Ok(quote) => quote,
        Err(why) => {
            if matches!(why, NoAnswer::Failed(ProviderError::UnknownSymbol)) {
                remember_unknown(&market.app, symbol).await?;
            }
            return Ok(Err(why));
        }
    };
    let standing = match quote_store::record(market, &quote, Origin::Market).await {
        Ok(Some(stored)) => Some(stored),
        Ok(None) => quote_store::read(&market.app, symbol).await?,
        Err(ServiceError::Provider(error)) => return Ok(Err(NoAnswer::Failed(error))),
        Err(error) => return Err(error),
    };
    standing
        .map(Ok)
        .ok_or_else(|| ServiceError::fault("quote", "it was not newer than the stored one, but none is stored"))
}
