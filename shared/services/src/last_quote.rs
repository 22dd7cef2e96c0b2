//! The last quote of an instrument: kept in the table, numbered, and told to whoever listens.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Currency, Day, Price, Symbol};
use serde::{Deserialize, Serialize};
use store::{documents, keys};
use utoipa::ToSchema;

use crate::App;
use crate::error::ServiceError;

/// What stands as `detail-type` in the event that tells of new quotes; its detail is [`QuotesRefreshed`].
pub const QUOTES_REFRESHED: &str = "quotes.refreshed";
/// Most quotes of one event.
pub const MAX_QUOTES_AN_EVENT: usize = 1000;

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
    pub as_of: DateTime<Utc>,
    /// The source that gave it.
    pub source: String,
    /// Grows with each new quote of the symbol: whoever has seen a number ignores what is not above it.
    pub seq: u64,
    /// When it was asked for.
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

/// The last quotes of these symbols, of those that have one; strongly consistent.
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
