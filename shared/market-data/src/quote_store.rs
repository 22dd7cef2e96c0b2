//! The last quote of an instrument: kept in the table, numbered, and told to whoever listens.

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

/// Attempts at storing one quote. Every lost race is another quote stored, which mostly is the newer one.
const MAX_TRIES: u32 = 16;
/// No attempt waits for longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a quote is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The market as it is: a quote stands until a newer one comes.
    Market,
    /// A replay of old prices, which may start over: its quotes stand in the order in which they come.
    Replay,
}

/// The last quote of a symbol, if one was stored; strongly consistent.
pub async fn read(app: &App, symbol: &Symbol) -> Result<Option<LastQuote>, ServiceError> {
    let found = documents::read::<LastQuote>(app.table(), &keys::quote(symbol)).await?;
    Ok(found.map(|(quote, _)| quote))
}

/// The last quotes of these symbols, no symbol twice, of those that have one; strongly consistent.
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

/// Stores a quote where it is newer than the one that stands, by its day and then by `as_of`; gives it as it was
/// stored, with its number, or none where it is not newer.
///
/// Of the same day and instant a later look stands only where it corrects the price or the close before it. A lost race
/// is decided again against what won it, so that of quotes stored at the same time the newest stands in the end.
///
/// Errors: [`ProviderError::Malformed`] for a day that has not come yet, which nothing could ever track; the store's.
pub async fn record(market: &MarketData, quote: &Quote, origin: Origin) -> Result<Option<LastQuote>, ServiceError> {
    let now = market.app.now();
    if origin == Origin::Market && quote.day > latest_day_anywhere(&market.app) {
        let what = format!("a quote of {}, which has not come yet", quote.day);
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

/// Of when a quote is. Where the provider says no more than the day: the close of its session if that is over, else
/// now. A time to come is a provider's mistake, and would keep later quotes out.
fn as_of(quote: &Quote, now: DateTime<Utc>) -> DateTime<Utc> {
    quote.as_of.unwrap_or_else(|| close_of(quote.day)).min(now)
}

/// The close before a quote: as the provider gave it, else as it was known of the same day, else from the bars.
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
    // Straight from the store: whoever asked for this quote may hold the symbol's slot.
    let series = stored_series::find(market, &fresh.symbol).await?;
    let series = series.filter(|series| series.currency == fresh.currency);
    Ok(series.and_then(|series| series.close_before(fresh.day)))
}

async fn store_newer(market: &MarketData, fresh: LastQuote) -> Result<Option<LastQuote>, ServiceError> {
    let (key, fresh) = (&keys::quote(&fresh.symbol), &fresh);
    let policy = Retry { tries: MAX_TRIES, deadline: Instant::now() + PATIENCE };
    retry(policy, || async move {
        let standing = documents::read::<LastQuote>(market.app.table(), key).await?;
        let (standing, version) = standing.map_or((None, None), |(quote, version)| (Some(quote), Some(version)));
        if standing.as_ref().is_some_and(|standing| !takes_the_place_of(market, fresh, standing)) {
            return Ok(None);
        }
        let next = LastQuote { seq: standing.map_or(0, |standing| standing.seq) + 1, ..fresh.clone() };
        match documents::put(market.app.table(), key.clone(), &next, version).await {
            Ok(_) => Ok(Some(next)),
            // The answer was lost: whether it was stored is there to be read.
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
