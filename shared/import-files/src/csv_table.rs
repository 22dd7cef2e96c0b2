//! Tables of text: the cells of each line, whatever their delimiter.

use csv::{ReaderBuilder, Trim};

use crate::lines::LineCounter;
use crate::mistakes::FileMistake;
use crate::{MAX_ROWS, formulas};

/// The delimiters that are known, in the order of preference.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// The records by which the delimiter is found.
const SAMPLE: usize = 100;
/// Records besides rows of activities that a file may have: titles, totals and blank ones.
const MAX_OTHER_RECORDS: usize = 1_000;

/// The cells of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// The line of the file on which it begins, from 1.
    pub line: usize,
    /// Its cells, trimmed.
    pub cells: Vec<String>,
}

impl TableRow {
    /// Whether all cells are empty.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(String::is_empty)
    }
}

/// The rows of a table, without empty lines. A quoted cell may have line breaks.
///
/// Errors: [`FileMistake::TooManyRows`].
pub fn read_table(text: &str) -> Result<Vec<TableRow>, FileMistake> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(delimiter_of(text))
        .from_reader(text.as_bytes());
    let mut lines = LineCounter::of(text);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| FileMistake::Malformed { cause: error.to_string() })?;
        if record.len() == 1 && record.iter().all(str::is_empty) {
            continue;
        }
        if rows.len() == MAX_ROWS + MAX_OTHER_RECORDS {
            return Err(FileMistake::TooManyRows);
        }
        let start = record.position().map_or(0, csv::Position::byte);
        let line = lines.of_the_text_from(usize::try_from(start).unwrap_or(text.len()));
        let cells = record.iter().map(|cell| formulas::text_of(cell).to_owned());
        rows.push(TableRow { line, cells: cells.collect() });
    }
    Ok(rows)
}

/// The delimiter by which most records have equally many cells, and at least two. Of several, that with more cells.
fn delimiter_of(text: &str) -> u8 {
    let agreement = |delimiter: u8| {
        let mut reader = ReaderBuilder::new();
        let mut reader = reader.has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
        let mut widths: Vec<usize> = reader.records().take(SAMPLE).flatten().map(|record| record.len()).collect();
        widths.sort_unstable();
        let runs = widths.chunk_by(|left, right| left == right);
        let runs = runs.filter_map(|run| run.first().filter(|width| **width > 1).map(|width| (run.len(), *width)));
        runs.max().unwrap_or_default()
    };
    let best = DELIMITERS.into_iter().rev().max_by_key(|delimiter| agreement(*delimiter));
    best.unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        read_table(text).unwrap().into_iter().map(|row| row.cells).collect()
    }

    #[test]
    fn the_delimiter_is_the_one_that_makes_a_table() {
        let expected = [["date", "price"], ["2024-01-15", "1,5"]];
        for (text, expected) in [
            ("date;price\n2024-01-15;1,5\n", expected),
            ("date\tprice\r\n2024-01-15\t1,5\r\n", expected),
            ("date|price\r2024-01-15|1,5\r", expected),
            ("date,price\n2024-01-15,\"1,5\"\n", expected),
            ("date , price\n 2024-01-15 ,\"1,5\"\n\n", expected),
        ] {
            assert_eq!(cells(text), expected, "{text:?}");
        }
        // A decimal comma in every row is no delimiter.
        let german = "Datum;Stück;Kurs\n15.01.2024;10,5;100,25\n16.01.2024;11,5;101,25\n";
        assert_eq!(cells(german)[2], ["16.01.2024", "11,5", "101,25"]);
    }

    #[test]
    fn a_quoted_cell_may_have_line_breaks_and_each_row_knows_its_line() {
        let rows = read_table("date,note\r\n\r\n2024-01-15,\"two\r\nlines\"\r\n2024-01-16,one\r\n").unwrap();
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 3, 5]);
        assert_eq!(rows[1].cells[1], "two\r\nlines");
    }

    #[test]
    fn far_more_rows_than_a_portfolio_holds_are_not_read() {
        let text = "a,b\n".repeat(MAX_ROWS + MAX_OTHER_RECORDS + 1);
        assert_eq!(read_table(&text), Err(FileMistake::TooManyRows));
    }
}
