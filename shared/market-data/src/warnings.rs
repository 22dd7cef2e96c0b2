//! Warnings about the prices that figures are based on: the notes of a series that concern the span of the figures, and
//! missing newer prices.

pub use quant::backtest::Warning;

use domain::{Currency, Day, Symbol, calendar};
use market::Note;
use valuation::FlowCount;

use crate::market_clock::market_day;
use crate::market_data::MarketData;
use crate::price_lines::PriceLine;
use crate::quote_record::LastQuote;
use crate::series::PriceSeries;
use crate::staleness;

/// First and last day of the bars that figures are based on, both included.
pub type Span = (Day, Day);

/// The warnings about a series, in a response about its symbol. A missing newer price concerns a span that reaches the
/// last bar.
#[must_use]
pub fn of_series(market: &MarketData, series: &PriceSeries, span: Span) -> Vec<Warning> {
    of_bars(market, series, span, staleness::of_bars(market, series))
}

/// The warnings about the prices of several symbols, each over its own span and with its name.
pub fn of_lines<'a>(market: &MarketData, lines: impl IntoIterator<Item = (&'a PriceLine, Span)>) -> Vec<Warning> {
    let of_line = |(line, span): (&'a PriceLine, Span)| {
        let series = line.series.as_ref()?;
        let stale = staleness::of_price(market, series, line.quote.as_ref());
        Some(named(&line.instrument.symbol, of_bars(market, series, span, stale)))
    };
    lines.into_iter().filter_map(of_line).flatten().collect()
}

/// The warnings about a quote and the bars before it.
pub fn of_quote(market: &MarketData, series: &PriceSeries, quote: &LastQuote, span: Span) -> Vec<Warning> {
    let stale = staleness::of_quote(market, quote).then(|| missing(quote.day));
    stale.into_iter().chain(of_notes(&series.notes, span)).collect()
}

/// The warnings about a last price and the close before it.
pub(crate) fn of_last_price(notes: &[Note], day: Day, stale: bool) -> Vec<Warning> {
    let before = calendar::last_trading_day_on_or_before(day.plus_days(-1)).unwrap_or(day);
    stale.then(|| missing(day)).into_iter().chain(of_notes(notes, (before, day))).collect()
}

/// Warns that a number of lots of a symbol are dated after the last day of the figures; none if there are none.
#[must_use]
pub fn on_lots_to_come(symbol: &Symbol, count: usize, through: Day) -> Option<Warning> {
    let detail = format!("{symbol}: lots dated after {through} are not included: {count}.");
    (count > 0).then(|| Warning { code: "investments_to_come".to_owned(), detail })
}

/// Warns that a number of activities of a symbol other than its lots are dated after the last day of the figures; none if
/// there are none.
#[must_use]
pub fn on_activities_to_come(symbol: &Symbol, count: usize, through: Day) -> Option<Warning> {
    let detail = format!("{symbol}: sales, transfers and splits dated after {through} are not included: {count}.");
    (count > 0).then(|| Warning { code: "activities_to_come".to_owned(), detail })
}

/// Warns that a number of activities that move cash are dated after the last day of the figures; none if there are none.
#[must_use]
pub fn on_cash_to_come(count: usize, through: Day) -> Option<Warning> {
    let detail = format!("Activities that move cash and are dated after {through} are not included: {count}.");
    (count > 0).then(|| Warning { code: "activities_to_come".to_owned(), detail })
}

/// Warns that days have no return, or only part of it, since the value with its cash was not above zero; none if there is
/// no day.
#[must_use]
pub fn on_days_without_return(days: &[Day]) -> Option<Warning> {
    let (first, count) = (days.first()?, days.len());
    let detail =
        format!("The value with its cash was not above zero, so a return is left out: {count} days, first {first}.");
    Some(Warning { code: "no_return".to_owned(), detail })
}

/// Warns that tracked cash of a currency was below zero, from the end of this day on.
#[must_use]
pub fn on_debt(currency: Currency, first: Day) -> Warning {
    let detail = format!("{currency}: more cash left than came in, first at the end of {first}.");
    Warning { code: "cash_below_zero".to_owned(), detail }
}

/// Warns that a number of activities are in no figure, since they move cash of no instrument and the portfolio does not
/// track its cash; none if there are none.
#[must_use]
pub fn on_cash_not_counted(count: usize) -> Option<Warning> {
    let detail =
        format!("Activities that move cash of no instrument are not counted, since cash is not tracked: {count}.");
    (count > 0).then(|| Warning { code: "cash_not_counted".to_owned(), detail })
}

/// Warns that a number of sales and transfers of a symbol took the oldest lots, because they name none although the lot
/// method is `specific`; none if there are none.
#[must_use]
pub fn on_lots_not_named(symbol: &Symbol, count: usize) -> Option<Warning> {
    let detail = format!("{symbol}: sales and transfers that name no lots took the oldest: {count}.");
    (count > 0).then(|| Warning { code: "lots_not_named".to_owned(), detail })
}

/// Warns that money of these flows was converted at the rate of another day; none if there are none.
#[must_use]
pub fn on_rates_of_another_day(symbol: &Symbol, noted: Option<FlowCount>) -> Option<Warning> {
    let what = "on days without an exchange rate, converted at the last earlier rate, else at the first later one";
    on_flows(symbol, "rate_of_another_day", noted, what)
}

/// A warning about some purchases and sales of a symbol; none if there are none.
#[must_use]
pub fn on_flows(symbol: &Symbol, code: &str, noted: Option<FlowCount>, what: &str) -> Option<Warning> {
    let FlowCount { flows, first } = noted?;
    let detail = format!("{symbol}: purchases and sales {what}: {flows}, the first on {first}.");
    Some(Warning { code: code.to_owned(), detail })
}

/// The same warnings, each beginning with its symbol.
#[must_use]
pub fn named(symbol: &Symbol, warnings: Vec<Warning>) -> Vec<Warning> {
    let name = |warning: Warning| Warning { detail: format!("{symbol}: {}", warning.detail), ..warning };
    warnings.into_iter().map(name).collect()
}

fn of_bars(market: &MarketData, series: &PriceSeries, span: Span, stale: bool) -> Vec<Warning> {
    let stale = (stale && span.1 >= series.last).then(|| missing(series.last));
    let to_come = (series.to_come > 0).then(|| Warning {
        code: "prices_to_come".to_owned(),
        detail: format!("Prices dated after {} are not included: {}.", market_day(market), series.to_come),
    });
    stale.into_iter().chain(to_come).chain(of_notes(&series.notes, span)).collect()
}

fn of_notes(notes: &[Note], (from, to): Span) -> impl Iterator<Item = Warning> {
    let concerning = notes.iter().filter_map(move |note| note.within(from, to));
    concerning.map(|note| Warning { code: note.code().to_owned(), detail: note.to_string() })
}

fn missing(last: Day) -> Warning {
    let detail = format!("A newer price than that of {last} should exist but is not available.");
    Warning { code: "stale".to_owned(), detail }
}
