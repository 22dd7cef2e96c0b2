//! What a symbol means that a customer views for the first time.

use app::ServiceError;
use domain::{CustomerId, Instrument, Symbol};
use market::{CallBudget, MarketClock, NoAnswer, ProviderError};

use super::metadata::{find, find_described, find_stored_currency};
use super::search;
use crate::market_data::MarketData;
use crate::stored_series::is_unknown;
use crate::{custom_instruments, new_quote, new_symbol_lookups};

/// The instrument of a symbol that a customer views. A ticker that is new here is validated by the provider's search
/// or, if that does not list it, by its quote. If the provider does not know it, it is remembered as unknown for a day.
///
/// Errors: [`ServiceError::UnknownSymbol`], and the provider's if it cannot answer.
pub async fn look_up(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<Instrument, ServiceError> {
    if symbol.is_custom() {
        return custom_instruments::find(&market.app, customer, symbol).await;
    }
    if market.provider().clock() != MarketClock::Live {
        return load_listed(market, symbol, budget).await;
    }
    if let Some(instrument) = find_described(&market.app, symbol).await? {
        return Ok(instrument);
    }
    let prices_in = find_stored_currency(market, symbol).await?;
    if prices_in.is_some() {
        return find(market, symbol, prices_in, budget).await;
    }
    if is_unknown(&market.app, symbol).await? {
        return Err(ServiceError::UnknownSymbol { symbol: symbol.clone() });
    }
    let built_in =
        search::built_in(market, symbol.as_str()).into_iter().find(|instrument| instrument.symbol == *symbol);
    if let Some(instrument) = built_in {
        return Ok(instrument);
    }
    if let Ok(found) = search_once(market, symbol, budget).await?
        && let Some(instrument) = found.into_iter().find(|instrument| instrument.symbol == *symbol)
    {
        return Ok(instrument);
    }
    let quote = new_quote::ask(market, symbol, budget).await?;
    Ok(Instrument { currency: quote.currency, ..Instrument::unlisted(symbol.clone()) })
}

/// What the provider's search finds for a symbol of which nothing is stored.
async fn search_once(
    market: &MarketData,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<Result<Vec<Instrument>, NoAnswer>, ServiceError> {
    if let Some(stored) = search::find_stored_matches(&market.app, symbol.as_str()).await? {
        return Ok(Ok(stored));
    }
    let lookup = new_symbol_lookups::take(market, budget, symbol).await?;
    let found = search::search_provider(market, symbol.as_str(), budget).await;
    if let Ok(answer) = &found {
        lookup.settle(market, answer).await;
    }
    found
}

/// An instrument of files, which list everything that they have.
pub(super) async fn load_listed(
    market: &MarketData,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<Instrument, ServiceError> {
    market.provider().fetch_instrument(symbol, budget).await.map_err(|error| match error {
        ProviderError::UnknownSymbol => ServiceError::UnknownSymbol { symbol: symbol.clone() },
        other => other.into(),
    })
}
