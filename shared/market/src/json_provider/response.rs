//! Reads a response by the pointers of the configuration.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{Day, Symbol};
use serde::de::DeserializeSeed;
use serde_json::Value;
use serde_json::value::RawValue;

use super::configuration::{BarsSection, Configuration, DateFormat, Layout, Pointer, Prices, QuoteSection, SOURCE};
use crate::call_limits::PAUSE_UNSAID;
use crate::error::ProviderError;
use crate::exact::Digits;
use crate::history::{Basis, History};
use crate::http::Refusal;
use crate::note::Note;
use crate::number::{Number, Ratio};
use crate::price_unit::PriceUnit;
use crate::quote::Quote;
use crate::series::{CheckedBars, Declared, Feed, Row, check};
use crate::symbols::{Named, named};

/// If the first bar is this many days after `{from}` at most, older ones were not requested.
const HOLIDAYS: i32 = 10;

/// What was requested.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) configuration: Arc<Configuration>,
    pub(super) symbol: Symbol,
    pub(super) from: Day,
    /// The day of the wall clock.
    pub(super) today: Day,
}

/// Reads a history, checked.
pub(super) fn read_history(body: &[u8], asked: &Asked) -> Result<History, Refusal> {
    let configuration = &asked.configuration;
    let answer: Value = serde_json::from_slice(body).map_err(|_| Refusal::malformed("is not JSON"))?;
    refuse_error(configuration, |code| answer.pointer(&code.text).and_then(text_of))?;
    let bars = &configuration.bars;
    let unit = unit(asked, bars.currency.as_ref(), |at| answer.pointer(&at.text).and_then(text_of))?;
    let mut rows = rows(&answer, bars)?;
    for row in &mut rows {
        unit.apply(row);
    }
    let declared = Declared {
        feed: Feed::Live,
        basis: if configuration.prices == Prices::Quoted { Basis::Quoted } else { Basis::SplitAdjusted },
        splits_known: bars.split.is_some(),
        dividends_known: bars.dividend.is_some(),
        prices_include_dividends: configuration.prices == Prices::Adjusted,
        last_day: Some(asked.today.plus_days(1)),
    };
    let CheckedBars { bars: checked, basis, mut notes, held_back } = check(rows, declared);
    let Some(first) = checked.first() else { return Err(Refusal::malformed("has no usable bar")) };
    if bars.url.has_from() && first.date <= asked.from.plus_days(HOLIDAYS) {
        notes.push(Note::CompactHistory);
    }
    Ok(History { source: SOURCE, bars: checked, basis, currency: unit.currency, notes, held_back })
}

/// Reads the last price, from its digits.
pub(super) fn read_quote(body: &[u8], (asked, quote): &(Asked, QuoteSection)) -> Result<Quote, Refusal> {
    let answer: &RawValue = serde_json::from_slice(body).map_err(|_| Refusal::malformed("is not JSON"))?;
    let text =
        |at: &Pointer| find(answer, &at.text).and_then(|found| text_of(&serde_json::from_str(found.get()).ok()?));
    refuse_error(&asked.configuration, text)?;
    let unit = unit(asked, quote.currency.as_ref(), text)?;
    let digits =
        |at: &Pointer| find(answer, &at.text).and_then(|found| serde_json::from_str::<Digits>(found.get()).ok());
    let price = digits(&quote.price).ok_or_else(|| nothing_at(&quote.price))?;
    let price = price.price().and_then(|price| unit.price(price)).map_err(Refusal::no_price)?;
    let previous_close = quote.previous_close.as_ref().and_then(digits);
    let previous_close = previous_close.and_then(|digits| unit.price(digits.price().ok()?).ok());
    let date = text(&quote.date).ok_or_else(|| nothing_at(&quote.date))?;
    let (day, as_of) = moment(&date, quote.date_format).ok_or_else(|| not_at(&quote.date, "a date"))?;
    let (symbol, currency) = (asked.symbol.clone(), unit.currency);
    Ok(Quote { symbol, price, previous_close, currency, day, as_of, source: SOURCE })
}

/// The unit of the prices: that of the form of the symbol, of the response, or of the configuration.
fn unit(asked: &Asked, at: Option<&Pointer>, find: impl Fn(&Pointer) -> Option<String>) -> Result<PriceUnit, Refusal> {
    match (named(&asked.symbol), at) {
        (Some(Named::Pair { quote, .. }), _) => Ok(PriceUnit::of(quote)),
        (Some(Named::Coin { currency, .. }), _) => Ok(PriceUnit::of(currency)),
        (_, Some(at)) => {
            let code = find(at).ok_or_else(|| nothing_at(at))?;
            code.parse().map_err(|_| not_at(at, "a currency of ISO 4217"))
        }
        (_, None) => Ok(asked.configuration.unit),
    }
}

/// A refusal that comes with status 200.
fn refuse_error(
    configuration: &Configuration,
    code_at: impl Fn(&Pointer) -> Option<String>,
) -> Result<(), ProviderError> {
    let Some(errors) = &configuration.errors else { return Ok(()) };
    let Some(code) = code_at(&errors.code) else { return Ok(()) };
    if errors.unknown_symbol.contains(&code) {
        Err(ProviderError::UnknownSymbol)
    } else if errors.rate_limited.contains(&code) {
        Err(ProviderError::RateLimited { retry_after: PAUSE_UNSAID })
    } else if errors.key_refused.contains(&code) {
        Err(ProviderError::KeyRefused)
    } else {
        Ok(())
    }
}

fn rows(answer: &Value, bars: &BarsSection) -> Result<Vec<Row>, Refusal> {
    let at = |pointer: &Pointer| answer.pointer(&pointer.text).ok_or_else(|| nothing_at(pointer));
    let days: Vec<(Value, Source<'_>)> = match &bars.layout {
        Layout::Rows { rows, date } => {
            let rows = at(rows)?.as_array().ok_or_else(|| not_at(rows, "an array"))?;
            let date_of = |row: &Value| row.pointer(&date.text).cloned().ok_or_else(|| nothing_at(date));
            rows.iter().map(|row| Ok((date_of(row)?, Source::Row(row)))).collect::<Result<_, Refusal>>()?
        }
        Layout::ByDate { rows } => {
            let rows = at(rows)?.as_object().ok_or_else(|| not_at(rows, "an object"))?;
            rows.iter().map(|(date, row)| (Value::from(date.as_str()), Source::Row(row))).collect()
        }
        Layout::Columns { date } => {
            let dates = at(date)?.as_array().ok_or_else(|| not_at(date, "an array"))?;
            check_columns(answer, bars, dates.len())?;
            dates.iter().enumerate().map(|(place, date)| (date.clone(), Source::Place(answer, place))).collect()
        }
    };
    if days.is_empty() {
        return Err(Refusal::malformed("has no bars"));
    }
    for needed in [&bars.open, &bars.high, &bars.low, &bars.close] {
        if days.iter().all(|(_, source)| source.find(needed).is_none()) {
            return Err(nothing_at(needed));
        }
    }
    days.iter().map(|(date, source)| row(date, *source, bars)).collect()
}

/// Where the numbers of a day are.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// In an object or array of its own.
    Row(&'a Value),
    /// At this place of each column.
    Place(&'a Value, usize),
}

impl<'a> Source<'a> {
    fn find(self, pointer: &Pointer) -> Option<&'a Value> {
        match self {
            Self::Row(row) => row.pointer(&pointer.text),
            Self::Place(answer, place) => answer.pointer(&pointer.text)?.get(place),
        }
    }

    /// The number, NaN if it is missing.
    fn number(self, pointer: &Pointer) -> f64 {
        self.find(pointer).and_then(|found| Number.deserialize(found).ok()).unwrap_or(f64::NAN)
    }
}

fn row(date: &Value, source: Source<'_>, bars: &BarsSection) -> Result<Row, Refusal> {
    let of = |pointer: &Option<Pointer>| pointer.as_ref().map(|pointer| source.number(pointer));
    let or = |value: Option<f64>, none: f64| value.filter(|value| !value.is_nan()).unwrap_or(none);
    let split = bars.split.as_ref().and_then(|at| Ratio.deserialize(source.find(at)?).ok());
    let date = text_of(date).and_then(|text| moment(&text, bars.date_format));
    let (date, _) = date.ok_or_else(|| match &bars.layout {
        Layout::Rows { date, .. } | Layout::Columns { date } => not_at(date, "a date"),
        Layout::ByDate { rows } => not_at(rows, "an object whose members are named by dates"),
    })?;
    Ok(Row {
        date,
        open: source.number(&bars.open),
        high: source.number(&bars.high),
        low: source.number(&bars.low),
        close: source.number(&bars.close),
        volume: or(of(&bars.volume), 0.0),
        adjusted_close: of(&bars.adjusted_close).filter(|adjusted| !adjusted.is_nan()),
        // Some sources write 0 for no split.
        split_ratio: or(split.filter(|ratio| *ratio != 0.0), 1.0),
        dividend: or(of(&bars.dividend), 0.0),
    })
}

fn check_columns(answer: &Value, bars: &BarsSection, length: usize) -> Result<(), Refusal> {
    let needed = [&bars.open, &bars.high, &bars.low, &bars.close].into_iter();
    let optional = [&bars.adjusted_close, &bars.volume, &bars.dividend, &bars.split].into_iter().flatten();
    for pointer in needed.chain(optional) {
        let column = answer.pointer(&pointer.text).ok_or_else(|| nothing_at(pointer))?;
        if column.as_array().is_none_or(|column| column.len() != length) {
            return Err(not_at(pointer, "an array of the length of the dates"));
        }
    }
    Ok(())
}

/// The characters of a string or number.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The day of a date, and its instant if the form has one.
fn moment(text: &str, format: DateFormat) -> Option<(Day, Option<DateTime<Utc>>)> {
    let instant = match format {
        DateFormat::Iso => return Some((date(text.trim())?, None)),
        DateFormat::UnixSeconds => DateTime::from_timestamp(text.parse().ok()?, 0)?,
        DateFormat::UnixMilliseconds => DateTime::from_timestamp_millis(text.parse().ok()?)?,
    };
    Some((instant.date_naive().try_into().ok()?, Some(instant)))
}

fn date(text: &str) -> Option<Day> {
    if let (8, Some((year, rest))) = (text.len(), text.split_at_checked(4)) {
        let (month, day) = rest.split_at_checked(2)?;
        return format!("{year}-{month}-{day}").parse().ok();
    }
    let (date, time) = text.split_at_checked(10)?;
    if time.is_empty() || time.starts_with(['T', 't', ' ']) { date.parse().ok() } else { None }
}

/// The part of a response that a pointer leads to, as it was written.
fn find<'a>(answer: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    pointer.split('/').skip(1).try_fold(answer, |at, token| {
        let token = token.replace("~1", "/").replace("~0", "~");
        if at.get().starts_with('[') {
            let elements: Vec<&RawValue> = serde_json::from_str(at.get()).ok()?;
            return elements.get(token.parse::<usize>().ok()?).copied();
        }
        let members: HashMap<Cow<'a, str>, &'a RawValue> = serde_json::from_str(at.get()).ok()?;
        members.get(token.as_str()).copied()
    })
}

fn nothing_at(pointer: &Pointer) -> Refusal {
    Refusal::malformed(&format!("has nothing at {} ({})", pointer.member, pointer.text))
}

fn not_at(pointer: &Pointer, what: &str) -> Refusal {
    Refusal::malformed(&format!("has something else than {what} at {} ({})", pointer.member, pointer.text))
}

#[cfg(test)]
mod tests;
