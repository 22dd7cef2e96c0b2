//! What is known of an instrument: from the store, else from the provider.

use std::sync::Arc;

use domain::{CustomerId, Instrument, Symbol};
use market::{MarketClock, ProviderError};
use store::{documents, keys};

use crate::error::ServiceError;
use crate::history::{self, Series};
use crate::{App, own_items};

/// Most symbols that a search looks at in each of the sixteen parts of the directory.
const MAX_LISTED_A_PART: usize = 200;

/// The instrument's metadata. Where the provider has none at hand, a stock in US dollars is
/// assumed for now and nothing is stored, so that a later call asks again.
pub async fn find(app: &App, symbol: &Symbol) -> Result<Instrument, ServiceError> {
    // Files are at hand and their owner edits them; only a live provider's answer is worth keeping.
    let live = app.provider().clock() == MarketClock::Live;
    let key = keys::instrument(symbol);
    if live && let Some((instrument, _)) = documents::read::<Instrument>(app.table(), &key).await? {
        return Ok(instrument);
    }
    match app.provider().instrument(symbol).await {
        Ok(instrument) if live => Ok(documents::put_first(app.table(), &key, instrument).await?.0),
        Ok(instrument) => Ok(instrument),
        Err(error) => {
            tracing::warn!(%symbol, %error, "no metadata for now");
            Ok(Instrument::unlisted(symbol.clone()))
        }
    }
}

/// The instrument that a customer means by a symbol: an item of their own, or one that the provider has prices of.
///
/// Errors: [`ServiceError::UnknownSymbol`], and the provider's where it cannot tell.
pub async fn known(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<Instrument, ServiceError> {
    if symbol.is_own_item() {
        return own_items::find(app, customer, symbol).await;
    }
    if app.provider().clock() == MarketClock::Live {
        // A call that brings the bars tells more than one that brings the name, and costs as much.
        history::at_hand(app, symbol).await?;
        return find(app, symbol).await;
    }
    let instrument = app.provider().instrument(symbol).await.map_err(|error| match error {
        ProviderError::UnknownSymbol => ServiceError::UnknownSymbol { symbol: symbol.clone() },
        other => other.into(),
    })?;
    follow(app, symbol).await?;
    Ok(instrument)
}

/// Has the scheduled refresh follow a symbol from now on; done before the first trade, investment, watch or
/// subscription of it.
pub(crate) async fn follow(app: &App, symbol: &Symbol) -> Result<(), ServiceError> {
    let listed = keys::directory_symbol(symbol);
    if app.table().get(&listed).await?.is_none() {
        documents::put_first(app.table(), &listed, symbol.clone()).await?;
    }
    Ok(())
}

/// What is known of the instrument that a customer means by a symbol, whether or not it has prices.
///
/// Errors: [`ServiceError::UnknownSymbol`] for an item that the customer does not have.
pub async fn described(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<Instrument, ServiceError> {
    if symbol.is_own_item() { own_items::find(app, customer, symbol).await } else { find(app, symbol).await }
}

/// The prices of what a customer means by a symbol, as they are at hand: of an item of their own its valuations.
///
/// Errors: [`ServiceError::UnknownSymbol`] also where there is no price yet.
pub async fn prices(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<Arc<Series>, ServiceError> {
    if symbol.is_own_item() {
        return own_items::valuations(app, customer, symbol).await.map(Arc::new);
    }
    history::at_hand(app, symbol).await
}

/// The customer's own items and the provider's instruments whose symbol or name has `part` in it, in whatever case, by
/// symbol; at most `limit`. A live provider cannot list, so of one there are those that somebody has asked for.
pub async fn search(
    app: &App,
    customer: CustomerId,
    part: Option<&str>,
    limit: usize,
) -> Result<Vec<Instrument>, ServiceError> {
    let mut found = own_items::all(app, customer).await?;
    let live = app.provider().clock() == MarketClock::Live;
    let symbols = if live { asked_for(app).await? } else { app.provider().listed().await };
    for symbol in symbols {
        found.push(if live { stored(app, symbol).await? } else { find(app, &symbol).await? });
    }
    if let Some(part) = part.map(str::to_lowercase) {
        let has = |text: &str| text.to_lowercase().contains(&part);
        found.retain(|instrument| has(instrument.symbol.as_str()) || has(&instrument.name));
    }
    found.sort_by(|a, b| a.symbol.cmp(&b.symbol));
    found.truncate(limit);
    Ok(found)
}

async fn asked_for(app: &App) -> Result<Vec<Symbol>, ServiceError> {
    let mut symbols = Vec::new();
    for part in keys::directory_symbols() {
        let page = documents::list::<Symbol>(app.table(), part, MAX_LISTED_A_PART, None).await?;
        symbols.extend(page.items);
    }
    Ok(symbols)
}

/// What is stored of an instrument: a list is not worth a call for each.
async fn stored(app: &App, symbol: Symbol) -> Result<Instrument, ServiceError> {
    let found = documents::read::<Instrument>(app.table(), &keys::instrument(&symbol)).await?;
    Ok(found.map_or_else(|| Instrument::unlisted(symbol), |(instrument, _)| instrument))
}
