//! The formats of files, and which one a file has.

pub mod generic;
pub mod sextant;

use crate::MAX_ROWS;
use crate::csv_table::{TableRow, read_table};
use crate::entry::RowContent;
use crate::mapping::Mapping;
use crate::mistakes::FileMistake;
use crate::rows::{Choices, ReadFile, ReadRow};
use crate::text::decode;

/// A format that a request can name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileFormat {
    /// The one that the file looks like.
    #[default]
    Auto,
    /// An export of our own.
    Sextant,
    /// Any table.
    Generic,
}

impl FileFormat {
    /// The format of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            sextant::NAME => Some(Self::Sextant),
            generic::NAME => Some(Self::Generic),
            _ => None,
        }
    }
}

/// Reads a file: a table as text, or JSON with activities or with a table and how to read it.
///
/// Errors: [`FileMistake`], if no row can be read before something is corrected.
pub fn read(bytes: &[u8], is_json: bool, format: FileFormat, choices: &Choices) -> Result<ReadFile, FileMistake> {
    let text = decode(bytes)?.text;
    let file = if is_json {
        read_document(&text, format, choices)?
    } else {
        read_csv(&text, format, &Mapping::default(), choices)?
    };
    let is_row = |row: &&ReadRow| !matches!(row.content, RowContent::Skipped(_));
    if file.rows.iter().filter(is_row).count() > MAX_ROWS {
        return Err(FileMistake::TooManyRows);
    }
    Ok(file)
}

fn read_document(text: &str, format: FileFormat, choices: &Choices) -> Result<ReadFile, FileMistake> {
    let document = serde_json::from_str::<sextant::Document<'_>>(text)
        .map_err(|error| FileMistake::Malformed { cause: error.to_string() })?;
    let refused = |field: &str, detail: String| FileMistake::Mapping { field: field.to_owned(), detail };
    let stated = match document.format.as_deref().map(|name| (name, FileFormat::named(name))) {
        Some((_, Some(format))) => format,
        Some((name, None)) => return Err(refused("format", format!("{name:?} is no format: send sextant or generic"))),
        None => FileFormat::Auto,
    };
    let format = if format == FileFormat::Auto { stated } else { format };
    if let Some(version) = document.version.filter(|version| *version != 1) {
        return Err(refused("version", format!("{version} is not known: this program reads version 1")));
    }
    let mut choices = choices.clone();
    choices.symbols.extend(document.symbols.unwrap_or_default());
    match (&document.activities, &document.file) {
        (Some(activities), None) => {
            if format == FileFormat::Generic || document.mapping.is_some() {
                let detail = "activities have the fields of the format sextant: send a table as `file`".to_owned();
                return Err(refused("activities", detail));
            }
            if activities.len() > MAX_ROWS {
                return Err(FileMistake::TooManyRows);
            }
            let (rows, ignored_columns) = sextant::read_json(text, activities, &choices);
            let reason = "It is JSON with activities.".to_owned();
            Ok(ReadFile { format: sextant::NAME, reason, ignored_columns, rows })
        }
        (None, Some(file)) => read_csv(file, format, &document.mapping.unwrap_or_default(), &choices),
        _ => Err(refused("file", "send either a table as `file`, or `activities`".to_owned())),
    }
}

fn read_csv(text: &str, format: FileFormat, mapping: &Mapping, choices: &Choices) -> Result<ReadFile, FileMistake> {
    let table = read_table(text)?;
    let (is_sextant, reason) = detect(&table, format, mapping);
    let (rows, ignored_columns) =
        if is_sextant { sextant::read_csv(&table, choices)? } else { generic::read(&table, mapping, choices)? };
    let format = if is_sextant { sextant::NAME } else { generic::NAME };
    Ok(ReadFile { format, reason: reason.to_owned(), ignored_columns, rows })
}

fn detect(table: &[TableRow], format: FileFormat, mapping: &Mapping) -> (bool, &'static str) {
    match format {
        FileFormat::Sextant => (true, "The request says so."),
        FileFormat::Generic => (false, "The request says so."),
        FileFormat::Auto if !mapping.is_empty() => (false, "The request has a mapping of its columns."),
        FileFormat::Auto if table.first().is_some_and(|row| sextant::is_header(&row.cells)) => {
            (true, "Its header has the fields of an export, with ids.")
        }
        FileFormat::Auto => (false, "Its header is none of another format, and its columns are known by their names."),
    }
}

#[cfg(test)]
mod tests;
