//! What became of each row of a file.

pub use quant::backtest::Warning;

use app::error::{MAX_LISTED, shortened};
use domain::Day;
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
    /// Rows that an investment answers for which was there before and says the same; each answers for one row.
    pub duplicates: usize,
    /// Rows that cannot be used.
    pub invalid: usize,
    /// Whether `items` leaves rows out, because the file has more than 1,000; the counts are of all rows.
    #[serde(default)]
    pub cut: bool,
    /// Verdicts in the order of the file: of every row, or of 1,000, of which as many as possible are rows that cannot be
    /// used, then duplicates, and then rows with warnings.
    pub items: Vec<RowVerdict>,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowVerdict {
    /// Its number, counted from 1 after the header.
    pub row: usize,
    /// The line of the file on which it begins, from 1, as an editor counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What became of it.
    pub verdict: Verdict,
    /// The investment that it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub investment_id: Option<Uuid>,
    /// An earlier row that says the same; both are lots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as_row: Option<usize>,
    /// An investment that was there before and says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as_investment: Option<Uuid>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RowError>,
    /// What to know of it: `rounded` where a number had more decimals than are kept, `investments_to_come` where it is dated
    /// after the market's today and is in no value yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
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
    /// An investment says the same, and it was left out or waits for a decision.
    Duplicate,
    /// It cannot be used.
    Invalid,
}

/// What says the same as a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SameAs {
    /// An earlier row of the file.
    pub(super) row: Option<usize>,
    /// An investment that was there before and answers for this row.
    pub(super) investment: Option<Uuid>,
}

/// That a number of a row is kept as this.
pub(super) fn rounded_to(column: &str, number: &str) -> Warning {
    let detail = format!("{column} has more decimals than are kept and is taken as {number}");
    Warning { code: "rounded".to_owned(), detail }
}

/// That a row is dated after the market's today.
pub(super) fn to_come(date: Day, market_day: Day) -> Warning {
    let detail = format!("{date} is after the market's today, {market_day}: the lot is in no value until then");
    Warning { code: "investments_to_come".to_owned(), detail }
}

impl RowVerdict {
    pub(super) fn new(row: usize, line: usize, verdict: Verdict) -> Self {
        Self {
            row,
            line: Some(line),
            verdict,
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
        Self { errors, ..Self::new(row, line, Verdict::Invalid) }
    }

    fn is_duplicate(&self) -> bool {
        self.same_as_investment.is_some() || self.verdict == Verdict::Duplicate
    }

    pub(super) fn same_as(self, SameAs { row, investment }: SameAs) -> Self {
        Self { same_as_row: row, same_as_investment: investment, ..self }
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
            duplicates: count(RowVerdict::is_duplicate),
            invalid: count(|item| item.verdict == Verdict::Invalid),
            cut: items.len() > MAX_LISTED,
            items: listed(items),
        }
    }
}

/// The first [`MAX_LISTED`] of what a person has to look at, in the order of the file.
fn listed(items: Vec<RowVerdict>) -> Vec<RowVerdict> {
    let (invalid, usable): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.verdict == Verdict::Invalid);
    let (duplicates, rest): (Vec<_>, Vec<_>) = usable.into_iter().partition(RowVerdict::is_duplicate);
    let (plain, warned): (Vec<_>, Vec<_>) = rest.into_iter().partition(|item| item.warnings.is_empty());
    let ranked = invalid.into_iter().chain(duplicates).chain(warned).chain(plain);
    let mut listed: Vec<_> = ranked.take(MAX_LISTED).collect();
    listed.sort_by_key(|item| item.row);
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rows: usize, verdict: impl Fn(usize) -> RowVerdict) -> ImportReport {
        ImportReport::of(String::new(), (1..=rows).map(verdict).collect())
    }

    #[test]
    fn a_report_of_a_thousand_rows_lists_them_all() {
        let report = report(MAX_LISTED, |row| RowVerdict::new(row, row + 1, Verdict::WouldImport));
        assert!(!report.cut && report.items.len() == MAX_LISTED);
    }

    #[test]
    fn a_longer_report_counts_every_row_and_lists_mistakes_then_duplicates_and_then_warnings_first() {
        let verdict = |row| match row {
            1_500 => RowVerdict::invalid(row, row + 1, &[("quantity", "q".repeat(10_000))]),
            2..=900 | 1_999 => RowVerdict::new(row, row + 1, Verdict::Duplicate),
            1_998 => RowVerdict {
                warnings: vec![rounded_to("quantity", "1")],
                ..RowVerdict::new(row, row + 1, Verdict::Imported)
            },
            _ => RowVerdict::new(row, row + 1, Verdict::Imported),
        };
        let report = report(2_000, verdict);
        assert_eq!((report.rows, report.imported, report.duplicates, report.invalid), (2_000, 1_099, 900, 1));
        assert!(report.cut && report.items.len() == MAX_LISTED);
        assert!(report.items.is_sorted_by_key(|item| item.row));
        let listed = |row| report.items.iter().find(|item| item.row == row);
        assert!(listed(1_999).is_some() && listed(1_998).is_some() && listed(1).is_some() && listed(1_000).is_none());
        assert!(listed(1_500).unwrap().errors[0].detail.len() < 1_000, "a detail is bounded too");
    }
}
