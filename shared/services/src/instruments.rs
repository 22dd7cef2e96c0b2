//! What is known of an instrument: from the store, else from the provider; `search.rs` finds them by a text.

mod search;

pub use search::search;

use std::sync::Arc;

use chrono::TimeDelta;
use domain::{Currency, CustomerId, Instrument, Symbol};
use market::{MarketClock, Patience, ProviderError};
use store::{StoreError, documents, keys};

use crate::error::ServiceError;
use crate::first_looks;
use crate::history::{self, NoAnswer, Reader, Series, Wait};
use crate::{App, last_quote, own_items, quotes};

/// Calls that names and searches leave to everything else: a name is nice to have.
pub(super) const CALLS_LEFT_BY_NAMES: usize = 10;
/// How long what was assumed of an instrument stands before the provider is asked again.
const ASSUMED_MINUTES: i64 = 60;

/// The instrument's metadata. Where a live provider has none at hand, a stock is assumed, for an hour, so that a list of
/// many does not ask again with each look.
pub async fn find(app: &App, symbol: &Symbol) -> Result<Instrument, ServiceError> {
    let wait = Wait::of_request(app);
    let prices_in = stored_currency(app, symbol).await?;
    find_within(app, symbol, prices_in, wait).await
}

/// Like [`find`], for a wait that has begun already and prices that are at hand, in their currency. What is assumed
/// because no time or no call was left to ask is not kept.
///
/// What is assumed is priced in that currency, in US dollars only where there is no price: a lot is recorded in the
/// currency of its instrument for good, and one in another than its prices would never be worth anything.
pub(crate) async fn find_within(
    app: &App,
    symbol: &Symbol,
    prices_in: Option<Currency>,
    wait: Wait,
) -> Result<Instrument, ServiceError> {
    // What a provider was asked is kept in a dry run too.
    let app = &app.writing();
    let assumed = |error: &ProviderError| assumed(symbol, prices_in, error);
    // Files are at hand and their owner edits them; only a live provider's answer is worth keeping.
    if app.provider().clock() != MarketClock::Live {
        let found = app.provider().instrument(symbol).await;
        return Ok(found.unwrap_or_else(|error| assumed(&error)));
    }
    if let Some(instrument) = kept(app, symbol, prices_in).await? {
        return Ok(instrument);
    }
    let key = keys::instrument(symbol);
    if app.provider().calls_left().await.is_some_and(|left| left <= CALLS_LEFT_BY_NAMES) {
        return Ok(assumed(&ProviderError::QuotaExhausted { until: None }));
    }
    // A name may take all of a caller's patience. One that comes too late costs a call and is of no use.
    if !wait.allows_all_of(Patience::Caller) {
        return Ok(assumed(&ProviderError::TimedOut));
    }
    match wait.on(app.provider().instrument(symbol)).await {
        Ok(instrument) => {
            let (instrument, is_new) = documents::put_first(app.table(), &key, instrument).await?;
            if is_new {
                documents::put_first(app.table(), &keys::described_instrument(symbol), symbol.clone()).await?;
            }
            Ok(instrument)
        }
        Err(error) => {
            let instrument = assumed(&error);
            let until = app.now() + TimeDelta::minutes(ASSUMED_MINUTES);
            match documents::put_new(app.table(), key, &instrument, Some(until.timestamp())).await {
                Ok(_) | Err(StoreError::Conflict { .. }) => Ok(instrument),
                Err(error) => Err(error.into()),
            }
        }
    }
}

/// What is stored of an instrument.
async fn kept(app: &App, symbol: &Symbol, prices_in: Option<Currency>) -> Result<Option<Instrument>, ServiceError> {
    let kept = documents::read::<Instrument>(app.table(), &keys::instrument(symbol)).await?;
    Ok(kept.map(|(instrument, _)| {
        // It may have been assumed before there was a price.
        let currency = prices_in.filter(|_| is_assumed(&instrument)).unwrap_or(instrument.currency);
        Instrument { currency, ..instrument }
    }))
}

fn assumed(symbol: &Symbol, prices_in: Option<Currency>, error: &ProviderError) -> Instrument {
    tracing::warn!(%symbol, %error, "no metadata for now");
    let told = market::told_by_form(symbol);
    told.unwrap_or_else(|| {
        let unlisted = Instrument::unlisted(symbol.clone());
        Instrument { currency: prices_in.unwrap_or(unlisted.currency), ..unlisted }
    })
}

/// What a provider has told of a market's instrument, if it was asked already.
pub(crate) async fn told(app: &App, symbol: &Symbol) -> Result<Option<Instrument>, ServiceError> {
    let kept = documents::read::<Instrument>(app.table(), &keys::instrument(symbol)).await?;
    Ok(kept.map(|(instrument, _)| instrument).filter(|instrument| !is_assumed(instrument)))
}

/// Whether nothing is known of an instrument but, perhaps, its currency.
fn is_assumed(instrument: &Instrument) -> bool {
    Instrument { currency: instrument.currency, ..Instrument::unlisted(instrument.symbol.clone()) } == *instrument
}

/// The currency of the stored prices of a symbol, as far as they are of a live provider's own.
async fn stored_currency(app: &App, symbol: &Symbol) -> Result<Option<Currency>, ServiceError> {
    if app.provider().clock() != MarketClock::Live {
        return Ok(None);
    }
    let outlines = store::bars::outlines(app.table(), std::slice::from_ref(symbol)).await?;
    let head = outlines.into_iter().flatten().map(|outline| outline.head).next();
    if let Some(head) = head.filter(|head| app.provider().gives(&head.source)) {
        return Ok(Some(head.currency));
    }
    let quote = last_quote::read(app, symbol).await?;
    Ok(quote.filter(|quote| quotes::is_believed(app, quote)).map(|quote| quote.currency))
}

/// The instrument that a customer means by a symbol that they are about to hold or watch: an item of their own, or one
/// that the provider has prices of.
///
/// Errors: [`ServiceError::UnknownSymbol`], and the provider's where it cannot tell.
pub async fn known(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<Instrument, ServiceError> {
    known_within(app, customer, symbol, Wait::of_request(app)).await
}

/// Like [`known`], for a wait that has begun already.
pub(crate) async fn known_within(
    app: &App,
    customer: CustomerId,
    symbol: &Symbol,
    wait: Wait,
) -> Result<Instrument, ServiceError> {
    if symbol.is_own_item() {
        return own_items::find(app, customer, symbol).await;
    }
    if app.provider().clock() != MarketClock::Live {
        return listed(app, symbol).await;
    }
    // A call that brings the bars tells more than one that brings the name, and costs as much.
    let is_new = history::stored(app, symbol).await?.is_none();
    let series = history::at_hand_within(app, symbol, Reader::customer(customer, wait)).await?;
    let prices_in = Some(series.currency);
    if is_new && first_looks::few_calls_left(app).await.is_some() {
        // A first look is one call. Its name is asked for by whoever lists it, while there are calls for that.
        let unlisted = || Instrument { currency: series.currency, ..Instrument::unlisted(symbol.clone()) };
        let kept = kept(app, symbol, prices_in).await?;
        return Ok(kept.or_else(|| market::told_by_form(symbol)).unwrap_or_else(unlisted));
    }
    find_within(app, symbol, prices_in, wait).await
}

/// What a symbol that somebody looks at stands for. A ticker that is new here is validated by the provider's search or,
/// where that does not list it, by its quote; one that it does not know is remembered as unknown for a day.
///
/// Errors: [`ServiceError::UnknownSymbol`], and the provider's where it cannot tell.
pub async fn look_up(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<Instrument, ServiceError> {
    if symbol.is_own_item() {
        return own_items::find(app, customer, symbol).await;
    }
    if app.provider().clock() != MarketClock::Live {
        return listed(app, symbol).await;
    }
    let wait = Wait::of_request(app);
    if let Some(instrument) = told(app, symbol).await? {
        return Ok(instrument);
    }
    let prices_in = stored_currency(app, symbol).await?;
    if prices_in.is_some() {
        return find_within(app, symbol, prices_in, wait).await;
    }
    if history::is_unknown(app, symbol).await? {
        return Err(ServiceError::UnknownSymbol { symbol: symbol.clone() });
    }
    let built_in = search::built_in(app, symbol.as_str()).into_iter().find(|instrument| instrument.symbol == *symbol);
    if let Some(instrument) = built_in {
        return Ok(instrument);
    }
    if let Ok(found) = first_search(app, customer, symbol, wait).await?
        && let Some(instrument) = found.into_iter().find(|instrument| instrument.symbol == *symbol)
    {
        return Ok(instrument);
    }
    let quote = quotes::ask(app, symbol, Reader::customer(customer, wait)).await?;
    Ok(Instrument { currency: quote.currency, ..Instrument::unlisted(symbol.clone()) })
}

/// What the provider's search finds for a symbol of which nothing is stored.
async fn first_search(
    app: &App,
    customer: CustomerId,
    symbol: &Symbol,
    wait: Wait,
) -> Result<Result<Vec<Instrument>, NoAnswer>, ServiceError> {
    if let Some(kept) = search::kept(app, symbol.as_str()).await? {
        return Ok(Ok(kept));
    }
    let first_look = first_looks::take(app, Reader::customer(customer, wait), symbol).await?;
    let found = search::of_provider(app, symbol.as_str(), wait).await;
    if let Ok(answer) = &found {
        first_look.settle(app, answer).await;
    }
    found
}

/// An instrument of files, which list all that they have.
async fn listed(app: &App, symbol: &Symbol) -> Result<Instrument, ServiceError> {
    app.provider().instrument(symbol).await.map_err(|error| match error {
        ProviderError::UnknownSymbol => ServiceError::UnknownSymbol { symbol: symbol.clone() },
        other => other.into(),
    })
}

/// What is known of the instrument that a customer means by a symbol, whether or not it has prices; these are in
/// `prices_in`.
///
/// Errors: [`ServiceError::UnknownSymbol`] for an item that the customer does not have.
pub(crate) async fn described_within(
    app: &App,
    customer: CustomerId,
    symbol: &Symbol,
    prices_in: Option<Currency>,
    wait: Wait,
) -> Result<Instrument, ServiceError> {
    if symbol.is_own_item() {
        own_items::find(app, customer, symbol).await
    } else {
        find_within(app, symbol, prices_in, wait).await
    }
}

/// The prices of what a customer means by a symbol, as they are at hand: of an item of their own its valuations.
///
/// Errors: [`ServiceError::UnknownSymbol`] also where there is no price yet.
pub async fn prices(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<Arc<Series>, ServiceError> {
    prices_within(app, customer, symbol, Wait::of_request(app)).await
}

/// Like [`prices`], for a wait that has begun already.
pub(crate) async fn prices_within(
    app: &App,
    customer: CustomerId,
    symbol: &Symbol,
    wait: Wait,
) -> Result<Arc<Series>, ServiceError> {
    if symbol.is_own_item() {
        return own_items::prices(app, customer, symbol).await.map(Arc::new);
    }
    history::at_hand_within(app, symbol, Reader::customer(customer, wait)).await
}
