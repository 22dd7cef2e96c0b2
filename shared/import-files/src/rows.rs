//! The rows of a file after reading.

use std::collections::BTreeMap;

use crate::entry::RowContent;

/// A row of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadRow {
    /// The line of the file on which it begins, from 1.
    pub line: usize,
    /// Its filled cells as they stand in the file, by column.
    pub as_read: Vec<(String, String)>,
    /// What it says.
    pub content: RowContent,
}

/// A file after reading.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadFile {
    /// The name of its format.
    pub format: &'static str,
    /// Why it was read in this format, as a sentence.
    pub reason: String,
    /// Columns that are not read, as the file names them.
    pub ignored_columns: Vec<String>,
    /// Its rows in the order of the file.
    pub rows: Vec<ReadRow>,
}

/// What a request says about a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// The symbols of the file that are another one here, by that of the file.
    pub symbols: BTreeMap<String, String>,
    /// The account whose rows count, of a file with several.
    pub account: Option<String>,
    /// Whether the day or the month comes first in its dates.
    pub dates: Option<crate::dates::DateOrder>,
}
