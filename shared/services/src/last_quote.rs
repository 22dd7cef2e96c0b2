//! The last quote of an instrument: kept in the table, numbered, and told to whoever listens.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Currency, Day, DecimalError, Price, Symbol};
use market::{MarketClock, ProviderError, Quote};
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{StoreError, documents, keys};
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::App;
use crate::error::ServiceError;
use crate::history::{self, Series};
use crate::market_clock::close_of;
use crate::own_items::latest_day_anywhere;

/// What stands as `detail-type` in the event that tells of new quotes; its detail is [`QuotesRefreshed`].
pub const QUOTES_REFRESHED: &str = "quotes.refreshed";
/// Most quotes of one event.
pub const MAX_QUOTES_AN_EVENT: usize = 1000;

/// Attempts at storing one quote. Every lost race is another quote stored, which mostly is the newer one.
const MAX_TRIES: u32 = 16;
/// No attempt waits for longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The last quote of an instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LastQuote {
    /// The instrument.
    pub symbol: Symbol,
    /// Price of one unit.
    #[schema(value_type = String, example = "430.47")]
    pub price: Price,
    /// Close of the trading day before, in units of `day`, where known.
    #[schema(value_type = Option<String>, example = "441.40")]
    pub previous_close: Option<Price>,
    /// Currency of both.
    pub currency: Currency,
    /// Trading day of the price; its units are those of this day.
    pub day: Day,
    /// Of when the price is.
    #[serde(with = "domain::instant")]
    pub as_of: DateTime<Utc>,
    /// The source that gave it.
    pub source: String,
    /// Grows with each new quote of the symbol: whoever has seen a number ignores what is not above it. 0 where the
    /// price is the close of a bar and no quote was ever stored.
    pub seq: u64,
    /// When it was asked for.
    #[serde(with = "domain::instant")]
    pub fetched_at: DateTime<Utc>,
    /// Set when it is of a replay of old prices.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
}

/// The event that tells of new quotes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuotesRefreshed {
    /// At most [`MAX_QUOTES_AN_EVENT`], each symbol once.
    pub quotes: Vec<LastQuote>,
}

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
/// Errors: [`ProviderError::Malformed`] for a day that has not come yet, which nothing could ever follow; the store's.
pub async fn record(app: &App, quote: &Quote, origin: Origin) -> Result<Option<LastQuote>, ServiceError> {
    let now = app.now();
    if origin == Origin::Market && quote.day > latest_day_anywhere(app) {
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
    store_newer(app, LastQuote { previous_close: previous_close(app, &fresh).await?, ..fresh }).await
}

/// Stores the close of the last bar of a series as the quote, like [`record`].
pub(crate) async fn record_close(app: &App, series: &Series) -> Result<Option<LastQuote>, ServiceError> {
    match of_last_bar(series) {
        Ok(close) => store_newer(app, LastQuote { fetched_at: app.now(), ..close }).await,
        Err(_) => Ok(None),
    }
}

/// The close of the last bar as a quote, without a number.
///
/// Errors: why it is no price in exact decimals.
pub(crate) fn of_last_bar(series: &Series) -> Result<LastQuote, DecimalError> {
    let close = series.last_close()?;
    Ok(LastQuote {
        symbol: series.symbol.clone(),
        price: close,
        previous_close: series.close_before(series.last),
        currency: series.currency,
        day: series.last,
        as_of: close_of(series.last),
        source: series.source.clone(),
        seq: 0,
        fetched_at: series.fetched_at,
        replay: series.source == market::replay::SOURCE,
    })
}

/// Of when a quote is. Where the provider says no more than the day: the close of its session if that is over, else
/// now. A time to come is a provider's mistake, and would keep later quotes out.
fn as_of(quote: &Quote, now: DateTime<Utc>) -> DateTime<Utc> {
    quote.as_of.unwrap_or_else(|| close_of(quote.day)).min(now)
}

/// The close before a quote: as the provider gave it, else as it was known of the same day, else from the bars.
async fn previous_close(app: &App, fresh: &LastQuote) -> Result<Option<Price>, ServiceError> {
    if fresh.previous_close.is_some() || app.provider().clock() != MarketClock::Live {
        return Ok(fresh.previous_close);
    }
    if let Some(standing) = read(app, &fresh.symbol).await?
        && (standing.day, standing.currency) == (fresh.day, fresh.currency)
        && standing.previous_close.is_some()
    {
        return Ok(standing.previous_close);
    }
    // Straight from the store: whoever asked for this quote may hold the symbol's slot.
    let series = history::from_store(app, &fresh.symbol).await?;
    let series = series.filter(|series| series.currency == fresh.currency);
    Ok(series.and_then(|series| series.close_before(fresh.day)))
}

async fn store_newer(app: &App, fresh: LastQuote) -> Result<Option<LastQuote>, ServiceError> {
    let (key, fresh) = (&keys::quote(&fresh.symbol), &fresh);
    let policy = Retry { tries: MAX_TRIES, deadline: Instant::now() + PATIENCE };
    retry(policy, || async move {
        let standing = documents::read::<LastQuote>(app.table(), key).await?;
        let (standing, version) = standing.map_or((None, None), |(quote, version)| (Some(quote), Some(version)));
        if standing.as_ref().is_some_and(|standing| !takes_the_place_of(app, fresh, standing)) {
            return Ok(None);
        }
        let next = LastQuote { seq: standing.map_or(0, |standing| standing.seq) + 1, ..fresh.clone() };
        match documents::put(app.table(), key.clone(), &next, version).await {
            Ok(_) => Ok(Some(next)),
            // The answer was lost: whether it was stored is there to be read.
            Err(error @ StoreError::Unavailable { .. }) => {
                let stands = documents::read::<LastQuote>(app.table(), key).await?;
                if stands.is_some_and(|(stands, _)| stands == next) { Ok(Some(next)) } else { Err(error.into()) }
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

fn takes_the_place_of(app: &App, fresh: &LastQuote, standing: &LastQuote) -> bool {
    if fresh.replay || standing.replay || !app.provider().gives(&standing.source) {
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
