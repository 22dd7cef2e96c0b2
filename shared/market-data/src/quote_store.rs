//! Stores the last quote of an instrument in the table and numbers it.

use std::collections::BTreeMap;
use std::time::Duration;

use app::{App, ServiceError};
use chrono::{DateTime, Utc};
use domain::{Price, Symbol};
use market::{MarketClock, ProviderError, Quote};
use store::retry::{Retry, retry};
use store::{StoreError, documents, keys};
use tokio::time::Instant;

use crate::exchange_hours::close_of;
use crate::market_clock::latest_day_anywhere;
use crate::market_data::MarketData;
use crate::quote_record::{LastQuote, of_last_bar};
use crate::series::PriceSeries;
use crate::stored_series;

/// Attempts at storing one quote. Each lost race is another stored quote, which is usually the newer one.
const MAX_TRIES: u32 = 16;
/// The longest time for all attempts.
const RETRY_DEADLINE: Duration = Duration::from_secs(5);

/// Where a quote comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The market: a quote is replaced by a newer one only.
    Market,
    /// A replay of old prices, which may start over: each quote replaces the one before.
    Replay,
}

/// The last quote of a symbol, if one is stored; strongly consistent.
pub async fn read(app: &App, symbol: &Symbol) -> Result<Option<LastQuote>, ServiceError> {
    let found = documents::read::<LastQuote>(app.table(), &keys::quote(symbol)).await?;
    Ok(found.map(|(quote, _)| quote))
}

/// The last quotes of those of these symbols that have one; no symbol may appear twice; strongly consistent.
pub async fn read_many(app: &App, symbols: &[Symbol]) -> Result<BTreeMap<Symbol, LastQuote>, ServiceError> {
    let mut found = BTreeMap::new();
    for some in symbols.chunks(store::limits::MAX_KEYS) {
        let keys: Vec<_> = some.iter().map(keys::quote).collect();
        for item in app.table().get_many(&keys).await?.into_iter().flatten() {
            let quote: LastQuote = documents::parse(&item)?;
            found.insert(quote.symbol.clone(), quote);
        }
    }
    Ok(found)
}

/// Stores a quote if it is newer than the stored one, by its day and then by `as_of`. Returns it as stored, with its
/// number, or none if it is not newer.
///
/// A quote of the same day and instant replaces the stored one only if it was requested later and corrects the price or
/// the previous close. After a lost race the quote is compared again with the winner, so that of several quotes stored
/// concurrently the newest remains.
///
/// Errors: [`ProviderError::Malformed`] for a day in the future, which no later quote could replace; the store's.
pub async fn record(market: &MarketData, quote: &Quote, origin: Origin) -> Result<Option<LastQuote>, ServiceError> {
    let now = market.app.now();
    if origin == Origin::Market && quote.day > latest_day_anywhere(&market.app) {
        let what = format!("a quote of {}, a day in the future", quote.day);
        return Err(ProviderError::Malformed { what }.into());
    }
    let fresh = LastQuote {
        symbol: quote.symbol.clone(),
        price: quote.price,
        previous_close: quote.previous_close,
        currency: quote.currency,
        day: quote.day,
        as_of: as_of(quote, now),
        source: quote.source.to_owned(),
        seq: 0,
        fetched_at: now,
        replay: origin == Origin::Replay,
    };
    store_newer(market, LastQuote { previous_close: find_previous_close(market, &fresh).await?, ..fresh }).await
}

/// Stores the close of the last bar of a series as the quote, like [`record`].
pub async fn record_close(market: &MarketData, series: &PriceSeries) -> Result<Option<LastQuote>, ServiceError> {
    match of_last_bar(series) {
        Ok(close) => store_newer(market, LastQuote { fetched_at: market.app.now(), ..close }).await,
        Err(_) => Ok(None),
    }
}

/// The instant of a quote. If the provider gives only the day: the close of its session if that is over, else now. An
/// instant in the future is a provider's error and would keep later quotes out.
fn as_of(quote: &Quote, now: DateTime<Utc>) -> DateTime<Utc> {
    quote.as_of.unwrap_or_else(|| close_of(quote.day)).min(now)
}

/// The close before a quote: as given by the provider, else as stored for the same day, else from the bars.
async fn find_previous_close(market: &MarketData, fresh: &LastQuote) -> Result<Option<Price>, ServiceError> {
    if fresh.previous_close.is_some() || market.provider().clock() != MarketClock::Live {
        return Ok(fresh.previous_close);
    }
    if let Some(standing) = read(&market.app, &fresh.symbol).await?
        && (standing.day, standing.currency) == (fresh.day, fresh.currency)
        && standing.previous_close.is_some()
    {
        return Ok(standing.previous_close);
    }
    // Straight from the store: the caller may hold the lock of the symbol.
    let series = stored_series::find(market, &fresh.symbol).await?;
    let series = series.filter(|series| series.currency == fresh.currency);
    Ok(series.and_then(|series| series.close_before(fresh.day)))
}

async fn store_newer(market: &MarketData, fresh: LastQuote) -> Result<Option<LastQuote>, ServiceError> {
    let (key, fresh) = (&keys::quote(&fresh.symbol), &fresh);
    let policy = Retry { tries: MAX_TRIES, deadline: Instant::now() + RETRY_DEADLINE };
    retry(policy, || async move {
        let standing = documents::read::<LastQuote>(market.app.table(), key).await?;
        let (standing, version) = standing.map_or((None, None), |(quote, version)| (Some(quote), Some(version)));
        if standing.as_ref().is_some_and(|standing| !takes_the_place_of(market, fresh, standing)) {
            return Ok(None);
        }
        let next = LastQuote { seq: standing.map_or(0, |standing| standing.seq) + 1, ..fresh.clone() };
        match documents::put(market.app.table(), key.clone(), &next, version).await {
            Ok(_) => Ok(Some(next)),
            // The response was lost: read whether the quote was stored.
            Err(error @ StoreError::Unavailable { .. }) => {
                let stands = documents::read::<LastQuote>(market.app.table(), key).await?;
                if stands.is_some_and(|(stands, _)| stands == next) { Ok(Some(next)) } else { Err(error.into()) }
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

fn takes_the_place_of(market: &MarketData, fresh: &LastQuote, standing: &LastQuote) -> bool {
    if fresh.replay || standing.replay || !market.provider().gives(&standing.source) {
        return true;
    }
    match (fresh.day, fresh.as_of).cmp(&(standing.day, standing.as_of)) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => {
            let corrected = (fresh.price, fresh.previous_close, fresh.currency)
                != (standing.price, standing.previous_close, standing.currency);
            corrected && fresh.fetched_at > standing.fetched_at
        }
    }
}
