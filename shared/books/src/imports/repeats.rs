//! Which rows of a file say what is there already: each stored investment answers for one row.

use std::collections::{HashMap, HashSet, VecDeque};

use app::error::{MAX_LISTED, RowMistake, ServiceError};
use domain::Investment;
use uuid::Uuid;

use super::file::{Duplicates, File, Line, Progress};
use super::report::SameAs;
use crate::investments::Purchase;

/// What the rows of a file repeat.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// Rows that an earlier import of this very file brought in or left out, and whose lots, or those that answered for
    /// them, are still there, changed or not.
    own: HashMap<usize, Uuid>,
    /// Other rows, by the investment that answers for each.
    others: HashMap<usize, Uuid>,
    /// Rows that say what an earlier row says.
    rows: HashMap<usize, usize>,
}

impl Repeats {
    /// What the rows repeat, given everything that is stored and how far an import of this file had come.
    pub(super) fn of(file: &File, stored: &[Investment], earlier: Option<&Progress>) -> Self {
        let ids: HashSet<Uuid> = stored.iter().map(|investment| investment.id).collect();
        let brought_in = earlier.into_iter().flat_map(|progress| {
            let rows = file.importable(progress).take(progress.done).map(|line| line.row);
            rows.map(|row| (row, file.id_of(row, progress.started_at)))
        });
        let left_out = earlier.and_then(|progress| progress.answered_by.as_ref()).into_iter().flatten();
        let settled = brought_in.chain(left_out.map(|(row, id)| (*row, *id)));
        let own: HashMap<usize, Uuid> = settled.filter(|(_, id)| ids.contains(id)).collect();
        let taken: HashSet<Uuid> = own.values().copied().collect();
        let mut free: HashMap<_, VecDeque<Uuid>> = HashMap::new();
        for investment in stored.iter().filter(|investment| !taken.contains(&investment.id)) {
            free.entry(said(&Purchase::from(investment))).or_default().push_back(investment.id);
        }
        let mut repeats = Self { own, ..Self::default() };
        let mut first_rows = HashMap::new();
        for Line { row, purchase, .. } in file.valid() {
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

    /// Whether everything is still there of an earlier import of the file: its lots, and those that answer for the rows
    /// that were left out. Where the import does not name these, its word stands.
    pub(super) fn bear_out(&self, file: &File, earlier: &Progress) -> bool {
        let named = earlier.answered_by.iter().flat_map(|answered_by| answered_by.keys().copied());
        let brought_in = file.importable(earlier).take(earlier.done).map(|line| line.row);
        brought_in.chain(named).all(|row| self.own.contains_key(&row))
    }

    /// The rows that an investment answers for, in the order of the file.
    pub(super) fn duplicates(&self) -> Vec<(usize, Uuid)> {
        let mut rows: Vec<_> = self.own.iter().chain(&self.others).map(|(&row, &id)| (row, id)).collect();
        rows.sort_unstable();
        rows
    }

    /// What says the same as a row; a lot that the row itself became does not count.
    pub(super) fn same_as(&self, row: usize, became: Option<Uuid>) -> SameAs {
        let answering = self.own.get(&row).or_else(|| self.others.get(&row)).copied();
        SameAs { row: self.rows.get(&row).copied(), investment: answering.filter(|id| Some(*id) != became) }
    }

    /// Refuses a file with rows of which it must still be decided what becomes of them.
    pub(super) fn refuse(&self, file: &File, decided: Duplicates) -> Result<(), ServiceError> {
        let duplicates = self.duplicates();
        if duplicates.is_empty() || decided != Duplicates::Ask {
            return Ok(());
        }
        let mistake = |&(row, id): &(usize, Uuid)| RowMistake {
            row,
            line: file.line_of(row),
            field: "row",
            detail: format!("the investment {id} says the same"),
        };
        let errors = duplicates.iter().take(MAX_LISTED).map(mistake).collect();
        Err(ServiceError::DuplicateRows { count: duplicates.len(), errors })
    }
}

/// What makes two purchases the same.
fn said(purchase: &Purchase) -> impl Eq + std::hash::Hash + use<> {
    let Purchase { ticker_symbol, quantity, purchase_price, purchase_date, fee, .. } = purchase;
    (ticker_symbol.clone(), *quantity, purchase_price.amount(), *purchase_date, fee.normalize())
}
