//! One step of a history: activities that are recorded, or one that is corrected or removed.

use std::collections::BTreeSet;

use app::error::ServiceError;
use domain::{CustomerId, Symbol};
use ledger::Activity;
use market_data::{MarketData, custom_instruments};
use store::{Write, documents, keys};

use super::History;
use super::conflicts::refuse_missing_units;
use super::positions::load_splits;
use super::reversals::refuse_wrong_reversal;
use crate::portfolios;

/// A change of a history.
pub(crate) struct Step<'a> {
    /// The activity that is corrected or removed.
    pub before: Option<&'a Activity>,
    /// The corrected activity, or those that are recorded; nothing if one is removed.
    pub after: &'a [Activity],
}

impl Step<'_> {
    fn activities(&self) -> impl Iterator<Item = &Activity> {
        self.before.into_iter().chain(self.after)
    }
}

/// The writes of a step, which is applied to `history`.
///
/// Errors: [`ServiceError::PortfolioClosed`], [`ServiceError::LimitReached`], [`ServiceError::RecordedUnitsMissing`],
/// [`ServiceError::HistoryConflict`].
pub(crate) async fn prepare_writes(
    market: &MarketData,
    customer: CustomerId,
    history: &mut History,
    step: &Step<'_>,
) -> Result<Vec<Write>, ServiceError> {
    let (app, portfolio) = (&market.app, history.portfolio());
    let held = portfolios::load(app, customer, portfolio).await?;
    // Even a removal can leave units: that of a sale does.
    held.require_open()?;
    let before = history.clone();
    match (step.before, step.after) {
        (None, activities) => history.append(activities.to_vec())?,
        (Some(activity), []) => history.remove(activity.id),
        (Some(_), [activity, ..]) => history.replace(activity.clone()),
    }
    // What brings units is replayed too: it must not make the history larger than the ledger can hold.
    let touched: BTreeSet<Symbol> = step
        .activities()
        .filter(|activity| activity.event.is_of_units())
        .filter_map(Activity::symbol)
        .cloned()
        .collect();
    let of_touched = |history: &History| -> Vec<Activity> {
        let is_touched = |activity: &&Activity| activity.symbol().is_some_and(|symbol| touched.contains(symbol));
        history.activities().filter(is_touched).cloned().collect()
    };
    let (old, new) = (of_touched(&before), of_touched(history));
    let splits = load_splits(market, old.iter().chain(&new), market.budget_for(customer)).await?;
    let (old, new): (Vec<_>, Vec<_>) = (old.iter().collect(), new.iter().collect());
    let changed = step.after.first().map(|activity| activity.id);
    refuse_wrong_reversal(step.before, step.after, history)?;
    refuse_missing_units(&old, &new, &splits, held.record.portfolio.lot_method, changed)?;
    let mut writes = history.writes()?;
    if let Some(day) = step.activities().map(|activity| activity.date).min() {
        writes.push(held.unchanged_but_dirty_from(day)?);
    }
    if let Some(before) = step.before {
        let key = keys::activity_version(portfolio, before.id, before.version);
        writes.push(Write::create(key.clone(), documents::body(&key, before)?));
    }
    let held = step.after.iter().filter_map(|activity| {
        Some((activity.symbol()?, Some(activity.currency()).filter(|_| activity.event.is_of_units())))
    });
    writes.extend(custom_instruments::assert_unchanged(app, customer, held).await?);
    Ok(writes)
}
