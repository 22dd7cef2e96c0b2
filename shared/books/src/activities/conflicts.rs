//! Whether a change leaves every sale, transfer and adjustment its units.

use std::collections::BTreeMap;

use app::error::ServiceError;
use domain::{Day, LotMethod, Split, Symbol};
use ledger::recorded::Shortage;
use ledger::{Activity, Refusal};
use uuid::Uuid;

use super::positions::by_instrument;

/// Refuses a change of a history after which an activity lacks units that it had before. Shortages that were there
/// before the change, because a split became known, are not its fault.
///
/// `changed` is the activity that is recorded or corrected.
///
/// Errors: [`ServiceError::RecordedUnitsMissing`] if that one lacks units itself, [`ServiceError::HistoryConflict`] if a
/// later one does.
pub(super) fn refuse_missing_units(
    before: &[&Activity],
    after: &[&Activity],
    splits: &BTreeMap<Symbol, Vec<Split>>,
    method: LotMethod,
    changed: Option<Uuid>,
) -> Result<(), ServiceError> {
    let found = shortages(after, splits, method)?;
    if found.is_empty() {
        return Ok(());
    }
    // A history that the ledger cannot hold since a split became known has no known shortages, and can be mended.
    let known = shortages(before, splits, method).unwrap_or_default();
    for (symbol, shortage) in found.into_values() {
        let Shortage { activity_id, day, held, needed, lot_id } = shortage;
        if known.get(&activity_id).is_some_and(|(_, before)| is_no_worse(&shortage, before)) {
            continue;
        }
        return Err(match lot_id {
            Some(lot_id) if changed == Some(activity_id) => ServiceError::Field {
                field: "lots",
                detail: format!("{held} units of the lot {lot_id} are held on {day}, but {needed} are named"),
            },
            _ if changed == Some(activity_id) => ServiceError::RecordedUnitsMissing { symbol, day, held, needed },
            _ => ServiceError::HistoryConflict { symbol, activity_id, day, held, needed },
        });
    }
    Ok(())
}

/// Whether a removal lacks no more units than it did.
fn is_no_worse(now: &Shortage, before: &Shortage) -> bool {
    let lacking = |shortage: &Shortage| shortage.needed.minus(shortage.held).ok();
    now.lot_id == before.lot_id && lacking(now) <= lacking(before)
}

/// The first shortage of each activity that lacks units.
fn shortages(
    activities: &[&Activity],
    splits: &BTreeMap<Symbol, Vec<Split>>,
    method: LotMethod,
) -> Result<BTreeMap<Uuid, (Symbol, Shortage)>, Refusal> {
    let mut all = BTreeMap::new();
    for (symbol, of) in by_instrument(activities.iter().copied()) {
        let market = splits.get(symbol).map_or(&[][..], Vec::as_slice);
        let (position, _) = of.replay(symbol, market, method, Day::LAST)?;
        for shortage in position.shortages {
            all.entry(shortage.activity_id).or_insert((symbol.clone(), shortage));
        }
    }
    Ok(all)
}
