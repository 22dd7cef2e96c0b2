//! A file of rows after reading and checking, and the progress of its import.

use std::collections::{BTreeMap, BTreeSet};

use app::error::{MAX_LISTED, RowError, ServiceError};
use chrono::{DateTime, Utc};
use domain::{CustomerId, Day, Instrument, PortfolioId};
use ledger::Activity;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::report::Warning;
use crate::investments::{Identity, Mistake, Purchase};

/// The most lots that an import's item names as matching rows: an item has a maximum size.
const MAX_NAMED: usize = 5_000;

/// What to do with rows that match an existing investment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// Import nothing until the caller has decided.
    Ask,
    /// Import them as separate lots.
    Import,
    /// Leave them out.
    Skip,
}

/// The progress of an import.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ImportProgress {
    /// When it began; its rows have this time.
    #[serde(with = "domain::instant")]
    pub(super) started_at: DateTime<Utc>,
    /// Rows that are left out, by number.
    pub(super) skipped: BTreeSet<usize>,
    /// The lot that matches each of them, even if it was changed since. `None` if they are too many to name, and in
    /// items from before lots were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answered_by: Option<BTreeMap<usize, Uuid>>,
    /// Imported rows, not counting those left out.
    pub(super) done: usize,
}

impl ImportProgress {
    /// An import that starts now and leaves out these rows, each of which matches a lot.
    pub(super) fn begin(now: DateTime<Utc>, left_out: BTreeMap<usize, Uuid>) -> Self {
        let skipped = left_out.keys().copied().collect();
        let answered_by = (left_out.len() <= MAX_NAMED).then_some(left_out);
        Self { started_at: now, skipped, answered_by, done: 0 }
    }
}

/// A row that can be imported.
pub(super) struct ImportableRow {
    pub(super) row: usize,
    pub(super) purchase: Purchase,
    pub(super) instrument: Instrument,
}

/// A row of the file after reading and checking.
pub(super) struct CheckedRow {
    /// The line of the file on which it begins, from 1.
    pub(super) line: usize,
    pub(super) warnings: Vec<Warning>,
    pub(super) content: Result<ImportableRow, Vec<Mistake>>,
}

/// The whole file after reading and checking.
pub(super) struct CheckedFile {
    pub(super) sha256: String,
    pub(super) customer: CustomerId,
    pub(super) portfolio: PortfolioId,
    pub(super) today: Day,
    /// In the order of the file; the first one is row 1.
    pub(super) rows: Vec<CheckedRow>,
}

impl CheckedFile {
    /// The rows that can be imported, in the order of the file.
    pub(super) fn valid(&self) -> impl Iterator<Item = &ImportableRow> {
        self.rows.iter().filter_map(|row| row.content.as_ref().ok())
    }

    /// The rows that the import adds, in the order of the file.
    pub(super) fn importable<'a>(&'a self, progress: &'a ImportProgress) -> impl Iterator<Item = &'a ImportableRow> {
        self.valid().filter(|line| !progress.skipped.contains(&line.row))
    }

    /// The line of the file on which a row begins.
    pub(super) fn line_of(&self, row: usize) -> usize {
        row.checked_sub(1).and_then(|index| self.rows.get(index)).map_or(row, |row| row.line)
    }

    /// The activity that a row becomes.
    pub(super) fn activity(&self, line: &ImportableRow, started_at: DateTime<Utc>) -> Result<Activity, ServiceError> {
        let id = self.id_of(line.row, started_at);
        let identity = Identity { id, portfolio_id: self.portfolio, created_at: started_at };
        let recorded = line.purchase.recorded(&identity, &line.instrument, self.today);
        recorded.map_err(|mistakes| ServiceError::fault("a checked row failed", format!("{mistakes:?}")))
    }

    /// The same row of the same import has the same id, whichever request imports it.
    pub(super) fn id_of(&self, row: usize, started_at: DateTime<Utc>) -> Uuid {
        let hash = Sha256::digest(format!("{}#{}#{row}", self.portfolio, self.sha256));
        let mut random = [0; 10];
        random.copy_from_slice(&hash[..10]);
        let ms = u64::try_from(started_at.timestamp_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
    }

    pub(super) fn refuse_invalid(&self) -> Result<(), ServiceError> {
        let invalid = || {
            let numbered = self.rows.iter().zip(1..);
            numbered.filter_map(|(checked, row)| Some((row, checked.line, checked.content.as_ref().err()?)))
        };
        let count = invalid().count();
        if count == 0 {
            return Ok(());
        }
        let errors = invalid().flat_map(|(row, line, mistakes)| {
            mistakes.iter().map(move |(field, detail)| RowError { row, line, field, detail: detail.clone() })
        });
        Err(ServiceError::InvalidRows { count, errors: errors.take(MAX_LISTED).collect() })
    }
}
