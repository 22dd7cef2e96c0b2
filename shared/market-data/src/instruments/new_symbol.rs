//! What a symbol stands for that a customer looks at for the first time.

use app::ServiceError;
use domain::{CustomerId, Instrument, Symbol};
use market::{MarketClock, ProviderError};

use super::metadata::{find_within, told};
use super::search;
use crate::calls::{NoAnswer, Reader, Wait};
use crate::instruments::metadata::stored_currency;
use crate::market_data::MarketData;
use crate::stored_series::is_unknown;
use crate::{first_looks, new_quote, own_items};

/// What a symbol that somebody looks at stands for. A ticker that is new here is validated by the provider's search or,
/// where that does not list it, by its quote; one that it does not know is remembered as unknown for a day.
///
/// Errors: [`ServiceError::UnknownSymbol`], and the provider's where it cannot tell.
pub async fn look_up(market: &MarketData, customer: CustomerId, symbol: &Symbol) -> Result<Instrument, ServiceError> {
    if symbol.is_own_item() {
        return own_items::find(&market.app, customer, symbol).await;
    }
    if market.provider().clock() != MarketClock::Live {
        return listed(market, symbol).await;
    }
    let wait = market.request_wait();
    if let Some(instrument) = told(&market.app, symbol).await? {
        return Ok(instrument);
    }
    let prices_in = stored_currency(market, symbol).await?;
    if prices_in.is_some() {
        return find_within(market, symbol, prices_in, wait).await;
    }
    if is_unknown(&market.app, symbol).await? {
        return Err(ServiceError::UnknownSymbol { symbol: symbol.clone() });
    }
    let built_in =
        search::built_in(market, symbol.as_str()).into_iter().find(|instrument| instrument.symbol == *symbol);
    if let Some(instrument) = built_in {
        return Ok(instrument);
    }
    if let Ok(found) = first_search(market, customer, symbol, wait).await?
        && let Some(instrument) = found.into_iter().find(|instrument| instrument.symbol == *symbol)
    {
        return Ok(instrument);
    }
    let quote = new_quote::ask(market, symbol, Reader::customer(customer, wait)).await?;
    Ok(Instrument { currency: quote.currency, ..Instrument::unlisted(symbol.clone()) })
}

/// What the provider's search finds for a symbol of which nothing is stored.
async fn first_search(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    wait: Wait,
) -> Result<Result<Vec<Instrument>, NoAnswer>, ServiceError> {
    if let Some(kept) = search::kept(&market.app, symbol.as_str()).await? {
        return Ok(Ok(kept));
    }
    let first_look = first_looks::take(market, Reader::customer(customer, wait), symbol).await?;
    let found = search::of_provider(market, symbol.as_str(), wait).await;
    if let Ok(answer) = &found {
        first_look.settle(market, answer).await;
    }
    found
}

/// An instrument of files, which list all that they have.
pub(super) async fn listed(market: &MarketData, symbol: &Symbol) -> Result<Instrument, ServiceError> {
    market.provider().instrument(symbol).await.map_err(|error| match error {
        ProviderError::UnknownSymbol => ServiceError::UnknownSymbol { symbol: symbol.clone() },
        other => other.into(),
    })
}
