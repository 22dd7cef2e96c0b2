//! The price that an order meets: the close of the last bar that is stored of an instrument.

use std::sync::Arc;

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::America::New_York;
use domain::split::splits_of;
use domain::{Currency, CustomerId, Day, Price, Split, Symbol};

use crate::error::ServiceError;
use crate::history::Series;
use crate::market_clock::market_day;
use crate::{App, instruments};

/// A quote older than this, by the market's clock, is no price to trade at.
pub const MAX_AGE_DAYS: i32 = 7;

/// When a session's close is set, in New York.
const CLOSE: NaiveTime = match NaiveTime::from_hms_opt(16, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// A price to trade at.
#[derive(Clone, Debug)]
pub struct Quote {
    /// The price of one unit.
    pub price: Price,
    /// Its currency.
    pub currency: Currency,
    /// The day of the bar; the price and every quantity traded at it are in units of this day.
    pub day: Day,
    /// Of when it is.
    pub as_of: DateTime<Utc>,
    /// The splits of the instrument, oldest first.
    pub splits: Vec<Split>,
}

/// The stored quote of an instrument.
///
/// Errors: [`ServiceError::PriceUnavailable`] where it is older than [`MAX_AGE_DAYS`], or no price in exact decimals;
/// [`ServiceError::UnknownSymbol`].
pub async fn tradable(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<Quote, ServiceError> {
    let series: Arc<Series> = instruments::prices(app, customer, symbol).await?;
    let stale = || ServiceError::PriceUnavailable { symbol: symbol.clone(), last: series.last };
    if market_day(app).days_since(series.last) > MAX_AGE_DAYS {
        return Err(stale());
    }
    let close = series.bars.close().last().copied().ok_or_else(stale)?;
    let price = Price::from_bar(close).map_err(|_| stale())?;
    let splits = splits_of(&series.bars).map_err(|error| ServiceError::fault("splits", error))?;
    Ok(Quote { price, currency: series.currency, day: series.last, as_of: close_of(series.last), splits })
}

/// The instant at which the session of a day closes.
#[must_use]
pub fn close_of(day: Day) -> DateTime<Utc> {
    let local = day.date().and_time(CLOSE);
    // 16:00 exists once on every day in New York; clocks change at two in the morning.
    local.and_local_timezone(New_York).earliest().map_or_else(|| local.and_utc(), |time| time.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_closes_at_four_in_new_york_summer_and_winter() {
        let close = |day: &str| close_of(day.parse().unwrap()).to_rfc3339();
        assert_eq!(close("2013-03-01"), "2013-03-01T21:00:00+00:00");
        assert_eq!(close("2013-07-01"), "2013-07-01T20:00:00+00:00");
    }
}
