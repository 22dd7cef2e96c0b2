//! The result for each row of a file.

pub use quant::backtest::Warning;

use app::error::{MAX_LISTED, shortened};
use domain::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::investments::Mistake;

/// The result of an import, or of its dry run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Hash that identifies the file.
    #[schema(value_type = domain::schema::Sha256)]
    pub sha256: String,
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Whether this same file was already imported into this portfolio; then nothing was written now.
    pub repeated: bool,
    /// Rows of the file, without the header.
    pub rows: usize,
    /// Rows that are investments now, or would be.
    pub imported: usize,
    /// Rows that match an existing investment; each investment matches one row.
    pub duplicates: usize,
    /// Rows with errors.
    pub invalid: usize,
    /// Whether `items` omits rows because the file has more than 1,000; the counts are of all rows.
    #[serde(default)]
    #[schema(required)]
    pub cut: bool,
    /// Results in the order of the file: of every row, or of 1,000, with as many invalid rows as possible, then
    /// duplicates, then rows with warnings.
    pub items: Vec<RowResult>,
}

/// The result for a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ImportRowResult)]
pub struct RowResult {
    /// Its number, counted from 1 after the header.
    pub row: usize,
    /// The line of the file on which it begins, from 1, as an editor counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub line: Option<usize>,
    /// The result for the row.
    #[serde(rename = "verdict")]
    pub status: RowStatus,
    /// The investment that it has become.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub investment_id: Option<Uuid>,
    /// An equal earlier row; both are lots.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub same_as_row: Option<usize>,
    /// An existing investment that matches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub same_as_investment: Option<Uuid>,
    /// Errors of the row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RowError>,
    /// Its warnings: `rounded` if a number had more decimals than are stored, `investments_to_come` if it is dated
    /// after the market's today and does not count in any value yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// An error in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ImportRowError)]
pub struct RowError {
    /// The column; `row` for the whole row.
    pub field: String,
    /// What is wrong with the value.
    pub detail: String,
}

/// The status of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportRowStatus)]
pub enum RowStatus {
    /// It has become an investment.
    Imported,
    /// It would become an investment.
    WouldImport,
    /// It matches an investment, and was left out or needs a decision.
    Duplicate,
    /// It has at least one error.
    Invalid,
}

/// The match of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RowMatch {
    /// An earlier row of the file.
    pub(super) row: Option<usize>,
    /// An existing investment that matches this row.
    pub(super) investment: Option<Uuid>,
}

/// Warns that a number of a row was rounded to this.
pub(super) fn rounded_to(column: &str, number: &str) -> Warning {
    let detail = format!("{column} has more decimals than can be stored and was rounded to {number}");
    Warning { code: "rounded".to_owned(), detail }
}

/// Warns that a row is dated after the market's today.
pub(super) fn to_come(date: Day, market_day: Day) -> Warning {
    let detail =
        format!("{date} is after the market's today, {market_day}: the lot does not count in any value until then");
    Warning { code: "investments_to_come".to_owned(), detail }
}

impl RowResult {
    pub(super) fn new(row: usize, line: usize, status: RowStatus) -> Self {
        Self {
            row,
            line: Some(line),
            status,
            investment_id: None,
            same_as_row: None,
            same_as_investment: None,
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn invalid(row: usize, line: usize, mistakes: &[Mistake]) -> Self {
        let error = |(field, detail): &Mistake| RowError { field: (*field).to_owned(), detail: shortened(detail) };
        let errors = mistakes.iter().map(error).collect();
        Self { errors, ..Self::new(row, line, RowStatus::Invalid) }
    }

    fn is_duplicate(&self) -> bool {
        self.same_as_investment.is_some() || self.status == RowStatus::Duplicate
    }

    pub(super) fn same_as(self, RowMatch { row, investment }: RowMatch) -> Self {
        Self { same_as_row: row, same_as_investment: investment, ..self }
    }
}

impl ImportReport {
    pub(super) fn of(sha256: String, items: Vec<RowResult>) -> Self {
        let count = |test: fn(&RowResult) -> bool| items.iter().filter(|item| test(item)).count();
        Self {
            sha256,
            dry_run: false,
            repeated: false,
            rows: items.len(),
            imported: count(|item| matches!(item.status, RowStatus::Imported | RowStatus::WouldImport)),
            duplicates: count(RowResult::is_duplicate),
            invalid: count(|item| item.status == RowStatus::Invalid),
            cut: items.len() > MAX_LISTED,
            items: listed(items),
        }
    }
}

/// The first [`MAX_LISTED`] rows that need attention, in the order of the file.
fn listed(items: Vec<RowResult>) -> Vec<RowResult> {
    let (invalid, usable): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.status == RowStatus::Invalid);
    let (duplicates, rest): (Vec<_>, Vec<_>) = usable.into_iter().partition(RowResult::is_duplicate);
    let (plain, warned): (Vec<_>, Vec<_>) = rest.into_iter().partition(|item| item.warnings.is_empty());
    let ranked = invalid.into_iter().chain(duplicates).chain(warned).chain(plain);
    let mut listed: Vec<_> = ranked.take(MAX_LISTED).collect();
    listed.sort_by_key(|item| item.row);
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rows: usize, result: impl Fn(usize) -> RowResult) -> ImportReport {
        ImportReport::of(String::new(), (1..=rows).map(result).collect())
    }

    #[test]
    fn a_report_of_a_thousand_rows_lists_them_all() {
        let report = report(MAX_LISTED, |row| RowResult::new(row, row + 1, RowStatus::WouldImport));
        assert!(!report.cut && report.items.len() == MAX_LISTED);
    }

    #[test]
    fn a_longer_report_counts_every_row_and_lists_errors_first() {
        let result = |row| match row {
            1_500 => RowResult::invalid(row, row + 1, &[("quantity", "q".repeat(10_000))]),
            2..=900 | 1_999 => RowResult::new(row, row + 1, RowStatus::Duplicate),
            1_998 => RowResult {
                warnings: vec![rounded_to("quantity", "1")],
                ..RowResult::new(row, row + 1, RowStatus::Imported)
            },
            _ => RowResult::new(row, row + 1, RowStatus::Imported),
        };
        let report = report(2_000, result);
        assert_eq!((report.rows, report.imported, report.duplicates, report.invalid), (2_000, 1_099, 900, 1));
        assert!(report.cut && report.items.len() == MAX_LISTED);
        assert!(report.items.is_sorted_by_key(|item| item.row));
        let listed = |row| report.items.iter().find(|item| item.row == row);
        assert!(listed(1_999).is_some() && listed(1_998).is_some() && listed(1).is_some() && listed(1_000).is_none());
        assert!(listed(1_500).unwrap().errors[0].detail.len() < 1_000, "a detail is bounded too");
    }
}
