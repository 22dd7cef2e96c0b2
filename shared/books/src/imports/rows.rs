//! The rows of a file of investments: our own CSV columns, or JSON with the same names.

use std::str::Utf8Error;

use app::error::ServiceError;
use domain::decimal::{DECIMALS, DecimalError, SMALLEST_PRICE};
use domain::{Currency, Price, Quantity};
use import_files::formulas::plain;
use import_files::lines::LineCounter;
use import_files::rounding::rounded;
use rust_decimal::Decimal;

use super::cells::{Cells, MAX_ROWS, RawRow, malformed, too_many};
use super::json_rows::read_json;
use super::report::{Warning, rounded_to};
use crate::investments::{Mistake, Purchase};

/// The columns in the order of an export; the first four are required.
pub(super) const COLUMNS: [&str; 6] =
    ["ticker_symbol", "quantity", "purchase_price", "purchase_date", "fee", "currency"];
const REQUIRED: usize = 4;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header.
    Csv,
    /// A list of objects, or an object with a list `items`.
    Json,
}

/// A row of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FileRow {
    /// The line of the file on which it begins, from 1, as an editor counts.
    pub(super) line: usize,
    /// The purchase, or every error in it.
    pub(super) purchase: Result<Purchase, Vec<Mistake>>,
    /// Warnings about its numbers.
    pub(super) warnings: Vec<Warning>,
}

/// The rows of a file.
///
/// Errors: [`ServiceError::MalformedFile`] if it is not such a file, [`ServiceError::Field`] for a header with other
/// columns or too many rows.
pub(super) fn read(bytes: &[u8], format: Format) -> Result<Vec<FileRow>, ServiceError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| not_text(bytes, error))?;
    let rows = match format {
        Format::Csv => read_csv(text)?,
        Format::Json => read_json(text)?,
    };
    Ok(rows.into_iter().map(row).collect())
}

fn row((line, cells): RawRow) -> FileRow {
    let mut warnings = Vec::new();
    let purchase = cells.and_then(|mut cells| {
        for column in ["quantity", "purchase_price"] {
            if let Some(cell) = cells.get_mut(column)
                && !(column == "purchase_price" && is_too_small(cell))
                && let Some(rounded) = rounded(cell, DECIMALS)
            {
                warnings.push(rounded_to(column, &rounded));
                *cell = rounded;
            }
        }
        purchase(&cells)
    });
    FileRow { line, purchase, warnings }
}

/// Reports the line of the first byte that is not text.
fn not_text(bytes: &[u8], error: Utf8Error) -> ServiceError {
    let text = bytes.get(..error.valid_up_to()).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
    let line = LineCounter::of(text).of_the_text_from(text.len());
    malformed(&format_args!("line {line} is not text in UTF-8"))
}

fn read_csv(text: &str) -> Result<Vec<RawRow>, ServiceError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = columns(reader.headers().map_err(|error| malformed(&error))?)?;
    let mut lines = LineCounter::of(text);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| malformed(&error))?;
        if record.len() == 1 && record.iter().all(str::is_empty) {
            continue;
        }
        if rows.len() == MAX_ROWS {
            return Err(too_many());
        }
        let start = record.position().map_or(0, csv::Position::byte);
        let line = lines.of_the_text_from(usize::try_from(start).unwrap_or(text.len()));
        if record.len() != header.len() {
            let detail = format!("has {} cells, but the header has {}", record.len(), header.len());
            rows.push((line, Err(vec![("row", detail)])));
            continue;
        }
        let cells = header.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
        rows.push((line, Ok(cells.map(|(column, cell)| (*column, plain(cell).to_owned())).collect())));
    }
    Ok(rows)
}

/// The columns that a header names, in any order.
fn columns(header: &csv::StringRecord) -> Result<Vec<&'static str>, ServiceError> {
    let refusal = |detail: String| ServiceError::Field { field: "header", detail };
    let mut columns = Vec::new();
    for name in header {
        let known = COLUMNS.into_iter().find(|column| *column == name);
        let column = known.ok_or_else(|| refusal(format!("{name:?} is not one of {}", COLUMNS.join(", "))))?;
        if columns.contains(&column) {
            return Err(refusal(format!("{column} is listed twice")));
        }
        columns.push(column);
    }
    match COLUMNS[..REQUIRED].iter().find(|column| !columns.contains(column)) {
        Some(missing) => Err(refusal(format!("the first line must name the columns, but {missing} is missing"))),
        None => Ok(columns),
    }
}

fn purchase(cells: &Cells) -> Result<Purchase, Vec<Mistake>> {
    let mut mistakes: Vec<Mistake> = Vec::new();
    let required = |column| cells.get(column).map_or("", String::as_str);
    let ticker_symbol = required("ticker_symbol").parse();
    let quantity = Quantity::parse(required("quantity"));
    let purchase_price = price(required("purchase_price"));
    let purchase_date = required("purchase_date").parse();
    let fee = cells.get("fee").map_or(Ok(Decimal::ZERO), |fee| Quantity::parse(fee).map(Quantity::units));
    let currency = cells.get("currency").map(|code| code.parse::<Currency>()).transpose();
    note(&mut mistakes, "ticker_symbol", &ticker_symbol);
    note(&mut mistakes, "quantity", &quantity);
    note(&mut mistakes, "purchase_price", &purchase_price);
    note(&mut mistakes, "purchase_date", &purchase_date);
    note(&mut mistakes, "fee", &fee);
    note(&mut mistakes, "currency", &currency);
    match (ticker_symbol, quantity, purchase_price, purchase_date, fee, currency) {
        (Ok(ticker_symbol), Ok(quantity), Ok(purchase_price), Ok(purchase_date), Ok(fee), Ok(currency)) => {
            Ok(Purchase { ticker_symbol, quantity, purchase_price, purchase_date, fee, currency })
        }
        _ => Err(mistakes),
    }
}

/// A price; one below the smallest price is refused as such, and never rounded to another or to zero.
fn price(cell: &str) -> Result<Price, DecimalError> {
    Price::parse(cell).map_err(|error| if is_too_small(cell) { DecimalError::PriceTooSmall } else { error })
}

fn is_too_small(price: &str) -> bool {
    price.parse().is_ok_and(|price: Decimal| price > Decimal::ZERO && price < SMALLEST_PRICE)
}

fn note<T, E: std::fmt::Display>(mistakes: &mut Vec<Mistake>, column: &'static str, parsed: &Result<T, E>) {
    if let Err(error) = parsed {
        mistakes.push((column, error.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "ticker_symbol,quantity,purchase_price,purchase_date,fee,currency";

    fn csv_rows(text: &str) -> Vec<Result<Purchase, Vec<Mistake>>> {
        purchases(text, Format::Csv)
    }

    fn purchases(text: &str, format: Format) -> Vec<Result<Purchase, Vec<Mistake>>> {
        read(text.as_bytes(), format).unwrap().into_iter().map(|row| row.purchase).collect()
    }

    fn lines(text: &str, format: Format) -> Vec<usize> {
        read(text.as_bytes(), format).unwrap().into_iter().map(|row| row.line).collect()
    }

    #[test]
    fn a_byte_order_mark_crlf_blanks_and_any_column_order_are_accepted() {
        let plain = csv_rows(&format!("{HEADER}\nAAPL,1.5,10,2010-01-04,1,USD\n"));
        let odd = csv_rows(
            "\u{feff}purchase_date , quantity,ticker_symbol,purchase_price,fee,currency\r\n2010-01-04,1.50, aapl ,10.0,\"1\",USD\r\n\r\n",
        );
        assert_eq!(plain, odd);
        let short = csv_rows("ticker_symbol,quantity,purchase_price,purchase_date\nAAPL,1.5,10,2010-01-04");
        assert_eq!(short[0].as_ref().unwrap().fee, Decimal::ZERO);
        assert_eq!(short[0].as_ref().unwrap().currency, None);
    }

    #[test]
    fn a_header_with_our_columns_is_required() {
        for (text, part) in [
            ("", "ticker_symbol is missing"),
            ("AAPL,1,10,2010-01-04,,\n", "is not one of"),
            ("ticker_symbol,quantity,purchase_price\n", "purchase_date is missing"),
            ("ticker_symbol,ticker_symbol,quantity\n", "is listed twice"),
        ] {
            let error = read(text.as_bytes(), Format::Csv).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn every_error_of_a_row_is_reported_and_other_rows_are_read() {
        let rows = csv_rows(&format!("{HEADER}\nA A,-1,0,2010-02-30,x,EURO\nAAPL,1,10,2010-01-04,,\nAAPL,1\n"));
        let columns: Vec<_> = rows[0].as_ref().unwrap_err().iter().map(|(column, _)| *column).collect();
        assert_eq!(columns, COLUMNS);
        assert!(rows[1].is_ok());
        assert_eq!(rows[2].as_ref().unwrap_err()[0].1, "has 2 cells, but the header has 6");
    }

    #[test]
    fn json_is_a_list_or_contains_one_and_keeps_every_digit() {
        let row = r#"{"ticker_symbol": "IBM", "quantity": 12345678.12345678, "purchase_price": 1e2, "purchase_date": "2010-01-04"}"#;
        let rows = purchases(&format!("[{row}]"), Format::Json);
        assert_eq!(rows, purchases(&format!("{{\"items\": [{row}]}}"), Format::Json));
        assert_eq!(rows[0].as_ref().unwrap().quantity.to_string(), "12345678.12345678");
        let wrong = r#"[{"ticker_symbol": "IBM"}, {"a": 1}, 7]"#;
        let wrong = purchases(wrong, Format::Json);
        assert!(wrong.iter().all(Result::is_err));
        let no_object = &wrong[2].as_ref().unwrap_err()[0].1;
        assert_eq!(no_object, "invalid type: integer `7`, expected an object with the columns of a row");
        for text in ["", "{", "[{]", "null", "{\"rows\": []}", "\u{0}"] {
            let error = read(text.as_bytes(), Format::Json).unwrap_err();
            assert!(matches!(error, ServiceError::MalformedFile { .. }), "{text}");
        }
    }

    #[test]
    fn a_row_has_the_line_number_that_an_editor_shows() {
        let header = "ticker_symbol,quantity,purchase_price,purchase_date";
        let row = "AAPL,1,10,2010-01-04";
        let broken = "\"AA\nPL\",1,10,2010-01-04";
        for end in ["\n", "\r\n", "\r"] {
            let file = ["", header, "", row, "  ", row, broken, "", row].join(end);
            assert_eq!(lines(&file, Format::Csv), [4, 6, 7, 10], "{end:?}");
        }
        let json = "\u{feff}{\n  \"items\": [\n {},\r\n\n {}, {}\n]}";
        assert_eq!(lines(json, Format::Json), [3, 5, 5]);
    }

    #[test]
    fn the_same_errors_are_reported_in_csv_and_json() {
        let csv = csv_rows(&format!("{HEADER}\nA A,-1,0,2010-02-30,x,EURO\n,,,,,\n  ,1, ,2010-01-04,,\n"));
        let json = purchases(
            r#"[
            {"ticker_symbol": "A A", "quantity": -1, "purchase_price": "0", "purchase_date": "2010-02-30", "fee": "x",
             "currency": "EURO"},
            {},
            {"ticker_symbol": "", "quantity": "1", "purchase_price": null, "purchase_date": "2010-01-04", "fee": ""}
            ]"#,
            Format::Json,
        );
        assert_eq!(csv, json);
        assert!(csv.iter().all(Result::is_err));
    }

    #[test]
    fn rounding_is_reported() {
        let row = r#"[{"ticker_symbol": "IBM", "quantity": 1e-14, "purchase_price": 0.1234567890123456, "purchase_date": "2010-01-04"}]"#;
        let row = read(row.as_bytes(), Format::Json).unwrap().remove(0);
        let codes: Vec<_> = row.warnings.iter().map(|warning| warning.code.as_str()).collect();
        assert_eq!(codes, ["rounded", "rounded"]);
        assert_eq!(row.purchase.unwrap().quantity, Quantity::ZERO);
    }

    #[test]
    fn a_price_below_the_smallest_is_refused_and_not_rounded() {
        let rows = csv_rows(&format!(
            "{HEADER}\nDUST,1,0.0000000009999,2010-01-04,,\nDUST,1,0.00000000000001,2010-01-04,,\nDUST,1,0.0000000010004,2010-01-04,,\n"
        ));
        let too_small = Err(vec![("purchase_price", "must be at least 0.000000001".to_owned())]);
        assert_eq!(rows[..2], [too_small.clone(), too_small]);
        assert_eq!(rows[2].as_ref().unwrap().purchase_price.to_string(), "0.000000001");
    }

    #[test]
    fn bytes_that_are_not_text_are_reported_with_their_line() {
        for (file, line) in [
            (&b"\xff\xfea\x00"[..], 1),
            (b"\xef\xbb\xbfticker_symbol\r\nAAPL\r\nP\xff,1\r\n", 3),
            (b"[\r{},\r\r{\"ticker_symbol\": \"P\xff\"}]", 4),
            (b"a\nb\n\xc3", 3),
        ] {
            for format in [Format::Csv, Format::Json] {
                let error = read(file, format).unwrap_err();
                let ServiceError::MalformedFile { cause } = &error else { panic!("{error:?}") };
                assert_eq!(*cause, format!("line {line} is not text in UTF-8"));
            }
        }
    }

    #[test]
    fn csv_cells_are_trimmed_and_json_strings_are_not() {
        let csv = csv_rows(&format!("{HEADER}\n AAPL , 1 ,\t10, 2010-01-04 , 0 , USD \n"));
        assert_eq!(csv[0].as_ref().unwrap().quantity, Quantity::parse("1").unwrap());
        for (column, value) in [
            ("quantity", " 1"),
            ("quantity", "1 "),
            ("purchase_price", "10\\n"),
            ("fee", " 0"),
            ("fee", " "),
            ("purchase_date", "2010-01-04 "),
            ("currency", " USD"),
        ] {
            let mut row = serde_json::json!({
                "ticker_symbol": "AAPL", "quantity": "1", "purchase_price": "10", "purchase_date": "2010-01-04",
            });
            row[column] = value.replace("\\n", "\n").into();
            let rows = purchases(&serde_json::json!([row]).to_string(), Format::Json);
            let columns: Vec<_> = rows[0].as_ref().unwrap_err().iter().map(|(column, _)| *column).collect();
            assert_eq!(columns, [column], "{value:?}");
        }
    }

    #[test]
    fn a_row_beyond_the_limit_is_refused() {
        let line = "AAPL,1,10,2010-01-04,,\n";
        assert_eq!(csv_rows(&format!("{HEADER}\n{}", line.repeat(MAX_ROWS))).len(), MAX_ROWS);
        let over = read(format!("{HEADER}\n{}", line.repeat(MAX_ROWS + 1)).as_bytes(), Format::Csv);
        assert!(matches!(over, Err(ServiceError::Field { field: "rows", .. })));
    }
}
