//! What a reader of figures must know about the prices that they rest on: the notes of a series as far as they concern the
//! span of the figures, and that a newer price was to be expected.

pub use quant::backtest::Warning;

use domain::{Day, Symbol, calendar};
use market::Note;
use valuation::FlowCount;

use crate::market_clock::market_day;
use crate::market_data::MarketData;
use crate::price_lines::PriceLine;
use crate::quote_record::LastQuote;
use crate::series::PriceSeries;
use crate::staleness;

/// First and last day of the bars that figures rest on, both included.
pub type Span = (Day, Day);

/// The warnings about a series of someone who asked for its symbol. A newer price is missed by a span that goes up to the
/// last bar.
#[must_use]
pub fn of_series(market: &MarketData, series: &PriceSeries, span: Span) -> Vec<Warning> {
    of_bars(market, series, span, staleness::of_bars(market, series))
}

/// The warnings about the prices of several symbols, each over its own span and under its name.
pub fn of_lines<'a>(market: &MarketData, lines: impl IntoIterator<Item = (&'a PriceLine, Span)>) -> Vec<Warning> {
    let of_line = |(line, span): (&'a PriceLine, Span)| {
        let series = line.series.as_ref()?;
        let stale = staleness::of_price(market, series, line.quote.as_ref());
        Some(named(&line.instrument.symbol, of_bars(market, series, span, stale)))
    };
    lines.into_iter().filter_map(of_line).flatten().collect()
}

/// The warnings about what a quote and the bars before it come to.
pub fn of_quote(market: &MarketData, series: &PriceSeries, quote: &LastQuote, span: Span) -> Vec<Warning> {
    let stale = staleness::of_quote(market, quote).then(|| missing(quote.day));
    stale.into_iter().chain(of_notes(&series.notes, span)).collect()
}

/// The warnings about a last price and the close before it.
pub(crate) fn of_last_price(notes: &[Note], day: Day, stale: bool) -> Vec<Warning> {
    let before = calendar::last_trading_day_on_or_before(day.plus_days(-1)).unwrap_or(day);
    stale.then(|| missing(day)).into_iter().chain(of_notes(notes, (before, day))).collect()
}

/// That so many lots of a symbol are dated after the last day of the figures; nothing where there are none.
#[must_use]
pub fn on_lots_to_come(symbol: &Symbol, count: usize, through: Day) -> Option<Warning> {
    let detail = format!("{symbol}: lots dated after {through} are no part of this: {count}.");
    (count > 0).then(|| Warning { code: "investments_to_come".to_owned(), detail })
}

/// That money of these flows was exchanged at the rate of another day; nothing where there are none.
#[must_use]
pub fn on_rates_of_another_day(symbol: &Symbol, noted: Option<FlowCount>) -> Option<Warning> {
    let what = "on days without a rate of exchange, exchanged at the last one before, else at the first one after";
    on_flows(symbol, "rate_of_another_day", noted, what)
}

/// What is to be said of some purchases and sales of a symbol; nothing where there are none.
#[must_use]
pub fn on_flows(symbol: &Symbol, code: &str, noted: Option<FlowCount>, what: &str) -> Option<Warning> {
    let FlowCount { flows, first } = noted?;
    let detail = format!("{symbol}: purchases and sales {what}: {flows}, the first on {first}.");
    Some(Warning { code: code.to_owned(), detail })
}

/// The same warnings, each with the symbol that it is about.
#[must_use]
pub fn named(symbol: &Symbol, warnings: Vec<Warning>) -> Vec<Warning> {
    let name = |warning: Warning| Warning { detail: format!("{symbol}: {}", warning.detail), ..warning };
    warnings.into_iter().map(name).collect()
}

fn of_bars(market: &MarketData, series: &PriceSeries, span: Span, stale: bool) -> Vec<Warning> {
    let stale = (stale && span.1 >= series.last).then(|| missing(series.last));
    let to_come = (series.to_come > 0).then(|| Warning {
        code: "prices_to_come".to_owned(),
        detail: format!("Prices dated after {} are no part of this: {}.", market_day(market), series.to_come),
    });
    stale.into_iter().chain(to_come).chain(of_notes(&series.notes, span)).collect()
}

fn of_notes(notes: &[Note], (from, to): Span) -> impl Iterator<Item = Warning> {
    let concerning = notes.iter().filter_map(move |note| note.within(from, to));
    concerning.map(|note| Warning { code: note.code().to_owned(), detail: note.to_string() })
}

fn missing(last: Day) -> Warning {
    let detail = format!("A newer price than that of {last} was expected and could not be had.");
    Warning { code: "stale".to_owned(), detail }
}
