//! What a customer watches: symbols, with the last price beside each.

use std::collections::{BTreeMap, BTreeSet};

use app::counter::Counter;
use app::error::ServiceError;
use app::{App, listing};
use chrono::{DateTime, Utc};
use domain::{CustomerId, Symbol};
use market::CallBudget;
use market::MarketClock;
use market_data::quotes::{self, QuoteWithAge};
use market_data::{MarketData, instruments, quote_store, tracked_symbols};
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{DeleteExpect, Item, Write, bars, documents, keys};

/// Most symbols that a customer watches.
pub const MAX_WATCHED: usize = 200;

const WHAT: &str = "watched symbols";
const NOT_WATCHED: ServiceError = ServiceError::NotFound { what: "watched symbol" };

/// A symbol that a customer watches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// The symbol.
    pub symbol: Symbol,
    /// Since when.
    #[serde(with = "domain::instant")]
    pub added_at: DateTime<Utc>,
}

/// A symbol that a customer watches, with its last price.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchedPrice {
    /// The symbol.
    pub symbol: Symbol,
    /// Since when it is watched.
    pub added_at: DateTime<Utc>,
    /// The last price, where one is stored.
    pub quote: Option<QuoteWithAge>,
}

/// Watches a symbol: an instrument of the market, or a custom instrument. Gives what is watched now, and
/// whether it was not watched before.
///
/// Errors: [`ServiceError::UnknownSymbol`], [`ServiceError::LimitReached`] where the customer watches [`MAX_WATCHED`].
pub async fn put(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
) -> Result<(WatchedPrice, bool), ServiceError> {
    let budget = market.budget_for(customer);
    let (watched, is_new) = match read_watched(&market.app, customer, symbol).await? {
        Some(watched) => (watched, false),
        None => add(market, customer, symbol, budget).await?,
    };
    Ok((add_price(market, customer, watched, budget).await?, is_new))
}

async fn add(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<(Watched, bool), ServiceError> {
    instruments::load(market, customer, symbol, budget).await?;
    let is_own = symbol.is_custom();
    if !is_own {
        tracked_symbols::track(&market.app, symbol).await?;
    }
    let key = keys::watch(customer, symbol);
    let fresh = Watched { symbol: symbol.clone(), added_at: market.app.now() };
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        if let Some(first) = read_watched(&market.app, customer, symbol).await? {
            return Ok((first, false));
        }
        let counter = Counter::read(&market.app, keys::watch_count(customer)).await?;
        let mut writes = vec![counter.add(1, MAX_WATCHED, WHAT)?];
        writes.push(Write::create(key.clone(), documents::body(&key, &fresh)?));
        writes.extend((!is_own).then(|| tracked_symbols::watches(customer, symbol)));
        market.app.table().transact(writes).await?;
        Ok((fresh.clone(), true))
    })
    .await
}

async fn read_watched(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<Option<Watched>, ServiceError> {
    let found = documents::read::<Watched>(app.table(), &keys::watch(customer, symbol)).await?;
    Ok(found.map(|(watched, _)| watched))
}

/// A symbol that the customer watches, with its last price.
pub async fn find(market: &MarketData, customer: CustomerId, symbol: &Symbol) -> Result<WatchedPrice, ServiceError> {
    let watched = read_watched(&market.app, customer, symbol).await?.ok_or(NOT_WATCHED)?;
    add_price(market, customer, watched, market.budget_for(customer)).await
}

/// No longer watches a symbol.
pub async fn remove(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<(), ServiceError> {
    let key = keys::watch(customer, symbol);
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let (_, version) = documents::read::<Watched>(app.table(), &key).await?.ok_or(NOT_WATCHED)?;
        let gone = Write::Delete { key: key.clone(), expect: DeleteExpect::Version(version) };
        let counter = Counter::read(app, keys::watch_count(customer)).await?;
        let tracks_no_longer = tracked_symbols::watches_no_longer(customer, symbol);
        app.table().transact(vec![gone, counter.remove_one()?, tracks_no_longer]).await?;
        Ok(())
    })
    .await
}

/// Removes a watched symbol of an erased customer together with its place under the symbol.
pub async fn erase(app: &App, customer: CustomerId, item: Item) -> Result<(), ServiceError> {
    let watched: Watched = documents::parse(&item)?;
    let gone = Write::Delete { key: item.key, expect: DeleteExpect::Any };
    app.table().transact(vec![gone, tracked_symbols::watches_no_longer(customer, &watched.symbol)]).await?;
    Ok(())
}

/// All that the customer watches, what was added last first, with the last price of each as it is stored.
pub async fn list(market: &MarketData, customer: CustomerId) -> Result<Vec<WatchedPrice>, ServiceError> {
    let items = listing::read_all(&market.app, keys::watches(customer)).await?;
    let mut watched: Vec<Watched> = items.iter().map(documents::parse).collect::<Result<_, _>>()?;
    watched.sort_by(|a, b| (b.added_at, &a.symbol).cmp(&(a.added_at, &b.symbol)));
    add_prices(market, customer, watched, market.budget_for(customer)).await
}

async fn add_price(
    market: &MarketData,
    customer: CustomerId,
    watched: Watched,
    budget: CallBudget,
) -> Result<WatchedPrice, ServiceError> {
    let Watched { symbol, added_at } = watched.clone();
    let found = add_prices(market, customer, vec![watched], budget).await?.pop();
    Ok(found.unwrap_or(WatchedPrice { symbol, added_at, quote: None }))
}

async fn add_prices(
    market: &MarketData,
    customer: CustomerId,
    watched: Vec<Watched>,
    budget: CallBudget,
) -> Result<Vec<WatchedPrice>, ServiceError> {
    let symbols: Vec<Symbol> = watched.iter().map(|watched| watched.symbol.clone()).collect();
    let priced = select_with_stored_price(market, symbols).await?;
    let batch = quotes::load_batch(market, customer, &priced, budget).await?;
    let mut quotes: BTreeMap<Symbol, QuoteWithAge> =
        batch.quotes.into_iter().map(|quote| (quote.quote.symbol.clone(), quote)).collect();
    let priced = watched.into_iter().map(|Watched { symbol, added_at }| {
        let quote = quotes.remove(&symbol);
        WatchedPrice { symbol, added_at, quote }
    });
    Ok(priced.collect())
}

/// Those of which a price is stored: for a list no live provider is asked.
async fn select_with_stored_price(market: &MarketData, symbols: Vec<Symbol>) -> Result<Vec<Symbol>, ServiceError> {
    if market.provider().clock() != MarketClock::Live {
        return Ok(symbols);
    }
    let listed: Vec<Symbol> = symbols.iter().filter(|symbol| !symbol.is_custom()).cloned().collect();
    let quotes = quote_store::read_many(&market.app, &listed).await?;
    let outlines = bars::read_outlines(market.app.table(), &listed).await?;
    let drawn = listed.iter().zip(outlines).filter_map(|(symbol, outline)| outline.map(|_| symbol));
    let stored: BTreeSet<&Symbol> = drawn.chain(quotes.keys()).collect();
    Ok(symbols.iter().filter(|symbol| symbol.is_custom() || stored.contains(symbol)).cloned().collect())
}
