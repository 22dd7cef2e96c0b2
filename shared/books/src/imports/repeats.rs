//! Finds the rows of a file that already exist: each stored investment matches one row.

use std::collections::{HashMap, HashSet, VecDeque};

use app::error::{MAX_LISTED, RowError, ServiceError};
use uuid::Uuid;

use super::file::{CheckedFile, Duplicates, ImportProgress, ImportableRow};
use super::report::RowMatch;
use crate::investments::{Purchase, RecordedInvestment};

/// The repeats among the rows of a file.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// Rows that an earlier import of this same file added or left out, and whose lots, or those that matched them,
    /// still exist, changed or not.
    own: HashMap<usize, Uuid>,
    /// Other rows, by the investment that matches each.
    others: HashMap<usize, Uuid>,
    /// Rows equal to an earlier row.
    rows: HashMap<usize, usize>,
}

impl Repeats {
    /// The repeats among the rows, given everything that is stored and the progress of an import of this file.
    pub(super) fn of(file: &CheckedFile, stored: &[RecordedInvestment<'_>], earlier: Option<&ImportProgress>) -> Self {
        let ids: HashSet<Uuid> = stored.iter().map(|investment| investment.activity.id).collect();
        let brought_in = earlier.into_iter().flat_map(|progress| {
            let rows = file.importable(progress).take(progress.done).map(|line| line.row);
            rows.map(|row| (row, file.id_of(row, progress.started_at)))
        });
        let left_out = earlier.and_then(|progress| progress.answered_by.as_ref()).into_iter().flatten();
        let settled = brought_in.chain(left_out.map(|(row, id)| (*row, *id)));
        let own: HashMap<usize, Uuid> = settled.filter(|(_, id)| ids.contains(id)).collect();
        let taken: HashSet<Uuid> = own.values().copied().collect();
        let mut free: HashMap<_, VecDeque<Uuid>> = HashMap::new();
        for investment in stored.iter().filter(|investment| !taken.contains(&investment.activity.id)) {
            free.entry(said(&Purchase::of(investment))).or_default().push_back(investment.activity.id);
        }
        let mut repeats = Self { own, ..Self::default() };
        let mut first_rows = HashMap::new();
        for ImportableRow { row, purchase, .. } in file.valid() {
            let said = said(purchase);
            if !repeats.own.contains_key(row)
                && let Some(id) = free.get_mut(&said).and_then(VecDeque::pop_front)
            {
                repeats.others.insert(*row, id);
            }
            let first = *first_rows.entry(said).or_insert(*row);
            if first != *row {
                repeats.rows.insert(*row, first);
            }
        }
        repeats
    }

    /// Whether everything of an earlier import of the file still exists: its lots, and those that matched the rows left
    /// out. If the import does not name these, it is believed.
    pub(super) fn bear_out(&self, file: &CheckedFile, earlier: &ImportProgress) -> bool {
        let named = earlier.answered_by.iter().flat_map(|answered_by| answered_by.keys().copied());
        let brought_in = file.importable(earlier).take(earlier.done).map(|line| line.row);
        brought_in.chain(named).all(|row| self.own.contains_key(&row))
    }

    /// The rows that an investment matches, in the order of the file.
    pub(super) fn duplicates(&self) -> Vec<(usize, Uuid)> {
        let mut rows: Vec<_> = self.own.iter().chain(&self.others).map(|(&row, &id)| (row, id)).collect();
        rows.sort_unstable();
        rows
    }

    /// The match of a row; a lot that the row itself became does not count.
    pub(super) fn same_as(&self, row: usize, became: Option<Uuid>) -> RowMatch {
        let answering = self.own.get(&row).or_else(|| self.others.get(&row)).copied();
        RowMatch { row: self.rows.get(&row).copied(), investment: answering.filter(|id| Some(*id) != became) }
    }

    /// Refuses a file with rows that still need a decision.
    pub(super) fn refuse(&self, file: &CheckedFile, decided: Duplicates) -> Result<(), ServiceError> {
        let duplicates = self.duplicates();
        if duplicates.is_empty() || decided != Duplicates::Ask {
            return Ok(());
        }
        let mistake = |&(row, id): &(usize, Uuid)| RowError {
            row,
            line: file.line_of(row),
            field: "row",
            detail: format!("is the same as investment {id}"),
        };
        let errors = duplicates.iter().take(MAX_LISTED).map(mistake).collect();
        Err(ServiceError::DuplicateRows { count: duplicates.len(), errors })
    }
}

/// The fields that make two purchases the same.
fn said(purchase: &Purchase) -> impl Eq + std::hash::Hash + use<> {
    let Purchase { ticker_symbol, quantity, purchase_price, purchase_date, fee, .. } = purchase;
    (ticker_symbol.clone(), *quantity, purchase_price.amount(), *purchase_date, fee.normalize())
}
