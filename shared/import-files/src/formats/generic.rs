//! The format `generic`: any table, by a mapping of its columns, or by headers that name the fields of an activity.

use std::collections::{BTreeMap, BTreeSet};

use crate::cells::Cells;
use crate::csv_table::TableRow;
use crate::dates::{self, ColumnOrder, DateOrder};
use crate::entry::{RowContent, Style, read_entry};
use crate::fields::{FIELDS, FieldForm, named, normalised};
use crate::mapping::Mapping;
use crate::mistakes::{FileMistake, RowMistake};
use crate::numbers;
use crate::rows::{Choices, ReadRow};

/// The name of the format.
pub const NAME: &str = "generic";
/// The lines among which the header is looked for: titles may stand above it.
const MAX_TITLE_LINES: usize = 20;
/// The first words of a row of totals, normalised.
const TOTALS: [&str; 7] = ["total", "totals", "subtotal", "grandtotal", "sum", "summe", "gesamt"];

/// The columns of a file.
struct Layout<'a> {
    /// The names of its columns.
    headers: Vec<String>,
    /// The columns of each field, from 0.
    fields: Vec<(&'static str, Vec<usize>)>,
    /// Whether the file has a header, whose number of cells each row must have.
    has_header: bool,
    rows: &'a [TableRow],
}

/// The rows of a table, and the columns that are not read.
///
/// Errors: a header or a mapping that does not tell the columns, dates that can be read in two ways, several accounts.
pub fn read(
    table: &[TableRow],
    mapping: &Mapping,
    choices: &Choices,
) -> Result<(Vec<ReadRow>, Vec<String>), FileMistake> {
    let layout = if mapping.is_empty() { by_header(table)? } else { by_mapping(table, mapping)? };
    let rows: Vec<(&TableRow, Cells)> = layout.rows.iter().map(|row| (row, layout.cells(row))).collect();
    let style = style_of(&layout, &rows, choices)?;
    let account = account_of(&rows, choices)?;
    let read = rows.iter().map(|(row, cells)| {
        let content = match layout.not_an_activity(row, cells) {
            Some(content) => content,
            None => of_account(cells, account).unwrap_or_else(|| read_entry(cells, &style)),
        };
        ReadRow { line: row.line, as_read: layout.as_read(row), content }
    });
    Ok((read.collect(), layout.ignored()))
}

/// The columns by the names in the header.
fn by_header(table: &[TableRow]) -> Result<Layout<'_>, FileMistake> {
    let is_header = |row: &TableRow| {
        let fields: BTreeSet<&str> = row.cells.iter().filter_map(|cell| named(cell)).map(|field| field.name).collect();
        let says_what = ["symbol", "isin", "name", "quantity", "amount"].iter().any(|field| fields.contains(field));
        fields.contains("date") && says_what
    };
    let at = table.iter().take(MAX_TITLE_LINES).position(is_header).ok_or_else(|| FileMistake::Header {
        detail: "No line names the columns. Name them in the first line, such as date, type, symbol, quantity and \
                 unit_price, or send a mapping of fields to columns."
            .to_owned(),
    })?;
    let (header, rows) = split(table, at);
    let mut fields: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
    for (place, cell) in header.iter().enumerate() {
        if let Some(field) = named(cell) {
            let places = fields.entry(field.name).or_default();
            // The name itself comes before its synonyms.
            let first = if normalised(cell) == normalised(field.name) { 0 } else { places.len() };
            places.insert(first, place);
        }
    }
    Ok(Layout { headers: header, fields: fields.into_iter().collect(), has_header: true, rows })
}

/// The columns by a mapping: by headers, or by numbers.
fn by_mapping<'a>(table: &'a [TableRow], mapping: &Mapping) -> Result<Layout<'a>, FileMistake> {
    let width = table.iter().map(|row| row.cells.len()).max().unwrap_or_default();
    if mapping.is_by_number() {
        let numbered: Vec<String> = (1..=width).map(|number| format!("column {number}")).collect();
        let fields = mapping.resolve(&numbered, width)?;
        let dates: Vec<usize> =
            fields.iter().filter(|(field, _)| *field == "date").flat_map(|(_, at)| at.clone()).collect();
        // Titles and a header have no date.
        let is_data = |row: &TableRow| {
            let cells = dates.iter().filter_map(|place| row.cells.get(*place));
            cells.into_iter().any(|cell| cell.bytes().any(|byte| byte.is_ascii_digit()))
        };
        let start = table.iter().take(MAX_TITLE_LINES).position(is_data).unwrap_or_default();
        let rows = table.get(start..).unwrap_or_default();
        return Ok(Layout { headers: numbered, fields, has_header: false, rows });
    }
    let wanted: Vec<String> = mapping.headers().collect();
    let is_header = |row: &TableRow| {
        let cells: BTreeSet<String> = row.cells.iter().map(|cell| normalised(cell)).collect();
        wanted.iter().all(|header| cells.contains(header))
    };
    // A mapping that names what is missing is refused by name, against the first line.
    let at = table.iter().take(MAX_TITLE_LINES).position(is_header).unwrap_or_default();
    let (headers, rows) = split(table, at);
    let fields = mapping.resolve(&headers, headers.len())?;
    Ok(Layout { headers, fields, has_header: true, rows })
}

/// The cells of the header, and the rows below it.
fn split(table: &[TableRow], at: usize) -> (Vec<String>, &[TableRow]) {
    let header = table.get(at).map(|row| row.cells.clone()).unwrap_or_default();
    (header, table.get(at.saturating_add(1)..).unwrap_or_default())
}

impl Layout<'_> {
    fn cells(&self, row: &TableRow) -> Cells {
        let mut cells = Cells::default();
        for (field, places) in &self.fields {
            let filled = places.iter().find_map(|place| {
                let text = row.cells.get(*place).filter(|text| !text.is_empty())?;
                Some((self.headers.get(*place)?, text))
            });
            if let Some((column, text)) = filled {
                cells.put(field, column, text);
            }
        }
        cells
    }

    fn as_read(&self, row: &TableRow) -> Vec<(String, String)> {
        let numbered = |place: usize| format!("column {}", place.saturating_add(1));
        let filled = row.cells.iter().enumerate().filter(|(_, text)| !text.is_empty());
        let name = |place: usize| self.headers.get(place).filter(|name| !name.is_empty()).cloned();
        filled.map(|(place, text)| (name(place).unwrap_or_else(|| numbered(place)), text.clone())).collect()
    }

    /// The columns that no field is read from.
    fn ignored(&self) -> Vec<String> {
        let used: BTreeSet<usize> = self.fields.iter().flat_map(|(_, places)| places.iter().copied()).collect();
        let headers = if self.has_header { self.headers.as_slice() } else { &[] };
        let unused = headers.iter().enumerate().filter(|(place, name)| !used.contains(place) && !name.is_empty());
        unused.map(|(_, name)| name.clone()).collect()
    }

    /// What is no row of an activity: blank, of totals, the header again, or of another width.
    fn not_an_activity(&self, row: &TableRow, cells: &Cells) -> Option<RowContent> {
        let skipped = |reason: &str| Some(RowContent::Skipped(reason.to_owned()));
        if row.is_blank() {
            return skipped("The row is blank.");
        }
        let first = row.cells.iter().find(|cell| !cell.is_empty()).map(|cell| normalised(cell)).unwrap_or_default();
        let is_dated = cells.text("date").is_some_and(|text| dates::read_date(text, DateOrder::DayFirst).is_some());
        if !is_dated && TOTALS.contains(&first.trim_end_matches(':')) {
            return skipped("The row has totals.");
        }
        if self.has_header && row.cells == self.headers {
            return skipped("The row repeats the header.");
        }
        let beyond = row.cells.iter().skip(self.headers.len()).any(|cell| !cell.is_empty());
        if self.has_header && (row.cells.len() < self.headers.len() || beyond) {
            return Some(RowContent::Mistaken(vec![RowMistake::of_width(row.cells.len(), self.headers.len())]));
        }
        None
    }
}

/// How the cells are to be read, by all of them.
fn style_of<'a>(
    layout: &Layout<'_>,
    rows: &[(&TableRow, Cells)],
    choices: &'a Choices,
) -> Result<Style<'a>, FileMistake> {
    let of_form = |form: FieldForm| FIELDS.iter().filter(move |field| field.form == form);
    let texts = |field: &'static str| rows.iter().filter_map(move |(_, cells)| cells.text(field));
    let mark = numbers::decide(of_form(FieldForm::Number).flat_map(|field| texts(field.name)));
    let mut orders = BTreeMap::new();
    for field in of_form(FieldForm::Date) {
        let order = match (choices.dates, dates::decide(texts(field.name))) {
            (Some(chosen), _) => chosen,
            (None, ColumnOrder::Known(order)) => order,
            (None, unknown) => return Err(ambiguous(&unknown, &column_of(rows, field.name))),
        };
        orders.insert(field.name, order);
    }
    let has_types = layout.fields.iter().any(|(field, _)| *field == "type");
    Ok(Style { mark, orders, has_types, keeps_signs: false, symbols: &choices.symbols })
}

fn column_of(rows: &[(&TableRow, Cells)], field: &str) -> String {
    rows.iter().find_map(|(_, cells)| cells.column(field)).unwrap_or_else(|| field.to_owned())
}

fn ambiguous(order: &ColumnOrder, column: &str) -> FileMistake {
    let why = match order {
        ColumnOrder::Contradicting { day_first, month_first } => {
            format!("{day_first} has the day first, and {month_first} the month")
        }
        ColumnOrder::Undecided { example } => {
            format!("{example} can be read in two ways, and no other date of the column decides")
        }
        ColumnOrder::Known(_) => "all are read alike".to_owned(),
    };
    let detail =
        format!("The dates of the column {column} are ambiguous: {why}. Send dates=day_first or dates=month_first.");
    FileMistake::AmbiguousDates { detail }
}

/// The account whose rows count; nothing if the file has only one.
fn account_of<'a>(rows: &[(&TableRow, Cells)], choices: &'a Choices) -> Result<Option<&'a str>, FileMistake> {
    let accounts: BTreeSet<&str> = rows.iter().filter_map(|(_, cells)| cells.text("account")).collect();
    match &choices.account {
        Some(chosen) if accounts.contains(chosen.as_str()) => Ok(Some(chosen)),
        Some(chosen) => {
            let known = accounts.into_iter().collect::<Vec<_>>().join(", ");
            let detail = format!("the file has no rows of the account {chosen:?}; its accounts: {known}");
            Err(FileMistake::Mapping { field: "account".to_owned(), detail })
        }
        None if accounts.len() > 1 => {
            Err(FileMistake::SeveralAccounts { accounts: accounts.into_iter().map(str::to_owned).collect() })
        }
        None => Ok(None),
    }
}

fn of_account(cells: &Cells, account: Option<&str>) -> Option<RowContent> {
    let other = cells.text("account").filter(|name| account.is_some_and(|chosen| chosen != *name))?;
    Some(RowContent::Skipped(format!("The row belongs to the account {other}.")))
}
