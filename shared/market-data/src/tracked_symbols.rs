//! Tracked symbols: the scheduled refresh keeps the prices of a symbol current as long as it has a tracker.
//!
//! The symbol registry lists every tracked symbol. A use case registers a symbol before it writes a tracker. A refresh
//! checks whether a symbol still has a tracker, and removes it from the registry if it has none. The trackers are, in
//! the order in which they are checked:
//!
//! - watchers, which are stored under the symbol by the same transactions that change the watchlist;
//! - portfolios, which are stored there before the first lot and checked against what they hold, so that no trade needs
//!   an extra write;
//! - alerts that can still fire, and live connections, which are stored under their symbol anyway.
//!
//! A registered symbol is not removed during a grace period, so that the tracker's own write can follow.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use app::{App, ServiceError, listing};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, PortfolioId, Symbol};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use market::MarketClock;
use market::call_limits::{UNVERIFIED_A_DAY, UNVERIFIED_COUNTS_FOR};
use serde::{Deserialize, Serialize};
use store::keys::{self, List};
use store::limits::MAX_KEYS;
use store::retry::{Retry, retry};
use store::{Body, DeleteExpect, Item, Key, Query, Range, StoreError, Version, Write, documents};
use tokio::sync::OnceCell;

use crate::held_symbols;
use crate::market_data::MarketData;

/// How long a symbol stays registered without a tracker: far longer than the time from here to the tracker's write.
const TERM_WITHOUT_TRACKER: TimeDelta = TimeDelta::hours(1);
/// How long a currency pair stays registered after a valuation has used it. It is renewed once half of that is over, so
/// that a customer who views foreign holdings once a month always finds a rate.
const TERM_OF_A_PAIR: TimeDelta = TimeDelta::days(62);
/// Symbols checked concurrently.
const AT_ONCE: usize = 16;
/// Trackers read at a time: usually the first one still counts.
const TRACKERS_A_PAGE: usize = 10;

/// A stored entry of the registry, or a portfolio under a symbol.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum RegistryEntry {
    /// It stays until then, even without a tracker.
    Until {
        /// When it may be removed.
        #[serde(with = "domain::instant")]
        until: DateTime<Utc>,
    },
    /// A symbol that was registered before trackers were stored, with the symbol only: it stays for good.
    Permanent(Symbol),
}

impl RegistryEntry {
    fn stays(&self, now: DateTime<Utc>) -> bool {
        match self {
            Self::Until { until } => *until > now,
            Self::Permanent(_) => true,
        }
    }
}

/// Registers an existing symbol for the refresh, before a write that stores a tracker of it.
pub async fn track(app: &App, symbol: &Symbol) -> Result<(), ServiceError> {
    renew_entry(app, keys::registered_symbol(symbol), TERM_WITHOUT_TRACKER).await
}

/// The same for symbols that may not exist, limited so that invented symbols do not fill the registry.
///
/// Errors: [`ServiceError::LimitReached`] if more than [`UNVERIFIED_A_DAY`] would be new; none is registered then.
pub async fn track_unverified(
    market: &MarketData,
    customer: CustomerId,
    symbols: &BTreeSet<Symbol>,
) -> Result<(), ServiceError> {
    let new = count_unverified(market, symbols).await?;
    if new > 0 {
        reserve_unverified(&market.app, customer, new).await?;
    }
    let listings = symbols.iter().map(|symbol| {
        let (market, symbol) = (market.clone(), symbol.clone());
        async move { track(&market.app, &symbol).await }
    });
    stream::iter(listings.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).try_collect().await
}

/// How many of these symbols are neither registered nor have a price. Files list everything that they have.
async fn count_unverified(market: &MarketData, symbols: &BTreeSet<Symbol>) -> Result<usize, ServiceError> {
    if market.provider().clock() != MarketClock::Live {
        return Ok(0);
    }
    let mut unverified = 0;
    for some in symbols.iter().collect::<Vec<_>>().chunks(MAX_KEYS) {
        let mut without: Vec<&Symbol> = some.to_vec();
        for key in [keys::registered_symbol, keys::quote, keys::bars_head] {
            let keys: Vec<Key> = without.iter().map(|symbol| key(symbol)).collect();
            let found = market.app.table().get_many(&keys).await?;
            without =
                without.into_iter().zip(found).filter(|(_, item)| item.is_none()).map(|(symbol, _)| symbol).collect();
        }
        unverified += without.len();
    }
    Ok(unverified)
}

/// How many unverified symbols a customer has registered, and since when.
#[derive(Serialize, Deserialize)]
struct UnverifiedCount {
    #[serde(with = "domain::instant")]
    since: DateTime<Utc>,
    count: usize,
}

async fn reserve_unverified(app: &App, customer: CustomerId, more: usize) -> Result<(), ServiceError> {
    let key = &keys::listed_unverified(customer);
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let standing = documents::read::<UnverifiedCount>(app.table(), key).await?;
        let (before, version) =
            standing.map_or((None, None), |(unverified, version)| (Some(unverified), Some(version)));
        let before = before.unwrap_or(UnverifiedCount { since: app.now(), count: 0 });
        let unverified = UnverifiedCount { count: before.count + more, ..before };
        if unverified.count > UNVERIFIED_A_DAY {
            return Err(ServiceError::LimitReached {
                what: "symbols a day that are not tracked yet",
                limit: UNVERIFIED_A_DAY,
            });
        }
        let expires_at = Some((unverified.since + UNVERIFIED_COUNTS_FOR).timestamp());
        let body = documents::body(key, &unverified)?;
        let put = Write::Put { key: key.clone(), body, expires_at, expect: version.into() };
        app.table().transact(vec![put]).await?;
        Ok(())
    })
    .await
}

/// The same before the first lot of the symbol that a portfolio holds.
pub async fn track_for(app: &App, portfolio: PortfolioId, symbol: &Symbol) -> Result<(), ServiceError> {
    renew_entry(app, keys::tracking_portfolio(symbol, portfolio), TERM_WITHOUT_TRACKER).await?;
    track(app, symbol).await
}

/// Registers a currency pair for two months; every valuation of foreign holdings does so.
pub(crate) async fn track_pair(app: &App, pair: &Symbol) -> Result<(), ServiceError> {
    renew_entry(app, keys::registered_symbol(pair), TERM_OF_A_PAIR).await
}

/// That a customer watches a symbol; part of the transaction that changes the watchlist.
#[must_use]
pub fn watches(customer: CustomerId, symbol: &Symbol) -> Write {
    Write::create(keys::tracking_watcher(symbol, customer), Body::Json("{}".to_owned()))
}

/// That a customer no longer watches a symbol.
#[must_use]
pub fn watches_no_longer(customer: CustomerId, symbol: &Symbol) -> Write {
    Write::Delete { key: keys::tracking_watcher(symbol, customer), expect: DeleteExpect::Any }
}

/// That a portfolio whose owner was erased no longer tracks a symbol.
#[must_use]
pub fn holds_no_longer(portfolio: PortfolioId, symbol: &Symbol) -> Write {
    Write::Delete { key: keys::tracking_portfolio(symbol, portfolio), expect: DeleteExpect::Any }
}

/// Registers a key for this term; it is written again once half of the term is over.
async fn renew_entry(app: &App, key: Key, term: TimeDelta) -> Result<(), ServiceError> {
    let key = &key;
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let standing = documents::read::<RegistryEntry>(app.table(), key).await?;
        let now = app.now();
        if standing.as_ref().is_some_and(|(listed, _)| listed.stays(now + term / 2)) {
            return Ok(());
        }
        let listed = RegistryEntry::Until { until: now + term };
        documents::put(app.table(), key.clone(), &listed, standing.map(|(_, version)| version)).await?;
        Ok(())
    })
    .await
}

/// The tracked symbols; registered symbols without a tracker are removed.
pub async fn list_tracked(app: &App) -> Result<Vec<Symbol>, ServiceError> {
    let portfolios = HeldSymbols::default();
    let looks: Vec<_> =
        read_entries(app).await?.into_iter().map(|entry| check_tracked(app, entry, &portfolios)).collect();
    Ok(stream::iter(looks).buffered(AT_ONCE).filter_map(std::future::ready).collect().await)
}

/// An entry of the symbol registry.
struct RegisteredSymbol {
    symbol: Symbol,
    item: Item,
}

async fn read_entries(app: &App) -> Result<Vec<RegisteredSymbol>, ServiceError> {
    let mut entries = Vec::new();
    for part in keys::registered_symbols() {
        let items = listing::read_all(app, part).await?;
        entries.extend(
            items.into_iter().filter_map(|item| Some(RegisteredSymbol { symbol: item.key.sk.parse().ok()?, item })),
        );
    }
    Ok(entries)
}

/// The symbol, if it has a tracker. If that cannot be checked, it stays.
async fn check_tracked(app: &App, entry: RegisteredSymbol, portfolios: &HeldSymbols) -> Option<Symbol> {
    let is_tracked = async {
        if documents::parse::<RegistryEntry>(&entry.item)?.stays(app.now()) {
            return Ok(true);
        }
        if check_for_tracker(app, &entry.symbol, portfolios).await? {
            return Ok(true);
        }
        let removed = remove_unchanged(app, entry.item.key.clone(), entry.item.version).await?;
        Ok::<_, ServiceError>(!removed)
    };
    let is_tracked = is_tracked.await.unwrap_or_else(|error| {
        tracing::warn!(symbol = %entry.symbol, %error, "its trackers cannot be checked");
        true
    });
    is_tracked.then_some(entry.symbol)
}

/// Removes an entry if it is as it was read; whether it was removed. It is not if another process has renewed it.
async fn remove_unchanged(app: &App, key: Key, version: Version) -> Result<bool, ServiceError> {
    let gone = Write::Delete { key, expect: DeleteExpect::Version(version) };
    match app.table().transact(vec![gone]).await {
        Ok(_) => Ok(true),
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn check_for_tracker(app: &App, symbol: &Symbol, portfolios: &HeldSymbols) -> Result<bool, ServiceError> {
    let trackers = keys::trackers(symbol);
    let mut query = Query::forward(trackers.partition, trackers.range, TRACKERS_A_PAGE);
    loop {
        let page = app.table().query(&query).await?;
        for item in page.items {
            if check_tracker(app, symbol, item, portfolios).await? {
                return Ok(true);
            }
        }
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    let alerts = List { range: Range::Prefix(keys::ALERT_PREFIX.to_owned()), ..keys::waiting(symbol) };
    for list in std::iter::once(alerts).chain(keys::subscriptions(symbol)) {
        if !app.table().query(&Query::forward(list.partition, list.range, 1)).await?.items.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether this item under a symbol is a tracker. A portfolio that no longer holds the symbol is removed.
async fn check_tracker(app: &App, symbol: &Symbol, item: Item, portfolios: &HeldSymbols) -> Result<bool, ServiceError> {
    let Some(portfolio) = item.key.sk.strip_prefix(keys::TRACKING_PORTFOLIO_PREFIX) else { return Ok(true) };
    if documents::parse::<RegistryEntry>(&item)?.stays(app.now()) {
        return Ok(true);
    }
    let Ok(portfolio) = portfolio.parse() else { return Err(StoreError::corrupt(&item.key, "no portfolio").into()) };
    if portfolios.check_holding(app, PortfolioId(portfolio), symbol).await? {
        return Ok(true);
    }
    Ok(!remove_unchanged(app, item.key, item.version).await?)
}

/// The symbols that portfolios hold, read once per portfolio.
#[derive(Default)]
struct HeldSymbols {
    held: Mutex<HashMap<PortfolioId, Arc<OnceCell<BTreeSet<Symbol>>>>>,
}

impl HeldSymbols {
    async fn check_holding(&self, app: &App, portfolio: PortfolioId, symbol: &Symbol) -> Result<bool, ServiceError> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).entry(portfolio).or_default().clone();
        Ok(held.get_or_try_init(|| held_symbols::read(app, portfolio)).await?.contains(symbol))
    }
}
