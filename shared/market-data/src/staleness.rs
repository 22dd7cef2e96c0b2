//! Whether a newer price should exist. Holdings, quotes, bars, backtests, forecasts and reports all use this, so that
//! they agree about a price.

use chrono::TimeDelta;
use domain::{Day, calendar};
use market::MarketClock;

use crate::exchange_hours::{bars_out, close_of, until_close};
use crate::market_data::MarketData;
use crate::newest::{Newest, newest};
use crate::quote_record::LastQuote;
use crate::series::PriceSeries;

/// While the exchange is open a quote older than this is stale: two slots of the refresh.
const FRESH_MINUTES: i64 = 30;

/// The last session whose prices should be available: with files the last trading day up to their own, with a live
/// provider the last one whose bars are out.
fn expected(market: &MarketData) -> Day {
    match market.clock() {
        MarketClock::StandsAt(day) => calendar::last_trading_day_on_or_before(day).unwrap_or(day),
        MarketClock::Live => bars_out(market.app.now()).session,
    }
}

/// Whether a newer bar than the last of these should exist, or the request for one failed. Never for a custom
/// instrument, whose owner supplies the values.
#[must_use]
pub fn of_bars(market: &MarketData, series: &PriceSeries) -> bool {
    !series.symbol.is_custom() && (series.stale || series.last < expected(market))
}

/// Whether a newer quote than this one should exist.
pub(crate) fn of_quote(market: &MarketData, quote: &LastQuote) -> bool {
    let expected = expected(market);
    let is_of_a_session_under_way =
        quote.day > expected && market.clock() == MarketClock::Live && until_close(market.app.now()).is_some();
    let is_old = market.app.now() - quote.as_of > TimeDelta::minutes(FRESH_MINUTES);
    quote.as_of < close_of(expected) || (is_of_a_session_under_way && is_old)
}

/// Whether a newer price than the newer one of these bars and this quote should exist.
pub(crate) fn of_price(market: &MarketData, series: &PriceSeries, quote: Option<&LastQuote>) -> bool {
    match newest(market, series, quote) {
        Newest::Quote(quote) => of_quote(market, quote),
        Newest::Bar | Newest::Unconfirmed(_) => of_bars(market, series),
    }
}
