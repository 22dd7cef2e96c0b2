//! `TIME_SERIES_DAILY` and `TIME_SERIES_DAILY_ADJUSTED`: JSON is read straight into rows, without an intermediate tree.

use std::fmt;

use domain::{Day, Symbol};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::rates::Exchange;
use super::refusal::classify;
use crate::error::ProviderError;
use crate::history::Basis;
use crate::http::Refusal;
use crate::number::{Number, Ratio};
use crate::price_unit::PriceUnit;
use crate::series::{CheckedBars, Declared, Feed, Row, check};

/// Approximate size of one day in the response, in bytes.
const BYTES_A_ROW: usize = 100;

/// Which events are known of a series whose response carries none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KnownEvents {
    pub(super) splits: bool,
    pub(super) dividends: bool,
}

/// Reads the rows of either function's response, in their original order.
pub(super) fn read_rows(body: &[u8], asked: &Symbol) -> Result<Vec<Row>, Refusal> {
    rows_about(body, asked.as_str(), None)
}

/// Reads the rows of `FX_DAILY` and `DIGITAL_CURRENCY_DAILY`, in their original order.
pub(super) fn read_exchange_rows(body: &[u8], asked: &Exchange) -> Result<Vec<Row>, Refusal> {
    rows_about(body, &asked.from, Some(&asked.to))
}

fn rows_about(body: &[u8], subject: &str, against: Option<&str>) -> Result<Vec<Row>, Refusal> {
    let mut answer = Answer { meta: MetaData::default(), rows: None, capacity: body.len() / BYTES_A_ROW };
    // The text is checked for UTF-8 once, as a whole, and not key by key.
    let text = str::from_utf8(body).map_err(|_| Refusal::malformed("is not text"))?;
    let mut json = serde_json::Deserializer::from_str(text);
    if (&mut answer).deserialize(&mut json).and_then(|()| json.end()).is_err() {
        return Err(Refusal::malformed("is not JSON of the expected form"));
    }
    let Some(rows) = answer.rows else { return Err(classify(body)) };
    let is_other = |name: Option<String>, asked: &str| name.is_some_and(|name| !name.eq_ignore_ascii_case(asked));
    let meta = answer.meta;
    if is_other(meta.subject, subject) || against.is_some_and(|against| is_other(meta.against, against)) {
        return Err(Refusal::malformed("is about another symbol"));
    }
    if rows.is_empty() {
        return Err(Refusal::malformed("has no bars"));
    }
    Ok(rows)
}

/// Which of the two functions was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// The whole history with adjusted closes, splits and dividends.
    Adjusted,
    /// The last 100 bars, as quoted, without events.
    Compact,
}

/// Checks the rows. `known` says which events were fetched separately for a compact series.
pub(super) fn series(rows: Vec<Row>, plan: Plan, known: KnownEvents) -> Result<CheckedBars, ProviderError> {
    let adjusted = plan == Plan::Adjusted;
    let declared = Declared {
        feed: Feed::Live,
        basis: Basis::Quoted,
        splits_known: adjusted || known.splits,
        dividends_known: adjusted || known.dividends,
        prices_include_dividends: false,
        last_day: None,
    };
    let series = check(rows, declared);
    if series.bars.is_empty() {
        return Err(ProviderError::malformed("the provider's response has no usable bar"));
    }
    Ok(series)
}

/// Reads and checks a response of either function. Separate from the provider so that it can be benchmarked.
pub fn read_daily(body: &[u8], symbol: &Symbol) -> Result<CheckedBars, ProviderError> {
    let rows = match read_rows(body, symbol) {
        Ok(rows) => rows,
        Err(Refusal::Failed(error)) => return Err(error),
        Err(_) => return Err(ProviderError::malformed("the provider's response holds a message instead of data")),
    };
    let plan = if has_adjusted_closes(&rows) { Plan::Adjusted } else { Plan::Compact };
    series(rows, plan, KnownEvents::default())
}

/// Reads and checks a whole history of a symbol whose prices are in this unit. A response without adjusted closes and
/// events is refused.
pub(super) fn read_whole(body: &[u8], (symbol, unit): &(Symbol, PriceUnit)) -> Result<CheckedBars, Refusal> {
    let mut rows = read_rows(body, symbol)?;
    for row in &mut rows {
        unit.apply(row);
    }
    if !has_adjusted_closes(&rows) {
        return Err(Refusal::malformed("has no adjusted closes"));
    }
    Ok(series(rows, Plan::Adjusted, KnownEvents::default())?)
}

fn has_adjusted_closes(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.adjusted_close.is_some())
}

struct Answer {
    meta: MetaData,
    rows: Option<Vec<Row>>,
    capacity: usize,
}

impl<'de> DeserializeSeed<'de> for &mut Answer {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Answer {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(member) = members.next_key_seed(Key(Member::of))? {
            match member {
                Member::About => self.meta = members.next_value_seed(About)?,
                Member::Series => self.rows = Some(members.next_value_seed(Days { capacity: self.capacity })?),
                Member::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A member of the response.
enum Member {
    About,
    Series,
    Other,
}

impl Member {
    fn of(name: &str) -> Self {
        match name {
            "Meta Data" => Self::About,
            _ if name.starts_with("Time Series") => Self::Series,
            _ => Self::Other,
        }
    }
}

/// Reads a key without keeping its text.
struct Key<T>(fn(&str) -> T);

impl<'de, T> DeserializeSeed<'de> for Key<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<T, D::Error> {
        json.deserialize_str(self)
    }
}

impl<T> Visitor<'_> for Key<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}

/// The subject of the response, by its meta data: a symbol, or what is priced and in which currency.
#[derive(Default)]
struct MetaData {
    subject: Option<String>,
    against: Option<String>,
}

/// A member of the meta data.
enum AboutMember {
    Subject,
    Against,
    Other,
}

impl AboutMember {
    fn of(name: &str) -> Self {
        // The number before the name differs between the functions.
        match name.get(3..).unwrap_or_default() {
            "To Symbol" | "Market Code" => Self::Against,
            "Digital Currency Code" => Self::Subject,
            _ if name.ends_with("Symbol") => Self::Subject,
            _ => Self::Other,
        }
    }
}

struct About;

impl<'de> DeserializeSeed<'de> for About {
    type Value = MetaData;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<MetaData, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for About {
    type Value = MetaData;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<MetaData, A::Error> {
        let mut meta = MetaData::default();
        while let Some(member) = members.next_key_seed(Key(AboutMember::of))? {
            match member {
                AboutMember::Subject => meta.subject = Some(members.next_value()?),
                AboutMember::Against => meta.against = Some(members.next_value()?),
                AboutMember::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(meta)
    }
}

/// The days of the series, in any order.
struct Days {
    capacity: usize,
}

impl<'de> DeserializeSeed<'de> for Days {
    type Value = Vec<Row>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Days {
    type Value = Vec<Row>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bars by day")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::with_capacity(self.capacity);
        while let Some(date) = members.next_key_seed(Key(str::parse::<Day>))? {
            let date = date.map_err(A::Error::custom)?;
            rows.push(members.next_value_seed(OneDay { date })?);
        }
        Ok(rows)
    }
}

/// The numbers of one day.
struct OneDay {
    date: Day,
}

impl<'de> DeserializeSeed<'de> for OneDay {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

/// A column of the response. The number before its name differs between the two functions.
enum Column {
    Open,
    High,
    Low,
    Close,
    Volume,
    AdjustedClose,
    Dividend,
    SplitRatio,
    Other,
}

impl Column {
    fn of(name: &str) -> Self {
        match name.get(3..).unwrap_or_default() {
            "open" => Self::Open,
            "high" => Self::High,
            "low" => Self::Low,
            "close" => Self::Close,
            "volume" => Self::Volume,
            "adjusted close" => Self::AdjustedClose,
            "dividend amount" => Self::Dividend,
            "split coefficient" => Self::SplitRatio,
            _ => Self::Other,
        }
    }
}

impl<'de> Visitor<'de> for OneDay {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the numbers of a day")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Row, A::Error> {
        let missing = f64::NAN;
        let (open, high, low, close) = (missing, missing, missing, missing);
        let date = self.date;
        let mut row =
            Row { date, open, high, low, close, volume: 0.0, adjusted_close: None, split_ratio: 1.0, dividend: 0.0 };
        while let Some(column) = members.next_key_seed(Key(Column::of))? {
            let value = match column {
                Column::SplitRatio => members.next_value_seed(Ratio)?,
                _ => members.next_value_seed(Number)?,
            };
            match column {
                Column::Open => row.open = value,
                Column::High => row.high = value,
                Column::Low => row.low = value,
                Column::Close => row.close = value,
                Column::Volume => row.volume = value,
                Column::AdjustedClose => row.adjusted_close = Some(value),
                Column::Dividend => row.dividend = value,
                // 0 means no split, and so does a missing number.
                Column::SplitRatio => row.split_ratio = if value == 0.0 || value.is_nan() { 1.0 } else { value },
                Column::Other => {}
            }
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests;
