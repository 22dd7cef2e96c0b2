//! The health of the platform.

use chrono::{DateTime, Utc};
use market::MarketClock;
use market_data::{MarketData, exchange_hours, last_run, market_clock};

use crate::verification;

/// The health of the platform.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    /// Whether the store responds.
    pub store_answers: bool,
    /// When the last scheduled refresh finished, if any.
    pub last_refresh: Option<DateTime<Utc>>,
    /// When the last verification of all books finished, if any.
    pub last_verification: Option<DateTime<Utc>>,
    /// Age of the newest price by the market clock, in seconds. For files it is the age of the latest bar; for a live
    /// provider that of the newest price in the last refresh, if any.
    pub newest_quote_age_seconds: Option<u64>,
}

/// Checks the health with two reads of the store at once.
pub async fn check(market: &MarketData) -> Health {
    let reads = futures::future::try_join(last_run::read(&market.app), verification::read_last_finish(&market.app));
    let (last, last_verification) = match reads.await {
        Ok(last) => last,
        Err(error) => {
            tracing::error!(%error, "the store does not respond");
            return Health {
                store_answers: false,
                last_refresh: None,
                last_verification: None,
                newest_quote_age_seconds: None,
            };
        }
    };
    let newest = match market.provider().clock() {
        MarketClock::StandsAt(day) => Some(exchange_hours::close_of(day)),
        MarketClock::Live => last.as_ref().and_then(|run| run.newest_quote),
    };
    Health {
        store_answers: true,
        last_refresh: last.map(|run| run.at),
        last_verification,
        newest_quote_age_seconds: newest.map(|newest| market_clock::age_seconds(market, newest)),
    }
}
