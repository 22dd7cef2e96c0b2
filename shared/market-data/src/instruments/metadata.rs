//! Metadata of an instrument of the market: from the store, else from the provider.

use app::{App, ServiceError};
use domain::{Currency, Instrument, Symbol};
use market::call_limits::{ASSUMED, CALLS_LEFT_BY_NAMES};
use market::{CallBudget, MarketClock, ProviderError};
use store::{StoreError, documents, keys};

use crate::market_data::MarketData;
use crate::newest::is_usable;
use crate::quote_store;

/// The metadata of an instrument. If a live provider has none available, a stock is assumed for an hour, so that a list
/// of many symbols does not repeat the call each time. An assumption made because no time or call was left is not
/// stored.
///
/// The assumed currency is `prices_in`, that of the available prices; it is the US dollar only if there is no price. A
/// lot is recorded in the currency of its instrument for good, and a lot in any other currency than that of its prices
/// could never be valued.
pub async fn find(
    market: &MarketData,
    symbol: &Symbol,
    prices_in: Option<Currency>,
    budget: CallBudget,
) -> Result<Instrument, ServiceError> {
    // What a provider was asked is stored in a dry run too.
    let market = &market.writing();
    let assumed = |error: &ProviderError| assumed(symbol, prices_in, error);
    // Files are always available and their owner edits them; only the response of a live provider is worth storing.
    if market.provider().clock() != MarketClock::Live {
        let found = market.provider().fetch_instrument(symbol, budget).await;
        return Ok(found.unwrap_or_else(|error| assumed(&error)));
    }
    if let Some(instrument) = find_stored(&market.app, symbol, prices_in).await? {
        return Ok(instrument);
    }
    let key = keys::instrument(symbol);
    if market.provider().read_calls_left().await.is_some_and(|left| !left.allows_today(CALLS_LEFT_BY_NAMES)) {
        return Ok(assumed(&ProviderError::QuotaExhausted { until: None }));
    }
    // A name may take all the time of one response. A late response would cost a call and be of no use.
    if !budget.allows_the_longest_answer() {
        return Ok(assumed(&ProviderError::TimedOut));
    }
    match budget.ask(market.provider().fetch_instrument(symbol, budget)).await {
        Ok(instrument) => {
            let (instrument, is_new) = documents::put_first(market.app.table(), &key, instrument).await?;
            if is_new {
                documents::put_first(market.app.table(), &keys::described_instrument(symbol), symbol.clone()).await?;
            }
            Ok(instrument)
        }
        Err(why) => {
            let instrument = assumed(why.error());
            let until = market.app.now() + ASSUMED;
            match documents::put_new(market.app.table(), key, &instrument, Some(until.timestamp())).await {
                Ok(_) | Err(StoreError::Conflict { .. }) => Ok(instrument),
                Err(error) => Err(error.into()),
            }
        }
    }
}

/// What is stored about an instrument.
pub(super) async fn find_stored(
    app: &App,
    symbol: &Symbol,
    prices_in: Option<Currency>,
) -> Result<Option<Instrument>, ServiceError> {
    let stored = documents::read::<Instrument>(app.table(), &keys::instrument(symbol)).await?;
    Ok(stored.map(|(instrument, _)| {
        // It may have been assumed before there was a price.
        let currency = prices_in.filter(|_| is_assumed(&instrument)).unwrap_or(instrument.currency);
        Instrument { currency, ..instrument }
    }))
}

fn assumed(symbol: &Symbol, prices_in: Option<Currency>, error: &ProviderError) -> Instrument {
    tracing::warn!(%symbol, %error, "no metadata for now");
    let known_by_form = market::describe_by_form(symbol);
    known_by_form.unwrap_or_else(|| {
        let unlisted = Instrument::unlisted(symbol.clone());
        Instrument { currency: prices_in.unwrap_or(unlisted.currency), ..unlisted }
    })
}

/// What a provider has reported about an instrument of the market, if it was asked already.
pub async fn find_described(app: &App, symbol: &Symbol) -> Result<Option<Instrument>, ServiceError> {
    let stored = documents::read::<Instrument>(app.table(), &keys::instrument(symbol)).await?;
    Ok(stored.map(|(instrument, _)| instrument).filter(|instrument| !is_assumed(instrument)))
}

/// Whether nothing is known about an instrument except, perhaps, its currency.
fn is_assumed(instrument: &Instrument) -> bool {
    Instrument { currency: instrument.currency, ..Instrument::unlisted(instrument.symbol.clone()) } == *instrument
}

/// The currency of the stored prices of a symbol, if they are from a source of the live provider.
pub(super) async fn find_stored_currency(
    market: &MarketData,
    symbol: &Symbol,
) -> Result<Option<Currency>, ServiceError> {
    if market.provider().clock() != MarketClock::Live {
        return Ok(None);
    }
    let outlines = store::bars::read_outlines(market.app.table(), std::slice::from_ref(symbol)).await?;
    let head = outlines.into_iter().flatten().map(|outline| outline.head).next();
    if let Some(head) = head.filter(|head| market.provider().gives(&head.source)) {
        return Ok(Some(head.currency));
    }
    let quote = quote_store::read(&market.app, symbol).await?;
    Ok(quote.filter(|quote| is_usable(market, quote)).map(|quote| quote.currency))
}
