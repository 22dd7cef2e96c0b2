//! The watchlist: the symbols that a customer watches, each with its last stored price.

use std::collections::BTreeMap;

use app::counter::Counter;
use app::error::ServiceError;
use app::{App, listing};
use chrono::{DateTime, Utc};
use domain::{CustomerId, Symbol};
use market::CallBudget;
use market_data::quotes::{self, QuoteWithAge};
use market_data::{MarketData, custom_instruments, instruments, tracked_symbols};
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{DeleteExpect, Item, Write, documents, keys};

/// Most symbols that a customer can watch.
pub const MAX_WATCHED: usize = 200;

const WHAT: &str = "watched symbols";
const NOT_WATCHED: ServiceError = ServiceError::NotFound { what: "watched symbol" };

/// A stored entry of the watchlist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchlistEntry {
    /// The symbol.
    pub symbol: Symbol,
    /// When it was added.
    #[serde(with = "domain::instant")]
    pub added_at: DateTime<Utc>,
}

/// An entry of the watchlist, with its last price.
#[derive(Clone, Debug, PartialEq)]
pub struct PricedEntry {
    /// The symbol.
    pub symbol: Symbol,
    /// When it was added.
    pub added_at: DateTime<Utc>,
    /// The last price, if one is stored.
    pub quote: Option<QuoteWithAge>,
}

/// Adds a symbol to the watchlist: an instrument of the market, or a custom instrument. Returns the entry, and whether
/// it is new.
///
/// Errors: [`ServiceError::UnknownSymbol`], and [`ServiceError::LimitReached`] if the customer watches [`MAX_WATCHED`]
/// already.
pub async fn put(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
) -> Result<(PricedEntry, bool), ServiceError> {
    let (watched, is_new) = match read_watched(&market.app, customer, symbol).await? {
        Some(watched) => (watched, false),
        None => add(market, customer, symbol, market.budget_for(customer)).await?,
    };
    Ok((add_price(market, customer, watched).await?, is_new))
}

async fn add(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<(WatchlistEntry, bool), ServiceError> {
    let instrument = instruments::load(market, customer, symbol, budget).await?;
    let is_custom = symbol.is_custom();
    if !is_custom {
        tracked_symbols::track(&market.app, symbol).await?;
    }
    let key = keys::watch(customer, symbol);
    let new = WatchlistEntry { symbol: symbol.clone(), added_at: market.app.now() };
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        if let Some(earlier) = read_watched(&market.app, customer, symbol).await? {
            return Ok((earlier, false));
        }
        let counter = Counter::read(&market.app, keys::watch_count(customer)).await?;
        let mut writes = vec![counter.add(1, MAX_WATCHED, WHAT)?];
        writes.push(Write::create(key.clone(), documents::body(&key, &new)?));
        writes.extend((!is_custom).then(|| tracked_symbols::watches(customer, symbol)));
        let watched = [(symbol, Some(instrument.currency))];
        writes.extend(custom_instruments::assert_unchanged(&market.app, customer, watched).await?);
        market.app.table().transact(writes).await?;
        Ok((new.clone(), true))
    })
    .await
}

async fn read_watched(
    app: &App,
    customer: CustomerId,
    symbol: &Symbol,
) -> Result<Option<WatchlistEntry>, ServiceError> {
    let found = documents::read::<WatchlistEntry>(app.table(), &keys::watch(customer, symbol)).await?;
    Ok(found.map(|(watched, _)| watched))
}

/// Reads one entry of the watchlist, with its last price.
pub async fn find(market: &MarketData, customer: CustomerId, symbol: &Symbol) -> Result<PricedEntry, ServiceError> {
    let watched = read_watched(&market.app, customer, symbol).await?.ok_or(NOT_WATCHED)?;
    add_price(market, customer, watched).await
}

/// Removes a symbol from the watchlist.
pub async fn remove(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<(), ServiceError> {
    let key = keys::watch(customer, symbol);
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let (_, version) = documents::read::<WatchlistEntry>(app.table(), &key).await?.ok_or(NOT_WATCHED)?;
        let gone = Write::Delete { key: key.clone(), expect: DeleteExpect::Version(version) };
        let counter = Counter::read(app, keys::watch_count(customer)).await?;
        let tracks_no_longer = tracked_symbols::watches_no_longer(customer, symbol);
        app.table().transact(vec![gone, counter.remove_one()?, tracks_no_longer]).await?;
        Ok(())
    })
    .await
}

/// Deletes an entry of an erased customer's watchlist, together with the item that makes its symbol tracked.
pub async fn erase(app: &App, customer: CustomerId, item: Item) -> Result<(), ServiceError> {
    let watched: WatchlistEntry = documents::parse(&item)?;
    let gone = Write::Delete { key: item.key, expect: DeleteExpect::Any };
    app.table().transact(vec![gone, tracked_symbols::watches_no_longer(customer, &watched.symbol)]).await?;
    Ok(())
}

/// The customer's watchlist, the newest entry first, with stored prices.
pub async fn list(market: &MarketData, customer: CustomerId) -> Result<Vec<PricedEntry>, ServiceError> {
    let items = listing::read_all(&market.app, keys::watches(customer)).await?;
    let mut watched: Vec<WatchlistEntry> = items.iter().map(documents::parse).collect::<Result<_, _>>()?;
    watched.sort_by(|a, b| (b.added_at, &a.symbol).cmp(&(a.added_at, &b.symbol)));
    add_prices(market, customer, watched).await
}

async fn add_price(
    market: &MarketData,
    customer: CustomerId,
    watched: WatchlistEntry,
) -> Result<PricedEntry, ServiceError> {
    let WatchlistEntry { symbol, added_at } = watched.clone();
    let found = add_prices(market, customer, vec![watched]).await?.pop();
    Ok(found.unwrap_or(PricedEntry { symbol, added_at, quote: None }))
}

/// Adds the stored price of each symbol. No provider is called.
async fn add_prices(
    market: &MarketData,
    customer: CustomerId,
    watched: Vec<WatchlistEntry>,
) -> Result<Vec<PricedEntry>, ServiceError> {
    let symbols: Vec<Symbol> = watched.iter().map(|watched| watched.symbol.clone()).collect();
    let batch = quotes::load_stored_batch(market, customer, &symbols).await?;
    let mut quotes: BTreeMap<Symbol, QuoteWithAge> =
        batch.quotes.into_iter().map(|quote| (quote.quote.symbol.clone(), quote)).collect();
    let priced = watched.into_iter().map(|WatchlistEntry { symbol, added_at }| {
        let quote = quotes.remove(&symbol);
        PricedEntry { symbol, added_at, quote }
    });
    Ok(priced.collect())
}
