//! The chart endpoint: `meta`, `timestamp`, columns and events.

use std::collections::BTreeMap;

use chrono::DateTime;
use domain::decimal::DecimalError;
use domain::{Day, Instrument, InstrumentType, Symbol};
use serde::Deserialize;

use super::days;
use super::notation::{currency_of, to_yahoo};
use super::search::{kind, non_blank};
use super::settings::SOURCE;
use crate::error::ProviderError;
use crate::events::{self, Event};
use crate::exact::Digits;
use crate::history::{Basis, History};
use crate::http::Refusal;
use crate::note::Note;
use crate::number::Float;
use crate::price_unit::PriceUnit;
use crate::quote::Quote;
use crate::series::{CheckedBars, Declared, Feed, Row, check};
use crate::symbols::Named;

/// The range of the chart that gives the last price.
pub(super) const LAST_DAY: &str = "1d";

/// A symbol in Yahoo's notation.
#[derive(Clone, Debug)]
pub(super) struct YahooSymbol {
    pub(super) symbol: Symbol,
    pub(super) as_yahoo_writes_it: String,
    pub(super) named: Named,
}

impl YahooSymbol {
    pub(super) fn of(symbol: &Symbol) -> Result<Self, ProviderError> {
        let (as_yahoo_writes_it, named) = to_yahoo(symbol)?;
        Ok(Self { symbol: symbol.clone(), as_yahoo_writes_it, named })
    }
}

#[derive(Deserialize)]
struct Answer {
    chart: Option<Chart>,
}

#[derive(Deserialize)]
struct Chart {
    result: Option<Vec<ChartResult>>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: Option<String>,
}

#[derive(Deserialize)]
struct ChartResult {
    meta: Meta,
    timestamp: Option<Vec<i64>>,
    indicators: Option<Indicators>,
    events: Option<Events>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    symbol: Option<String>,
    currency: Option<String>,
    instrument_type: Option<String>,
    full_exchange_name: Option<String>,
    long_name: Option<String>,
    short_name: Option<String>,
    #[serde(rename = "gmtoffset")]
    offset: Option<i64>,
    first_trade_date: Option<i64>,
    regular_market_time: Option<i64>,
    regular_market_price: Option<Digits>,
    previous_close: Option<Digits>,
    chart_previous_close: Option<Digits>,
    data_granularity: Option<String>,
    range: Option<String>,
}

#[derive(Deserialize)]
struct Indicators {
    quote: Vec<Columns>,
    #[serde(default)]
    adjclose: Vec<AdjustedCloses>,
}

#[derive(Deserialize)]
struct Columns {
    #[serde(default)]
    open: Vec<Float>,
    #[serde(default)]
    high: Vec<Float>,
    #[serde(default)]
    low: Vec<Float>,
    #[serde(default)]
    close: Vec<Float>,
    #[serde(default)]
    volume: Vec<Float>,
}

#[derive(Deserialize)]
struct AdjustedCloses {
    #[serde(default)]
    adjclose: Vec<Float>,
}

#[derive(Deserialize)]
struct Events {
    #[serde(default)]
    splits: BTreeMap<String, Split>,
    #[serde(default)]
    dividends: BTreeMap<String, Dividend>,
}

#[derive(Deserialize)]
struct Split {
    date: i64,
    numerator: Float,
    denominator: Float,
}

#[derive(Deserialize)]
struct Dividend {
    date: i64,
    amount: Float,
}

/// Reads a history, checked.
pub(super) fn read_history(body: &[u8], asked: &YahooSymbol) -> Result<History, Refusal> {
    let found = found(body, asked)?;
    let unit = price_unit(&found.meta, asked)?;
    if found.meta.data_granularity.as_ref().is_some_and(|granularity| granularity != "1d") {
        return Err(Refusal::malformed("does not have daily bars"));
    }
    let mut rows = rows(&found)?;
    for row in &mut rows {
        unit.apply(row);
    }
    // A currency pair has no events. A share's missing events may not have been reported.
    let events_known = found.events.is_some() || asked.named != Named::Listed;
    let declared = Declared {
        feed: Feed::Live,
        basis: Basis::SplitAdjusted,
        splits_known: events_known,
        dividends_known: events_known,
        prices_include_dividends: false,
        last_day: found.meta.regular_market_time.and_then(|now| days::at(now, 0)).map(|today| today.plus_days(1)),
    };
    let CheckedBars { bars, basis, mut notes, held_back } = check(rows, declared);
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return Err(Refusal::malformed("has no usable bar"));
    };
    if days::is_cut_off(found.meta.first_trade_date, first.date, last.date) {
        notes.push(Note::CompactHistory);
    }
    Ok(History { source: SOURCE, bars, basis, currency: unit.currency, notes, held_back })
}

/// Reads the last price, from its digits.
pub(super) fn read_quote(body: &[u8], asked: &YahooSymbol) -> Result<Quote, Refusal> {
    let meta = found(body, asked)?.meta;
    let time = meta.regular_market_time.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let unit = price_unit(&meta, asked)?;
    let price = |digits: Option<&Digits>| {
        digits.map_or(Err(DecimalError::NotANumber), Digits::price).and_then(|price| unit.price(price))
    };
    let last = price(meta.regular_market_price.as_ref()).map_err(Refusal::no_price)?;
    let time = time.ok_or_else(|| Refusal::malformed("has no price"))?;
    // The close before the chart is the previous close only if the chart covers one day.
    let of_a_day = meta.range.as_ref().is_none_or(|range| range == LAST_DAY);
    let before_chart = meta.chart_previous_close.as_ref().filter(|_| of_a_day);
    let previous_close = price(meta.previous_close.as_ref().or(before_chart)).ok();
    let day = days::at(time.timestamp(), meta.offset.unwrap_or(0));
    let day = day.ok_or_else(|| Refusal::malformed("has no valid day"))?;
    Ok(Quote {
        symbol: asked.symbol.clone(),
        price: last,
        previous_close,
        currency: unit.currency,
        day,
        as_of: Some(time),
        source: SOURCE,
    })
}

/// Reads the metadata of the symbol.
pub(super) fn read_instrument(body: &[u8], asked: &YahooSymbol) -> Result<Instrument, Refusal> {
    let meta = found(body, asked)?.meta;
    Ok(Instrument {
        currency: price_unit(&meta, asked)?.currency,
        name: non_blank(meta.long_name).or(non_blank(meta.short_name)).unwrap_or_else(|| asked.symbol.to_string()),
        instrument_type: kind(meta.instrument_type.as_deref()).unwrap_or(InstrumentType::Stock),
        exchange: non_blank(meta.full_exchange_name),
        sector: None,
        symbol: asked.symbol.clone(),
    })
}

fn found(body: &[u8], asked: &YahooSymbol) -> Result<ChartResult, Refusal> {
    let Ok(Answer { chart: Some(chart) }) = serde_json::from_slice(body) else {
        return Err(Refusal::malformed("is not JSON of the expected form"));
    };
    let Some(found) = chart.result.and_then(|results| results.into_iter().next()) else {
        return Err(match chart.error.and_then(|fault| fault.code).as_deref() {
            Some("Not Found") => ProviderError::UnknownSymbol.into(),
            Some("Too Many Requests") => Refusal::TooFast,
            Some(_) => Refusal::malformed("holds a message instead of data"),
            None => Refusal::malformed("has no data"),
        });
    };
    if !found.meta.symbol.as_ref().is_some_and(|symbol| symbol.eq_ignore_ascii_case(&asked.as_yahoo_writes_it)) {
        return Err(Refusal::malformed("is about another symbol"));
    }
    Ok(found)
}

/// The unit of the prices: `GBp`, `ZAc` and `ILA` are hundredths, and so are Yahoo's dividends in them.
fn price_unit(meta: &Meta, asked: &YahooSymbol) -> Result<PriceUnit, Refusal> {
    let unit = match &meta.currency {
        Some(code) => code.parse().ok(),
        None => currency_of(&asked.symbol).map(PriceUnit::of),
    };
    unit.ok_or_else(|| Refusal::malformed("has a currency that is not in ISO 4217"))
}

/// The columns as rows with their events, split-adjusted like the columns.
fn rows(found: &ChartResult) -> Result<Vec<Row>, Refusal> {
    let no_bars = || Refusal::malformed("has no bars");
    let times = found.timestamp.as_ref().filter(|times| !times.is_empty()).ok_or_else(no_bars)?;
    let indicators = found.indicators.as_ref().ok_or_else(no_bars)?;
    let columns = indicators.quote.first().ok_or_else(no_bars)?;
    let adjusted = indicators.adjclose.first().map(|column| column.adjclose.as_slice()).unwrap_or_default();
    let is_whole = |column: &[Float]| column.len() == times.len();
    let prices = [&columns.open, &columns.high, &columns.low, &columns.close];
    let is_whole_or_missing = |column: &[Float]| column.is_empty() || is_whole(column);
    if !prices.into_iter().all(|column| is_whole(column))
        || !is_whole_or_missing(&columns.volume)
        || !is_whole_or_missing(adjusted)
    {
        return Err(Refusal::malformed("has columns of different lengths"));
    }
    let days = days::Days { offset: found.meta.offset.unwrap_or(0), now: found.meta.regular_market_time };
    let row = |(place, &time): (usize, &i64)| {
        let [open, high, low, close] = prices.map(|column| column[place].0);
        let adjusted_close = adjusted.get(place).map(|adjusted| adjusted.0).filter(|adjusted| !adjusted.is_nan());
        // A missing volume is zero: currencies have none.
        let volume = columns.volume.get(place).map(|volume| volume.0).filter(|volume| !volume.is_nan()).unwrap_or(0.0);
        let date = days.of(time)?;
        Some(Row { date, open, high, low, close, volume, adjusted_close, split_ratio: 1.0, dividend: 0.0 })
    };
    let rows: Option<Vec<Row>> = times.iter().enumerate().map(row).collect();
    let mut rows = rows.ok_or_else(|| Refusal::malformed("has a time outside the calendar"))?;
    if let Some(events) = &found.events {
        let splits = events.splits.values().map(|split| (split.date, split.numerator.0 / split.denominator.0));
        events::apply_splits(&mut rows, &by_day(splits, &days));
        let dividends = events.dividends.values().map(|dividend| (dividend.date, dividend.amount.0));
        events::apply_dividends(&mut rows, &by_day(dividends, &days));
    }
    Ok(rows)
}

/// Events by day, one for each day. Events that cannot be applied are skipped.
fn by_day(events: impl Iterator<Item = (i64, f64)>, days: &days::Days) -> Vec<Event> {
    let mut by_day: BTreeMap<Day, f64> = BTreeMap::new();
    for (time, value) in events.filter(|(_, value)| value.is_finite() && *value > 0.0) {
        if let Some(day) = days.of(time) {
            let largest = by_day.entry(day).or_insert(value);
            *largest = largest.max(value);
        }
    }
    by_day.into_iter().map(|(date, value)| Event { date, value }).collect()
}

#[cfg(test)]
mod tests;
