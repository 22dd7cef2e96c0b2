//! Daily bars from a CSV file, in the project's own columns, in the download formats of Yahoo, yfinance, Stooq and Alpha
//! Vantage, or in the format of Stooq's bulk file.
//!
//! The header determines the format. A line that is not a row of numbers is an error that names the line. A row whose
//! numbers cannot be a bar is left out and reported, as for every source (see [`crate::series`]). Lines end with LF,
//! CRLF or CR. A file with times is aggregated to days (see [`crate::intraday`]).

use std::str;

use domain::{Day, SplitRatio};

use crate::decimal;
use crate::history::Basis;
use crate::intraday::{self, Timed};
use crate::price_unit::PriceUnit;
use crate::series::{CheckedBars, Declared, Feed, Row, check, fault};

/// Why a file cannot be read as a series of bars.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct CsvError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with the line.
    pub fault: CsvFault,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvFault {
    /// The file has no line with content.
    #[error("the file is empty")]
    Empty,
    /// The header lacks a required column.
    #[error("the header has no column `{0}`; it must name date, open, high, low and close")]
    MissingColumn(&'static str),
    /// The header names a column twice.
    #[error("the header names the column `{0}` twice")]
    RepeatedColumn(&'static str),
    /// The line has more or fewer cells than the header.
    #[error("{found} cells where the header has {expected}")]
    Cells {
        /// Cells of the header.
        expected: usize,
        /// Cells of the line.
        found: usize,
    },
    /// The date is invalid.
    #[error("column `date`: {0}")]
    Date(#[from] domain::DayError),
    /// The time is invalid.
    #[error("column `time` is not a time")]
    Time,
    /// A bulk file of Stooq with another interval than a day.
    #[error("column `per` must be {DAILY}, for daily bars")]
    Period,
    /// The cell is not a number.
    #[error("column `{0}` is not a number")]
    Number(&'static str),
}

const COLUMNS: [&str; 10] =
    ["date", "open", "high", "low", "close", "volume", "adjusted_close", "split_ratio", "dividend", "time"];
const DATE: usize = 0;
const CLOSE: usize = 4;
const VOLUME: usize = 5;
const ADJUSTED_CLOSE: usize = 6;
const SPLIT_RATIO: usize = 7;
const DIVIDEND: usize = 8;
const TIME: usize = 9;

/// Other names of columns, which are used if no column has the name itself.
const ALIASES: [(&str, &str); 10] = [
    ("datetime", "date"),
    ("timestamp", "date"),
    (YAHOOS_ADJUSTED_CLOSE, "adjusted_close"),
    (YAHOOS_SPLITS, "split_ratio"),
    ("split", "split_ratio"),
    ("splits", "split_ratio"),
    ("split_coefficient", "split_ratio"),
    ("dividends", "dividend"),
    ("dividend_amount", "dividend"),
    ("vol", "volume"),
];
/// `Adj Close` of Yahoo's downloads and `Stock Splits` of yfinance: the prices of such files are split-adjusted.
const YAHOOS_ADJUSTED_CLOSE: &str = "adj_close";
const YAHOOS_SPLITS: &str = "stock_splits";

/// The column of a bulk file's interval, and what it contains.
const PERIOD: &str = "per";
const DAILY: &str = "D";

/// Where a file comes from, if its name says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Anywhere: only its columns say what its prices mean.
    Unknown,
    /// Stooq, whose prices are adjusted for splits and dividends.
    Stooq,
}

/// Reads a file: the bars, what their prices mean, and warnings for the reader. `today` is the day of the wall clock:
/// rows later than the day after it are left out. `unit` is the unit of the file's prices; the bars are in its
/// currency.
pub fn read(bytes: &[u8], today: Day, unit: PriceUnit) -> Result<CheckedBars, CsvError> {
    read_from(bytes, today, unit, Origin::Unknown)
}

/// The same, with the origin of the file.
pub fn read_from(bytes: &[u8], today: Day, unit: PriceUnit, origin: Origin) -> Result<CheckedBars, CsvError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = Lines { rest: bytes, number: 0 }.filter(|(text, _)| !text.is_empty());
    let (header, line) = lines.next().ok_or(CsvError { line: 1, fault: CsvFault::Empty })?;
    let layout = Layout::of(header).map_err(|fault| CsvError { line, fault })?;
    // A line of our columns is about 50 bytes; a wrong guess costs a reallocation.
    let mut rows = Vec::with_capacity(bytes.len() / 45);
    let mut times: Vec<i32> = Vec::new();
    for (text, line) in lines {
        let (mut row, time) = layout.row(text).map_err(|fault| CsvError { line, fault })?;
        unit.apply(&mut row);
        if let Some(time) = time {
            // Rows before the first one with a time count as the start of their day.
            times.resize(rows.len(), 0);
            times.push(time);
        }
        rows.push(row);
    }
    if !times.is_empty() {
        times.resize(rows.len(), 0);
        let timed: Vec<Timed> = rows.into_iter().zip(times).collect();
        rows = intraday::days(timed);
    }
    Ok(check(rows, layout.declared(today, origin)))
}

/// The latest day of a valid row in the first and the last bytes of a file, up to the day after `today`. Lines that are
/// cut off, or cannot be read, are skipped.
#[must_use]
pub fn find_latest_day(first: &[u8], last: &[u8], today: Day) -> Option<Day> {
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
    let mut lines = Lines { rest: first, number: 0 }.filter(|(text, _)| !text.is_empty());
    let layout = Layout::of(lines.next()?.0).ok()?;
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let from = last.iter().position(is_end).map_or(last.len(), |end| end + 1);
    let last = Lines { rest: &last[from..], number: 0 };
    let days = lines.chain(last).filter_map(|(text, _)| {
        let (row, _) = layout.row(text).ok()?;
        fault(&row).is_none().then_some(row.date)
    });
    days.filter(|day| *day <= today.plus_days(1)).max()
}

/// Lines without their line ends, numbered from 1.
struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a [u8], usize);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|&byte| matches!(byte, b'\n' | b'\r')).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = match rest {
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] => rest,
        };
        self.number += 1;
        Some((text.trim_ascii_end(), self.number))
    }
}

/// Which cell holds which of [`COLUMNS`].
struct Layout {
    /// For each cell, its index in [`COLUMNS`]; `None` for a column that is not used.
    cells: Vec<Option<usize>>,
    present: [bool; COLUMNS.len()],
    /// Whether the prices are split-adjusted, as Yahoo's are.
    is_yahoos: bool,
    /// The place of the interval in a bulk file of Stooq.
    period: Option<usize>,
}

impl Layout {
    fn of(header: &[u8]) -> Result<Self, CsvFault> {
        let name = |cell| str::from_utf8(unquoted(cell)).unwrap_or_default().to_ascii_lowercase().replace(' ', "_");
        let mut names: Vec<String> = header.split(|&byte| byte == b',').map(name).collect();
        let period = without_brackets(&mut names);
        let mut present = [false; COLUMNS.len()];
        let mut cells = Vec::new();
        for name in &names {
            // A daily bar of a bulk file has a time of 0.
            let place = place_of(name, &names).filter(|place| period.is_none() || *place != TIME);
            if let Some(place) = place {
                if present[place] {
                    return Err(CsvFault::RepeatedColumn(COLUMNS[place]));
                }
                present[place] = true;
            }
            cells.push(place);
        }
        let is_yahoos = names.iter().any(|name| matches!(name.as_str(), YAHOOS_ADJUSTED_CLOSE | YAHOOS_SPLITS));
        match COLUMNS[..=CLOSE].iter().zip(present).find(|(_, present)| !present) {
            Some((&column, _)) => Err(CsvFault::MissingColumn(column)),
            None => Ok(Self { cells, present, is_yahoos, period }),
        }
    }

    /// Files with splits or dividends hold quotes with events. Yahoo's and Stooq's downloads are split-adjusted,
    /// Yahoo's even if they list the splits.
    fn declared(&self, today: Day, origin: Origin) -> Declared {
        let is_stooqs = self.period.is_some() || origin == Origin::Stooq;
        let splits_known = self.present[SPLIT_RATIO];
        let dividends_known = self.present[DIVIDEND];
        let is_quoted = (splits_known || dividends_known) && !self.is_yahoos;
        let basis = if is_quoted { Basis::Quoted } else { Basis::SplitAdjusted };
        let has_events = splits_known || dividends_known || self.present[ADJUSTED_CLOSE];
        Declared {
            feed: Feed::File,
            basis,
            splits_known,
            dividends_known,
            prices_include_dividends: is_stooqs && !has_events,
            last_day: Some(today.plus_days(1)),
        }
    }

    /// The row of a line, and its time if it has one.
    fn row(&self, line: &[u8]) -> Result<(Row, Option<i32>), CsvFault> {
        let mut date = Err(CsvFault::MissingColumn(COLUMNS[DATE]));
        let mut time = None;
        let mut numbers = [f64::NAN; CLOSE + 1];
        let (mut volume, mut adjusted_close, mut split_ratio, mut dividend) = (0.0, None, 1.0, 0.0);
        let mut found = 0;
        for cell in line.split(|&byte| byte == b',') {
            let place = self.cells.get(found).copied().flatten();
            if self.period == Some(found) && !unquoted(cell).eq_ignore_ascii_case(DAILY.as_bytes()) {
                return Err(CsvFault::Period);
            }
            found += 1;
            let Some(place) = place else { continue };
            let cell = unquoted(cell);
            let read = || number(cell).ok_or(CsvFault::Number(COLUMNS[place]));
            match place {
                DATE => date = Ok(moment(cell, &mut time)?),
                _ if cell.is_empty() => {}
                TIME => time = Some(intraday::seconds(cell).ok_or(CsvFault::Time)?),
                VOLUME => volume = Some(read()?).filter(|volume| *volume >= 0.0).unwrap_or(0.0),
                ADJUSTED_CLOSE => adjusted_close = Some(read()?).filter(|adjusted| !adjusted.is_nan()),
                SPLIT_RATIO => split_ratio = or_none(self::split_ratio(cell).map_or_else(read, Ok)?, 1.0),
                DIVIDEND => dividend = or_none(read()?, 0.0),
                price => numbers[price] = read()?,
            }
        }
        if found != self.cells.len() {
            return Err(CsvFault::Cells { expected: self.cells.len(), found });
        }
        let [_, open, high, low, close] = numbers;
        // Some programs write 0 for no split.
        let split_ratio = if split_ratio == 0.0 { 1.0 } else { split_ratio };
        Ok((Row { date: date?, open, high, low, close, volume, adjusted_close, split_ratio, dividend }, time))
    }
}

/// Removes the angle brackets of a bulk file's header and returns the place of its interval.
fn without_brackets(names: &mut [String]) -> Option<usize> {
    let bare = |name: &String| Some(name.strip_prefix('<')?.strip_suffix('>')?.to_owned());
    let bared: Vec<String> = names.iter().map(bare).collect::<Option<_>>()?;
    names.clone_from_slice(&bared);
    names.iter().position(|name| name == PERIOD)
}

/// The column that a name in the header stands for.
fn place_of(name: &str, names: &[String]) -> Option<usize> {
    let place = |name: &str| COLUMNS.iter().position(|&column| column == name);
    place(name).or_else(|| {
        let (_, column) = ALIASES.iter().find(|(alias, _)| *alias == name)?;
        place(column).filter(|_| !names.iter().any(|name| name == column))
    })
}

fn unquoted(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    cell.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(cell)
}

/// The day of a cell, and its time if one follows.
fn moment(cell: &[u8], time: &mut Option<i32>) -> Result<Day, CsvFault> {
    const DATE_BYTES: usize = 10;
    // `20260102`, as Stooq's bulk file has it.
    if let ([a, b, c, d, e, f, g, h], true) = (cell, cell.iter().all(u8::is_ascii_digit)) {
        let date = [*a, *b, *c, *d, b'-', *e, *f, b'-', *g, *h];
        return Ok(str::from_utf8(&date).map_err(|_| domain::DayError::Form)?.parse()?);
    }
    let (date, rest) = cell.split_at(cell.len().min(DATE_BYTES));
    let day = str::from_utf8(date).map_err(|_| domain::DayError::Form)?.parse()?;
    match rest {
        [] => {}
        [b'T' | b't' | b' ', clock @ ..] => *time = Some(intraday::seconds(clock).ok_or(CsvFault::Time)?),
        _ => return Err(domain::DayError::Form.into()),
    }
    Ok(day)
}

/// The ratio, read from its text to recover the fraction.
fn split_ratio(cell: &[u8]) -> Option<f64> {
    SplitRatio::parse(str::from_utf8(cell).ok()?).ok().map(SplitRatio::to_f64)
}

/// A number, or NaN for the words that downloads use for a day without a trade.
fn number(cell: &[u8]) -> Option<f64> {
    decimal::parse(cell).or_else(|| matches!(cell, b"null" | b"N/A" | b"-").then_some(f64::NAN))
}

/// The value, or `none` if it is missing.
fn or_none(value: f64, none: f64) -> f64 {
    if value.is_nan() { none } else { value }
}

#[cfg(test)]
mod tests;
