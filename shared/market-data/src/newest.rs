//! Decides whether the stored quote or the last bar of an instrument is its current price.

use domain::{Price, calendar};
use market::MarketClock;
use rust_decimal::Decimal;

use crate::exchange_hours::close_of;
use crate::market_data::MarketData;
use crate::quote_record::LastQuote;
use crate::series::PriceSeries;

/// The current price of an instrument: its stored quote or its last bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Newest<'a> {
    /// The close of the last bar.
    Bar,
    /// The quote, which is later than the bar.
    Quote(&'a LastQuote),
    /// The quote is later, but does not match the bars: there may be a split that is not known yet. The next bars will
    /// confirm it or not.
    Unconfirmed(&'a LastQuote),
}

/// Decides whether a quote or the last bar of a series is the current price. A quote of another source than the
/// provider's, or of a finished replay, does not count.
pub fn newest<'a>(market: &MarketData, series: &PriceSeries, quote: Option<&'a LastQuote>) -> Newest<'a> {
    match quote.filter(|quote| is_usable(market, quote)) {
        Some(quote) if (quote.day, quote.as_of) >= (series.last, close_of(series.last)) => {
            if confirmed(series, quote) {
                Newest::Quote(quote)
            } else {
                Newest::Unconfirmed(quote)
            }
        }
        _ => Newest::Bar,
    }
}

/// Whether a stored quote is of a source of the provider and belongs to the current replay, or to none.
#[must_use]
pub fn is_usable(market: &MarketData, quote: &LastQuote) -> bool {
    match market.provider().clock() {
        MarketClock::Live => !quote.replay && market.provider().gives(&quote.source),
        MarketClock::StandsAt(day) => quote.replay && quote.day <= day,
    }
}

/// Whether a quote can be in the units of the last bar.
///
/// Only bars report splits. Between the last bar and a later quote there may be an unknown split, and a price in new
/// units must not be applied to a position in old ones. If the quote's previous close differs from the close of the
/// last bar, there was such a split. If it is equal, nothing is proven: it may have been taken from the bar, or
/// reported by the provider as it was on that day.
fn confirmed(series: &PriceSeries, quote: &LastQuote) -> bool {
    let close = series.last_close().ok().map(Price::amount);
    let Some(close) = close.filter(|_| series.currency == quote.currency) else { return false };
    let price = quote.price.amount();
    let near = |one: Decimal, other: Decimal, percent: i64| {
        (one - other).abs().checked_mul(Decimal::ONE_HUNDRED).is_some_and(|off| off <= other * Decimal::from(percent))
    };
    if !near(price, close, 50) {
        return false;
    }
    if quote.day == series.last {
        return true;
    }
    let before = calendar::last_trading_day_on_or_before(quote.day.plus_days(-1));
    let of_the_last_bar = quote.previous_close.filter(|_| before == Some(series.last));
    if of_the_last_bar.is_some_and(|previous| !near(previous.amount(), close, 2)) {
        return false;
    }
    // Two for one and three for two are the splits that a move of less than a half can hide.
    !near(price * Decimal::TWO, close, 5) && !near(price * Decimal::new(15, 1), close, 5)
}
