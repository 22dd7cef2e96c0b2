//! Asking the provider for the quote of a symbol of which nothing is stored, while somebody waits.

use app::ServiceError;
use domain::Symbol;
use market::{CallBudget, NoAnswer, ProviderError};

use crate::lease::{self, Turn, Wanted};
use crate::market_data::MarketData;
use crate::new_symbol_lookups;
use crate::newest::is_believed;
use crate::quote_record::LastQuote;
use crate::quote_store::{self, Origin};
use crate::stored_series::{is_unknown, refusal, remember_unknown};

/// The quote that the provider gives of a symbol, stored; one call, however many ask at the same time, in
/// however many processes.
///
/// Errors: [`ServiceError::UnknownSymbol`], which is remembered for a day, [`ServiceError::TooManyNewSymbols`], and the
/// provider's.
pub(crate) async fn ask(market: &MarketData, symbol: &Symbol, budget: CallBudget) -> Result<LastQuote, ServiceError> {
    let Some(mut slot) = market.histories().lock(symbol, budget.deadline).await else {
        return Ok(find_stored(market, symbol).await?.ok_or(ProviderError::TimedOut)?);
    };
    // Whoever was at it before may have brought it, or found out that there is none.
    if let Some(quote) = slot.asked_quote(market.provider(), market.app.now()) {
        return Ok(quote);
    }
    if let Some(quote) = find_stored(market, symbol).await? {
        slot.remember_quote(&quote);
        return Ok(quote);
    }
    if let Some(error) = slot.resting(market.app.now(), Wanted::Quote) {
        return Err(refusal(symbol, error));
    }
    match fetch_once(market, symbol, budget).await? {
        Ok(quote) => {
            slot.remember_quote(&quote);
            Ok(quote)
        }
        Err(why) => {
            slot.failed(market.app.now(), Wanted::Quote, &why);
            Err(refusal(symbol, why.error().clone()))
        }
    }
}

async fn find_stored(market: &MarketData, symbol: &Symbol) -> Result<Option<LastQuote>, ServiceError> {
    let quote = quote_store::read(&market.app, symbol).await?;
    Ok(quote.filter(|quote| is_believed(market, quote)))
}

/// Of all processes on the table one asks at a time; the others take what it has stored.
async fn fetch_once(
    market: &MarketData,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<Result<LastQuote, NoAnswer>, ServiceError> {
    loop {
        let lease = match lease::take(&market.app, symbol, Wanted::Quote, budget.deadline).await? {
            Turn::Ours(lease) => Some(lease),
            Turn::Resting(error) => return Ok(Err(NoAnswer::NotAsked(error))),
            Turn::Theirs if lease::wait_for_others(&market.app, symbol, Wanted::Quote, budget.deadline).await? => None,
            Turn::Theirs => return Ok(Err(NoAnswer::NotAsked(ProviderError::TimedOut))),
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
    standing.map(Ok).ok_or_else(|| ServiceError::fault("quote", "one that was not newer than any is not there"))
}
