//! Daily bars from a CSV file, in the project's own columns or as Yahoo and Stooq offer for download.
//!
//! The header says which it is. A line that is no row of numbers is an error that names the line; a row
//! whose numbers cannot be a bar is left out and counted, as for every source (see [`crate::series`]).

use std::str;

use domain::Day;

use crate::decimal;
use crate::history::Basis;
use crate::series::{Declared, Feed, Row, Series, check};

/// Why a file is not a series of bars.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct CsvError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: CsvFault,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvFault {
    /// The header lacks a column that every format has.
    #[error("the header has no column `{0}`; it must name date, open, high, low and close")]
    MissingColumn(&'static str),
    /// The header names a column twice.
    #[error("the header names the column `{0}` twice")]
    RepeatedColumn(&'static str),
    /// More or fewer cells than the header.
    #[error("{found} cells where the header has {expected}")]
    Cells {
        /// Cells of the header.
        expected: usize,
        /// Cells of the line.
        found: usize,
    },
    /// A day that is none.
    #[error("{0} in column `date`")]
    Date(#[from] domain::DayError),
    /// A cell that is no number.
    #[error("column `{0}` is not a number")]
    Number(&'static str),
}

const COLUMNS: [&str; 9] =
    ["date", "open", "high", "low", "close", "volume", "adjusted_close", "split_ratio", "dividend"];
const DATE: usize = 0;
const CLOSE: usize = 4;
const VOLUME: usize = 5;
const ADJUSTED_CLOSE: usize = 6;
const SPLIT_RATIO: usize = 7;
const DIVIDEND: usize = 8;

/// Reads a file: the bars, what their prices mean, and what a reader must know.
pub fn read(bytes: &[u8]) -> Result<Series, CsvError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end).zip(1..);
    let (header, line) = lines.next().unwrap_or((b"", 1));
    let layout = Layout::of(header).map_err(|fault| CsvError { line, fault })?;
    // A line of our columns is some 50 bytes; a wrong guess costs a reallocation.
    let mut rows = Vec::with_capacity(bytes.len() / 45);
    for (text, line) in lines {
        if !text.is_empty() {
            rows.push(layout.row(text).map_err(|fault| CsvError { line, fault })?);
        }
    }
    Ok(check(rows, layout.declared()))
}

/// Which of [`COLUMNS`] stands in which cell.
struct Layout {
    /// For each cell, its place in [`COLUMNS`]; `None` for a column we have no use for.
    cells: Vec<Option<usize>>,
    present: [bool; COLUMNS.len()],
}

impl Layout {
    fn of(header: &[u8]) -> Result<Self, CsvFault> {
        let mut present = [false; COLUMNS.len()];
        let mut cells = Vec::new();
        for cell in header.split(|&byte| byte == b',') {
            let name = str::from_utf8(unquoted(cell)).unwrap_or_default().to_ascii_lowercase().replace(' ', "_");
            // Yahoo writes `Adj Close`, others `Adjusted Close`.
            let name = if name == "adj_close" { "adjusted_close" } else { &name };
            let place = COLUMNS.iter().position(|&column| column == name);
            if let Some(place) = place {
                if present[place] {
                    return Err(CsvFault::RepeatedColumn(COLUMNS[place]));
                }
                present[place] = true;
            }
            cells.push(place);
        }
        match COLUMNS[..=CLOSE].iter().zip(present).find(|(_, present)| !present) {
            Some((&column, _)) => Err(CsvFault::MissingColumn(column)),
            None => Ok(Self { cells, present }),
        }
    }

    /// Files that name splits or dividends are quotes with events; Yahoo's and Stooq's downloads stand on
    /// one scale and tell nothing of the splits in it.
    fn declared(&self) -> Declared {
        let splits_known = self.present[SPLIT_RATIO];
        let dividends_known = self.present[DIVIDEND];
        let basis = if splits_known || dividends_known { Basis::Quoted } else { Basis::SplitAdjusted };
        Declared { feed: Feed::File, basis, splits_known, dividends_known }
    }

    fn row(&self, line: &[u8]) -> Result<Row, CsvFault> {
        let mut date = Err(CsvFault::MissingColumn(COLUMNS[DATE]));
        let mut numbers = [f64::NAN; COLUMNS.len()];
        (numbers[VOLUME], numbers[SPLIT_RATIO], numbers[DIVIDEND]) = (0.0, 1.0, 0.0);
        let mut adjusted_close = None;
        let mut found = 0;
        for cell in line.split(|&byte| byte == b',') {
            let place = self.cells.get(found).copied().flatten();
            found += 1;
            let Some(place) = place else { continue };
            let cell = unquoted(cell);
            if place == DATE {
                date = day(cell);
            } else if !cell.is_empty() {
                numbers[place] = number(cell).ok_or(CsvFault::Number(COLUMNS[place]))?;
                if place == ADJUSTED_CLOSE {
                    adjusted_close = Some(numbers[place]);
                }
            }
        }
        if found != self.cells.len() {
            return Err(CsvFault::Cells { expected: self.cells.len(), found });
        }
        let [_, open, high, low, close, volume, _, split_ratio, dividend] = numbers;
        // Some writers put 0 where there was no split.
        let split_ratio = if split_ratio == 0.0 { 1.0 } else { split_ratio };
        Ok(Row { date: date?, open, high, low, close, volume, adjusted_close, split_ratio, dividend })
    }
}

fn unquoted(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    cell.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(cell)
}

fn day(cell: &[u8]) -> Result<Day, CsvFault> {
    let text = str::from_utf8(cell).map_err(|_| domain::DayError::Form)?;
    Ok(text.parse()?)
}

/// A number, or NaN for the words that downloads write where there was no trade.
fn number(cell: &[u8]) -> Option<f64> {
    decimal::parse(cell).or_else(|| matches!(cell, b"null" | b"N/A" | b"-").then_some(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{DropReason, DroppedRow, Note};

    fn error(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    fn dropped(rows: &[(&str, DropReason)]) -> Note {
        let row = |&(date, reason): &(&str, DropReason)| DroppedRow { date: date.parse().unwrap(), reason };
        Note::on_dropped(rows.iter().map(row).collect()).unwrap()
    }

    #[test]
    fn our_own_columns_are_quotes_with_their_events() {
        let series = read(
            b"date,open,high,low,close,volume,adjusted_close,split_ratio,dividend\n\
              2013-02-28,10,11,9,10.5,1000,5.2,,\n\
              2013-03-01,5.2,5.4,5.1,5.3,2000,5.3,2,0.05\n",
        )
        .unwrap();
        assert_eq!(series.basis, Basis::Quoted);
        assert_eq!(series.notes, []);
        let last = series.bars.last().unwrap();
        assert_eq!((last.close, last.split_ratio, last.dividend), (5.3, 2.0, 0.05));
        assert_eq!(series.bars.split_ratio(), [1.0, 2.0]);
    }

    #[test]
    fn a_download_from_yahoo_stands_on_one_scale() {
        let series = read(
            b"\xef\xbb\xbfDate,Open,High,Low,Close,Adj Close,Volume\r\n\
              2013-02-28,\"63.43\",63.98,63.06,63.06,54.1,80628800\r\n\
              2013-03-01,null,null,null,null,null,null\r\n\
              2013-03-04,61.11,61.17,59.86,60.01,51.5,145688900\r\n\r\n",
        )
        .unwrap();
        assert_eq!(series.basis, Basis::SplitAdjusted);
        assert_eq!(series.bars.adjusted_close(), [54.1, 51.5]);
        assert_eq!(series.notes, [dropped(&[("2013-03-01", DropReason::NotAPrice)]), Note::SplitsUnknown]);
    }

    #[test]
    fn a_download_from_stooq_has_neither_events_nor_adjusted_closes() {
        let series =
            read(b"Date,Open,High,Low,Close,Volume\n2013-02-28,1,2,0.5,1.5,7\n2013-03-01,1,2,0.5,1.25,\n").unwrap();
        assert_eq!(series.bars.adjusted_close(), [1.5, 1.25]);
        assert_eq!(series.bars.volume(), [7.0, 0.0]);
        assert_eq!(series.notes, [Note::SplitsUnknown, Note::DividendsNotIncluded]);
    }

    #[test]
    fn a_pair_of_currencies_needs_no_volume_and_columns_may_stand_in_any_order() {
        let series = read(b"Close,Low,High,Open,Date,Comment\n1.31,1.29,1.32,1.3,2013-03-01,hello\n").unwrap();
        let bar = series.bars.first().unwrap();
        assert_eq!((bar.open, bar.high, bar.low, bar.close, bar.volume), (1.3, 1.32, 1.29, 1.31, 0.0));
    }

    #[test]
    fn a_file_written_newest_first_is_turned() {
        let header = "date,open,high,low,close,volume\n";
        let newest_first = format!("{header}2013-03-01,2,2,2,2,2\n2013-02-28,1,1,1,1,1\n");
        assert_eq!(read(newest_first.as_bytes()).unwrap().bars.close(), [1.0, 2.0]);
    }

    #[test]
    fn rows_that_cannot_be_bars_are_left_out_and_counted() {
        let text = "date,open,high,low,close,volume\n\
            2013-02-25,1,1,1,1,1\n2013-02-26,0,1,1,1,1\n2013-02-27,1,1,-1,1,1\n2013-02-28,1,NaN,1,1,1\n\
            2013-02-25,1,1,1,1,1\n2013-03-01,1,1,1,1,-5\n2013-03-04,1,1,1,inf,1\n2013-03-05,1,1,1,1,1\n";
        let series = read(text.as_bytes()).unwrap();
        assert_eq!(series.bars.len(), 2);
        let rows = [
            ("2013-02-25", DropReason::OutOfOrder),
            ("2013-02-26", DropReason::NotAPrice),
            ("2013-02-27", DropReason::NotAPrice),
            ("2013-02-28", DropReason::NotAPrice),
            ("2013-03-01", DropReason::NotAnAmount),
            ("2013-03-04", DropReason::NotAPrice),
        ];
        assert_eq!(series.notes[0], dropped(&rows));
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let header = "date,open,high,low,close,volume";
        assert_eq!(error(""), "line 1: the header has no column `date`; it must name date, open, high, low and close");
        assert!(error("<html>\n").starts_with("line 1: the header has no column `date`"));
        assert!(error("date,open,high,low,close,close\n").contains("`close` twice"));
        assert_eq!(error(&format!("{header}\n\n2013-03-01,1,2\n")), "line 3: 3 cells where the header has 6");
        assert_eq!(
            error(&format!("{header}\n2013-02-30,1,1,1,1,1\n")),
            "line 2: the calendar has no such day in column `date`"
        );
        assert_eq!(
            error(&format!("{header}\n01/03/2013,1,1,1,1,1\n")),
            "line 2: a day is written YYYY-MM-DD in column `date`"
        );
        assert_eq!(error(&format!("{header}\n2013-03-01,1,1,x,1,1\n")), "line 2: column `low` is not a number");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, rows in "(2013-0[1-9]-[0-3][0-9],[0-9.,e-]{0,30}\n){0,9}") {
            let _ = read(&bytes);
            let _ = read(format!("date,open,high,low,close,volume,split_ratio\n{rows}").as_bytes());
        }
    }
}
