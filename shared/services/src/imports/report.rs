//! What became of each row of a file.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::investments::Mistake;

/// What became, or would become, of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Hash of the file, by which it is known again.
    pub sha256: String,
    /// Whether nothing was to be written.
    pub dry_run: bool,
    /// Whether this very file had been imported into this portfolio before; then nothing was written now.
    pub repeated: bool,
    /// Rows of the file, the header apart.
    pub rows: usize,
    /// Rows that are investments now, or would be.
    pub imported: usize,
    /// Rows that say what another one says.
    pub duplicates: usize,
    /// Rows that cannot be used.
    pub invalid: usize,
    /// A verdict a row, in the order of the file.
    pub items: Vec<RowVerdict>,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowVerdict {
    /// Its number, counted from 1 after the header.
    pub row: usize,
    /// What became of it.
    pub verdict: Verdict,
    /// The investment that it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub investment_id: Option<Uuid>,
    /// An earlier row that says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as_row: Option<usize>,
    /// An investment that was there before and says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as_investment: Option<Uuid>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RowError>,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowError {
    /// The column; `row` for the whole of it.
    pub field: String,
    /// What is wrong.
    pub detail: String,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is an investment now.
    Imported,
    /// It would be one.
    WouldImport,
    /// Another row or investment says the same, and it was left out or waits for a decision.
    Duplicate,
    /// It cannot be used.
    Invalid,
}

/// Which other row or investment a row repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SameAs {
    Row(usize),
    Investment(Uuid),
}

impl RowVerdict {
    pub(super) fn new(row: usize, verdict: Verdict) -> Self {
        Self { row, verdict, investment_id: None, same_as_row: None, same_as_investment: None, errors: Vec::new() }
    }

    pub(super) fn invalid(row: usize, mistakes: &[Mistake]) -> Self {
        let error = |(field, detail): &Mistake| RowError { field: (*field).to_owned(), detail: detail.clone() };
        let errors = mistakes.iter().map(error).collect();
        Self { errors, ..Self::new(row, Verdict::Invalid) }
    }

    pub(super) fn same_as(self, same_as: Option<SameAs>) -> Self {
        match same_as {
            None => self,
            Some(SameAs::Row(row)) => Self { same_as_row: Some(row), ..self },
            Some(SameAs::Investment(id)) => Self { same_as_investment: Some(id), ..self },
        }
    }
}

impl ImportReport {
    pub(super) fn of(sha256: String, items: Vec<RowVerdict>) -> Self {
        let count = |test: fn(&RowVerdict) -> bool| items.iter().filter(|item| test(item)).count();
        Self {
            sha256,
            dry_run: false,
            repeated: false,
            rows: items.len(),
            imported: count(|item| matches!(item.verdict, Verdict::Imported | Verdict::WouldImport)),
            duplicates: count(|item| {
                let repeats = item.same_as_row.is_some() || item.same_as_investment.is_some();
                repeats || item.verdict == Verdict::Duplicate
            }),
            invalid: count(|item| item.verdict == Verdict::Invalid),
            items,
        }
    }
}
