//! A replay of old prices: each day's closes are published as if they were current quotes, and marked as a replay's.

use app::error::ServiceError;
use market::{OnBehalfOf, ProviderError};
use market_data::market_clock::market_day;
use market_data::quote_store::{self, Origin};
use market_data::{MarketData, tracked_symbols};

use super::publication::QuotePublication;
use super::refresh_log::RefreshLog;

/// Stores and publishes the quotes of the market's day of all tracked symbols; returns how many were published. A
/// symbol without a bar of the day has none.
///
/// Errors: the store's, if the tracked symbols cannot be read. A symbol that fails does not affect the others.
pub async fn replay_day(market: &MarketData) -> Result<usize, ServiceError> {
    let day = market_day(market);
    let mut publication = QuotePublication::default();
    for symbol in tracked_symbols::list_tracked(&market.app).await? {
        match market.provider().fetch_quote(&symbol, market.budget_for(OnBehalfOf::Schedule)).await {
            Ok(quote) if quote.day == day => match quote_store::record(market, &quote, Origin::Replay).await {
                Ok(stored) => stored.into_iter().for_each(|stored| publication.add(stored)),
                Err(error) => tracing::warn!(%symbol, %error, "a replayed quote was not stored"),
            },
            // It was not traded on that day, or not listed yet.
            Ok(_) | Err(ProviderError::UnknownSymbol) => {}
            Err(error) => tracing::warn!(%symbol, %error, "not replayed"),
        }
    }
    // A replay may start over and publishes each day once: it needs no log.
    publication.publish(&market.app, &mut RefreshLog::default()).await;
    Ok(publication.published())
}
