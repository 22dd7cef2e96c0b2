//! The last price of a holding and the close before it.

use chrono::Weekday;
use domain::{Bars, Currency, Day, Price, Split, SplitRatio, calendar};
use market::MarketClock;
use market_data::MarketData;
use market_data::market_clock::{held_through, market_day};
use market_data::price_lines::PriceLine;
use valuation::{Quoted, Unvalued};

/// This many bars include one of a weekend if weekends trade.
const DAYS_OF_A_WEEK: usize = 7;

/// The last price of a symbol, if it is in the currency that its lots were paid in.
pub(super) fn quoted(
    market: &MarketData,
    line: &PriceLine,
    currency: Currency,
    splits: &[Split],
) -> Result<Quoted, Unvalued> {
    let series = line.series_in(currency).ok_or(Unvalued::PriceUnavailable)?;
    let bars = &series.bars;
    let last = bars.last().ok_or(Unvalued::PriceUnavailable)?;
    let of_the_day = |day: Day| is_of_the_day(market, bars, day);
    if let Some(quote) = line.newer_quote(market) {
        // The previous close of a quote is in the units of the quote's day.
        let previous_close = quote.previous_close.or_else(|| series.close_before(quote.day));
        return Ok(Quoted {
            price: quote.price,
            day: quote.day,
            stale: line.is_stale(market),
            of_the_day: of_the_day(quote.day),
            previous_close,
            split_ratio: SplitRatio::ONE,
        });
    }
    let before = bars.len().checked_sub(2).map(|at| bars.close()[at]);
    let split = splits.last().filter(|split| split.day == last.date);
    Ok(Quoted {
        price: series.last_close().map_err(Unvalued::from)?,
        day: last.date,
        stale: line.is_stale(market),
        of_the_day: of_the_day(last.date),
        previous_close: before.and_then(|close| Price::from_bar(close).ok()),
        split_ratio: split.map_or(SplitRatio::ONE, |split| split.ratio),
    })
}

/// Whether a last price is of the last or the current session. If weekends trade too, whether it is of the same day,
/// which for a live provider is a day of UTC: Saturday's move is not news on Sunday.
fn is_of_the_day(market: &MarketData, bars: &Bars, day: Day) -> bool {
    let today = market_day(market);
    let dates = bars.dates();
    let last_week = &dates[dates.len().saturating_sub(DAYS_OF_A_WEEK)..];
    let is_weekend = |date: &Day| matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
    if is_weekend(&day) || last_week.iter().any(is_weekend) {
        return match market.clock() {
            MarketClock::StandsAt(today) => day == today,
            MarketClock::Live => Day::try_from(market.app.now().date_naive()).is_ok_and(|now| day == now),
        };
    }
    let session = calendar::last_trading_day_on_or_before(today);
    session.is_none_or(|session| day >= session) && day <= held_through(market, Some(day))
}
