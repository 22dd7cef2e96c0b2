//! Reads the rows of a JSON file as the cells of equivalent CSV rows.

use std::borrow::Cow;

use app::error::ServiceError;
use import_files::json_rows::text_of;
use import_files::lines::LineCounter;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::cells::{Cells, MAX_ROWS, RawRow, malformed, too_many};
use crate::investments::Mistake;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

/// A row of an export; its id is ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with the columns of a row")]
struct JsonRow<'a> {
    #[serde(borrow, default, rename = "id")]
    _id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    ticker_symbol: Option<&'a RawValue>,
    #[serde(borrow, default)]
    quantity: Option<&'a RawValue>,
    #[serde(borrow, default)]
    purchase_price: Option<&'a RawValue>,
    #[serde(borrow, default)]
    purchase_date: Option<&'a RawValue>,
    #[serde(borrow, default)]
    fee: Option<&'a RawValue>,
    #[serde(borrow, default)]
    currency: Option<&'a RawValue>,
}

/// The rows of a list of objects, or of an object with a list `items`.
pub(super) fn read_json(text: &str) -> Result<Vec<RawRow>, ServiceError> {
    let rows = if text.trim_start().starts_with('{') {
        serde_json::from_str::<Wrapped<'_>>(text).map(|wrapped| wrapped.items)
    } else {
        serde_json::from_str(text)
    };
    let rows: Vec<&RawValue> = rows.map_err(|error| malformed(&error))?;
    if rows.len() > MAX_ROWS {
        return Err(too_many());
    }
    let mut lines = LineCounter::of(text);
    let start = |raw: &RawValue| raw.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
    Ok(rows.into_iter().map(|raw| (lines.of_the_text_from(start(raw)), json_cells(raw))).collect())
}

/// The cells of the equivalent CSV row.
fn json_cells(raw: &RawValue) -> Result<Cells, Vec<Mistake>> {
    let row: JsonRow<'_> = serde_json::from_str(raw.get()).map_err(|error| {
        let text = error.to_string();
        let message = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
        vec![("row", message.to_owned())]
    })?;
    let mut cells = Cells::new();
    let mut mistakes = Vec::new();
    let values = [
        ("ticker_symbol", row.ticker_symbol, false),
        ("quantity", row.quantity, true),
        ("purchase_price", row.purchase_price, true),
        ("purchase_date", row.purchase_date, false),
        ("fee", row.fee, true),
        ("currency", row.currency, false),
    ];
    for (column, value, is_number) in values.into_iter().filter_map(|(column, value, is)| Some((column, value?, is))) {
        match text_of(value.get()).filter(|_| takes(value, is_number)) {
            Some(text) if text.is_empty() => {}
            // A string is taken literally, including blanks: only cells of CSV are trimmed.
            Some(text) => {
                cells.insert(column, text);
            }
            None if is_number => mistakes.push((column, "must be a decimal as a string or a number".to_owned())),
            None => mistakes.push((column, "must be a string".to_owned())),
        }
    }
    if mistakes.is_empty() { Ok(cells) } else { Err(mistakes) }
}

/// Whether a value may stand in a column: a string, nothing, or a number where one is expected.
fn takes(raw: &RawValue, is_number: bool) -> bool {
    match raw.get().as_bytes().first() {
        Some(b'"' | b'n') => true,
        Some(b'-' | b'0'..=b'9') => is_number,
        _ => false,
    }
}
