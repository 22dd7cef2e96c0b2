//! The last quote of an instrument as it is stored, and the event that publishes new quotes.

use chrono::{DateTime, Utc};
use domain::{Currency, Day, DecimalError, Price, Symbol};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::exchange_hours::close_of;
use crate::series::PriceSeries;

/// The `detail-type` of the event that publishes new quotes; its detail is [`QuotesRefreshed`].
pub const QUOTES_REFRESHED: &str = "quotes.refreshed";

/// Most quotes of one event.
pub const MAX_QUOTES_AN_EVENT: usize = 1000;

/// The last quote of an instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LastQuote {
    /// The instrument.
    pub symbol: Symbol,
    /// Price of one unit.
    pub price: Price,
    /// Close of the trading day before, in units of `day`, if known.
    #[schema(required)]
    pub previous_close: Option<Price>,
    /// Currency of both.
    pub currency: Currency,
    /// Trading day of the price; its units are those of this day.
    pub day: Day,
    /// The instant of the price.
    #[serde(with = "domain::instant")]
    pub as_of: DateTime<Utc>,
    /// The source of the price.
    pub source: String,
    /// Grows with each new quote of the symbol: a receiver ignores a quote whose number is not above the last one that
    /// it has seen. 0 if the price is the close of a bar and no quote was ever stored.
    pub seq: u64,
    /// When it was requested.
    #[serde(with = "domain::instant")]
    pub fetched_at: DateTime<Utc>,
    /// Set if it is from a replay of old prices.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
}

/// The event that publishes new quotes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuotesRefreshed {
    /// At most [`MAX_QUOTES_AN_EVENT`], each symbol once.
    pub quotes: Vec<LastQuote>,
}

/// The close of the last bar as a quote, without a number.
///
/// Errors: why it is not a price in exact decimals.
pub fn of_last_bar(series: &PriceSeries) -> Result<LastQuote, DecimalError> {
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
