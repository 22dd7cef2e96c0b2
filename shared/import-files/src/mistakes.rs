//! What can be wrong with a file, and with a row of it.

use ledger::ActivityMistake;

use crate::MAX_ROWS;

/// Why a whole file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileMistake {
    /// It cannot be read at all.
    #[error("{cause}")]
    Malformed {
        /// Why, after "The file cannot be read: ".
        cause: String,
    },
    /// Its columns are not known.
    #[error("{detail}")]
    Header {
        /// Why.
        detail: String,
    },
    /// The mapping names what does not exist.
    #[error("{field}: {detail}")]
    Mapping {
        /// The field that is mapped.
        field: String,
        /// What is wrong with its columns.
        detail: String,
    },
    /// More than [`MAX_ROWS`].
    #[error("The file has more than {MAX_ROWS} rows.")]
    TooManyRows,
    /// More bytes than may be unpacked.
    #[error("The file has more than {limit} bytes when it is unpacked.")]
    TooLarge {
        /// The most bytes.
        limit: usize,
    },
    /// In no row of a column it is clear whether the day or the month comes first, or rows contradict each other.
    #[error("{detail}")]
    AmbiguousDates {
        /// The column, an example, and what to do.
        detail: String,
    },
    /// Rows of several accounts without a choice.
    #[error("The file has rows of {} accounts: {}. Choose one with account=NAME.", accounts.len(), accounts.join(", "))]
    SeveralAccounts {
        /// Their names, as in the file.
        accounts: Vec<String>,
    },
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowMistake {
    /// The field of the activity; `row` for the whole row.
    pub field: &'static str,
    /// The column, as the file names it.
    pub column: Option<String>,
    /// What is wrong.
    pub detail: String,
    /// What to do, as a sentence.
    pub remedy: String,
}

impl RowMistake {
    /// A mistake of the whole row.
    #[must_use]
    pub fn of_row(detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { field: "row", column: None, detail: detail.into(), remedy: remedy.into() }
    }

    /// A row with more or fewer cells than the header.
    #[must_use]
    pub fn of_width(cells: usize, columns: usize) -> Self {
        let detail = format!("has {cells} cells, but the header has {columns}");
        Self::of_row(detail, "The file may have been cut off, or a cell has a delimiter that is not in quotes.")
    }

    /// A mistake that the check of the activity found.
    #[must_use]
    pub fn of_activity(mistake: &ActivityMistake, column: Option<String>) -> Self {
        let field = mistake.field();
        Self { field, column, detail: mistake.to_string(), remedy: remedy(mistake).to_owned() }
    }
}

/// What to do about a mistake in an activity.
fn remedy(mistake: &ActivityMistake) -> &'static str {
    match mistake {
        ActivityMistake::NotTaken { .. } => "Empty the cell, or leave its column out of the mapping.",
        ActivityMistake::Missing { field: "symbol", .. } => {
            "Fill in the symbol, or name the column that has it in the mapping."
        }
        ActivityMistake::Missing { .. } => "Fill in the cell, or name the column that has it in the mapping.",
        ActivityMistake::AmountMismatch { .. } => {
            "Correct quantity, price or amount; if the amount is net of fees, map its column to total."
        }
        ActivityMistake::OtherCurrency { .. } => {
            "Use the symbol of the listing in that currency, which `symbols` can name for the whole file."
        }
        ActivityMistake::CostOrUnknown => "Fill in what a unit had cost, or write true into a column cost_unknown.",
        ActivityMistake::NoteNeeded => "Write the reason into the note.",
        _ => "Correct the cell, or leave the row out with mistakes=skip.",
    }
}
