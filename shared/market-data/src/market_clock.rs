//! The market's "now": the provider's last bar for files, the last finished session when live.

use app::{App, ServiceError};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Day;
use market::MarketClock;

use crate::exchange_hours::{close_of, last_finished_session};
use crate::market_data::MarketData;

/// A quote older than this, by the market's clock, is not a price to trade at.
pub(crate) const MAX_AGE_DAYS: i32 = 7;

/// The last day for which a daily bar can be expected.
#[must_use]
pub fn market_day(market: &MarketData) -> Day {
    match market.clock() {
        MarketClock::StandsAt(day) => day,
        MarketClock::Live => last_finished_session(market.app.now()),
    }
}

/// The market as it was at the close of a day, or as it is without one.
///
/// Errors: [`ServiceError::Field`] `as_of` for a day after the market's today.
pub fn at_close(market: &MarketData, as_of: Option<Day>) -> Result<MarketData, ServiceError> {
    let Some(day) = as_of else { return Ok(market.clone()) };
    let today = market_day(market);
    if day > today {
        let detail = format!("must not be after the market's today, {today}");
        return Err(ServiceError::Field { field: "as_of", detail });
    }
    Ok(market.at_close_of(day))
}

/// The last day whose lots count as held: the market's today, and during a session the day of the quote that exists
/// already. Later lots are not counted yet.
#[must_use]
pub fn held_through(market: &MarketData, last_price: Option<Day>) -> Day {
    match market.clock() {
        MarketClock::StandsAt(day) => day,
        MarketClock::Live => last_price.map_or(market_day(market), |day| day.max(market_day(market))),
    }
}

/// The instant from which the age of prices is computed: the wall clock's, or the close of the day at which the
/// provider's clock stands.
fn market_now(market: &MarketData) -> DateTime<Utc> {
    match market.clock() {
        MarketClock::StandsAt(day) => close_of(day),
        MarketClock::Live => market.app.now(),
    }
}

/// Seconds since an instant by the market's clock; 0 for an instant in the future.
#[must_use]
pub fn age_seconds(market: &MarketData, as_of: DateTime<Utc>) -> u64 {
    u64::try_from((market_now(market) - as_of).num_seconds()).unwrap_or(0)
}

/// Today in the time zone where it begins first (UTC+14), so that no customer's own today is refused as a day in the
/// future.
#[must_use]
pub fn latest_day_anywhere(app: &App) -> Day {
    Day::try_from((app.now() + TimeDelta::hours(14)).date_naive()).unwrap_or(Day::LAST)
}
