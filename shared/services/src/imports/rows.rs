//! The rows of a file of investments: our own CSV columns, or JSON with the same names.

use std::collections::BTreeMap;

use domain::{Currency, Price, Quantity};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::ServiceError;
use crate::investments::{Mistake, Purchase};

/// Most rows of a file.
pub const MAX_ROWS: usize = 20_000;

/// The columns in the order of an export; the first four are required.
pub(super) const COLUMNS: [&str; 6] =
    ["ticker_symbol", "quantity", "purchase_price", "purchase_date", "fee", "currency"];
const REQUIRED: usize = 4;
/// What a spreadsheet takes for the start of a formula.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header.
    Csv,
    /// A list of objects, or an object whose `items` is one.
    Json,
}

/// A row as it was read, or everything that is wrong with it.
pub(super) type Row = Result<Purchase, Vec<Mistake>>;

/// A row's texts by column; what is empty is not there.
type Cells = BTreeMap<&'static str, String>;

/// The rows of a file.
///
/// Errors: [`ServiceError::MalformedFile`] where it is no such file at all, [`ServiceError::Field`] for a header of other
/// columns or too many rows.
pub(super) fn read(bytes: &[u8], format: Format) -> Result<Vec<Row>, ServiceError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| malformed(&error))?;
    let rows = match format {
        Format::Csv => read_csv(text)?,
        Format::Json => read_json(text)?,
    };
    Ok(rows.into_iter().map(|cells| cells.and_then(|cells| purchase(&cells))).collect())
}

fn malformed(cause: &dyn std::fmt::Display) -> ServiceError {
    ServiceError::MalformedFile { cause: cause.to_string() }
}

fn too_many() -> ServiceError {
    ServiceError::Field { field: "rows", detail: format!("a file has at most {MAX_ROWS} rows") }
}

fn read_csv(text: &str) -> Result<Vec<Result<Cells, Vec<Mistake>>>, ServiceError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = columns(reader.headers().map_err(|error| malformed(&error))?)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| malformed(&error))?;
        if rows.len() == MAX_ROWS {
            return Err(too_many());
        }
        if record.len() != header.len() {
            let detail = format!("it has {} cells and the header has {}", record.len(), header.len());
            rows.push(Err(vec![("row", detail)]));
            continue;
        }
        let cells = header.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
        rows.push(Ok(cells.map(|(column, cell)| (*column, plain(cell).to_owned())).collect()));
    }
    Ok(rows)
}

/// The columns that a header names, in any order.
fn columns(header: &csv::StringRecord) -> Result<Vec<&'static str>, ServiceError> {
    let refusal = |detail: String| ServiceError::Field { field: "header", detail };
    let mut columns = Vec::new();
    for name in header {
        let known = COLUMNS.into_iter().find(|column| *column == name);
        let column = known.ok_or_else(|| refusal(format!("{name:?} is none of {}", COLUMNS.join(", "))))?;
        if columns.contains(&column) {
            return Err(refusal(format!("{column} stands twice")));
        }
        columns.push(column);
    }
    match COLUMNS[..REQUIRED].iter().find(|column| !columns.contains(column)) {
        Some(missing) => Err(refusal(format!("the first line names the columns, and {missing} is missing"))),
        None => Ok(columns),
    }
}

/// A cell as it goes into a file: a spreadsheet never takes it for a formula.
pub(super) fn formula_safe(cell: &str) -> String {
    if cell.starts_with(FORMULA_STARTS) { format!("'{cell}") } else { cell.to_owned() }
}

/// The cell that [`formula_safe`] was given.
fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA_STARTS)).unwrap_or(cell)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

/// A row of an export; its id says where it came from and nothing about where it goes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonRow<'a> {
    #[serde(default, rename = "id")]
    _id: Option<String>,
    ticker_symbol: String,
    #[serde(borrow)]
    quantity: &'a RawValue,
    #[serde(borrow)]
    purchase_price: &'a RawValue,
    purchase_date: String,
    #[serde(borrow, default)]
    fee: Option<&'a RawValue>,
    #[serde(default)]
    currency: Option<String>,
}

fn read_json(text: &str) -> Result<Vec<Result<Cells, Vec<Mistake>>>, ServiceError> {
    let rows = if text.trim_start().starts_with('{') {
        serde_json::from_str::<Wrapped<'_>>(text).map(|wrapped| wrapped.items)
    } else {
        serde_json::from_str(text)
    };
    let rows: Vec<&RawValue> = rows.map_err(|error| malformed(&error))?;
    if rows.len() > MAX_ROWS {
        return Err(too_many());
    }
    Ok(rows.into_iter().map(json_cells).collect())
}

fn json_cells(raw: &RawValue) -> Result<Cells, Vec<Mistake>> {
    let row: JsonRow<'_> = serde_json::from_str(raw.get()).map_err(|error| {
        let text = error.to_string();
        let message = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
        vec![("row", message.to_owned())]
    })?;
    let mut cells = Cells::from([("ticker_symbol", row.ticker_symbol), ("purchase_date", row.purchase_date)]);
    cells.extend(row.currency.map(|code| ("currency", code)));
    let mut mistakes = Vec::new();
    let numbers = [("quantity", Some(row.quantity)), ("purchase_price", Some(row.purchase_price)), ("fee", row.fee)];
    for (column, number) in numbers.into_iter().filter_map(|(column, number)| Some((column, number?))) {
        match exact_text(number) {
            Some(text) => {
                cells.insert(column, text);
            }
            None => mistakes.push((column, "expected a decimal as a string or a number".to_owned())),
        }
    }
    if mistakes.is_empty() { Ok(cells) } else { Err(mistakes) }
}

/// A number, or a string that holds one, as it is written: never through a float.
fn exact_text(raw: &RawValue) -> Option<String> {
    let text = raw.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok(),
        b'-' | b'0'..=b'9' => Some(text.to_owned()),
        _ => None,
    }
}

fn purchase(cells: &Cells) -> Row {
    let mut mistakes: Vec<Mistake> = Vec::new();
    let required = |column| cells.get(column).map_or("", String::as_str);
    let ticker_symbol = required("ticker_symbol").parse();
    let quantity = Quantity::parse(required("quantity"));
    let purchase_price = Price::parse(required("purchase_price"));
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

fn note<T, E: std::fmt::Display>(mistakes: &mut Vec<Mistake>, column: &'static str, parsed: &Result<T, E>) {
    if let Err(error) = parsed {
        mistakes.push((column, error.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "ticker_symbol,quantity,purchase_price,purchase_date,fee,currency";

    fn csv_rows(text: &str) -> Vec<Row> {
        read(text.as_bytes(), Format::Csv).unwrap()
    }

    #[test]
    fn a_byte_order_mark_crlf_blanks_and_another_order_of_columns_are_taken() {
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
    fn a_header_is_required_and_names_our_columns() {
        for (text, part) in [
            ("", "ticker_symbol is missing"),
            ("AAPL,1,10,2010-01-04,,\n", "is none of"),
            ("ticker_symbol,quantity,purchase_price\n", "purchase_date is missing"),
            ("ticker_symbol,ticker_symbol,quantity\n", "stands twice"),
        ] {
            let error = read(text.as_bytes(), Format::Csv).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn every_mistake_of_a_row_is_named_and_the_other_rows_stand() {
        let rows = csv_rows(&format!("{HEADER}\nA A,-1,0,2010-02-30,x,EURO\nAAPL,1,10,2010-01-04,,\nAAPL,1\n"));
        let columns: Vec<_> = rows[0].as_ref().unwrap_err().iter().map(|(column, _)| *column).collect();
        assert_eq!(columns, COLUMNS);
        assert!(rows[1].is_ok());
        assert_eq!(rows[2].as_ref().unwrap_err()[0].1, "it has 2 cells and the header has 6");
    }

    #[test]
    fn json_is_a_list_or_has_one_and_keeps_every_digit() {
        let row = r#"{"ticker_symbol": "IBM", "quantity": 12345678.12345678, "purchase_price": "1e2", "purchase_date": "2010-01-04"}"#;
        let rows = read(format!("[{row}]").as_bytes(), Format::Json).unwrap();
        assert_eq!(rows, read(format!("{{\"items\": [{row}]}}").as_bytes(), Format::Json).unwrap());
        assert_eq!(rows[0].as_ref().unwrap().quantity.to_string(), "12345678.12345678");
        let wrong = r#"[{"ticker_symbol": "IBM"}, {"a": 1}, 7]"#;
        assert!(read(wrong.as_bytes(), Format::Json).unwrap().iter().all(Result::is_err));
        for text in ["", "{", "[{]", "null", "{\"rows\": []}", "\u{0}"] {
            let error = read(text.as_bytes(), Format::Json).unwrap_err();
            assert!(matches!(error, ServiceError::MalformedFile { .. }), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_no_file() {
        assert!(matches!(read(b"\xff\xfe", Format::Csv), Err(ServiceError::MalformedFile { .. })));
    }

    #[test]
    fn a_row_beyond_the_limit_is_refused() {
        let line = "AAPL,1,10,2010-01-04,,\n";
        assert_eq!(csv_rows(&format!("{HEADER}\n{}", line.repeat(MAX_ROWS))).len(), MAX_ROWS);
        let over = read(format!("{HEADER}\n{}", line.repeat(MAX_ROWS + 1)).as_bytes(), Format::Csv);
        assert!(matches!(over, Err(ServiceError::Field { field: "rows", .. })));
    }

    #[test]
    fn what_a_spreadsheet_takes_for_a_formula_is_quoted_and_comes_back_plain() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(formula_safe(cell), format!("'{cell}"));
            assert_eq!(plain(&formula_safe(cell)), cell);
        }
        for cell in ["AAPL", "1.5", "'quoted", ""] {
            assert_eq!(plain(&formula_safe(cell)), cell);
        }
    }
}
