//! The cells of a row by field.

use std::collections::BTreeMap;

/// A filled cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The column, as the file names it.
    pub column: String,
    /// The text, not empty.
    pub text: String,
}

/// The filled cells of a row by the name of their field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells(BTreeMap<&'static str, Cell>);

impl Cells {
    /// Puts a cell in, if it is filled.
    pub fn put(&mut self, field: &'static str, column: &str, text: &str) {
        if !text.is_empty() {
            self.0.insert(field, Cell { column: column.to_owned(), text: text.to_owned() });
        }
    }

    /// The cell of a field, if it is filled.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Cell> {
        self.0.get(field)
    }

    /// The text of a field, if it is filled.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.get(field).map(|cell| cell.text.as_str())
    }

    /// The column that a field was read from.
    #[must_use]
    pub fn column(&self, field: &str) -> Option<String> {
        self.get(field).map(|cell| cell.column.clone())
    }

    /// Whether no cell is filled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The columns by field.
    #[must_use]
    pub fn columns(&self) -> BTreeMap<&'static str, String> {
        self.0.iter().map(|(field, cell)| (*field, cell.column.clone())).collect()
    }
}
