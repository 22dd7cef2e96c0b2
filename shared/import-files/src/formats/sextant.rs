//! The format `sextant`: the fields of our activities under their own names, as CSV or JSON.
//!
//! Numbers have a decimal point, dates are ISO, signs count. Ids travel along.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cells::Cells;
use crate::csv_table::TableRow;
use crate::entry::{RowContent, Style, read_entry};
use crate::fields::{FIELDS, GENERATED};
use crate::json_rows::text_of;
use crate::lines::LineCounter;
use crate::mistakes::{FileMistake, RowMistake};
use crate::numbers::DecimalMark;
use crate::rows::{Choices, ReadRow};

/// The name of the format.
pub const NAME: &str = "sextant";

/// A JSON file: an export, or a file of any format with how to read it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document<'a> {
    /// The format of the activities or of the file.
    pub format: Option<String>,
    /// The version of the export's form.
    pub version: Option<u32>,
    /// The settings of the exported portfolio, which an import does not change.
    #[serde(borrow, rename = "portfolio")]
    _portfolio: Option<&'a RawValue>,
    /// The activities of an export.
    #[serde(borrow)]
    pub activities: Option<Vec<&'a RawValue>>,
    /// The text of a CSV file.
    pub file: Option<String>,
    /// The columns of its fields.
    pub mapping: Option<crate::mapping::Mapping>,
    /// Symbols of the file that are another one here.
    pub symbols: Option<BTreeMap<String, String>>,
}

/// Whether a header is that of an export: nothing but the names of our fields, with the id of each activity.
#[must_use]
pub fn is_header(header: &[String]) -> bool {
    let has = |name: &str| header.iter().any(|known| known == name);
    has("id") && has("type") && has("date") && header.iter().all(|name| is_field(name) || is_generated(name))
}

fn is_field(name: &str) -> bool {
    FIELDS.iter().any(|field| field.name == name)
}

fn is_generated(name: &str) -> bool {
    GENERATED.contains(&name)
}

/// The field of a column of an export.
fn field_of(name: &str) -> Option<&'static str> {
    let fields = FIELDS.iter().map(|field| field.name).chain(["id"]);
    fields.into_iter().find(|field| *field == name)
}

fn style(choices: &Choices) -> Style<'_> {
    let (mark, orders) = (DecimalMark::Point, BTreeMap::new());
    Style { mark, orders, has_types: true, keeps_signs: true, symbols: &choices.symbols }
}

/// The rows of an export as CSV, and the columns that are not read.
///
/// Errors: [`FileMistake::Header`] if it has no `type` or no `date`.
pub fn read_csv(table: &[TableRow], choices: &Choices) -> Result<(Vec<ReadRow>, Vec<String>), FileMistake> {
    let Some((header, rows)) = table.split_first() else {
        return Err(FileMistake::Header { detail: "The file is empty.".to_owned() });
    };
    for needed in ["type", "date"] {
        if !header.cells.iter().any(|name| name == needed) {
            let detail = format!("The first line must name the columns, but {needed} is missing.");
            return Err(FileMistake::Header { detail });
        }
    }
    let ignored = header.cells.iter().filter(|name| !is_field(name) && !is_generated(name)).cloned().collect();
    let style = style(choices);
    let read = rows.iter().map(|row| {
        let named = || header.cells.iter().zip(&row.cells);
        let as_read = named().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name.clone(), text.clone()));
        let content = if row.cells.len() == header.cells.len() {
            let mut cells = Cells::default();
            for (name, text) in named() {
                if let Some(field) = field_of(name) {
                    cells.put(field, name, text);
                }
            }
            read_entry(&cells, &style)
        } else {
            RowContent::Mistaken(vec![RowMistake::of_width(row.cells.len(), header.cells.len())])
        };
        ReadRow { line: row.line, as_read: as_read.collect(), content }
    });
    Ok((read.collect(), ignored))
}

/// The activities of an export as JSON, and the fields that are not read. `text` is the whole file.
#[must_use]
pub fn read_json(text: &str, activities: &[&RawValue], choices: &Choices) -> (Vec<ReadRow>, Vec<String>) {
    let style = style(choices);
    let mut lines = LineCounter::of(text);
    let mut ignored = BTreeSet::new();
    let rows = activities.iter().map(|raw| {
        let start = raw.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let line = lines.of_the_text_from(start);
        let Ok(object) = serde_json::from_str::<BTreeMap<String, &RawValue>>(raw.get()) else {
            let mistake = RowMistake::of_row("is not an object", "Write each activity as an object with its fields.");
            return ReadRow { line, as_read: Vec::new(), content: RowContent::Mistaken(vec![mistake]) };
        };
        let mut cells = Cells::default();
        let mut as_read = Vec::new();
        for (name, value) in &object {
            let text = text_of(value.get()).unwrap_or_else(|| value.get().to_owned());
            // Nothing, and an empty list of lots.
            if text.is_empty() || value.get() == "[]" {
                continue;
            }
            match field_of(name) {
                Some(field) => cells.put(field, name, &text),
                None if is_generated(name) => {}
                None => {
                    ignored.insert(name.clone());
                }
            }
            as_read.push((name.clone(), text));
        }
        ReadRow { line, as_read, content: read_entry(&cells, &style) }
    });
    let rows = rows.collect();
    (rows, ignored.into_iter().collect())
}
